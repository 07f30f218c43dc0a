//! How do tests run the command line? In a folder, with what it prints and its exit code kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A scenario in which a preflight is due and both sides hold to the rule.
pub(crate) const GOOD: &str = r#"
bareflight = 1
title = "A preflight, then the request"

[server.api]
hosts = ["api.test"]
client-certificate = "request"

[identity.alice]
for = ["api.test"]

[[step]]
fetch = "https://api.test/items"
method = "PUT"
credentials = "include"
expect = { status = 200, preflight = "sent", client = "alice" }
"#;

pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn bareflight(folder: &Path, args: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_bareflight"))
        .args(args)
        .current_dir(folder)
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("the binary starts");
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).expect("output is UTF-8"),
        err: String::from_utf8(output.stderr).expect("output is UTF-8"),
    }
}

/// A folder outside of the repository with the good scenario in it.
pub(crate) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    fs::write(folder.path().join("good.toml"), GOOD).expect("files can be written");
    folder
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A corpus with these files in it.
pub(crate) fn corpus(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (name, bytes) in files {
        let path = folder.path().join("corpus").join(name);
        fs::create_dir_all(path.parent().expect("it is in the corpus"))
            .expect("folders can be made");
        fs::write(path, bytes).expect("files can be written");
    }
    folder
}
