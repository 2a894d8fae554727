//! Labels the code points, draws them in every style of a set, and keeps what is a picture.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::code_point;
use super::label::{Labels, Verdict};
use super::partition::{self, Labelled};
use super::picture::{self, PictureError};
use super::style::{self, Naming, Style};
use super::{Drawing, LeftOut, NAMING_STYLE, StandIn, StandInError, StandInSet, word_lists};
use crate::types::Emotion;

/// A picture larger than this is a mistake.
const LARGEST_SIDE: u32 = 4096;

/// A drawing to be made.
struct Sketch {
    name: String,
    label: Emotion,
    group: String,
    svg: String,
}

/// Draws a set on white, `size` x `size` pixels.
///
/// `progress` hears how many drawings of how many are done, in any order and from any thread. Once `cancelled`
/// is true the result is [`StandInError::Cancelled`].
pub fn draw(
    packages: &Path,
    set: StandInSet,
    size: u32,
    progress: &(dyn Fn(usize, usize) + Sync),
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<StandIn, StandInError> {
    if !(1..=LARGEST_SIDE).contains(&size) {
        return Err(StandInError::Size { size });
    }
    let (labelled, mut left_out) = label(packages)?;
    let corpora = partition::partition(&labelled);
    let of_set = |one: &Labelled| corpora.get(&one.code_point.group) == Some(&set.corpus());
    let labelled: Vec<Labelled> = labelled.into_iter().filter(of_set).collect();
    let naming = Naming::read(packages, NAMING_STYLE)?;
    let mut attributions = Vec::new();
    let mut sketches = Vec::new();
    for style in set.styles() {
        stop_if(cancelled)?;
        attributions.push(style::read_attribution(packages, style)?);
        sketches.extend(sketch(packages, style, &labelled, &naming)?);
    }
    sketches.sort_by(|a, b| a.name.cmp(&b.name));

    let (total, done) = (sketches.len(), AtomicUsize::new(0));
    let pngs = sketches
        .par_iter()
        .map(|sketch| {
            stop_if(cancelled)?;
            let png = picture::draw(&sketch.svg, size);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            Ok(png)
        })
        .collect::<Result<Vec<_>, StandInError>>()?;
    let (drawings, refused) = keep(sketches, pngs);
    left_out.extend(refused);
    left_out.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(StandIn { drawings, left_out, attributions })
}

fn stop_if(cancelled: &(dyn Fn() -> bool + Sync)) -> Result<(), StandInError> {
    if cancelled() { Err(StandInError::Cancelled) } else { Ok(()) }
}

/// The code points that name one emotion, and those that contradict themselves.
fn label(packages: &Path) -> Result<(Vec<Labelled>, Vec<LeftOut>), StandInError> {
    let labels = Labels::parse(word_lists())?;
    let (mut labelled, mut left_out) = (Vec::new(), Vec::new());
    for code_point in code_point::read(packages)? {
        let (base, lib) = (&code_point.emojibase, &code_point.emojilib);
        match labels.verdict(&(base | lib)) {
            Verdict::Nothing => {}
            Verdict::One(label) => {
                let is_named = |words| labels.verdict(words) == Verdict::One(label);
                let agreed = is_named(base) && is_named(lib);
                labelled.push(Labelled { code_point, label, agreed });
            }
            Verdict::Conflict(named) => {
                let named: Vec<&str> = named.into_iter().map(Emotion::name).collect();
                left_out.push(LeftOut {
                    name: code_point.code,
                    reason: format!("names {}", named.join(" and ")),
                });
            }
        }
    }
    Ok((labelled, left_out))
}

/// What one style has of the labelled code points.
fn sketch(
    packages: &Path,
    style: &str,
    labelled: &[Labelled],
    naming: &Naming,
) -> Result<Vec<Sketch>, StandInError> {
    let icons = Style::read(packages, style)?;
    let sketches = labelled.iter().filter_map(|Labelled { code_point, label, .. }| {
        Some(Sketch {
            name: format!("{label}/{style}-{}.png", code_point.code),
            label: *label,
            group: code_point.group.clone(),
            svg: icons.picture(code_point, naming)?,
        })
    });
    Ok(sketches.collect())
}

/// Separates pictures from failures; of pictures with the same bytes the first by name stays.
///
/// The paper drops files with the same bytes too. The smaller the size, the more drawings coincide.
fn keep(sketches: Vec<Sketch>, pngs: Vec<Result<Vec<u8>, PictureError>>) -> (Vec<Drawing>, Vec<LeftOut>) {
    let (mut drawings, mut left_out) = (Vec::new(), Vec::new());
    let mut seen: HashMap<Vec<u8>, String> = HashMap::new();
    for (Sketch { name, label, group, .. }, png) in sketches.into_iter().zip(pngs) {
        match png {
            Err(error) => left_out.push(LeftOut { name, reason: error.to_string() }),
            Ok(png) => match seen.entry(png) {
                Entry::Occupied(first) => {
                    left_out
                        .push(LeftOut { name, reason: format!("is the same picture as `{}`", first.get()) });
                }
                Entry::Vacant(free) => {
                    drawings.push(Drawing { name: name.clone(), label, group, png: free.key().clone() });
                    free.insert(name);
                }
            },
        }
    }
    (drawings, left_out)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::PathBuf;

    use super::super::{Corpus, sources};
    use super::*;

    fn packages() -> PathBuf {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.deps/node_modules")).to_owned()
    }

    fn drawn(set: StandInSet, size: u32) -> StandIn {
        draw(&packages(), set, size, &|_, _| {}, &|| false).unwrap()
    }

    #[test]
    fn every_set_has_every_emotion_in_groups_enough_for_its_folds() {
        let mut owners: BTreeMap<String, StandInSet> = BTreeMap::new();
        for set in StandInSet::ALL {
            let stand_in = drawn(set, 16);
            assert!((100..700).contains(&stand_in.drawings.len()), "{}", stand_in.drawings.len());
            let is_five_fold = set.corpus() == Corpus::FiveFold;
            for emotion in Emotion::ALL {
                let own = || stand_in.drawings.iter().filter(|drawing| drawing.label == emotion);
                let groups: BTreeSet<&str> = own().map(|drawing| &*drawing.group).collect();
                assert!(groups.len() >= if is_five_fold { 5 } else { 3 }, "{set:?} {emotion}: {groups:?}");
                assert!(own().count() >= 10, "{set:?} {emotion}: {}", own().count());
            }
            for style in set.styles() {
                let house = style.split('-').next().unwrap();
                let name = if is_five_fold { format!("house {house}") } else { (*style).to_owned() };
                let first = owners.insert(name, set);
                assert!(first.is_none_or(|first| first == set), "{style} draws for {first:?} and {set:?}");
            }
            let licences: BTreeSet<&str> = stand_in.attributions.iter().map(|by| &*by.licence).collect();
            assert!(licences.is_subset(&["Apache-2.0", "CC-BY-4.0", "CC-BY-SA-4.0", "MIT"].into()));
        }
    }

    #[test]
    fn no_code_point_is_in_two_corpora() {
        let mut corpora: BTreeMap<String, Corpus> = BTreeMap::new();
        for set in StandInSet::ALL {
            for drawing in drawn(set, 8).drawings {
                let first = *corpora.entry(drawing.group).or_insert(set.corpus());
                assert_eq!(first, set.corpus(), "{}", drawing.name);
            }
        }
        let count = |corpus| corpora.values().filter(|other| **other == corpus).count();
        let readme = include_str!("../../../datasets/stand-in/README.md");
        let [five_fold, strong, weak] = [Corpus::FiveFold, Corpus::Strong, Corpus::Weak].map(count);
        let sentence = format!("{five_fold} groups for the five-fold sets, {strong} strong, {weak} weak");
        assert!(readme.contains(&sentence), "{sentence}");
    }

    #[test]
    fn the_readme_counts_the_drawings() {
        let readme = include_str!("../../../datasets/stand-in/README.md");
        let mut absent = Vec::new();
        for set in StandInSet::ALL {
            let drawings = drawn(set, 224).drawings;
            let count =
                |emotion| drawings.iter().filter(|drawing| drawing.label == emotion).count().to_string();
            let counts = Emotion::ALL.map(count).join(" | ");
            let row = format!("| {} | {counts} | {} |", set.card(), drawings.len());
            let styles = format!("| {} |", set.styles().join(", "));
            absent.extend([row, styles].into_iter().filter(|line| !readme.contains(line)));
        }
        assert!(absent.is_empty(), "{}", absent.join("\n"));
    }

    #[test]
    fn a_group_never_has_two_labels() {
        for set in StandInSet::ALL {
            let mut labels = BTreeMap::new();
            for drawing in drawn(set, 8).drawings {
                let label = *labels.entry(drawing.group.clone()).or_insert(drawing.label);
                assert_eq!(label, drawing.label, "{}", drawing.name);
            }
        }
    }

    #[test]
    fn known_faces_have_their_label_and_contradictions_are_listed() {
        let stand_in = drawn(StandInSet::ArtPhoto, 32);
        let crying =
            stand_in.drawings.iter().find(|drawing| drawing.name == "sadness/noto-1f622.png").unwrap();
        assert_eq!((crying.label, &*crying.group), (Emotion::Sadness, "1f622"));
        let image = image::load_from_memory(&crying.png).unwrap();
        assert_eq!((image.width(), image.height(), image.color()), (32, 32, image::ColorType::Rgb8));
        let relieved = stand_in.left_out.iter().find(|left_out| left_out.name == "1f625").unwrap();
        assert_eq!(relieved.reason, "names contentment and fear and sadness");
        assert!(stand_in.drawings.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn the_bytes_do_not_depend_on_the_number_of_threads() {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| drawn(StandInSet::Abstract, 48))
        };
        assert_eq!(with(1), with(4));
    }

    #[test]
    fn progress_ends_at_the_total_and_cancelling_stops() {
        let highest = AtomicUsize::new(0);
        let progress = |done: usize, total: usize| {
            assert!(done <= total);
            highest.fetch_max(done, Ordering::Relaxed);
        };
        let stand_in = draw(&packages(), StandInSet::Abstract, 8, &progress, &|| false).unwrap();
        assert!(highest.load(Ordering::Relaxed) >= stand_in.drawings.len());
        let stopped =
            draw(&packages(), StandInSet::Abstract, 8, &|_, _| {}, &|| highest.load(Ordering::Relaxed) > 0);
        assert!(matches!(stopped, Err(StandInError::Cancelled)));
    }

    #[test]
    fn a_missing_or_damaged_package_says_what_to_do() {
        let empty = tempfile::tempdir().unwrap();
        let missing = draw(empty.path(), StandInSet::Abstract, 8, &|_, _| {}, &|| false).unwrap_err();
        assert!(matches!(missing, StandInError::MissingPackage { .. }));
        assert!(missing.to_string().ends_with("emojibase-data/en/data.json` is missing: run `just setup`"));
        assert!(matches!(
            sources(empty.path(), StandInSet::Abstract),
            Err(StandInError::MissingPackage { .. })
        ));

        for file in sources(&packages(), StandInSet::Abstract).unwrap() {
            let copy = empty.path().join(file.strip_prefix(packages()).unwrap());
            let bytes = crate::fs::read(&file).unwrap();
            let half = if file.ends_with("emojione/icons.json") { bytes.len() / 2 } else { bytes.len() };
            crate::fs::write_atomic(&copy, &bytes[..half]).unwrap();
        }
        let damaged = draw(empty.path(), StandInSet::Abstract, 8, &|_, _| {}, &|| false).unwrap_err();
        assert!(
            matches!(damaged, StandInError::Damaged { ref file, .. } if file.ends_with("emojione/icons.json"))
        );
    }

    #[test]
    fn an_image_without_pixels_or_beyond_reason_is_refused() {
        for size in [0, LARGEST_SIDE + 1, u32::MAX] {
            let refused = draw(&packages(), StandInSet::Abstract, size, &|_, _| {}, &|| false);
            assert!(matches!(refused, Err(StandInError::Size { .. })));
        }
    }

    #[test]
    fn the_same_picture_twice_is_kept_once() {
        let sketch = |name: &str| Sketch {
            name: name.to_owned(),
            label: Emotion::Awe,
            group: String::new(),
            svg: String::new(),
        };
        let sketches = ["a", "b", "c"].map(sketch).into();
        let (kept, left_out) = keep(sketches, vec![Ok(vec![1]), Ok(vec![1]), Err(PictureError::Blank)]);
        assert_eq!(kept.iter().map(|drawing| &*drawing.name).collect::<Vec<_>>(), ["a"]);
        let reasons = ["is the same picture as `a`", "is blank"];
        assert_eq!(left_out.iter().map(|left_out| &*left_out.reason).collect::<Vec<_>>(), reasons);
    }
}
