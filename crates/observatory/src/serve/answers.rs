//! What does the start page's server answer? The page and its files, the way to the next scenario, and what it came to.

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::json;

use super::Render;
use super::runs::{Next, Outcome, Runs};
use crate::certificates::Certificates;
use crate::observe::Limits;
use crate::scenarios::Asked;

const START: &str = include_str!("start.html");
const STYLE: &str = include_str!("../page/runner.css");
const SCRIPT: &str = include_str!("start.js");
const HTML: &str = "text/html; charset=utf-8";

/// The identity that is offered to be imported.
const IDENTITY: &str = "alice";

/// All that answers depend on.
pub(super) struct Answers {
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
            (&Method::GET, "/") => text(HTML, START),
            (&Method::GET, "/runner.css") => text("text/css", STYLE),
            (&Method::GET, "/start.js") => text("text/javascript", SCRIPT),
            (&Method::GET, "/checks.json") => text(
                "application/json",
                &json!({ "trust": self.checks.first(), "identity": self.checks.get(1) })
                    .to_string(),
            ),
            (&Method::GET, "/authority.pem") => {
                let file = fs::read(self.certificates.authorities());
                download(
                    "application/x-pem-file",
                    "bareflight-authority.pem",
                    file.ok(),
                )
            }
            (&Method::GET, "/identity.p12") => {
                let file = self.certificates.pkcs12(IDENTITY).ok();
                let file = file.and_then(|path| fs::read(path).ok());
                download("application/x-pkcs12", "bareflight-alice.p12", file)
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
            &self.address,
        );
        see(&format!("/next/{id}"))
    }

    async fn next(&self, id: u32) -> Response<Bytes> {
        match self.runs.next(id).await {
            Some(Next::Page(address)) => see(&address),
            Some(Next::Over) => see(&format!("/result/{id}.html")),
            None => not_here(),
        }
    }

    fn result(&self, name: &str) -> Response<Bytes> {
        let Some((id, kind)) = name.split_once('.') else {
            return not_here();
        };
        let outcome = id.parse().ok().and_then(|id| self.runs.outcome(id));
        match (outcome, kind) {
            (Some(Outcome::Seen(report)), "html") => {
                text(HTML, &(self.render)(&report, &format!("{id}.json")))
            }
            (Some(Outcome::Seen(report)), "json") => {
                let json = serde_json::to_string_pretty(&*report).expect("words are JSON");
                download(
                    "application/json",
                    "bareflight.json",
                    Some(json.into_bytes()),
                )
            }
            (Some(Outcome::Failed(why)), _) => text("text/plain; charset=utf-8", &why),
            (Some(Outcome::UnderWay), _) => text("text/plain", "this run is not over yet"),
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

fn download(kind: &str, name: &str, file: Option<Vec<u8>>) -> Response<Bytes> {
    let Some(file) = file else {
        return not_here();
    };
    let answer = Response::builder()
        .header(header::CONTENT_TYPE, kind)
        .header(
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        );
    answer
        .body(Bytes::from(file))
        .expect("words are header values")
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

fn not_here() -> Response<Bytes> {
    let mut answer = text("text/plain", "not here");
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer
}
