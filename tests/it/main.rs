//! Runs the real binary on small real data, a real store and a real network. One module per subject.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad_data;
mod bad_experiment;
mod browser;
mod cnn;
#[cfg(feature = "torch")]
mod features;
mod figures;
#[cfg(feature = "torch")]
mod fine_tune;
mod harness;
#[cfg(feature = "torch")]
mod leakage;
mod noop;
mod numbers;
mod page;
mod parity;
mod precomputed;
mod readme;
mod results;
mod serve;
mod setup;
mod solvers;
mod stop;
mod store;
mod sweep;
#[cfg(feature = "torch")]
mod sweep_networks;
mod threads;
mod tidy;
mod weights;
#[cfg(feature = "torch")]
mod worker;
