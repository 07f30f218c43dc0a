//! Which connections may serve this request, and may a TLS client certificate be sent on them?
//!
//! <https://fetch.spec.whatwg.org/#connections>
//!
//! The decisions only: what a pool does with them (and the dimensions that the standard's key lacks, anomaly 4) is the business
//! of `bareflight-pool-key`.

use crate::network_or_cache::include_credentials;
use crate::origin::Origin;
use crate::partition::NetworkPartitionKey;
use crate::request::{Mode, Request};
use crate::url::RequestUrl;

/// Whether a pooled connection will do: the [new connection setting](https://fetch.spec.whatwg.org/#new-connection-setting).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NewConnection {
    /// `no`: any pooled connection of the same key will do.
    No,
    /// `yes`: another one, which is pooled: the retry after 421.
    Yes,
    /// `yes-and-dedicated`: another one, which is never pooled.
    YesAndDedicated,
}

/// Whether [create a connection](https://fetch.spec.whatwg.org/#create-a-connection) may send a TLS client certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientCertificate {
    /// Credentials are true: it may, if the server asks and the user has one.
    MayPresent,
    /// Credentials are false: *do not send a TLS client certificate*.
    MustNotPresent,
}

impl ClientCertificate {
    /// The keyword in reports: `may-present` or `must-not-present`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MayPresent => "may-present",
            Self::MustNotPresent => "must-not-present",
        }
    }
}

/// What a request asks of the connection pool: the triple that identifies a
/// [connection](https://fetch.spec.whatwg.org/#concept-connection), and whether a pooled one will do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionNeed {
    /// The connection's key.
    pub network_partition_key: Option<NetworkPartitionKey>,
    /// The connection's origin: that of the current URL.
    pub origin: Origin,
    /// The connection's credentials.
    pub credentials: bool,
    /// Whether a pooled connection will do.
    pub new_connection: NewConnection,
}

impl ConnectionNeed {
    /// Whether a TLS client certificate may be sent on this connection.
    #[must_use]
    pub const fn client_certificate(&self) -> ClientCertificate {
        if self.credentials {
            ClientCertificate::MayPresent
        } else {
            ClientCertificate::MustNotPresent
        }
    }
}

/// [Obtains a connection](https://fetch.spec.whatwg.org/#concept-connection-obtain), as a decision, for the hop at hand.
///
/// `is_new_connection_fetch` is the retry after 421. A WebSocket has a connection of its own
/// ([obtain a WebSocket connection](https://websockets.spec.whatwg.org/#concept-websocket-connection-obtain)). WebTransport never
/// has credentials, and here never pools ([`webtransport_connection`] has the choice).
#[must_use]
pub fn obtain_connection(request: &Request, is_new_connection_fetch: bool) -> ConnectionNeed {
    let new_connection = match request.mode {
        Mode::WebSocket => NewConnection::YesAndDedicated,
        Mode::WebTransport => return webtransport_connection(request, false),
        _ if is_new_connection_fetch => NewConnection::Yes,
        _ => NewConnection::No,
    };
    need(request, include_credentials(request), new_connection)
}

/// [Obtains a WebTransport connection](https://w3c.github.io/webtransport/#obtain-a-webtransport-connection): without credentials;
/// dedicated unless `allow_pooling`, which is the option of that name.
#[must_use]
pub fn webtransport_connection(request: &Request, allow_pooling: bool) -> ConnectionNeed {
    need(
        request,
        false,
        if allow_pooling {
            NewConnection::No
        } else {
            NewConnection::YesAndDedicated
        },
    )
}

/// [Preconnects](https://html.spec.whatwg.org/multipage/links.html#preconnect) to a URL for a document: with credentials, unless
/// the link's `crossorigin` state is anonymous and the URL is of another origin.
#[must_use]
pub fn preconnect(
    url: &RequestUrl,
    document: &Origin,
    network_partition_key: Option<NetworkPartitionKey>,
    crossorigin_anonymous: bool,
) -> ConnectionNeed {
    ConnectionNeed {
        network_partition_key,
        origin: url.origin().clone(),
        credentials: !crossorigin_anonymous || document == url.origin(),
        new_connection: NewConnection::No,
    }
}

