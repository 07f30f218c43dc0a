//! What a server of a scenario answers: a pure function, the same on every tier.

use core::hash::BuildHasher;
use std::borrow::Cow;

use bareflight_policy::{HeaderList, HeaderName, HeaderValue, Request, origin_header};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::scenario::{AllowList, AllowOrigin, Cors, Name, Redirect, Server};

/// An answer without its body.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderList,
}

impl Reply {
    /// A status and nothing else: what a server says to whom it does not let in.
    pub fn bare(status: u16) -> Self {
        Self {
            status,
            headers: HeaderList::new(),
        }
    }
}

/// What a server sees of a request, as far as its answer depends on it.
#[derive(Clone, Debug)]
pub struct Asked<'r> {
    /// The method.
    pub method: &'r str,
    /// Path and query.
    pub path: &'r str,
    /// `Origin`
    pub origin: Option<Name>,
    /// `Access-Control-Request-Method`
    pub request_method: Option<Cow<'r, [u8]>>,
    /// `Access-Control-Request-Headers`
    pub request_headers: Option<Cow<'r, [u8]>>,
}

impl<'r> Asked<'r> {
    /// What a server sees of a request of the policy.
    pub fn of(request: &'r Request) -> Self {
        // The two headers are forbidden to pages: only a preflight, which is OPTIONS, has them.
        let may_ask = request.method.as_str() == "OPTIONS";
        let asks = |name| may_ask.then(|| request.headers.get(name)).flatten();
        Self {
            method: request.method.as_str(),
            path: path(request),
            origin: origin_header(request).map(|origin| Name::new(origin.as_str())),
            request_method: asks(&HeaderName::ACCESS_CONTROL_REQUEST_METHOD),
            request_headers: asks(&HeaderName::ACCESS_CONTROL_REQUEST_HEADERS),
        }
    }

    /// Whether it is a CORS preflight.
    pub fn is_preflight(&self) -> bool {
        self.method == "OPTIONS" && self.origin.is_some() && self.request_method.is_some()
    }
}

/// The path and query of a request's current URL.
pub fn path(request: &Request) -> &str {
    &request.current_url().as_url()[url::Position::BeforePath..url::Position::AfterQuery]
}

/// Answers that were given before, kept so that each is made once.
#[derive(Debug, Default)]
pub struct Replies {
    known: HashTable<Known>,
    hasher: RandomState,
}

/// An answer, and all that it depends on.
#[derive(Debug)]
struct Known {
    cors: Cors,
    redirect: Option<Redirect>,
    preflight: bool,
    moved: bool,
    origin: Option<Name>,
    request_method: Option<Vec<u8>>,
    request_headers: Option<Vec<u8>>,
    reply: Reply,
}

impl Replies {
    /// Answers beyond which all are forgotten: hostile cases bring new ones without end.
    const MOST: usize = 1 << 10;

    /// What `server` answers.
    pub fn reply(&mut self, server: &Server, asked: &Asked<'_>) -> Reply {
        let redirect = redirect(server, asked);
        let question = (
            &server.cors,
            redirect,
            asked.is_preflight(),
            asked.path == MOVED,
            &asked.origin,
            &asked.request_method,
            &asked.request_headers,
        );
        let hash = self.hasher.hash_one(question);
        let same = |known: &Known| {
            known.preflight == asked.is_preflight()
                && known.moved == (asked.path == MOVED)
                && known.redirect.as_ref() == redirect
                && known.origin == asked.origin
                && known.request_method.as_deref() == asked.request_method.as_deref()
                && known.request_headers.as_deref() == asked.request_headers.as_deref()
                && known.cors == server.cors
        };
        if let Some(known) = self.known.find(hash, same) {
            return known.reply.clone();
        }
        if self.known.len() >= Self::MOST {
            self.known.clear();
        }
        let known = Known {
            cors: server.cors.clone(),
            redirect: redirect.cloned(),
            preflight: asked.is_preflight(),
            moved: asked.path == MOVED,
            origin: asked.origin.clone(),
            request_method: asked.request_method.as_deref().map(<[u8]>::to_vec),
            request_headers: asked.request_headers.as_deref().map(<[u8]>::to_vec),
            reply: reply(server, asked),
        };
        let reply = known.reply.clone();
        let hasher = &self.hasher;
        self.known.insert_unique(hash, known, |known| {
            let Known {
                cors,
                redirect,
                preflight,
                moved,
                origin,
                request_method,
                request_headers,
                reply: _,
            } = known;
            hasher.hash_one((
                cors,
                redirect.as_ref(),
                *preflight,
                *moved,
                origin,
                request_method,
                request_headers,
            ))
        });
        reply
    }
}

