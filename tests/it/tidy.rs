//! The shape of the source: each layer imports only those below it, and libraries stay behind their fences.

use std::path::{Path, PathBuf};

/// Modules in the order of `src/lib.rs`: a group may use itself and the groups before it.
const LAYERS: [&[&str]; 12] = [
    &["fs", "paper", "types"],
    &["store"],
    &["stage"],
    &["dataset", "figures", "images", "metrics", "networks", "solvers", "split"],
    &["stages"],
    &["config"],
    &["plan"],
    &["run"],
    &["results"],
    &["parity"],
    &["report"],
    &["error", "cli"],
];

/// A library and the modules that may name it.
const FENCES: [(&str, &[&str]); 12] = [
    ("tch::", &["networks"]),
    ("linfa", &["solvers"]),
    ("plotters::", &["figures"]),
    ("svg2pdf::", &["figures"]),
    ("resvg::", &["figures", "dataset"]),
    ("polars::", &["stages", "dataset"]),
    ("blake3::", &["store", "split"]),
    ("figment::", &["config"]),
    ("indicatif::", &["cli"]),
    ("clap::", &["cli"]),
    ("minijinja::", &["report"]),
    ("tiny_http::", &["report"]),
];

fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative = path.strip_prefix(&root).unwrap();
                let first = relative.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
                let text = std::fs::read_to_string(&path).unwrap();
                sources.push((first.trim_end_matches(".rs").to_owned(), path, text));
            }
        }
    }
    sources
}

/// Code without comments and without the tests at its end.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    code.lines().map(|line| line.split("//").next().unwrap_or(line))
}

#[test]
fn each_layer_uses_only_those_below_it() {
    let layer = |module: &str| LAYERS.iter().position(|group| group.contains(&module));
    for (module, path, text) in sources() {
        let Some(own) = layer(&module) else { continue };
        for line in code(&text) {
            for used in line.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let Some(other) = layer(&used) else { continue };
                assert!(other < own || LAYERS[own].contains(&used.as_str()), "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn libraries_stay_behind_their_fences() {
    for (module, path, text) in sources() {
        for (library, allowed) in FENCES {
            let named = code(&text).find(|line| {
                line.split(library).count() > 1 && line.trim_start().starts_with("use ")
                    || line.contains(&format!(" {library}"))
            });
            // Names of solvers as data are no use of the library.
            let named = named.filter(|line| !line.contains('"'));
            assert!(named.is_none() || allowed.contains(&module.as_str()), "{}: {named:?}", path.display());
        }
    }
}

#[test]
fn no_source_file_is_longer_than_four_hundred_lines() {
    for (_, path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= 400, "{}: {lines} lines", path.display());
    }
}
