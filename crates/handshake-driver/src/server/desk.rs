//! What is answered to a request? Its head is observed, its body read, and the caller's responder asked.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONNECTION;
use http::uri::Authority;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use tokio::sync::mpsc::UnboundedSender;

use super::Reply;
use super::connection::{Attendant, Ending, Standing};
use super::late::{Authenticated, Late, LateOutcome, Over, is_preflight};
use super::route::{self, Route};
use super::tunnel::Dial;
use crate::MAX_BODY;
use crate::ids::StreamId;
use crate::observation::{LateAuthentication, Observation, RequestHead};
use crate::pipelining::Turns;
use crate::plan::{HostPlan, LateInHttp2, Protocol};
use crate::wire::End;

/// Where the requests of one connection are answered.
pub(super) struct Desk {
    attendant: Attendant,
    standing: Standing,
    arrived: Cell<u64>,
    turns: Rc<Turns>,
    closing: UnboundedSender<Ending>,
    end: End,
    late: Option<Late>,
    /// Where the tunnel leads that was just dug.
    dialled: RefCell<Option<Dial>>,
}

impl Desk {
    pub(super) fn new(
        attendant: Attendant,
        standing: Standing,
        closing: UnboundedSender<Ending>,
        end: End,
    ) -> Self {
        let kind = standing.host.plan.client_auth.late();
        let known = standing.authentication.chain.is_some();
        let asks = standing.asks.clone();
        Self {
            attendant,
            standing,
            arrived: Cell::new(0),
            turns: Turns::of_server(),
            closing,
            end,
            dialled: RefCell::default(),
            late: kind
                .zip(asks)
                .map(|(kind, asks)| Late::new(kind, asks, known)),
        }
    }

