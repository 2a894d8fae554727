//! Caffe's `.caffemodel`: a protobuf `NetParameter`, read with a schema of just the messages that hold weights.
//!
//! Field numbers are those of Caffe's `caffe.proto`, for layers since 2014 (`layer = 100`) and before
//! (`layers = 2`, `V1LayerParameter`). The blobs of a convolution or an inner product become `<layer>.weight` and
//! `<layer>.bias`, those of any other layer `<layer>.blobs.<i>`. Blobs with `num`, `channels`, `height` and `width` instead
//! of a shape have leading axes of length 1, which a bias and the weight of an inner product lose.

use std::collections::BTreeMap;

use prost::Message;

use super::{Malformed, Tensor};

#[derive(Clone, PartialEq, Message)]
struct NetParameter {
    #[prost(message, repeated, tag = "2")]
    layers: Vec<V1LayerParameter>,
    #[prost(message, repeated, tag = "100")]
    layer: Vec<LayerParameter>,
}

#[derive(Clone, PartialEq, Message)]
struct LayerParameter {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    kind: Option<String>,
    #[prost(message, repeated, tag = "7")]
    blobs: Vec<BlobProto>,
}

#[derive(Clone, PartialEq, Message)]
struct V1LayerParameter {
    /// A `V0LayerParameter`: layers before 2013 wrapped their own message.
    #[prost(bytes = "vec", optional, tag = "1")]
    v0: Option<Vec<u8>>,
    #[prost(string, optional, tag = "4")]
    name: Option<String>,
    #[prost(int32, optional, tag = "5")]
    kind: Option<i32>,
    #[prost(message, repeated, tag = "6")]
    blobs: Vec<BlobProto>,
}

#[derive(Clone, PartialEq, Message)]
struct BlobProto {
    #[prost(int32, optional, tag = "1")]
    num: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    channels: Option<i32>,
    #[prost(int32, optional, tag = "3")]
    height: Option<i32>,
    #[prost(int32, optional, tag = "4")]
    width: Option<i32>,
    #[prost(float, repeated, tag = "5")]
    data: Vec<f32>,
    #[prost(message, optional, tag = "7")]
    shape: Option<BlobShape>,
    #[prost(double, repeated, tag = "8")]
    double_data: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct BlobShape {
    #[prost(int64, repeated, tag = "1")]
    dim: Vec<i64>,
}

/// What a layer is, as far as its blobs go.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Convolution,
    InnerProduct,
    Other,
}

impl Kind {
    fn of_name(name: &str) -> Self {
        match name {
            "Convolution" | "Deconvolution" => Self::Convolution,
            "InnerProduct" => Self::InnerProduct,
            _ => Self::Other,
        }
    }

    /// `V1LayerParameter.LayerType`.
    const fn of_number(number: i32) -> Self {
        match number {
            4 | 39 => Self::Convolution,
            14 => Self::InnerProduct,
            _ => Self::Other,
        }
    }
}

/// Whether a file may be one: it has no magic, but begins with the tag of the net's name or of a layer.
pub fn may_be(bytes: &[u8]) -> bool {
    matches!(bytes, [0x0a | 0x12, ..] | [0xa2, 0x06, ..])
}

/// The weights of a net.
pub fn parse(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, Malformed> {
    let net = NetParameter::decode(bytes).map_err(|_| Malformed::UnknownFormat)?;
    if net.layers.iter().any(|layer| layer.v0.is_some()) {
        return Err(Malformed::Caffe(
            "its layers are of before 2013: upgrade it with Caffe's upgrade_net_proto_binary",
        ));
    }
    let mut tensors = BTreeMap::new();
    let old = net.layers.into_iter().map(|layer| {
        (layer.name.unwrap_or_default(), Kind::of_number(layer.kind.unwrap_or_default()), layer.blobs)
    });
    let new = net.layer.into_iter().map(|layer| {
        (
            layer.name.unwrap_or_default(),
            Kind::of_name(layer.kind.as_deref().unwrap_or_default()),
            layer.blobs,
        )
    });
    for (layer, kind, blobs) in old.chain(new) {
        for (number, blob) in blobs.into_iter().enumerate() {
            let name = match (kind, number) {
                (Kind::Other, _) | (_, 2..) => format!("{layer}.blobs.{number}"),
                (_, 0) => format!("{layer}.weight"),
                _ => format!("{layer}.bias"),
            };
            let tensor = tensor(blob, kind, number == 1)
                .ok_or_else(|| Malformed::CaffeShape { tensor: name.clone() })?;
            if tensors.insert(name.clone(), tensor).is_some() {
                return Err(Malformed::CaffeTwice { tensor: name });
            }
        }
    }
    if tensors.is_empty() {
        return Err(Malformed::UnknownFormat);
    }
    Ok(tensors)
}

fn tensor(blob: BlobProto, kind: Kind, is_bias: bool) -> Option<Tensor> {
    let data = if blob.data.is_empty() {
        blob.double_data.into_iter().map(|number| number as f32).collect()
    } else {
        blob.data
    };
    let dims: Vec<i64> = match blob.shape {
        Some(shape) => shape.dim,
        None => [blob.num, blob.channels, blob.height, blob.width]
            .map(|length| i64::from(length.unwrap_or_default()))
            .to_vec(),
    };
    let mut shape: Vec<usize> =
        dims.into_iter().map(|length| usize::try_from(length).ok()).collect::<Option<_>>()?;
    let axes = match kind {
        _ if is_bias => 1,
        Kind::InnerProduct => 2,
        Kind::Convolution | Kind::Other => 4,
    };
    while shape.len() > axes && shape.first() == Some(&1) {
        shape.remove(0);
    }
    let count = shape.iter().try_fold(1_usize, |count, length| count.checked_mul(*length))?;
    (count == data.len()).then_some(Tensor { shape, data })
}
