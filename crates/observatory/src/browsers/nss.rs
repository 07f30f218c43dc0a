//! How does a browser come to trust our authority, and to hold an identity? Both are in its NSS database.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::Choice;
use crate::certificates::{Certificates, PASSWORD};
use crate::error::BrowserError;

pub(super) const CERTUTIL: &str = "certutil";
pub(super) const PK12UTIL: &str = "pk12util";

/// How long a tool has.
const LIMIT: Duration = Duration::from_secs(30);

/// Makes a database in `folder`: our authority, trusted for servers, and each identity that is chosen somewhere.
pub(super) async fn fill(
    folder: &Path,
    certificates: &Certificates,
    choices: &[Choice],
) -> Result<(), BrowserError> {
    let database = format!("sql:{}", folder.display());
    let made = ["-N", "-d", &database, "--empty-password"];
    run(CERTUTIL, &made).await?;
    let authorities = certificates.authorities().display().to_string();
    let trusted = [
        "-A",
        "-d",
        &database,
        "-n",
        "servers",
        "-t",
        "C,,",
        "-a",
        "-i",
        &authorities,
    ];
    run(CERTUTIL, &trusted).await?;
    let mut identities: Vec<&str> = choices.iter().map(|it| it.identity.as_str()).collect();
    identities.sort_unstable();
    identities.dedup();
    for identity in identities {
        let file = certificates.pkcs12(identity)?.display().to_string();
        let imported = ["-i", &file, "-d", &database, "-W", PASSWORD, "-K", ""];
        run(PK12UTIL, &imported).await?;
    }
    Ok(())
}

async fn run(tool: &'static str, arguments: &[&str]) -> Result<(), BrowserError> {
    let mut command = Command::new(tool);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let failed = |said: String| BrowserError::Tool { tool, said };
    let output = timeout(LIMIT, command.output()).await;
    let output = output.map_err(|_| failed(format!("it did not end within {LIMIT:?}")))?;
    let output = output.map_err(|error| BrowserError::NotStarted {
        program: tool.to_owned(),
        error,
    })?;
    match output.status.success() {
        true => Ok(()),
        false => Err(failed(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        )),
    }
}
