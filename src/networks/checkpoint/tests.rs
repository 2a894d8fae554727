//! The reader on files that PyTorch wrote, and on damaged ones.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::architecture::Expected;
use super::{Checkpoint, CheckpointError, Malformed, Tensor, parse};

const LEGACY: &[u8] = include_bytes!("../../../tests/fixtures/checkpoint/legacy.pth");
const ZIP: &[u8] = include_bytes!("../../../tests/fixtures/checkpoint/zip.pth");
const TRAINING: &[u8] = include_bytes!("../../../tests/fixtures/checkpoint/training.pth");
const CAFFE: &[u8] = include_bytes!("../../../tests/fixtures/checkpoint/net.caffemodel");
const OLD_CAFFE: &[u8] = include_bytes!("../../../tests/fixtures/checkpoint/old.caffemodel");
const NPZ: &[u8] = include_bytes!("../../../tests/fixtures/checkpoint/arrays.npz");
const PACKED: &[u8] = include_bytes!("../../../tests/fixtures/checkpoint/packed.npz");
const MODULE: &[u8] = include_bytes!("../../../tests/fixtures/checkpoint/module.pth");

/// What `tests/fixtures/checkpoint/make.py` puts into its files.
fn expected() -> BTreeMap<String, Tensor> {
    let shapes: [(&str, &[usize]); 10] = [
        ("f32", &[2, 3]),
        ("f64", &[4]),
        ("f16", &[3, 1, 2]),
        ("bf16", &[5]),
        ("scalar", &[]),
        ("empty", &[0, 3]),
        ("transposed", &[3, 4]),
        ("window", &[2, 3]),
        ("tied", &[2, 3]),
        ("parameter", &[2, 2]),
    ];
    let ramp = |count| (0..count).map(|i: u16| f32::from(i) / 4.0 - 1.0).collect();
    let tensor = |shape: &[usize]| Tensor {
        shape: shape.to_vec(),
        data: ramp(shape.iter().product::<usize>() as u16),
    };
    shapes.into_iter().map(|(name, shape)| (name.to_owned(), tensor(shape))).collect()
}

#[test]
fn both_formats_of_pytorch_give_the_tensors() {
    assert_eq!(parse(LEGACY), Ok(expected()));
    assert_eq!(parse(ZIP), Ok(expected()));
    assert_eq!(parse(TRAINING), Ok(expected()));
}

#[test]
fn safetensors_give_the_tensors() {
    let expected = expected();
    let bytes: Vec<Vec<u8>> =
        expected.values().map(|tensor| tensor.data.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
    let views = expected.iter().zip(&bytes).map(|((name, tensor), bytes)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, tensor.shape.clone(), bytes);
        (name.clone(), view.unwrap())
    });
    let file = safetensors::serialize(views, None).unwrap();
    assert_eq!(parse(&file), Ok(expected));
}

#[test]
fn code_is_refused_by_name() {
    let name = "torch.nn.modules.linear.Linear".to_owned();
    assert_eq!(parse(MODULE), Err(Malformed::ForbiddenGlobal(name)));

    // cos\nsystem\n(X\x04\x00\x00\x00echoR. behind the legacy magic and protocol version.
    let mut evil = LEGACY[..15].to_vec();
    evil.extend_from_slice(b"\x80\x02M\xe9\x03.\x80\x02}.cos\nsystem\nX\x04\0\0\0echo\x85R.");
    assert_eq!(parse(&evil), Err(Malformed::ForbiddenGlobal("os.system".to_owned())));
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    for file in [LEGACY, ZIP, TRAINING] {
        for length in 0..file.len() {
            assert!(parse(&file[..length]).is_err(), "{length} of {}", file.len());
        }
    }
    assert!(matches!(parse(&LEGACY[..LEGACY.len() - 1]), Err(Malformed::TruncatedTensor { .. })));
    assert_eq!(parse(b"hello"), Err(Malformed::UnknownFormat));
}

