//! How is a case written, and what is wrong with one that cannot be read?

use super::{Case, Response};
use crate::header::{HeaderList, HeaderName, HeaderValue, InvalidHeader};
use crate::method::{InvalidMethod, Method};
use crate::origin::{InvalidOrigin, Origin};
use crate::partition::NetworkPartitionKey;
use crate::profile::{PROFILES, Profile};
use crate::request::{Body, CredentialsMode, Mode, Request};
use crate::url::{InvalidUrl, RequestUrl};

/// The most headers that a case may have, in each of its lists.
pub const MAX_HEADERS: usize = 1_000;

/// A case as text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "kebab-case", deny_unknown_fields)
)]
pub struct Input {
    /// The request's URL.
    pub url: String,
    /// The method, normalized as `fetch()` does.
    #[cfg_attr(feature = "serde", serde(default = "text::get"))]
    pub method: String,
    /// The mode, by its keyword.
    #[cfg_attr(feature = "serde", serde(default = "text::cors"))]
    pub mode: String,
    /// The credentials mode, by its keyword.
    #[cfg_attr(feature = "serde", serde(default = "text::same_origin"))]
    pub credentials: String,
    /// The requesting origin.
    pub origin: String,
    /// The top-level origin or page, from which the network partition key is made. A navigation without one is at the top itself.
    #[cfg_attr(feature = "serde", serde(default))]
    pub top: Option<String>,
    /// Names and values; a value's chars stand for bytes.
    #[cfg_attr(feature = "serde", serde(default))]
    pub headers: Vec<(String, String)>,
    /// `none`, `bytes` or `stream`.
    #[cfg_attr(feature = "serde", serde(default = "text::none"))]
    pub body: String,
    /// Whether XMLHttpRequest's upload object has a listener.
    #[cfg_attr(feature = "serde", serde(default))]
    pub upload_listener: bool,
    /// The answer to the preflight.
    #[cfg_attr(feature = "serde", serde(default))]
    pub preflight_response: Option<InputResponse>,
    /// The answer to the request.
    #[cfg_attr(feature = "serde", serde(default))]
    pub response: Option<InputResponse>,
    /// A profile's name.
    #[cfg_attr(feature = "serde", serde(default = "text::fetch"))]
    pub profile: String,
}

/// A response as text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "kebab-case", deny_unknown_fields)
)]
pub struct InputResponse {
    /// The status, 0 to 999.
    pub status: u16,
    /// Names and values; a value's chars stand for bytes.
    #[cfg_attr(feature = "serde", serde(default))]
    pub headers: Vec<(String, String)>,
}

impl Input {
    /// A case with the defaults: `GET`, mode `cors`, credentials `same-origin`, no headers, no body, no responses, profile `fetch`.
    #[must_use]
    pub fn new(url: &str, origin: &str) -> Self {
        Self {
            url: url.to_owned(),
            method: text::get(),
            mode: text::cors(),
            credentials: text::same_origin(),
            origin: origin.to_owned(),
            top: None,
            headers: Vec::new(),
            body: text::none(),
            upload_listener: false,
            preflight_response: None,
            response: None,
            profile: text::fetch(),
        }
    }
}

/// The defaults of [`Input`].
mod text {
    macro_rules! texts {
        ($($name:ident = $text:literal,)+) => { $(pub(super) fn $name() -> String { $text.to_owned() })+ };
    }
    texts! { get = "GET", cors = "cors", same_origin = "same-origin", none = "none", fetch = "fetch", }
}

/// Why a case cannot be decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// `url` is not a URL.
    #[error("url: {0}")]
    Url(InvalidUrl),
    /// `origin` is not an origin.
    #[error("origin: {0}")]
    Origin(InvalidOrigin),
    /// `top` is neither an origin nor a URL.
    #[error("top: {0}")]
    Top(InvalidUrl),
    /// `method` is not a method.
    #[error("method: {0}")]
    Method(InvalidMethod),
    /// A field is none of its keywords.
    #[error("{field}: {found:?} is unknown: use one of {known}")]
    Keyword {
        /// The field.
        field: &'static str,
        /// What it says.
        found: String,
        /// What it may say, separated by commas.
        known: String,
    },
    /// A header cannot be one.
    #[error("{field}: {error}")]
    Header {
        /// The field.
        field: &'static str,
        /// What is wrong.
        error: InvalidHeader,
    },
    /// A header's value has a char that stands for no byte.
    #[error(
        "{field}: the value of {name} holds {found:?}: its chars stand for bytes, U+0000 to U+00FF"
    )]
    NotAByte {
        /// The field.
        field: &'static str,
        /// The header.
        name: String,
        /// The char.
        found: char,
    },
    /// Too many headers.
    #[error("{field}: {count} headers are more than {MAX_HEADERS}")]
    TooManyHeaders {
        /// The field.
        field: &'static str,
        /// How many there are.
        count: usize,
    },
    /// A status beyond three digits.
    #[error("{field}: the status {status} is not from 0 to 999")]
    Status {
        /// The field.
        field: &'static str,
        /// What it says.
        status: u16,
    },
}

