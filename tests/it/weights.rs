//! `emolab weights`: what a file holds, and the same as safetensors.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoint").join(name)
}

fn weights(arguments: &[&str], paths: &[&Path]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emolab"));
    command.arg("weights").args(arguments).args(paths).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_file_is_told_by_its_tensors_and_its_digest() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(".deps/weights/efficientnet-lite0-57934424.pth");
    let shown = weights(&["inspect", "--network", "efficientnet-lite0"], &[&file]);
    let out = text(&shown.stdout);
    assert!(shown.status.success(), "{}", text(&shown.stderr));
    assert!(
        out.contains("published as `efficientnet-lite0-57934424.pth`\nfits efficientnet-lite0\n"),
        "{out}"
    );
    assert!(out.contains("SHA-256 57934424"), "{out}");
    assert!(out.contains("_conv_stem.weight") && out.contains("[32, 3, 3, 3]"), "{out}");

    // The name of a published file on other bytes.
    let folder = tempfile::tempdir().unwrap();
    let fake = folder.path().join("resnet18-f37072fd.pth");
    std::fs::copy(fixture("zip.pth"), &fake).unwrap();
    let out = text(&weights(&["inspect"], &[&fake]).stdout);
    assert!(out.contains("warning: it is called `resnet18-f37072fd.pth`, but its digest is not"), "{out}");
    assert!(out.contains("fits none of emolab's networks"), "{out}");
}

#[test]
fn everything_that_does_not_fit_a_network_is_listed() {
    let shown = weights(&["inspect", "--network", "caffenet"], &[&fixture("net.caffemodel")]);
    assert_eq!(shown.status.code(), Some(2));
    let error = text(&shown.stderr);
    assert!(error.contains("missing `conv2.weight` of shape [256, 48, 5, 5]"), "{error}");
    assert!(error.contains("`conv1.weight` has shape [2, 3, 2, 2], expected [96, 3, 11, 11]"), "{error}");
    assert!(error.contains("extra `bn1.blobs.2` of shape [1]"), "{error}");
    assert_eq!(error.matches("missing `").count(), 12, "{error}");

    let unknown = weights(&["inspect", "--network", "vgg"], &[&fixture("zip.pth")]);
    assert!(text(&unknown.stderr).contains("unknown network `vgg`: expected one of efficientnet-lite0"));
    let module = weights(&["inspect"], &[&fixture("module.pth")]);
    assert_eq!(module.status.code(), Some(2));
    assert!(text(&module.stderr).contains("not part of a plain state dict"), "{}", text(&module.stderr));
}

#[test]
fn every_format_converts_to_the_same_safetensors_each_time() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["zip.pth", "legacy.pth", "net.caffemodel", "arrays.npz"] {
        let outs = ["a", "b"].map(|out| folder.path().join(format!("{name}.{out}.safetensors")));
        for out in &outs {
            let done = weights(&["convert"], &[&fixture(name), out]);
            assert!(done.status.success(), "{}", text(&done.stderr));
        }
        let bytes = outs.each_ref().map(|out| std::fs::read(out).unwrap());
        assert!(bytes[0] == bytes[1], "{name}");
        let parse = |bytes: &[u8]| emolab::networks::checkpoint::parse(bytes).unwrap();
        assert_eq!(parse(&bytes[0]), parse(&std::fs::read(fixture(name)).unwrap()), "{name}");
    }
    let same = folder.path().join("same.npz");
    std::fs::copy(fixture("arrays.npz"), &same).unwrap();
    let refused = weights(&["convert"], &[&same, &same]);
    assert_eq!(refused.status.code(), Some(2));
    let wrong = weights(&["convert", "--network", "alexnet"], &[&same, &folder.path().join("x.safetensors")]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(!folder.path().join("x.safetensors").exists());
}

#[test]
fn what_a_file_holds_besides_weights_is_told() {
    let inspected = weights(&["inspect"], &[&fixture("zip.pth")]);
    let out = text(&inspected.stdout);
    assert!(out.contains("note: 1 tensor is stored as float16 and widened to float32\n"), "{out}");
    assert!(out.contains("note: left out, integers or truth values: `"), "{out}");

    let folder = tempfile::tempdir().unwrap();
    let converted = weights(&["convert"], &[&fixture("zip.pth"), &folder.path().join("x.safetensors")]);
    assert!(text(&converted.stdout).contains("widened to float32"), "{converted:?}");

    let empty = folder.path().join("empty.npz");
    std::fs::write(&empty, [&b"PK\x05\x06"[..], &[0; 18]].concat()).unwrap();
    let refused = weights(&["convert"], &[&empty, &folder.path().join("y.safetensors")]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused.stderr).contains("it holds no floating-point tensors"),
        "{}",
        text(&refused.stderr)
    );
}
