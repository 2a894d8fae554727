//! Files that `numpy`, `pyarrow` and `safetensors` wrote (`tests/fixtures/features/make.py`), and broken ones.

use std::path::PathBuf;

use ndarray::Array2;
use proptest::prelude::*;

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/features")
}

fn expected() -> Array2<f32> {
    Array2::from_shape_fn((5, 3), |(row, column)| row as f32 + column as f32 / 4. - 2.)
}

fn format_error(name: &str) -> FormatError {
    match read(&folder().join(name)) {
        Err(FeatureFileError::File { source, path }) => {
            assert!(path.ends_with(name));
            source
        }
        other => panic!("{name}: {other:?}"),
    }
}

/// An `.npy` file of version 1 with this header text.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn every_format_gives_the_same_matrix() {
    let mut read_files = 0;
    for path in fs::children(&folder()).unwrap() {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("bad-") || name == "make.py" {
            continue;
        }
        let matrix = read(&path).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(matrix, expected(), "{name}");
        assert!(matrix.is_standard_layout(), "{name}");
        read_files += 1;
    }
    assert_eq!(read_files, 18);
}

#[test]
fn blocks_of_rows_together_are_the_matrix() {
    let mut read_files = 0;
    for path in fs::children(&folder()).unwrap() {
        let name = path.file_name().unwrap().to_str().unwrap();
        match Blocks::open(&path) {
            Err(FeatureFileError::ByColumn { .. }) => assert!(name.ends_with("-F.npy"), "{name}"),
            Err(FeatureFileError::NoBlocks { .. }) => assert!(!name.ends_with("npy"), "{name}"),
            Err(FeatureFileError::File { .. }) => assert!(name.starts_with("bad-"), "{name}"),
            Err(other) => panic!("{name}: {other}"),
            Ok(blocks) => {
                assert_eq!(blocks.shape(), [5, 3], "{name}");
                for rows in [1, 2, 5, 8] {
                    let parts: Vec<_> =
                        Blocks::open(&path).unwrap().of_rows(rows).map(Result::unwrap).collect();
                    assert_eq!(parts.len() as u64, 5_u64.div_ceil(rows), "{name}");
                    let views: Vec<_> = parts.iter().map(Array2::view).collect();
                    assert_eq!(ndarray::concatenate(ndarray::Axis(0), &views).unwrap(), expected(), "{name}");
                }
                read_files += 1;
            }
        }
    }
    assert_eq!(read_files, 11);
}

#[test]
fn a_file_that_shrinks_between_blocks_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.npy");
    std::fs::write(&path, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1), }\n", &[0; 12]))
        .unwrap();
    let mut blocks = Blocks::open(&path).unwrap().of_rows(1);
    assert!(blocks.next().unwrap().is_ok());
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(file.metadata().unwrap().len() - 4).unwrap();
    assert!(matches!(blocks.next().unwrap(), Err(FeatureFileError::Unreadable(_))));
}

#[test]
fn what_is_no_matrix_of_floats_is_refused() {
    assert_eq!(format_error("bad-integers.npy"), FormatError::NotFloats { kind: "<i8".to_owned() });
    assert_eq!(format_error("bad-objects.npy"), FormatError::NotFloats { kind: "|O".to_owned() });
    assert_eq!(format_error("bad-vector.npy"), FormatError::NotTwoDimensional { shape: vec![3] });
    assert!(matches!(format_error("bad-two.safetensors"), FormatError::Unclear { .. }));
    assert!(matches!(format_error("bad-both.parquet"), FormatError::Unclear { .. }));
    assert!(matches!(format_error("bad-fixed-lists.parquet"), FormatError::Unclear { .. }));
    assert!(matches!(format_error("bad-text.parquet"), FormatError::Unclear { .. }));
    assert_eq!(format_error("bad-null.parquet"), FormatError::Null { column: "v".to_owned(), row: 1 });
    assert_eq!(
        format_error("bad-ragged.parquet"),
        FormatError::RaggedLists { row: 1, expected: 1, found: 2 }
    );
    assert!(matches!(read(&folder().join("make.py")), Err(FeatureFileError::UnknownExtension { .. })));
    assert!(
        matches!(read(&folder().join("absent.npy")), Err(FeatureFileError::Unreadable(error)) if error.is_missing())
    );
}

#[test]
fn doubles_are_rounded_and_too_large_ones_refused() {
    let header = "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 2), }\n";
    let file = |values: [f64; 4]| npy(header, &values.map(f64::to_le_bytes).concat());
    let matrix = from_npy(&file([0.1, f64::INFINITY, 1e-60, 3.0])).unwrap();
    assert_eq!(matrix, ndarray::array![[0.1_f32, 0.0], [f32::INFINITY, 3.0]]);
    let error = from_npy(&file([0.0, 0.0, 0.0, -1e39])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the value -1e39 in row 1, column 1 (from 0) is too large for a 32-bit float"
    );
    let error = from_npy(&file([0.0, 1e300, 0.0, 0.0])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the value 1e300 in row 1, column 0 (from 0) is too large for a 32-bit float"
    );
}

