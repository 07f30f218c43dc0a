//! Do two readings of the standard agree on a case?
//!
//! `bareflight-policy` follows the algorithms of the standard step by step, on bytes. Here the same rules are written a second
//! time, as grammars: regular expressions on a header as a line of text, made from the ABNF of the
//! [Fetch standard](https://fetch.spec.whatwg.org/), of the [MIME Sniffing standard](https://mimesniff.spec.whatwg.org/) and of
//! RFC 9110. A mistake in one of the two shows as a difference; [`Opinion`] is what is compared.

mod cors;
mod list;
mod safelist;
pub mod sharing;

use std::collections::BTreeSet;

use bareflight_policy::decide::{Case, Decision, Input, InputResponse};
use bareflight_policy::{PreflightGrant, Profile, check_preflight_response, main_fetch};
use url::Url;

pub use cors::{Answer, Asked, cors_check, preflight_check};
pub use list::{Header, get, normalize};
pub use safelist::{
    is_safelisted_header, is_safelisted_method, normalize_method, safelisted_size, unsafe_names,
};

/// What can be said of a case from the grammars alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// The [CORS-unsafe request-header names](https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names): in lower case,
    /// sorted, each once.
    pub unsafe_names: Vec<String>,
    /// Whether the server is asked first.
    pub preflight: bool,
    /// What the preflight's answer grants, or that it grants nothing; absent without a preflight or an answer.
    pub grant: Option<Result<Grant, Refused>>,
    /// Whether the answer passes the [CORS check](https://fetch.spec.whatwg.org/#cors-check); absent where there is none.
    pub cors_check: Option<bool>,
}

/// What a preflight's answer allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The methods, as written.
    pub methods: BTreeSet<String>,
    /// The header names, in lower case.
    pub names: BTreeSet<String>,
    /// `Access-Control-Max-Age` in seconds.
    pub max_age: u64,
}

/// A preflight's answer does not allow the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

impl Opinion {
    /// The opinion of the grammars. The case has to be one that [`Case::parse`] reads.
    #[must_use]
    pub fn of_grammar(input: &Input) -> Self {
        let method = normalize_method(&input.method);
        let unsafe_names = unsafe_names(&input.headers);
        let flag = input.upload_listener || input.body == "stream";
        let speaks_cors = Profile::from_name(&input.profile).is_some_and(|it| it.speaks_cors.value);
        let cors = speaks_cors && input.mode == "cors" && crosses_origins(input);
        let unsafe_request = !is_safelisted_method(&method) || !unsafe_names.is_empty();
        let preflight = cors && (flag || unsafe_request);
        let origin = serialized_origin(&input.origin);
        let asked = Asked {
            origin: &origin,
            include: input.credentials == "include",
            method: &method,
            headers: &input.headers,
            use_cors_preflight: flag,
        };
        let preflight_answer = input.preflight_response.as_ref().filter(|_| preflight);
        let answer = input.response.as_ref().filter(|_| cors);
        Self {
            grant: preflight_answer.map(|it| preflight_check(&asked, &read(it)).ok_or(Refused)),
            cors_check: answer.map(|it| cors_check(&asked, &it.headers)),
            unsafe_names: unsafe_names.into_iter().collect(),
            preflight,
        }
    }

    /// The opinion of the policy.
    #[must_use]
    pub fn of_policy(case: &Case, decision: &Decision<'_>) -> Self {
        let names = decision.unsafe_names.iter();
        Self {
            unsafe_names: names.map(str::to_owned).collect(),
            preflight: decision.preflight,
            grant: decision
                .preflight_result
                .as_ref()
                .map(|result| match result {
                    Ok(()) => granted(case),
                    Err(_) => Err(Refused),
                }),
            cors_check: decision.cors_check.as_ref().map(Result::is_ok),
        }
    }
}

impl From<PreflightGrant> for Grant {
    fn from(grant: PreflightGrant) -> Self {
        let names = grant.header_names.iter();
        Self {
            methods: grant.methods.iter().map(ToString::to_string).collect(),
            names: names.map(|name| name.as_str().to_owned()).collect(),
            max_age: grant.max_age.as_secs(),
        }
    }
}

/// The grant behind a decision, which says no more than that there is one.
fn granted(case: &Case) -> Result<Grant, Refused> {
    let mut request = case.request.clone();
    main_fetch(&mut request).map_err(|_| Refused)?;
    let answer = case.preflight_response.as_ref().ok_or(Refused)?;
    check_preflight_response(&request, answer.status, &answer.headers)
        .map(Grant::from)
        .map_err(|_| Refused)
}

fn read(response: &InputResponse) -> Answer<'_> {
    Answer {
        status: response.status,
        headers: &response.headers,
    }
}

/// Whether the request is for an HTTP(S) URL of another origin than its own.
fn crosses_origins(input: &Input) -> bool {
    Url::parse(&input.url).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.origin().ascii_serialization() != serialized_origin(&input.origin)
    })
}

/// The [serialization of an origin](https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin): `null` where it is opaque.
fn serialized_origin(origin: &str) -> String {
    Url::parse(origin).map_or_else(
        |_| "null".to_owned(),
        |url| url.origin().ascii_serialization(),
    )
}