fn need(request: &Request, credentials: bool, new_connection: NewConnection) -> ConnectionNeed {
    ConnectionNeed {
        network_partition_key: request.network_partition_key.clone(),
        origin: request.current_url().origin().clone(),
        credentials,
        new_connection,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::main_fetch::main_fetch;
    use crate::testing::{API, APP, fetch_api, headers, origin, sent, url};
    use crate::{CredentialsMode, cors_preflight_request, http_redirect_fetch};

    fn partition() -> Option<NetworkPartitionKey> {
        Some(NetworkPartitionKey::of_top_level(&origin(
            "https://top.test",
        )))
    }

    #[test]
    fn a_connection_is_partition_origin_and_credentials() {
        for (credentials_mode, credentials) in [
            (CredentialsMode::Omit, false),
            (CredentialsMode::SameOrigin, false),
            (CredentialsMode::Include, true),
        ] {
            let request = Request {
                network_partition_key: partition(),
                ..sent(credentials_mode)
            };
            let need = obtain_connection(&request, false);
            assert_eq!(need.network_partition_key, partition());
            assert_eq!(need.origin, origin("https://api.test"));
            assert_eq!(
                (need.credentials, need.new_connection),
                (credentials, NewConnection::No)
            );
            let again = obtain_connection(&request, true);
            assert_eq!(
                again,
                ConnectionNeed {
                    new_connection: NewConnection::Yes,
                    ..need.clone()
                }
            );
        }
    }

    #[test]
    fn a_preflight_is_in_the_partition_of_its_request_without_credentials() {
        let request = Request {
            network_partition_key: partition(),
            ..sent(CredentialsMode::Include)
        };
        let need = obtain_connection(&cors_preflight_request(&request), false);
        assert_eq!(
            (need.network_partition_key, need.credentials),
            (partition(), false)
        );
    }

    #[test]
    fn after_a_redirect_the_connection_is_the_new_origins() {
        let mut request = sent(CredentialsMode::Include);
        http_redirect_fetch(
            &mut request,
            302,
            &headers(&[("location", "https://b.test/")]),
        )
        .expect("a redirect");
        main_fetch(&mut request).expect("a route");
        assert_eq!(
            obtain_connection(&request, false).origin,
            origin("https://b.test")
        );
    }

    #[test]
    fn only_credentials_let_a_certificate_be_sent() {
        let need = |credentials| ConnectionNeed {
            credentials,
            ..obtain_connection(&fetch_api(APP, API), false)
        };
        assert_eq!(
            need(true).client_certificate(),
            ClientCertificate::MayPresent
        );
        assert_eq!(
            need(false).client_certificate(),
            ClientCertificate::MustNotPresent
        );
        assert_eq!(ClientCertificate::MayPresent.as_str(), "may-present");
        assert_eq!(
            ClientCertificate::MustNotPresent.as_str(),
            "must-not-present"
        );
    }

    #[test]
    fn a_websocket_has_its_own_connection_with_credentials() {
        let mut request = Request::websocket(url("wss://api.test/s"), origin(APP));
        main_fetch(&mut request).expect("a route");
        for again in [false, true] {
            let need = obtain_connection(&request, again);
            assert_eq!(need.origin, origin("https://api.test"));
            assert_eq!(
                (need.credentials, need.new_connection),
                (true, NewConnection::YesAndDedicated)
            );
        }
    }

    #[test]
    fn webtransport_has_no_credentials_and_pools_only_if_allowed() {
        let request = Request {
            network_partition_key: partition(),
            credentials_mode: CredentialsMode::Include,
            ..Request::webtransport(url(API), origin(APP))
        };
        let dedicated = obtain_connection(&request, false);
        assert_eq!(dedicated, webtransport_connection(&request, false));
        assert_eq!(
            (dedicated.credentials, dedicated.new_connection),
            (false, NewConnection::YesAndDedicated)
        );
        assert_eq!(dedicated.network_partition_key, partition());
        let pooled = webtransport_connection(&request, true);
        assert_eq!(
            (pooled.credentials, pooled.new_connection),
            (false, NewConnection::No)
        );
    }

    #[test]
    fn preconnect_has_credentials_unless_anonymous_and_cross_origin() {
        for (to, anonymous, credentials) in [
            (API, false, true),
            (API, true, false),
            ("https://app.test/x", false, true),
            ("https://app.test/x", true, true),
        ] {
            let need = preconnect(&url(to), &origin(APP), partition(), anonymous);
            assert_eq!(
                (need.credentials, need.new_connection),
                (credentials, NewConnection::No),
                "{to} {anonymous}"
            );
            assert_eq!(
                (&need.origin, need.network_partition_key),
                (url(to).origin(), partition())
            );
        }
    }
}
