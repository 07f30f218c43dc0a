//! Which of a server's hosts is meant by this name, and which client-certificate policy does it have?

use std::sync::Arc;

use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};

use super::route::{Hello, Routes};
use crate::error::ServerError;
use crate::pki::Pki;
use crate::plan::{ClientAuth, HostPlan, ServerPlan};

/// A host made ready: its policy, and what judges certificates under it.
pub(crate) struct Host {
    pub(crate) plan: Arc<HostPlan>,
    /// Nothing, for a host that asks for no certificate.
    pub(crate) verifier: Option<Arc<dyn ClientCertVerifier>>,
}

impl Host {
    fn new(plan: HostPlan, pki: &Pki) -> Result<Arc<Self>, ServerError> {
        let verifier = verifier(&plan, pki)?;
        Ok(Arc::new(Self {
            plan: Arc::new(plan),
            verifier,
        }))
    }

    /// What rustls asks about a client's certificate.
    pub(crate) fn judge(&self) -> Arc<dyn ClientCertVerifier> {
        self.verifier
            .clone()
            .unwrap_or_else(|| Arc::new(NoClientAuth))
    }
}

fn verifier(
    plan: &HostPlan,
    pki: &Pki,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, ServerError> {
    if plan.client_auth == ClientAuth::None {
        return Ok(None);
    }
    let roots = Arc::new(pki.roots(&plan.accepts)?);
    let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(pki.provider()));
    let built = match plan.client_auth {
        ClientAuth::Require => builder.build(),
        _ => builder.allow_unauthenticated().build(),
    };
    let built = built.map_err(|e| ServerError::Issuers(e.to_string()))?;
    let issuers = built.root_hint_subjects().iter();
    let listed: usize = issuers.map(|name| LENGTH + name.as_ref().len()).sum();
    match listed > LONGEST_LIST {
        true => Err(ServerError::Issuers(format!(
            "their names take {listed} bytes, and a CertificateRequest holds {LONGEST_LIST}"
        ))),
        false => Ok(Some(built)),
    }
}

/// What a CertificateRequest holds of names, in bytes with the length of each (RFC 9846 section 4.2.4), with some room left for
/// the extensions beside them.
const LONGEST_LIST: usize = 0xffff - 0x400;
/// The length before each name.
const LENGTH: usize = 2;

/// The hosts of one server.
pub(crate) struct Hosts {
    /// The server itself: for names that no host lists, and for no name.
    own: Arc<Host>,
    listed: Vec<Arc<Host>>,
    routes: Arc<dyn Routes>,
}

impl Hosts {
    pub(crate) fn new(
        plan: &ServerPlan,
        pki: &Pki,
        routes: Arc<dyn Routes>,
    ) -> Result<Self, ServerError> {
        for name in plan.hosts.iter().flat_map(|host| &host.names) {
            check(name, &plan.hosts)?;
        }
        let own = HostPlan {
            names: Vec::new(),
            client_auth: plan.client_auth,
            accepts: plan.accepts.clone(),
        };
        let listed = plan.hosts.iter().map(|host| Host::new(host.clone(), pki));
        Ok(Self {
            own: Host::new(own, pki)?,
            listed: listed.collect::<Result<_, _>>()?,
            routes,
        })
    }

    /// The host whose policy a handshake comes under.
    pub(crate) fn asked_for(&self, hello: &Hello<'_>) -> &Arc<Host> {
        self.named(self.routes.name_asked(hello))
    }

    /// The host of this name. A name that is written out goes before a wildcard (as in RFC 6125 section 6.4.3 and in every
    /// server), and where two hosts list one name, the rules settle it.
    pub(crate) fn named(&self, name: Option<&str>) -> &Arc<Host> {
        let Some(name) = name else { return &self.own };
        let claimants = |wildcard: bool| -> Vec<&Arc<Host>> {
            let claims = |pattern: &String| {
                pattern.starts_with("*.") == wildcard && self.routes.covers(pattern, name)
            };
            let listed = self.listed.iter();
            listed
                .filter(|host| host.plan.names.iter().any(claims))
                .collect()
        };
        let mut claimants = match claimants(false) {
            none if none.is_empty() => claimants(true),
            exact => exact,
        };
        match claimants.len() {
            0 => &self.own,
            1 => claimants[0],
            several => {
                let modes: Vec<_> = claimants.iter().map(|it| it.plan.client_auth).collect();
                claimants.swap_remove(self.routes.settle(&modes).min(several - 1))
            }
        }
    }
}

