//! What the README says to type exists.

use std::path::Path;

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn every_recipe_and_file_that_the_readme_names_exists() {
    let (readme, justfile) = (read("README.md"), read("justfile"));
    let mut recipes = 0;
    for rest in readme.split("just ").skip(1) {
        let recipe: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
        if readme.contains(&format!("`just {recipe}")) || readme.contains(&format!("\njust {recipe}")) {
            let defined = justfile.lines().any(|line| line.split([' ', ':']).next() == Some(&recipe));
            assert!(defined, "`just {recipe}`");
            recipes += 1;
        }
    }
    assert!(recipes >= 3, "the README names the recipes");
    for path in readme.split(['`', '(', ')', ' ', '\n']).filter(|word| {
        word.starts_with("experiments/")
            && Path::new(word).extension().is_some_and(|extension| extension == "toml")
    }) {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists(), "{path}");
    }
}

#[test]
fn the_experiment_that_the_readme_explains_is_one_that_loads() {
    let readme = read("README.md");
    let block = readme.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let project = crate::harness::Project::empty();
    project.write("experiments/readme.toml", block.as_bytes());
    let shown = project.must(&["config", "experiments/readme.toml"]);
    assert!(shown.out.contains("experiment.name"), "{}", shown.out);
}

#[test]
fn the_sweep_that_the_readme_explains_is_one_that_loads() {
    let readme = read("README.md");
    let from = readme.find("\n[sweep]\n").unwrap();
    let block = readme[from..].split("```").next().unwrap();
    let project = crate::harness::Project::empty().with_shipped();
    project.write("experiments/swept.toml", format!("extends = \"iaps_5fold.toml\"\n{block}").as_bytes());
    let shown = project.must(&["config", "experiments/swept.toml"]);
    assert!(shown.out.contains("sweep"), "{}", shown.out);
}

#[test]
fn every_shipped_experiment_loads() {
    let project = crate::harness::Project::empty();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // What experiments share is none by itself.
            continue;
        }
        project.must(&["config", &path.display().to_string()]);
    }
}
