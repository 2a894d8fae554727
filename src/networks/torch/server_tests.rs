//! The server on byte buffers, with the real network and weights.

use std::io::Cursor;
use std::path::PathBuf;

use emolab::networks::worker::protocol::{self, FromWorker, Job, Request, ToWorker};
use emolab::networks::{Device, NetworkCard, Precision};

use crate::fixture;
use crate::server::serve;

const WIDTH: usize = 1280;

fn request(threads: usize) -> Request {
    let network = NetworkCard::find("efficientnet-lite0").unwrap();
    Request { threads, ..Request::feature(network, fixture::weights().to_owned()).unwrap() }
}

/// What the server says when it is sent these messages.
fn converse(messages: &[(ToWorker, Vec<u8>)]) -> Vec<(FromWorker, Vec<u8>)> {
    let mut input = Vec::new();
    for (message, payload) in messages {
        protocol::write(&mut input, message, payload).unwrap();
    }
    let mut output = Vec::new();
    let served = serve(Cursor::new(input), &mut output);
    let mut output = &output[..];
    let mut answers = Vec::new();
    while !output.is_empty() {
        answers.push(protocol::read(&mut output).unwrap());
    }
    assert_eq!(served.is_err(), matches!(answers.last(), Some((FromWorker::Failed { .. }, _))));
    answers
}

fn hello(request: &Request) -> (ToWorker, Vec<u8>) {
    let job = serde_json::to_value(Job::Extract(request.clone())).unwrap();
    (ToWorker::Hello { version: protocol::VERSION, job }, Vec::new())
}

/// Rows of features, the images sent in batches of these sizes.
fn features(request: &Request, pixels: &[u8], sizes: &[usize]) -> Vec<Vec<f32>> {
    let image = fixture::SIDE * fixture::SIDE * 3;
    let mut messages = vec![hello(request)];
    let mut rest = pixels;
    for &images in sizes {
        let (batch, after) = rest.split_at(images * image);
        messages.push((ToWorker::Batch { images }, batch.to_vec()));
        rest = after;
    }
    assert!(rest.is_empty());
    let answers = converse(&messages);
    assert!(matches!(answers[0].0, FromWorker::Ready { width: WIDTH, .. }), "{:?}", answers[0].0);
    let mut rows = Vec::new();
    for ((message, payload), &images) in answers[1..].iter().zip(sizes) {
        assert_eq!(*message, FromWorker::Features { images });
        rows.extend(protocol::from_bytes(payload).chunks(WIDTH).map(<[f32]>::to_vec));
    }
    rows
}

fn bits(rows: &[Vec<f32>]) -> Vec<Vec<u32>> {
    rows.iter().map(|row| row.iter().map(|number| number.to_bits()).collect()).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn features_agree_with_the_python_implementation() {
    let rows = features(&request(2), &fixture::images(0..64), &[64]);
    let expected = fixture::features();
    let mut largest = 0.0_f32;
    for (k, (row, expected)) in rows.iter().zip(expected.chunks(WIDTH)).enumerate() {
        let cosine = cosine(row, expected);
        assert!(cosine >= 0.999_999, "image {k}: {cosine}");
        largest = row.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(largest, f32::max);
    }
    assert_eq!(rows.len(), fixture::IMAGES);
    assert!(largest < 1e-4, "{largest}");
}

#[test]
fn eight_bits_of_significand_keep_the_features_direction() {
    let pixels = fixture::images(0..8);
    let exact = features(&request(2), &pixels, &[8]);
    let coarse = features(&Request { precision: Precision::Bf16, ..request(2) }, &pixels, &[8]);
    for (exact, coarse) in exact.iter().zip(&coarse) {
        assert_ne!(exact, coarse);
        assert!(cosine(exact, coarse) >= 0.999, "{}", cosine(exact, coarse));
    }
}

/// Fully connected layers are run many images at once; an image must not notice.
#[test]
fn a_large_head_gives_each_image_the_same_bits_in_every_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alexnet.safetensors");
    let card = NetworkCard::find("alexnet").unwrap();
    let mut state = 1_u32;
    let mut bytes = Vec::new();
    for expected in card.architecture.unwrap()().tensors(None) {
        let count: usize = expected.shape.iter().product();
        let spread = 1.0 / (count as f32 / expected.shape[0] as f32).sqrt();
        let data: Vec<u8> = (0..count)
            .flat_map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (spread * ((state >> 8) as f32 / 8_388_608.0 - 1.0)).to_le_bytes()
            })
            .collect();
        bytes.push((expected.name, expected.shape, data));
    }
    let views = bytes.iter().map(|(name, shape, data)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), data);
        (name.clone(), view.unwrap())
    });
    std::fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    let request = |threads| Request { threads, ..Request::feature(card, path.clone()).unwrap() };
    let pixels = fixture::images(0..18);
    let answers = |threads, sizes: &[usize]| {
        let mut messages = vec![hello(&request(threads))];
        let mut rest = &pixels[..];
        for &images in sizes {
            let (batch, after) = rest.split_at(images * fixture::SIDE * fixture::SIDE * 3);
            messages.push((ToWorker::Batch { images }, batch.to_vec()));
            rest = after;
        }
        converse(&messages).into_iter().skip(1).flat_map(|(_, payload)| payload).collect::<Vec<u8>>()
    };
    let whole = answers(1, &[18]);
    assert_eq!(whole.len(), 18 * 4096 * 4);
    assert!(answers(2, &[5, 13]) == whole);
    assert!(answers(2, &[1; 18]) == whole);
}

