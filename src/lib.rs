//! Declarative experiments in visual emotion research.
//!
//! One TOML file describes an experiment; the engine plans it as a graph of content-addressed stages, computes
//! what is missing, and renders the figures and tables of You et al., *Building a Large Scale Dataset for Image
//! Emotion Recognition: The Fine Print and The Benchmark* (AAAI 2016).
//!
//! What the commands do is callable:
//!
//! ```no_run
//! use std::path::Path;
//!
//! use emolab::config::{Overrides, load};
//! use emolab::plan::{Places, plan};
//! use emolab::run::{Options, run};
//! use emolab::stage::Cancel;
//! use emolab::store::Store;
//!
//! let resolved = load(Path::new("experiments/iaps_5fold.toml"), &Overrides::default()).unwrap();
//! let store = Store::open(&resolved.project.join(".emolab"));
//! let planned = plan(&resolved, &store, &Places::of(&resolved.project)).unwrap();
//! let options =
//!     Options { threads: 2, memory: None, keep_going: false, cancel: Cancel::default(), sink: &() };
//! let outcome = run(&planned, &store, &options).unwrap();
//! println!("{} stages", outcome.stages.len());
//! ```
//!
//! The modules stand in the order in which data flows; each uses only those above it.

pub mod fs;
pub mod paper;
pub mod types;

pub mod store;

pub mod stage;

pub mod dataset;
pub mod figures;
pub mod images;
pub mod metrics;
pub mod networks;
pub mod solvers;
pub mod split;

pub mod stages;

pub mod config;

pub mod plan;

pub mod run;

pub mod results;

pub mod parity;

pub mod report;

pub mod error;

pub mod cli;
