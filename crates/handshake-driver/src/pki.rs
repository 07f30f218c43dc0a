//! Who is who? Authorities, server certificates and client identities, made when first asked for and then kept.
//!
//! Keys are ECDSA on P-256 unless one asks for test keys, and made at run time: none lies in the repository. A [`Pki`] is
//! shared by as many [`Driver`](crate::Driver)s as one likes, since making keys and signing costs more than a resumed
//! handshake.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::clock::ORIGIN;
use crate::error::PkiError;
use crate::keys::{Key, Keys};
use crate::lock;
use crate::observation::Identity;

/// A certification authority, by its name. Any name will do: one that nobody trusts is a stranger.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    name: Arc<str>,
    above: Option<Arc<Authority>>,
    validity: Validity,
}

impl Authority {
    /// The root authority called `name`.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.into(),
            above: None,
            validity: Validity::Current,
        }
    }

    /// The authority that issues certificates of servers, unless a plan says otherwise.
    #[must_use]
    pub fn servers() -> Self {
        Self::named("servers")
    }

    /// The authority that issues client identities, unless a plan says otherwise.
    #[must_use]
    pub fn users() -> Self {
        Self::named("users")
    }

    /// An authority below this one. What it issues comes with a chain that leads up to the root, which is left out as
    /// usual.
    #[must_use]
    pub fn subordinate(&self, name: &str) -> Self {
        Self {
            name: name.into(),
            above: Some(Arc::new(self.clone())),
            validity: Validity::Current,
        }
    }

    /// The same authority with a certificate that is valid only then; whether what it issued is, is another matter.
    #[must_use]
    pub fn valid(self, validity: Validity) -> Self {
        Self { validity, ..self }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// When a certificate is valid, on the virtual clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Validity {
    /// From long before the clock starts until long after.
    #[default]
    Current,
    /// It ended an hour before the clock started.
    Expired,
    /// Until so long after the clock started (whole seconds).
    Until(Duration),
    /// From a month before that moment after the clock started (whole seconds) until a quarter after it: for those who verify by the
    /// time of day, and take no certificate that is valid for ever.
    Around(Duration),
}

/// What tells one client identity from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdentityName {
    /// The certificate's subject.
    pub subject: Arc<str>,
    /// 0 for the first certificate of the subject, 1 when it was renewed (a new key, a new certificate), and so on.
    pub generation: u32,
}

impl fmt::Display for IdentityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.subject, self.generation)
    }
}

/// What is needed to make a client identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdentityPlan {
    /// Whose it is.
    pub name: IdentityName,
    /// Who vouches for it.
    pub issuer: Authority,
    /// When it is valid.
    pub validity: Validity,
    /// What its certificate is for (RFC 5280 section 4.2.1.12).
    pub usage: Usage,
    /// The identity whose chain it shows in place of one of its own. It has not got the key to it, so it can show the chain
    /// and not prove it.
    pub chain_of: Option<Arc<IdentityPlan>>,
}

/// What a certificate says that it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Usage {
    /// To authenticate a client, as it should.
    #[default]
    ClientAuth,
    /// To authenticate a server: wrong in a client's hand.
    ServerAuth,
}

impl IdentityPlan {
    /// A current identity of `subject`, the first, issued by [`Authority::users`].
    #[must_use]
    pub fn new(subject: &str) -> Self {
        Self {
            name: IdentityName {
                subject: subject.into(),
                generation: 0,
            },
            issuer: Authority::users(),
            validity: Validity::Current,
            usage: Usage::ClientAuth,
            chain_of: None,
        }
    }

    /// This identity with the chain of another: a certificate that is not for its key.
    #[must_use]
    pub fn showing(self, other: Self) -> Self {
        Self {
            chain_of: Some(Arc::new(other)),
            ..self
        }
    }

    /// The identity that replaces this one: same subject, new key, new certificate.
    #[must_use]
    pub fn renewed(mut self) -> Self {
        self.name.generation += 1;
        self
    }
}

/// What is needed to make a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ServerCertificatePlan {
    pub(crate) names: Vec<String>,
    pub(crate) issuer: Authority,
    pub(crate) validity: Validity,
}

