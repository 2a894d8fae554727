//! One house's drawings: an icon set that holds each emoji as the body of an SVG.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::code_point::{self, CodePoint};
use super::{Attribution, StandInError, package};

/// Aliases of aliases are followed this far; a longer chain is a cycle or damage.
const ALIAS_DEPTH: usize = 8;

/// From a code to the name under which a set files its drawing.
pub(super) type Names = BTreeMap<String, String>;

/// An icon set in memory.
pub(super) struct Style {
    icons: IconSet,
    names: Names,
}

/// The naming style's names, for styles that do not say which code a drawing stands for.
pub(super) struct Naming {
    of_code: Names,
    /// Every name, with and without hyphens: a name that means another code is no spelling of this one.
    taken: HashSet<String>,
}

impl Naming {
    /// Reads the names of `style`.
    pub(super) fn read(packages: &Path, style: &str) -> Result<Self, StandInError> {
        Ok(Self::new(read_names(packages, style)?))
    }

    fn new(of_code: Names) -> Self {
        let taken = of_code.values().flat_map(|name| [name.clone(), name.replace('-', "")]).collect();
        Self { of_code, taken }
    }

    /// The names under which a style may file the code point, best first.
    fn candidates<'a>(&'a self, code_point: &'a CodePoint) -> impl Iterator<Item = String> + 'a {
        let own = self.of_code.get(&code_point.code);
        let joined = own.map(|name| name.replace('-', ""));
        own.into_iter().chain(&code_point.names).flat_map(|name| spellings(name)).filter(move |name| {
            Some(name) == own || Some(name) == joined.as_ref() || !self.taken.contains(name)
        })
    }
}

#[derive(Deserialize)]
struct IconSet {
    #[serde(default)]
    icons: BTreeMap<String, Icon>,
    #[serde(default)]
    aliases: BTreeMap<String, Alias>,
    #[serde(default = "default_side")]
    width: f64,
    #[serde(default = "default_side")]
    height: f64,
}

/// The side that the format gives an icon which states none.
fn default_side() -> f64 {
    16.0
}

#[derive(Deserialize)]
struct Icon {
    body: String,
    #[serde(default)]
    left: f64,
    #[serde(default)]
    top: f64,
    width: Option<f64>,
    height: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alias {
    parent: String,
    #[serde(default)]
    h_flip: bool,
    #[serde(default)]
    v_flip: bool,
}

#[derive(Deserialize)]
struct Info {
    name: String,
    author: Author,
    license: License,
}

#[derive(Deserialize)]
struct Author {
    name: String,
    url: String,
}

#[derive(Deserialize)]
struct License {
    spdx: String,
    url: String,
}

fn file(packages: &Path, style: &str, name: &str) -> PathBuf {
    packages.join("@iconify-json").join(style).join(name)
}

/// The files that decide a style's drawings.
pub(super) fn sources(packages: &Path, style: &str) -> [PathBuf; 3] {
    ["icons.json", "chars.json", "info.json"].map(|name| file(packages, style, name))
}

/// The file that [`read_names`] reads.
pub(super) fn names_source(packages: &Path, style: &str) -> PathBuf {
    file(packages, style, "chars.json")
}

/// Which code has which name in the set; empty for sets that do not say.
fn read_names(packages: &Path, style: &str) -> Result<Names, StandInError> {
    let file = names_source(packages, style);
    let bytes = package::read(&file)?;
    let names: Names = package::parse(&file, &bytes)?;
    Ok(names.into_iter().map(|(code, name)| (code_point::code(&code), name)).collect())
}

/// Title, author and licence of a style.
pub(super) fn read_attribution(packages: &Path, style: &str) -> Result<Attribution, StandInError> {
    let file = file(packages, style, "info.json");
    let bytes = package::read(&file)?;
    let info: Info = package::parse(&file, &bytes)?;
    Ok(Attribution {
        style: style.to_owned(),
        title: info.name,
        author: info.author.name,
        author_url: info.author.url,
        licence: info.license.spdx,
        licence_url: info.license.url,
    })
}

impl Style {
    /// Loads the set.
    pub(super) fn read(packages: &Path, style: &str) -> Result<Self, StandInError> {
        let file = file(packages, style, "icons.json");
        let bytes = package::read(&file)?;
        Ok(Self { icons: package::parse(&file, &bytes)?, names: read_names(packages, style)? })
    }

