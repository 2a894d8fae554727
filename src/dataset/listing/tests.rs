use std::fmt::Write as _;
use std::fs;
use std::time::Instant;

use polars::prelude::{DataFrame, NamedFrom as _, ParquetWriter, Series};
use proptest::prelude::*;

use super::*;

/// A folder whose files hold nothing: none is opened but the manifest.
fn folder(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        crate::fs::write_atomic(&folder.path().join(file), b"").unwrap();
    }
    folder
}

fn csv(bytes: impl AsRef<[u8]>) -> Result<Listed, ListingError> {
    let folder = tempfile::tempdir().unwrap();
    crate::fs::write_atomic(&folder.path().join("manifest.csv"), bytes.as_ref()).unwrap();
    open(folder.path())
}

/// What stands behind the file's name in the message.
fn complaint(bytes: impl AsRef<[u8]>) -> String {
    let message = csv(bytes).unwrap_err().to_string();
    message.split_once("manifest.csv` ").unwrap_or_else(|| panic!("{message}")).1.to_owned()
}

fn rows(listed: &Listed) -> Vec<(&str, &str, &str)> {
    listed.entries.iter().map(|entry| (&*entry.path, &*entry.label, &*entry.group)).collect()
}

#[test]
fn class_folders_are_walked_in_order_and_litter_is_passed_over() {
    let folder = folder(&[
        "awe/b.JPG",
        "awe/a.jpg",
        "awe/deep/er/c.png",
        "awe/Thumbs.db",
        "awe/.hidden",
        "awe/desktop.ini",
        "Fear/x.gif",
        "Fear/notes.txt",
        ".git/awe/z.jpg",
        "licence.txt",
    ]);
    let listed = open(folder.path()).unwrap();
    assert_eq!((&*listed.folder, &*listed.source), (folder.path(), folder.path()));
    assert_eq!(
        rows(&listed),
        [
            ("Fear/notes.txt", "Fear", "Fear/notes.txt"),
            ("Fear/x.gif", "Fear", "Fear/x.gif"),
            ("awe/a.jpg", "awe", "awe/a.jpg"),
            ("awe/b.JPG", "awe", "awe/b.JPG"),
            ("awe/deep/er/c.png", "awe", "awe/deep/er/c.png"),
        ]
    );
    assert!(listed.entries.iter().enumerate().all(|(row, entry)| entry.row == row));
    assert!(listed.entries.iter().all(|entry| listed.folder.join(&entry.path).is_file()));
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_not_in_circles() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    let folder = folder(&["awe/a.jpg", "fear/b.jpg"]);
    let at = |path: &str| folder.path().join(path);
    symlink(folder.path(), at("awe/up")).unwrap();
    symlink(at("awe"), at("awe/self")).unwrap();
    symlink(at("fear"), at("joy")).unwrap();
    symlink(at("nowhere.jpg"), at("fear/dangling.jpg")).unwrap();
    let listed = open(folder.path()).unwrap();
    let paths: Vec<_> = listed.entries.iter().map(|entry| &*entry.path).collect();
    assert_eq!(paths, ["awe/a.jpg", "fear/b.jpg", "fear/dangling.jpg", "joy/b.jpg", "joy/dangling.jpg"]);

    fs::write(at("awe").join(std::ffi::OsStr::from_bytes(b"\xff.jpg")), b"").unwrap();
    let listed = open(folder.path()).unwrap();
    assert_eq!((listed.entries.len(), &*listed.entries[1].path), (6, "awe/\u{fffd}.jpg"));
}

#[test]
fn roots_without_a_data_set_are_told_apart() {
    let empty = folder(&[]);
    assert!(matches!(open(empty.path()), Err(ListingError::NoClassFolders { .. })));
    let absent = open(&empty.path().join("data")).unwrap_err();
    assert!(absent.is_missing());
    let bare = folder(&["awe/.keep", "readme.md"]);
    assert!(matches!(open(bare.path()), Err(ListingError::NoImages { .. })));
    assert!(matches!(open(&bare.path().join("readme.md")), Err(ListingError::UnknownExtension { .. })));
    let both = folder(&["manifest.csv", "manifest.parquet"]);
    assert!(matches!(open(both.path()), Err(ListingError::TwoManifests { .. })));
}

