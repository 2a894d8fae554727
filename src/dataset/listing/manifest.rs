//! A manifest: a table of paths and labels.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::ffi::OsStr;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use polars::prelude::{CsvReadOptions, DataFrame, DataType, PolarsResult, SerReader as _};

use super::records::{self, Malformed, Records};
use super::{Entry, Listed, ListingError, Parquet, Place};
use crate::fs;

const PATH: &str = "path";
const LABEL: &str = "label";
const GROUP: &str = "group";
const SOURCE: &str = "source";

/// Columns whose names are less alike than this are not proposed; 1 is equal.
const ALIKE: f64 = 0.6;

/// What reads a manifest, by the file's name.
type Read = fn(&Path, &[u8]) -> Result<Table, ListingError>;

fn reader_of(path: &Path) -> Option<Read> {
    match path.extension().and_then(OsStr::to_str)?.to_ascii_lowercase().as_str() {
        "csv" => Some(csv),
        "parquet" => Some(parquet),
        _ => None,
    }
}

/// Whether a file's name ends as a manifest's.
pub fn is_manifest(path: &Path) -> bool {
    reader_of(path).is_some()
}

pub(super) fn read(path: &Path) -> Result<Listed, ListingError> {
    let unknown = || ListingError::UnknownExtension { path: path.to_owned() };
    let table = reader_of(path).ok_or_else(unknown)?(path, &fs::read(path)?)?;
    let entries = table.entries(path)?;
    Ok(Listed { folder: path.parent().unwrap_or(Path::new("")).to_owned(), source: path.to_owned(), entries })
}

/// The columns that count, as text, and where each row stands in the file.
struct Table {
    frame: DataFrame,
    /// Names in the file by our names; blanks around them are allowed.
    names: Names,
    /// Of a CSV file: the first line of each row.
    lines: Option<Vec<usize>>,
}

struct Names {
    path: String,
    label: String,
    group: Option<String>,
    source: Option<String>,
}

impl Names {
    fn find(path: &Path, there: &[String]) -> Result<Self, ListingError> {
        let find = |column: &'static str| {
            let mut found = there.iter().filter(|name| name.trim() == column);
            match (found.next(), found.next()) {
                (Some(_), Some(_)) => Err(ListingError::TwoColumns { path: path.to_owned(), column }),
                (found, _) => Ok(found.cloned()),
            }
        };
        let missing = |column: &'static str| {
            let alike = |name: &&String| strsim::jaro_winkler(column, &name.trim().to_lowercase());
            let nearest =
                there.iter().filter(|name| alike(name) > ALIKE).max_by(|a, b| alike(a).total_cmp(&alike(b)));
            let nearest = nearest.cloned();
            ListingError::MissingColumn { path: path.to_owned(), column, there: there.to_vec(), nearest }
        };
        Ok(Self {
            path: find(PATH)?.ok_or_else(|| missing(PATH))?,
            label: find(LABEL)?.ok_or_else(|| missing(LABEL))?,
            group: find(GROUP)?,
            source: find(SOURCE)?,
        })
    }

    fn all(&self) -> Vec<String> {
        [Some(&self.path), Some(&self.label), self.group.as_ref(), self.source.as_ref()]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}

fn csv(path: &Path, bytes: &[u8]) -> Result<Table, ListingError> {
    let not_a_table = |reason: String| ListingError::NotATable { path: path.to_owned(), reason };
    if bytes.starts_with(b"PAR1") {
        return Err(not_a_table("it is Parquet: call it .parquet".to_owned()));
    }
    let text = fs::utf8(bytes).map_err(|line| ListingError::NotUtf8 { path: path.to_owned(), line })?;
    let text = text.trim_start_matches('\u{feff}').trim_start_matches(['\r', '\n']);
    if text.contains('\0') {
        return Err(not_a_table("it holds zero bytes".to_owned()));
    }
    let header = text.lines().next().unwrap_or_default();
    if header.trim().is_empty() {
        return Err(not_a_table("it is empty".to_owned()));
    }
    if !header.contains(',') {
        let separators = [(';', "semicolons"), ('\t', "tabs")];
        if let Some((_, separator)) =
            separators.into_iter().find(|&(separator, _)| header.contains(separator))
        {
            return Err(ListingError::WrongSeparator { path: path.to_owned(), separator });
        }
    }
    // Lines that were cut off above count in the messages.
    let first = bytes[..bytes.len() - text.len()].split(|&byte| byte == b'\n').count();
    let Records { text, lines } = records::records(text, first).map_err(|error| {
        let path = path.to_owned();
        match error {
            Malformed::Ragged { line, expected, found } => {
                ListingError::Ragged { path, line, expected, found }
            }
            Malformed::OpenQuote { line } => ListingError::OpenQuote { path, line },
            Malformed::StrayQuote { line } => ListingError::StrayQuote { path, line },
        }
    })?;

    let there = header_names(&text).map_err(|error| not_a_table(error.to_string()))?;
    let names = Names::find(path, &there)?;
    let options = as_text().with_columns(Some(names.all().into_iter().map(Into::into).collect()));
    let frame = options.into_reader_with_file_handle(Cursor::new(text.as_bytes())).finish();
    let frame = frame.map_err(|error| not_a_table(error.to_string()))?;
    if frame.height() != lines.len() {
        return Err(not_a_table(format!(
            "it has {} lines, but {} rows were read",
            lines.len(),
            frame.height()
        )));
    }
    Ok(Table { frame, names, lines: Some(lines) })
}

