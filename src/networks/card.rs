//! What is to be known about each network before it runs: the table [`NETWORKS`].

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use super::alexnet::ALEXNET;
use super::architecture::{Architecture, Layer};
use super::caffenet::CAFFENET;
use super::efficientnet_lite::{EFFICIENTNET_LITE0, EFFICIENTNET_LITE1, EFFICIENTNET_LITE2};
use super::resnet::{RESNET18, RESNET50};
use super::torchscript::TORCHSCRIPT;

/// A network: its input, its layers, where its weights come from.
#[derive(Clone, Debug)]
pub struct NetworkCard {
    /// The name used in configurations.
    pub name: &'static str,
    /// What enters it.
    pub input: Input,
    /// The layer that is read out where a configuration names none: the one before the classifier.
    pub feature: &'static str,
    /// File name of the pretrained weights that set-up fetches; `None` where users bring their own.
    pub weights: Option<&'static str>,
    /// Published weights files.
    pub known_files: &'static [KnownFile],
    /// Where pretrained weights come from, and on what terms.
    pub weights_source: &'static str,
    /// The publication that describes the network.
    pub paper: &'static str,
    /// Its operations; `None` where they are in the user's file.
    pub architecture: Option<fn() -> Architecture>,
}

/// How a square image of u8 becomes a network's input: `(x - mean) / scale` per channel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Side of the input in pixels.
    pub side: u32,
    /// Length in pixels to which an image's shorter side is resized before the central crop of `side`.
    pub resize: u32,
    /// In which order the channels enter.
    pub order: ChannelOrder,
    /// Of each channel, on the scale of 0 to 255, in that order.
    pub mean: [f32; 3],
    /// See `mean`.
    pub scale: [f32; 3],
}

/// A published weights file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownFile {
    /// Its name.
    pub name: &'static str,
    /// The digest that its publisher states.
    pub digest: FileDigest,
}

/// A digest of a file, in lower-case hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileDigest {
    /// All of the SHA-1.
    Sha1(&'static str),
    /// The beginning of the SHA-256, which PyTorch puts into file names.
    Sha256Prefix(&'static str),
}

impl FileDigest {
    /// Whether a file has it.
    pub fn is_of(self, bytes: &[u8]) -> bool {
        match self {
            Self::Sha1(expected) => hex(&Sha1::digest(bytes)) == expected,
            Self::Sha256Prefix(expected) => hex(&Sha256::digest(bytes)).starts_with(expected),
        }
    }
}

/// The published name of a file with these bytes, if it is known.
///
/// # Errors
/// A warning where the file has a published name and other bytes.
pub fn published(file: &Path, bytes: &[u8]) -> Result<Option<&'static str>, String> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let known = || NETWORKS.iter().flat_map(|card| card.known_files);
    if let Some(file) = known().find(|file| file.digest.is_of(bytes)) {
        return Ok(Some(file.name));
    }
    match known().find(|file| file.name == name) {
        Some(_) => Err(format!("it is called `{name}`, but its digest is not the published one")),
        None => Ok(None),
    }
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Order of the colour channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red: Caffe's.
    Bgr,
}

/// torchvision's normalisation: mean and standard deviation of ImageNet's pixels.
pub(super) const IMAGENET_RGB: Input = Input {
    side: 224,
    resize: 256,
    order: ChannelOrder::Rgb,
    mean: [255.0 * 0.485, 255.0 * 0.456, 255.0 * 0.406],
    scale: [255.0 * 0.229, 255.0 * 0.224, 255.0 * 0.225],
};

/// All networks; another is one row here and one file beside this one.
pub const NETWORKS: &[NetworkCard] = &[
    EFFICIENTNET_LITE0,
    EFFICIENTNET_LITE1,
    EFFICIENTNET_LITE2,
    CAFFENET,
    ALEXNET,
    RESNET18,
    RESNET50,
    TORCHSCRIPT,
];

impl NetworkCard {
    /// The network of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        NETWORKS.iter().find(|card| card.name == name)
    }

    /// The layers that can be read out. `outputs` replaces the width of the classifier.
    pub fn layers(&self, outputs: Option<usize>) -> Vec<Layer> {
        self.architecture.map(|architecture| architecture().readouts(outputs)).unwrap_or_default()
    }

    /// The layer of that name. `outputs` replaces the width of the classifier.
    pub fn layer(&self, name: &str, outputs: Option<usize>) -> Option<Layer> {
        self.layers(outputs).into_iter().find(|layer| layer.name == name)
    }

    /// The classifier's scores, before softmax.
    pub fn logits(&self, outputs: Option<usize>) -> Option<Layer> {
        self.layers(outputs).pop()
    }
}

impl Input {
    /// Bytes of one image, `[side, side, 3]` of u8.
    pub const fn image_bytes(&self) -> usize {
        self.side as usize * self.side as usize * 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_layers_are_found_by_name() {
        let card = NetworkCard::find("efficientnet-lite0").unwrap();
        assert_eq!(card.layer("penultimate", None).unwrap().width, 1280);
        assert_eq!(card.layer("fc7", None), None);
        assert_eq!(card.logits(Some(8)).unwrap().width, 8);
        assert!(NetworkCard::find("AlexNet").is_none());
    }

    /// Layer widths as published; the feature is the layer before the classifier.
    #[test]
    fn layers_have_their_published_widths() {
        let widths = |name: &str| {
            let layers = NetworkCard::find(name).unwrap().layers(None);
            layers.iter().map(|layer| (layer.name, layer.width)).collect::<Vec<_>>()
        };
        assert_eq!(
            widths("caffenet"),
            [("conv5", 256 * 169), ("pool5", 9216), ("fc6", 4096), ("fc7", 4096), ("fc8", 1000)]
        );
        assert_eq!(widths("alexnet"), widths("caffenet"));
        assert_eq!(widths("resnet18"), [("layer4", 512 * 49), ("penultimate", 512), ("logits", 1000)]);
        assert_eq!(widths("resnet50")[1], ("penultimate", 2048));
        assert_eq!(widths("efficientnet-lite2"), [("penultimate", 1280), ("logits", 1000)]);
        for card in NETWORKS {
            let layers = card.layers(None);
            let before_classifier = layers.iter().rev().nth(1).map(|layer| layer.name);
            assert!(card.architecture.is_none() || before_classifier == Some(card.feature), "{}", card.name);
        }
    }

    /// Parameters as published: 61.0 M (Krizhevsky 2012), 61.1 M, 11.7 M, 25.6 M (torchvision), 4.7 M, 5.4 M and
    /// 6.1 M (Google's table of EfficientNet-Lite).
    #[test]
    fn networks_have_their_published_size() {
        let parameters = |name: &str| {
            let architecture = NetworkCard::find(name).unwrap().architecture.unwrap()();
            let tensors = architecture.tensors(None);
            let learnt = tensors.iter().filter(|tensor| !tensor.name.contains("running_"));
            learnt.map(|tensor| tensor.shape.iter().product::<usize>()).sum::<usize>()
        };
        assert_eq!(parameters("caffenet"), 60_965_224);
        assert_eq!(parameters("alexnet"), 61_100_840);
        assert_eq!(parameters("resnet18"), 11_689_512);
        assert_eq!(parameters("resnet50"), 25_557_032);
        assert_eq!(parameters("efficientnet-lite0"), 4_652_008);
        assert_eq!(parameters("efficientnet-lite1") / 10_000, 541);
        assert_eq!(parameters("efficientnet-lite2") / 10_000, 609);
    }
}