#[test]
fn a_manifest_keeps_its_order_and_ignores_other_columns() {
    let listed =
        csv("year, label,path,group\n2016,fear,b/2.jpg,g\n1999,Joy,\"/abs/a, 1.jpg\",\n007,awe,0001,007\n")
            .unwrap();
    assert_eq!(
        rows(&listed),
        [("b/2.jpg", "fear", "g"), ("/abs/a, 1.jpg", "Joy", "/abs/a, 1.jpg"), ("0001", "awe", "007"),]
    );
    assert!(listed.source.ends_with("manifest.csv"));
    assert_eq!(listed.source.parent(), Some(&*listed.folder));
}

#[test]
fn windows_line_ends_byte_order_marks_and_blank_lines_are_fine() {
    let listed = csv("\u{feff}path,label\r\n\r\na.jpg,awe\r\n\r\n\"b\"\".jpg\",fear\r\n\r\n").unwrap();
    assert_eq!(rows(&listed), [("a.jpg", "awe", "a.jpg"), ("b\".jpg", "fear", "b\".jpg")]);
    assert_eq!(rows(&csv("path,label\na.jpg,awe").unwrap()), [("a.jpg", "awe", "a.jpg")]);
}

#[test]
fn what_is_wrong_with_a_manifest_is_said_with_its_line() {
    assert_eq!(
        complaint("path,lable\na,awe\n"),
        "has no column `label`: its columns are `path`, `lable`; is `lable` meant?"
    );
    assert_eq!(complaint("x,y\n1,2\n"), "has no column `path`: its columns are `x`, `y`");
    assert_eq!(complaint("path,label,path\na,b,c\n"), "has two columns `path`");
    assert_eq!(complaint("path,label\na,awe\n\n ,fear\n"), "line 4: `path` is empty");
    assert_eq!(complaint("path,label\na,awe\nb,\"\"\n"), "line 3: `label` is empty");
    assert_eq!(
        complaint("path,label\nx/a,awe\nb,awe\n./x//a,fear\n"),
        "lists `./x//a` twice: line 2 and line 4"
    );
    assert_eq!(complaint("path,label\n"), "lists no images");
    assert_eq!(
        complaint("path;label\na;awe\n"),
        "is separated by semicolons: separate the columns by commas"
    );
    assert_eq!(complaint("path\tlabel\na\tawe\n"), "is separated by tabs: separate the columns by commas");
    assert_eq!(
        complaint("path,label\na,awe\nb,c,awe\n"),
        "line 3 has 3 fields, the header has 2 (a path with a comma must be in quotes)"
    );
    assert_eq!(
        complaint("\n\npath,label\na\n"),
        "line 4 has 1 fields, the header has 2 (a path with a comma must be in quotes)"
    );
    assert_eq!(complaint("path,label\n\"a,awe\nb,awe\n"), "line 2 opens a quote that is never closed");
    let stray =
        "has a quote that neither begins nor ends a field (put the field in quotes and double those inside)";
    for row in ["5\" tall.jpg,awe", "\"5\" tall.jpg\",awe", "b, \"awe\"", "b,\"awe\" "] {
        assert_eq!(complaint(format!("path,label\na,awe\n{row}\nc,fear\n")), format!("line 3 {stray}"));
    }
    assert_eq!(complaint(b"path,label\na,awe\nb\xe9,awe\n"), "is not UTF-8 at line 3: save it as UTF-8");
    assert_eq!(complaint(""), "cannot be read as a table: it is empty");
    assert_eq!(complaint("PAR1...."), "cannot be read as a table: it is Parquet: call it .parquet");
}

