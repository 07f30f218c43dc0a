//! A browser that a test sits at: Chromium without a window, told what to do over a pipe (Chrome DevTools Protocol).

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use bareflight_observatory::agents::Agent;
use serde_json::{Value, json};

/// How long anything may take. A machine that is busy is no failure.
const LIMIT: Duration = Duration::from_secs(120);

/// The browser reads from descriptor 3 and writes to 4.
const PIPED: &str = r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null"#;

const ARGUMENTS: [&str; 13] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-sandbox", // it refuses root, and all that is opened is ours
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--password-store=basic",
    // What it does about certificates must not change with the default of its feature.
    "--disable-features=OmitCorsClientCert",
    // Names of this machine need no look-up, and nothing else is to be looked up.
    "--host-resolver-rules=MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost",
];

/// Whether Chromium and the tools for its certificates are here; says so if not, for a test that is skipped is no test that passed.
pub(crate) fn is_here() -> bool {
    let chromium = Agent::named("chromium").unwrap();
    let folder = tempfile::tempdir().unwrap();
    match chromium.ready(folder.path(), None) {
        Ok(_) => true,
        Err(it) => {
            eprintln!(
                "SKIPPED: chromium is not here: {}; install {}",
                it.reason, it.package
            );
            false
        }
    }
}

/// Trusts an authority, in the home of a browser that is not running.
pub(crate) fn trust(home: &Path, authority: &Path) {
    let folder = home.join(".pki/nssdb");
    // The browser may have made one.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    certificates(home, "certutil -N --empty-password");
    let authority = authority.display();
    certificates(
        home,
        &format!("certutil -A -n ours -t C,, -a -i {authority}"),
    );
}

/// Imports an identity, in the home of a browser that is not running, and lets it be chosen without a dialog.
pub(crate) fn import(home: &Path, identity: &Path) {
    let identity = identity.display();
    certificates(home, &format!("pk12util -i {identity} -W bareflight -K ''"));
    let chosen = json!({ "setting": { "filters": [{ "SUBJECT": { "CN": "alice" } }] } });
    let exceptions = json!({ "auto_select_certificate": { "https://[*.]localhost:*,*": chosen } });
    let preferences = json!({ "profile": { "content_settings": { "exceptions": exceptions } } });
    let profile = home.join("profile/Default");
    fs::create_dir_all(&profile).unwrap();
    fs::write(profile.join("Preferences"), preferences.to_string()).unwrap();
}

/// Has a tool change the certificates in a home.
fn certificates(home: &Path, tool: &str) {
    let tool = format!("{tool} -d sql:{}", home.join(".pki/nssdb").display());
    let ran = Command::new("sh").args(["-c", &tool]).output().unwrap();
    assert!(ran.status.success(), "{tool}: {ran:?}");
}

/// A browser with one page.
pub(crate) struct Browser {
    process: Child,
    commands: Option<ChildStdin>,
    messages: Receiver<Value>,
    events: VecDeque<Value>,
    last: u64,
    session: Option<String>,
}

