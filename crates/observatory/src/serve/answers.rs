//! What does the start page's server answer? The page and its files, the way to the next scenario, and what it came to.

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::json;

use super::runs::{Next, Outcome, Runs};
use super::{Links, Render, pages};
use crate::certificates::Certificates;
use crate::observe::Limits;
use crate::place::Place;
use crate::scenarios::Asked;

const STYLE: &str = include_str!("../page/runner.css");
const SCRIPT: &str = include_str!("start.js");
const HTML: &str = "text/html; charset=utf-8";

const UNDER_WAY: &str = "Its browser is led from scenario to scenario, and shows the verdict in the end. If its window was closed, \
another run can be begun at once.";

const UNKNOWN: &str = "The server was started again since, and has another authority and another identity: remove the old ones, and \
begin at the start page.";

/// The identity that is offered to be imported.
const IDENTITY: &str = "alice";

/// All that answers depend on.
pub(super) struct Answers {
    pub(super) place: Place,
    pub(super) prompts: usize,
    pub(super) address: String,
    pub(super) checks: Vec<String>,
    pub(super) certificates: Arc<Certificates>,
    pub(super) asked: Vec<Asked>,
    pub(super) limits: Limits,
    pub(super) render: Box<Render>,
    pub(super) runs: Runs,
}

impl Answers {
    pub(super) async fn to<B>(&self, request: &Request<B>) -> Response<Bytes> {
        let path = request.uri().path();
        let run = |prefix: &str| path.strip_prefix(prefix)?.parse().ok();
        match (request.method(), path) {
            (&Method::GET, "/") => self.start(request),
            (&Method::GET, "/runner.css") => text("text/css", STYLE),
            (&Method::GET, "/start.js") => text("text/javascript", SCRIPT),
            (&Method::GET, "/checks.json") => text(
                "application/json",
                &json!({ "trust": self.checks.first(), "identity": self.checks.get(1) })
                    .to_string(),
            ),
            // Those that can import these offer it by their types; the others save them under the names that they have here.
            (&Method::GET, "/bareflight-authority.crt") => {
                let file = fs::read(self.certificates.authorities());
                as_it_is("application/x-x509-ca-cert", file.ok())
            }
            (&Method::GET, "/bareflight-alice.p12") => {
                let file = self.certificates.pkcs12(IDENTITY).ok();
                let file = file.and_then(|path| fs::read(path).ok());
                as_it_is("application/x-pkcs12", file)
            }
            (&Method::GET, "/runs.json") => {
                let known = serde_json::to_string(&self.runs.known()).expect("words are JSON");
                text("application/json", &known)
            }
            (&Method::POST, "/run") => self.begin(request),
            (&Method::GET, _) => match (run("/next/"), path.strip_prefix("/result/")) {
                (Some(id), _) => self.next(id).await,
                (None, Some(name)) => self.result(name),
                (None, None) => not_here(),
            },
            _ => not_here(),
        }
    }

    /// The start page, under its one name: that of the other addresses is another origin, where no run is begun.
    fn start<B>(&self, request: &Request<B>) -> Response<Bytes> {
        let host = request.headers().get(header::HOST);
        let host = host.and_then(|it| it.to_str().ok());
        match host == self.address.strip_prefix("http://") {
            true => text(HTML, &pages::start(&self.place, self.prompts)),
            false => see(&format!("{}/", self.address)),
        }
    }

    fn begin<B>(&self, request: &Request<B>) -> Response<Bytes> {
        // Another site's page must not begin a run here.
        let own = HeaderValue::from_str(&self.address).ok();
        let origin = request.headers().get(header::ORIGIN);
        if origin.is_some() && origin != own.as_ref() {
            return not_here();
        }
        let agent = request.headers().get(header::USER_AGENT);
        let agent = agent.and_then(|it| it.to_str().ok()).unwrap_or("a browser");
        let id = self.runs.begin(
            agent,
            &self.asked,
            self.limits,
            &self.certificates,
            &self.place,
            &self.address,
        );
        see(&format!("/next/{id}"))
    }

    async fn next(&self, id: u32) -> Response<Bytes> {
        match self.runs.next(id).await {
            Some(Next::Page(address)) => see(&address),
            Some(Next::Over) => see(&format!("/result/{id}.html")),
            None => unknown(),
        }
    }

    fn result(&self, name: &str) -> Response<Bytes> {
        let Some((id, kind)) = name.split_once('.') else {
            return not_here();
        };
        let outcome = id.parse().ok().and_then(|id| self.runs.outcome(id));
        match (outcome, kind) {
            (Some(Outcome::Seen(report)), "html") => {
                let links = Links {
                    saved: format!("{id}.saved.html"),
                    json: format!("{id}.json"),
                    start: "/",
                };
                text(HTML, &(self.render)(&report, Some(&links)))
            }
            (Some(Outcome::Seen(report)), "saved.html") => {
                let page = (self.render)(&report, None);
                download(HTML, "bareflight.html", page)
            }
            (Some(Outcome::Seen(report)), "json") => {
                let json = serde_json::to_string_pretty(&*report).expect("words are JSON");
                download("application/json", "bareflight.json", json)
            }
            (Some(Outcome::Failed(why)), "html") => {
                text(HTML, &pages::told("It did not come to its end", &why))
            }
            (Some(Outcome::UnderWay), "html") => {
                text(HTML, &pages::told("This run is not over yet", UNDER_WAY))
            }
            (Some(Outcome::Failed(why)), _) => text("text/plain; charset=utf-8", &why),
            (Some(Outcome::UnderWay), _) => text("text/plain", "this run is not over yet"),
            (None, "html") => unknown(),
            _ => not_here(),
        }
    }
}

fn text(kind: &str, text: &str) -> Response<Bytes> {
    let answer = Response::builder()
        .header(header::CONTENT_TYPE, kind)
        .header(header::CACHE_CONTROL, "no-store");
    answer
        .body(Bytes::copy_from_slice(text.as_bytes()))
        .expect("words are header values")
}

fn as_it_is(kind: &str, file: Option<Vec<u8>>) -> Response<Bytes> {
    let Some(file) = file else {
        return not_here();
    };
    let answer = Response::builder()
        .header(header::CONTENT_TYPE, kind)
        .header(header::CACHE_CONTROL, "no-store");
    answer
        .body(Bytes::from(file))
        .expect("words are header values")
}

/// A file to be saved under this name.
fn download(kind: &str, name: &str, file: String) -> Response<Bytes> {
    let mut answer = as_it_is(kind, Some(file.into_bytes()));
    let saved = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    let saved = saved.expect("words are header values");
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_DISPOSITION, saved);
    answer
}

/// Sends a browser elsewhere, with a GET.
fn see(address: &str) -> Response<Bytes> {
    let answer = Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(header::LOCATION, address)
        .header(header::CACHE_CONTROL, "no-store");
    answer
        .body(Bytes::new())
        .expect("addresses are header values")
}

/// As after another start of the server, in a browser that was on its way.
fn unknown() -> Response<Bytes> {
    let mut answer = text(HTML, &pages::told("This run is not known", UNKNOWN));
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer
}

fn not_here() -> Response<Bytes> {
    let mut answer = text("text/plain", "not here");
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer
}
