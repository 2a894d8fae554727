//! Why a data set cannot be listed.

use std::fmt;
use std::path::PathBuf;

use crate::fs::FsError;

/// Where in a manifest something stands, as an editor or a table viewer would count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Line of a text file, from 1; the header is line 1.
    Line(usize),
    /// Row of a Parquet table, from 1.
    Row(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// Why a data set cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// Nothing is there.
    #[error("`{}` does not exist", root.display())]
    Missing {
        /// The data set's folder or manifest.
        root: PathBuf,
    },
    /// The file system refused.
    #[error(transparent)]
    Unreadable(#[from] FsError),
    /// Which of two manifests counts is not ours to guess.
    #[error("`{}` holds both manifest.csv and manifest.parquet: name the one that counts", folder.display())]
    TwoManifests {
        /// Where they lie.
        folder: PathBuf,
    },
    /// Neither `.csv` nor `.parquet`.
    #[error("`{}` is no manifest: expected a .csv or .parquet file, or a folder", path.display())]
    UnknownExtension {
        /// The file.
        path: PathBuf,
    },
    /// Bytes that are no UTF-8.
    #[error("`{}` is not UTF-8 at line {line}: save it as UTF-8", path.display())]
    NotUtf8 {
        /// The manifest.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// The file is no table of its kind.
    #[error("`{}` cannot be read as a table: {reason}", path.display())]
    NotATable {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another separator than the comma.
    #[error("`{}` is separated by {separator}: separate the columns by commas", path.display())]
    WrongSeparator {
        /// The manifest.
        path: PathBuf,
        /// `semicolons` or `tabs`.
        separator: &'static str,
    },
    /// A line with more or fewer fields than the header.
    #[error("`{}` line {line} has {found} fields, the header has {expected} (a path with a comma must be in quotes)", path.display())]
    Ragged {
        /// The manifest.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Fields of the header.
        expected: usize,
        /// Fields of the line.
        found: usize,
    },
    /// A quote that no other closes.
    #[error("`{}` line {line} opens a quote that is never closed", path.display())]
    OpenQuote {
        /// The manifest.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// A quote in the middle of a field.
    #[error("`{}` line {line} has a quote that neither begins nor ends a field (put the field in quotes and double those inside)", path.display())]
    StrayQuote {
        /// The manifest.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// A Parquet column of another type.
    #[error("`{}` column `{column}` holds `{kind}`: expected {expected}", path.display())]
    WrongType {
        /// The manifest.
        path: PathBuf,
        /// `path`, `label` or `group`.
        column: &'static str,
        /// The type there is, as polars writes it.
        kind: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A column that must be there is not.
    #[error("`{}` has no column `{column}`: its columns are {}{}", path.display(), in_ticks(there), hint(nearest.as_ref()))]
    MissingColumn {
        /// The manifest.
        path: PathBuf,
        /// `path` or `label`.
        column: &'static str,
        /// All columns there are.
        there: Vec<String>,
        /// The one whose name is most alike, if any is.
        nearest: Option<String>,
    },
    /// Two columns with one name.
    #[error("`{}` has two columns `{column}`", path.display())]
    TwoColumns {
        /// The manifest.
        path: PathBuf,
        /// `path`, `label` or `group`.
        column: &'static str,
    },
    /// An empty path or label.
    #[error("`{}` {place}: `{column}` is empty", path.display())]
    EmptyField {
        /// The manifest.
        path: PathBuf,
        /// Where.
        place: Place,
        /// Of which column.
        column: &'static str,
    },
    /// The same image twice.
    #[error("`{}` lists `{image}` twice: {first} and {second}", path.display())]
    DuplicatePath {
        /// The manifest.
        path: PathBuf,
        /// As it stands at the second place.
        image: String,
        /// Where it stands first.
        first: Place,
        /// Where it stands again.
        second: Place,
    },
    /// A header without rows.
    #[error("`{}` lists no images", path.display())]
    NoRows {
        /// The manifest.
        path: PathBuf,
    },
    /// A folder without folders.
    #[error("`{}` holds neither a manifest nor a folder per emotion", root.display())]
    NoClassFolders {
        /// The folder.
        root: PathBuf,
    },
    /// Class folders, all of them empty.
    #[error("the class folders in `{}` hold no files", root.display())]
    NoImages {
        /// The folder of class folders.
        root: PathBuf,
    },
}

impl ListingError {
    /// Whether the root itself is absent, as when a data set was never downloaded.
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

fn in_ticks(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn hint(nearest: Option<&String>) -> String {
    nearest.map_or_else(String::new, |name| format!("; is `{name}` meant?"))
}
