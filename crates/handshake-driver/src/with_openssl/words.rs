//! What OpenSSL says, in the words that rustls has for it.

use std::io;

use openssl::ssl::{ErrorCode, SslRef, SslVersion};
use openssl::x509::X509VerifyResult;
use rustls::{AlertDescription, CertificateError, Error};

use crate::plan::Version;

/// Reasons above this are alerts that the peer sent (SSL_AD_REASON_OFFSET).
const ALERTS: i32 = 1_000;

/// Why a call failed: the transport's error, the peer's alert, or a fault that this end found.
pub(crate) fn alert_or_fault(error: openssl::ssl::Error, ssl: &SslRef) -> io::Error {
    if error.code() == ErrorCode::ZERO_RETURN {
        return io::ErrorKind::UnexpectedEof.into();
    }
    let first = error
        .ssl_error()
        .and_then(|stack| stack.errors().first().cloned());
    let Some(first) = first else {
        return error
            .into_io_error()
            .unwrap_or_else(|_| io::ErrorKind::UnexpectedEof.into());
    };
    let reason = first.reason().unwrap_or("no reason given");
    // OpenSSL 3 calls it an error of TLS when the transport ends without close_notify; rustls leaves it to who reads.
    if reason == "unexpected eof while reading" {
        return io::ErrorKind::UnexpectedEof.into();
    }
    let alert = first.reason_code() - ALERTS;
    let told = match u8::try_from(alert) {
        Ok(alert) => Error::AlertReceived(AlertDescription::from(alert)),
        Err(_) => fault(reason, ssl),
    };
    io::Error::other(told)
}

fn fault(reason: &str, ssl: &SslRef) -> Error {
    match reason {
        "peer did not return a certificate" => Error::NoCertificatesPresented,
        "certificate verify failed" => Error::InvalidCertificate(certificate(ssl.verify_result())),
        // It was told so with a warning, which OpenSSL takes for the end of the connection.
        "no renegotiation" => Error::AlertReceived(AlertDescription::NoRenegotiation),
        "no application protocol" => Error::NoApplicationProtocol,
        _ => Error::General(reason.to_owned()),
    }
}

/// By the numbers of X509_STORE_CTX_get_error(3).
fn certificate(result: X509VerifyResult) -> CertificateError {
    match result.as_raw() {
        2 | 18 | 19 | 20 | 21 => CertificateError::UnknownIssuer,
        9 => CertificateError::NotValidYet,
        10 => CertificateError::Expired,
        26 => CertificateError::InvalidPurpose,
        62 => CertificateError::NotValidForName,
        _ => CertificateError::ApplicationVerificationFailure,
    }
}

/// The version that was agreed on.
pub(crate) fn version(ssl: &SslRef) -> Version {
    match ssl.version2() {
        Some(SslVersion::TLS1_3) => Version::Tls13,
        _ => Version::Tls12,
    }
}
