//! `emolab serve`: what it shows, what it refuses, and how it ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::browser::Browser;
use crate::harness::Project;
use crate::page::{finished, with_images};

const FILE: &str = "experiments/mine.toml";

struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(project: &Project) -> Self {
        Self::start_with(project, &[])
    }

    fn start_with(project: &Project, arguments: &[&str]) -> Self {
        let mut child = project.start(&[&["serve", "--port", "0", "--json"], arguments].concat());
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        while !text.contains('}') {
            assert!(out.read_line(&mut text).unwrap() > 0, "it says where it listens");
        }
        let said: serde_json::Value = serde_json::from_str(&text).unwrap();
        let address = said["url"].as_str().unwrap().trim_start_matches("http://").trim_end_matches('/');
        Self { address: address.to_owned(), child }
    }

    /// Sends a request as it is and reads the answer to its end.
    fn ask(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: bytes[end + 4..].to_vec() }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address))
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

#[test]
fn runs_files_and_images_are_shown_as_what_they_are() {
    let project = finished();
    let serving = Serving::start(&project);
    let index = serving.get("/");
    assert!(index.status == 200 && index.text().contains("href=\"/run/mine\""), "{index:?}");
    let page = serving.get("/run/mine");
    assert!(page.status == 200 && page.text().contains("My features"));
    for answer in [&index, &page] {
        assert_eq!(answer.header("Content-Type"), Some("text/html; charset=utf-8"));
        let policy = answer.header("Content-Security-Policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
    let figure = serving.get("/results/mine/figure.svg");
    assert_eq!(figure.body, project.bytes("results/mine/figure.svg"));
    assert_eq!(figure.header("Content-Type"), Some("image/svg+xml"));
    assert!(figure.header("Content-Security-Policy").unwrap().contains("sandbox"));
    let table = serving.get("/results/mine/predictions.parquet");
    assert_eq!(table.header("Content-Disposition"), Some("attachment"));
    let image = serving.get("/image/mine/0");
    assert_eq!((image.status, image.header("Content-Type")), (200, Some("image/png")));
    for answer in [index, page, figure, table, image] {
        assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
    }
}

#[test]
fn head_is_answered_without_a_body_and_nothing_is_changed_by_other_methods() {
    let project = finished();
    let serving = Serving::start(&project);
    let host = &serving.address;
    let head = serving.ask(&format!("HEAD /run/mine HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
    assert_eq!((head.status, head.body.len()), (200, 0));
    let before = project.snapshot("results");
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request = format!(
            "{method} /results/mine/run.json HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"
        );
        let refused = serving.ask(&request);
        assert_eq!((refused.status, refused.header("Allow")), (405, Some("GET, HEAD")), "{method}");
    }
    assert_eq!(project.snapshot("results"), before);
}

#[test]
fn nothing_outside_results_and_data_is_readable() {
    let project = finished();
    project.write("secret.json", b"the secret");
    project.write("results/secret.json", b"the secret");
    project.write("results/mine/.hidden.json", b"the secret");
    let root = project.path();
    symlink(root.join("secret.json"), root.join("results/mine/link.json")).unwrap();
    symlink("../../secret.json", root.join("results/mine/relative.json")).unwrap();
    symlink(root, root.join("results/away")).unwrap();
    std::fs::create_dir_all(root.join("elsewhere")).unwrap();
    std::fs::copy(root.join("results/mine/run.json"), root.join("elsewhere/run.json")).unwrap();
    symlink(root.join("elsewhere"), root.join("results/linked")).unwrap();
    let serving = Serving::start(&project);
    for path in [
        "/secret.json",
        "/../secret.json",
        "/results/../secret.json",
        "/results/mine/../../secret.json",
        "/results/mine/..%2f..%2fsecret.json",
        "/results/mine/%2e%2e/%2e%2e/secret.json",
        "/results/mine/%2e%2e%2f%2e%2e%2fsecret.json",
        "/results/mine/%252e%252e%252fsecret.json",
        "/results/mine/..%5c..%5csecret.json",
        "/results/%2e%2e/secret.json",
        "/results/secret.json",
        "/results/./secret.json",
        "/results/mine/link.json",
        "/results/mine/relative.json",
        "/results/mine/.hidden.json",
        "/results/away/secret.json",
        "/results/linked/run.json",
        "/run/linked",
        "/run/away",
        "/results/mine/secret.json%00.svg",
        "/results//etc/passwd",
        "//etc/passwd",
        "/image/mine/96",
        "/image/mine/..%2f0",
        "/image/linked/0",
        "/experiments/mine.toml",
        "/.emolab/CACHEDIR.TAG",
    ] {
        let answer = serving.get(path);
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert!(!answer.text().contains("secret"), "{path}");
    }
    assert!(!serving.get("/").text().contains("linked"));
}

#[test]
fn an_image_that_is_another_file_now_is_not_shown() {
    let project = finished();
    let predictions = Serving::start(&project);
    let shown = |serving: &Serving| {
        (0..96).filter(|at| serving.get(&format!("/image/mine/{at}")).status == 200).count()
    };
    assert_eq!(shown(&predictions), 96);
    std::fs::remove_file(project.path().join("my/awe/3.jpg")).unwrap();
    symlink("/etc/passwd", project.path().join("my/awe/3.jpg")).unwrap();
    project.write("my/awe/4.jpg", b"root:x:0:0:no image at all");
    project.write("outside.png", &project.bytes("my/awe/5.jpg"));
    std::fs::remove_file(project.path().join("my/awe/5.jpg")).unwrap();
    symlink("../../outside.png", project.path().join("my/awe/5.jpg")).unwrap();
    assert_eq!(shown(&predictions), 93);
}

#[test]
fn a_request_in_another_hosts_name_is_refused() {
    let project = finished();
    let serving = Serving::start(&project);
    let port = serving.address.rsplit(':').next().unwrap();
    let status =
        |host: &str| serving.ask(&format!("GET / HTTP/1.1\r\n{host}Connection: close\r\n\r\n")).status;
    for right in ["localhost", "127.0.0.1", "[::1]"] {
        assert_eq!(status(&format!("Host: {right}:{port}\r\n")), 200, "{right}");
    }
    for wrong in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", ""] {
        assert_eq!(status(&format!("Host: {wrong}:{port}\r\n")), 421, "{wrong}");
    }
    assert_eq!(status(""), 421, "no host at all");
}

/// All of 127.0.0.0/8 is this machine, so that what listens on 127.0.0.1 alone is told from what listens everywhere.
#[cfg(target_os = "linux")]
#[test]
fn it_listens_on_loopback_alone_unless_told_otherwise() {
    let project = finished();
    let reached = |serving: &Serving| {
        let port: u16 = serving.address.rsplit(':').next().unwrap().parse().unwrap();
        ["127.0.0.1", "127.0.0.2"].map(|host| TcpStream::connect((host, port)).is_ok())
    };
    assert_eq!(reached(&Serving::start(&project)), [true, false]);
    assert_eq!(reached(&Serving::start_with(&project, &["--host", "0.0.0.0"])), [true, true]);
}

#[test]
fn a_run_is_followed_while_it_goes_on_and_leaves_nothing_behind() {
    let project = with_images();
    let serving = Serving::start(&project);
    let mut stream = TcpStream::connect(&serving.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", serving.address).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "HTTP/1.1 200 OK");
    let mut states = lines.filter_map(|line| {
        line.strip_prefix("data: ").map(|data| serde_json::from_str::<serde_json::Value>(data).unwrap())
    });
    assert_eq!(states.next().unwrap(), serde_json::json!({ "running": [], "results": {} }));

    // Long enough to be seen at work, however fast the machine.
    let arguments = ["run", FILE, "--set", "split.repeats=400"];
    let mut run = project.start(&arguments);
    let seen = states.find(|state| state["running"][0]["running"][0]["label"].is_string()).unwrap();
    let shown = &seen["running"][0];
    assert_eq!(shown["experiment"], "mine");
    assert!(shown["to_compute"].as_u64().unwrap() > 5, "{shown}");
    run.kill().unwrap();
    run.wait().unwrap();
    // What the killed run left is taken for what it is.
    states.find(|state| state["running"] == serde_json::json!([])).unwrap();
    assert_eq!(project.snapshot(".emolab/v1/live").len(), 0);

    project.must(&["run", FILE]);
    let finished = states.find(|state| state["results"]["mine"].is_string()).unwrap();
    assert_eq!(finished["results"].as_object().unwrap().len(), 1);
    assert_eq!(project.snapshot(".emolab/v1/live").len(), 0);
    // A run that computes nothing says nothing.
    project.must(&["run", FILE]);
}

#[test]
fn it_ends_at_once_even_while_somebody_listens() {
    let project = finished();
    for signal in [Signal::INT, Signal::TERM] {
        let mut serving = Serving::start(&project);
        let mut stream = TcpStream::connect(&serving.address).unwrap();
        write!(stream, "GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", serving.address).unwrap();
        stream.read_exact(&mut [0; 12]).unwrap();
        let start = Instant::now();
        serving.signal(signal);
        let status = serving.child.wait().unwrap();
        assert_eq!(status.code(), Some(0));
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    }
}

#[test]
fn a_taken_port_and_a_strange_host_are_said() {
    let project = finished();
    let serving = Serving::start(&project);
    let port = serving.address.rsplit(':').next().unwrap();
    let taken = project.emolab(&["serve", "--port", port]);
    assert_eq!(taken.code, 2, "{}", taken.err);
    assert!(taken.err.contains(port) && taken.err.contains("--port 0"), "{}", taken.err);
    let strange = project.emolab(&["serve", "--host", "no such host"]);
    assert_eq!(strange.code, 2, "{}", strange.err);
    assert!(strange.err.contains("no such host"), "{}", strange.err);
}

#[test]
fn in_a_browser_it_follows_a_run_and_shows_images_in_full_size() {
    let Some(mut browser) = Browser::start() else { return };
    let project = finished();
    let serving = Serving::start(&project);
    let url = |path: &str| format!("http://{}{path}", serving.address);
    for width in [360, 1440] {
        browser.open(&url("/"), width, "light");
        browser.wait_for("document.getElementById('live').textContent === 'Nothing runs.'");
        assert_eq!(browser.evaluate("document.documentElement.scrollWidth"), width);
        assert_eq!(browser.problems(), [""; 0]);
    }
    browser.open(&url("/run/mine"), 1440, "light");
    browser.evaluate("document.querySelector('button[data-label]').click()");
    let fetched = browser.evaluate(
        "fetch(document.querySelector('#images-list a').href).then((answer) => answer.headers.get('content-type'))",
    );
    assert_eq!(fetched, "image/png");
    browser.evaluate("document.getElementById('images').close()");
    assert_eq!(browser.problems(), [""; 0]);
    // Other results, and the page loads itself again.
    browser.evaluate("globalThis.before = true");
    project.must(&["run", FILE, "--set", "svm.c=7.5"]);
    browser.wait_for("globalThis.before === undefined && document.readyState === 'complete'");
    assert_eq!(browser.evaluate("document.body.textContent.includes('C = 7.5')"), true);
}
