//! The main job on the stand-in images: drawn, run through the network, classified, figured.

use crate::harness::Project;
use crate::parity;

fn quick() -> Project {
    Project::empty().with_shipped()
}

const FILE: &str = "experiments/quick.toml";

#[test]
fn the_quick_experiment_runs_on_stand_in_images_and_says_so_everywhere() {
    let project = quick();
    let ran = project.must(&["run", FILE]);
    let said = "stand-in images, not Abstract Paintings";
    assert!(ran.err.contains(said) && ran.out.contains(said), "{}{}", ran.err, ran.out);
    assert!(project.read("results/quick/figure6.svg").contains(said));
    for name in ["per_class_tpr.csv", "confusion.csv"] {
        let table = project.read(&format!("results/quick/{name}"));
        assert!(
            table.lines().skip(1).all(|line| line.ends_with("stand-in images for Abstract Paintings")),
            "{name}"
        );
    }
    let record: serde_json::Value = serde_json::from_str(&project.read("results/quick/run.json")).unwrap();
    assert_eq!(record["stand_in"], said);
    let again = project.must(&["run", FILE, "--json"]);
    let again: serde_json::Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((&again["computed"], &again["up_to_date"]), (&0.into(), &true.into()));
    assert_eq!(again["stand_in"], said);
    let accuracy = again["summary"]["methods"][0]["accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.2, "the drawings carry a signal; chance is about 0.13: {accuracy}");

    // What drawings gave is shown beside the paper, and not judged.
    let verdicts = [("Table 1", "stand-in"), ("Experiments", "stand-in"), ("Experiments", "not-run")];
    parity::expect(&project, "Abstract Paintings", &verdicts);
    let parity = project.must(&["parity"]).out;
    let total = "0 reproduced, 0 not reproduced, 2 not comparable because a stand-in was used, 16 not run";
    assert!(parity.contains(total), "{parity}");
    assert!(parity.contains("not comparable: stand-in  Table 1      Abstract Paintings"), "{parity}");
}

#[test]
fn an_extraction_killed_on_its_way_continues_and_ends_in_the_same_features() {
    let whole = quick();
    whole.must(&["run", FILE]);
    let project = quick();
    for milliseconds in [900, 1800, 2700] {
        let mut child = project.start(&["run", FILE]);
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        let _ = child.kill();
        child.wait().unwrap();
    }
    project.must(&["run", FILE]);
    assert!(
        project.bytes("results/quick/predictions.parquet")
            == whole.bytes("results/quick/predictions.parquet")
    );
}

#[test]
fn features_do_not_depend_on_the_number_of_threads() {
    let run = |threads: &str| {
        let project = quick();
        project.must(&["run", FILE, "--threads", threads]);
        (project.bytes("results/quick/predictions.parquet"), project.bytes("results/quick/figure6.png"))
    };
    assert!(run("1") == run("2"));
}

#[test]
fn a_gpu_that_is_asked_for_and_absent_is_said_with_the_way_out() {
    if env!("BUILT_LIBTORCH_CUDA") == "1" {
        return;
    }
    let project = quick();
    let ran = project.emolab(&["plan", FILE, "--set", "compute.device=cuda:0"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    for part in ["CUDA", "cuda:0", "compute", "LIBTORCH"] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
}

#[test]
fn the_front_program_does_not_load_libtorch_and_the_worker_runs_from_any_folder() {
    let front = std::fs::read(env!("CARGO_BIN_EXE_emolab")).unwrap();
    let needs = |bytes: &[u8], name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
    assert!(!needs(&front, b"libtorch_cpu.so\0"), "loading libtorch costs 0.2 s at every start");
    #[cfg(feature = "torch")]
    {
        let worker = env!("CARGO_BIN_EXE_emolab-torch");
        assert!(needs(&std::fs::read(worker).unwrap(), b"libtorch_cpu.so\0"));
        let output = std::process::Command::new(worker)
            .current_dir("/")
            .env_remove("LD_LIBRARY_PATH")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(!err.contains("shared libraries"), "{err}");
    }
}
