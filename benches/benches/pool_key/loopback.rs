//! What does it cost to have it all: a request on a kept connection, by the user agent and by hyper-util's client?

use core::{convert::Infallible, time::Duration};
use std::{net, sync::mpsc, thread};

use bareflight_benches::{Tally, grid::Grid};
use bareflight_policy::{Profile, Request, RequestUrl};
use bareflight_user_agent::{
    Limits, Standard, UserAgent,
    front::{Client, Tcp},
};
use bytes::Bytes;
use criterion::Criterion;
use http_body_util::{BodyExt, Full};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioIo},
};
use tokio::runtime::{Builder, Runtime};

const THEIRS: &str = "hyper-util's legacy client";
const OURS: &str = "user-agent, the front over TCP";

/// One request after the other on one connection of HTTP/1.1, to a server on another thread.
pub(crate) fn requests(criterion: &mut Criterion) -> Grid {
    let address = serve();
    let url = format!("http://{address}/items");
    let runtime = runtime();
    let mut group = criterion.benchmark_group("loopback");
    group
        .sample_size(60)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(4));

    let client = legacy::Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let uri: http::Uri = url.parse().expect("it is a URI");
    let their_request = || {
        runtime.block_on(async {
            let answer = client.get(uri.clone()).await.expect("the server answers");
            let body = answer.into_body().collect().await.expect("and ends");
            assert_eq!(body.to_bytes().len(), BODY.len());
        });
    };

    let url = RequestUrl::parse(&url).expect("it is a URL");
    let request = Request::fetch_api(url.clone(), url.origin().clone());
    let client = runtime.block_on(async {
        let agent = UserAgent::new(Profile::fetch(), &Standard, Limits::default());
        Client::new(agent, Tcp)
    });
    let our_request = || {
        runtime.block_on(async {
            let answer = client.fetch(request.clone(), Bytes::new()).await;
            assert_eq!(answer.expect("the server answers").body().len(), BODY.len());
        });
    };

    // By turns, so that whatever else the machine does slows both.
    let [mut theirs, mut ours] = [(); 2].map(|()| Tally::default());
    group.bench_function("one request of each, by turns", |bencher| {
        bencher
            .iter_custom(|times| theirs.time(times, their_request) + ours.time(times, our_request));
    });
    group.finish();

    let mut grid = Grid::new(THEIRS, &[1]);
    grid.row(THEIRS, &[theirs]);
    grid.row(OURS, &[ours]);
    grid
}

const BODY: &[u8] = b"hello";

/// A server of HTTP/1.1 on a thread of its own, for as long as the process lives.
fn serve() -> net::SocketAddr {
    let (tell, hear) = mpsc::channel();
    thread::spawn(move || {
        runtime().block_on(async {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await;
            let listener = listener.expect("loopback has a port left");
            let address = listener.local_addr().expect("it is bound");
            tell.send(address).expect("somebody waits for it");
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).expect("it is TCP");
                let answer = service_fn(|_| async {
                    Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from_static(BODY))))
                });
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                drop(tokio::spawn(connection));
            }
        });
    });
    hear.recv().expect("the server starts")
}

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system gives what a runtime needs")
}
