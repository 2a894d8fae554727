//! The same file gives the same bytes, whatever the number of threads.

use crate::harness::Project;

#[test]
fn one_thread_and_two_give_equal_tables_and_figures() {
    let run = |threads: &str| {
        let project = Project::with_features();
        project.must(&["run", "experiments/mine.toml", "--threads", threads]);
        let mut files = project.snapshot("results");
        // run.json holds times.
        files.retain(|path, _| !path.ends_with("run.json"));
        files
    };
    let (one, two) = (run("1"), run("2"));
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    for (path, bytes) in &one {
        assert!(bytes == &two[path], "{} differs", path.display());
    }
}
