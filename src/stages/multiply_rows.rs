//! `multiply-rows`: products of all pairs of rows of features, from which every fold, and every fold inside it, is
//! decomposed without a look at the features; of many rows, or of more than there are features, none.

use std::sync::Arc;

use serde::Serialize;

use super::features::Features;
use super::file;
use super::tensors::{ReadTensors, Tensors};
use crate::solvers::pca::{Keep, PcaSolver, RowProducts};
use crate::stage::{Artifact, ArtifactError, Context, Files, Handle, Stage, StageError};

const FILE: &str = "products.safetensors";

/// The products, where they are of use.
#[derive(Clone, Debug, PartialEq)]
pub struct Products(pub Option<RowProducts>);

impl Artifact for Products {
    fn save(&self) -> Result<Files, ArtifactError> {
        let tensors = match &self.0 {
            Some(RowProducts { products, features }) => Tensors::default()
                .with("products", products.shape(), products)
                .with("features", &[1], &[*features as f64]),
            None => Tensors::default(),
        };
        Ok(Files::from([(FILE.to_owned(), tensors.to_bytes()?)]))
    }

    fn load(files: &Files) -> Result<Self, ArtifactError> {
        let tensors = ReadTensors::from_bytes(file(files, FILE)?)?;
        if !tensors.has("products") {
            return Ok(Self(None));
        }
        let products = tensors.matrix("products")?;
        if !products.is_square() {
            return Err(ArtifactError(format!("`{FILE}` is not square")));
        }
        Ok(Self(Some(RowProducts { products, features: tensors.number("features")? as usize })))
    }
}

impl Products {
    /// Those of a stage, or none where none was planned.
    pub(super) fn planned(
        handle: Option<&Handle<Self>>,
        context: &Context<'_>,
    ) -> Result<Arc<Self>, StageError> {
        handle.map_or_else(|| Ok(Arc::new(Self(None))), |handle| context.get(handle))
    }
}

/// The stage.
#[derive(Serialize)]
pub struct MultiplyRows {
    /// Features of all images.
    pub features: Handle<Features>,
    /// How many components parts of them are decomposed for.
    pub level: Keep,
    /// How those are found.
    pub solver: PcaSolver,
    /// Which code finds them, and its version.
    pub code: &'static str,
}

impl Stage for MultiplyRows {
    const NAME: &'static str = "multiply-rows";
    const VERSION: u32 = 1;
    type Output = Products;

    // Rows centred in f64, and their products, which are no larger, three times.
    fn memory(&self, inputs: u64) -> u64 {
        9 * inputs + (8 << 20)
    }

    fn run(&self, context: &Context<'_>) -> Result<Products, StageError> {
        let features = context.get(&self.features)?;
        let products =
            context.parallel(|| RowProducts::where_used(features.0.view(), self.level, self.solver));
        // A value that is not finite is told by the first fold that has it.
        Ok(Products(products.unwrap_or_default()))
    }
}
