//! What a weights file holds: its tensors, and what is told of all else in it.

use std::collections::{BTreeMap, BTreeSet};

use super::number::Number;
use super::{Malformed, Tensor};

/// What PyTorch's `DataParallel` puts before every name.
const WRAPPER: &str = "module.";
/// Names of a kind that are told; the rest are counted.
const NAMED: usize = 3;

/// Tensors by name, and what is told of the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// The floating-point ones, in f32.
    pub tensors: BTreeMap<String, Tensor>,
    /// What is no floating-point tensor, by name.
    pub left_out: BTreeMap<String, LeftOut>,
    /// Number formats, and how many tensors are stored in each.
    pub formats: BTreeMap<&'static str, usize>,
    /// Tensors with numbers that are not finite, as they are in f32.
    pub not_finite: BTreeSet<String>,
    /// Whether every name began with `module.`, which was taken off.
    pub was_wrapped: bool,
}

/// Why an entry is not among the tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// Its numbers are no floating-point numbers: a batch counter, an index, a mask.
    NotFloats,
    /// A list, a tuple or a dict, whatever is in it.
    Nested,
    /// A number, a text, nothing.
    NoTensor,
    /// It stands beside the `state_dict` of a training's checkpoint.
    BesideStateDict,
}

impl LeftOut {
    const ALL: [Self; 4] = [Self::NotFloats, Self::Nested, Self::NoTensor, Self::BesideStateDict];

    /// As it follows the names.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotFloats => "integers or truth values",
            Self::Nested => "a list or table inside the state dict",
            Self::NoTensor => "no tensor",
            Self::BesideStateDict => "beside `state_dict`",
        }
    }
}

impl Contents {
    /// Of tensors that were stored in f32.
    pub(super) fn of(tensors: BTreeMap<String, Tensor>) -> Self {
        let formats = [(Number::F32.name(), tensors.len())].into();
        Self { tensors, formats, ..Self::default() }
    }

    /// Takes a tensor's bytes in, or notes that they are no floating-point numbers.
    pub(super) fn insert(&mut self, name: String, number: Number, tensor: Option<Tensor>) {
        match tensor {
            Some(tensor) => {
                *self.formats.entry(number.name()).or_default() += 1;
                if tensor.data.iter().any(|number| !number.is_finite()) {
                    self.not_finite.insert(name.clone());
                }
                self.tensors.insert(name, tensor);
            }
            None => {
                self.left_out.insert(name, LeftOut::NotFloats);
            }
        }
    }

    /// Without the names' wrapper; an error if there are no tensors at all.
    pub(super) fn finish(mut self) -> Result<Self, Malformed> {
        if self.tensors.is_empty() {
            return Err(Malformed::NoTensors { left_out: self.left_out.len() });
        }
        if self.tensors.keys().all(|name| name.starts_with(WRAPPER)) {
            let bare = |(name, tensor): (String, Tensor)| (name[WRAPPER.len()..].to_owned(), tensor);
            self.tensors = self.tensors.into_iter().map(bare).collect();
            self.not_finite = self.not_finite.iter().map(|name| name[WRAPPER.len()..].to_owned()).collect();
            self.was_wrapped = true;
        }
        Ok(self)
    }

    /// All that is not as the names and shapes of the tensors say, a line each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.was_wrapped {
            notes.push("`module.` (DataParallel) was taken off every name".to_owned());
        }
        for (format, count) in self.formats.iter().filter(|(format, _)| **format != Number::F32.name()) {
            let how = if *format == Number::F64.name() { "rounded" } else { "widened" };
            let tensors = if *count == 1 { "1 tensor is".to_owned() } else { format!("{count} tensors are") };
            notes.push(format!("{tensors} stored as {format} and {how} to float32"));
        }
        if !self.not_finite.is_empty() {
            notes.push(format!("with infinite numbers or NaN: {}", named(self.not_finite.iter())));
        }
        for kind in LeftOut::ALL {
            let of_kind =
                || self.left_out.iter().filter(|(_, reason)| **reason == kind).map(|(name, _)| name);
            if of_kind().next().is_some() {
                notes.push(format!("left out, {}: {}", kind.reason(), named(of_kind())));
            }
        }
        notes
    }
}

/// The first few names, and the number of the others.
fn named<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names[..names.len().min(NAMED)].join(", "))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use safetensors::tensor::{Dtype, TensorView};
    use zip::write::{FileOptions, ZipWriter};

    use super::super::contents;
    use super::*;

    /// Tensors of one zero each, in a safetensors file.
    fn stored(tensors: &[(&str, Dtype)]) -> Result<Contents, Malformed> {
        let view = |(name, kind): &(&str, Dtype)| {
            let zero = &[0; 8][..kind.bitsize() / 8];
            ((*name).to_owned(), TensorView::new(*kind, vec![1], zero).unwrap())
        };
        contents(&safetensors::serialize(tensors.iter().map(view), None).unwrap())
    }

    fn zipped(names: &[&str], method: zip::CompressionMethod) -> Result<Contents, Malformed> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            archive.start_file(*name, FileOptions::default().compression_method(method)).unwrap();
            archive.write_all(&[7; 500]).unwrap();
        }
        contents(&archive.finish().unwrap().into_inner())
    }

    #[test]
    fn what_is_left_out_or_stored_otherwise_is_told() {
        let found = stored(&[
            ("module.a", Dtype::F16),
            ("module.b", Dtype::F64),
            ("module.c", Dtype::F32),
            ("module.mask", Dtype::BOOL),
        ])
        .unwrap();
        assert_eq!(found.tensors.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(
            found.notes(),
            [
                "`module.` (DataParallel) was taken off every name",
                "1 tensor is stored as float16 and widened to float32",
                "1 tensor is stored as float64 and rounded to float32",
                "left out, integers or truth values: `module.mask`",
            ]
        );
        let mixed = stored(&[("module.a", Dtype::F32), ("b", Dtype::F32)]).unwrap();
        assert!(mixed.tensors.contains_key("module.a") && mixed.notes().is_empty());
    }

    #[test]
    fn what_holds_no_weights_is_told_by_its_kind() {
        use zip::CompressionMethod::{Deflated, Stored};
        let none = stored(&[("mask", Dtype::BOOL)]);
        assert_eq!(none, Err(Malformed::NoTensors { left_out: 1 }));
        assert_eq!(zipped(&[], Stored), Err(Malformed::NoTensors { left_out: 0 }));
        let module = ["m/data.pkl", "m/code/__torch__.py", "m/constants.pkl"];
        assert_eq!(zipped(&module, Deflated), Err(Malformed::TorchScript));
        assert_eq!(zipped(&module, Stored), Err(Malformed::TorchScript));
        assert_eq!(zipped(&module[..1], Deflated), Err(Malformed::Compressed("m/data.pkl".to_owned())));
    }

    #[test]
    fn entries_of_a_checkpoint_that_are_no_weights_are_told() {
        let training = include_bytes!("../../../tests/fixtures/checkpoint/training.pth");
        let notes = contents(training).unwrap().notes().join("\n");
        assert!(notes.contains("left out, beside `state_dict`: "), "{notes}");
    }
}
