//! Images and labels that are not what they should be are named with their reason.

use std::os::unix::ffi::OsStrExt as _;

use crate::harness::{Project, dependencies};

const FILE: &str = "experiments/iaps_5fold.toml";

fn spoil(project: &Project) {
    let folder = "data/iaps-subset";
    project.write(&format!("{folder}/awe/empty.jpg"), b"");
    project.write(&format!("{folder}/awe/page.jpg"), b"<!DOCTYPE html><html><body>404</body></html>");
    let good = project.bytes(&format!("{folder}/fear/0.png"));
    project.write(&format!("{folder}/fear/cut.png"), &good[..good.len() / 2]);
    project.write(&format!("{folder}/joy/9.png"), &good);
    project.write(&format!("{folder}/sadness/bomb.png"), &bomb());
    let misnamed = std::ffi::OsStr::from_bytes(b"\xff.png");
    std::fs::write(project.path().join(folder).join("fear").join(misnamed), &good).unwrap();
}

/// A PNG header that claims 60,000 x 60,000 pixels.
fn bomb() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = b"IHDR".to_vec();
    header.extend(60_000_u32.to_be_bytes());
    header.extend(60_000_u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    bytes.extend((header.len() as u32 - 4).to_be_bytes());
    let crc = crc32(&header);
    bytes.extend(header);
    bytes.extend(crc.to_be_bytes());
    bytes.extend([0, 0, 0, 0]);
    bytes.extend(b"IDAT\x35\xaf\x06\x1e");
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    };
    !bytes.iter().fold(!0, step)
}

#[test]
fn every_bad_image_is_named_with_its_reason_and_nothing_is_lost() {
    let project = Project::with_images();
    spoil(&project);
    let ran = project.emolab(&["run", FILE]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    for (path, reason) in [
        ("awe/empty.jpg", "empty"),
        ("awe/page.jpg", "HTML"),
        ("fear/cut.png", "PNG"),
        ("joy/9.png", "joy"),
        ("sadness/bomb.png", "60000"),
        ("fear/\u{fffd}.png", "UTF-8"),
    ] {
        let line =
            ran.err.lines().find(|line| line.contains(path)).unwrap_or_else(|| panic!("{path}: {}", ran.err));
        assert!(line.contains(reason), "{line}");
    }
    assert!(ran.err.contains("6 bad images") && ran.err.contains("on_bad_image"), "{}", ran.err);
    assert!(!project.has("results"));
}

#[test]
fn bad_images_can_be_skipped_and_are_then_listed() {
    let project = Project::with_images();
    spoil(&project);
    let ran = project.must(&["run", FILE, "--set", "dataset.on_bad_image=skip"]);
    assert!(ran.out.contains("6 bad images"), "{}", ran.out);
    let skipped: serde_json::Value =
        serde_json::from_str(&project.read("results/iaps_5fold/skipped.json")).unwrap();
    assert_eq!(skipped.as_array().unwrap().len(), 6);
    assert!(!ran.out.contains("stand-in"), "these are the real images");
}

#[test]
fn pipes_and_devices_are_no_images_and_are_not_waited_for() {
    let project = Project::with_images();
    let folder = project.path().join("data/iaps-subset/awe");
    let made = std::process::Command::new("mkfifo").arg(folder.join("pipe.png")).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink("/dev/zero", folder.join("zero.png")).unwrap();
    let large = std::fs::File::create(folder.join("large.png")).unwrap();
    large.set_len(1 << 40).unwrap();
    let ran = project.emolab(&["run", FILE]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    for (path, reason) in
        [("pipe.png", "not a file"), ("zero.png", "not a file"), ("large.png", "1099511627776 bytes")]
    {
        let line = ran.err.lines().find(|line| line.contains(path)).unwrap();
        assert!(line.contains(reason), "{line}");
    }
}

#[test]
fn a_long_thin_image_is_an_image() {
    let project = Project::with_images();
    let long = image::RgbImage::from_pixel(5000, 1, image::Rgb([9, 99, 199]));
    long.save(project.path().join("data/iaps-subset/awe/long.png")).unwrap();
    let ran = project.must(&["run", FILE]);
    assert!(!ran.out.contains("bad image"), "{}", ran.out);
}

#[test]
fn counts_that_differ_from_the_card_are_said() {
    let project = Project::with_images();
    let plan = project.must(&["plan", FILE]);
    assert!(plan.err.contains("amusement 10 (card: 37)"), "{}", plan.err);
}

#[test]
fn one_changed_image_costs_one_row() {
    let project = Project::with_images();
    project.must(&["run", FILE]);
    let rows = || -> u64 {
        let usage: serde_json::Value =
            serde_json::from_str(&project.must(&["store", "du", "--json"]).out).unwrap();
        usage["pack_bytes"].as_u64().unwrap()
    };
    let before = rows();
    assert!(before > 80 * 1280 * 4);
    let changed = image::RgbImage::from_pixel(32, 32, image::Rgb([9, 99, 199]));
    changed.save(project.path().join("data/iaps-subset/awe/3.png")).unwrap();
    let plan = project.must(&["plan", FILE]);
    assert!(plan.out.contains("images: 1 changed (awe/3.png)"), "{}", plan.out);
    project.must(&["run", FILE]);
    let added = rows() - before;
    assert!((1280 * 4..2 * 1280 * 4).contains(&added), "one row of 1,280 numbers and a header: {added}");
}

#[test]
fn without_the_data_set_and_without_stand_in_the_card_says_how_to_get_it() {
    let project = Project::with_images();
    std::fs::remove_dir_all(project.path().join("data")).unwrap();
    project.edit(FILE, "stand_in = \"emoji\"", "# stand_in = \"emoji\"");
    let ran = project.emolab(&["run", FILE]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("data/iaps-subset") && ran.err.contains("IAPS"), "{}", ran.err);
}

#[test]
fn a_worker_that_dies_at_its_start_is_a_failure_and_not_bad_input() {
    let project = Project::with_images();
    let mut command = project.command(&["run", FILE]);
    command.env("EMOLAB_TORCH_WORKER", "/bin/false");
    let ran = crate::harness::ran(command);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("the worker died"), "{}", ran.err);
}

#[test]
fn missing_weights_and_missing_packages_lead_to_set_up() {
    let project = Project::with_images();
    let mut command = project.command(&["run", FILE]);
    command.env("EMOLAB_DEPS", project.path().join("nothing"));
    let ran = crate::harness::ran(command);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("efficientnet-lite0") && ran.err.contains("just setup"), "{}", ran.err);
    std::fs::remove_dir_all(project.path().join("data")).unwrap();
    let mut command = project.command(&["run", FILE]);
    command.env("EMOLAB_DEPS", project.path().join("nothing"));
    let ran = crate::harness::ran(command);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("just setup"), "{}", ran.err);
}

#[test]
fn weights_that_are_cut_or_of_another_network_are_refused_by_name() {
    let project = Project::with_images();
    let good = std::fs::read(dependencies().join("weights/efficientnet-lite0-57934424.pth")).unwrap();
    project.write("cut.pth", &good[..good.len() / 2]);
    let ran = project.emolab(&["run", FILE, "--set", "dataset.min_per_class=1"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    project.edit(FILE, "layer = \"penultimate\"", "layer = \"penultimate\"\nweights = \"cut.pth\"");
    let ran = project.emolab(&["run", FILE]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("cut.pth"), "{}", ran.err);
}
