//! `bareflight serve` as a person meets it: from the start page to the verdict, in a browser.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::browser::{self, Browser};
use crate::common::*;

/// What serves, and the address of its start page.
struct Served {
    process: Child,
    address: String,
    temporary: PathBuf,
}

impl Served {
    fn start(folder: &Path, args: &[&str]) -> Self {
        let temporary = folder.join("serves");
        fs::create_dir(&temporary).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_bareflight"))
            .args(["serve", "--port", "0"])
            .args(args)
            .env("TMPDIR", &temporary)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let address = line.split(' ').find(|it| it.starts_with("http://"));
        let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
        Self {
            process,
            address,
            temporary,
        }
    }

    /// Ends it in order.
    fn end(mut self) {
        let id = self.process.id().to_string();
        let told = Command::new("kill").arg(&id).status().unwrap();
        assert!(told.success());
        let ended = self.process.wait().unwrap();
        assert_eq!(ended.code(), Some(0));
        let left: Vec<_> = fs::read_dir(&self.temporary).unwrap().collect();
        assert!(left.is_empty(), "keys are left behind: {left:?}");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What is left of an element once it was told how things are.
const TOLD: &str = "it.textContent.length > 1";

/// Does what the guide says, one thing after the other, and sees that nothing starts before all is done.
fn made_ready(served: &Served, home: &Path, downloads: &Path) -> Browser {
    let mut page = Browser::open(home, downloads);
    page.go(&served.address);
    assert!(page.once("#trust", TOLD).contains("not trusted yet"));
    page.click("#start");
    let next = page.once("#blocked", TOLD);
    assert!(next.contains("Trust the authority first"), "{next}");
    page.download("a[href$='.crt']", downloads);
    page.download("a[href$='.p12']", downloads);
    drop(page);
    browser::trust(home, &downloads.join("bareflight-authority.crt"));

    let mut page = Browser::open(home, downloads);
    page.go(&served.address);
    assert!(page.once("#trust", TOLD).contains("It is trusted"));
    assert!(page.once("#identity", TOLD).contains("not here yet"));
    page.click("#start");
    let next = page.once("#blocked", TOLD);
    assert!(next.contains("Import the identity first"), "{next}");
    drop(page);
    browser::import(home, &downloads.join("bareflight-alice.p12"));

    let mut page = Browser::open(home, downloads);
    page.go(&served.address);
    assert!(page.once("#identity", TOLD).contains("It is here"));
    page
}

/// The names of an object's fields.
fn fields(of: &Value) -> BTreeSet<&str> {
    let object = of.as_object().unwrap_or_else(|| panic!("{of}"));
    object.keys().map(String::as_str).collect()
}

/// Chromium shows the certificate in preflights, so there is a cell with a drawing behind it.
fn opens_a_drawing(page: &mut Browser) {
    let drawn = "document.querySelector(':target svg')?.getBoundingClientRect().height ?? 0";
    assert_eq!(page.says(drawn), 0);
    page.click("td.bad a");
    let height = page.says(drawn).as_f64().unwrap();
    assert!(height > 50.0, "{height}");
    assert_eq!(
        page.says("document.querySelector(':target').closest('details').open"),
        true
    );
}

/// Goes elsewhere while a run is under way, as closing the window does.
fn leaves_half_way(page: &mut Browser, address: &str) {
    page.go(address);
    page.hold_back("*/next");
    page.click("#start");
    page.is_held_back();
    page.go(address);
    page.go(&format!("{address}next/2"));
    let why = page.once("main", "true");
    assert!(why.contains("did not come to its end"), "{why}");
    assert!(why.contains("closed, loaded again or left"), "{why}");
    page.click("a[href='/']");
    page.comes_to(address);
    let known = page.once("#known", "it.children.length > 0");
    assert!(
        known.contains("did not come to its end") && known.contains("verdict"),
        "{known}"
    );
}

#[test]
fn a_person_comes_from_the_start_page_to_the_verdict() {
    if !browser::is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), &[]);
    let (home, downloads) = (folder.path().join("home"), folder.path().join("downloads"));
    let mut page = made_ready(&served, &home, &downloads);
    page.click("#start");
    page.comes_to("/result/");
    let verdict = page.once(".verdict", "true");
    assert!(verdict.contains("in preflights"), "{verdict}");
    opens_a_drawing(&mut page);

    let json = page.download("a[href$='.json']", &downloads);
    let json: Value = serde_json::from_slice(&json).unwrap();
    let own = ["observe", "user-agent", "--runs", "1", "--json"];
    let own = bareflight(folder.path(), &own).out;
    let own: Value = serde_json::from_str(&own).unwrap();
    let own = &own[0];
    assert_eq!(fields(&json), fields(own));
    for part in ["verdicts", "facts"] {
        assert_eq!(fields(&json[part]), fields(&own[part]));
    }
    assert_eq!(fields(&json["scenarios"][0]), fields(&own["scenarios"][0]));
    assert_eq!(json["verdicts"]["preflight-bare"], "broken");

    page.download("a[href$='.saved.html']", &downloads);
    leaves_half_way(&mut page, &served.address);
    served.end();
    let saved = downloads.join("bareflight.html");
    page.go(&format!("file://{}", saved.display()));
    assert_eq!(page.once(".verdict", "true"), verdict);
    assert_eq!(
        page.says("performance.getEntriesByType('resource').length"),
        0
    );
    let elsewhere = "document.querySelectorAll('[href]:not([href^=\"#\"]), [src]').length";
    assert_eq!(
        page.says(elsewhere),
        0,
        "a link of the saved page leads nowhere"
    );
    opens_a_drawing(&mut page);
}

#[test]
fn a_port_that_is_in_use_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = bareflight(folder.path(), &["serve", "--port", &port]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(ran.out.is_empty(), "{}", ran.out);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    let told = format!("port {port}");
    assert!(
        ran.err.contains(&told) && ran.err.contains("--port"),
        "{}",
        ran.err
    );
}

#[test]
fn names_and_addresses_that_lead_nowhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (args, told) in [
        (["--host", "192.0.2.1"], "--listen takes addresses"),
        (["--host", "a_lab"], "a host name is needed"),
        (["--listen", "lab.example"], "invalid IP address"),
        (["--listen", "192.0.2.1"], "--host"),
    ] {
        let ran = bareflight(
            folder.path(),
            &[&["serve", "--port", "0"], &args[..]].concat(),
        );
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
        assert!(ran.out.is_empty(), "{}", ran.out);
        assert!(ran.err.contains(told), "{}", ran.err);
    }
}
