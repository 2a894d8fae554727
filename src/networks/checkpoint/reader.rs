//! A cursor over bytes that cannot read beyond their end.

use super::Malformed;

/// Bytes and a position in them.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// A reader that stands at `offset`, which may lie beyond the end.
    pub const fn starting_at(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, at: offset }
    }

    pub const fn position(&self) -> usize {
        self.at
    }

    /// The next `count` bytes; `what` names them in the error.
    pub fn take(&mut self, count: u64, what: &'static str) -> Result<&'a [u8], Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = usize::try_from(count).ok().and_then(|count| rest.get(..count));
        let truncated = Malformed::Truncated { what, offset: self.at, needed: count, left: rest.len() };
        let taken = taken.ok_or(truncated)?;
        self.at += taken.len();
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64, "a number")?);
        Ok(array)
    }

    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_le_bytes)
    }

    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    /// The text up to the next line feed, which is consumed.
    pub fn line(&mut self) -> Result<&'a str, Malformed> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end =
            rest.iter().position(|&byte| byte == b'\n').ok_or(Malformed::Pickle("a line has no end"))?;
        let line = self.take(end as u64, "a line")?;
        self.at += 1;
        str::from_utf8(line).map_err(|_| Malformed::Pickle("a name is not UTF-8"))
    }
}
