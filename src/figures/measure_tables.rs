//! `measures.csv`, `measures.md` and `comparisons.csv`: what methods are worth, alone and against each other.

use std::fmt::Write as _;

use super::tables::field;
use crate::metrics::comparison::{Comparison, Difference, Paired};
use crate::metrics::measures::{Measure, Measures};
use crate::types::Emotion;

/// A method and its measures.
pub struct MethodMeasures<'a> {
    /// The method's name.
    pub name: &'a str,
    /// What it is worth.
    pub measures: &'a Measures,
}

/// Two methods and their comparison.
pub struct MethodPair<'a> {
    /// The first method's name.
    pub first: &'a str,
    /// The second's.
    pub second: &'a str,
    /// The second against the first.
    pub comparison: &'a Comparison,
}

/// `measures.csv`: a row per method; each measure with the ends of its interval, as `macro_f1,macro_f1_low,macro_f1_high`.
pub fn measures_csv(methods: &[MethodMeasures<'_>], data_set: &str) -> String {
    let mut table = "method".to_owned();
    for measure in Measure::ALL.map(Measure::name) {
        // Writing to a string cannot fail.
        let _ = write!(table, ",{measure},{measure}_low,{measure}_high");
    }
    table.push_str(",data_set\n");
    for MethodMeasures { name, measures } in methods {
        table.push_str(&field(name));
        for measure in Measure::ALL {
            let _ = match measures.get(measure) {
                Some(estimate) => {
                    let (low, high) = (estimate.interval.low, estimate.interval.high);
                    write!(table, ",{:.6},{low:.6},{high:.6}", estimate.value)
                }
                None => write!(table, ",,,"),
            };
        }
        let _ = writeln!(table, ",{}", field(data_set));
    }
    table
}

/// `measures.md`: the same, a row per method, as Markdown.
pub fn measures_markdown(methods: &[MethodMeasures<'_>], data_set: &str, stand_in: Option<&str>) -> String {
    let mut table =
        format!("**Measures on {data_set}, with 95 % intervals from a bootstrap over groups**\n\n");
    if let Some(stand_in) = stand_in {
        let _ = writeln!(table, "**These are {stand_in}.**\n");
    }
    let titles = Measure::ALL.map(|measure| format!(" {} |", measure.title())).concat();
    let _ = writeln!(table, "| method |{titles}\n|---|{}", "---|".repeat(Measure::ALL.len()));
    for MethodMeasures { name, measures } in methods {
        let _ = write!(table, "| {} |", name.replace('|', "\\|"));
        for measure in Measure::ALL {
            let _ = match measures.get(measure) {
                Some(estimate) => {
                    let (low, high) = (estimate.interval.low, estimate.interval.high);
                    write!(table, " {:.3} [{low:.3}, {high:.3}] |", estimate.value)
                }
                None => write!(table, " - |"),
            };
        }
        table.push('\n');
    }
    table
}

/// `comparisons.csv`: a row per pair and measure, where `measure` is `accuracy`, `mean_true_positive_rate` or an emotion:
/// `first,second,measure,images,first_only,second_only,mcnemar_p,holm_p,difference,low,high,bootstrap_p,data_set`.
///
/// The difference is the second method's rate less the first's. Holm's correction is over the emotions of a pair.
pub fn comparisons_csv(pairs: &[MethodPair<'_>], data_set: &str) -> String {
    let mut table =
        "first,second,measure,images,first_only,second_only,mcnemar_p,holm_p,difference,low,high,\
        bootstrap_p,data_set\n"
            .to_owned();
    let data_set = field(data_set);
    for MethodPair { first, second, comparison } in pairs {
        let start = format!("{},{}", field(first), field(second));
        let mut row = |measure: &str, tests: &str, Difference { value, interval, p }: &Difference| {
            let (low, high) = (interval.low, interval.high);
            let p = p_value(*p);
            let _ = writeln!(table, "{start},{measure},{tests},{value:.6},{low:.6},{high:.6},{p},{data_set}");
        };
        let images = comparison.overall.images;
        row("mean_true_positive_rate", &format!("{images},,,,"), &comparison.mean_true_positive_rate);
        row("accuracy", &tests(&comparison.overall), &comparison.overall.difference);
        for (emotion, paired) in Emotion::ALL.into_iter().zip(&comparison.classes) {
            if let Some(paired) = paired {
                row(emotion.name(), &tests(paired), &paired.difference);
            }
        }
    }
    table
}

/// `images,first_only,second_only,mcnemar_p,holm_p`
fn tests(paired: &Paired) -> String {
    let Paired { images, first_only, second_only, mcnemar_p, holm_p, .. } = paired;
    let (mcnemar_p, holm_p) = (p_value(*mcnemar_p), holm_p.map(p_value).unwrap_or_default());
    format!("{images},{first_only},{second_only},{mcnemar_p},{holm_p}")
}

/// Six decimals, or as many digits in front of a power of ten where those would be few.
fn p_value(p: f64) -> String {
    if p > 0.0 && p < 1e-3 { format!("{p:.5e}") } else { format!("{p:.6}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_p_values_keep_their_digits() {
        assert_eq!([1.0, 0.25, 0.001, 0.0].map(p_value), ["1.000000", "0.250000", "0.001000", "0.000000"]);
        assert_eq!([9.765_625e-4, 1.2345e-30].map(p_value), ["9.76562e-4", "1.23450e-30"]);
    }
}
