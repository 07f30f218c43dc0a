//! Which clients are known? Browsers, and short programs that speak the step protocol, kept in `agents/` and `examples/`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use bareflight_harness::faults::Fault;

use crate::browsers::{Browser, Installed};
use crate::program::Program;

/// A client that is known by name.
#[derive(Clone, Copy, Debug)]
pub struct Agent {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, and what its pool is by design.
    pub summary: &'static str,
    /// What has to be installed.
    pub package: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// The user agent of this workspace; what follows a `+` in its name is the fault that is let loose.
    Own,
    /// A browser.
    Browser(Browser),
    /// A script: the interpreter, what it says on whether the library is there, and the script.
    Script {
        interpreter: &'static str,
        probe: &'static [&'static str],
        file: &'static str,
        text: &'static str,
    },
    /// A Rust program of the repository, built when it is asked for.
    Rust {
        /// The package that it is in.
        manifest: &'static str,
        /// Which of its programs, as cargo is told.
        program: &'static [&'static str],
        /// The file, below the folder that cargo builds in.
        built: &'static str,
        /// The crate that it puts to the test.
        of: &'static str,
    },
}

const EXAMPLES: &str = "crates/observatory/Cargo.toml";
const OTHERS: &str = "crates/observatory/agents/others/Cargo.toml";
const REPOSITORY: &str = "cargo, and a copy of the bareflight repository to be in";

const CHROMIUM: &str = "chromium and libnss3-tools (Debian's packages)";
const FIREFOX: &str = "firefox-esr and libnss3-tools (Debian's packages)";

const NODE: &str = "Node.js 18 or newer";
const NODE_18: &[&str] = &[
    "-e",
    "process.exit(process.versions.node.split('.')[0] < 18 ? 1 : 0)",
];

