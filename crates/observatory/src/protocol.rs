//! What is said between the observatory and a program? Lines of JSON, as `PROTOCOL.md` tells its authors.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The version of the protocol: it changes when a program that speaks the old one would not be understood.
pub const VERSION: u32 = 1;

/// Bytes of one line of a program, at most.
pub const LINE: usize = 1 << 16;

/// The first line to a program: the world it is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorldLine {
    /// [`VERSION`]
    pub bareflight: u32,
    /// The servers: each host and port, and the address to connect to in place of a look-up.
    pub servers: Vec<ServerLine>,
    /// A PEM file: the authority to trust, and no other.
    pub authorities: PathBuf,
    /// The identities that steps name.
    pub identities: BTreeMap<String, IdentityFiles>,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerLine {
    /// The host, as URLs have it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The address.
    pub address: String,
}

/// The files of an identity, all PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityFiles {
    /// The certificate chain, leaf first.
    pub certificate: PathBuf,
    /// The private key (PKCS #8).
    pub key: PathBuf,
    /// Both in one file.
    pub both: PathBuf,
}

/// A program's first line: who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`], as the program understands it.
    pub bareflight: u32,
    /// What it is called.
    #[serde(default)]
    pub agent: Option<String>,
    /// Its version, and that of the library that it puts to the test.
    #[serde(default)]
    pub version: Option<String>,
}

/// A line to a program: a request to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepLine {
    /// The step, from 1.
    pub step: u32,
    /// The method.
    pub method: String,
    /// The whole URL. Its query is part of it.
    pub url: String,
    /// Header fields to send.
    pub headers: Vec<(String, String)>,
    /// The body to send, if there is one.
    pub body: Option<String>,
    /// The identity to present if the server asks; none must be presented otherwise.
    pub identity: Option<String>,
    /// Whether the server's certificate is to be verified.
    pub verify: bool,
}

/// A program's line: what came of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeLine {
    /// The step.
    pub step: u32,
    /// What the caller of the client saw.
    #[serde(flatten)]
    pub outcome: Said,
}

/// What a program says of a step: one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// An answer, with this status.
    Status(u16),
    /// No answer; why, in the client's own words.
    Error(String),
    /// The client has no way to do what the step asks for; which. The scenario is left out.
    Unsupported(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_read_as_documented() {
        let table = [
            (r#"{"step":1,"status":204}"#, Said::Status(204)),
            (
                r#"{"step":1,"error":"refused"}"#,
                Said::Error("refused".into()),
            ),
            (
                r#"{"step":1,"unsupported":"no HTTP/2"}"#,
                Said::Unsupported("no HTTP/2".into()),
            ),
        ];
        for (line, outcome) in table {
            let read: OutcomeLine = serde_json::from_str(line).unwrap();
            assert_eq!(read, OutcomeLine { step: 1, outcome });
        }
        for nonsense in [
            "",
            "{}",
            r#"{"step":1}"#,
            r#"{"step":1,"status":"ok"}"#,
            "200",
        ] {
            assert!(
                serde_json::from_str::<OutcomeLine>(nonsense).is_err(),
                "{nonsense}"
            );
        }
    }
}
