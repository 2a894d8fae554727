//! The records of a CSV text: on which line each starts, and whether all have as many fields as the header.
//!
//! The table reader does not say on which line it stumbled, fills up short lines without a word, and takes a
//! blank line for a row.

/// A text without blank lines, and where its records stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Records {
    /// The header and all rows.
    pub(super) text: String,
    /// The first line of each row in the original, from 1; without the header.
    pub(super) lines: Vec<usize>,
}

/// What is wrong with the text's shape; lines count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// Another number of fields than the header's.
    Ragged { line: usize, expected: usize, found: usize },
    /// The text ends inside a quoted field.
    OpenQuote { line: usize },
}

/// Takes the text apart; lines are counted from `line`.
pub(super) fn records(text: &str, mut line: usize) -> Result<Records, Malformed> {
    let mut records = Records { text: String::with_capacity(text.len()), lines: Vec::new() };
    let mut header = None;
    let mut rest = text;
    while !rest.is_empty() {
        let record = record(rest.as_bytes()).ok_or(Malformed::OpenQuote { line })?;
        let (taken, left) = rest.split_at(record.bytes);
        if !record.blank {
            match header {
                None => header = Some(record.fields),
                Some(expected) if record.fields != expected => {
                    return Err(Malformed::Ragged { line, expected, found: record.fields });
                }
                Some(_) => records.lines.push(line),
            }
            records.text.push_str(taken);
        }
        line += record.lines;
        rest = left;
    }
    Ok(records)
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
        let records = records("a,b\r\n\r\n\"x,\"\"\ny\",2\n\nz,3", 1).unwrap();
        assert_eq!(records.lines, [3, 6]);
        assert_eq!(records.text, "a,b\r\n\"x,\"\"\ny\",2\nz,3");
    }

    #[test]
    fn the_line_of_the_trouble_is_named() {
        assert_eq!(
            records("a,b\n1,2\n1,2,3\n", 1),
            Err(Malformed::Ragged { line: 3, expected: 2, found: 3 })
        );
        assert_eq!(records("a,b\n1\n", 5), Err(Malformed::Ragged { line: 6, expected: 2, found: 1 }));
        assert_eq!(records("a,b\n1,\"2\n3,4\n", 1), Err(Malformed::OpenQuote { line: 2 }));
    }
}
