//! Fine-tuned networks in an experiment: trained once, told apart from what they are tested on, drawn.

use crate::harness::{Project, picture};

const FILE: &str = "experiments/tune.toml";

/// Two steps on the strong corpus; tested on the smallest set of other code points.
const TUNE: &str = r#"
[experiment]
name = "tune"
title = "Tuned"
[dataset]
name = "abstract"
root = "data/abstract"
stand_in = "emoji"
[split]
kind = "k-fold"
folds = 3
[[method]]
variant = "fine-tuned"
[[method]]
name = "own layer"
variant = "fine-tuned"
classifier = "network"
[training.fine-tuned]
dataset = "fi"
root = "data/fi"
stand_in = "emoji"
iterations = 2
batch = 4
threads = 1
[figure]
kind = "confusion"
"#;

fn tune() -> Project {
    let project = Project::empty();
    project.write(FILE, TUNE.as_bytes());
    project
}

#[test]
fn a_network_is_trained_once_and_both_its_features_and_its_own_answer_are_evaluated() {
    let project = tune();
    let ran = project.must(&["run", FILE]);
    assert!(ran.err.contains("epoch 1 of 1: loss "), "{}", ran.err);
    // Both methods have one training.
    assert_eq!(ran.err.matches("done  fine-tune").count(), 1, "{}", ran.err);
    let figure = project.read("results/tune/figure.svg");
    for said in
        ["stand-in images, not Abstract Paintings", "Fine-tuned-CNN trained on stand-in images, not FI"]
    {
        assert!(figure.contains(said), "{said}");
    }
    let training = project.read("results/tune/training.csv");
    assert!(
        training.starts_with("method,epoch,step,rate,") && training.contains("\nFine-tuned-CNN,1,2,"),
        "{training}"
    );
    let table = project.read("results/tune/table.csv");
    assert!(table.contains("\nown layer,") && !table.contains("2034"), "{table}");
    assert!(project.read("results/tune/training.svg").contains("epoch 1: loss"));

    assert!(project.must(&["run", FILE]).out.contains("up to date, nothing computed"));
    // Another recipe is another network; the split of the tested images is as it was.
    let plan = project.must(&["plan", FILE, "--set", "training.fine-tuned.rate=0.01"]);
    assert!(plan.out.contains("miss  fine-tune Fine-tuned-CNN"), "{}", plan.out);
    assert!(plan.out.contains("hit   split-images "), "{}", plan.out);
}

#[test]
fn layers_that_a_network_does_not_have_are_refused_before_anything_runs() {
    let project = tune();
    for (setting, words) in [
        ("freeze_through=\"_conv_hed\"", "no layer `_conv_hed`, which `freeze_through` names"),
        ("freeze_through=\"_fc\"", "leaves nothing of `efficientnet-lite0` to train"),
        ("layer_rates={nosuch=0.1}", "no layer `nosuch`, which `layer_rates` names"),
        ("layer_rates={_=0}", "leave nothing of `efficientnet-lite0` to train"),
    ] {
        let setting = format!("training.fine-tuned.{setting}");
        let refused = project.emolab(&["plan", FILE, "--set", &setting]);
        assert!(refused.code == 2 && refused.err.contains(words), "{setting}: {}", refused.err);
    }
    let near = project.emolab(&["plan", FILE, "--set", "training.fine-tuned.freeze_through=\"_conv_hed\""]);
    assert!(near.err.contains("did you mean `_conv_head`?"), "{}", near.err);
    for setting in ["freeze_through=\"_blocks.3._project_conv\"", "layer_rates={_blocks=0.1}"] {
        project.must(&["plan", FILE, "--set", &format!("training.fine-tuned.{setting}")]);
    }
}