/// All clients that are known by name.
pub static AGENTS: &[Agent] = &[
    Agent {
        name: "user-agent",
        summary: "the user agent of this workspace, over rustls and HTTP/1.1",
        package: "nothing",
        kind: Kind::Own,
    },
    Agent {
        name: "user-agent+preflight-presents-certificate",
        summary: "the same with a fault: a preflight answers with the certificate; it must be caught",
        package: "nothing",
        kind: Kind::Own,
    },
    Agent {
        name: "user-agent+omit-presents-certificate",
        summary: "the same with a fault: whoever omits credentials presents the certificate; it must be caught",
        package: "nothing",
        kind: Kind::Own,
    },
    Agent {
        name: "user-agent+pool-key-without-partition",
        summary: "the same with a fault: a pool that does not know of network partitions; it must be caught",
        package: "nothing",
        kind: Kind::Own,
    },
    Agent {
        name: "user-agent+pool-key-without-identity",
        summary: "the same with a fault: a pool that does not know of identities; it must be caught",
        package: "nothing",
        kind: Kind::Own,
    },
    Agent {
        name: "user-agent+pool-key-without-trust",
        summary: "the same with a fault: a pool that does not know whom a request trusts; it must be caught",
        package: "nothing",
        kind: Kind::Own,
    },
    Agent {
        name: "hyper-util",
        summary: "hyper-util's legacy client: a pool by scheme and authority, so one client for each TLS configuration",
        package: REPOSITORY,
        kind: Kind::Rust {
            manifest: EXAMPLES,
            program: &["--example", "hyper_util"],
            built: "examples/hyper_util",
            of: "hyper-util",
        },
    },
    Agent {
        name: "reqwest",
        summary: "reqwest: a pool in each client, so one client for each TLS configuration",
        package: REPOSITORY,
        kind: Kind::Rust {
            manifest: EXAMPLES,
            program: &["--example", "reqwest"],
            built: "examples/reqwest",
            of: "reqwest",
        },
    },
    Agent {
        name: "ureq",
        summary: "ureq: one agent, its TLS configuration given with each request",
        package: REPOSITORY,
        kind: Kind::Rust {
            manifest: EXAMPLES,
            program: &["--example", "ureq"],
            built: "examples/ureq",
            of: "ureq",
        },
    },
    Agent {
        name: "ureq-3.4.0",
        summary: "ureq as of 3.4.0, whose pool did not know of the TLS configuration: it must be caught",
        package: REPOSITORY,
        kind: Kind::Rust {
            manifest: OTHERS,
            program: &["--bin", "ureq-3-4-0", "--features", "ureq"],
            built: "ureq-3-4-0",
            of: "ureq",
        },
    },
    Agent {
        name: "libcurl",
        summary: "libcurl: one easy handle, its TLS options set anew for each request",
        package: REPOSITORY,
        kind: Kind::Rust {
            manifest: OTHERS,
            program: &["--bin", "libcurl", "--features", "curl"],
            built: "libcurl",
            of: "curl-sys",
        },
    },
    Agent {
        name: "requests",
        summary: "Python's requests: one Session, its certificate and its verification given with each request",
        package: "requests (pip, or Debian's python3-requests)",
        kind: Kind::Script {
            interpreter: "python3",
            probe: &["-c", "import requests"],
            file: "requests_client.py",
            text: include_str!("../agents/requests_client.py"),
        },
    },
    Agent {
        name: "urllib3",
        summary: "Python's urllib3: one pool manager for each TLS configuration, which is how its pools are meant to be",
        package: "urllib3 (pip, or Debian's python3-urllib3)",
        kind: Kind::Script {
            interpreter: "python3",
            probe: &["-c", "import urllib3"],
            file: "urllib3_client.py",
            text: include_str!("../agents/urllib3_client.py"),
        },
    },
    Agent {
        name: "aiohttp",
        summary: "Python's aiohttp: one ClientSession, its SSLContext given with each request",
        package: "aiohttp (pip, or Debian's python3-aiohttp)",
        kind: Kind::Script {
            interpreter: "python3",
            probe: &["-c", "import aiohttp"],
            file: "aiohttp_client.py",
            text: include_str!("../agents/aiohttp_client.py"),
        },
    },
    Agent {
        name: "node-https",
        summary: "Node's https module: one Agent, its TLS options given with each request",
        package: NODE,
        kind: Kind::Script {
            interpreter: "node",
            probe: NODE_18,
            file: "node_https.mjs",
            text: include_str!("../agents/node_https.mjs"),
        },
    },
    Agent {
        name: "node-fetch",
        summary: "Node's fetch (undici): one undici Agent for each TLS configuration",
        package: NODE,
        kind: Kind::Script {
            interpreter: "node",
            probe: NODE_18,
            file: "node_fetch.mjs",
            text: include_str!("../agents/node_fetch.mjs"),
        },
    },
    Agent {
        name: "chromium",
        summary: "Chromium as it is shipped, headless, in a home of its own",
        package: CHROMIUM,
        kind: Kind::Browser(Browser::chromium("chromium", &[])),
    },
    Agent {
        name: "chromium-omit",
        summary: "Chromium with the feature OmitCorsClientCert",
        package: CHROMIUM,
        kind: Kind::Browser(Browser::chromium(
            "chromium-omit-cors-client-cert",
            &["--enable-features=OmitCorsClientCert"],
        )),
    },
    Agent {
        name: "firefox",
        summary: "Firefox ESR as it is shipped, headless, in a profile of its own",
        package: FIREFOX,
        kind: Kind::Browser(Browser::firefox("firefox", &[])),
    },
    Agent {
        name: "firefox-allow-client-cert",
        summary: "Firefox ESR with network.cors_preflight.allow_client_cert",
        package: FIREFOX,
        kind: Kind::Browser(Browser::firefox(
            "firefox-allow-client-cert",
            &[r#""network.cors_preflight.allow_client_cert", true"#],
        )),
    },
    Agent {
        name: "webkitgtk",
        summary: "WebKitGTK, in a window whose script answers for the user",
        package: "gir1.2-webkit2-4.1, python3-gi and xvfb (Debian's packages)",
        kind: Kind::Browser(Browser::webkitgtk("webkitgtk")),
    },
];

/// Why a client is not observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotHere {
    /// What has to be installed.
    pub package: &'static str,
    /// What was found instead.
    pub reason: String,
}

