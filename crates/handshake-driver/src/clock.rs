//! What time is it? A virtual clock, which moves only when it is told to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// The wall-clock moment that is zero on every [`Clock`]: 2026-01-01T00:00:00Z, in seconds since the Unix epoch.
pub const ORIGIN: u64 = 1_767_225_600;

/// A clock shared by both ends of every connection: certificate validity and ticket age are read from it.
#[derive(Debug, Default)]
pub struct Clock {
    nanos: AtomicU64,
}

impl Clock {
    /// Time passed since [`ORIGIN`].
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }

    /// Moves the clock forward. It stops after some 584 years rather than start again.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let now = self.nanos.load(Ordering::Relaxed).saturating_add(by);
        self.nanos.store(now, Ordering::Relaxed);
    }

    pub(crate) fn unix(&self) -> UnixTime {
        Self::unix_at(self.now())
    }

    /// The wall-clock time of a moment on any clock.
    pub(crate) fn unix_at(moment: Duration) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(ORIGIN) + moment)
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.unix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_only_when_told_and_never_wraps() {
        let clock = Clock::default();
        assert_eq!(clock.now(), Duration::ZERO);
        clock.advance(Duration::from_millis(1500));
        assert_eq!(clock.now(), Duration::from_millis(1500));
        assert_eq!(clock.unix().as_secs(), ORIGIN + 1);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Duration::from_nanos(u64::MAX));
    }
}