#[test]
fn a_parquet_manifest_reads_like_a_csv_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifest.parquet");
    let write = |paths: &[Option<&str>]| {
        let labels = vec!["awe"; paths.len()];
        let years = vec![2016_i64; paths.len()];
        let columns = vec![
            Series::new("year".into(), years).into(),
            Series::new("path".into(), paths).into(),
            Series::new("label".into(), labels).into(),
        ];
        let mut frame = DataFrame::new(paths.len(), columns).unwrap();
        ParquetWriter::new(fs::File::create(&path).unwrap()).finish(&mut frame).unwrap();
    };
    write(&[Some("b.jpg"), Some("a.jpg")]);
    let listed = open(&path).unwrap();
    assert_eq!(rows(&listed), [("b.jpg", "awe", "b.jpg"), ("a.jpg", "awe", "a.jpg")]);
    assert_eq!(listed, open(folder.path()).unwrap());

    write(&[Some("b.jpg"), None]);
    assert!(open(&path).unwrap_err().to_string().ends_with("row 2: `path` is empty"));
    write(&[Some("b.jpg"), Some("b.jpg")]);
    assert!(open(&path).unwrap_err().to_string().ends_with("lists `b.jpg` twice: row 1 and row 2"));

    let whole = fs::read(&path).unwrap();
    for length in [0, 3, 4, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(open(&path), Err(ListingError::NotATable { .. })), "{length}");
    }
}

#[test]
fn a_parquet_manifest_holds_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifest.parquet");
    let read = |path_column: Series, label: Series, group: Series| {
        let columns = vec![path_column.into(), label.into(), group.into()];
        let mut frame = DataFrame::new(2, columns).unwrap();
        ParquetWriter::new(fs::File::create(&path).unwrap()).finish(&mut frame).unwrap();
        open(&path).map_err(|error| error.to_string().split_once("parquet` ").unwrap().1.to_owned())
    };
    let paths = || Series::new("path".into(), ["a.jpg", "b.jpg"]);
    let labels = || Series::new("label".into(), ["awe", "fear"]);
    let numbers = |name: &str| Series::new(name.into(), [3_i64, 7]);
    let listed = read(paths(), labels(), numbers("group")).unwrap();
    assert_eq!(rows(&listed), [("a.jpg", "awe", "3"), ("b.jpg", "fear", "7")]);
    let complaint = |column: &str, kind: &str, expected: &str| {
        Err(format!("column `{column}` holds `{kind}`: expected {expected}"))
    };
    assert_eq!(read(paths(), numbers("label"), numbers("group")), complaint("label", "i64", "text"));
    assert_eq!(read(numbers("path"), labels(), numbers("group")), complaint("path", "i64", "text"));
    let halves = Series::new("group".into(), [0.5, 1.5]);
    assert_eq!(read(paths(), labels(), halves), complaint("group", "f64", "text or whole numbers"));
}

#[test]
fn a_hundred_thousand_rows_are_read_in_no_time() {
    let mut text = String::from("path,label,group\n");
    for row in 0..100_000 {
        writeln!(text, "images/folder/{row:06}.jpg,awe,g{}", row / 3).unwrap();
    }
    let start = Instant::now();
    let listed = csv(&text).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(listed.entries.len(), 100_000);
    assert_eq!(listed.entries[99_999].group, "g33333");
    // Takes 0.1 s; anything quadratic takes minutes.
    assert!(seconds < 10., "{seconds} s");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    /// Each row of a well-formed manifest comes back, whatever its fields hold.
    #[test]
    fn quoted_fields_come_back_as_they_were(
        fields in prop::collection::vec(("[a-zäé,\"; \n\t']{0,6}x", "[a-z,\"\n]{0,3}y"), 1..20),
        end in prop::sample::select(&["\n", "\r\n"][..]),
    ) {
        let quote = |field: &str| format!("\"{}\"", field.replace('"', "\"\""));
        let mut text = format!("path,label{end}");
        for (row, (path, label)) in fields.iter().enumerate() {
            text.extend([&*quote(&format!("{row}{path}")), ",", &quote(label), end]);
        }
        let listed = csv(&text).unwrap();
        prop_assert_eq!(listed.entries.len(), fields.len());
        for (entry, (path, label)) in listed.entries.iter().zip(&fields) {
            prop_assert_eq!(&entry.path, &format!("{}{path}", entry.row));
            prop_assert_eq!(&entry.label, label);
        }
    }

    /// A panic would fail this.
    #[test]
    fn any_text_is_survived(text in "(path,label\n)?[a-c,\";\r\n\t 0é]{0,60}") {
        if let Ok(listed) = csv(&text) {
            prop_assert!(!listed.entries.is_empty());
        }
    }
}
