//! Whose certificates? Those of the provider at hand, made when they are needed, and anew from time to time.

use std::sync::Arc;

use bareflight_handshake_driver::Pki;

use crate::scenario::{Action, Scenario, WorldEvent};

/// The certificates of a runner.
#[derive(Debug)]
pub(super) struct Certificates {
    fresh: fn() -> Pki,
    pki: Arc<Pki>,
    /// OpenSSL knows real keys only.
    of_openssl: Arc<Pki>,
    /// Runs until they are made anew: they are kept by name, and hostile cases bring new names without end.
    left: u32,
}

/// Runs for which one set of certificates serves.
const RUNS: u32 = 4_096;

impl Certificates {
    pub(super) fn new(fresh: fn() -> Pki) -> Self {
        Self {
            fresh,
            pki: Arc::new(fresh()),
            of_openssl: Arc::default(),
            left: RUNS,
        }
    }

    /// The certificates for one run.
    pub(super) fn serve(&mut self, scenario: &Scenario) -> Arc<Pki> {
        if self.left == 0 {
            *self = Self::new(self.fresh);
        }
        self.left -= 1;
        match asks_late(scenario) {
            true => Arc::clone(&self.of_openssl),
            false => Arc::clone(&self.pki),
        }
    }
}

/// Whether a server asks after the handshake, at first or later on; that takes OpenSSL.
fn asks_late(scenario: &Scenario) -> bool {
    let at_first = scenario.servers.iter().map(|it| it.client_certificate);
    let later = scenario.steps.iter().filter_map(|step| match step.action {
        Action::Event(WorldEvent::ChangeMode {
            client_certificate, ..
        }) => Some(client_certificate),
        _ => None,
    });
    at_first.chain(later).any(|mode| mode.late().is_some())
}
