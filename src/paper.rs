//! What You et al. (AAAI 2016) state in numbers, each once. Rates of figures 5 to 7 are not among them: the text gives
//! none.

/// Table 1: card, and images per emotion in the paper's order.
pub const SMALL_SETS: [(&str, [usize; 8]); 3] = [
    ("iaps-subset", [37, 8, 54, 63, 74, 55, 42, 62]),
    ("artphoto", [101, 77, 102, 70, 70, 105, 115, 166]),
    ("abstract", [25, 3, 15, 63, 18, 36, 36, 32]),
];

/// Table 2: images per emotion that workers were asked about.
pub const SUBMITTED: [usize; 8] = [11_000, 11_000, 11_000, 11_000, 11_000, 11_000, 13_000, 11_000];

/// Table 2: images per emotion that at least three of five workers confirmed.
pub const LABELLED: [usize; 8] = [4942, 1266, 3151, 5374, 1658, 2963, 1032, 2922];

/// Table 3: images told rightly.
pub const CORRECT: [(&str, u64); 3] =
    [("ImageNet-CNN", 1120), ("Noisy-Fine-tuned-CNN", 1600), ("Fine-tuned-CNN", 2034)];

/// Table 3: test images.
pub const TEST_IMAGES: u64 = 3490;

/// The network of figures 3 to 7 and of table 3.
pub const NETWORK: &str = "CaffeNet";

/// Figure 3: the mean true positive rate of Fine-tuned-CNN.
pub const FINE_TUNED_MEAN: f64 = 0.483;

/// The share of the variance that so many principal components keep at least.
pub const KEPT_VARIANCE: (usize, f64) = (20, 0.90);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_sums_that_the_tables_state() {
        let sums = SMALL_SETS.map(|(_, counts)| counts.iter().sum::<usize>());
        assert_eq!(sums, [395, 806, 228]);
        assert_eq!(SUBMITTED.iter().sum::<usize>(), 90_000);
        assert_eq!(LABELLED.iter().sum::<usize>(), 23_308);
    }

    #[test]
    fn accuracies_are_those_of_table_3() {
        let percent =
            CORRECT.map(|(_, correct)| format!("{:.1}", 100.0 * correct as f64 / TEST_IMAGES as f64));
        assert_eq!(percent, ["32.1", "45.8", "58.3"]);
    }
}