/// A name that can be looked up, and two hosts that list it do not contradict each other: of two that insist equally and
/// accept other issuers, neither is the stricter.
fn check(name: &str, hosts: &[HostPlan]) -> Result<(), ServerError> {
    let labels = name.strip_prefix("*.").unwrap_or(name);
    if labels.is_empty() || labels.contains('*') || labels.split('.').any(str::is_empty) {
        return Err(ServerError::BadHost(name.to_owned()));
    }
    let lists = |host: &&HostPlan| host.names.iter().any(|n| n.eq_ignore_ascii_case(name));
    let mut claimants = hosts.iter().filter(lists);
    let Some(first) = claimants.next() else {
        return Ok(());
    };
    let contradicts = |other: &HostPlan| {
        other.client_auth == first.client_auth
            && other.client_auth != ClientAuth::None
            && other.accepts != first.accepts
    };
    if claimants.any(contradicts) {
        return Err(ServerError::Contradiction(name.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::route::Checks;
    use super::*;
    use crate::pki::Authority;

    fn host(names: &[&str], client_auth: ClientAuth) -> HostPlan {
        HostPlan {
            client_auth,
            ..HostPlan::new(names)
        }
    }

    fn hosts(hosts: Vec<HostPlan>) -> Result<Hosts, ServerError> {
        let plan = ServerPlan {
            hosts,
            ..ServerPlan::new(&["own.test"])
        };
        Hosts::new(&plan, &Pki::default(), Arc::new(Checks))
    }

    #[test]
    fn names_find_their_host() {
        use ClientAuth::{None, Request, Require};
        let hosts = hosts(vec![
            host(&["*.test"], Request),
            host(&["Api.Test"], Require),
            host(&["twice.test"], Request),
            host(&["twice.test"], Require),
            host(&["twice.test"], None),
        ])
        .unwrap();
        for (name, expected) in [
            (Some("api.test"), Require),
            (Some("API.TEST"), Require),
            (Some("api.test."), Require),
            (Some("www.test"), Request),
            (Some("WWW.test"), Request),
            (Some("twice.test"), Require),
            (Some("a.b.test"), None),
            (Some("test"), None),
            (Some(".test"), None),
            (Some("*.test"), Request),
            (Some(""), None),
            (Option::None, None),
        ] {
            let found = &hosts.named(name).plan;
            assert_eq!(found.client_auth, expected, "{name:?}");
        }
    }

    #[test]
    fn what_cannot_be_looked_up_is_refused() {
        for bad in ["", "*", "*.", "a.*.test", "*a.test", "a..test", "a.test."] {
            let refused = hosts(vec![host(&[bad], ClientAuth::None)]).err();
            assert_eq!(refused, Some(ServerError::BadHost(bad.to_owned())));
        }
    }

    #[test]
    fn more_issuers_than_can_be_named_are_refused() {
        let many = |count: usize| HostPlan {
            accepts: (0..count)
                .map(|number| Authority::named(&format!("{number:0>3000}")))
                .collect(),
            ..host(&["api.test"], ClientAuth::Request)
        };
        assert!(hosts(vec![many(20)]).is_ok());
        let refused = hosts(vec![many(22)]).err();
        assert!(matches!(refused, Some(ServerError::Issuers(_))));
    }

    #[test]
    fn hosts_that_contradict_each_other_are_refused() {
        let staff = HostPlan {
            accepts: vec![Authority::named("staff")],
            ..host(&["a.test", "API.test"], ClientAuth::Require)
        };
        let users = host(&["api.test"], ClientAuth::Require);
        let refused = hosts(vec![staff.clone(), users]).err();
        assert_eq!(
            refused,
            Some(ServerError::Contradiction("API.test".to_owned()))
        );
        let open = host(&["api.test"], ClientAuth::Request);
        assert!(hosts(vec![staff, open]).is_ok(), "one is the stricter");
    }
}
