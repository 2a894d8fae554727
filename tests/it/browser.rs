//! A headless Chromium, driven by the `DevTools` protocol over a pair of pipes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const PATIENCE: Duration = Duration::from_secs(120);

/// One page in a browser of its own.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    calls: u64,
    session: Option<String>,
    problems: Vec<String>,
    loaded: bool,
    _profile: TempDir,
    _turn: std::fs::File,
}

/// The browser: `EMOLAB_BROWSER`, or one on the path.
fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("EMOLAB_BROWSER") {
        return Some(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}

impl Browser {
    /// Starts one; `None` where there is none, which is an error where `EMOLAB_BROWSER_REQUIRED` is set.
    pub fn start() -> Option<Self> {
        let Some(program) = program() else {
            assert!(std::env::var_os("EMOLAB_BROWSER_REQUIRED").is_none(), "no Chromium was found");
            let said =
                "SKIPPED: no Chromium was found; install it (Debian, Ubuntu: apt-get install chromium)";
            let _ = writeln!(std::io::stderr(), "{said}");
            return None;
        };
        // Several at once starve each other on a small machine.
        let turn =
            std::fs::File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser.lock")).unwrap();
        turn.lock().unwrap();
        let profile = tempfile::tempdir().unwrap();
        // Chromium reads commands from descriptor 3 and writes answers to 4, each ended by a zero byte.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null"])
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .env_remove("http_proxy")
            .env_remove("HTTP_PROXY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (to, mut answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let (sender, from) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while answers.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                if let Ok(value) = serde_json::from_slice(&message)
                    && sender.send(value).is_err()
                {
                    return;
                }
                message.clear();
            }
        });
        let (problems, session) = (Vec::new(), None);
        let mut browser = Self {
            child,
            to,
            from,
            calls: 0,
            session,
            problems,
            loaded: false,
            _profile: profile,
            _turn: turn,
        };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attached = browser
            .call("Target.attachToTarget", &json!({ "targetId": target["targetId"], "flatten": true }));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let answer = self.next(method);
            if answer["id"] == id {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    fn next(&mut self, waiting_for: &str) -> Value {
        let message = self.from.recv_timeout(PATIENCE);
        let message = message.unwrap_or_else(|error| panic!("waiting for {waiting_for}: {error}"));
        let parameters = &message["params"];
        match message["method"].as_str().unwrap_or_default() {
            "Page.loadEventFired" => self.loaded = true,
            "Runtime.exceptionThrown" => self.problems.push(parameters["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled"
                if ["error", "warning", "assert"]
                    .contains(&parameters["type"].as_str().unwrap_or_default()) =>
            {
                self.problems.push(parameters["args"].to_string());
            }
            "Log.entryAdded" if parameters["entry"]["level"] != "verbose" => {
                self.problems.push(parameters["entry"].to_string());
            }
            "Network.loadingFailed" => self.problems.push(parameters.to_string()),
            _ => {}
        }
        message
    }

    /// Loads an address in a window of that width.
    pub fn open(&mut self, url: &str, width: u32, scheme: &str) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", &json!({ "features": features }));
        self.loaded = false;
        self.call("Page.navigate", &json!({ "url": url }));
        while !self.loaded {
            self.next("the page to load");
        }
    }

    /// Loads a file.
    pub fn open_file(&mut self, path: &Path, width: u32, scheme: &str) {
        self.open(&format!("file://{}", path.display()), width, scheme);
    }

    /// The value of a script.
    pub fn evaluate(&mut self, script: &str) -> Value {
        let parameters = json!({ "expression": script, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", &parameters);
        assert!(answer.get("exceptionDetails").is_none(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until a script is true.
    pub fn wait_for(&mut self, script: &str) {
        let deadline = std::time::Instant::now() + PATIENCE;
        while self.evaluate(script) != true {
            assert!(std::time::Instant::now() < deadline, "never: {script}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "Tab" => 9,
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            other => panic!("the key {other}"),
        };
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = text.into();
            }
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// What the console said since it was last asked: errors, warnings, what was refused or did not load.
    pub fn problems(&mut self) -> Vec<String> {
        // Whatever was said before this answer has arrived with it.
        self.evaluate("0");
        std::mem::take(&mut self.problems)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
