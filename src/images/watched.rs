//! A file in memory that remembers whether more was asked of it than it holds.
//!
//! The decoders say in many ways that bytes are missing (`failed to fill whole buffer`, `Corrupt bitstream`, `an expected
//! chunk was missing`), and some in the same words in which they say that bytes are wrong. That one of them read on at
//! the end of the file, and then failed, tells a truncated file from a damaged one.

use std::cell::Cell;
use std::io::{BufRead, Cursor, Read, Result, Seek, SeekFrom};

/// Reads `bytes`, and notes in `ran_out` when there were none left to give.
pub(super) struct Watched<'a> {
    bytes: Cursor<&'a [u8]>,
    ran_out: &'a Cell<bool>,
}

impl<'a> Watched<'a> {
    pub(super) const fn new(bytes: &'a [u8], ran_out: &'a Cell<bool>) -> Self {
        Self { bytes: Cursor::new(bytes), ran_out }
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.bytes.read(buffer)?;
        if count == 0 && !buffer.is_empty() {
            self.ran_out.set(true);
        }
        Ok(count)
    }
}

impl BufRead for Watched<'_> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        let bytes = self.bytes.fill_buf()?;
        if bytes.is_empty() {
            self.ran_out.set(true);
        }
        Ok(bytes)
    }

    fn consume(&mut self, amount: usize) {
        self.bytes.consume(amount);
    }
}

impl Seek for Watched<'_> {
    fn seek(&mut self, position: SeekFrom) -> Result<u64> {
        self.bytes.seek(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_behind_the_end_counts() {
        let ran_out = Cell::new(false);
        let mut file = Watched::new(b"abcd", &ran_out);
        let mut two = [0; 2];
        file.read_exact(&mut two).unwrap();
        assert_eq!(file.fill_buf().unwrap(), b"cd");
        // As a buffer that is larger than the file does.
        assert_eq!(file.read(&mut [0; 8]).unwrap(), 2);
        assert_eq!(file.read(&mut []).unwrap(), 0);
        assert!(!ran_out.get());
        assert!(file.fill_buf().unwrap().is_empty());
        assert!(ran_out.take());
        file.seek(SeekFrom::Start(3)).unwrap();
        file.read_exact(&mut two).unwrap_err();
        assert!(ran_out.get());
    }
}
