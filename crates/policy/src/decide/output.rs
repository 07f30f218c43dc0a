//! How is a decision written down, so that others can compare themselves with it?

use super::{Case, Decision};
use crate::connection::ConnectionNeed;
use crate::main_fetch::MainFetchError;
use crate::partition::NetworkPartitionKey;
use crate::preflight::{PreflightError, cors_preflight_request};
use crate::request::{Request, origin_header};
use crate::section;

/// A decision as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub struct Output {
    /// Whether the request needs a preflight.
    pub preflight: bool,
    /// The CORS-unsafe request-header names, sorted.
    pub unsafe_headers: Vec<String>,
    /// *includeCredentials* of the request.
    pub include_credentials: bool,
    /// Whether the preflight carries a credential, under the profile.
    pub preflight_credentials: bool,
    /// The preflight; absent where none is needed.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub preflight_request: Option<OutputRequest>,
    /// `ok` or `error`; absent without an answer to the preflight.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub preflight_result: Option<&'static str>,
    /// What to change, if the preflight failed.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub preflight_error: Option<String>,
    /// `ok` or `error`; absent without an answer, or if it needs no check.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub cors_check: Option<&'static str>,
    /// What to change, if the check failed.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub cors_error: Option<String>,
    /// The connection's triple; absent if the request is never sent.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub connection: Option<OutputConnection>,
    /// `may-present` or `must-not-present`, under the profile.
    pub client_certificate: &'static str,
    /// Why the request is never sent, if so.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub network_error: Option<String>,
    /// The sections of the standard behind what was decided.
    pub sections: Vec<&'static str>,
}

/// The preflight as text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub struct OutputRequest {
    /// The method: `OPTIONS`.
    pub method: String,
    /// Names and values; `origin` as it will be sent is among them.
    pub headers: Vec<(String, String)>,
}

/// A connection's triple as text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub struct OutputConnection {
    /// The network partition key; absent in the case where there is none.
    pub partition: Option<String>,
    /// The origin that is connected to.
    pub origin: String,
    /// Whether the connection has credentials.
    pub credentials: bool,
}

impl Output {
    /// Writes a decision down.
    #[must_use]
    pub fn new(case: &Case, decision: &Decision<'_>) -> Self {
        let preflight = decision.preflight;
        let (preflight_result, preflight_error) = verdict(decision.preflight_result.as_ref());
        let (cors_check, cors_error) = verdict(decision.cors_check.as_ref());
        Self {
            preflight,
            unsafe_headers: decision.unsafe_names.iter().map(str::to_owned).collect(),
            include_credentials: decision.include_credentials,
            preflight_credentials: decision.preflight_credentials,
            preflight_request: preflight
                .then(|| OutputRequest::new(&cors_preflight_request(&case.request))),
            preflight_result,
            preflight_error,
            cors_check,
            cors_error,
            connection: decision.connection.as_ref().map(OutputConnection::new),
            client_certificate: decision.client_certificate.as_str(),
            network_error: decision.route.as_ref().err().map(MainFetchError::to_string),
            sections: sections(decision),
        }
    }
}

impl OutputRequest {
    fn new(request: &Request) -> Self {
        let origin = origin_header(request).map(|origin| ("origin".to_owned(), origin.to_string()));
        let headers = request
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()));
        Self {
            method: request.method.to_string(),
            headers: headers.chain(origin).collect(),
        }
    }
}

impl OutputConnection {
    fn new(need: &ConnectionNeed) -> Self {
        Self {
            partition: need
                .network_partition_key
                .as_ref()
                .map(NetworkPartitionKey::to_string),
            origin: need.origin.to_string(),
            credentials: need.credentials,
        }
    }
}

fn verdict<E: core::fmt::Display>(
    result: Option<&Result<(), E>>,
) -> (Option<&'static str>, Option<String>) {
    match result {
        None => (None, None),
        Some(Ok(())) => (Some("ok"), None),
        Some(Err(error)) => (Some("error"), Some(error.to_string())),
    }
}

fn sections(decision: &Decision<'_>) -> Vec<&'static str> {
    let preflight_error = decision
        .preflight_result
        .as_ref()
        .and_then(|result| result.as_ref().err());
    let mut sections = vec![section::MAIN_FETCH];
    sections.extend((!decision.unsafe_names.is_empty()).then_some(section::UNSAFE_HEADER_NAMES));
    sections.extend(decision.preflight.then_some(section::CORS_PREFLIGHT_FETCH));
    let checks = [
        preflight_error.map(PreflightError::section),
        decision.cors_check.as_ref().map(|_| section::CORS_CHECK),
    ];
    sections.extend(checks.into_iter().flatten());
    sections.extend(
        decision
            .connection
            .is_some()
            .then_some(section::OBTAIN_CONNECTION),
    );
    let mut seen = Vec::new();
    sections.retain(|section| {
        !seen.contains(section) && {
            seen.push(*section);
            true
        }
    });
    sections
}
