//! Which images of a data set are others than before.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use crate::stages::list::{ListedImage, Listing};

/// Images that are named; the rest are counted.
const NAMED: usize = 5;

/// How a listing differs from an earlier one, by paths in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChangedImages {
    /// Other bytes, another label, group or source.
    pub changed: Vec<String>,
    /// Not there before.
    pub added: Vec<String>,
    /// Not there any more.
    pub gone: Vec<String>,
}

impl ChangedImages {
    /// From one listing to the next.
    pub fn between(before: &Listing, now: &Listing) -> Self {
        let (old, new) = (by_path(before), by_path(now));
        let mut difference = Self::default();
        for image in &now.images {
            match old.get(image.path.as_str()) {
                None => difference.added.push(image.path.clone()),
                Some(other) if *other != image => difference.changed.push(image.path.clone()),
                Some(_) => {}
            }
        }
        let gone = before.images.iter().filter(|image| !new.contains_key(image.path.as_str()));
        difference.gone = gone.map(|image| image.path.clone()).collect();
        difference
    }
}

fn by_path(listing: &Listing) -> HashMap<&str, &ListedImage> {
    listing.images.iter().map(|image| (image.path.as_str(), image)).collect()
}

impl fmt::Display for ChangedImages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("changed", &self.changed), ("added", &self.added), ("gone", &self.gone)];
        let mut written = false;
        for (what, paths) in parts.into_iter().filter(|(_, paths)| !paths.is_empty()) {
            let named: Vec<&str> = paths.iter().take(NAMED).map(String::as_str).collect();
            let more = if paths.len() > NAMED { ", …" } else { "" };
            let comma = if written { "; " } else { "images: " };
            write!(f, "{comma}{} {what} ({}{more})", paths.len(), named.join(", "))?;
            written = true;
        }
        if written { Ok(()) } else { write!(f, "images: the same in another order") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::key;

    fn listing(images: &[(&str, &str)]) -> Listing {
        let image = |(path, bytes): &(&str, &str)| ListedImage {
            path: (*path).to_owned(),
            label: "awe".to_owned(),
            group: (*path).to_owned(),
            source: None,
            digest: Some(key::digest(bytes.as_bytes())),
        };
        Listing { images: images.iter().map(image).collect(), archive: None }
    }

    #[test]
    fn what_changed_came_and_went_is_named() {
        let before = listing(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let now = listing(&[("a", "1"), ("c", "4"), ("d", "5")]);
        let changed = ChangedImages::between(&before, &now);
        assert_eq!(changed.to_string(), "images: 1 changed (c); 1 added (d); 1 gone (b)");
        let turned = ChangedImages::between(&before, &listing(&[("b", "2"), ("a", "1"), ("c", "3")]));
        assert_eq!(turned.to_string(), "images: the same in another order");
    }
}
