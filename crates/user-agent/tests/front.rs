//! The front over real sockets: what does a server see of it?
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bareflight_policy::{Body, CredentialsMode, Method, Origin, Profile, Request, RequestUrl};
use bareflight_user_agent::front::{Client, Connector, FetchError, Opened, Refused, Tcp};
use bareflight_user_agent::{Connect, EndReason, Limits, NetworkError, Send, Standard, UserAgent};
use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

/// A request as the server saw it: on which connection, by which method, with a cookie or without.
type Seen = (usize, String, bool);

/// A server that answers by the path, and notes what it sees.
struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    open: Arc<AtomicUsize>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        let open = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&open);
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let notes = Arc::clone(&notes);
                let answer = service_fn(move |request| {
                    note(&notes, connection, &request);
                    answer(request)
                });
                let served = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                let count = Arc::clone(&count);
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    drop(served.await);
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, seen, open }
    }

    fn url(&self, path: &str) -> RequestUrl {
        RequestUrl::parse(&format!("http://127.0.0.1:{}{path}", self.port)).unwrap()
    }

    fn get(&self, path: &str) -> Request {
        Request::fetch_api(self.url(path), self.url("/").origin().clone())
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn connections(&self) -> Vec<usize> {
        self.seen().iter().map(|seen| seen.0).collect()
    }
}

fn note<B>(notes: &Mutex<Vec<Seen>>, connection: usize, request: &http::Request<B>) {
    let cookie = request.headers().contains_key("cookie");
    let seen = (connection, request.method().to_string(), cookie);
    notes.lock().unwrap().push(seen);
}

async fn answer(
    request: http::Request<hyper::body::Incoming>,
) -> Result<http::Response<Full<Bytes>>, std::convert::Infallible> {
    let mut answer = http::Response::builder()
        .header("access-control-allow-origin", "http://app.test")
        .header("access-control-allow-credentials", "true")
        .header("access-control-allow-methods", "PUT");
    match request.uri().path() {
        "/never" => std::future::pending().await,
        "/slow" => tokio::time::sleep(Duration::from_millis(30)).await,
        "/close" => answer = answer.header("connection", "Close"),
        "/moved" => answer = answer.status(302).header("location", "/"),
        _ => {}
    }
    let long = request.uri().path() == "/long";
    let body = if long {
        Bytes::from(vec![0; 2000])
    } else {
        "hello".into()
    };
    Ok(answer.body(Full::new(body)).unwrap())
}

/// Waits until something has come about; a machine may be slow.
async fn until(so: impl Fn() -> bool) {
    let wait = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let bounded = tokio::time::timeout(Duration::from_secs(60), wait);
    bounded.await.expect("it comes about");
}

fn agent(limits: Limits) -> UserAgent {
    UserAgent::new(Profile::fetch(), &Standard, limits)
}

fn client() -> Client<Tcp> {
    Client::with_most_body(agent(Limits::default()), Tcp, 1000)
}

#[tokio::test]
async fn a_connection_is_kept_and_answers_are_whole() {
    let (server, client) = (Server::start().await, client());
    for _ in 0..3 {
        let answer = client.fetch(server.get("/"), Bytes::new()).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.body()[..]),
            (200, &b"hello"[..])
        );
    }
    let answer = client
        .fetch(server.get("/moved"), Bytes::new())
        .await
        .unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.body()[..]),
        (200, &b"hello"[..])
    );
    assert_eq!(server.connections(), [0; 5]);
}

/// TCP, with a cookie wherever one travels.
struct WithCookie;

impl Connector for WithCookie {
    type Stream = TcpStream;

    async fn connect(&self, to: Connect) -> Result<Opened<TcpStream>, Refused> {
        Tcp.connect(to).await
    }

    fn prepare(&self, send: &Send, request: &mut http::Request<Full<Bytes>>) {
        if send.carried.cookie {
            let cookie = http::HeaderValue::from_static("session=1");
            request.headers_mut().insert(http::header::COOKIE, cookie);
        }
    }
}

