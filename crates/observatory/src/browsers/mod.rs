//! Which browsers can be started here, and how? Each in a home and a profile of its own, in which our authority is trusted and the
//! identity is chosen without a dialog; both are gone afterwards.

mod chromium;
mod firefox;
mod home;
mod nss;
mod webkitgtk;

use std::io;
use std::process::{Command, Output, Stdio};

use tokio::process::Command as Starting;

use crate::certificates::Certificates;
use crate::error::{BrowserError, WorldError};
use home::Home;
pub(crate) use home::Opened;

/// An identity that the user chooses without being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Where.
    pub(crate) origin: String,
    /// Its name.
    pub(crate) identity: String,
}

/// A browser that can be started.
#[derive(Clone, Copy, Debug)]
pub struct Browser {
    /// Its program.
    program: &'static str,
    engine: Engine,
    /// The policy's profile for it.
    profile: &'static str,
    /// What is not as it is shipped: arguments of Chromium's, preferences of Firefox's.
    changes: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Engine {
    Chromium,
    Firefox,
    WebKitGtk,
}

impl Browser {
    /// Chromium, with these arguments besides.
    pub(crate) const fn chromium(profile: &'static str, changes: &'static [&'static str]) -> Self {
        Self {
            program: "chromium",
            engine: Engine::Chromium,
            profile,
            changes,
        }
    }

    /// Firefox ESR, with these lines of preferences besides.
    pub(crate) const fn firefox(profile: &'static str, changes: &'static [&'static str]) -> Self {
        Self {
            program: "firefox-esr",
            engine: Engine::Firefox,
            profile,
            changes,
        }
    }

    /// WebKitGTK, in a window of a script's.
    pub(crate) const fn webkitgtk(profile: &'static str) -> Self {
        Self {
            program: webkitgtk::DISPLAY,
            engine: Engine::WebKitGtk,
            profile,
            changes: &[],
        }
    }

    /// Its version, if it is installed with the tools that make its profile.
    ///
    /// # Errors
    ///
    /// Which program is missing, or does not say its version.
    pub fn version(&self) -> Result<String, String> {
        let said = match self.engine {
            Engine::WebKitGtk => {
                ran(self.program, &["--help"])?;
                said(webkitgtk::PYTHON, &["-c", webkitgtk::SCRIPT, "--version"])?
            }
            Engine::Chromium | Engine::Firefox => {
                ran(nss::CERTUTIL, &["-H"])?;
                ran(nss::PK12UTIL, &["-H"])?;
                said(self.program, &["--version"])?
            }
        };
        let mut words = said.split_whitespace();
        let version = words.find(|it| it.starts_with(|c: char| c.is_ascii_digit()));
        let version = version.ok_or_else(|| format!("`{}` says no version", self.program))?;
        Ok(version.to_owned())
    }

    /// The program's name.
    pub(crate) fn program(&self) -> &'static str {
        self.program
    }

    /// The policy's profile for it.
    pub(crate) fn profile(&self) -> &'static str {
        self.profile
    }

    /// Whether it can be told which identity is for which origin, and not only to take the one that fits.
    pub(crate) fn chooses_by_origin(&self) -> bool {
        self.engine != Engine::Firefox
    }

    /// Opens a page.
    pub(crate) async fn open(
        &self,
        address: &str,
        certificates: &Certificates,
        choices: &[Choice],
    ) -> Result<Opened, BrowserError> {
        let home = Home::new()?;
        let mut command = Starting::new(self.program);
        match self.engine {
            Engine::Chromium => {
                let database = home.make(chromium::DATABASE)?;
                nss::fill(&database, certificates, choices).await?;
                chromium::prepare(&home, choices, self.changes, &mut command)?;
            }
            Engine::Firefox => {
                let database = home.make(firefox::PROFILE)?;
                nss::fill(&database, certificates, choices).await?;
                firefox::prepare(&home, self.changes, &mut command)?;
            }
            Engine::WebKitGtk => {
                webkitgtk::prepare(&home, certificates, choices, &mut command)?;
            }
        }
        command.arg(address);
        home.open(&command)
    }
}

/// What a program says on its standard output.
fn said(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = ran(program, arguments)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or("it failed without a word");
    Err(format!("`{program}`: {last}"))
}

/// How a program ended; that of the tools is of no account, as long as they are here.
fn ran(program: &str, arguments: &[&str]) -> Result<Output, String> {
    let mut command = Command::new(program);
    let output = command.args(arguments).stdin(Stdio::null()).output();
    output.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("`{program}` is not installed"),
        _ => format!("`{program}`: {error}"),
    })
}

impl From<WorldError> for BrowserError {
    fn from(error: WorldError) -> Self {
        Self::Profile(error)
    }
}
