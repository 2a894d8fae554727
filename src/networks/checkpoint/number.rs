//! The number formats of storages, little-endian.

/// How a storage's elements are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    F64,
    F32,
    F16,
    Bf16,
    /// Integers and truth values of that many bytes: counted, never decoded.
    Integer(u8),
}

impl Number {
    /// The format of `torch.<class>`.
    pub fn of_storage(class: &str) -> Option<Self> {
        Some(match class {
            "DoubleStorage" => Self::F64,
            "FloatStorage" => Self::F32,
            "HalfStorage" => Self::F16,
            "BFloat16Storage" => Self::Bf16,
            "LongStorage" => Self::Integer(8),
            "IntStorage" => Self::Integer(4),
            "ShortStorage" => Self::Integer(2),
            "CharStorage" | "ByteStorage" | "BoolStorage" => Self::Integer(1),
            _ => return None,
        })
    }

    /// As PyTorch and NumPy call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F64 => "float64",
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
            Self::Integer(_) => "integer",
        }
    }

    /// Bytes per element.
    pub const fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Integer(size) => size as usize,
        }
    }

    /// The elements of `bytes` as f32; `None` for integers. An incomplete last element is dropped.
    pub fn decode(self, bytes: &[u8]) -> Option<Vec<f32>> {
        fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes.as_chunks().0.iter().map(|&chunk| number(chunk)).collect()
        }
        match self {
            Self::F64 => Some(each(bytes, |chunk| f64::from_le_bytes(chunk) as f32)),
            Self::F32 => Some(each(bytes, f32::from_le_bytes)),
            Self::F16 => Some(each(bytes, |chunk| half(u16::from_le_bytes(chunk)))),
            Self::Bf16 => {
                Some(each(bytes, |chunk| f32::from_bits(u32::from(u16::from_le_bytes(chunk)) << 16)))
            }
            Self::Integer(_) => None,
        }
    }
}

/// IEEE 754 binary16: sign, 5 bits of exponent with bias 15, 10 bits of fraction.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10 & 0x1f);
    let fraction = u32::from(bits & 0x3ff);
    match exponent {
        // Subnormal: fraction * 2^-24, exact in f32.
        0 => f32::from_bits(sign | (fraction as f32 / 16_777_216.0).to_bits()),
        0x1f => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_follows_the_standard() {
        // From the table of examples of IEEE 754 binary16.
        let cases = [
            (0x0000, 0.0),
            (0x8000, -0.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x3555, 0.333_251_95),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ];
        for (bits, value) in cases {
            assert_eq!(half(bits).to_bits(), f32::to_bits(value), "{bits:#06x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn every_float_format_decodes_one_and_a_half() {
        assert_eq!(Number::F64.decode(&1.5_f64.to_le_bytes()), Some(vec![1.5]));
        assert_eq!(Number::F32.decode(&1.5_f32.to_le_bytes()), Some(vec![1.5]));
        assert_eq!(Number::F16.decode(&[0x00, 0x3e]), Some(vec![1.5]));
        assert_eq!(Number::Bf16.decode(&[0xc0, 0x3f]), Some(vec![1.5]));
        assert_eq!(Number::Integer(1).decode(&[1]), None);
    }
}