#[test]
fn doubles_that_would_all_vanish_are_refused() {
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }\n";
    let file = |values: [f64; 4]| npy(header, &values.map(f64::to_le_bytes).concat());
    let error = from_npy(&file([1e-50, -3e-40, 0.0, 2e-45])).unwrap_err();
    assert!(
        error.to_string().contains("its largest value is 3e-40") && error.to_string().contains("multiply")
    );
    // Zeros are what they are, and what is small beside others does no harm.
    assert_eq!(from_npy(&file([0.0; 4])).unwrap(), Array2::<f32>::zeros((2, 2)));
    assert_eq!(from_npy(&file([1e-50, 1.0, 0.0, 0.0])).unwrap()[[0, 0]].to_bits(), 0);
    let small = f32::from_bits(12_345);
    let narrow = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n";
    let same = from_npy(&npy(narrow, &[small; 4].map(f32::to_le_bytes).concat())).unwrap();
    assert!(same.iter().all(|value| value.to_bits() == small.to_bits()), "float32 are taken as they are");
}

#[test]
fn a_header_that_claims_too_much_is_refused_before_memory_is_taken() {
    let claims = |shape: &str| {
        npy(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n"), &[0; 16])
    };
    let error = |bytes: &[u8]| match from_npy(bytes).unwrap_err() {
        FeatureFileError::Bytes(error) => error,
        other => panic!("{other:?}"),
    };
    let wrong = |expected| FormatError::WrongLength { expected, found: 16 };
    assert_eq!(error(&claims("(100000000, 4096)")), wrong(1_638_400_000_000));
    assert_eq!(error(&claims("(1, 3)")), wrong(12));
    // Products beyond 64 bits, nesting that would exhaust the stack, a header longer than the file.
    assert!(matches!(error(&claims("(99999999999, 99999999999)")), FormatError::Malformed { .. }));
    assert!(matches!(error(&claims(&"(".repeat(3000))), FormatError::Malformed { .. }));
    assert!(matches!(error(b"\x93NUMPY\x02\0\xff\xff\xff\xff{"), FormatError::Malformed { .. }));
}

#[test]
fn a_table_that_would_unfold_beyond_reason_is_refused_unread() {
    let length = fs::read(&folder().join("bad-bomb.parquet")).unwrap().len() as u64;
    assert_eq!(format_error("bad-bomb.parquet"), FormatError::Implausible { claimed: 40_000_000, length });
}

#[test]
fn checks_name_the_file_and_the_first_offender() {
    let path = Path::new("my/dinov2.npy");
    let mut features = expected();
    check(path, &features, 5).unwrap();
    assert!(
        check(path, &features, 6)
            .unwrap_err()
            .to_string()
            .starts_with("`my/dinov2.npy` has 5 rows, the data set 6 images")
    );
    assert!(matches!(check(path, &Array2::zeros((5, 0)), 5), Err(FeatureFileError::NoColumns { .. })));
    features[[3, 1]] = f32::NAN;
    features[[2, 2]] = f32::NEG_INFINITY;
    let message = check(path, &features, 5).unwrap_err().to_string();
    assert!(
        message.starts_with(
            "`my/dinov2.npy` holds 2 values that are not finite, the first (-inf) in row 2, column 2"
        ),
        "{message}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    /// A panic inside a parser would fail this, or be an error about parts that contradict each other.
    #[test]
    fn broken_files_give_a_matrix_or_an_error(
        victim in prop::sample::select(&["little-f4-C.npy", "big-f8-F.npy", "version2.npy", "f4.safetensors",
                                         "columns.parquet", "lists.parquet"][..]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = fs::read(&folder().join(victim)).unwrap();
        // Parquet files are only cut: polars believes the run lengths inside a page, and one in a thousand altered files
        // asks for more memory than there is, which ends the process.
        let is_parquet = victim.ends_with(".parquet");
        for (at, byte) in changes.into_iter().filter(|_| !is_parquet) {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let parsed = match Path::new(victim).extension().and_then(OsStr::to_str) {
            Some("npy") => npy::parse(&bytes),
            Some("safetensors") => safetensors::parse(&bytes),
            _ => table::parse(&bytes),
        };
        if let Ok(matrix) = parsed {
            prop_assert!(matrix.len() * 2 <= bytes.len().max(16 << 20), "{:?}", matrix.dim());
        }
    }

    #[test]
    fn any_header_text_is_survived(header in "[\\(\\)\\[\\]{}',:<>|a-zO0-9 \\-]{0,80}") {
        prop_assert!(from_npy(&npy(&header, &[0; 4])).is_err());
    }
}
