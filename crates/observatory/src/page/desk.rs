//! Who may take the next step? The page that was opened for it, and no other load of the same address.
//!
//! A pass in the page's address is good for one load. A browser that loads a page again by itself (for a thumbnail, as Firefox
//! does, or from its session) shows a pass that was used, and is told that there is nothing to do: what is judged is the run that
//! was asked for.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use bareflight_harness::scenario::Kind;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::PageStep;
use crate::protocol::{LINE, OutcomeLine, Said};

/// What is served as it is: its path, its type, its text.
const FILES: [(&str, &str, &str); 4] = [
    ("/", "text/html; charset=utf-8", include_str!("runner.html")),
    (
        "/frame",
        "text/html; charset=utf-8",
        include_str!("runner.html"),
    ),
    ("/runner.css", "text/css", include_str!("runner.css")),
    ("/runner.js", "text/javascript", include_str!("runner.js")),
];

/// Where a page asks and the observatory tells. Clones are of one desk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Desk(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    /// The pass that is good for the next load; one was used as soon as it is not this any more.
    pass: u32,
    /// The load that takes the steps, and the origin that it is at.
    admitted: Option<Admitted>,
    step: Option<PageStep>,
    /// The navigation that the page has begun. What came of it a server knows, and not the page.
    navigation: Option<u32>,
    over: bool,
    /// Where the page goes when it is over.
    onward: Option<String>,
    outcome: Option<OutcomeLine>,
    /// The page that takes the steps was closed, or went elsewhere by itself.
    left: bool,
    waiting: Option<Waker>,
}

#[derive(Clone, Debug)]
struct Admitted {
    load: u32,
    origin: String,
}

/// What a page says when it was loaded.
#[derive(Deserialize)]
struct Loaded {
    pass: u32,
    origin: String,
}

/// What a page says whenever it asks what is next.
#[derive(Deserialize)]
struct Next {
    load: u32,
    outcome: Option<OutcomeLine>,
}

/// What a page says when somebody closes it.
#[derive(Deserialize)]
struct Left {
    load: u32,
}

/// What a page is told.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Order<'s> {
    /// Ask again in a moment.
    Wait,
    /// Take this step.
    Step(&'s PageStep),
    /// Go to this address: the step's page is of another origin.
    Go(String),
    /// There is nothing to do, now or later.
    Over,
}

impl Desk {
    /// The address of a page of this origin, good for one load.
    pub(crate) fn address(&self, origin: &str) -> String {
        format!("{origin}/?pass={}", self.0.borrow().pass)
    }

    /// Gives a step to the page; its outcome is that of [`outcome`](Self::outcome).
    pub(crate) fn give(&self, step: PageStep) {
        let mut state = self.0.borrow_mut();
        state.step = Some(step);
        state.navigation = None;
        state.outcome = None;
    }