    pub(super) async fn answer(
        self: Rc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, h2::Error> {
        let (stream, turned_away) = self.arrive(&request);
        let response = match turned_away {
            Some(status) => bare(status),
            None => self.respond(stream, request).await?,
        };
        self.attendant.observe(Observation::Answered {
            connection: self.attendant.connection,
            stream,
            status: response.status(),
        });
        self.turns.give();
        Ok(response)
    }

    /// The answer, or why the stream is reset.
    async fn respond(
        &self,
        stream: StreamId,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, h2::Reason> {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
            return Ok(bare(StatusCode::PAYLOAD_TOO_LARGE));
        };
        let request = Request::from_parts(head, body.to_bytes());
        match self.admits(stream, &request).await {
            Ok(Admission::Passes) => {}
            Ok(Admission::Denied) => return Ok(bare(StatusCode::FORBIDDEN)),
            Ok(Admission::SentAway) => return Err(h2::Reason::HTTP_1_1_REQUIRED),
            // Nobody waits for an answer any more.
            Err(Over) => return pending().await,
        }
        match (self.attendant.responder)(self.attendant.connection, &request) {
            Reply::Answer(response) | Reply::AnswerAndClose(response)
                if request.method() == Method::CONNECT =>
            {
                Ok(self.dig(response).map(Full::new))
            }
            Reply::Answer(response) => Ok(response.map(Full::new)),
            Reply::AnswerAndClose(response) => Ok(self.last(response).map(Full::new)),
            Reply::Never => pending().await,
            Reply::Http11Required => Err(h2::Reason::HTTP_1_1_REQUIRED),
            Reply::Refuse => Err(h2::Reason::REFUSED_STREAM),
        }
    }

    /// A proxy's answer to CONNECT. On success the tunnel is open as soon as the answer is out.
    fn dig(&self, mut response: Response<Bytes>) -> Response<Bytes> {
        if !response.status().is_success() {
            return response;
        }
        let dials = &self.attendant.office.dials;
        let dial = dials.borrow_mut().remove(&self.attendant.connection);
        if dial.is_none() {
            *response.status_mut() = StatusCode::BAD_GATEWAY;
        }
        *self.dialled.borrow_mut() = dial;
        *response.body_mut() = Bytes::new();
        response
    }

    /// Whose turn it is, in HTTP/1.1.
    pub(super) fn turns(&self) -> Rc<Turns> {
        Rc::clone(&self.turns)
    }

    /// Where the tunnel leads, once one was dug.
    pub(super) fn dialled(&self) -> Option<Dial> {
        self.dialled.take()
    }

    /// Observes a request, and says with which status it is turned away, if it is.
    fn arrive(&self, request: &Request<Incoming>) -> (StreamId, Option<StatusCode>) {
        self.end.progress();
        let stream = StreamId(self.arrived.replace(self.arrived.get() + 1));
        let target = request
            .uri()
            .path_and_query()
            .map_or_else(|| request.uri().path().to_owned(), ToString::to_string);
        let authority = route::authority(request);
        let (policy, turned_away) = match &authority {
            // CONNECT names the host to connect to, which is none of this server's.
            Ok(_) if request.method() == Method::CONNECT => {
                (Arc::clone(&self.standing.host.plan), None)
            }
            Ok(authority) => self.route(authority.as_ref().map(Authority::host)),
            Err(status) => (Arc::clone(self.own_policy()), Some(*status)),
        };
        self.attendant.observe(Observation::Request(RequestHead {
            connection: self.attendant.connection,
            stream,
            method: request.method().clone(),
            authority: authority.ok().flatten().map(|a| a.to_string()),
            target,
            headers: request.headers().clone(),
            early_data: stream.0 < self.standing.early,
            behind: self.turns.behind(),
            policy,
            turned_away,
        }));
        (stream, turned_away)
    }

    /// The policy of the request's host, and 421 if the connection is under another that will not do.
    fn route(&self, host: Option<&str>) -> (Arc<HostPlan>, Option<StatusCode>) {
        let (policy, office) = (&self.attendant.policy, &self.attendant.office);
        let wanted = policy.hosts.named(host);
        let in_force = &self.standing.host.plan;
        let chain = self.standing.authentication.chain.as_deref();
        let passes = || {
            let judged = wanted.verifier.as_ref().zip(chain?.split_first());
            let (verifier, (leaf, rest)) = judged?;
            let now = office.clock.unix();
            verifier.verify_client_cert(leaf, rest, now).ok()
        };
        let passes = || passes().is_some();
        let belongs = office.rules.routes.belongs(&Route {
            server_name: self.standing.server_name.as_deref(),
            host,
            in_force: in_force.client_auth,
            wanted: wanted.plan.client_auth,
            one_policy: Arc::ptr_eq(in_force, &wanted.plan),
            one_authority: in_force.accepts == wanted.plan.accepts,
            passes: chain.is_some().then_some(&passes),
        });
        let turned_away = (!belongs).then_some(StatusCode::MISDIRECTED_REQUEST);
        (Arc::clone(&wanted.plan), turned_away)
    }

    fn own_policy(&self) -> &Arc<HostPlan> {
        &self.attendant.policy.hosts.named(None).plan
    }

    /// Whether a request may pass; the client may be asked for a certificate first.
    async fn admits(&self, stream: StreamId, request: &Request<Bytes>) -> Result<Admission, Over> {
        let protected = &self.attendant.policy.plan.protects;
        let Some(late) = &self.late else {
            return Ok(Admission::Passes);
        };
        if !protected.covers(request.uri().path(), is_preflight(request)) {
            return Ok(Admission::Passes);
        }
        let h2 = self.standing.alpn == Some(Protocol::H2);
        if h2 && protected.in_http2 == LateInHttp2::SendsAway && !late.from_the_start {
            return Ok(Admission::SentAway);
        }
        Ok(match self.authenticates(late, stream).await? {
            true => Admission::Passes,
            false => Admission::Denied,
        })
    }

    async fn authenticates(&self, late: &Late, stream: StreamId) -> Result<bool, Over> {
        let office = &self.attendant.office;
        let covers = |last: Authenticated| office.rules.admits.covers(&last, stream);
        while late.busy().await? {}
        if late.from_the_start || late.last.get().is_some_and(covers) {
            return Ok(true);
        }
        self.turns.listen(true);
        let answered = late.question(stream, &office.unanswered).await;
        self.turns.listen(false);
        let answered = answered?;
        let outcome = late.outcome(answered.as_ref(), false);
        self.observe_late(stream, &outcome);
        let issued = answered.as_ref().map(|it| &*it.issued);
        self.attendant.issued(issued.unwrap_or_default());
        let met = office.rules.admits.met(&outcome);
        late.last.set(met.then(|| Authenticated {
            asked_for: stream,
            first_after: StreamId(self.arrived.get().saturating_add(self.turns.waiting())),
        }));
        late.free();
        Ok(met)
    }

    fn observe_late(&self, stream: StreamId, outcome: &LateOutcome) {
        let seen = outcome.clone();
        self.attendant
            .observe(Observation::LateAuthentication(LateAuthentication {
                connection: self.attendant.connection,
                stream,
                kind: seen.kind,
                shown: seen.shown,
                identity: seen.identity,
                refused: seen.refused,
            }));
    }

    /// The connection is over. A question that waits for its answer gets none, and denies.
    pub(super) fn over(&self) {
        let Some(late) = &self.late else { return };
        if let Some(stream) = late.end() {
            self.observe_late(stream, &late.outcome(None, true));
        }
    }

    fn last(&self, mut response: Response<Bytes>) -> Response<Bytes> {
        if self.standing.alpn == Some(Protocol::H2) {
            // The receiver lives as long as the connection; if that is gone, so is what was to be closed.
            let _ = self.closing.send(Ending::AfterAnswer);
        } else {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

fn bare(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// What becomes of a request for a path under protection.
enum Admission {
    Passes,
    Denied,
    /// It is to come again over HTTP/1.1.
    SentAway,
}
