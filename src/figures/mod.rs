//! Figures and tables from finished numbers.
//!
//! Everything here is a pure function from plain data to text or bytes: the same data gives the same bytes on
//! every machine, with or without fonts. `theme` holds every decision of style.

mod canvas;
mod error;
pub mod fit_tables;
pub mod per_class_tpr;
mod png;
pub mod tables;
mod text;
mod theme;

pub use error::FigureError;
pub use png::png;

#[cfg(test)]
mod per_class_tpr_tests;