/// Makes and keeps the certificates. Locks are held while one is made, so it is made once.
pub struct Pki {
    keys: Keys,
    provider: Arc<CryptoProvider>,
    authorities: Mutex<HashMap<Authority, Arc<CertifiedIssuer<'static, Key>>>>,
    servers: Mutex<HashMap<ServerCertificatePlan, Arc<CertifiedKey>>>,
    identities: Mutex<HashMap<IdentityPlan, Arc<CertifiedKey>>>,
    names: Mutex<HashMap<Vec<CertificateDer<'static>>, IdentityName>>,
    /// The private keys by their public keys, for a stack that wants them itself.
    private: Mutex<HashMap<Vec<u8>, PrivateKeyDer<'static>>>,
}

impl fmt::Debug for Pki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pki").finish_non_exhaustive()
    }
}

impl Default for Pki {
    fn default() -> Self {
        Self::new(Arc::new(rustls::crypto::ring::default_provider()))
    }
}

impl Pki {
    /// An empty PKI, whose keys sign with `provider`; [`Default`] takes ring.
    #[must_use]
    pub fn new(provider: Arc<CryptoProvider>) -> Self {
        Self::made_with(Keys::P256, provider)
    }

    /// An empty PKI over the provider that protects nothing ([`insecure_test_crypto`](crate::insecure_test_crypto)). The
    /// same seed makes the same keys and certificates.
    #[cfg(feature = "insecure-test-crypto")]
    #[must_use]
    pub fn insecure_test(seed: u64) -> Self {
        let provider = crate::insecure_test_crypto::provider();
        Self::made_with(Keys::Insecure { seed }, Arc::new(provider))
    }

    fn made_with(keys: Keys, provider: Arc<CryptoProvider>) -> Self {
        Self {
            keys,
            provider,
            authorities: Mutex::default(),
            servers: Mutex::default(),
            identities: Mutex::default(),
            names: Mutex::default(),
            private: Mutex::default(),
        }
    }

    /// The provider that everything here, and every handshake of a driver over it, computes with.
    #[must_use]
    pub fn provider(&self) -> &Arc<CryptoProvider> {
        &self.provider
    }

    /// The client identity of this plan: the whole chain and the private key. The same plan gives the same `Arc`.
    ///
    /// # Errors
    /// When the key or the certificate cannot be made.
    pub fn identity(&self, plan: &IdentityPlan) -> Result<Arc<CertifiedKey>, PkiError> {
        if let Some(other) = &plan.chain_of {
            let own = self.identity(&IdentityPlan {
                chain_of: None,
                ..plan.clone()
            })?;
            let shown = self.identity(other)?.cert.clone();
            return made_once(&self.identities, plan, || {
                let key = Arc::clone(&own.key);
                Ok(Arc::new(CertifiedKey::new(shown, key)))
            });
        }
        made_once(&self.identities, plan, || {
            let mut params = CertificateParams::default();
            params.distinguished_name = common_name(&plan.name.subject);
            params.extended_key_usages = vec![match plan.usage {
                Usage::ClientAuth => ExtendedKeyUsagePurpose::ClientAuth,
                Usage::ServerAuth => ExtendedKeyUsagePurpose::ServerAuth,
            }];
            let key = self.key(&plan.name.subject, plan)?;
            let certified = self.issue(
                params,
                &key,
                &plan.name.subject,
                &plan.issuer,
                plan.validity,
            )?;
            lock(&self.names).insert(certified.cert.clone(), plan.name.clone());
            Ok(certified)
        })
    }

