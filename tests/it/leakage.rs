//! Images that are the same must not lie on both sides of a split.

use crate::harness::{EMOTIONS, Project, picture};

const FILE: &str = "experiments/iaps_5fold.toml";

/// Images no two of which are alike, but for a copy of the file, one in another format, and a smaller, compressed one.
fn with_copies() -> Project {
    let project = Project::with_images();
    let folder = project.path().join("data/iaps-subset");
    std::fs::copy(folder.join("awe/1.png"), folder.join("awe/copy.png")).unwrap();
    image::open(folder.join("fear/2.png")).unwrap().save(folder.join("fear/pixels.bmp")).unwrap();
    let larger =
        |number| image::imageops::resize(&picture(number), 192, 192, image::imageops::FilterType::CatmullRom);
    larger(33).save(folder.join("contentment/3.png")).unwrap();
    let small = image::imageops::resize(&larger(33), 150, 150, image::imageops::FilterType::Triangle);
    small.save(folder.join("contentment/small.jpg")).unwrap();
    project
}

fn fold_of(project: &Project, image: &str) -> u32 {
    use polars::prelude::{ParquetReader, SerReader as _};
    let file = std::fs::File::open(project.path().join("results/iaps_5fold/predictions.parquet")).unwrap();
    let table = ParquetReader::new(file).finish().unwrap();
    let images = table.column("image").unwrap().str().unwrap().clone();
    let row = (0..table.height()).find(|&row| images.get(row) == Some(image)).unwrap();
    table.column("fold").unwrap().u32().unwrap().get(row).unwrap()
}

#[test]
fn copies_are_kept_on_one_side_and_counted() {
    let project = with_copies();
    let ran = project.must(&["run", FILE]);
    let line = "leakage: pairs between groups: 1 equal in bytes, 1 in pixels, 1 near-duplicates; 6 groups merged into 3";
    assert!(ran.out.contains(line), "{}", ran.out);
    let table = project.read("results/iaps_5fold/leakage.csv");
    assert_eq!(table.lines().count(), 1 + 3, "{table}");
    for [first, second, kind] in [
        ["awe/1.png", "awe/copy.png", "bytes"],
        ["fear/2.png", "fear/pixels.bmp", "pixels"],
        ["contentment/3.png", "contentment/small.jpg", "near-duplicate"],
    ] {
        assert!(table.contains(&format!("\n{first},{second},{kind},")), "{table}");
        assert_eq!(fold_of(&project, first), fold_of(&project, second));
    }
    assert!(table.lines().skip(1).all(|line| line.contains(",false,")), "{table}");
    let record: serde_json::Value =
        serde_json::from_str(&project.read("results/iaps_5fold/run.json")).unwrap();
    assert_eq!(record["summary"]["leakage"]["merged"], serde_json::json!([6, 3]));
    assert!(project.must(&["run", FILE]).out.contains("nothing computed"));
}

#[test]
fn copies_end_the_run_before_anything_is_fitted_or_are_said_in_every_figure() {
    let project = with_copies();
    let refused = project.emolab(&["run", FILE, "--set", "split.leakage=error"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("split-images: "), "{}", refused.err);
    assert!(refused.err.contains("on both sides of the split:\n  `"), "{}", refused.err);
    assert!(refused.err.contains("set `leakage = \"group\"`"), "{}", refused.err);
    assert!(!refused.err.contains("fit-pca"), "{}", refused.err);

    project.must(&["run", FILE, "--set", "split.leakage=ignore"]);
    let figure = project.read("results/iaps_5fold/figure5.svg");
    assert!(
        figure.contains("of images that are the same lie on both sides of the split"),
        "the figure says so"
    );

    let experiment = project.read(FILE).replace("name = \"iaps_5fold\"", "name = \"swept\"");
    let sweep = "[sweep]\n\"pca.components\" = [3, 5]\nselect = \"none\"\n";
    project.write("experiments/swept.toml", format!("{experiment}\n{sweep}").as_bytes());
    let swept = project.must(&["run", "experiments/swept.toml", "--set", "split.leakage=ignore"]);
    assert!(
        swept.out.contains("leakage: pairs between groups: 1 equal in bytes, 1 in pixels"),
        "{}",
        swept.out
    );
    let said = "of images that are the same lie on both sides of the split";
    assert!(swept.out.contains(said) && project.read("results/swept/sweep.svg").contains(said));
    let table = project.read("results/swept/leakage.csv");
    assert!(table.starts_with("point,pca.components,first,second,kind,"), "{table}");
    assert!(
        table.contains("\n0,3,awe/1.png,awe/copy.png,bytes,") && table.lines().count() == 1 + 3,
        "{table}"
    );

    project.must(&["report", "swept"]);
    let page = project.read("results/swept.html");
    assert!(page.contains("<dt>Duplicates</dt><dd>pairs between groups: 1 equal in bytes, 1 in pixels"));

    // One image changed: the hashes of the others are kept.
    let ran = project.must(&[
        "run",
        FILE,
        "--set",
        "split.near_duplicate_distance=0",
        "--set",
        "split.grouped=false",
    ]);
    assert!(ran.out.contains("1 in pixels, 0 near-duplicates"), "{}", ran.out);
    for setting in ["split.near_duplicate_distance=65", "split.leakage=merge"] {
        let refused = project.emolab(&["run", FILE, "--set", setting]);
        assert_eq!(refused.code, 2);
        assert!(refused.err.contains("expected"), "{setting}: {}", refused.err);
    }
}

#[test]
fn a_holdout_keeps_copies_in_one_part() {
    let project = with_copies();
    let holdout = "split={kind='holdout', train=0.5, test=0.3, validation=0.2}";
    let ran = project.must(&["run", FILE, "--set", holdout]);
    assert!(ran.out.contains("6 groups merged into 3"), "{}", ran.out);
}

#[test]
fn features_made_elsewhere_are_no_way_around_an_error() {
    let project = crate::page::with_images();
    for emotion in EMOTIONS {
        project.write(&format!("my/{emotion}/0.jpg"), &project.bytes("my/awe/1.jpg"));
    }
    let run = ["run", "experiments/mine.toml", "--set", "split.leakage=error"];
    let refused = project.emolab(&run);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("on both sides of the split:\n  `"), "{}", refused.err);
    let blind = Project::with_features().emolab(&run);
    assert_eq!(blind.code, 2, "there is no image to look at: {}", blind.err);
    assert!(blind.err.contains("amusement/0.jpg"), "{}", blind.err);
    // Where nothing is asked for, the page says that nothing was looked for.
    project.must(&["run", "experiments/mine.toml"]);
    project.must(&["report", "mine"]);
    assert!(
        project.read("results/mine.html").contains("<dt>Duplicates</dt><dd>duplicates were not looked for")
    );
}
