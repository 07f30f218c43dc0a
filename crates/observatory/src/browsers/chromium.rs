//! How is Chromium started? Headless, and with a profile whose content settings choose the certificate.

use rustix::process::geteuid;
use serde_json::{Map, json};
use tokio::process::Command;

use super::Choice;
use super::home::Home;
use crate::error::WorldError;

/// Where its NSS database is, below the home.
pub(super) const DATABASE: &str = ".pki/nssdb";

/// What it must not do by itself, and what it need not.
const ARGUMENTS: [&str; 13] = [
    "--headless",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--password-store=basic",
    // The names of this machine need no look-up, and nothing else is to be looked up.
    "--host-resolver-rules=MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
];

pub(super) fn prepare(
    home: &Home,
    choices: &[Choice],
    changes: &[&str],
    command: &mut Command,
) -> Result<(), WorldError> {
    let profile = home.make("profile/Default")?;
    home.write("profile/Default/Preferences", &preferences(choices))?;
    let user_data = profile.parent().unwrap_or(&profile);
    command
        .args(ARGUMENTS)
        .arg(format!("--user-data-dir={}", user_data.display()))
        .args(changes);
    if geteuid().is_root() {
        // Its sandbox refuses root.
        command.arg("--no-sandbox");
    }
    Ok(())
}

/// The certificate that is chosen for each origin without a dialog, as a content setting.
fn preferences(choices: &[Choice]) -> String {
    let setting = |it: &Choice| {
        let filter = json!({ "SUBJECT": { "CN": it.identity } });
        let setting = json!({ "setting": { "filters": [filter] } });
        (format!("{},*", it.origin), setting)
    };
    let chosen: Map<_, _> = choices.iter().map(setting).collect();
    let exceptions = json!({ "auto_select_certificate": chosen });
    json!({ "profile": { "content_settings": { "exceptions": exceptions } } }).to_string()
}
