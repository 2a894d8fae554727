//! The worker that runs CNNs.
fn main() {}
