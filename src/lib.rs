//! Declarative experiments in visual emotion research.
//!
//! One TOML file describes an experiment; the engine plans it as a graph of content-addressed stages,
//! computes what is missing, and renders the figures and tables of You et al. (AAAI 2016).
//!
//! The modules stand in the order in which data flows; each uses only those above it.

pub mod fs;
pub mod types;

pub mod store;

pub mod dataset;
pub mod figures;
pub mod images;
pub mod metrics;
pub mod networks;
pub mod solvers;
pub mod split;
