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
pub(in crate::dataset) enum Malformed {
    /// Another number of fields than the header's.
    Ragged { line: usize, expected: usize, found: usize },
    /// The text ends inside a quoted field.
    OpenQuote { line: usize },
    /// A quote inside a bare field, or text behind the quote that closes one.
    StrayQuote { line: usize },
}

/// Takes the text apart; lines are counted from `line`.
pub(super) fn records(text: &str, mut line: usize) -> Result<Records, Malformed> {
    let mut records = Records { text: String::with_capacity(text.len()), lines: Vec::new() };
    let mut header = None;
    let mut rest = text;
    while !rest.is_empty() {
        let record = record(rest.as_bytes(), line)?;
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

/// The fields of every record and the line on which it starts, the header first.
pub(in crate::dataset) fn table(text: &str) -> Result<Vec<(usize, Vec<String>)>, Malformed> {
    let Records { text, mut lines } = records(text, 1)?;
    // The header's own line is not asked for.
    lines.insert(0, 1);
    let mut rest = text.as_str();
    let mut table = Vec::with_capacity(lines.len());
    for line in lines {
        let (taken, left) = rest.split_at(record(rest.as_bytes(), line)?.bytes);
        table.push((line, fields(taken.trim_end_matches(['\r', '\n']))));
        rest = left;
    }
    Ok(table)
}

/// The fields of a well-formed record without its line end; blanks around a bare field are no part of it.
fn fields(record: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let (mut field, mut quoted) = (String::new(), false);
    let mut end = |field: &mut String| fields.push(std::mem::take(field).trim().to_owned());
    let mut characters = record.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => end(&mut field),
            other => field.push(other),
        }
    }
    end(&mut field);
    fields
}

struct Record {
    bytes: usize,
    lines: usize,
    fields: usize,
    blank: bool,
}

/// Where in a field the reader is.
enum Field {
    Start,
    Bare,
    Quoted,
    /// Behind a quote in a quoted field: another one makes it a quote that is meant, all else ends the field.
    Closed,
}

/// The first record, with its line end.
fn record(text: &[u8], line: usize) -> Result<Record, Malformed> {
    let mut record = Record { bytes: text.len(), lines: 1, fields: 1, blank: true };
    let mut field = Field::Start;
    for (at, byte) in text.iter().enumerate() {
        field = match (field, byte) {
            (Field::Quoted, b'"') | (Field::Closed, b'\r') => Field::Closed,
            (Field::Start | Field::Closed, b'"') => Field::Quoted,
            (Field::Quoted, _) => {
                record.lines += usize::from(*byte == b'\n');
                Field::Quoted
            }
            (_, b'\n') => {
                record.bytes = at + 1;
                return Ok(record);
            }
            (_, b',') => {
                record.fields += 1;
                Field::Start
            }
            (Field::Bare, b'"') | (Field::Closed, _) => {
                return Err(Malformed::StrayQuote { line: line + record.lines - 1 });
            }
            (Field::Start | Field::Bare, _) => Field::Bare,
        };
        record.blank &= *byte == b'\r';
    }
    if matches!(field, Field::Quoted) { Err(Malformed::OpenQuote { line }) } else { Ok(record) }
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
    fn fields_are_parted_and_unquoted() {
        let rows = table("a, b\r\n\r\n\"x,\"\"\ny\",2\n\nz,\n").unwrap();
        let expected = [(1, ["a", "b"]), (3, ["x,\"\ny", "2"]), (6, ["z", ""])];
        assert_eq!(rows, expected.map(|(line, fields)| (line, fields.map(str::to_owned).to_vec())));
        assert_eq!(table("").unwrap().len(), 1);
    }

    #[test]
    fn the_line_of_the_trouble_is_named() {
        assert_eq!(
            records("a,b\n1,2\n1,2,3\n", 1),
            Err(Malformed::Ragged { line: 3, expected: 2, found: 3 })
        );
        assert_eq!(records("a,b\n1\n", 5), Err(Malformed::Ragged { line: 6, expected: 2, found: 1 }));
        assert_eq!(records("a,b\n1,\"2\n3,4\n", 1), Err(Malformed::OpenQuote { line: 2 }));
        for text in
            ["a,b\n1,2\n3\"x\",4\n", "a,b\n1,2\n\"3\"x,4\n", "a,b\n1,2\n3, \"4\"\n", "a,b\n\"1\n\"x,2\n"]
        {
            assert_eq!(records(text, 1), Err(Malformed::StrayQuote { line: 3 }), "{text}");
        }
    }
}
