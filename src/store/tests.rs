//! The store's hard cases.
use std::collections::BTreeMap;

use serde_json::json;

use super::*;

fn files(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([("matrix.npy".to_owned(), bytes.to_vec())])
}

fn save(store: &Store, parameters: &Value, bytes: &[u8]) -> Record {
    let key = Key::of("fit", 1, parameters);
    let files = files(bytes);
    let finished =
        Finished { stage: "fit", version: 1, parameters, files: &files, elapsed: Duration::from_millis(5) };
    store.save(key, &finished).unwrap()
}

#[test]
fn what_was_saved_is_found_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path());
    let record = save(&store, &json!({"c": 1}), b"numbers");
    let Lookup::Hit(found) = store.look_up("fit", record.key).unwrap() else { panic!("expected a hit") };
    assert_eq!(found, record);
    assert_eq!(store.read_blob(&found.files["matrix.npy"]).unwrap(), b"numbers");
    assert!(matches!(store.look_up("fit", Key::of("fit", 2, &json!({}))).unwrap(), Lookup::Absent));
}

#[test]
fn a_flipped_byte_a_missing_blob_and_a_damaged_record_are_misses_that_heal() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path());
    let parameters = json!({"c": 1});
    let record = save(&store, &parameters, b"numbers");
    let blob = store.blob_path(record.files["matrix.npy"].digest);

    std::fs::write(&blob, b"numberz").unwrap();
    let Lookup::Damaged(reason) = store.look_up("fit", record.key).unwrap() else {
        panic!("expected damage")
    };
    assert!(reason.contains("matrix.npy") && reason.contains("damaged"), "{reason}");
    assert!(matches!(store.read_blob(&record.files["matrix.npy"]), Err(StoreError::Damaged { .. })));
    assert_eq!(store.verify().unwrap().damage.len(), 1);
    save(&store, &parameters, b"numbers");
    assert_eq!(std::fs::read(&blob).unwrap(), b"numbers");

    std::fs::remove_file(&blob).unwrap();
    assert!(matches!(store.look_up("fit", record.key).unwrap(), Lookup::Damaged(_)));
    save(&store, &parameters, b"numbers");

    let path = store.record_path("fit", record.key);
    let text = std::fs::read_to_string(&path).unwrap().replace("\"version\": 1", "\"version\": 7");
    std::fs::write(&path, text).unwrap();
    assert!(matches!(store.look_up("fit", record.key).unwrap(), Lookup::Damaged(_)));
}

#[test]
fn collection_keeps_roots_and_spares_a_live_run() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path());
    let kept = save(&store, &json!({"c": 1}), b"kept");
    let dropped = save(&store, &json!({"c": 2}), b"dropped");
    let roots = std::collections::BTreeSet::from([kept.key]);

    let live = store.enter().unwrap();
    assert!(matches!(store.collect(&roots, None, false), Err(StoreError::InUse { .. })));
    drop(live);

    let trial = store.collect(&roots, None, true).unwrap();
    assert_eq!((trial.records, trial.blobs, trial.bytes), (1, 1, 7));
    assert!(matches!(store.look_up("fit", dropped.key).unwrap(), Lookup::Hit(_)), "a dry run drops nothing");

    assert_eq!(store.collect(&roots, Some(1 << 20), false).unwrap().records, 0, "below the cap all stays");
    assert_eq!(store.collect(&roots, Some(8), false).unwrap().records, 1);
    assert!(matches!(store.look_up("fit", kept.key).unwrap(), Lookup::Hit(_)));
    assert!(matches!(store.look_up("fit", dropped.key).unwrap(), Lookup::Absent));
}

#[test]
fn rows_are_found_by_image_and_a_damaged_pack_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path());
    let extractor = Key::of("extractor", 1, &json!({}));
    let images = [b"a", b"b", b"c"].map(|bytes| key::digest(bytes));
    let features = ndarray::array![[1.0, 2.0], [3.0, 4.0]];
    store.add_rows(extractor, &images[..2], features.view()).unwrap();
    store.add_rows(extractor, &images[2..], ndarray::array![[5.0, 6.0]].view()).unwrap();

    let rows = store.rows(extractor, 2, &images).unwrap();
    assert_eq!(rows.get(&images[1]).unwrap().to_vec(), [3.0, 4.0]);
    assert_eq!(rows.get(&images[2]).unwrap().to_vec(), [5.0, 6.0]);
    assert!(rows.get(&key::digest(b"d")).is_none());

    let blob = store.pack_blobs(extractor).unwrap()[0].clone();
    let path = store.blob_path(blob.digest);
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let rows = store.rows(extractor, 2, &images).unwrap();
    assert_eq!(rows.damaged.len(), 1);
    assert_eq!(
        images.iter().filter(|image| rows.get(image).is_some()).count() % 3,
        if blob.bytes > 80 { 1 } else { 2 }
    );
}

#[test]
fn a_key_is_claimed_by_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path());
    let key = Key::of("fit", 1, &json!({}));
    let claim = store.claim(key).unwrap();
    assert!(claim.is_some() && store.claim(key).unwrap().is_none());
    drop(claim);
    assert!(store.claim(key).unwrap().is_some());
}