#[test]
fn an_images_features_depend_on_neither_batch_nor_row_nor_threads() {
    let pixels = fixture::images(0..18);
    let whole = bits(&features(&request(1), &pixels, &[18]));
    for threads in [2, 3, 8] {
        assert_eq!(bits(&features(&request(threads), &pixels, &[2, 16])), whole, "{threads} threads");
    }
    // One image in several rows of a batch, among others, in one conversation.
    let rows = [0, 1, 6, 15];
    let batches = rows.map(|row| [fixture::images(30..30 + row), fixture::image(5)].concat()).concat();
    let found = bits(&features(&request(2), &batches, &rows.map(|row| row as usize + 1)));
    let mut last = 0;
    for row in rows {
        last += row as usize + 1;
        assert_eq!(found[last - 1], whole[5], "row {row}");
    }
}

#[test]
fn logits_rank_the_classes() {
    let mut request = request(2);
    (request.layer, request.width) = ("logits".to_owned(), 1000);
    let answers = converse(&[hello(&request), (ToWorker::Batch { images: 2 }, fixture::images(0..2))]);
    assert!(matches!(answers[0].0, FromWorker::Ready { width: 1000, .. }));
    assert_eq!(answers[1].1.len(), 2 * 1000 * 4);
}

fn failure(messages: &[(ToWorker, Vec<u8>)]) -> String {
    match converse(messages).pop() {
        Some((FromWorker::Failed { error }, _)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn refusals_say_why() {
    let mut absent = request(1);
    absent.weights = PathBuf::from("/nowhere/weights.pth");
    let error = failure(&[hello(&absent)]);
    assert!(error.starts_with("cannot read `/nowhere/weights.pth`: "), "{error}");

    let mut cuda = request(1);
    cuda.device = Device::Cuda(99);
    let error = failure(&[hello(&cuda)]);
    assert!(error.contains("`cuda:99`"), "{error}");

    let later = ToWorker::Hello { version: 99, job: serde_json::Value::Null };
    let error = failure(&[(later, Vec::new())]);
    assert!(error.contains("version 3") && error.contains("version 99"), "{error}");

    let error = failure(&[hello(&request(1)), (ToWorker::Batch { images: 1 }, vec![0; 5])]);
    assert_eq!(error, "1 images of 5 bytes");
}

#[test]
fn a_file_that_is_no_module_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.pt");
    std::fs::write(&text, "no module").unwrap();
    for file in [text, fixture::weights().to_owned(), folder.path().join("absent.pt")] {
        let mut module = request(1);
        (module.network, module.layer, module.weights) =
            ("torchscript".to_owned(), "output".to_owned(), file);
        let error = failure(&[hello(&module)]);
        assert!(error.contains("is no TorchScript module: ") && error.contains("torch.jit.trace"), "{error}");
        assert!(!error.contains('\n') && error.len() < 600, "{error}");
    }
}

#[test]
fn weights_of_another_network_are_listed_tensor_by_tensor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.safetensors");
    let data = [0_u8; 96];
    let view = |shape: Vec<usize>| {
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, &data).unwrap()
    };
    let tensors = [("_conv_stem.weight", view(vec![24])), ("features.0.weight", view(vec![2, 12]))];
    std::fs::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
    let mut other = request(1);
    other.weights.clone_from(&path);
    let error = failure(&[hello(&other)]);
    let expected = format!(
        "`{}` does not hold the weights of efficientnet-lite0:
  missing `_bn0.weight` of shape [32]
  missing `_bn0.bias` of shape [32]
",
        path.display()
    );
    assert!(error.starts_with(&expected), "{error}");
    let rest = "
  and 238 more missing
  `_conv_stem.weight` has shape [24], expected [32, 3, 3, 3]
  extra `features.0.weight` of shape [2, 12]";
    assert!(error.ends_with(rest), "{error}");
}
