//! Image files to pixels: [`decode`] reads a file, [`prepare`] brings the pixels to a network's input size.
//!
//! Invariant: the bytes that come out depend on the file's bytes, the limits and the [`Preprocess`] alone, and
//! whatever the bytes that go in, the answer is pixels or a typed error. What comes out is always RGB, 8 bits a
//! channel, `[height, width, 3]`, rows from the top, turned upright by its EXIF orientation, transparent parts
//! on white. Colour profiles are not applied (nor does the usual Python or Caffe pipeline).
//!
//! Resizing antialiases as Pillow does: the kernel is widened by the reduction factor. Its arithmetic is
//! in integers, and its bytes are equal with AVX2, SSE4.1 and neither; a test holds that.

pub mod augment;
mod decode;
mod difference_hash;
mod error;
mod jpeg;
mod limits;
mod near_duplicates;
mod prepare;
mod sniff;
mod square;
mod thumbnail;
mod watched;

pub use decode::{Pixels, decode};
pub use difference_hash::{DifferenceHash, VERSION as HASH_VERSION, difference_hash};
pub use error::ImageError;
pub use limits::{Limits, MOST_BYTES};
pub use near_duplicates::{NearPair, near_duplicates, nearest_known};
pub use prepare::{Filter, Fit, Preprocess, prepare};
pub use square::square;
pub use thumbnail::thumbnail;

/// What shapes decoded and resized pixels; part of the cache keys of all that is computed from them.
pub const VERSION: &str = "image 0.25.10, fast_image_resize 6.1.0, ours 1";

/// What shapes decoded pixels alone.
pub const DECODER: &str = "image 0.25.10, ours 1";

#[cfg(test)]
mod fixture_tests;
#[cfg(test)]
mod hostile_tests;

#[cfg(test)]
mod tests {
    use super::*;

    /// The version that `Cargo.lock` pins for `name`.
    fn locked(name: &str) -> String {
        let lock = include_str!("../../Cargo.lock");
        let entry =
            lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{name}\"\n"))).unwrap();
        entry.lines().find_map(|line| line.strip_prefix("version = ")).unwrap().trim_matches('"').to_owned()
    }

    #[test]
    fn the_versions_named_are_those_that_are_locked() {
        let (image, resize) = (locked("image"), locked("fast_image_resize"));
        assert_eq!(VERSION, format!("image {image}, fast_image_resize {resize}, ours 1"));
        assert_eq!(DECODER, format!("image {image}, ours 1"));
    }
}
