//! The `bareflight` command line.
fn main() {}
