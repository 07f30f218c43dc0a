//! When was that, in eight bytes?

use core::time::Duration;

/// Nanoseconds since the caller's origin; what lies over five centuries ahead counts as five centuries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Moment(u64);

impl Moment {
    #[inline]
    pub(crate) fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanoseconds(span)))
    }

    /// Moves forward to `now`, never back: a clock that jumps back stands still instead.
    #[inline]
    pub(crate) fn advance(&mut self, now: Duration) {
        *self = (*self).max(now.into());
    }
}

impl From<Duration> for Moment {
    #[inline]
    fn from(since_origin: Duration) -> Self {
        Self(nanoseconds(since_origin))
    }
}

impl From<Moment> for Duration {
    #[inline]
    fn from(moment: Moment) -> Self {
        Self::from_nanos(moment.0)
    }
}

#[inline]
fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