#[test]
fn a_network_is_not_tested_on_what_it_was_trained_on_unless_every_figure_says_so() {
    let project = tune();
    let same = ["--set", "training.fine-tuned.dataset=abstract"];
    let refused = project.emolab(&[&["run", FILE], &same[..]].concat());
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("check-overlap Fine-tuned-CNN: "), "{}", refused.err);
    assert!(
        refused.err.contains("the same image") && refused.err.contains("allow_overlap = true"),
        "{}",
        refused.err
    );

    let allowed = [&same[..], &["--set", "training.fine-tuned.allow_overlap=true"]].concat();
    project.must(&[&["run", FILE], &allowed[..]].concat());
    let figure = project.read("results/tune/figure.svg");
    assert!(figure.contains("Fine-tuned-CNN was trained on "), "{}", &figure[..600.min(figure.len())]);
}

#[test]
fn a_training_table_is_checked_before_anything_runs() {
    let project = tune();
    let told = |setting: &str, said: &str| {
        let ran = project.emolab(&["run", FILE, "--set", setting]);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains(said), "{setting}: {}", ran.err);
    };
    told("training.fine-tuned.epochs=3", "does not go with `iterations`");
    told("training.fine-tuned.momentum=0.9", "does not go with");
    told("training.fine-tuned.test=0.97", "nothing is left to train on");
    told("training.fine-tuned.preset=caffe", "`caffe-finetune`");
    told("training.fine-tuned.rate=0", "a number above 0");
    told("training.fine-tuned.dropout=1.0", "expected a fraction from 0 to below 1");
    told("training.fine-tuned.label_smoothing=1.0", "expected a fraction from 0 to below 1");
    told("training.fine-tuned.mixup=1e-300", "expected 0, or a number from 0.01 to 8");
    told("training.fine-tuned.mixup=100", "expected 0, or a number from 0.01 to 8");
    told("method=[{variant='noisy-fine-tuned'}]", "expected a table `[training.noisy-fine-tuned]`");
    told("method=[{variant='fine-tuned', network='alexnet'}]", "`alexnet` comes without weights");
    told(
        "method=[{variant='fine-tuned', network='torchscript', width=3, weights='x.pt'}]",
        "cannot be fine-tuned",
    );
    told("method=[{variant='imagenet-cnn', network='torchscript', weights='x.pt'}]", "`width` is missing");
}

/// As [`TUNE`], on the user's own folders of two emotions: twelve images to train on, six others to test on, which are
/// what was submitted for labelling.
fn own_images() -> Project {
    let project = Project::empty();
    let text = TUNE
        .replace(
            "name = \"abstract\"\nroot = \"data/abstract\"\nstand_in = \"emoji\"",
            "name = \"mine\"\nroot = \"data/submitted\"\nmin_per_class = 2",
        )
        .replace(
            "dataset = \"fi\"\nroot = \"data/fi\"\nstand_in = \"emoji\"",
            "dataset = \"weak\"\nroot = \"data/weak\"\ntest = 0.0\nvalidation = 0.2",
        )
        .replace("folds = 3", "folds = 2\nleakage = \"ignore\"")
        + "[pca]\ncomponents = 1\n";
    project.write(FILE, text.as_bytes());
    let large =
        |number| image::imageops::resize(&picture(number), 192, 192, image::imageops::FilterType::CatmullRom);
    for (class, emotion) in ["awe", "fear"].into_iter().enumerate() {
        let [weak, submitted] =
            ["weak", "submitted"].map(|set| project.path().join("data").join(set).join(emotion));
        std::fs::create_dir_all(&weak).unwrap();
        std::fs::create_dir_all(&submitted).unwrap();
        for number in 0..12 {
            large(100 * class as u32 + number).save(weak.join(format!("w{number}.png"))).unwrap();
        }
        // A copy of the file, one in another format, and a smaller, compressed one.
        std::fs::copy(weak.join("w0.png"), submitted.join("s0.png")).unwrap();
        image::open(weak.join("w1.png")).unwrap().save(submitted.join("s1.bmp")).unwrap();
        let small = image::imageops::resize(
            &large(100 * class as u32 + 2),
            150,
            150,
            image::imageops::FilterType::Triangle,
        );
        small.save(submitted.join("s2.jpg")).unwrap();
    }
    project
}

