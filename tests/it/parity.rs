//! `emolab parity` on finished runs: each verdict where it is due.

use crate::harness::{EMOTIONS, Project, npy};

/// Images per emotion, table 1 of the paper.
const IAPS: [usize; 8] = [37, 8, 54, 63, 74, 55, 42, 62];
const COLUMNS: usize = 40;

/// A set of these counts whose features lie about means that far from each other, with noise in the first `noisy` columns.
fn with_set(project: &Project, name: &str, counts: [usize; 8], (apart, noisy): (f32, usize)) -> String {
    let (mut manifest, mut features) = ("path,label\n".to_owned(), Vec::new());
    for (class, (emotion, count)) in EMOTIONS.iter().zip(counts).enumerate() {
        for image in 0..count {
            manifest.push_str(&format!("{emotion}/{image}.jpg,{emotion}\n"));
            features.extend((0..COLUMNS).map(|column| {
                let mixed = (class * 1_000_003 + image * 8191 + column * 131 + 7) as u32;
                let mixed = (mixed ^ (mixed >> 7)).wrapping_mul(0x9e37_79b9);
                let noise = (mixed >> 8) as f32 / (1 << 24) as f32 - 0.5;
                let mean = if column == class { apart } else { 0.0 };
                if column < noisy { mean + noise } else { 0.001 * noise }
            }));
        }
    }
    project.write(&format!("my/{name}.csv"), manifest.as_bytes());
    project.write(&format!("my/{name}.npy"), &npy(counts.iter().sum(), COLUMNS, &features));
    format!(
        "[experiment]\nname = \"{name}\"\n[dataset]\nname = \"{name}\"\nmanifest = \"my/{name}.csv\"\n[split]\nfolds = 4\n\
         [[method]]\nvariant = \"precomputed\"\nname = \"ImageNet-CNN\"\nfeatures = \"my/{name}.npy\"\n[pca]\ncomponents = 20\n"
    )
}

/// Verdicts of the statements that say something of a data set, with their places.
fn verdicts(project: &Project, about: &str) -> Vec<(String, String)> {
    let rows: serde_json::Value = serde_json::from_str(&project.must(&["parity", "--json"]).out).unwrap();
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
    let rows = rows.as_array().unwrap().iter().filter(|row| text(row, "says").contains(about));
    rows.map(|row| (text(row, "place"), text(row, "verdict"))).collect()
}

pub fn expect(project: &Project, about: &str, expected: &[(&str, &str)]) {
    let found = verdicts(project, about);
    let found: Vec<(&str, &str)> =
        found.iter().map(|(place, verdict)| (place.as_str(), verdict.as_str())).collect();
    assert_eq!(found, expected, "{about}");
}

#[test]
fn a_run_reproduces_what_it_finds_and_nothing_else() {
    let project = Project::empty();
    let iaps = with_set(&project, "iaps-subset", IAPS, (3.0, 20));
    // The counts are another set's, and twenty of forty noisy columns are not the ninety per cent.
    let other = with_set(&project, "abstract", [25; 8], (0.5, COLUMNS));
    project.write("experiments/iaps.toml", iaps.as_bytes());
    project.write("experiments/other.toml", other.as_bytes());
    let swept = iaps.replace("name = \"iaps-subset\"\n[dataset]", "name = \"swept\"\n[dataset]");
    let swept = format!("{swept}[sweep]\n\"pca.components\" = [10, 20]\nselect = \"none\"\n");
    project.write("experiments/swept.toml", swept.as_bytes());
    expect(
        &project,
        "IAPS-Subset",
        &[("Table 1", "not-run"), ("Experiments", "not-run"), ("Experiments", "not-run")],
    );
    for name in ["iaps", "other", "swept"] {
        project.must(&["run", &format!("experiments/{name}.toml")]);
    }
    let reproduced =
        [("Table 1", "reproduced"), ("Experiments", "reproduced"), ("Experiments", "reproduced")];
    expect(&project, "IAPS-Subset", &reproduced);
    let other =
        [("Table 1", "not-reproduced"), ("Experiments", "not-reproduced"), ("Experiments", "not-run")];
    expect(&project, "Abstract Paintings", &other);
    let text = project.must(&["parity"]).out;
    assert!(text.contains("18 statements: 3 reproduced, 2 not reproduced, 0 not comparable"), "{text}");
    assert!(text.contains("reproduced                Table 1      IAPS-Subset: 395 images"), "{text}");

    // One image fewer, and the table is not reproduced.
    let fewer = with_set(&project, "iaps-subset", [36, 8, 54, 63, 74, 55, 42, 62], (3.0, 20));
    project.write("experiments/iaps.toml", fewer.as_bytes());
    project.must(&["run", "experiments/iaps.toml"]);
    assert_eq!(verdicts(&project, "IAPS-Subset")[0], ("Table 1".to_owned(), "not-reproduced".to_owned()));
}
