//! A project in a temporary folder, and the binary run in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

pub const EMOTIONS: [&str; 8] =
    ["amusement", "anger", "awe", "contentment", "disgust", "excitement", "fear", "sadness"];

/// Files under a folder that is removed at the end of the test.
pub struct Project {
    folder: TempDir,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Project {
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("experiments")).unwrap();
        Self { folder }
    }

    /// The shipped experiments, of which figures 5 to 7 here have one method: no network must be trained.
    pub fn with_shipped(self) -> Self {
        for name in ["iaps_5fold.toml", "quick.toml", "fi_holdout.toml", "shared/training.toml"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments").join(name);
            let mut text = std::fs::read_to_string(path).unwrap();
            if name == "iaps_5fold.toml" {
                let start = text.find("[[method]]\nvariant = \"noisy-fine-tuned\"").unwrap();
                let end = text.find("[pca]").unwrap();
                text.replace_range(start..end, "");
            }
            self.write(&format!("experiments/{name}"), text.as_bytes());
        }
        self
    }

    /// Ten small PNG files of each emotion as the images of `iaps-subset`, no two alike, and the shipped experiments.
    pub fn with_images() -> Self {
        let project = Self::empty();
        for (class, emotion) in EMOTIONS.iter().enumerate() {
            for image in 0..10 {
                let path = project.path().join(format!("data/iaps-subset/{emotion}/{image}.png"));
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                picture(10 * class as u32 + image).save(path).unwrap();
            }
        }
        project.with_shipped()
    }

    /// Twelve rows of 16 features per emotion, told apart by their means; a manifest with six groups per emotion.
    pub fn with_features() -> Self {
        let project = Self::empty();
        let mut manifest = "path,label,group\n".to_owned();
        let mut features = Vec::new();
        for (class, emotion) in EMOTIONS.iter().enumerate() {
            for image in 0..12_usize {
                manifest.push_str(&format!("{emotion}/{image}.jpg,{emotion},{emotion}-{}\n", image / 2));
                for column in 0..16_usize {
                    let noise = ((class * 977 + image * 131 + column * 31) % 97) as f32 / 97.0 - 0.5;
                    let mean = if column % 8 == class { 1.0 } else { 0.0 };
                    features.push(mean + 1.5 * noise);
                }
            }
        }
        project.write("my/manifest.csv", manifest.as_bytes());
        project.write("my/dinov2.npy", &npy(96, 16, &features));
        project.write("experiments/mine.toml", MINE.as_bytes());
        project
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> &Self {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        self
    }

    /// Replaces text in a file; it must be there.
    pub fn edit(&self, name: &str, from: &str, to: &str) -> &Self {
        let text = self.read(name);
        assert!(text.contains(from), "`{from}` is not in {name}");
        self.write(name, text.replacen(from, to, 1).as_bytes())
    }

    pub fn read(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn has(&self, name: &str) -> bool {
        self.path().join(name).exists()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emolab"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("EMOLAB_"))
        {
            command.env_remove(name);
        }
        command.env("EMOLAB_DEPS", dependencies()).env("NO_COLOR", "1");
        command
    }

    pub fn emolab(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments))
    }

    /// Runs and must succeed.
    pub fn must(&self, arguments: &[&str]) -> Ran {
        let ran = self.emolab(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}\n{}{}", ran.out, ran.err);
        ran
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Every file of a folder with its bytes.
    pub fn snapshot(&self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.path().join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.insert(
                        path.strip_prefix(self.path()).unwrap().to_owned(),
                        std::fs::read(&path).unwrap(),
                    );
                }
            }
        }
        files
    }

    /// The blobs of the store, largest first.
    pub fn blobs(&self) -> Vec<PathBuf> {
        let mut blobs: Vec<PathBuf> =
            self.snapshot(".emolab/v1/blobs").into_keys().map(|path| self.path().join(path)).collect();
        blobs.sort_by_key(|path| std::cmp::Reverse(std::fs::metadata(path).unwrap().len()));
        blobs
    }

    /// Labels of the stages that a plan would compute.
    pub fn misses(&self, experiment: &str) -> Vec<String> {
        let plan = self.must(&["plan", experiment, "--json"]);
        let plan: serde_json::Value = serde_json::from_str(&plan.out).unwrap();
        let stages = plan["stages"].as_array().unwrap().iter();
        stages
            .filter(|stage| stage["hit"] == false)
            .map(|stage| stage["label"].as_str().unwrap().to_owned())
            .collect()
    }
}

pub fn ran(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ran {
    /// Standard error with the project's folder written as `PROJECT`.
    pub fn redacted(&self, project: &Project) -> String {
        self.err.replace(&project.path().display().to_string(), "PROJECT")
    }
}

/// A picture of 64 patches whose brightness only its number decides.
pub fn picture(number: u32) -> image::RgbImage {
    let patch = |x: u32, y: u32| {
        let mixed = (number * 64 + (y / 6) * 8 + x / 6 + 1).wrapping_mul(0x9e37_79b9);
        (mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca6b).to_be_bytes()[0]
    };
    image::RgbImage::from_fn(48, 48, |x, y| image::Rgb([patch(x, y), patch(x, y), (number * 3) as u8]))
}

/// What set-up fetched for this checkout.
pub fn dependencies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".deps")
}

/// A `NumPy` file of f32 `[rows, columns]`.
pub fn npy(rows: usize, columns: usize, values: &[f32]) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((padded as u16).to_le_bytes());
    bytes.extend(format!("{header:<width$}\n", width = padded - 1).as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

pub const MINE: &str = r#"[experiment]
name = "mine"
title = "My features"

[dataset]
name = "my-set"
manifest = "my/manifest.csv"

[split]
folds = 3

[[method]]
variant = "precomputed"
name = "DINOv2"
features = "my/dinov2.npy"

[pca]
components = 8
"#;
