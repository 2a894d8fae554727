//! Data sets: their cards, what lies in a folder or manifest, feature files, and the stand-in drawings.

pub mod card;
pub mod csv;
pub mod feature_file;
pub mod listing;
pub mod published;
pub mod stand_in;
