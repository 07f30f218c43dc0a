//! The compact binary form: what fuzzers keep in their corpora.
//!
//! Three bytes `BFS`, one byte for the format's version, then the scenario as postcard. Cases are stored as themselves,
//! never as the bytes that a generator happened to eat.

use thiserror::Error;

use super::{Limits, Scenario};

/// The bytes that begin every binary scenario.
pub const MAGIC: [u8; 3] = *b"BFS";

/// The version of both forms of the format.
pub const FORMAT: u8 = 1;

/// Why bytes are not a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BinaryError {
    /// The magic is missing.
    #[error("this is not a binary scenario: it does not begin with `BFS`")]
    NotAScenario,
    /// It was written by another version.
    #[error("this binary scenario is of format {0}; this bareflight reads format {FORMAT}")]
    Version(u8),
    /// It is larger than [`Limits::FILE`].
    #[error("this binary scenario has {0} bytes; at most {max} are read", max = Limits::FILE)]
    TooLarge(usize),
    /// It ends too early, or says something that the format does not know.
    #[error("this binary scenario is cut short or damaged: {0}")]
    Damaged(String),
    /// There is something behind its end.
    #[error("this binary scenario is followed by {0} bytes that do not belong to it")]
    Trailing(usize),
}

impl Scenario {
    /// Reads the binary form and makes the scenario valid ([`fixup`](Self::fixup)).
    ///
    /// # Errors
    ///
    /// [`BinaryError`] says what is wrong with the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BinaryError> {
        if bytes.len() > Limits::FILE {
            return Err(BinaryError::TooLarge(bytes.len()));
        }
        let Some(rest) = bytes.strip_prefix(&MAGIC) else {
            return Err(BinaryError::NotAScenario);
        };
        let Some((&version, body)) = rest.split_first() else {
            return Err(BinaryError::Damaged("its version is missing".to_owned()));
        };
        if version != FORMAT {
            return Err(BinaryError::Version(version));
        }
        let (mut scenario, left) = postcard::take_from_bytes::<Self>(body)
            .map_err(|error| BinaryError::Damaged(error.to_string()))?;
        if !left.is_empty() {
            return Err(BinaryError::Trailing(left.len()));
        }
        scenario.fixup();
        Ok(scenario)
    }

    /// Writes the binary form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(&MAGIC);
        bytes.push(FORMAT);
        postcard::to_extend(self, bytes).expect("a scenario is plain data and always encodes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_bytes_are_refused_with_a_reason() {
        let good = Scenario::default().to_bytes();
        let table: [(Vec<u8>, &str); 5] = [
            (Vec::new(), "does not begin with `BFS`"),
            (b"BFS".to_vec(), "version is missing"),
            (b"BFS\x02".to_vec(), "is of format 2"),
            (good[..good.len() - 1].to_vec(), "cut short"),
            ([good.as_slice(), b"x"].concat(), "followed by 1 bytes"),
        ];
        for (bytes, reason) in table {
            let error = Scenario::from_bytes(&bytes).unwrap_err().to_string();
            assert!(error.contains(reason), "{bytes:?}: {error}");
        }
    }
}