/// A legacy file of one f32 storage of 4 elements and a tensor `t` with these bytes of offset, shape, strides.
fn one_tensor(view: &[u8]) -> Vec<u8> {
    let mut file = LEGACY[..15].to_vec();
    file.extend_from_slice(b"\x80\x02M\xe9\x03.\x80\x02}.");
    file.extend_from_slice(b"\x80\x02}X\x01\0\0\0tctorch._utils\n_rebuild_tensor_v2\n(");
    file.extend_from_slice(b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0kX\x03\0\0\0cpuK\x04tQ");
    file.extend_from_slice(view);
    file.extend_from_slice(b"\x89NtRs.\x80\x02]X\x01\0\0\0ka.\x04\0\0\0\0\0\0\0");
    file.extend((0..4_u8).flat_map(|i| f32::from(i).to_le_bytes()));
    file
}

#[test]
fn views_stay_within_their_storage() {
    let data = |view| parse(&one_tensor(view)).map(|tensors| tensors["t"].data.clone());
    // Offset 1, shape (3,), stride (1,); offset 0, shape (2, 2), strides (1, 2).
    assert_eq!(data(b"K\x01K\x03\x85K\x01\x85"), Ok(vec![1.0, 2.0, 3.0]));
    assert_eq!(data(b"K\x00K\x02K\x02\x86K\x01K\x02\x86"), Ok(vec![0.0, 2.0, 1.0, 3.0]));
    for beyond in [
        &b"K\x02K\x03\x85K\x01\x85"[..],
        b"K\x00K\x02\x85K\x04\x85",
        b"K\x05K\x00\x85K\x01\x85",
        // 2^62 strides of 4, 2^62 elements.
        b"K\x00K\x05\x85\x8a\x08\0\0\0\0\0\0\0\x40\x85",
        b"K\x00\x8a\x08\0\0\0\0\0\0\0\x40\x85K\x04\x85",
    ] {
        assert!(matches!(data(beyond), Err(Malformed::OutOfStorage { .. })), "{beyond:?}");
    }
    // An expanded tensor may not be larger than the whole file: shape (2^30,), stride (0,).
    assert_eq!(data(b"K\x00J\0\0\0\x40\x85K\x00\x85"), Err(Malformed::TooMuchSharing));
    // Negative lengths.
    assert!(matches!(data(b"K\x00J\xff\xff\xff\xff\x85K\x01\x85"), Err(Malformed::Pickle(_))));
}

#[test]
fn nesting_needs_no_recursion() {
    let mut file = LEGACY[..15].to_vec();
    file.extend_from_slice(b"\x80\x02M\xe9\x03.");
    file.push(b')');
    file.extend(std::iter::repeat_n(0x85, 1_000_000));
    file.push(b'.');
    assert_eq!(parse(&file), Err(Malformed::NotAStateDict("it has no system information")));
}

#[test]
fn every_tensor_that_does_not_fit_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.pth");
    std::fs::write(&path, ZIP).unwrap();
    let checkpoint = Checkpoint::read(&path).unwrap();
    let expected = |tensors: &[(&str, &[usize])]| {
        let expected =
            |(name, shape): &(&str, &[usize])| Expected { name: (*name).to_owned(), shape: shape.to_vec() };
        tensors.iter().map(expected).collect::<Vec<_>>()
    };
    let of_file: Vec<(&str, &[usize])> =
        checkpoint.tensors().iter().map(|(name, tensor)| (&**name, &*tensor.shape)).collect();
    checkpoint.check("net", &expected(&of_file), None).unwrap();
    checkpoint.check("net", &[], Some("f32")).unwrap_err();
    let mut wanted = of_file;
    wanted.retain(|(name, _)| *name != "f32" && *name != "f64");
    wanted.extend([("f32", &[3, 2][..]), ("fc7.weight", &[1, 1]), ("fc8.weight", &[5])]);
    let error = checkpoint.check("net", &expected(&wanted), Some("fc8")).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "`{}` does not hold the weights of net:
  missing `fc7.weight` of shape [1, 1]
  `f32` has shape [2, 3], expected [3, 2]
  extra `f64` of shape [4]",
            path.display()
        )
    );
    let absent = Checkpoint::read(&folder.path().join("absent.pth")).unwrap_err();
    assert!(matches!(absent, CheckpointError::Read(error) if error.is_missing()));
}

