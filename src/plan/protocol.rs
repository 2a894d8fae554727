//! The protocol of an experiment in words.

use crate::config::Experiment;
use crate::config::experiment::{Classifier, Penalty, SplitKind};
use crate::solvers::pca::Keep;

/// One line under the figure's title; nothing of the settings that a sweep varies.
pub(super) fn of(experiment: &Experiment, varied: impl Fn(&str) -> bool) -> String {
    let split = match experiment.split.kind {
        _ if varied("split.kind") => "test images are not trained on".to_owned(),
        SplitKind::KFold { folds, repeats } => {
            let folds = if varied("split.folds") { String::new() } else { format!("{folds}-fold ") };
            let times = if varied("split.repeats") || repeats == 1 {
                String::new()
            } else {
                format!(", {repeats} times")
            };
            format!("{folds}cross validation{times}")
        }
        SplitKind::Holdout { .. }
            if ["train", "test", "validation"].iter().any(|part| varied(&format!("split.{part}"))) =>
        {
            "holdout".to_owned()
        }
        SplitKind::Holdout { train, test, validation } => {
            format!("holdout {:.0}/{:.0}/{:.0} %", train * 100.0, test * 100.0, validation * 100.0)
        }
    };
    let grouped = experiment.split.grouped && !varied("split.grouped");
    let grouped = if grouped { ", groups kept together" } else { "" };
    let components = match experiment.pca.components {
        Keep::Count(count) => format!("{count} components"),
        Keep::AtMost(count) => format!("at most {count} components"),
        Keep::Variance(share) => format!("{}% of the variance", share * 100.0),
    };
    let chosen = match experiment.svm.c {
        Penalty::InnerCrossValidation { .. } if !varied("svm.c") && !varied("svm.select") => {
            ", C chosen inside the training folds"
        }
        _ => "",
    };
    let to = if varied("pca.components") { String::new() } else { format!(" to {components}") };
    let svm = format!("PCA{to}, linear SVM one against all{chosen}");
    let by_network =
        experiment.methods.iter().filter(|method| method.classifier == Classifier::Network).count();
    let how = match by_network {
        0 => svm,
        all if all == experiment.methods.len() => "the network's last layer".to_owned(),
        _ => format!("{svm}, or the network's last layer"),
    };
    format!("{split}{grouped}; {how}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn what_a_sweep_varies_is_not_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.toml");
        let text = "[experiment]\nname = \"mine\"\n[dataset]\nname = \"set\"\nmanifest = \"m.csv\"\n[split]\nfolds = 4\n\
                    repeats = 3\n[[method]]\nvariant = \"precomputed\"\nname = \"a\"\nfeatures = \"f.npy\"\n[svm]\n\
                    c = [1, 10]\nselect = \"inner-cv\"\n";
        std::fs::write(&file, text).unwrap();
        let experiment = config::load(&file, &config::Overrides::default()).unwrap().experiment;
        let said = |varied: &[&str]| of(&experiment, |path| varied.contains(&path));
        assert_eq!(
            said(&[]),
            "4-fold cross validation, 3 times, groups kept together; PCA to 20 components, linear SVM one against all, C \
             chosen inside the training folds"
        );
        assert_eq!(
            said(&["split.folds", "split.repeats", "split.grouped", "pca.components", "svm.c"]),
            "cross validation; PCA, linear SVM one against all"
        );
        assert!(said(&["split.kind"]).starts_with("test images are not trained on, groups"));
    }
}
