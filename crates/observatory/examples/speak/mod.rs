//! The client's side of the step protocol: lines in, lines out. What is in between is each client's own.

#![allow(dead_code, reason = "not every client needs all of it")]

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use serde_json::{Value, json};

/// The world that a program is told of.
pub(crate) struct World {
    value: Value,
}

/// A request that it is told to make.
pub(crate) struct Step {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
    /// Its client's configuration: the identity to present, and whether to verify the server.
    pub(crate) key: Key,
}

/// What a client that is configured once for all its requests has to be configured with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) identity: Option<String>,
    pub(crate) verify: bool,
}

/// One client for each configuration.
pub(crate) type ByKey<C> = HashMap<Key, C>;

impl World {
    /// Reads the first line, and says who answers. Its version is cargo's to tell.
    pub(crate) fn enter(agent: &str) -> Self {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).expect("a first line");
        let value = serde_json::from_str(&line).expect("a world");
        say(&json!({ "bareflight": 1, "agent": agent }));
        Self { value }
    }

    /// The file with the authority to trust.
    pub(crate) fn authorities(&self) -> PathBuf {
        self.value["authorities"].as_str().expect("a path").into()
    }

    /// A file of an identity: `certificate`, `key` or `both`.
    pub(crate) fn file(&self, identity: &str, what: &str) -> PathBuf {
        let path = self.value["identities"][identity][what].as_str();
        path.expect("a path").into()
    }

    /// The bytes of such a file.
    pub(crate) fn read(&self, identity: &str, what: &str) -> Vec<u8> {
        std::fs::read(self.file(identity, what)).expect("a file that was just made")
    }

    /// Each host and port, and its address.
    pub(crate) fn servers(&self) -> Vec<(String, u16, String)> {
        let servers = self.value["servers"].as_array().expect("servers");
        let text = |it: &Value| it.as_str().expect("a name").to_owned();
        let of = |it: &Value| {
            let port = it["port"].as_u64().and_then(|port| port.try_into().ok());
            (
                text(&it["host"]),
                port.expect("a port"),
                text(&it["address"]),
            )
        };
        servers.iter().map(of).collect()
    }
}

/// The next step and its number; none at the end.
pub(crate) fn next() -> Option<(u64, Step)> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).ok()?;
    let it: Value = serde_json::from_str(&line).ok()?;
    let text = |it: &Value| it.as_str().map(str::to_owned);
    let headers = it["headers"].as_array()?;
    let header = |it: &Value| Some((text(&it[0])?, text(&it[1])?));
    let step = Step {
        method: text(&it["method"])?,
        url: text(&it["url"])?,
        headers: headers.iter().filter_map(header).collect(),
        body: text(&it["body"]),
        key: Key {
            identity: text(&it["identity"]),
            verify: it["verify"].as_bool()?,
        },
    };
    Some((it["step"].as_u64()?, step))
}

/// Says what came of a step.
pub(crate) fn tell(step: u64, outcome: Result<u16, String>) {
    say(&match outcome {
        Ok(status) => json!({ "step": step, "status": status }),
        Err(error) => json!({ "step": step, "error": error }),
    });
}

fn say(line: &Value) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .expect("somebody who listens");
}
