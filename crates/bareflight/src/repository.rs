//! Where the repository is, seen from the current folder.

use std::path::{Path, PathBuf};

/// The top of the repository that the current folder is in; none outside of one.
pub(crate) fn root() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors()
        .find(|folder| is_root(folder))
        .map(Path::to_owned)
}

fn is_root(folder: &Path) -> bool {
    [
        "Cargo.toml",
        "fuzz/Cargo.toml",
        "crates/bareflight/Cargo.toml",
    ]
    .iter()
    .all(|file| folder.join(file).is_file())
}

/// The path of `folder` at the top of the repository, seen from here: relative if it is below the current folder.
pub(crate) fn at_root(folder: &str) -> PathBuf {
    if Path::new(folder).is_dir() {
        return PathBuf::from(folder);
    }
    let Some(root) = root() else {
        return PathBuf::from(folder);
    };
    match std::env::current_dir() {
        Ok(here) if here == root => PathBuf::from(folder),
        _ => root.join(folder),
    }
}