/// No type is guessed: a folder called `0001` keeps its zeros.
fn as_text() -> CsvReadOptions {
    CsvReadOptions::default().with_has_header(true).with_infer_schema_length(Some(0))
}

fn header_names(text: &str) -> PolarsResult<Vec<String>> {
    let header = text.split_inclusive('\n').next().unwrap_or_default();
    let frame = as_text()
        .with_has_header(false)
        .into_reader_with_file_handle(Cursor::new(header.as_bytes()))
        .finish()?;
    let names = frame.columns().iter().map(|column| Ok(column.str()?.get(0).unwrap_or_default().to_owned()));
    names.collect()
}

/// Whether a type will do, and what would.
type Check = (fn(&DataType) -> bool, &'static str);

/// Some writers mark text as bytes.
const fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::String | DataType::Binary | DataType::Categorical(..) | DataType::Enum(..))
}

fn parquet(path: &Path, bytes: &[u8]) -> Result<Table, ListingError> {
    let not_a_table = |reason: String| ListingError::NotATable { path: path.to_owned(), reason };
    let parquet = Parquet::new(bytes).map_err(not_a_table)?;
    let schema = parquet.schema().map_err(not_a_table)?;
    let there: Vec<String> = schema.iter_names().map(ToString::to_string).collect();
    let names = Names::find(path, &there)?;
    let text: Check = (is_text, "text");
    let text_or_number: Check = (|kind| is_text(kind) || kind.is_integer(), "text or whole numbers");
    let wanted = [
        (PATH, Some(&names.path), text),
        (LABEL, Some(&names.label), text),
        (GROUP, names.group.as_ref(), text_or_number),
        (SOURCE, names.source.as_ref(), text_or_number),
    ];
    for (column, name, (fits, expected)) in wanted {
        let Some(field) = name.and_then(|name| schema.get(name)) else { continue };
        let kind = DataType::from_arrow_field(field);
        if !fits(&kind) {
            let (path, kind) = (path.to_owned(), kind.to_string());
            return Err(ListingError::WrongType { path, column, kind, expected });
        }
    }
    let frame = parquet.columns(names.all()).map_err(not_a_table)?;
    Ok(Table { frame, names, lines: None })
}

impl Table {
    fn place(&self, row: usize) -> Place {
        let line = self.lines.as_ref().and_then(|lines| lines.get(row));
        line.map_or(Place::Row(row + 1), |&line| Place::Line(line))
    }

    /// One entry a row.
    fn entries(&self, path: &Path) -> Result<Vec<Entry>, ListingError> {
        if self.frame.height() == 0 {
            return Err(ListingError::NoRows { path: path.to_owned() });
        }
        let paths = self.filled(path, PATH, &self.names.path)?;
        let labels = self.filled(path, LABEL, &self.names.label)?;
        let optional = |name: &Option<String>| match name {
            Some(name) => self.column(path, name),
            None => Ok(vec![None; paths.len()]),
        };
        let (groups, sources) = (optional(&self.names.group)?, optional(&self.names.source)?);
        // By their parts, so that `./a.jpg` and `a.jpg` are one.
        let mut seen: HashMap<PathBuf, usize> = HashMap::with_capacity(paths.len());
        for (row, image) in paths.iter().enumerate() {
            match seen.entry(Path::new(image).components().filter(|part| part.as_os_str() != ".").collect()) {
                Slot::Vacant(slot) => {
                    slot.insert(row);
                }
                Slot::Occupied(slot) => {
                    let (first, second) = (self.place(*slot.get()), self.place(row));
                    return Err(ListingError::DuplicatePath {
                        path: path.to_owned(),
                        image: image.clone(),
                        first,
                        second,
                    });
                }
            }
        }
        let rows = paths.into_iter().zip(labels).zip(groups.into_iter().zip(sources)).enumerate();
        let entries = rows.map(|(row, ((path, label), (group, source)))| {
            let group = group.unwrap_or_else(|| path.clone());
            let source = source.map(|source| source.trim().to_owned());
            Entry { path, label, group, source, row }
        });
        Ok(entries.collect())
    }

    /// A column as text; what is blank is `None`.
    fn column(&self, path: &Path, name: &str) -> Result<Vec<Option<String>>, ListingError> {
        let texts = || -> PolarsResult<Vec<Option<String>>> {
            let texts = self.frame.column(name)?.cast(&DataType::String)?;
            let filled = texts
                .str()?
                .iter()
                .map(|text| text.filter(|text| !text.trim().is_empty()).map(str::to_owned));
            Ok(filled.collect())
        };
        texts().map_err(|error| ListingError::NotATable { path: path.to_owned(), reason: error.to_string() })
    }

    /// A column as text, none of it blank.
    fn filled(&self, path: &Path, column: &'static str, name: &str) -> Result<Vec<String>, ListingError> {
        let empty = |row| ListingError::EmptyField { path: path.to_owned(), place: self.place(row), column };
        let texts = self.column(path, name)?.into_iter().enumerate();
        texts.map(|(row, text)| text.ok_or_else(|| empty(row))).collect()
    }
}
