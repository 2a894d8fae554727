//! The Wilson score interval of a rate (Wilson 1927, *Probable inference, the law of succession, and statistical
//! inference*, JASA 22).
//!
//! With a rate p of n images and z the 97.5 % point of the normal distribution,
//!
//! ```text
//! (p + z²/2n ± z sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n).
//! ```
//!
//! It never leaves 0 to 1 and has a width even at a rate of 0 or 1, which small classes have. It takes images as
//! independent; where several belong to one group, it is narrower than it should be.

use super::Interval;

/// 97.5 % of a normal distribution lies below it.
const Z: f64 = 1.959_963_984_540_054;

/// The interval of a rate among so many images; `None` without images.
pub fn wilson(rate: f64, images: u64) -> Option<Interval> {
    if images == 0 || !(0.0..=1.0).contains(&rate) {
        return None;
    }
    let n = images as f64;
    let scale = 1.0 + Z * Z / n;
    let centre = (rate + Z * Z / (2.0 * n)) / scale;
    let half = Z / scale * (rate * (1.0 - rate) / n + Z * Z / (4.0 * n * n)).sqrt();
    // At 0 and 1 the end is exact; rounding would leave it a hair beside.
    let low = if rate == 0.0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if rate >= 1.0 { 1.0 } else { (centre + half).min(1.0) };
    Some(Interval { low, high })
}