/// Where preflights are redirected, if they are. There they are allowed, so that who follows notices nothing.
const MOVED: &str = "/moved";

fn redirect<'s>(server: &'s Server, asked: &Asked<'_>) -> Option<&'s Redirect> {
    server
        .redirects
        .iter()
        .find(|redirect| redirect.path == asked.path && !asked.is_preflight())
}

/// What `server` answers.
pub fn reply(server: &Server, asked: &Asked<'_>) -> Reply {
    let mut headers = HeaderList::new();
    if let Some(origin) = &asked.origin {
        allow_origin(server, origin, &mut headers);
    }
    if asked.is_preflight() {
        return preflight(server, asked, headers);
    }
    if let Some(redirect) = redirect(server, asked) {
        append(
            &mut headers,
            HeaderName::LOCATION,
            redirect.to.to_url().as_bytes(),
        );
        return Reply {
            status: redirect.status,
            headers,
        };
    }
    Reply {
        status: 200,
        headers,
    }
}

fn preflight(server: &Server, asked: &Asked<'_>, mut headers: HeaderList) -> Reply {
    let cors = &server.cors;
    let (methods, names) = (
        asked.request_method.as_deref(),
        asked.request_headers.as_deref(),
    );
    allow(
        &mut headers,
        HeaderName::ACCESS_CONTROL_ALLOW_METHODS,
        &cors.allow_methods,
        methods,
    );
    allow(
        &mut headers,
        HeaderName::ACCESS_CONTROL_ALLOW_HEADERS,
        &cors.allow_headers,
        names,
    );
    if let Some(seconds) = cors.max_age {
        append(
            &mut headers,
            HeaderName::ACCESS_CONTROL_MAX_AGE,
            seconds.to_string().as_bytes(),
        );
    }
    let redirects = (300..=399).contains(&cors.preflight_status);
    if redirects && asked.path == MOVED {
        return Reply {
            status: 204,
            headers,
        };
    }
    if redirects {
        append(&mut headers, HeaderName::LOCATION, MOVED.as_bytes());
    }
    Reply {
        status: cors.preflight_status,
        headers,
    }
}

fn allow_origin(server: &Server, origin: &str, headers: &mut HeaderList) {
    let allowed = match &server.cors.allow_origin {
        AllowOrigin::Absent => return,
        AllowOrigin::Reflect => origin,
        AllowOrigin::Exactly(value) => value,
    };
    append(
        headers,
        HeaderName::ACCESS_CONTROL_ALLOW_ORIGIN,
        allowed.as_bytes(),
    );
    if server.cors.allow_credentials {
        append(
            headers,
            HeaderName::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            b"true",
        );
    }
}

fn allow(headers: &mut HeaderList, name: HeaderName, list: &AllowList, asked: Option<&[u8]>) {
    match (list, asked) {
        (AllowList::Reflect, Some(asked)) => append(headers, name, asked),
        (AllowList::Exactly(list), _) if !list.is_empty() => {
            append(headers, name, join(list).as_bytes());
        }
        _ => {}
    }
}

fn join(list: &[Name]) -> String {
    list.join(", ")
}

fn append(headers: &mut HeaderList, name: HeaderName, value: &[u8]) {
    if let Ok(value) = HeaderValue::parse(name.as_str(), value) {
        headers.append(name, value);
    }
}