/// Element i of a tensor is i / 4 - 1.
fn assert_ramps(tensors: &BTreeMap<String, Tensor>, shapes: &[(&str, &[usize])]) {
    let names: Vec<&str> = tensors.keys().map(String::as_str).collect();
    let mut expected: Vec<&str> = shapes.iter().map(|(name, _)| *name).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    for (name, shape) in shapes {
        let tensor = &tensors[*name];
        assert_eq!(tensor.shape, *shape, "{name}");
        let count: usize = shape.iter().product();
        assert!(
            tensor.data.iter().map(|x| x.to_bits()).eq((0..count).map(|i| (i as f32 / 4.0 - 1.0).to_bits()))
        );
    }
}

#[test]
fn caffes_files_of_either_time_name_weights_and_biases() {
    assert_ramps(
        &parse(CAFFE).unwrap(),
        &[
            ("conv1.weight", &[2, 3, 2, 2]),
            ("conv1.bias", &[2]),
            ("bn1.blobs.0", &[2]),
            ("bn1.blobs.1", &[2]),
            ("bn1.blobs.2", &[1]),
            ("fc6.weight", &[3, 2]),
            ("fc6.bias", &[3]),
        ],
    );
    assert_ramps(
        &parse(OLD_CAFFE).unwrap(),
        &[("conv1.weight", &[1, 3, 2, 2]), ("conv1.bias", &[1]), ("fc6.weight", &[3, 2]), ("fc6.bias", &[3])],
    );
    let older = include_bytes!("../../../tests/fixtures/checkpoint/older.caffemodel");
    assert!(matches!(parse(older), Err(Malformed::Caffe(_))));
    // A net without weights, and a text that begins as one.
    assert_eq!(parse(b"\x0a\x03net"), Err(Malformed::UnknownFormat));
    assert_eq!(parse(b"\nname: \"CaffeNet\""), Err(Malformed::UnknownFormat));
}

#[test]
fn numpys_archives_hold_tensors_of_every_float_and_order() {
    let shapes: [(&str, &[usize]); 7] = [
        ("f32", &[2, 3]),
        ("f64", &[4]),
        ("f16", &[3, 1, 2]),
        ("fortran", &[2, 3, 4]),
        ("fortran16", &[2, 3]),
        ("scalar", &[]),
        ("empty", &[0, 3]),
    ];
    assert_ramps(&parse(NPZ).unwrap(), &shapes);
    assert_ramps(&parse(PACKED).unwrap(), &shapes);
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes: Vec<u8>, start in 0_usize..4) {
        let lead = [&LEGACY[..15], b"PK\x03\x04", b"\x02\0\0\0\0\0\0\0{}", b""][start];
        let _ = parse(&[lead, &bytes].concat());
    }

    #[test]
    fn altered_files_never_panic(
        file in 0_usize..7,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = [LEGACY, ZIP, TRAINING, CAFFE, OLD_CAFFE, NPZ, PACKED][file].to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = parse(&bytes);
    }

    #[test]
    fn random_pickles_never_panic(opcodes in prop::collection::vec(
        prop::sample::select(b"(012NGJKMXU])}tlaesucQRbqhj.\x80\x85\x86\x87\x88\x8a\x8c\x93\x94\x95\0\x01\n".to_vec()),
        0..200,
    )) {
        let _ = super::pickle::run(&mut super::reader::Reader::new(&opcodes));
    }
}
