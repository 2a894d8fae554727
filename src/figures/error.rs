//! Why a figure cannot be drawn.

use crate::types::Emotion;

/// Why a figure cannot be drawn.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each field is")]
pub enum FigureError {
    #[error("there is no method to draw")]
    NoMethods,
    #[error("the rate of `{method}` for `{emotion}` is {value}, outside 0 to 1")]
    Rate { method: String, emotion: Emotion, value: f64 },
    #[error("the mean rate of `{method}` is {value}, outside 0 to 1")]
    Mean { method: String, value: f64 },
    #[error("the chance rate is {value}, outside 0 to 1")]
    Chance { value: f64 },
    #[error("the drawing failed: {reason}")]
    Draw { reason: String },
    #[error("the SVG cannot be read: {reason}")]
    Svg { reason: String },
    #[error("a picture of {width} x {height} pixels is too large or empty")]
    Pixels { width: f32, height: f32 },
    #[error("the picture cannot be encoded: {reason}")]
    Encode { reason: String },
}
