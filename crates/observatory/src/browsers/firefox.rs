//! How is Firefox started? Headless, and with a profile whose preferences choose the certificate and keep it from calling home.

use core::fmt::Write;

use tokio::process::Command;

use super::home::Home;
use crate::error::WorldError;

/// Its profile, below the home; its certificate database is in it.
pub(super) const PROFILE: &str = "profile";

/// Preferences: the name and the value, as they stand in `user.js`.
const PREFERENCES: [&str; 20] = [
    r#""security.default_personal_cert", "Select Automatically""#,
    r#""security.enterprise_roots.enabled", false"#,
    r#""security.osclientcerts.autoload", false"#,
    r#""app.update.auto", false"#,
    r#""app.normandy.enabled", false"#,
    r#""browser.aboutwelcome.enabled", false"#,
    r#""browser.newtabpage.enabled", false"#,
    r#""browser.safebrowsing.malware.enabled", false"#,
    r#""browser.safebrowsing.phishing.enabled", false"#,
    r#""browser.shell.checkDefaultBrowser", false"#,
    r#""browser.startup.homepage_override.mstone", "ignore""#,
    r#""browser.startup.page", 0"#,
    r#""datareporting.healthreport.uploadEnabled", false"#,
    r#""datareporting.policy.dataSubmissionEnabled", false"#,
    r#""extensions.update.enabled", false"#,
    r#""network.captive-portal-service.enabled", false"#,
    r#""network.connectivity-service.enabled", false"#,
    r#""services.settings.server", "data:,""#,
    r#""termsofuse.bypassNotification", true"#,
    r#""toolkit.telemetry.enabled", false"#,
];

pub(super) fn prepare(
    home: &Home,
    changes: &[&str],
    command: &mut Command,
) -> Result<(), WorldError> {
    let mut preferences = String::new();
    for preference in PREFERENCES.iter().chain(changes) {
        let _ = writeln!(preferences, "user_pref({preference});");
    }
    home.write(&format!("{PROFILE}/user.js"), &preferences)?;
    command
        .env("MOZ_CRASHREPORTER_DISABLE", "1")
        .args(["--headless", "--new-instance", "--profile"])
        .arg(home.path().join(PROFILE));
    Ok(())
}