#[tokio::test]
async fn a_preflight_flies_bare_on_a_connection_of_its_own() {
    let server = Server::start().await;
    let client = Client::new(agent(Limits::default()), WithCookie);
    let app = Origin::parse("http://app.test").unwrap();
    let mut put = Request::fetch_api(server.url("/"), app);
    put.method = Method::PUT;
    put.credentials_mode = CredentialsMode::Include;
    let answer = client.fetch(put, "{}".into()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let expected = [
        (0, "OPTIONS".to_owned(), false),
        (1, "PUT".to_owned(), true),
    ];
    assert_eq!(server.seen(), expected);
}

#[tokio::test]
async fn a_connection_that_the_server_ends_serves_nobody_more() {
    let (server, client) = (Server::start().await, client());
    for _ in 0..20 {
        client
            .fetch(server.get("/close"), Bytes::new())
            .await
            .unwrap();
    }
    assert_eq!(server.connections(), (0..20).collect::<Vec<_>>());
    client.with_agent(|agent| assert_eq!(agent.under_way(), (0, 0)));
}

#[tokio::test]
async fn who_waits_is_not_given_a_connection_that_ends() {
    let mut limits = Limits::default();
    limits.pool.open_per_key = 1;
    let (server, client) = (Server::start().await, Client::new(agent(limits), Tcp));
    let fetches = (0..8).map(|_| {
        let (client, mut request) = (client.clone(), server.get("/close"));
        // Nobody can send it a second time.
        (request.method, request.body) = (Method::POST, Body::Stream);
        tokio::spawn(async move { client.fetch(request, "once".into()).await })
    });
    for fetch in fetches.collect::<Vec<_>>() {
        assert_eq!(fetch.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(server.connections(), (0..8).collect::<Vec<_>>());
}

#[tokio::test]
async fn many_at_once_keep_to_the_limit_of_a_key() {
    let (server, client) = (Server::start().await, client());
    let fetches = (0..50).map(|number| {
        let path = if number % 5 == 0 { "/close" } else { "/slow" };
        let (client, request) = (client.clone(), server.get(path));
        tokio::spawn(async move { client.fetch(request, Bytes::new()).await })
    });
    for fetch in fetches.collect::<Vec<_>>() {
        assert_eq!(fetch.await.unwrap().unwrap().status(), 200);
    }
    let connections = server.connections();
    assert_eq!(connections.len(), 50, "none was sent twice");
    // Six at once, and one more for each of the ten that were closed.
    assert!(connections.iter().max() < Some(&16), "{connections:?}");
}

#[tokio::test]
async fn a_fetch_that_is_dropped_gives_its_place_back() {
    let (server, client) = (Server::start().await, client());
    let stuck: Vec<_> = (0..6)
        .map(|_| {
            let (client, request) = (client.clone(), server.get("/never"));
            tokio::spawn(async move { client.fetch(request, Bytes::new()).await })
        })
        .collect();
    until(|| server.seen().len() == 6).await;
    let (waiter, request) = (client.clone(), server.get("/"));
    let waiting = tokio::spawn(async move { waiter.fetch(request, Bytes::new()).await });
    let given_up = client.fetch(server.get("/"), Bytes::new());
    tokio::time::timeout(Duration::from_millis(50), given_up)
        .await
        .unwrap_err();
    assert!(!waiting.is_finished(), "all six places are taken");
    stuck[0].abort();
    let answer = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    assert_eq!(answer.unwrap().unwrap().unwrap().status(), 200);
    client.with_agent(|agent| assert_eq!(agent.under_way(), (5, 6)));
}

#[tokio::test]
async fn a_fetch_that_is_dropped_is_not_sent_again() {
    let (server, client) = (Server::start().await, client());
    let get = |path| client.fetch(server.get(path), Bytes::new());
    get("/").await.unwrap();
    tokio::select! {
        _ = get("/never") => panic!("it is never answered"),
        () = until(|| server.seen().len() == 2) => {}
    }
    until(|| server.open.load(Ordering::SeqCst) == 0).await;
    assert_eq!(server.connections(), [0, 0]);
    client.with_agent(|agent| assert_eq!(agent.under_way(), (0, 0)));
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_an_error_and_ends_the_connection() {
    let (server, client) = (Server::start().await, client());
    let error = client
        .fetch(server.get("/long"), Bytes::new())
        .await
        .unwrap_err();
    assert!(
        matches!(error, FetchError::BodyTooLong { most: 1000 }),
        "{error}"
    );
    client.fetch(server.get("/"), Bytes::new()).await.unwrap();
    assert_eq!(server.connections(), [0, 1]);
}

#[tokio::test]
async fn a_connection_that_idled_for_too_long_is_closed_though_nobody_asks() {
    let mut limits = Limits::default();
    limits.pool.idle_timeout = Duration::from_millis(50);
    let server = Server::start().await;
    let client = Client::new(agent(limits), Tcp);
    client.fetch(server.get("/"), Bytes::new()).await.unwrap();
    assert_eq!(server.open.load(Ordering::SeqCst), 1);
    until(|| server.open.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn what_cannot_be_fetched_is_said() {
    let nobody = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/", nobody.local_addr().unwrap());
    drop(nobody);
    let page = Origin::parse("http://app.test").unwrap();
    let fetch = async |url: &str| {
        let request = Request::fetch_api(RequestUrl::parse(url).unwrap(), page.clone());
        client().fetch(request, Bytes::new()).await.unwrap_err()
    };
    let network = |reason| FetchError::Network(Box::new(NetworkError::Connection(reason)));
    for (url, expected) in [
        (&*url, network(EndReason::Closed)),
        ("https://127.0.0.1:1/", network(EndReason::Handshake)),
        (
            "data:,x",
            FetchError::Scheme {
                url: "data:,x".into(),
            },
        ),
    ] {
        assert_eq!(fetch(url).await.to_string(), expected.to_string());
    }
}
