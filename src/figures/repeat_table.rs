//! `repeats.csv`: how much rates change from one repetition of the cross validation to the next.

use std::fmt::Write as _;

use super::tables::{MethodEvaluation, field};
use crate::metrics::{ConfusionMatrix, Spread, accuracy, mean_true_positive_rate, true_positive_rate};
use crate::types::Emotion;

/// The spread of a method's rates over `repeats` repetitions, by emotion or measure; empty for a single one.
pub fn spreads(method: &MethodEvaluation, repeats: usize) -> Vec<(&'static str, Spread)> {
    let of_repeat = method.evaluation.folds.len().div_ceil(repeats.max(1)).max(1);
    let pooled: Vec<ConfusionMatrix> =
        method.evaluation.folds.chunks(of_repeat).map(ConfusionMatrix::pooled).collect();
    let spread = |of: &dyn Fn(&ConfusionMatrix) -> Option<f64>| {
        Spread::of(&pooled.iter().filter_map(of).collect::<Vec<_>>())
    };
    let classes = Emotion::ALL
        .into_iter()
        .map(|class| (class.name(), spread(&|matrix| true_positive_rate(matrix)[class.index()])));
    let overall =
        [("mean_true_positive_rate", spread(&mean_true_positive_rate)), ("accuracy", spread(&accuracy))];
    classes.chain(overall).filter_map(|(name, spread)| Some((name, spread?))).collect()
}

/// `repeats.csv`: `method,measure,repeats,mean,standard_deviation,minimum,maximum,data_set`, where `measure` is an emotion,
/// `mean_true_positive_rate` or `accuracy`.
pub fn repeats_csv(methods: &[MethodEvaluation], repeats: usize, data_set: &str) -> String {
    let mut table = "method,measure,repeats,mean,standard_deviation,minimum,maximum,data_set\n".to_owned();
    for method in methods {
        for (measure, Spread { mean, standard_deviation, minimum, maximum }) in spreads(method, repeats) {
            // Writing to a string cannot fail.
            let _ = writeln!(
                table,
                "{},{measure},{repeats},{mean:.6},{standard_deviation:.6},{minimum:.6},{maximum:.6},{}",
                field(&method.name),
                field(data_set)
            );
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Evaluation;

    #[test]
    fn the_spread_is_over_repetitions_and_not_over_folds() {
        let (fear, awe) = (Emotion::Fear, Emotion::Awe);
        let right = ConfusionMatrix::of([(fear, fear), (awe, awe)]);
        let half = ConfusionMatrix::of([(fear, fear), (awe, fear)]);
        let folds = vec![right, right, right, half];
        let methods = [MethodEvaluation { name: "a".to_owned(), evaluation: Evaluation { folds } }];
        let table = repeats_csv(&methods, 2, "x");
        assert!(table.contains("a,awe,2,0.750000,0.353553,0.500000,1.000000,x\n"), "{table}");
        assert!(table.contains("a,fear,2,1.000000,0.000000,1.000000,1.000000,x\n"), "{table}");
        assert!(table.contains("a,accuracy,2,0.875000,0.176777,0.750000,1.000000,x\n"), "{table}");
        assert_eq!(repeats_csv(&methods, 1, "x").lines().count(), 1);
    }
}
