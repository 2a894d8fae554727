//! What can be wrong with the bytes of a weights file.

/// A weights file that is damaged, or none at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Malformed {
    #[error("neither a PyTorch state dict nor a safetensors, npz or caffemodel file")]
    UnknownFormat,
    #[error("truncated in tensor `{tensor}`: {needed} bytes were expected, {left} found")]
    TruncatedTensor { tensor: String, needed: u64, left: usize },
    #[error("truncated: {what} needs {needed} bytes at offset {offset}, the file has {left}")]
    Truncated { what: &'static str, offset: usize, needed: u64, left: usize },
    #[error("it names `{0}`, which is not part of a plain state dict: save `model.state_dict()` instead")]
    ForbiddenGlobal(String),
    #[error("opcode {opcode:#04x} at offset {offset} of the pickle has no place in a state dict")]
    UnknownOpcode { opcode: u8, offset: usize },
    #[error("the pickle is damaged: {0}")]
    Pickle(&'static str),
    #[error("not a state dict: {0}")]
    NotAStateDict(&'static str),
    #[error(
        "it holds no floating-point tensors{}",
        if *left_out > 0 { format!(", but {left_out} entries of other kinds") } else { String::new() }
    )]
    NoTensors { left_out: usize },
    #[error(
        "it is a TorchScript module, which is a program: save `model.state_dict()` instead, or run it with \
         `network = \"torchscript\"`"
    )]
    TorchScript,
    #[error(
        "its entry `{0}` is compressed, which `torch.save` never does: unpack the archive and pack it again without \
         compression (`zip -0 -r`)"
    )]
    Compressed(String),
    #[error("the zip archive is damaged: {0}")]
    Archive(&'static str),
    #[error("the zip archive has no entry `{0}`")]
    NoEntry(String),
    #[error("storage `{0}` is named but not stored")]
    NoStorage(String),
    #[error("tensor `{tensor}` of shape {shape:?} reaches beyond its storage of {numel} elements")]
    OutOfStorage { tensor: String, shape: Vec<usize>, numel: usize },
    #[error("its tensors share storage so often that they would not fit into memory")]
    TooMuchSharing,
    #[error("big-endian files are not supported")]
    BigEndian,
    #[error("npz: {0}")]
    Npz(String),
    #[error("caffemodel: {0}")]
    Caffe(&'static str),
    #[error("caffemodel: the numbers of `{tensor}` do not fit its shape")]
    CaffeShape { tensor: String },
    #[error("caffemodel: there are two tensors `{tensor}`")]
    CaffeTwice { tensor: String },
    #[error("safetensors: {0}")]
    Safetensors(String),
}
