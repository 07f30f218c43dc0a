//! What the exit code says.

use std::process::ExitCode;

use serde::Serialize;

/// What a command came to, from the best to the gravest: of several the gravest is what the process ends with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Exit {
    /// All hold.
    #[default]
    Holds,
    /// Something could not be decided.
    Undecided,
    /// Input or arguments are unusable.
    Unusable,
    /// An invariant is broken, an expectation is not met, a fault is not caught or a control is flagged.
    Broken,
}

impl Exit {
    /// The number that the process ends with.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Holds => 0,
            Self::Broken => 1,
            Self::Unusable => 2,
            Self::Undecided => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_gravest_counts() {
        let by_gravity = [Exit::Holds, Exit::Undecided, Exit::Unusable, Exit::Broken];
        assert!(by_gravity.is_sorted());
        assert_eq!(by_gravity.map(Exit::code), [0, 3, 2, 1]);
    }
}