    /// The drawing of a code point as an SVG document, if the set has one.
    ///
    /// A set that maps codes to names is believed. Others are searched by name: by the naming style's
    /// name for the code, then by the code point's own names, each also with and without a final `-face`, as
    /// the sets disagree on it, and without hyphens; never by a name that means another code.
    pub(super) fn picture(&self, code_point: &CodePoint, naming: &Naming) -> Option<String> {
        if !self.names.is_empty() {
            return self.names.get(&code_point.code).and_then(|name| self.named(name));
        }
        naming.candidates(code_point).find_map(|name| self.named(&name))
    }

    fn named(&self, name: &str) -> Option<String> {
        let (mut name, mut flip_x, mut flip_y) = (name, false, false);
        for _ in 0..ALIAS_DEPTH {
            if let Some(icon) = self.icons.icons.get(name) {
                return Some(self.document(icon, flip_x, flip_y));
            }
            let alias = self.icons.aliases.get(name)?;
            flip_x ^= alias.h_flip;
            flip_y ^= alias.v_flip;
            name = &alias.parent;
        }
        None
    }

    /// A document whose view box is the icon's, mirrored about its middle where asked.
    fn document(&self, icon: &Icon, flip_x: bool, flip_y: bool) -> String {
        let Icon { body, left, top, .. } = icon;
        let width = icon.width.unwrap_or(self.icons.width);
        let height = icon.height.unwrap_or(self.icons.height);
        let (scale_x, shift_x) = if flip_x { (-1.0, 2.0 * left + width) } else { (1.0, 0.0) };
        let (scale_y, shift_y) = if flip_y { (-1.0, 2.0 * top + height) } else { (1.0, 0.0) };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" \
             viewBox=\"{left} {top} {width} {height}\" width=\"{width}\" height=\"{height}\">\
             <g transform=\"matrix({scale_x} 0 0 {scale_y} {shift_x} {shift_y})\">{body}</g></svg>"
        )
    }
}

/// A name as different sets write it.
fn spellings(name: &str) -> Vec<String> {
    let short = name.strip_suffix("-face").unwrap_or(name);
    let long = format!("{short}-face");
    let joined = [name, short, &long].map(|name| name.replace('-', ""));
    [name.to_owned(), short.to_owned(), long].into_iter().chain(joined).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(json: &str) -> Style {
        Style { icons: serde_json::from_str(json).unwrap(), names: Names::new() }
    }

    fn naming(names: &[(&str, &str)]) -> Naming {
        Naming::new(names.iter().map(|&(code, name)| (code.to_owned(), name.to_owned())).collect())
    }

    fn code_point(name: &str) -> CodePoint {
        CodePoint {
            code: "1f622".into(),
            group: "1f622".into(),
            names: vec![name.into()],
            emojibase: std::collections::BTreeSet::new(),
            emojilib: std::collections::BTreeSet::new(),
        }
    }

    #[test]
    fn sets_without_codes_are_searched_by_name() {
        let style = style(r#"{"icons": {"crying": {"body": "<a/>"}, "wearycat-face": {"body": "<b/>"}}}"#);
        let found = |name: &str| style.picture(&code_point(name), &naming(&[])).is_some();
        assert!(found("crying-face"));
        assert!(!found("loudly-crying-face"));
        let naming = naming(&[("1f622", "crying")]);
        assert!(style.picture(&code_point("nothing"), &naming).is_some());
    }

    #[test]
    fn the_name_of_another_code_is_not_a_spelling() {
        let style = style(r#"{"icons": {"newmoon": {"body": "<a/>"}}}"#);
        let face = code_point("new-moon-face");
        assert!(style.picture(&face, &naming(&[])).is_some());
        assert!(
            style.picture(&face, &naming(&[("1f311", "new-moon"), ("1f622", "new-moon-face")])).is_none()
        );
    }

    #[test]
    fn aliases_are_followed_and_cycles_end() {
        let style = style(
            r#"{"width": 32, "height": 32, "icons": {"left": {"body": "<a/>"}},
                "aliases": {"right": {"parent": "left", "hFlip": true}, "x": {"parent": "y"}, "y": {"parent": "x"}}}"#,
        );
        let svg = style.picture(&code_point("right"), &naming(&[])).unwrap();
        assert!(svg.contains("matrix(-1 0 0 1 32 0)"), "{}", svg);
        assert!(style.picture(&code_point("x"), &naming(&[])).is_none());
    }
}
