//! Fine-tuned networks in an experiment: trained once, told apart from what they are tested on, drawn.

use crate::harness::Project;

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
    ] {
        let setting = format!("training.fine-tuned.{setting}");
        let refused = project.emolab(&["plan", FILE, "--set", &setting]);
        assert!(refused.code == 2 && refused.err.contains(words), "{setting}: {}", refused.err);
    }
    let near = project.emolab(&["plan", FILE, "--set", "training.fine-tuned.freeze_through=\"_conv_hed\""]);
    assert!(near.err.contains("the nearest to it is `_conv_head`"), "{}", near.err);
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
    told("method=[{variant='noisy-fine-tuned'}]", "expected a table `[training.noisy-fine-tuned]`");
    told("method=[{variant='fine-tuned', network='alexnet'}]", "`alexnet` comes without weights");
    told(
        "method=[{variant='fine-tuned', network='torchscript', width=3, weights='x.pt'}]",
        "cannot be fine-tuned",
    );
    told("method=[{variant='imagenet-cnn', network='torchscript', weights='x.pt'}]", "`width` is missing");
}
