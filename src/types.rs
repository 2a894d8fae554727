//! Checked values that every layer shares: emotions, seeds, content digests.
//!
//! A value of one of these types is right by construction; nothing behind the border checks it again.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The eight emotions of Mikels et al. (2005), in the order that every table and figure uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Emotion {
    Amusement,
    Anger,
    Awe,
    Contentment,
    Disgust,
    Excitement,
    Fear,
    Sadness,
}

impl Emotion {
    /// All eight, in the paper's order.
    pub const ALL: [Self; 8] = [
        Self::Amusement,
        Self::Anger,
        Self::Awe,
        Self::Contentment,
        Self::Disgust,
        Self::Excitement,
        Self::Fear,
        Self::Sadness,
    ];

    /// The lower-case English name, as it stands in manifests, folders and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Amusement => "amusement",
            Self::Anger => "anger",
            Self::Awe => "awe",
            Self::Contentment => "contentment",
            Self::Disgust => "disgust",
            Self::Excitement => "excitement",
            Self::Fear => "fear",
            Self::Sadness => "sadness",
        }
    }

    /// Position in [`Emotion::ALL`], 0 to 7.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// How often each occurs.
    pub fn counts(emotions: impl IntoIterator<Item = Self>) -> [usize; 8] {
        let mut counts = [0; 8];
        for emotion in emotions {
            counts[emotion.index()] += 1;
        }
        counts
    }

    /// Whether the figures show it among the positive emotions.
    pub const fn is_positive(self) -> bool {
        matches!(self, Self::Amusement | Self::Awe | Self::Contentment | Self::Excitement)
    }

    /// The emotion of that name; upper and lower case are equal, surrounding blanks are ignored.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim();
        Self::ALL.into_iter().find(|emotion| emotion.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Emotion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The only source of randomness: every random choice is a function of a seed and of what is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed of repetition `number`, from 0, which has this one itself.
    #[must_use]
    pub const fn of_repeat(self, number: usize) -> Self {
        // Steps of the golden ratio, as in SplitMix64: neighbouring experiments' repetitions do not meet.
        Self(self.0.wrapping_add((number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

/// A number of bytes, as people read and write it: `4GiB`, `500 MB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Bytes {
    const UNITS: [(&'static str, u64); 9] = [
        ("gib", 1 << 30),
        ("mib", 1 << 20),
        ("kib", 1 << 10),
        ("gb", 1_000_000_000),
        ("mb", 1_000_000),
        ("kb", 1000),
        ("g", 1 << 30),
        ("m", 1 << 20),
        ("b", 1),
    ];
}

impl std::str::FromStr for Bytes {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "a number with a unit, as in 4GiB or 500MB";
        let lower = text.trim().to_ascii_lowercase();
        let unit = Self::UNITS.iter().find_map(|(unit, size)| Some((lower.strip_suffix(unit)?, *size)));
        let (number, size) = unit.ok_or(EXPECTED)?;
        let number: f64 = number.trim().parse().map_err(|_| EXPECTED)?;
        let bytes = number * size as f64;
        if (1.0..1e18).contains(&bytes) { Ok(Self(bytes as u64)) } else { Err(EXPECTED) }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |shift: u32| self.0 as f64 / (1_u64 << shift) as f64;
        match self.0 {
            bytes if bytes >> 30 > 0 => write!(f, "{:.1} GiB", of(30)),
            bytes if bytes >> 20 > 0 => write!(f, "{:.0} MiB", of(20)),
            _ => write!(f, "{:.0} KiB", of(10)),
        }
    }
}

/// blake3 hash of some bytes: the name of a blob, of an image, of a weights file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// 64 lower-case hexadecimal digits.
    pub fn to_hex(self) -> String {
        const DIGITS: [char; 16] =
            ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits.map(|digit| DIGITS[usize::from(digit)]).collect()
    }

    /// Reads what [`Digest::to_hex`] wrote.
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *byte = (high * 16 + low) as u8;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| serde::de::Error::custom("expected 64 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emotions_keep_the_papers_order() {
        for (index, emotion) in Emotion::ALL.into_iter().enumerate() {
            assert_eq!(emotion.index(), index);
            assert_eq!(Emotion::from_name(&emotion.name().to_uppercase()), Some(emotion));
        }
        assert_eq!(Emotion::from_name("joy"), None);
    }

    #[test]
    fn digests_round_trip_as_hex() {
        let digest = Digest(std::array::from_fn(|i| (i * 37 % 256) as u8));
        assert_eq!(Digest::from_hex(&digest.to_hex()), Some(digest));
        assert_eq!(Digest::from_hex("zz"), None);
        assert_eq!(Digest::from_hex(&"é".repeat(32)), None);
    }
}