    /// Whose chain this is, if it was made here. The whole chain counts, not a name or a serial number in it.
    #[must_use]
    pub fn name_of(&self, chain: &[CertificateDer<'_>]) -> Option<IdentityName> {
        lock(&self.names).get(chain).cloned()
    }

    /// As [`name_of`](Self::name_of), for a chain that may come from elsewhere.
    pub(crate) fn identify(&self, chain: &[CertificateDer<'_>]) -> Identity {
        self.name_of(chain)
            .map_or(Identity::Unknown, Identity::Known)
    }

    /// The trust roots that these authorities make.
    ///
    /// # Errors
    /// When an authority's key or certificate cannot be made.
    pub fn roots(&self, authorities: &[Authority]) -> Result<RootCertStore, PkiError> {
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            let certificate = self.authority(authority)?.der().clone();
            roots
                .add(certificate)
                .map_err(|e| failed("trust root", &authority.name, &e))?;
        }
        Ok(roots)
    }

    /// The certificates of these authorities, for who verifies by other means than [`roots`](Self::roots).
    ///
    /// # Errors
    /// When a certificate cannot be made.
    pub fn anchors(
        &self,
        authorities: &[Authority],
    ) -> Result<Vec<CertificateDer<'static>>, PkiError> {
        let der = |authority| Ok(self.authority(authority)?.der().clone());
        authorities.iter().map(der).collect()
    }

    /// The private key of an identity that was made here, for a client that is started with files.
    #[must_use]
    pub fn private_key(&self, of: &CertifiedKey) -> Option<PrivateKeyDer<'static>> {
        let public = of.key.public_key()?;
        lock(&self.private)
            .get(public.as_ref())
            .map(PrivateKeyDer::clone_key)
    }

    pub(crate) fn server(
        &self,
        plan: &ServerCertificatePlan,
    ) -> Result<Arc<CertifiedKey>, PkiError> {
        made_once(&self.servers, plan, || {
            let subject = plan.names.first().map_or("", String::as_str);
            let mut params = CertificateParams::new(plan.names.clone())
                .map_err(|e| failed("server certificate", subject, &e))?;
            params.distinguished_name = common_name(subject);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            let key = self.key(subject, plan)?;
            self.issue(params, &key, subject, &plan.issuer, plan.validity)
        })
    }

    fn authority(
        &self,
        authority: &Authority,
    ) -> Result<Arc<CertifiedIssuer<'static, Key>>, PkiError> {
        let above = authority.above.as_deref();
        let above = above.map(|above| self.authority(above)).transpose()?;
        made_once(&self.authorities, authority, || {
            let mut params = CertificateParams::default();
            params.distinguished_name = common_name(&authority.name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            limit(&mut params, authority.validity);
            let key = self.key(&authority.name, authority)?;
            match above {
                Some(above) => CertifiedIssuer::signed_by(params, key, &above),
                None => CertifiedIssuer::self_signed(params, key),
            }
            .map(Arc::new)
            .map_err(|e| failed("authority", &authority.name, &e))
        })
    }

    /// A key of its own for every plan. (Plans that differ are written differently.)
    fn key(&self, subject: &str, plan: &impl fmt::Debug) -> Result<Key, PkiError> {
        self.keys
            .generate(&format!("{plan:?}"))
            .map_err(|e| failed("key pair", subject, &e))
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        key: &Key,
        subject: &str,
        issuer: &Authority,
        validity: Validity,
    ) -> Result<Arc<CertifiedKey>, PkiError> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // RFC 5280 section 4.2.1.1 wants it, and strict verifiers (Python's since 3.13) insist.
        params.use_authority_key_identifier_extension = true;
        limit(&mut params, validity);
        let certificate = params
            .signed_by(key, &*self.authority(issuer)?)
            .map_err(|e| failed("certificate", subject, &e))?;
        let mut chain = vec![certificate.der().clone()];
        let mut issuer = Some(issuer);
        while let Some(below @ Authority { above: Some(_), .. }) = issuer {
            chain.push(self.authority(below)?.der().clone());
            issuer = below.above.as_deref();
        }
        let certified = CertifiedKey::from_der(chain, key.private(), &self.provider)
            .map_err(|e| failed("signing key", subject, &e))?;
        if let Some(public) = certified.key.public_key() {
            lock(&self.private).insert(public.to_vec(), key.private());
        }
        Ok(Arc::new(certified))
    }
}

