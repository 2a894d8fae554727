//! Features of stand-in images agree with the Python package's.
//!
//! The fixture was made by `tests/fixtures/efficientnet/make.py --images DIR --out stand_in.npy` from the images that
//! this test writes to the folder named by `WRITE_STAND_IN_IMAGES`.

use std::path::PathBuf;

use emolab::dataset::stand_in::{self, StandInSet};
use emolab::images::{self, Filter, Fit, Limits, Preprocess};
use emolab::networks::NetworkCard;
use emolab::networks::worker::{Request, start};

use crate::harness::dependencies;

const IMAGES: usize = 64;
const SIDE: u32 = 224;
const WIDTH: usize = 1280;

/// Every third drawing of the set for Abstract Paintings, as the network sees it: `[64, 224, 224, 3]`.
fn pixels() -> Vec<Vec<u8>> {
    let packages = dependencies().join("node_modules");
    let set = stand_in::draw(&packages, StandInSet::Abstract, 256, &|_, _| {}, &|| false).unwrap();
    let preprocess = Preprocess { size: SIDE, resize: 256, fit: Fit::Crop, filter: Filter::Bicubic };
    let chosen = set.drawings.iter().step_by(3).take(IMAGES);
    let prepared = chosen.map(|drawing| {
        images::prepare(&images::decode(&drawing.png, &Limits::default()).unwrap(), &preprocess).unwrap()
    });
    prepared.collect()
}

#[test]
fn features_of_stand_in_images_agree_with_the_python_package() {
    let pixels = pixels();
    assert_eq!(pixels.len(), IMAGES);
    if let Some(folder) = std::env::var_os("WRITE_STAND_IN_IMAGES").map(PathBuf::from) {
        for (at, image) in pixels.iter().enumerate() {
            let path = folder.join(format!("{at:02}.png"));
            image::save_buffer(path, image, SIDE, SIDE, image::ExtendedColorType::Rgb8).unwrap();
        }
    }
    let network = NetworkCard::find("efficientnet-lite0").unwrap();
    let request =
        Request::feature(network, dependencies().join("weights/efficientnet-lite0-57934424.pth")).unwrap();
    let worker = start(env!("CARGO_BIN_EXE_emolab-torch").as_ref(), &request).unwrap();
    let (mut sender, mut receiver, _guard) = worker.split();
    let all = pixels.concat();
    let sending = std::thread::spawn(move || sender.send(&all, IMAGES).unwrap());
    let features = receiver.receive().unwrap();
    sending.join().unwrap();

    let fixture = include_bytes!("../fixtures/efficientnet/stand_in.npy");
    let expected = emolab::dataset::feature_file::from_npy(fixture).unwrap();
    assert_eq!(expected.dim(), (IMAGES, WIDTH));
    for (row, (ours, theirs)) in features.chunks_exact(WIDTH).zip(expected.rows()).enumerate() {
        let dot = |a: &mut dyn Iterator<Item = (f64, f64)>| a.map(|(a, b)| a * b).sum::<f64>();
        let ours: Vec<f64> = ours.iter().map(|value| f64::from(*value)).collect();
        let theirs: Vec<f64> = theirs.iter().map(|value| f64::from(*value)).collect();
        let product = |a: &[f64], b: &[f64]| dot(&mut a.iter().copied().zip(b.iter().copied()));
        let cosine = product(&ours, &theirs) / (product(&ours, &ours) * product(&theirs, &theirs)).sqrt();
        assert!(cosine >= 0.9999, "image {row}: cosine {cosine}");
    }
}
