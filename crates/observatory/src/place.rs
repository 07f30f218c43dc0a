//! Where do servers stand? Under names below a domain that leads to this machine, on one of its addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;
use url::Host;

/// The domain whose names lead to this machine without a look-up (RFC 6761 section 6.3).
const LOCAL: &str = "localhost";

/// The domain of scenarios (RFC 6761 section 6.2). Its names keep their labels here, for these make the site.
const TEST: &str = "test";

/// Beyond this the longest name of a scenario, put before it, might not fit into the 253 characters of a name.
const MOST: usize = 190;

/// A domain that leads to this machine, as do all names below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain(String);

/// Why a text is no such domain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DomainError {
    /// It is not a name.
    #[error(
        "a host name is needed, of letters, digits, hyphens and the dots between, such as lab.example"
    )]
    NoName,
    /// It is an IP address.
    #[error("this is an address, and names are needed below it; --listen takes addresses")]
    Address,
    /// It is too long.
    #[error("it has more than {MOST} characters, and the names below it would be too long")]
    TooLong,
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        if text.parse::<IpAddr>().is_ok() {
            return Err(DomainError::Address);
        }
        let domain = match Host::parse(text) {
            Ok(Host::Domain(domain)) => domain,
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => return Err(DomainError::Address),
            Err(_) => return Err(DomainError::NoName),
        };
        if domain.len() > MOST {
            return Err(DomainError::TooLong);
        }
        match domain.split('.').all(is_label) {
            true => Ok(Self(domain)),
            false => Err(DomainError::NoName),
        }
    }
}

/// Whether it may be a part of a name that a certificate has (RFC 5280 section 4.2.1.6).
fn is_label(text: &str) -> bool {
    let plain = |it: u8| it.is_ascii_alphanumeric() || it == b'-';
    let ends = text.starts_with('-') || text.ends_with('-');
    (1..=63).contains(&text.len()) && text.bytes().all(plain) && !ends
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names below this domain would lead elsewhere than to the address that is listened on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "names below {LOCAL} do not lead to {0}: give a name that does, as do all names below it, with --host"
)]
pub struct Elsewhere(IpAddr);

/// Under which names servers are known, and on which address they listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    domain: Domain,
    listen: IpAddr,
}

impl Default for Place {
    /// This machine alone.
    fn default() -> Self {
        Self {
            domain: Domain(LOCAL.to_owned()),
            listen: Ipv4Addr::LOCALHOST.into(),
        }
    }
}

impl Place {
    /// A place of this domain and address; either is as by default, if it is not given.
    ///
    /// # Errors
    ///
    /// [`Elsewhere`] where nobody could come to the address by the names.
    pub fn new(domain: Option<Domain>, listen: Option<IpAddr>) -> Result<Self, Elsewhere> {
        let default = Self::default();
        let (domain, listen) = (
            domain.unwrap_or(default.domain),
            listen.unwrap_or(default.listen),
        );
        let local = domain.0 == LOCAL || domain.0.ends_with(".localhost");
        let reached = [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            Ipv6Addr::LOCALHOST.into(),
        ];
        if local && !listen.is_unspecified() && !reached.contains(&listen) {
            return Err(Elsewhere(listen));
        }
        Ok(Self { domain, listen })
    }

    /// The domain.
    pub(crate) fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The address that is listened on.
    pub(crate) fn listen(&self) -> IpAddr {
        self.listen
    }

    /// Where a program on this machine reaches it.
    pub(crate) fn reached(&self) -> IpAddr {
        match self.listen {
            IpAddr::V4(it) if it.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(it) if it.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            it => it,
        }
    }

    /// The name here of a host of the scenario.
    pub(crate) fn host(&self, name: &str) -> String {
        let below = |domain: &str| name.strip_suffix(domain)?.strip_suffix('.');
        match below(TEST).or_else(|| below(LOCAL)) {
            Some(label) => format!("{label}.{}", self.domain),
            None if name == LOCAL => self.domain.0.clone(),
            None => format!("{name}.{}", self.domain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_is_refused() {
        let long = ["a".repeat(60).as_str(); 4].join(".");
        let table = [
            ("", DomainError::NoName),
            ("lab..example", DomainError::NoName),
            ("lab.example.", DomainError::NoName),
            ("*.lab.example", DomainError::NoName),
            ("-lab.example", DomainError::NoName),
            ("a_lab.example", DomainError::NoName),
            ("http://lab.example", DomainError::NoName),
            ("lab.example:80", DomainError::NoName),
            ("a lab", DomainError::NoName),
            ("192.0.2.1", DomainError::Address),
            ("::1", DomainError::Address),
            ("[::1]", DomainError::Address),
            ("0x7f.1", DomainError::Address),
            (&long, DomainError::TooLong),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<Domain>(), Err(error), "{text}");
        }
        for (text, name) in [
            ("localhost", "localhost"),
            ("Lab.Example", "lab.example"),
            ("büro.example", "xn--bro-hoa.example"),
            ("10-0-0-1.lab.example", "10-0-0-1.lab.example"),
        ] {
            assert_eq!(text.parse::<Domain>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let address = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let lab = || "lab.example".parse::<Domain>().ok();
        assert_eq!(Place::new(None, None), Ok(Place::default()));
        let elsewhere = address("192.0.2.1").unwrap();
        assert_eq!(Place::new(None, Some(elsewhere)), Err(Elsewhere(elsewhere)));
        for (domain, listen) in [
            (None, address("0.0.0.0")),
            (None, address("::1")),
            (lab(), None),
            (lab(), address("192.0.2.1")),
        ] {
            assert!(Place::new(domain, listen).is_ok());
        }
    }

    #[test]
    fn a_local_name_is_its_own() {
        let host = |name: &str| Place::default().host(name);
        assert_eq!(host("localhost"), "localhost");
        assert_eq!(host("a.localhost"), "a.localhost");
        assert_eq!(host("www.app.test"), "www.app.localhost");
        assert_eq!(host("a.example"), "a.example.localhost");
    }

    #[test]
    fn another_domain_takes_its_place() {
        let place = Place::new("lab.example".parse().ok(), None).unwrap();
        assert_eq!(place.host("localhost"), "lab.example");
        assert_eq!(place.host("a.localhost"), "a.lab.example");
        assert_eq!(place.host("www.app.test"), "www.app.lab.example");
        assert_eq!(place.host("a.example"), "a.example.lab.example");
    }
}
