//! How does a client shake hands with rustls?

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, NamedGroup};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::connection::{Shaken, names};
use super::resolver::Asked;
use crate::error::EndReason;
use crate::observation::ClientHandshake;
use crate::plan::{Answer, Protocol, Version};
use crate::wire::{Gate, Transport, was_retried};

/// In a box: it is handed from future to future, each of which would have room for a copy.
pub(super) type Stream<S> = Box<TlsStream<Gate<S>>>;

/// Shakes hands with the server of this name.
pub(super) async fn connect<S: Transport>(
    config: &Arc<ClientConfig>,
    name: &ServerName<'static>,
    answer: &Answer,
    io: S,
) -> Result<Shaken<Stream<S>>, EndReason> {
    let aborts = *answer == Answer::Abort;
    let asked = Arc::new(Asked::answering(answer.clone()));
    let gate = match aborts {
        true => Gate::shut_when(io, Arc::clone(&asked)),
        false => Gate::open(io),
    };
    let connect = TlsConnector::from(Arc::clone(config)).connect(name.clone(), gate);
    let guess = config.crypto_provider().kx_groups[0].name();
    match asked.watch(connect).await {
        Ok(tls) => {
            let handshake = facts(&tls, &asked, guess);
            let tls = Box::new(tls);
            Ok(Shaken { tls, handshake })
        }
        Err(_) if aborts && asked.was_asked() => Err(EndReason::AbortedWhenAsked),
        Err(error) => Err(EndReason::from_io(&error)),
    }
}

fn facts<S>(tls: &TlsStream<S>, asked: &Asked, guess: NamedGroup) -> ClientHandshake {
    let tls = tls.get_ref().1;
    ClientHandshake {
        version: Version::agreed(tls.protocol_version()),
        alpn: Protocol::agreed(tls.alpn_protocol()),
        asked: asked.was_asked(),
        retried: was_retried(tls, Some(guess)),
        resumed: tls.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        server_names: names(tls.peer_certificates().and_then(<[_]>::first)),
    }
}
