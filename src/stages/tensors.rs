//! Models as safetensors of f64: the fence around that format.

use ndarray::{Array1, Array2, ArrayD, IxDyn};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::stage::ArtifactError;

/// Named arrays, written in the order of their names.
#[derive(Default)]
pub struct Tensors {
    arrays: Vec<(String, Vec<usize>, Vec<u8>)>,
}

impl Tensors {
    /// Adds an array of any shape.
    pub fn with<'a>(
        mut self,
        name: &str,
        shape: &[usize],
        values: impl IntoIterator<Item = &'a f64>,
    ) -> Self {
        let mut bytes = Vec::with_capacity(8 * shape.iter().product::<usize>());
        for value in values {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        self.arrays.push((name.to_owned(), shape.to_vec(), bytes));
        self
    }

    /// The file.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ArtifactError> {
        let views = self.arrays.iter().map(|(name, shape, bytes)| {
            TensorView::new(Dtype::F64, shape.clone(), bytes).map(|view| (name.clone(), view))
        });
        let views = views.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        safetensors::serialize(views, None).map_err(failed)
    }
}

/// Arrays read back.
pub struct ReadTensors<'a>(SafeTensors<'a>);

impl<'a> ReadTensors<'a> {
    /// From a file's bytes.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, ArtifactError> {
        SafeTensors::deserialize(bytes).map(Self).map_err(failed)
    }

    /// Whether there is such an array.
    pub fn has(&self, name: &str) -> bool {
        self.0.tensor(name).is_ok()
    }

    /// An array of any shape.
    pub fn array(&self, name: &str) -> Result<ArrayD<f64>, ArtifactError> {
        let view = self.0.tensor(name).map_err(failed)?;
        let values = view.data().as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        ArrayD::from_shape_vec(IxDyn(view.shape()), values)
            .map_err(|error| ArtifactError(format!("`{name}`: {error}")))
    }

    /// An array `[n]`.
    pub fn vector(&self, name: &str) -> Result<Array1<f64>, ArtifactError> {
        self.array(name)?.into_dimensionality().map_err(|error| ArtifactError(format!("`{name}`: {error}")))
    }

    /// An array `[n, m]`.
    pub fn matrix(&self, name: &str) -> Result<Array2<f64>, ArtifactError> {
        self.array(name)?.into_dimensionality().map_err(|error| ArtifactError(format!("`{name}`: {error}")))
    }

    /// An array of one number.
    pub fn number(&self, name: &str) -> Result<f64, ArtifactError> {
        let missing = || ArtifactError(format!("`{name}` is empty"));
        self.vector(name)?.first().copied().ok_or_else(missing)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: safetensors::SafeTensorError) -> ArtifactError {
    ArtifactError(error.to_string())
}
