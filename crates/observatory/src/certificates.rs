//! Which files does a client need? The authority to trust, and each identity's chain and key, as PEM, in a folder that is
//! removed afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bareflight_handshake_driver::{Authority, IdentityPlan, Pki};
use bareflight_harness::scenario::Scenario;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::stack::Stack;
use openssl::x509::X509;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::ending::Folder;
use crate::error::WorldError;
use crate::protocol::IdentityFiles;

/// The password of PKCS #12 files: there are importers that do not take an empty one.
pub(crate) const PASSWORD: &str = "bareflight";

/// A certificate chain, leaf first, and its private key.
type Held = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// An authority and identities, in memory for the servers and in files for a client.
#[derive(Debug)]
pub struct Certificates {
    pki: Arc<Pki>,
    folder: Folder,
    authorities: PathBuf,
}

impl Certificates {
    /// Makes an authority, and a folder that only this user can read.
    ///
    /// # Errors
    ///
    /// [`WorldError`] where a certificate or a file cannot be made.
    pub fn new() -> Result<Self, WorldError> {
        let pki = Arc::new(Pki::default());
        let folder = Folder::new()?;
        let anchors = pki
            .anchors(&[Authority::servers()])
            .map_err(WorldError::setup)?;
        let text = anchors.iter().map(|it| certificate(it));
        let authorities = write(folder.path(), "authorities.pem", text.collect::<String>())?;
        Ok(Self {
            pki,
            folder,
            authorities,
        })
    }

    pub(crate) fn pki(&self) -> &Arc<Pki> {
        &self.pki
    }

    /// The file with the authority that vouches for the servers.
    pub fn authorities(&self) -> &Path {
        &self.authorities
    }

    /// Writes the files of each identity of a scenario.
    pub(crate) fn identities(
        &self,
        scenario: &Scenario,
    ) -> Result<BTreeMap<String, IdentityFiles>, WorldError> {
        let files = scenario.identities.iter().map(|identity| {
            let files = self.identity(&identity.name)?;
            Ok((identity.name.to_string(), files))
        });
        files.collect()
    }

    /// Writes an identity as browsers import it (PKCS #12), under [`PASSWORD`].
    pub(crate) fn pkcs12(&self, name: &str) -> Result<PathBuf, WorldError> {
        let (chain, key) = self.held(name)?;
        let (leaf, above) = chain.split_first().expect("a chain has a leaf");
        let mut issuers = Stack::new().map_err(WorldError::setup)?;
        for der in above {
            let issuer = X509::from_der(der).map_err(WorldError::setup)?;
            issuers.push(issuer).map_err(WorldError::setup)?;
        }
        let leaf = X509::from_der(leaf).map_err(WorldError::setup)?;
        let key = PKey::private_key_from_der(key.secret_der()).map_err(WorldError::setup)?;
        let mut builder = Pkcs12::builder();
        builder.name(name).pkey(&key).cert(&leaf).ca(issuers);
        // What all importers take, older ones of macOS, iOS and Windows too: they call the password of a newer kind of file wrong.
        // The key is thrown away afterwards, so that nothing is lost.
        let cipher = Nid::PBE_WITHSHA1AND3_KEY_TRIPLEDES_CBC;
        builder.key_algorithm(cipher).cert_algorithm(cipher);
        builder.mac_md(MessageDigest::sha1());
        let bag = builder.build2(PASSWORD).map_err(WorldError::setup)?;
        let bag = bag.to_der().map_err(WorldError::setup)?;
        write(self.folder.path(), &format!("{name}.p12"), &bag)
    }

    fn held(&self, name: &str) -> Result<Held, WorldError> {
        let made = self
            .pki
            .identity(&IdentityPlan::new(name))
            .map_err(WorldError::setup)?;
        let key = self.pki.private_key(&made);
        let key = key.ok_or_else(|| WorldError::setup(format!("{name} has no private key")))?;
        Ok((made.cert.clone(), key))
    }

    pub(crate) fn identity(&self, name: &str) -> Result<IdentityFiles, WorldError> {
        let (chain, key) = self.held(name)?;
        let chain: String = chain.iter().map(|it| certificate(it)).collect();
        let key = encode("PRIVATE KEY", key.secret_der());
        let folder = self.folder.path();
        Ok(IdentityFiles {
            certificate: write(folder, &format!("{name}.chain.pem"), &chain)?,
            key: write(folder, &format!("{name}.key.pem"), &key)?,
            both: write(folder, &format!("{name}.pem"), format!("{chain}{key}"))?,
        })
    }
}

fn certificate(der: &[u8]) -> String {
    encode("CERTIFICATE", der)
}

fn encode(tag: &str, der: &[u8]) -> String {
    pem::encode(&pem::Pem::new(tag, der))
}

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> Result<PathBuf, WorldError> {
    let path = folder.join(name);
    let failed = WorldError::io(format!("{} could not be written", path.display()));
    fs::write(&path, text).map_err(failed)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Older importers know 3DES (RFC 7292 appendix C) and no PBES2 (RFC 8018 appendix A.4).
    #[test]
    fn a_file_to_import_is_of_the_kind_that_all_read() {
        const THREE_DES: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x03";
        const PBES2: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d";
        const SHA256: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02\x01";
        let certificates = Certificates::new().unwrap();
        let bytes = fs::read(certificates.pkcs12("alice").unwrap()).unwrap();
        let has = |oid: &[u8]| bytes.windows(oid.len()).any(|it| it == oid);
        assert!(has(THREE_DES) && !has(PBES2) && !has(SHA256));
        let read = Pkcs12::from_der(&bytes).unwrap().parse2(PASSWORD);
        assert!(read.unwrap().pkey.is_some());
    }
}
