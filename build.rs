//! Tells the binaries where libtorch lies and the library where set-up puts things.

use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = "2.11.0";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for name in ["LIBTORCH", "LIBTORCH_LIB", "LIBTORCH_USE_PYTORCH"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let crate_folder = PathBuf::from(env("CARGO_MANIFEST_DIR"));
    println!("cargo:rustc-env=BUILT_DEPS_FOLDER={}", crate_folder.join(".deps").display());
    let mut version = String::new();
    let mut cuda = false;
    if std::env::var_os("CARGO_FEATURE_TORCH").is_some() {
        let libraries = libtorch_libraries(&crate_folder);
        version = version_beside(&libraries).unwrap_or_else(|| VERSION.to_owned());
        cuda = libraries.join("libtorch_cuda.so").exists();
        // Only what really uses libtorch loads it; `emolab` itself must not, since loading takes 0.2 s.
        println!("cargo:rustc-link-arg=-Wl,--as-needed");
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libraries.display());
    }
    println!("cargo:rustc-env=BUILT_LIBTORCH_VERSION={version}");
    println!("cargo:rustc-env=BUILT_LIBTORCH_CUDA={}", u8::from(cuda));
}

/// The folder of `libtorch_cpu.so`, found the way torch-sys finds it.
fn libtorch_libraries(crate_folder: &Path) -> PathBuf {
    let libraries = if std::env::var_os("LIBTORCH_USE_PYTORCH").is_some() {
        let program = "import os, torch; print(os.path.join(os.path.dirname(torch.__file__), 'lib'))";
        let output = Command::new("python3").args(["-c", program]).output();
        let path = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
        path.map(|path| PathBuf::from(String::from_utf8_lossy(&path).trim()))
    } else {
        let named = std::env::var_os("LIBTORCH_LIB").or_else(|| std::env::var_os("LIBTORCH"));
        named.map(|prefix| crate_folder.join(prefix).join("lib"))
    };
    match libraries {
        Some(libraries) if libraries.join("libtorch_cpu.so").exists() => libraries,
        found => {
            let looked = found.map_or_else(|| "nowhere".to_owned(), |path| path.display().to_string());
            println!("cargo:warning=no libtorch was found (looked in: {looked})");
            println!(
                "cargo:warning=run `just setup`, or set LIBTORCH or LIBTORCH_USE_PYTORCH=1 to one of your own,"
            );
            println!("cargo:warning=or build without CNNs: cargo build --release --no-default-features");
            std::process::exit(1);
        }
    }
}

fn version_beside(libraries: &Path) -> Option<String> {
    let text = std::fs::read_to_string(libraries.parent()?.join("build-version")).ok()?;
    Some(text.trim().to_owned()).filter(|version| !version.is_empty())
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
