//! Is a browser led from the start page to its result, in any place?

use super::*;
use crate::browsers::{Browser, Choice};
use crate::browsing::core_scenarios;
use openssl::ssl::{SslConnector, SslMethod};
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

/// Apple's systems take no other (825 days), and nobody takes one of tomorrow.
#[tokio::test]
async fn the_certificates_of_servers_are_of_these_days() {
    visited(
        serve(&["put-server-none"]),
        async |address, certificates| {
            let (_, checks) = ask(&address, "GET", "/checks.json", "").await;
            let checks: Value = serde_json::from_str(&checks).unwrap();
            let trust: http::Uri = checks["trust"].as_str().unwrap().parse().unwrap();
            let dates = move || {
                let mut client = SslConnector::builder(SslMethod::tls()).unwrap();
                client.set_ca_file(certificates.authorities()).unwrap();
                let at = (std::net::Ipv4Addr::LOCALHOST, trust.port_u16().unwrap());
                let socket = std::net::TcpStream::connect(at).unwrap();
                let name = trust.host().unwrap();
                let stream = client.build().connect(name, socket).unwrap();
                let certificate = stream.ssl().peer_certificate().unwrap();
                certificate
                    .not_before()
                    .diff(certificate.not_after())
                    .unwrap()
                    .days
            };
            let days = tokio::task::spawn_blocking(dates).await.unwrap();
            assert!((1..=825).contains(&days), "{days}");
        },
    )
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
