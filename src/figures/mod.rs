//! Figures and tables from finished numbers.
//!
//! Everything here is a pure function from plain data to text or bytes: the same data gives the same bytes on
//! every machine, with or without fonts. `theme` holds every decision of style.

pub mod accuracy_table;
mod canvas;
pub mod confusion;
mod error;
pub mod fit_tables;
mod heading;
pub mod heat_map;
pub mod leakage_table;
pub mod measure_tables;
pub mod per_class_tpr;
mod png;
pub mod repeat_table;
pub mod sweep;
pub mod sweep_choice;
mod sweep_panel;
pub mod sweep_table;
pub mod tables;
mod text;
mod theme;
pub mod training;

pub use error::FigureError;
pub use heading::Heading;
pub use png::png;

#[cfg(test)]
mod per_class_tpr_tests;