impl Browser {
    /// Opens it in this home, with downloads into a folder.
    pub(crate) fn open(home: &Path, downloads: &Path) -> Self {
        let profile = home.join("profile");
        let temporary = home.join("tmp");
        fs::create_dir_all(&temporary).unwrap();
        let mut process = Command::new("sh")
            .args(["-c", PIPED, "sh", "chromium"])
            .args(ARGUMENTS)
            .arg(format!("--user-data-dir={}", profile.display()))
            .env("HOME", home)
            .env("TMPDIR", temporary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let commands = process.stdin.take();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let (tell, messages) = channel();
        thread::spawn(move || {
            let mut message = Vec::new();
            while said.read_until(0, &mut message).is_ok_and(|it| it > 0) {
                message.pop();
                let message = serde_json::from_slice(&std::mem::take(&mut message));
                if tell.send(message.unwrap()).is_err() {
                    break; // nobody listens any more
                }
            }
        });
        let mut browser = Self {
            process,
            commands,
            messages,
            events: VecDeque::new(),
            last: 0,
            session: None,
        };
        let behaviour =
            json!({ "behavior": "allow", "downloadPath": downloads, "eventsEnabled": true });
        browser.call("Browser.setDownloadBehavior", &behaviour);
        let page = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let target = json!({ "targetId": page["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", &target);
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        browser.call("Page.enable", &json!({}));
        browser
    }

    /// Has it do something, and returns what it says to that.
    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.last += 1;
        let mut command = json!({ "id": self.last, "method": method, "params": params });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let commands = self.commands.as_mut().unwrap();
        write!(commands, "{command}\0").unwrap();
        loop {
            let mut message = self.message(method);
            if message["id"] == self.last {
                assert!(message["error"].is_null(), "{command}: {message}");
                return message["result"].take();
            }
            self.events.push_back(message);
        }
    }

    fn message(&self, awaited: &str) -> Value {
        let message = self.messages.recv_timeout(LIMIT);
        message.unwrap_or_else(|error| panic!("waiting for {awaited}: {error}"))
    }

    /// Waits for the first event that fits, of those that were not waited for yet.
    fn event(&mut self, awaited: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            while let Some(event) = self.events.pop_front() {
                if event["method"] == awaited && fits(&event["params"]) {
                    return event;
                }
            }
            assert!(began.elapsed() < LIMIT, "{awaited} does not come");
            let event = self.message(awaited);
            self.events.push_back(event);
        }
    }

    /// Goes to an address, until it is loaded.
    pub(crate) fn go(&mut self, address: &str) {
        self.events.clear();
        self.call("Page.navigate", &json!({ "url": address }));
        self.event("Page.loadEventFired", |_| true);
    }

    /// Waits until the page has gone to an address with this in it, and that is loaded.
    pub(crate) fn comes_to(&mut self, part: &str) {
        self.event("Page.frameNavigated", |it| {
            let address = it["frame"]["url"].as_str().unwrap_or_default();
            it["frame"]["parentId"].is_null() && address.contains(part)
        });
        self.event("Page.loadEventFired", |_| true);
    }

    /// Holds back requests to addresses like this, until they are let go on.
    pub(crate) fn hold_back(&mut self, like: &str) {
        let patterns = json!({ "patterns": [{ "urlPattern": like }] });
        self.call("Fetch.enable", &patterns);
    }

    /// Waits until a request is held back.
    pub(crate) fn is_held_back(&mut self) {
        self.event("Fetch.requestPaused", |_| true);
    }

    /// What an expression is on the page; a promise is waited for.
    pub(crate) fn says(&mut self, expression: &str) -> Value {
        let asked = json!({
            "expression": expression,
            "awaitPromise": true,
            "returnByValue": true,
            "userGesture": true,
        });
        let mut said = self.call("Runtime.evaluate", &asked);
        assert!(said["exceptionDetails"].is_null(), "{expression}: {said}");
        said["result"]["value"].take()
    }

    /// Clicks on the first element that fits.
    pub(crate) fn click(&mut self, selector: &str) {
        self.says(&format!("document.querySelector({selector:?}).click()"));
    }

    /// The text of the first element that fits, once an expression about it (`it`) is true.
    pub(crate) fn once(&mut self, selector: &str, true_of: &str) -> String {
        let text = self.says(&format!(
            "new Promise((resolve) => {{
               const look = () => {{
                 const it = document.querySelector({selector:?});
                 if (it && ({true_of})) {{ watch.disconnect(); resolve(it.textContent); }}
               }};
               const watch = new MutationObserver(look);
               watch.observe(document, {{ attributes: true, childList: true, characterData: true, subtree: true }});
               look();
             }})"
        ));
        text.as_str().unwrap().to_owned()
    }

    /// Clicks on a link, and returns what it downloads.
    pub(crate) fn download(&mut self, selector: &str, downloads: &Path) -> Vec<u8> {
        self.click(selector);
        let begun = self.event("Browser.downloadWillBegin", |_| true);
        let begun = &begun["params"];
        self.event("Browser.downloadProgress", |it| {
            assert_ne!(it["state"], "canceled", "{begun}");
            it["guid"] == begun["guid"] && it["state"] == "completed"
        });
        fs::read(downloads.join(begun["suggestedFilename"].as_str().unwrap())).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Without the pipe it ends by itself, and puts its files in order before.
        drop(self.commands.take());
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) {
            if let Ok(Some(_)) = self.process.try_wait() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
