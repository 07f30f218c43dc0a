//! One handshake between any server and any client, against what the standards say must come of it.

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use bareflight_handshake_driver::{
    Answer, Authority, ClientAuth, ClientConfiguration, ClientEvent, ConfigKey, ConnectError,
    EndReason, Identity, IdentityPlan, Observation, Protocol, ServerPlan, Trust, Validity,
    Versions,
};

use super::{HOST, OTHER_HOST, driver, echo, get};

/// Both ends.
#[derive(Arbitrary, Debug)]
struct Input {
    auth: Auth,
    server_speaks: Speaks,
    server_alpn: Alpn,
    certificate: Certificate,
    client_speaks: Speaks,
    client_alpn: Alpn,
    answer: Says,
    verifies: bool,
    /// Whether the client wants another name than the certificate has.
    other_name: bool,
    /// Seconds before the handshake; those beyond [`LATEST`] do not count.
    later: u32,
}

/// A current certificate is current for so many seconds: a hundred years.
const LATEST: u32 = 36_500 * 86_400;

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Auth {
    None,
    Request,
    Require,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Speaks {
    Tls12,
    Tls13,
    Both,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Alpn {
    None,
    Http11,
    H2,
    Both,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Certificate {
    Good,
    /// Good for a minute.
    Minute,
    Expired,
    Stranger,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Says {
    Alice,
    /// A certificate that ended before it is shown.
    Expired,
    /// A certificate from an authority that the server does not know.
    Stranger,
    Nothing,
    Goodbye,
}

/// What must come of it.
#[derive(Debug, PartialEq)]
enum Must {
    /// Both ends are connected, and the server takes the client to be this.
    Connect(Option<&'static str>),
    /// The client is the one who finds something wrong, or the two have nothing in common.
    Fail,
    /// The client goes away when it is asked.
    Abort,
    /// The server refuses the client; in TLS 1.3 the client counts as connected by then (RFC 9846 section 6.2).
    Refuse,
}

/// The target `handshake`.
///
/// # Panics
///
/// Where something else comes of a handshake than must.
pub fn handshake(data: &[u8]) {
    let Ok(mut input) = Input::arbitrary(&mut Unstructured::new(data)) else {
        return;
    };
    input.later = input.later.min(LATEST);
    let must = must(&input);
    let came = came(&input);
    assert_eq!(came, must, "{input:#?}");
}

fn must(input: &Input) -> Must {
    let versions = [input.server_speaks, input.client_speaks];
    let has = |old: bool| {
        versions
            .iter()
            .all(|it| *it == Speaks::Both || (*it == Speaks::Tls12) == old)
    };
    // RFC 7301 section 3.2: a server with a list and a client with a list must find something in both.
    let no_common_protocol = matches!(
        (input.server_alpn, input.client_alpn),
        (Alpn::Http11, Alpn::H2) | (Alpn::H2, Alpn::Http11)
    );
    if no_common_protocol || !(has(true) || has(false)) {
        return Must::Fail;
    }
    let asked = input.auth != Auth::None;
    let believed = !input.verifies
        || match input.certificate {
            Certificate::Good => !input.other_name,
            Certificate::Minute => !input.other_name && input.later <= 60,
            Certificate::Expired | Certificate::Stranger => false,
        };
    if asked && input.answer == Says::Goodbye {
        // TLS 1.3 asks before the server shows its certificate. TLS 1.2 asks afterwards (RFC 5246 section 7.3), but rustls
        // judges a certificate when the server's flight is complete.
        return Must::Abort;
    }
    if !believed {
        return Must::Fail;
    }
    match (input.auth, input.answer) {
        (Auth::None, _) | (Auth::Request, Says::Nothing) => Must::Connect(None),
        (_, Says::Alice) => Must::Connect(Some("alice")),
        (_, Says::Expired | Says::Stranger) | (Auth::Require, Says::Nothing) => Must::Refuse,
        (_, Says::Goodbye) => unreachable!("it was asked and went away"),
    }
}

fn came(input: &Input) -> Must {
    let mut driver = driver();
    let server = driver
        .add_server(server(input), echo)
        .expect("every plan of these is one");
    driver.advance(Duration::from_secs(u64::from(input.later)));
    let client = client(input, driver.pki());
    let name = if input.other_name { OTHER_HOST } else { HOST };
    let (connection, outcome) = driver.connect(server, name, &client, None);
    let connection = connection.expect("it began");
    let sent = outcome
        .is_ok()
        .then(|| driver.send(connection, get("/")).ok())
        .flatten();
    driver.run().expect("it comes to rest");
    let answered = driver
        .events()
        .into_iter()
        .any(|event| matches!(event, ClientEvent::Response { stream, .. } if Some(stream) == sent));
    let seen = driver.observations();
    let shown = seen.iter().find_map(|it| match it {
        Observation::Handshake(it) => Some(it.identity.clone()),
        _ => None,
    });
    match (outcome, shown) {
        (Ok(_), Some(identity)) => {
            assert!(answered, "a connection serves: {input:#?}");
            Must::Connect(identity.map(|identity| match identity {
                Identity::Known(name) if &*name.subject == "alice" => "alice",
                _ => "somebody else",
            }))
        }
        (Ok(_), None) => {
            assert!(!answered, "who is refused gets no answer: {input:#?}");
            Must::Refuse
        }
        (Err(ConnectError::Ended(EndReason::AbortedWhenAsked)), None) => Must::Abort,
        (Err(ConnectError::Ended(EndReason::AlertReceived(_))), None)
            if seen.iter().any(is_about_the_client) =>
        {
            Must::Refuse
        }
        (Err(ConnectError::Ended(_)), None) => Must::Fail,
        other => panic!("{other:?} of {input:#?}"),
    }
}

/// Whether a handshake was refused for what the client answered, or did not.
fn is_about_the_client(seen: &Observation) -> bool {
    match seen {
        Observation::Refused(it) => matches!(
            it.shown,
            bareflight_handshake_driver::Shown::Declined
                | bareflight_handshake_driver::Shown::Identity(_)
        ),
        _ => false,
    }
}

fn server(input: &Input) -> ServerPlan {
    ServerPlan {
        issuer: match input.certificate {
            Certificate::Stranger => Authority::named("stranger"),
            _ => Authority::servers(),
        },
        validity: match input.certificate {
            Certificate::Expired => Validity::Expired,
            Certificate::Minute => Validity::Until(Duration::from_secs(60)),
            Certificate::Good | Certificate::Stranger => Validity::Current,
        },
        client_auth: match input.auth {
            Auth::None => ClientAuth::None,
            Auth::Request => ClientAuth::Request,
            Auth::Require => ClientAuth::Require,
        },
        versions: versions(input.server_speaks),
        alpn: alpn(input.server_alpn),
        ..ServerPlan::new(&[HOST])
    }
}

fn client(input: &Input, pki: &bareflight_handshake_driver::Pki) -> ClientConfiguration {
    let identity =
        |plan: IdentityPlan| Answer::Present(pki.identity(&plan).expect("an identity can be made"));
    ClientConfiguration {
        answer: match input.answer {
            Says::Alice => identity(IdentityPlan::new("alice")),
            Says::Expired => identity(IdentityPlan {
                validity: Validity::Expired,
                ..IdentityPlan::new("late")
            }),
            Says::Stranger => identity(IdentityPlan {
                issuer: Authority::named("stranger"),
                ..IdentityPlan::new("strange")
            }),
            Says::Nothing => Answer::Decline,
            Says::Goodbye => Answer::Abort,
        },
        trust: match input.verifies {
            true => Trust::Authorities(vec![Authority::servers()]),
            false => Trust::Anyone,
        },
        versions: versions(input.client_speaks),
        alpn: alpn(input.client_alpn),
        ..ClientConfiguration::new(ConfigKey(0))
    }
}

fn versions(speaks: Speaks) -> Versions {
    match speaks {
        Speaks::Tls12 => Versions::Tls12,
        Speaks::Tls13 => Versions::Tls13,
        Speaks::Both => Versions::Both,
    }
}

fn alpn(alpn: Alpn) -> Vec<Protocol> {
    match alpn {
        Alpn::None => vec![],
        Alpn::Http11 => vec![Protocol::Http11],
        Alpn::H2 => vec![Protocol::H2],
        Alpn::Both => vec![Protocol::H2, Protocol::Http11],
    }
}
