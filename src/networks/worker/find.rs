//! Where the worker's program is.

use std::env;
use std::path::{Path, PathBuf};

use super::WorkerError;

/// Environment variable that names the worker's program.
pub const WORKER_VARIABLE: &str = "EMOLAB_TORCH_WORKER";

/// The worker's program: what [`WORKER_VARIABLE`] names, else `emolab-torch` beside the running program.
///
/// # Errors
/// [`WorkerError::Missing`] with the places that were tried.
pub fn find_worker() -> Result<PathBuf, WorkerError> {
    let named = env::var_os(WORKER_VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
    let running = env::current_exe().and_then(|program| program.canonicalize()).unwrap_or_default();
    let places = named.map_or_else(|| beside(&running), |named| vec![named]);
    match places.iter().find(|place| place.is_file()) {
        Some(found) => Ok(found.clone()),
        None => Err(WorkerError::Missing { places }),
    }
}

/// Places to look at, for a program or for one of its test binaries in `deps`.
fn beside(running: &Path) -> Vec<PathBuf> {
    let name = format!("emolab-torch{}", env::consts::EXE_SUFFIX);
    let folder = running.parent().unwrap_or(Path::new("."));
    let mut places = vec![folder.join(&name)];
    if folder.ends_with("deps") {
        places.extend(folder.parent().map(|above| above.join(&name)));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_binary_finds_the_worker_one_folder_up() {
        let path = Path::new;
        assert_eq!(beside(path("/bin/emolab")), [path("/bin/emolab-torch")]);
        assert_eq!(
            beside(path("/target/deps/emolab-1")),
            [path("/target/deps/emolab-torch"), path("/target/emolab-torch")]
        );
    }
}
