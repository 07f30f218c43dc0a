//! How is any browser observed, by opening a page? A start page in the clear tells how to trust our authority and import an identity;
//! then the browser is led from scenario to scenario, and comes out at its verdict.

mod answers;
mod called;
mod pages;
mod prompts;
mod runs;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browsers::{Browser, Choice};
    use crate::browsing::core_scenarios;
    use serde_json::Value;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;

    /// Where `lab.example` is, with all below it.
    const LAB: &str = "127.0.0.2";

    /// Says a request and gives back the head and the body of the answer.
    async fn ask(address: &str, method: &str, path: &str, more: &str) -> (String, String) {
        let at = address.trim_end_matches('/').rsplit('/').next().unwrap();
        let to = match at.strip_prefix("lab.example") {
            Some(port) => format!("{LAB}{port}"),
            None => at.to_owned(),
        };
        let mut socket = TcpStream::connect(to).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\nContent-Length: 0\r\n{more}\r\n"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn serve(scenarios: &[&str]) -> Serve {
        let mut asked = core_scenarios();
        asked.retain(|it| scenarios.contains(&it.name.as_str()));
        assert_eq!(asked.len(), scenarios.len());
        Serve {
            place: Place::default(),
            port: 0,
            asked,
            runs: 1,
            render: Box::new(|report, links| {
                let json = links.map_or("nothing", |it| &it.json);
                format!("{} and {json}", report.agent)
            }),
        }
    }

    /// Serves while somebody visits.
    async fn visited<V: Future<Output = ()>>(
        serve: Serve,
        visit: impl FnOnce(String, Arc<Certificates>) -> V,
    ) {
        let certificates = Arc::new(Certificates::new().unwrap());
        let (tell, told) = oneshot::channel();
        let served = serve.serve(Arc::clone(&certificates), |address| {
            tell.send(address.to_owned()).unwrap();
        });
        let visit = async { visit(told.await.unwrap(), certificates).await };
        tokio::select! {
            served = served => panic!("{served:?}"),
            () = visit => {}
        }
    }

    #[tokio::test]
    async fn the_start_page_has_all_that_it_names() {
        visited(serve(&["put-server-none"]), async |address, _| {
            let (_, page) = ask(&address, "GET", "/", "").await;
            let links = page
                .match_indices("href=\"/")
                .chain(page.match_indices("src=\"/"));
            for (at, found) in links {
                let link = page[at + found.len() - 1..].split('"').next().unwrap();
                let (head, _) = match link.ends_with(".p12") {
                    // It is not text.
                    true => continue,
                    false => ask(&address, "GET", link, "").await,
                };
                assert!(head.starts_with("HTTP/1.1 200"), "{link}: {head}");
            }
            for path in [
                "/nowhere",
                "/next/7",
                "/next/x",
                "/result/7.json",
                "/result/",
            ] {
                let (head, _) = ask(&address, "GET", path, "").await;
                assert!(head.starts_with("HTTP/1.1 404"), "{path}: {head}");
            }
            let elsewhere = "Origin: https://elsewhere.example\r\n";
            let (head, _) = ask(&address, "POST", "/run", elsewhere).await;
            assert!(head.starts_with("HTTP/1.1 404"), "{head}");
        })
        .await;
    }

    /// A browser that is sent to a run goes through all scenarios and comes out at the result; two at once do not mix.
    #[tokio::test]
    async fn a_browser_is_led_to_its_result() {
        let browser = match Browser::chromium("chromium", &[]).installed(None) {
            Ok(browser) => browser,
            Err(why) => return eprintln!("SKIPPED: {why}"),
        };
        let scenarios = ["put-server-request", "two-top-level-sites-one-host"];
        visited(serve(&scenarios), async |address, certificates| {
            let chosen = [Choice {
                origin: "https://[*.]localhost:*".to_owned(),
                identity: "alice".to_owned(),
            }];
            let mut opened = Vec::new();
            for agent in ["one", "two"] {
                let agent = format!("User-Agent: {agent}\r\n");
                let (head, _) = ask(&address, "POST", "/run", &agent).await;
                let next = head.lines().find_map(|it| it.strip_prefix("location: /"));
                let next = format!("{address}{}", next.unwrap());
                opened.push(browser.open(&next, &certificates, &chosen).await.unwrap());
            }
            for (run, agent) in [(1, "one"), (2, "two")] {
                let report = result(&address, run).await;
                assert_eq!(report["version"], agent);
                let seen = report["scenarios"].as_array().unwrap();
                assert_eq!(seen.len(), scenarios.len());
                assert!(seen.iter().all(|it| it["left_out"].is_null()), "{seen:#?}");
                assert_ne!(report["verdicts"]["preflight-bare"], "not-applicable");
                let (_, html) = ask(&address, "GET", &format!("/result/{run}.html"), "").await;
                assert_eq!(html, format!("this browser and {run}.json"));
                let saved = format!("/result/{run}.saved.html");
                let (_, saved) = ask(&address, "GET", &saved, "").await;
                assert_eq!(saved, "this browser and nothing");
            }
        })
        .await;
    }

    /// The same at an address and under names that are given; what needs several sites is left out where all names are of one.
    #[tokio::test]
    async fn a_browser_comes_by_another_name() {
        const LEADS: &str =
            "--host-resolver-rules=MAP lab.example 127.0.0.2, MAP *.lab.example 127.0.0.2";
        let browser = match Browser::chromium("chromium", &[LEADS]).installed(None) {
            Ok(browser) => browser,
            Err(why) => return eprintln!("SKIPPED: {why}"),
        };
        let mut serve = serve(&["put-server-request", "two-top-level-sites-one-host"]);
        serve.place = Place::new("lab.example".parse().ok(), LAB.parse().ok()).unwrap();
        visited(serve, async |address, certificates| {
            assert!(address.starts_with("http://lab.example:"), "{address}");
            let elsewhere = address.replace("lab.example", "127.0.0.1");
            let elsewhere = elsewhere.trim_end_matches('/').rsplit('/').next().unwrap();
            let refused = TcpStream::connect(elsewhere).await;
            assert!(refused.is_err(), "it listens at another address too");
            let (_, page) = ask(&address, "GET", "/", "").await;
            assert!(page.contains("lab.example") && !page.contains("localhost"));
            let (_, checks) = ask(&address, "GET", "/checks.json", "").await;
            assert!(checks.contains("https://trust.lab.example:"), "{checks}");
            let chosen = [Choice {
                origin: "https://[*.]lab.example:*".to_owned(),
                identity: "alice".to_owned(),
            }];
            ask(&address, "POST", "/run", "User-Agent: one\r\n").await;
            let next = format!("{address}next/1");
            let _opened = browser.open(&next, &certificates, &chosen).await.unwrap();
            let report = result(&address, 1).await;
            let left_out = |name: &str| {
                let mut all = report["scenarios"].as_array().unwrap().iter();
                &all.find(|it| it["name"] == name).unwrap()["left_out"]
            };
            assert!(left_out("put-server-request").is_null(), "{report}");
            let why = &left_out("two-top-level-sites-one-host")["unsupported"];
            assert!(why.as_str().unwrap().contains("no public suffix"), "{why}");
            assert_ne!(report["verdicts"]["preflight-bare"], "not-applicable");
            let (_, known) = ask(&address, "GET", "/runs.json", "").await;
            let run = r#"[{"id":1,"browser":"this browser one","outcome":"seen"}]"#;
            assert_eq!(known, run);
        })
        .await;
    }

    /// An address that leads here too is no other start page: from there, no run would begin.
    #[tokio::test]
    async fn the_start_page_has_one_name() {
        visited(serve(&["put-server-none"]), async |address, _| {
            let other = address.replace("localhost", "127.0.0.1");
            let (head, _) = ask(&other, "GET", "/", "").await;
            assert!(head.starts_with("HTTP/1.1 303"), "{head}");
            assert!(head.contains(&format!("location: {address}")), "{head}");
        })
        .await;
    }

    async fn result(address: &str, run: u32) -> Value {
        for _ in 0..600 {
            let (_, body) = ask(address, "GET", &format!("/result/{run}.json"), "").await;
            if body.starts_with('{') {
                return serde_json::from_str(&body).unwrap();
            }
            assert_eq!(body, "this run is not over yet");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("run {run} does not come to an end");
    }
}
