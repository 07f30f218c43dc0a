//! From TOML to a scenario.

mod steps;
mod tables;
mod words;
mod world;

use bareflight_policy::{PROFILES, Profile};

pub(in crate::scenario) use words::{is_token, is_value, may_set};

use super::TextError;
use crate::scenario::{FORMAT, Limits, Name, Scenario};
use tables::{Document, Text, Version};

pub(super) fn parse(text: &str) -> Result<Scenario, TextError> {
    Reader { text }.scenario()
}

struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn scenario(&self) -> Result<Scenario, TextError> {
        if self.text.len() > Limits::FILE {
            return Err(self.error(
                None,
                format!(
                    "this text has {} bytes; at most {} are read",
                    self.text.len(),
                    Limits::FILE
                ),
            ));
        }
        self.version()?;
        let document: Document = toml::from_str(self.text).map_err(|error| self.toml(&error))?;
        let mut scenario = Scenario {
            title: self.title(document.title)?,
            profile: self.profile(document.profile)?,
            servers: Vec::new(),
            identities: Vec::new(),
            steps: Vec::new(),
        };
        self.at_most(document.server.len(), Limits::SERVERS, "servers", None)?;
        self.at_most(
            document.identity.len(),
            Limits::IDENTITIES,
            "identities",
            None,
        )?;
        self.at_most(document.step.len(), Limits::STEPS, "steps", None)?;
        let mut redirects = Vec::new();
        for (name, mut table) in document.server {
            redirects.push(table.redirects.take());
            let server = self.server(&name, table)?;
            self.endpoints_are_free(&scenario, &server, &name)?;
            scenario.servers.push(server);
        }
        if scenario.servers.is_empty() {
            return Err(self.error(
                None,
                "a world needs a server: add `[server.NAME]` with `hosts = [\"…\"]`",
            ));
        }
        for (index, table) in redirects.into_iter().enumerate() {
            let table = table
                .map(|table| self.redirects(&scenario, table))
                .transpose()?;
            scenario.servers[index].redirects = table.unwrap_or_default();
        }
        for (name, table) in document.identity {
            let identity = self.identity(&scenario, &name, &table)?;
            scenario.identities.push(identity);
        }
        for table in document.step {
            let step = self.step(&scenario, table)?;
            scenario.steps.push(step);
        }
        let overlaps = scenario.steps.iter().any(|step| step.overlap.is_some());
        if overlaps && scenario.exchanges().any(|exchange| exchange.declines) {
            return Err(self.error(
                None,
                "where a user `declines`, steps do not `overlap`: who is asked first would be a matter of luck",
            ));
        }
        Ok(scenario)
    }

    /// The version is looked at before anything else: a later format may have keys that this one does not know.
    fn version(&self) -> Result<(), TextError> {
        let version: Version = toml::from_str(self.text).map_err(|error| self.toml(&error))?;
        match version.bareflight {
            Some(version) if *version.get_ref() == i64::from(FORMAT) => Ok(()),
            Some(version) => Err(self.error(
                Some(version.span()),
                format!(
                    "this scenario is of format {}; this bareflight reads format {FORMAT}",
                    version.get_ref()
                ),
            )),
            None => Err(self.error(
                None,
                format!("the version of the format is missing: begin with `bareflight = {FORMAT}`"),
            )),
        }
    }

    fn title(&self, title: Option<Text>) -> Result<String, TextError> {
        let Some(title) = title else {
            return Ok(String::new());
        };
        self.at_most(
            title.get_ref().len(),
            Limits::TITLE,
            "bytes of title",
            Some(title.span()),
        )?;
        Ok(title.into_inner())
    }

    fn profile(&self, profile: Option<Text>) -> Result<Name, TextError> {
        let Some(profile) = profile else {
            return Ok(Scenario::DEFAULT_PROFILE);
        };
        if Profile::from_name(profile.get_ref()).is_none() {
            let known: Vec<_> = PROFILES.iter().map(|profile| profile.name).collect();
            return Err(self.error(
                Some(profile.span()),
                format!(
                    "there is no profile `{}`; there are {}",
                    profile.get_ref(),
                    known.join(", ")
                ),
            ));
        }
        Ok(Name::from(profile.into_inner()))
    }
}
