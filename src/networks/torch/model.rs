//! What a worker runs: normalisation and a network, or a module of the user's.

use std::path::{Path, PathBuf};

use emolab::networks::{ChannelOrder, Input};
use tch::{CModule, Device, Kind, TchError, Tensor};

use crate::inference::Network;
use crate::kernels;

/// A network, ready for images of u8.
#[derive(Debug)]
pub struct Model {
    run: Run,
    normalisation: Normalisation,
}

#[derive(Debug)]
enum Run {
    Network(Network),
    /// A TorchScript module and its file, from which another thread gets its own.
    Module(CModule, PathBuf),
}

/// `(x - mean) / scale`, and the order of channels.
#[derive(Debug)]
pub struct Normalisation {
    input: Input,
    /// `[3, 1, 1]`
    mean: Tensor,
    /// `[3, 1, 1]`
    scale: Tensor,
    device: Device,
    kind: Kind,
}

impl Normalisation {
    /// For images that enter a network as `input` says.
    pub fn new(input: Input, device: Device, kind: Kind) -> Result<Self, TchError> {
        let place =
            |numbers: [f32; 3]| Tensor::f_from_slice(&numbers)?.f_reshape([3, 1, 1])?.f_to_device(device);
        Ok(Self { input, mean: place(input.mean)?, scale: place(input.scale)?, device, kind })
    }

    /// `[b, 3, side, side]`, channels-last in memory, from images `[b, side, side, 3]` of u8.
    pub fn apply(&self, pixels: &[u8]) -> Result<Tensor, TchError> {
        let Input { side, order, mean, scale, .. } = self.input;
        if self.device == Device::Cpu && order == ChannelOrder::Rgb {
            let x = kernels::normalise(pixels, side as usize, mean, scale)?;
            return x.f_permute([0, 3, 1, 2])?.f_to_kind(self.kind);
        }
        let side = i64::from(side);
        let images = (pixels.len() / self.input.image_bytes()) as i64;
        let x = Tensor::f_from_data_size(pixels, &[images, side, side, 3], Kind::Uint8)?;
        let mut x = x.f_to_device(self.device)?;
        if order == ChannelOrder::Bgr {
            x = x.f_flip([3])?;
        }
        let x = x.f_permute([0, 3, 1, 2])?.f_to_kind(Kind::Float)?;
        x.f_sub(&self.mean)?.f_div(&self.scale)?.f_to_kind(self.kind)
    }

    fn share(&self) -> Result<Self, TchError> {
        Ok(Self { mean: self.mean.f_detach()?, scale: self.scale.f_detach()?, ..*self })
    }
}

impl Model {
    /// A network of ours.
    pub const fn of_network(network: Network, normalisation: Normalisation) -> Self {
        Self { run: Run::Network(network), normalisation }
    }

    /// A TorchScript module. It is a program, and is run.
    ///
    /// # Errors
    /// Why the file is none, in one line: libtorch's own message goes on with a trace of its C++.
    pub fn of_module(file: &Path, normalisation: Normalisation) -> Result<Self, String> {
        let module = load_module(file, &normalisation).map_err(|error| {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default().trim_end_matches(" ()");
            let path = file.display();
            format!(
                "`{path}` is no TorchScript module: {line}; make one with `torch.jit.trace(model, images).save(...)`, a \
                 state dict alone does not say what to compute"
            )
        })?;
        Ok(Self { run: Run::Module(module, file.to_owned()), normalisation })
    }

    /// Whether many images at once are faster than one after the other.
    pub fn has_large_head(&self) -> bool {
        matches!(&self.run, Run::Network(network) if network.has_large_head())
    }

    /// Whether an image's rows have the same bits whatever other images there are.
    pub fn is_independent(&self) -> bool {
        matches!(&self.run, Run::Network(network) if network.is_independent())
    }

    /// What the trunk makes of images `[b, side, side, 3]`.
    pub fn trunk(&self, pixels: &[u8]) -> Result<Tensor, TchError> {
        let images = self.normalisation.apply(pixels)?;
        match &self.run {
            Run::Network(network) => network.trunk(images),
            Run::Module(module, _) => module.forward_ts(&[images])?.f_flatten(1, -1)?.f_to_kind(Kind::Float),
        }
    }

    /// Rows `[b, width]` of f32 from what the trunk made.
    pub fn head(&self, maps: Tensor) -> Result<Tensor, TchError> {
        match &self.run {
            Run::Network(network) => network.head(maps),
            Run::Module(..) => Ok(maps),
        }
    }

    /// The same for another thread.
    pub fn share(&self) -> Result<Self, TchError> {
        let normalisation = self.normalisation.share()?;
        let run = match &self.run {
            Run::Network(network) => Run::Network(network.share()?),
            Run::Module(_, file) => Run::Module(load_module(file, &normalisation)?, file.clone()),
        };
        Ok(Self { run, normalisation })
    }
}

fn load_module(file: &Path, normalisation: &Normalisation) -> Result<CModule, TchError> {
    let mut module = CModule::load_on_device(file, normalisation.device)?;
    module.f_set_eval()?;
    module.to(normalisation.device, normalisation.kind, false);
    Ok(module)
}
