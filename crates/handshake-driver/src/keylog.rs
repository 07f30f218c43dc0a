//! With which secrets can a capture be read? Lines of an NSS key log (draft-ietf-tls-keylogfile), as the clients' TLS tells
//! them; whichever stack is at the other end has the same ones.

use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::KeyLog;

use crate::lock;

/// The key log of one driver, off at first.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    wanted: AtomicBool,
    lines: Mutex<Vec<String>>,
}

impl Secrets {
    pub(crate) fn begin(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.lines))
    }

    /// Keeps a line, if it is wanted.
    pub(crate) fn note(&self, line: &str) {
        if self.wanted.load(Ordering::Relaxed) {
            lock(&self.lines).push(line.to_owned());
        }
    }
}

impl KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        self.note(&format!("{label} {} {}", hex(client_random), hex(secret)));
    }

    fn will_log(&self, _label: &str) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing into a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
