//! Outside data on its way into keys: listings with image digests, weights, packages.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Places, PlanError};
use crate::config::experiment::{Dataset, StandIn};
use crate::dataset::card::Card;
use crate::dataset::listing::{self, Listed};
use crate::dataset::stand_in::{self, StandInSet};
use crate::images;
use crate::networks::NetworkCard;
use crate::stages::list::{ListedImage, Listing};
use crate::stages::stand_in::DrawStandIn;
use crate::store::{Store, key};

/// Side of a stand-in drawing in pixels.
const DRAWING_SIZE: u32 = 256;
/// Digesting fewer files than this is done before threads have started.
const PARALLEL_FROM: usize = 2000;

/// A data set as found.
pub(super) enum Found {
    /// On disk: its listing and the folder that its paths start from.
    Real { listing: Listing, folder: PathBuf },
    /// Not here: what to draw instead.
    StandIn(DrawStandIn),
}

/// Finds the data set, or its stand-in.
pub(super) fn find(
    dataset: &Dataset,
    card: Option<&Card>,
    read_images: bool,
    store: &Store,
    places: &Places,
) -> Result<Found, PlanError> {
    let root = places.project.join(&dataset.root);
    let listed = match listing::open(&root) {
        Ok(listed) => listed,
        Err(error) if error.is_missing() && dataset.stand_in == Some(StandIn::Emoji) => {
            return stand_in(dataset, store, places).map(Found::StandIn);
        }
        Err(error) if error.is_missing() => {
            let hint = match card {
                Some(card) => format!(
                    "{}\nor set `stand_in = \"emoji\"` to try the experiment without it",
                    card.how_to_get
                ),
                None => "relative paths start at the project's folder".to_owned(),
            };
            return Err(PlanError::NoDataset { name: dataset.name.clone(), path: root, hint });
        }
        Err(error) => return Err(error.into()),
    };
    let folder = listed.folder.clone();
    Ok(Found::Real { listing: digest(listed, read_images, store), folder })
}

/// Reads the digests of all images, most of them from hints.
fn digest(listed: Listed, read_images: bool, store: &Store) -> Listing {
    let Listed { folder, entries, .. } = listed;
    // A file that can't be read has no content; the stage that inspects images says why.
    let unreadable = || key::digest(b"unreadable");
    let digest = |path: &str| {
        let found = store.hints().digest_up_to(images::MOST_BYTES, &folder.join(path));
        found.map_or_else(|_| unreadable(), |found| found.digest)
    };
    let image = |entry: listing::Entry| {
        let digest = read_images.then(|| digest(&entry.path));
        ListedImage { path: entry.path, label: entry.label, group: entry.group, source: entry.source, digest }
    };
    let images = if read_images && entries.len() >= PARALLEL_FROM {
        entries.into_par_iter().map(image).collect()
    } else {
        entries.into_iter().map(image).collect()
    };
    Listing { images, archive: None }
}

fn stand_in(dataset: &Dataset, store: &Store, places: &Places) -> Result<DrawStandIn, PlanError> {
    let set = StandInSet::of_card(&dataset.name);
    let set = set.ok_or_else(|| PlanError::NoStandIn { name: dataset.name.clone() })?;
    let packages = places.dependencies.join("node_modules");
    let files = stand_in::sources(&packages, set)?;
    let mut sources = Vec::new();
    for file in files {
        let name = file.strip_prefix(&packages).unwrap_or(&file).to_string_lossy().into_owned();
        sources.push((name, store.hints().digest(&file)?.digest));
    }
    Ok(DrawStandIn {
        set,
        size: DRAWING_SIZE,
        renderer: stand_in::RENDERER,
        words: key::digest(stand_in::word_lists().as_bytes()),
        sources,
        packages,
    })
}

/// The folder that set-up filled: `EMOLAB_DEPS`, the project's own `.deps`, or the one beside the sources that
/// this program was built from.
pub fn dependencies(project: &Path) -> PathBuf {
    if let Some(folder) = std::env::var_os("EMOLAB_DEPS") {
        return PathBuf::from(folder);
    }
    let own = project.join(".deps");
    if own.is_dir() { own } else { PathBuf::from(env!("BUILT_DEPS_FOLDER")) }
}

/// Where a network's weights lie: as named by the experiment, else where set-up put them; `None` where neither is.
pub fn weights_path(network: &NetworkCard, named: Option<&Path>, places: &Places) -> Option<PathBuf> {
    match named {
        Some(path) => Some(places.project.join(path)),
        None => Some(places.dependencies.join("weights").join(network.weights?)),
    }
}
