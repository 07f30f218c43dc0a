//! Which browsers can be started here, and how? Each in a home and a profile of its own, in which our authority is trusted and the
//! identity is chosen without a dialog; both are gone afterwards.

mod chromium;
mod firefox;
mod home;
mod nss;

use std::io;
use std::process::{Command, Stdio};

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

    /// Its version, if it is installed with the tools that make its profile.
    ///
    /// # Errors
    ///
    /// Which program is missing, or does not say its version.
    pub fn version(&self) -> Result<String, String> {
        said(nss::CERTUTIL, "-H")?;
        said(nss::PK12UTIL, "-H")?;
        let said = said(self.program, "--version")?;
        let mut words = said.split_whitespace();
        let version = words.find(|it| it.starts_with(|c: char| c.is_ascii_digit()));
        let version = version.ok_or_else(|| format!("`{} --version` says none", self.program))?;
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
        self.engine == Engine::Chromium
    }

    /// Opens a page.
    pub(crate) async fn open(
        &self,
        address: &str,
        certificates: &Certificates,
        choices: &[Choice],
    ) -> Result<Opened, BrowserError> {
        let home = Home::new()?;
        let database = home.make(match self.engine {
            Engine::Chromium => chromium::DATABASE,
            Engine::Firefox => firefox::PROFILE,
        })?;
        nss::fill(&database, certificates, choices).await?;
        let mut command = Starting::new(self.program);
        match self.engine {
            Engine::Chromium => chromium::prepare(&home, choices, self.changes, &mut command)?,
            Engine::Firefox => firefox::prepare(&home, self.changes, &mut command)?,
        }
        command.arg(address);
        home.open(&command)
    }
}

/// What a program says on its standard output.
fn said(program: &str, argument: &str) -> Result<String, String> {
    let mut command = Command::new(program);
    let output = command.arg(argument).stdin(Stdio::null()).output();
    match output {
        Ok(output) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(format!("`{program}` is not installed"))
        }
        Err(error) => Err(format!("`{program}`: {error}")),
    }
}

impl From<WorldError> for BrowserError {
    fn from(error: WorldError) -> Self {
        Self::Profile(error)
    }
}
