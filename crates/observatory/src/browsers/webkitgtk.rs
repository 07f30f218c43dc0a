//! How is WebKitGTK started? As a window of a script's, which answers for the user; on a display that nobody sees.

use std::collections::BTreeMap;

use tokio::process::Command;

use super::Choice;
use super::home::Home;
use crate::certificates::Certificates;
use crate::error::WorldError;

/// What runs a program on a display of its own.
pub(super) const DISPLAY: &str = "xvfb-run";

/// Debian's packages are for Debian's Python, which need not be the first.
pub(super) const PYTHON: &str = "/usr/bin/python3";

/// The script.
pub(super) const SCRIPT: &str = include_str!("../../agents/webkitgtk.py");

pub(super) fn prepare(
    home: &Home,
    certificates: &Certificates,
    choices: &[Choice],
    command: &mut Command,
) -> Result<(), WorldError> {
    home.write("webkitgtk.py", SCRIPT)?;
    let mut files = BTreeMap::new();
    for it in choices {
        let files_of = certificates.identity(&it.identity)?;
        files.insert(&it.origin, files_of.both);
    }
    let files = serde_json::to_string(&files).expect("names and paths are JSON");
    command
        // Compositing wants a GPU.
        .env("WEBKIT_DISABLE_COMPOSITING_MODE", "1")
        .args(["-a", PYTHON])
        .arg(home.path().join("webkitgtk.py"))
        .arg(files);
    Ok(())
}
