//! How is any browser observed, by opening a page? A start page in the clear tells how to trust our authority and import an identity;
//! then the browser is led from scenario to scenario, and comes out at its verdict.

mod answers;
mod called;
mod pages;
mod prompts;
mod runs;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bareflight_harness::case::{Case, Vocabulary};
use bareflight_harness::scenario::Scenario;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use crate::certificates::Certificates;
use crate::ending;
use crate::error::WorldError;
use crate::observe::{Limits, runtime};
use crate::place::Place;
use crate::scenarios::Asked;
use crate::verdict::Report;
use crate::world::World;
use answers::Answers;

/// How a report is shown: as a page with links to what is beside it, or as one that stands by itself.
pub type Render = dyn Fn(&Report, Option<&Links>) -> String + Send + Sync;

/// What is beside a report that is served.
#[derive(Clone, Debug)]
pub struct Links {
    /// The same page without links, to be saved.
    pub saved: String,
    /// The same as JSON.
    pub json: String,
    /// The start page.
    pub start: &'static str,
}

/// Two servers by which a browser is tried before it begins: does it trust us, and does it hold the identity?
const CHECKS: &str = include_str!("checks.toml");

/// How long a person has for a step: the browser may ask which certificate to show.
const LIMIT: Duration = Duration::from_secs(120);

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);

/// What is served to browsers that somebody sits at.
pub struct Serve {
    /// Under which names, and on which address.
    pub place: Place,
    /// The port of the start page; 0 is a free one.
    pub port: u16,
    /// The scenarios.
    pub asked: Vec<Asked>,
    /// How often each is run.
    pub runs: u32,
    /// How a report is shown.
    pub render: Box<Render>,
}

impl Serve {
    /// Serves until the process is told to end (Ctrl-C), which is then done in order and with exit code 0. `ready` is told the address of the start page.
    ///
    /// # Errors
    ///
    /// [`WorldError`] where the port is taken, or the servers cannot be set up or stop.
    pub fn until_interrupted(self, ready: impl FnOnce(&str)) -> Result<(), WorldError> {
        ending::in_order(|_| 0)?;
        let certificates = Arc::new(Certificates::new()?);
        match runtime()?.block_on(self.serve(certificates, ready))? {}
    }

    async fn serve(
        self,
        certificates: Arc<Certificates>,
        ready: impl FnOnce(&str),
    ) -> Result<Infallible, WorldError> {
        let taken = WorldError::io(format!(
            "port {} of {} cannot be listened on; choose another one (--port), 0 for one that is free",
            self.port,
            self.place.listen()
        ));
        let listener = TcpListener::bind((self.place.listen(), self.port)).await;
        let listener = listener.map_err(taken)?;
        let here = listener.local_addr();
        let port = here.map_err(WorldError::io("no port"))?.port();
        let address = format!("http://{}:{port}", self.place.domain());
        let checks = Scenario::from_toml(CHECKS).map_err(WorldError::setup)?;
        let mut vocabulary = Vocabulary::default();
        let case = Case::new(&checks, &mut vocabulary);
        let mut world = World::start_at(&case, &certificates, &self.place).await?;
        let servers = world.line(&certificates)?.servers;
        let servers = servers
            .iter()
            .map(|it| format!("https://{}:{}/", it.host, it.port));
        let limits = Limits {
            runs: self.runs,
            step: LIMIT,
        };
        let answers = Answers {
            prompts: prompts::prompts(&self.asked, &self.place, self.runs),
            place: self.place,
            address: address.clone(),
            checks: servers.collect(),
            certificates,
            asked: self.asked,
            limits,
            render: self.render,
            runs: runs::Runs::default(),
        };
        ready(&format!("{address}/"));
        world.until(accept(listener, Arc::new(answers))).await
    }
}

/// Answers whoever comes.
async fn accept(listener: TcpListener, answers: Arc<Answers>) -> Infallible {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // Too many are open at once; some will be closed.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let answers = Arc::clone(&answers);
        tokio::spawn(async move {
            let answer = service_fn(move |request: Request<Incoming>| {
                let answers = Arc::clone(&answers);
                async move { Ok::<_, Infallible>(whole(answers.to(&request).await)) }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD);
            // A browser that goes away in the middle of it is its own affair.
            let _ = http.serve_connection(TokioIo::new(socket), answer).await;
        });
    }
}

fn whole(answer: Response<Bytes>) -> Response<Full<Bytes>> {
    answer.map(Full::new)
}
