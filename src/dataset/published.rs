//! Rates that others published, from a table of the user's own: `published/<data set>.csv`.
//!
//! ```text
//! method,emotion,rate,source
//! Machajdik,fear,0.31,"Machajdik and Hanbury (2010), figure 6"
//! Machajdik,mean,0.35,"Machajdik and Hanbury (2010), figure 6"
//! ```
//!
//! `emotion` is one of the eight or `mean`; `rate` is from 0 to 1. Rates that the table does not give stay open. No
//! number of others is drawn but from such a table.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::csv::{Csv, CsvError};
use crate::fs;
use crate::types::Emotion;

/// What one method was published to reach.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PublishedMethod {
    /// As the table calls it.
    pub name: String,
    /// True positive rates, 0 to 1, by [`Emotion::index`].
    pub rates: [Option<f64>; 8],
    /// Their mean as published.
    pub mean: Option<f64>,
    /// Where they stand; several sources are joined.
    pub source: String,
}

/// What is wrong with the table.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum PublishedError {
    #[error(transparent)]
    Fs(#[from] fs::FsError),
    #[error("`{}`: {reason}; it needs the columns method, emotion, rate and source", path.display())]
    NotATable { path: PathBuf, reason: CsvError },
    #[error("`{}`, line {line}: {reason}", path.display())]
    Row { path: PathBuf, line: usize, reason: String },
    #[error("`{}` has no rows", path.display())]
    NoRows { path: PathBuf },
}

const COLUMNS: [&str; 4] = ["method", "emotion", "rate", "source"];
const MEAN: &str = "mean";

struct Row<'a> {
    method: &'a str,
    emotion: &'a str,
    rate: &'a str,
    source: &'a str,
}

/// The table at `path`, in the order of its rows; `None` where there is no such file.
///
/// # Errors
/// The first thing that is wrong with it, with its line.
pub fn read(path: &Path) -> Result<Option<Vec<PublishedMethod>>, PublishedError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.is_missing() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    parse(path, &bytes).map(Some)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<PublishedMethod>, PublishedError> {
    let not_a_table = |error: CsvError| PublishedError::NotATable { path: path.to_owned(), reason: error };
    let csv = Csv::parse(bytes).map_err(not_a_table)?;
    let mut columns = [0; COLUMNS.len()];
    for (place, column) in columns.iter_mut().zip(COLUMNS) {
        *place = csv.column(column).map_err(not_a_table)?;
    }
    let mut methods: Vec<PublishedMethod> = Vec::new();
    for (line, fields) in csv.rows() {
        // Every row has as many fields as the header.
        let [method, emotion, rate, source] =
            columns.map(|column| fields.get(column).map_or("", String::as_str));
        let wrong = |reason: String| PublishedError::Row { path: path.to_owned(), line, reason };
        add(&mut methods, &Row { method, emotion, rate, source }).map_err(wrong)?;
    }
    if methods.is_empty() {
        return Err(PublishedError::NoRows { path: path.to_owned() });
    }
    Ok(methods)
}

fn add(methods: &mut Vec<PublishedMethod>, row: &Row<'_>) -> Result<(), String> {
    let &Row { method: name, emotion, rate, source } = row;
    if name.is_empty() {
        return Err("the method has no name".to_owned());
    }
    if source.is_empty() {
        return Err(format!("the source of `{name}` is missing: say where the number stands"));
    }
    let value = rate.parse().ok().filter(|rate: &f64| (0.0..=1.0).contains(rate));
    let value = value.ok_or_else(|| format!("the rate `{rate}` is no number from 0 to 1"))?;
    let position = methods.iter().position(|method| method.name == name).unwrap_or_else(|| {
        let (name, source) = (name.to_owned(), source.to_owned());
        methods.push(PublishedMethod { name, rates: [None; 8], mean: None, source });
        methods.len() - 1
    });
    let method = &mut methods[position];
    let place = match Emotion::from_name(emotion) {
        Some(emotion) => &mut method.rates[emotion.index()],
        None if emotion.eq_ignore_ascii_case(MEAN) => &mut method.mean,
        None => {
            let names = Emotion::ALL.map(Emotion::name).join(", ");
            return Err(format!("the emotion `{emotion}` is none of {names} or {MEAN}"));
        }
    };
    if place.replace(value).is_some() {
        return Err(format!("`{name}` has a second rate for {emotion}"));
    }
    if !method.source.split("; ").any(|known| known == source) {
        method.source = format!("{}; {source}", method.source);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<PublishedMethod>, String> {
        parse(Path::new("published/x.csv"), text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn rows_become_methods_in_their_order() {
        let text = "\u{feff}source, rate,emotion,method\n\"A, 2010\",0.25, Fear ,B\n\"A, 2010\",1,mean,B\nC,0,awe,A\n";
        let methods = parsed(text).unwrap();
        assert_eq!(methods.iter().map(|method| method.name.as_str()).collect::<Vec<_>>(), ["B", "A"]);
        assert_eq!((methods[0].rates[Emotion::Fear.index()], methods[0].mean), (Some(0.25), Some(1.0)));
        assert_eq!((methods[0].source.as_str(), methods[1].rates[2]), ("A, 2010", Some(0.0)));
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let header = "method,emotion,rate,source\n";
        for (rows, told) in [
            ("A,joy,0.5,s\n", "line 2: the emotion `joy` is none of amusement"),
            ("A,fear,0.5,s\nA,awe,1.5,s\n", "line 3: the rate `1.5` is no number from 0 to 1"),
            ("A,fear,nan,s\n", "line 2: the rate `nan`"),
            ("A,fear,50 %,s\n", "the rate `50 %`"),
            ("A,fear,0.5,\n", "line 2: the source of `A` is missing"),
            (",fear,0.5,s\n", "line 2: the method has no name"),
            ("A,fear,0.5,s\nA,fear,0.6,s\n", "line 3: `A` has a second rate for fear"),
            ("A,fear,0.5\n", "line 2 has 3 fields, and the header 4"),
            ("", "has no rows"),
        ] {
            let error = parsed(&format!("{header}{rows}")).unwrap_err();
            assert!(error.contains(told) && error.contains("published/x.csv"), "{error}");
        }
        let error = parsed("method,emotion,rate\nA,fear,0.5\n").unwrap_err();
        assert!(error.contains("no column `source`"), "{error}");
    }
}
