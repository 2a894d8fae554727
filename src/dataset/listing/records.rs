//! On which line each record of a CSV text starts, and whether all have as many fields as the header.
//!
//! The table reader does not say on which line it stumbled, and fills up short lines without a word.

/// What is wrong with the text's shape; lines count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// Another number of fields than the header's.
    Ragged { line: usize, expected: usize, found: usize },
    /// The text ends inside a quoted field.
    OpenQuote { line: usize },
}

/// The first line of every record, the header's first. Blank lines are no records.
pub(super) fn lines(text: &str) -> Result<Vec<usize>, Malformed> {
    let mut starts = Vec::new();
    let mut expected = None;
    let mut line = 1;
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let record = record(rest).ok_or(Malformed::OpenQuote { line })?;
        if !record.blank {
            let expected = *expected.get_or_insert(record.fields);
            if record.fields != expected {
                return Err(Malformed::Ragged { line, expected, found: record.fields });
            }
            starts.push(line);
        }
        line += record.lines;
        rest = &rest[record.bytes..];
    }
    Ok(starts)
}

struct Record {
    bytes: usize,
    lines: usize,
    fields: usize,
    blank: bool,
}

/// The first record, with its line end; `None` when a quote stays open.
fn record(text: &[u8]) -> Option<Record> {
    let mut record = Record { bytes: text.len(), lines: 1, fields: 1, blank: true };
    let mut quoted = false;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if quoted => record.lines += 1,
            b'\n' => {
                record.bytes = at + 1;
                break;
            }
            b',' if !quoted => record.fields += 1,
            _ => {}
        }
        record.blank &= *byte == b'\r';
    }
    (!quoted).then_some(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_commas_and_line_ends_are_part_of_a_field() {
        assert_eq!(lines("a,b\r\n\r\n\"x,\"\"\ny\",2\n\nz,3"), Ok(vec![1, 3, 6]));
    }

    #[test]
    fn the_line_of_the_trouble_is_named() {
        assert_eq!(lines("a,b\n1,2\n1,2,3\n"), Err(Malformed::Ragged { line: 3, expected: 2, found: 3 }));
        assert_eq!(lines("a,b\n1\n"), Err(Malformed::Ragged { line: 2, expected: 2, found: 1 }));
        assert_eq!(lines("a,b\n1,\"2\n3,4\n"), Err(Malformed::OpenQuote { line: 2 }));
    }
}
