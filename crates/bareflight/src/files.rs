//! Files that are made: never over something that is there, except for reports.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Numbered names that are tried before giving up.
const ATTEMPTS: u32 = 10_000;

/// Writes a file that must not be there yet.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = create_new(path)?;
    file.write_all(bytes).map_err(Failure::io("written", path))
}

/// Writes to the first of `stem.extension`, `stem-2.extension`, … that is not there yet; its path.
pub(crate) fn write_numbered(
    folder: &Path,
    stem: &str,
    extension: &str,
    bytes: &[u8],
) -> Result<PathBuf, Failure> {
    create_folder(folder)?;
    for number in 1..=ATTEMPTS {
        let name = match number {
            1 => format!("{stem}.{extension}"),
            number => format!("{stem}-{number}.{extension}"),
        };
        let path = folder.join(name);
        match write_new(&path, bytes) {
            Err(Failure::Exists(_)) => {}
            other => return other.map(|()| path),
        }
    }
    Err(Failure::Exists(
        folder.join(format!("{stem}-{ATTEMPTS}.{extension}")),
    ))
}

/// Writes a file that may be there from the last time: through a file beside it, so that it is whole or not changed.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        create_folder(folder)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    fs::write(&part, bytes).map_err(Failure::io("written", &part))?;
    fs::rename(&part, path).map_err(Failure::io("written", path))
}

/// Makes a folder and those above it.
pub(crate) fn create_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(Failure::io("made", folder))
}

fn create_new(path: &Path) -> Result<File, Failure> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Failure::Exists(path.to_owned()),
            _ => Failure::Io {
                done: "written",
                path: path.to_owned(),
                error,
            },
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let first = write_numbered(folder.path(), "a", "toml", b"1").unwrap();
        let second = write_numbered(folder.path(), "a", "toml", b"2").unwrap();
        assert_eq!(
            (fs::read(&first).unwrap(), fs::read(&second).unwrap()),
            (b"1".to_vec(), b"2".to_vec())
        );
        assert!(second.ends_with("a-2.toml"));
        assert!(matches!(write_new(&first, b"3"), Err(Failure::Exists(_))));
        assert_eq!(fs::read(&first).unwrap(), b"1");
        replace(&first, b"4").unwrap();
        assert_eq!(fs::read(&first).unwrap(), b"4");
    }
}
