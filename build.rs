//! Tells the binaries where libtorch lies and the library where set-up puts things.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What `tch` is written for; torch-sys refuses any other.
const VERSION: &str = "2.11.0";

/// A libtorch of the user's or of set-up's.
struct Libtorch {
    libraries: PathBuf,
    version: String,
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for name in ["LIBTORCH", "LIBTORCH_LIB", "LIBTORCH_USE_PYTORCH", "VIRTUAL_ENV"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let crate_folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    println!("cargo:rustc-env=BUILT_DEPS_FOLDER={}", crate_folder.join(".deps").display());
    let mut version = String::new();
    let mut cuda = false;
    if std::env::var_os("CARGO_FEATURE_TORCH").is_some() {
        let libtorch = if std::env::var_os("LIBTORCH_USE_PYTORCH").is_some() {
            of_pytorch()
        } else {
            of_prefix(&crate_folder)
        };
        let libtorch = libtorch.unwrap_or_else(|reason| refuse(&reason));
        cuda = libtorch.libraries.join("libtorch_cuda.so").exists();
        version = libtorch.version;
        link(&libtorch.libraries, cuda);
    }
    println!("cargo:rustc-env=BUILT_LIBTORCH_VERSION={version}");
    println!("cargo:rustc-env=BUILT_LIBTORCH_CUDA={}", u8::from(cuda));
}

/// The libtorch under `LIBTORCH`, which .cargo/config.toml sets to set-up's where the user has not.
fn of_prefix(crate_folder: &Path) -> Result<Libtorch, String> {
    let named = std::env::var_os("LIBTORCH_LIB").or_else(|| std::env::var_os("LIBTORCH"));
    let prefix = crate_folder.join(named.ok_or("LIBTORCH is not set")?);
    let libraries = prefix.join("lib");
    if !libraries.join("libtorch_cpu.so").exists() {
        return Err(format!("{} holds no libtorch_cpu.so", libraries.display()));
    }
    let file = prefix.join("build-version");
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    if !written.is_empty() {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    let version = if written.trim().is_empty() { VERSION } else { written.trim() };
    Ok(Libtorch { libraries, version: version.to_owned() })
}

/// The libtorch inside the Python package `torch`, asked of the Python that torch-sys asks.
fn of_pytorch() -> Result<Libtorch, String> {
    let python = if std::env::var_os("VIRTUAL_ENV").is_some() { "python" } else { "python3" };
    let program = "import os, torch; print(torch.__version__); print(os.path.dirname(torch.__file__))";
    let output = Command::new(python).args(["-c", program]).output();
    let output = output.map_err(|error| format!("LIBTORCH_USE_PYTORCH is set, but `{python}`: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().collect::<Vec<_>>()[..] {
        [version, package] => {
            Ok(Libtorch { libraries: Path::new(package).join("lib"), version: version.to_owned() })
        }
        _ => Err(format!("LIBTORCH_USE_PYTORCH is set, but `{python}` cannot import torch")),
    }
}

/// Only what really uses libtorch may load it: `emolab` itself must not, since loading takes 0.2 s.
fn link(libraries: &Path, cuda: bool) {
    println!("cargo:rustc-link-arg=-Wl,--as-needed");
    // In two pieces each, since a folder's name may hold a comma.
    for piece in ["-rpath", &libraries.display().to_string()] {
        println!("cargo:rustc-link-arg=-Xlinker");
        println!("cargo:rustc-link-arg={piece}");
    }
    if cuda {
        // No symbol of it is named; it registers its devices when it is loaded.
        println!("cargo:rustc-link-arg-bin=emolab-torch=-Wl,--no-as-needed");
        println!("cargo:rustc-link-arg-bin=emolab-torch=-ltorch_cuda");
        println!("cargo:rustc-link-arg-bin=emolab-torch=-Wl,--as-needed");
    }
}

#[expect(clippy::print_stderr, reason = "cargo shows what a failed build script wrote there")]
fn refuse(reason: &str) -> ! {
    eprintln!("error: no libtorch {VERSION} was found: {reason}");
    eprintln!("run `just setup`, or set LIBTORCH or LIBTORCH_USE_PYTORCH=1 to one of your own,");
    eprintln!("or build without CNNs: cargo build --release --no-default-features");
    std::process::exit(1);
}
