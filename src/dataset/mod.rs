//! dataset

pub mod feature_file;
pub mod listing;