fn made_once<K: Clone + Eq + std::hash::Hash, V>(
    kept: &Mutex<HashMap<K, Arc<V>>>,
    plan: &K,
    make: impl FnOnce() -> Result<Arc<V>, PkiError>,
) -> Result<Arc<V>, PkiError> {
    let mut kept = lock(kept);
    if let Some(made) = kept.get(plan) {
        return Ok(Arc::clone(made));
    }
    let made = make()?;
    kept.insert(plan.clone(), Arc::clone(&made));
    Ok(made)
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn limit(params: &mut CertificateParams, validity: Validity) {
    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(86_400);
    let origin = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(ORIGIN);
    // A certificate's years have four digits: what is later than a century is as good as for ever.
    const EVER: Duration = Duration::from_secs(36_500 * 86_400);
    params.not_before = origin - 30 * DAY;
    params.not_after = match validity {
        Validity::Current => origin + EVER,
        Validity::Expired => origin - HOUR,
        Validity::Until(end) => origin + end.min(EVER),
        Validity::Around(moment) => {
            let moment = origin + moment.min(EVER);
            params.not_before = moment - 30 * DAY;
            moment + 90 * DAY
        }
    };
}

fn failed(what: &'static str, subject: &str, reason: &dyn fmt::Display) -> PkiError {
    PkiError {
        what,
        subject: subject.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_plan_is_made_once_and_a_renewal_is_another_key() {
        let pki = Pki::default();
        let alice = IdentityPlan::new("alice");
        let first = pki.identity(&alice).unwrap();
        assert!(Arc::ptr_eq(&first, &pki.identity(&alice).unwrap()));
        let second = pki.identity(&alice.clone().renewed()).unwrap();
        assert_ne!(first.cert, second.cert);
        assert_ne!(first.key.public_key(), second.key.public_key());
        assert_eq!(pki.name_of(&first.cert).unwrap().to_string(), "alice/0");
        assert_eq!(pki.name_of(&second.cert).unwrap().to_string(), "alice/1");
    }

    #[test]
    fn a_chain_can_be_shown_by_who_has_another_key() {
        let pki = Pki::default();
        let (alice, bob) = (IdentityPlan::new("alice"), IdentityPlan::new("bob"));
        let mixed = pki.identity(&bob.clone().showing(alice.clone())).unwrap();
        let [alice, bob] = [alice, bob].map(|plan| pki.identity(&plan).unwrap());
        assert_eq!(mixed.cert, alice.cert);
        assert_eq!(mixed.key.public_key(), bob.key.public_key());
        assert_eq!(pki.name_of(&mixed.cert).unwrap().to_string(), "alice/0");
        assert_eq!(pki.private_key(&mixed), pki.private_key(&bob));
        assert_ne!(pki.private_key(&mixed), pki.private_key(&alice));
    }

    #[test]
    fn a_certificate_of_these_days_is_valid_around_a_moment() {
        const DAY: Duration = Duration::from_secs(86_400);
        let mut params = CertificateParams::default();
        let moment = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(ORIGIN) + 400 * DAY;
        limit(&mut params, Validity::Around(400 * DAY));
        assert!(params.not_before < moment && moment < params.not_after);
        assert!(params.not_after - params.not_before < 825 * DAY);
    }

    #[test]
    fn strangers_are_not_known() {
        let here = Pki::default();
        let there = Pki::default()
            .identity(&IdentityPlan::new("alice"))
            .unwrap();
        assert_eq!(here.name_of(&there.cert), None);
        assert_eq!(here.name_of(&[]), None);
    }

    #[test]
    fn the_whole_chain_counts() {
        let pki = Pki::default();
        let staff = Authority::users()
            .subordinate("staff")
            .subordinate("night shift");
        let plan = IdentityPlan {
            issuer: staff,
            ..IdentityPlan::new("alice")
        };
        let chain = &pki.identity(&plan).unwrap().cert;
        assert_eq!(chain.len(), 3, "the leaf and two authorities, not the root");
        assert_eq!(pki.name_of(chain), Some(plan.name));
        assert_eq!(
            pki.name_of(&chain[..1]),
            None,
            "the leaf alone is not the identity"
        );
    }

    #[test]
    fn a_bad_name_is_an_error() {
        let plan = ServerCertificatePlan {
            names: vec!["naïve.test".into()],
            issuer: Authority::servers(),
            validity: Validity::Current,
        };
        let error = Pki::default().server(&plan).unwrap_err();
        assert_eq!(
            (error.what, &*error.subject),
            ("server certificate", "naïve.test")
        );
    }
}
