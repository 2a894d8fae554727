//! Small tables of text as CSV, RFC 4180, read by the names of their columns.

use super::listing::{Malformed, table};

/// A table in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csv {
    header: Vec<String>,
    /// The line in the file that each row starts on, from 1, and its fields.
    rows: Vec<(usize, Vec<String>)>,
}

/// Why a text is no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum CsvError {
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("line {line} has {found} fields, and the header {expected}")]
    Ragged { line: usize, expected: usize, found: usize },
    #[error("the quote on line {line} is never closed")]
    OpenQuote { line: usize },
    #[error("line {line} has a quote inside a field: put the field in quotes and double the quote")]
    StrayQuote { line: usize },
    #[error("it has no column `{column}`; it has {}", there.join(", "))]
    NoColumn { column: &'static str, there: Vec<String> },
}

impl Csv {
    /// From a file's bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, CsvError> {
        let text = std::str::from_utf8(bytes).map_err(|_| CsvError::NotUtf8)?;
        let rows = table(text.trim_start_matches('\u{feff}')).map_err(|malformed| match malformed {
            Malformed::Ragged { line, expected, found } => CsvError::Ragged { line, expected, found },
            Malformed::OpenQuote { line } => CsvError::OpenQuote { line },
            Malformed::StrayQuote { line } => CsvError::StrayQuote { line },
        })?;
        let mut rows = rows.into_iter();
        let header = rows.next().map(|(_, header)| header).unwrap_or_default();
        Ok(Self { header, rows: rows.collect() })
    }

    /// Where a column stands.
    pub fn column(&self, column: &'static str) -> Result<usize, CsvError> {
        let found = self.header.iter().position(|name| name == column);
        found.ok_or_else(|| CsvError::NoColumn { column, there: self.header.clone() })
    }

    /// Names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Each row's line and, by [`column`](Self::column), its fields.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &[String])> {
        self.rows.iter().map(|(line, fields)| (*line, fields.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let csv = Csv::parse("\u{feff}b,a\n1,\"x, y\"\n".as_bytes()).unwrap();
        let column = csv.column("a").unwrap();
        let cells: Vec<(usize, &str)> = csv.rows().map(|(line, row)| (line, row[column].as_str())).collect();
        assert_eq!(cells, [(2, "x, y")]);
        let error = csv.column("c").unwrap_err().to_string();
        assert_eq!(error, "it has no column `c`; it has b, a");
        assert!(Csv::parse(b"").unwrap().rows().next().is_none());
        assert_eq!(Csv::parse(b"a,b\n1\n"), Err(CsvError::Ragged { line: 2, expected: 2, found: 1 }));
    }
}
