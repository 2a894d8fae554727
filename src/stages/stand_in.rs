//! `draw-stand-in`: drawings that stand in for a data set that is not here.

use std::path::PathBuf;

use serde::Serialize;

use super::list::{Archive, ListedImage, Listing};
use crate::dataset::stand_in::{self, Drawing, StandInError, StandInSet};
use crate::stage::{Context, Stage, StageError};
use crate::store::key;
use crate::types::Digest;

/// The stage.
#[derive(Serialize)]
pub struct DrawStandIn {
    /// Which set it stands in for, which decides the styles.
    pub set: StandInSet,
    /// Side of an image in pixels.
    pub size: u32,
    /// What draws.
    pub renderer: &'static str,
    /// Digest of the lists of words that label code points.
    pub words: Digest,
    /// File names and digests of the packages that are drawn from.
    pub sources: Vec<(String, Digest)>,
    /// Where they lie.
    #[serde(skip)]
    pub packages: PathBuf,
}

impl Stage for DrawStandIn {
    const NAME: &'static str = "draw-stand-in";
    const VERSION: u32 = 1;
    type Output = Listing;

    fn run(&self, context: &Context<'_>) -> Result<Listing, StageError> {
        let progress = |done, total| context.progress(done, total);
        let cancelled = || context.is_cancelled();
        let drawn =
            context.parallel(|| stand_in::draw(&self.packages, self.set, self.size, &progress, &cancelled));
        let drawn = drawn.map_err(|error| match error {
            StandInError::Cancelled => StageError::Cancelled,
            other => StageError::BadInput(other.to_string()),
        })?;
        if !drawn.left_out.is_empty() {
            let count = drawn.left_out.len();
            context.notice(format!(
                "{count} emoji are left out: words for two emotions, or the same picture twice"
            ));
        }
        Ok(pack(drawn.drawings))
    }
}

/// All drawings in one tar archive, in their order.
fn pack(drawings: Vec<Drawing>) -> Listing {
    let mut archive = Archive::default();
    let mut images = Vec::new();
    for Drawing { name, label, group, png } in drawings {
        archive.bytes.extend(header(&name, png.len()));
        archive.places.push((archive.bytes.len() as u32, png.len() as u32));
        let digest = Some(key::digest(&png));
        archive.bytes.extend(png);
        archive.bytes.resize(archive.bytes.len().next_multiple_of(BLOCK), 0);
        let label = label.name().to_owned();
        images.push(ListedImage { path: name, label, group, source: None, digest });
    }
    // Two empty blocks end an archive.
    archive.bytes.resize(archive.bytes.len() + 2 * BLOCK, 0);
    Listing { images, archive: Some(archive) }
}

const BLOCK: usize = 512;

/// A ustar header (POSIX.1-1988) of a plain file; owner and time are zero, so that equal drawings are equal bytes.
fn header(name: &str, length: usize) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, text: &[u8]| {
        for (byte, value) in block[at..].iter_mut().zip(text) {
            *byte = *value;
        }
    };
    put(0, &name.as_bytes()[..name.len().min(99)]);
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{length:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Artifact;
    use crate::types::Emotion;

    #[test]
    fn packed_drawings_are_a_tar_archive_and_come_back_by_row() {
        let drawing = |name: &str, png: &[u8]| Drawing {
            name: name.to_owned(),
            label: Emotion::Fear,
            group: "1f631".to_owned(),
            png: png.to_vec(),
        };
        let listing = pack(vec![drawing("fear/a.png", b"first"), drawing("fear/b.png", &[7; 600])]);
        let again = Listing::load(&listing.save().unwrap()).unwrap();
        assert_eq!(again, listing);
        assert_eq!(again.bytes(1, std::path::Path::new("/nowhere")).unwrap(), [7; 600]);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("images.tar");
        std::fs::write(&path, &listing.archive.unwrap().bytes).unwrap();
        let listed = std::process::Command::new("tar").arg("tf").arg(&path).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&listed.stdout), "fear/a.png\nfear/b.png\n");
    }
}