impl Case {
    /// Reads a case. The unsafe-request flag is set, as `fetch()` and XMLHttpRequest do; the use-CORS-preflight flag if there is an
    /// upload listener or a stream body.
    ///
    /// # Errors
    /// [`InputError`] for the first field that is wrong.
    pub fn parse(input: &Input) -> Result<Self, InputError> {
        let profile = Profile::from_name(&input.profile).ok_or_else(|| InputError::Keyword {
            field: "profile",
            found: input.profile.clone(),
            known: PROFILES
                .iter()
                .map(|profile| profile.name)
                .collect::<Vec<_>>()
                .join(", "),
        })?;
        Ok(Self {
            request: request(input)?,
            preflight_response: response("preflight-response", input.preflight_response.as_ref())?,
            response: response("response", input.response.as_ref())?,
            profile,
        })
    }
}

fn request(input: &Input) -> Result<Request, InputError> {
    let url = RequestUrl::parse(&input.url).map_err(InputError::Url)?;
    let origin = Origin::parse(&input.origin).map_err(InputError::Origin)?;
    let mode = keyword("mode", &input.mode, Mode::ALL, Mode::as_str)?;
    let new = match (mode, &input.top) {
        (Mode::WebSocket, _) => Request::websocket,
        (Mode::Navigate, None) => Request::navigation,
        _ => Request::fetch_api,
    };
    let mut request = new(url, origin);
    request.mode = mode;
    request.method = Method::normalize(&input.method).map_err(InputError::Method)?;
    request.credentials_mode = keyword(
        "credentials",
        &input.credentials,
        CredentialsMode::ALL,
        CredentialsMode::as_str,
    )?;
    request.headers = header_list("headers", &input.headers)?;
    request.body = keyword("body", &input.body, Body::ALL, Body::as_str)?;
    request.use_cors_preflight = input.upload_listener || request.body == Body::Stream;
    if let Some(top) = &input.top {
        let top = RequestUrl::parse(top).map_err(InputError::Top)?;
        request.network_partition_key = Some(NetworkPartitionKey::of_top_level(top.origin()));
    }
    Ok(request)
}

fn response(
    field: &'static str,
    input: Option<&InputResponse>,
) -> Result<Option<Response>, InputError> {
    let Some(input) = input else { return Ok(None) };
    if input.status > 999 {
        return Err(InputError::Status {
            field,
            status: input.status,
        });
    }
    Ok(Some(Response {
        status: input.status,
        headers: header_list(field, &input.headers)?,
    }))
}

fn header_list(
    field: &'static str,
    headers: &[(String, String)],
) -> Result<HeaderList, InputError> {
    if headers.len() > MAX_HEADERS {
        return Err(InputError::TooManyHeaders {
            field,
            count: headers.len(),
        });
    }
    let read = |(name, value): &(String, String)| {
        let byte = |found: char| {
            u8::try_from(u32::from(found)).map_err(|_| InputError::NotAByte {
                field,
                name: name.clone(),
                found,
            })
        };
        let value: Vec<u8> = value.chars().map(byte).collect::<Result<_, _>>()?;
        let header = || Ok((HeaderName::parse(name)?, HeaderValue::parse(name, &value)?));
        header().map_err(|error| InputError::Header { field, error })
    };
    headers.iter().map(read).collect()
}

fn keyword<T: Copy>(
    field: &'static str,
    found: &str,
    all: &[T],
    as_str: fn(T) -> &'static str,
) -> Result<T, InputError> {
    all.iter()
        .copied()
        .find(|&member| as_str(member) == found)
        .ok_or_else(|| InputError::Keyword {
            field,
            found: found.to_owned(),
            known: all
                .iter()
                .map(|&member| as_str(member))
                .collect::<Vec<_>>()
                .join(", "),
        })
}
