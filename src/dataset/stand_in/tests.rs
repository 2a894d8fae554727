use std::collections::{BTreeMap, BTreeSet};

use super::*;

fn installed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".deps/node_modules")
}

fn drawn(set: StandInSet, threads: usize) -> StandIn {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| draw(&installed(), set, 64, &|_, _| {}, &|| false)).unwrap()
}

#[test]
fn each_set_has_enough_of_every_class_for_five_grouped_folds() {
    for set in StandInSet::ALL {
        let stand_in = drawn(set, 2);
        let mut groups: BTreeMap<Emotion, BTreeSet<&str>> = BTreeMap::new();
        let mut counts = [0; 8];
        for drawing in &stand_in.drawings {
            groups.entry(drawing.label).or_default().insert(&drawing.group);
            counts[drawing.label.index()] += 1;
        }
        assert!(stand_in.drawings.len() > 200, "{set:?}: {counts:?}");
        for emotion in Emotion::ALL {
            let groups = groups.get(&emotion).map_or(0, BTreeSet::len);
            assert!(counts[emotion.index()] < 10 || groups >= 5, "{set:?} {emotion}: {counts:?}");
        }
        let names: BTreeSet<&str> = stand_in.drawings.iter().map(|drawing| drawing.name.as_str()).collect();
        assert_eq!(names.len(), stand_in.drawings.len());
    }
}

#[test]
fn no_two_sets_share_a_style_and_no_group_has_two_labels() {
    let mut styles = BTreeSet::new();
    for set in StandInSet::ALL {
        for style in super::styles(set).unwrap() {
            assert!(styles.insert(style.clone()), "{style} is in two sets");
        }
    }
    let stand_in = drawn(StandInSet::Abstract, 2);
    let mut label_of = BTreeMap::new();
    let mut mixed = BTreeSet::new();
    for drawing in &stand_in.drawings {
        if *label_of.entry(&drawing.group).or_insert(drawing.label) != drawing.label {
            mixed.insert(&drawing.group);
        }
    }
    assert!(mixed.len() <= 2, "variants of a code point rarely differ in what they evoke: {mixed:?}");
}

#[test]
fn drawings_do_not_depend_on_the_number_of_threads() {
    assert_eq!(drawn(StandInSet::Abstract, 1), drawn(StandInSet::Abstract, 3));
}

#[test]
fn a_missing_or_damaged_package_is_named_and_a_stop_is_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let error = sources(folder.path(), StandInSet::Abstract).unwrap_err().to_string();
    assert!(error.contains("emojibase-data/en/data.json") && error.contains("just setup"), "{error}");
    let path = folder.path().join("emojibase-data/en/data.json");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "[{\"label\": ").unwrap();
    let error = draw(folder.path(), StandInSet::Abstract, 8, &|_, _| {}, &|| false).unwrap_err();
    assert!(matches!(error, StandInError::Damaged { .. }), "{error}");
    let stopped = draw(&installed(), StandInSet::Abstract, 8, &|_, _| {}, &|| true);
    assert!(matches!(stopped, Err(StandInError::Cancelled)));
}