/// How a client is observed.
#[derive(Debug)]
pub enum Start {
    /// In this process, with this fault let loose.
    Own(Option<&'static Fault>),
    /// As a program.
    Program(Program),
    /// As a browser.
    Browser(Installed),
}

impl Agent {
    /// The client of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        AGENTS.iter().find(|it| it.name == name)
    }

    /// Makes it ready: builds it, or writes its script into `folder`. `repository` is where the repository is, if it is here.
    ///
    /// # Errors
    ///
    /// [`NotHere`] where something has to be installed first.
    pub fn ready(&self, folder: &Path, repository: Option<&Path>) -> Result<Start, NotHere> {
        match self.kind {
            Kind::Own => {
                let fault = self.name.split_once('+');
                let fault = fault.map(|(_, name)| Fault::named(name).expect("a test looks it up"));
                Ok(Start::Own(fault))
            }
            Kind::Browser(browser) => self.browser(browser, None),
            Kind::Script {
                interpreter,
                probe,
                file,
                text,
            } => {
                self.runs(Command::new(interpreter).args(probe))?;
                let path = folder.join(file);
                fs::write(&path, text).map_err(|error| self.not_here(error.to_string()))?;
                Ok(Start::Program(Program::new([
                    PathBuf::from(interpreter),
                    path,
                ])))
            }
            Kind::Rust {
                manifest,
                program,
                built,
                of,
            } => {
                let root =
                    repository.ok_or_else(|| self.not_here("this is no copy of it".into()))?;
                let manifest = root.join(manifest);
                let mut cargo = Command::new("cargo");
                cargo.args(["build", "--quiet", "--locked", "--manifest-path"]);
                self.runs(cargo.arg(&manifest).args(program))?;
                let told = self.metadata(&manifest)?;
                let target = told["target_directory"].as_str().unwrap_or("target");
                let built = Path::new(target).join("debug").join(built);
                Ok(Start::Program(
                    Program::new([built]).of_version(version(&told, of)),
                ))
            }
        }
    }

    /// As [`ready`](Self::ready), of a browser whose program is elsewhere; none if it is no browser.
    pub fn ready_at(&self, program: &Path) -> Option<Result<Start, NotHere>> {
        match self.kind {
            Kind::Browser(browser) => Some(self.browser(browser, Some(program))),
            _ => None,
        }
    }

    fn browser(&self, browser: Browser, program: Option<&Path>) -> Result<Start, NotHere> {
        let installed = browser.installed(program).map(Start::Browser);
        installed.map_err(|reason| self.not_here(reason))
    }

    /// What cargo says of a package: where it builds, which the environment may decide, and the versions it builds with.
    fn metadata(&self, manifest: &Path) -> Result<serde_json::Value, NotHere> {
        let mut cargo = Command::new("cargo");
        cargo.args([
            "metadata",
            "--all-features",
            "--format-version",
            "1",
            "--locked",
            "--manifest-path",
        ]);
        let output = cargo.arg(manifest).stderr(Stdio::null()).output();
        let output = output.map_err(|error| self.not_here(error.to_string()))?;
        serde_json::from_slice(&output.stdout).map_err(|error| self.not_here(error.to_string()))
    }

    fn runs(&self, command: &mut Command) -> Result<(), NotHere> {
        let output = command.stdin(Stdio::null()).stdout(Stdio::null()).output();
        match output {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                let last = said.lines().last().unwrap_or("it failed without a word");
                Err(self.not_here(last.to_owned()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let program = command.get_program().to_string_lossy();
                Err(self.not_here(format!("`{program}` is not installed")))
            }
            Err(error) => Err(self.not_here(error.to_string())),
        }
    }

    fn not_here(&self, reason: String) -> NotHere {
        NotHere {
            package: self.package,
            reason,
        }
    }
}

fn version(metadata: &serde_json::Value, of: &str) -> Option<String> {
    let packages = metadata["packages"].as_array()?;
    let package = packages.iter().find(|it| it["name"] == of)?;
    package["version"].as_str().map(str::to_owned)
}
