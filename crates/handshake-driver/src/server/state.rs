//! What does TLS remember of a session, and how is it taken for one of another name?
//!
//! rustls keeps the server name in what it gives to be stored, and resumes under that name alone. Whether it may be another
//! is [`Resumes`](super::Resumes)' to decide (RFC 9846 section 4.6.1 has the name in the new ClientHello alone), so the name
//! is put in again. The front of rustls 0.23's encoding: a flag, the name with its length in one byte, the version. OpenSSL
//! looks at no name.

use crate::plan::Version;

/// A session, as its stack encodes it. One stack does not read what the other wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Rustls(Vec<u8>),
    #[cfg(feature = "openssl")]
    OpenSsl(Version, Vec<u8>),
}

impl State {
    /// The version that the session was made in.
    pub(super) fn version(&self) -> Version {
        match self {
            Self::Rustls(state) => version(state),
            #[cfg(feature = "openssl")]
            Self::OpenSsl(version, _) => *version,
        }
    }

    /// The same session, as if it had been made under this name. Nothing if it does not look like a session.
    pub(super) fn renamed(&self, name: Option<&str>) -> Option<Self> {
        match self {
            Self::Rustls(state) => renamed(state, name).map(Self::Rustls),
            #[cfg(feature = "openssl")]
            Self::OpenSsl(..) => Some(self.clone()),
        }
    }

    /// The encoding, if it is rustls's.
    pub(super) fn rustls(self) -> Option<Vec<u8>> {
        match self {
            Self::Rustls(state) => Some(state),
            #[cfg(feature = "openssl")]
            Self::OpenSsl(..) => None,
        }
    }

    /// The encoding, if it is OpenSSL's.
    #[cfg(feature = "openssl")]
    pub(super) fn openssl(self) -> Option<Vec<u8>> {
        match self {
            Self::Rustls(_) => None,
            Self::OpenSsl(_, state) => Some(state),
        }
    }
}

fn version(state: &[u8]) -> Version {
    match after_name(state).and_then(<[u8]>::first_chunk) {
        Some([3, 4]) => Version::Tls13,
        _ => Version::Tls12,
    }
}

fn renamed(state: &[u8], name: Option<&str>) -> Option<Vec<u8>> {
    let rest = after_name(state)?;
    let Some(name) = name else {
        return Some([&[0], rest].concat());
    };
    let length = u8::try_from(name.len()).ok()?;
    Some([&[1, length], name.as_bytes(), rest].concat())
}

fn after_name(state: &[u8]) -> Option<&[u8]> {
    match state {
        [0, rest @ ..] => Some(rest),
        [1, length, rest @ ..] => rest.get(usize::from(*length)..),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced() {
        let (none, api) = (
            b"\0\x03\x04secret".to_vec(),
            b"\x01\x03api\x03\x03".to_vec(),
        );
        assert_eq!(
            renamed(&none, Some("w")).unwrap(),
            b"\x01\x01w\x03\x04secret"
        );
        assert_eq!(renamed(&api, None).unwrap(), b"\0\x03\x03");
        assert_eq!(renamed(&api, Some("api")).unwrap(), api);
        assert_eq!(
            (version(&none), version(&api)),
            (Version::Tls13, Version::Tls12)
        );
    }

    #[test]
    fn what_is_no_session_has_no_name() {
        for noise in [&b""[..], b"\x02", b"\x01", b"\x01\x05api"] {
            assert_eq!(renamed(noise, None), None);
            assert_eq!(version(noise), Version::Tls12);
        }
        assert_eq!(renamed(b"\0", Some(&"a".repeat(256))), None);
    }
}