    /// Waits until the page says what came of the step; none if it was left before that.
    pub(crate) async fn outcome(&self) -> Option<OutcomeLine> {
        poll_fn(|cx| {
            let mut state = self.0.borrow_mut();
            match state.outcome.take() {
                Some(outcome) => {
                    state.step = None;
                    Poll::Ready(Some(outcome))
                }
                None if state.left => Poll::Ready(None),
                None => {
                    state.waiting = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// A server has answered a navigation.
    pub(crate) fn arrived(&self, status: StatusCode) {
        let mut state = self.0.borrow_mut();
        if let Some(step) = state.navigation.take() {
            let outcome = Said::Status(status.as_u16());
            state.outcome = Some(OutcomeLine { step, outcome });
            state.wake();
        }
    }

    /// Waits until a page was loaded.
    pub(crate) async fn loaded(&self) {
        poll_fn(|cx| {
            let mut state = self.0.borrow_mut();
            match state.admitted {
                Some(_) => Poll::Ready(()),
                None => {
                    state.waiting = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await;
    }

    /// There are no more steps.
    pub(crate) fn end(&self) {
        self.0.borrow_mut().over = true;
    }

    /// There are no more steps; the page goes elsewhere, which is waited for.
    pub(crate) async fn send_on(&self, address: String) {
        self.0.borrow_mut().onward = Some(address);
        poll_fn(|cx| {
            let mut state = self.0.borrow_mut();
            match state.over {
                true => Poll::Ready(()),
                false => {
                    state.waiting = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await;
    }

    /// What the page's server answers.
    pub(crate) fn respond(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path();
        if request.method() == Method::GET {
            let file = FILES.iter().find(|(known, ..)| *known == path);
            return file.map_or_else(
                || answer(StatusCode::NOT_FOUND, "text/plain", "not here"),
                |(_, kind, text)| answer(StatusCode::OK, kind, text),
            );
        }
        let said = request.body();
        let told = match path {
            _ if said.len() > LINE => None,
            "/load" => serde_json::from_slice(said).ok().map(|it| self.load(it)),
            "/next" => serde_json::from_slice(said).ok().map(|it| self.next(it)),
            "/left" => serde_json::from_slice(said).ok().map(|it| self.left(&it)),
            _ => None,
        };
        match told {
            Some(told) => answer(StatusCode::OK, "application/json", &told.to_string()),
            None => answer(
                StatusCode::BAD_REQUEST,
                "text/plain",
                "this is no page of ours",
            ),
        }
    }

    fn load(&self, loaded: Loaded) -> Value {
        let mut state = self.0.borrow_mut();
        if loaded.pass != state.pass {
            return json!({ "load": null });
        }
        state.pass += 1;
        let load = state.pass;
        state.admitted = Some(Admitted {
            load,
            origin: loaded.origin,
        });
        state.wake();
        json!({ "load": load })
    }

    fn left(&self, said: &Left) -> Value {
        let mut state = self.0.borrow_mut();
        if state
            .admitted
            .as_ref()
            .is_some_and(|it| it.load == said.load)
        {
            state.left = true;
            state.wake();
        }
        Value::Null
    }

    fn next(&self, asks: Next) -> Value {
        let mut state = self.0.borrow_mut();
        let admitted = state.admitted.clone().filter(|it| it.load == asks.load);
        let Some(admitted) = admitted.filter(|_| !state.over) else {
            return told(&Order::Over);
        };
        if let Some(outcome) = asks.outcome {
            let awaited = state
                .step
                .as_ref()
                .is_some_and(|it| it.step == outcome.step);
            if awaited {
                state.step = None;
                state.outcome = Some(outcome);
                state.wake();
            }
        }
        if let Some(address) = state.onward.take() {
            state.over = true;
            state.wake();
            return told(&Order::Go(address));
        }
        match &state.step {
            None => told(&Order::Wait),
            Some(step) if step.top == admitted.origin => {
                let told = told(&Order::Step(step));
                if step.kind == Kind::Navigate {
                    state.navigation = state.step.take().map(|it| it.step);
                }
                told
            }
            Some(step) => told(&Order::Go(format!("{}/?pass={}", step.top, state.pass))),
        }
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }
}

fn told(order: &Order<'_>) -> Value {
    serde_json::to_value(order).expect("words are JSON")
}

fn answer(status: StatusCode, kind: &str, text: &str) -> Response<Bytes> {
    let answer = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, kind)
        .header(header::CACHE_CONTROL, "no-store")
        .body(Bytes::copy_from_slice(text.as_bytes()));
    answer.expect("words are header values")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bareflight_harness::scenario::{Credentials, Mode};
    use std::time::Duration;

    fn post(desk: &Desk, path: &str, said: &Value) -> Value {
        let request = Request::post(path).body(Bytes::from(said.to_string()));
        let answer = desk.respond(&request.unwrap());
        assert_eq!(answer.status(), 200, "{path} {said}");
        serde_json::from_slice(answer.body()).unwrap()
    }

    fn load(desk: &Desk, pass: u32, origin: &str) -> Value {
        post(desk, "/load", &json!({ "pass": pass, "origin": origin }))["load"].clone()
    }

    fn step(top: &str) -> PageStep {
        PageStep {
            step: 1,
            kind: Kind::Fetch,
            upload_listener: false,
            method: "GET".to_owned(),
            url: "https://api.localhost/".to_owned(),
            headers: Vec::new(),
            mode: Mode::Cors,
            credentials: Credentials::Omit,
            body: None,
            frame: None,
            top: top.to_owned(),
        }
    }

    /// As Firefox does for a thumbnail: the page is loaded again while the first load takes its steps.
    #[test]
    fn the_same_address_loaded_again_has_nothing_to_do() {
        let desk = Desk::default();
        assert_eq!(desk.address("https://a"), "https://a/?pass=0");
        let first = load(&desk, 0, "https://a");
        assert_eq!(load(&desk, 0, "https://a"), Value::Null);
        desk.give(step("https://a"));
        let other = json!({ "load": 99, "outcome": { "step": 1, "status": 200 } });
        assert_eq!(post(&desk, "/next", &other), "over");
        assert!(desk.0.borrow().outcome.is_none(), "another load said it");
        let asked = post(&desk, "/next", &json!({ "load": first }));
        assert_eq!(asked["step"]["url"], "https://api.localhost/");
        let said = json!({ "load": first, "outcome": { "step": 1, "status": 200 } });
        assert_eq!(post(&desk, "/next", &said), "wait");
        let outcome = desk.0.borrow_mut().outcome.take().unwrap();
        assert_eq!(outcome.outcome, Said::Status(200));
    }

    #[test]
    fn a_step_of_another_site_is_taken_there() {
        let desk = Desk::default();
        let first = load(&desk, 0, "https://a");
        desk.give(step("https://b"));
        let next = post(&desk, "/next", &json!({ "load": first }));
        assert_eq!(next, json!({ "go": "https://b/?pass=1" }));
        let second = load(&desk, 1, "https://b");
        let left = post(&desk, "/next", &json!({ "load": first }));
        assert_eq!(left, "over", "the page that was left");
        let next = post(&desk, "/next", &json!({ "load": second }));
        assert_eq!(next["step"]["step"], 1);
        desk.0.borrow_mut().onward = Some("http://elsewhere/".to_owned());
        let next = post(&desk, "/next", &json!({ "load": second }));
        assert_eq!(next, json!({ "go": "http://elsewhere/" }));
        assert_eq!(post(&desk, "/next", &json!({ "load": second })), "over");
    }

    #[test]
    fn a_server_says_what_came_of_a_navigation() {
        let desk = Desk::default();
        let load = load(&desk, 0, "https://a");
        let navigation = PageStep {
            kind: Kind::Navigate,
            ..step("https://a")
        };
        desk.give(navigation);
        desk.arrived(StatusCode::OK);
        assert!(desk.0.borrow().outcome.is_none(), "nobody has begun it");
        let next = || post(&desk, "/next", &json!({ "load": load }));
        assert_eq!(next()["step"]["kind"], "navigate");
        assert_eq!(next(), "wait", "it is begun once");
        desk.arrived(StatusCode::OK);
        let outcome = desk.0.borrow_mut().outcome.take().unwrap();
        assert_eq!((outcome.step, outcome.outcome), (1, Said::Status(200)));
        desk.arrived(StatusCode::OK);
        assert!(desk.0.borrow().outcome.is_none(), "it was answered before");
    }

    #[tokio::test]
    async fn a_page_that_is_closed_has_no_outcome() {
        let desk = Desk::default();
        let load = load(&desk, 0, "https://a");
        desk.give(step("https://a"));
        let other = json!({ "load": 99 });
        post(&desk, "/left", &other);
        assert!(!desk.0.borrow().left, "another load said it");
        let said = json!({ "load": load, "outcome": { "step": 1, "status": 200 } });
        post(&desk, "/next", &said);
        post(&desk, "/left", &json!({ "load": load }));
        assert!(desk.outcome().await.is_some(), "it was said before");
        desk.give(step("https://a"));
        let left = tokio::time::timeout(Duration::from_secs(10), desk.outcome());
        assert!(left.await.unwrap().is_none());
    }

    #[test]
    fn nonsense_is_refused() {
        let desk = Desk::default();
        let big = "1".repeat(LINE + 1);
        for (path, body) in [
            ("/load", "{}"),
            ("/next", "?"),
            ("/left", "{}"),
            ("/other", "{}"),
            ("/next", &big),
        ] {
            let request = Request::post(path).body(Bytes::from(body.to_owned()));
            assert_eq!(desk.respond(&request.unwrap()).status(), 400, "{path}");
        }
        let request = Request::get("/favicon.ico").body(Bytes::new());
        assert_eq!(desk.respond(&request.unwrap()).status(), 404);
    }
}
