//! McNemar's test, exact (McNemar 1947, *Note on the sampling error of the difference between correlated
//! proportions*): whether two methods are right equally often on the same images.
//!
//! Only images on which one is right and the other wrong say something. With b and c of them, and no difference, b is
//! binomial with b + c trials and probability 1/2; the p value is twice the smaller tail, at most 1.

/// The two-sided p value of `first_only` images that only the first method tells rightly and `second_only` that
/// only the second does.
pub fn mcnemar(first_only: u64, second_only: u64) -> f64 {
    let trials = first_only + second_only;
    let fewer = first_only.min(second_only);
    // ln of the binomial coefficient, from one term to the next.
    let mut term = -(trials as f64) * std::f64::consts::LN_2;
    let mut tail = term.exp();
    for k in 1..=fewer {
        term += ((trials - k + 1) as f64).ln() - (k as f64).ln();
        tail += term.exp();
    }
    (2.0 * tail).min(1.0)
}
