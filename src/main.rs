//! The `emolab` command.
fn main() {}
