//! Which browsers can be started here, and how? Each in a home and a profile of its own, in which our authority is trusted and the
//! identity is chosen without a dialog; both are gone afterwards.

mod chromium;
mod firefox;
mod home;
mod nss;
mod webkitgtk;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tokio::process::Command as Starting;

use crate::certificates::Certificates;
use crate::error::{BrowserError, WorldError};
use home::Home;
pub(crate) use home::{Opened, see_out};

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

    /// It, if it is installed with the tools that make its profile: under its usual name, or as this program.
    ///
    /// # Errors
    ///
    /// Which program is missing, or does not say its version.
    pub fn installed(&self, elsewhere: Option<&Path>) -> Result<Installed, String> {
        let program = elsewhere.map_or_else(|| self.program.into(), Path::to_owned);
        let said = match self.engine {
            Engine::WebKitGtk => {
                ran(&program, &["--help"])?;
                said(
                    webkitgtk::PYTHON.as_ref(),
                    &["-c", webkitgtk::SCRIPT, "--version"],
                )?
            }
            Engine::Chromium | Engine::Firefox => {
                ran(nss::CERTUTIL.as_ref(), &["-H"])?;
                ran(nss::PK12UTIL.as_ref(), &["-H"])?;
                said(&program, &["--version"])?
            }
        };
        let mut words = said.split_whitespace();
        let version = words.find(|it| it.starts_with(|c: char| c.is_ascii_digit()));
        let version = version.ok_or_else(|| format!("`{}` says no version", program.display()))?;
        Ok(Installed {
            browser: *self,
            version: version.to_owned(),
            program,
        })
    }
}

/// A browser that is installed.
#[derive(Clone, Debug)]
pub struct Installed {
    browser: Browser,
    program: PathBuf,
    version: String,
}

impl Installed {
    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The program's name.
    pub(crate) fn program(&self) -> String {
        self.program.display().to_string()
    }

    /// The policy's profile for it.
    pub(crate) fn profile(&self) -> &'static str {
        self.browser.profile
    }

    /// Whether it can be told which identity is for which origin, and not only to take the one that fits.
    pub(crate) fn chooses_by_origin(&self) -> bool {
        self.browser.engine != Engine::Firefox
    }

    /// Opens a page.
    pub(crate) async fn open(
        &self,
        address: &str,
        certificates: &Certificates,
        choices: &[Choice],
    ) -> Result<Opened, BrowserError> {
        let home = Home::new()?;
        let mut command = Starting::new(&self.program);
        let Browser {
            engine, changes, ..
        } = self.browser;
        match engine {
            Engine::Chromium => {
                let database = home.make(chromium::DATABASE)?;
                nss::fill(&database, certificates, choices).await?;
                chromium::prepare(&home, choices, changes, &mut command)?;
            }
            Engine::Firefox => {
                let database = home.make(firefox::PROFILE)?;
                nss::fill(&database, certificates, choices).await?;
                firefox::prepare(&home, changes, &mut command)?;
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
fn said(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = ran(program, arguments)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or("it failed without a word");
    Err(format!("`{}`: {last}", program.display()))
}

/// How a program ended; that of the tools is of no account, as long as they are here.
fn ran(program: &Path, arguments: &[&str]) -> Result<Output, String> {
    let mut command = Command::new(program);
    let output = command.args(arguments).stdin(Stdio::null()).output();
    output.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("`{}` is not installed", program.display()),
        _ => format!("`{}`: {error}", program.display()),
    })
}

impl From<WorldError> for BrowserError {
    fn from(error: WorldError) -> Self {
        Self::Profile(error)
    }
}