#[test]
fn what_was_submitted_for_labelling_is_neither_trained_on_nor_validated_on_and_may_be_tested() {
    let project = own_images();
    let refused = project.emolab(&["run", FILE]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    for line in [
        "6 of the 6 images that `Fine-tuned-CNN` is evaluated on overlap",
        "  `awe/s0.png` and `awe/w0.png`: the same image\n",
        "  `awe/s1.bmp` and `awe/w1.png`: the same image, equal in pixels\n",
        "  `awe/s2.jpg` and `awe/w2.png`: near-duplicates, ",
    ] {
        assert!(refused.err.contains(line), "{line}: {}", refused.err);
    }

    let exclude = ["--set", "training.fine-tuned.exclude=data/submitted"];
    let ran = project.must(&[&["run", FILE], &exclude[..]].concat());
    assert!(ran.err.contains("were submitted for labelling, or nearly equal one that was"), "{}", ran.err);
    let left_out: u32 = ran
        .err
        .lines()
        .find(|line| line.contains("were submitted for labelling"))
        .unwrap()
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|word| word.parse::<u32>().ok())
        .sum();
    assert_eq!(left_out, 6, "{}", ran.err);

    let absent = project.emolab(&["plan", FILE, "--set", "training.fine-tuned.exclude=data/nowhere"]);
    assert!(absent.code == 2 && absent.err.contains("leave out `exclude`"), "{}", absent.err);
}

#[test]
fn too_few_images_to_train_on_name_the_trainings_own_table() {
    let project = own_images();
    let refused = project.emolab(&["run", FILE, "--set", "training.fine-tuned.min_per_class=500"]);
    assert!(refused.err.contains("as `min_per_class` in `[training.fine-tuned]` asks"), "{}", refused.err);
}

#[test]
fn groups_of_two_manifests_are_one_by_their_names() {
    let project = own_images();
    let manifest = |folder: &str, prefix: &str, group: &dyn Fn(usize) -> String| {
        let row =
            |(at, emotion): (usize, &str)| format!("{prefix}/{emotion}/w{at}.png,{emotion},{}\n", group(at));
        let rows = (0..12).flat_map(|at| ["awe", "fear"].map(|emotion| (at, emotion)));
        let half = rows.filter(|(at, _)| (at % 2 == 0) == (folder != "data/train.csv"));
        let rows: String = half.map(row).collect();
        project.write(folder, format!("path,label,group\n{rows}").as_bytes());
    };
    let run = |tested: &str| {
        let tested = format!("dataset.root={tested}");
        let trained = [
            "--set",
            "training.fine-tuned.root=data/train.csv",
            "--set",
            "training.fine-tuned.min_per_class=2",
        ];
        project.emolab(&[&["run", FILE, "--set", &tested], &trained[..]].concat())
    };
    // Image `n` of either half is of series `n / 2`.
    manifest("data/train.csv", "weak", &|at| format!("series-{}", at / 2));
    manifest("other/test.csv", "../data/weak", &|at| format!("series-{}", at / 2));
    let words = run("other/test.csv");
    assert_eq!(words.code, 2, "{}", words.err);
    assert!(words.err.contains(": of the same group, `series-0`"), "{}", words.err);
    assert!(
        words.err.contains("groups of two manifests are one where their names are equal and no numbers"),
        "{}",
        words.err
    );
    // Numbers are one data set's own, and so one where the manifests lie side by side.
    manifest("data/train.csv", "weak", &|at| (at / 2).to_string());
    manifest("other/test.csv", "../data/weak", &|at| (at / 2).to_string());
    manifest("data/test.csv", "weak", &|at| (at / 2).to_string());
    assert!(run("data/test.csv").err.contains(": of the same group, `0`"));
    let apart = run("other/test.csv");
    assert!(!apart.err.contains("of the same group"), "{}", apart.err);
}
