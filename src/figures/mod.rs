//! Figures and tables from finished numbers.
//!
//! Everything here is a pure function from plain data to text or bytes: the same data gives the same bytes on
//! every machine, with or without fonts. `theme` holds every decision of style.

pub mod accuracy_table;
mod bar_layout;
mod canvas;
pub mod confusion;
pub mod count_table;
pub mod embedding;
mod error;
pub mod example_images;
pub mod fit_tables;
mod heading;
pub mod heat_map;
pub mod image_counts;
pub mod leakage_table;
mod legend;
pub mod measure_tables;
mod paper_figures;
mod pdf;
pub mod per_class_tpr;
mod placement;
mod png;
pub mod repeat_table;
pub mod rows;
pub mod sweep;
pub mod sweep_choice;
mod sweep_panel;
pub mod sweep_table;
pub mod tables;
mod text;
mod text_table;
mod theme;
pub mod training;

pub use error::FigureError;
pub use heading::Heading;
pub use paper_figures::{FIGURES, FOLDER, NEW_SET, OfDataSets, Origin, PaperFigure, SMALL_SETS};
pub use pdf::pdf;
pub use png::png;
pub use text::unshown;
pub use text_table::TextTable;
pub use theme::Columns;

#[cfg(test)]
mod legibility_tests;
#[cfg(test)]
mod per_class_tpr_tests;
