//! How does a client shake hands with rustls?

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, NamedGroup};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::connection::{Shaken, Started, names};
use super::early::Early;
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
    let asked = Arc::new(Asked::answering(answer.clone()));
    let tls = shake(config, name, &asked, io, false).await?;
    let handshake = facts(&tls, &asked, guess(config));
    Ok(Shaken {
        tls,
        alpn: handshake.alpn,
        handshake: Some(handshake),
    })
}

/// As [`connect`], and if the session on offer allows early data, goes on at once in this protocol.
pub(super) async fn connect_early<S: Transport>(
    config: &Arc<ClientConfig>,
    name: &ServerName<'static>,
    answer: &Answer,
    io: S,
    (protocol, started): (Option<Protocol>, Started),
) -> Result<Shaken<Early<S>>, EndReason> {
    let asked = Arc::new(Asked::answering(answer.clone()));
    let tls = shake(config, name, &asked, io, true).await?;
    let under_way = tls.get_ref().1.is_handshaking();
    let handshake = (!under_way).then(|| facts(&tls, &asked, guess(config)));
    Ok(Shaken {
        tls: Early::new(tls, asked, guess(config), &started),
        alpn: handshake.as_ref().map_or(protocol, |it| it.alpn),
        handshake,
    })
}

async fn shake<S: Transport>(
    config: &Arc<ClientConfig>,
    name: &ServerName<'static>,
    asked: &Arc<Asked>,
    io: S,
    early: bool,
) -> Result<Stream<S>, EndReason> {
    let gate = match asked.aborts() {
        true => Gate::shut_when(io, Arc::clone(asked)),
        false => Gate::open(io),
    };
    let mut config = Arc::clone(config);
    if config.enable_early_data && !early {
        // There is nothing to say early, so nothing is announced.
        Arc::make_mut(&mut config).enable_early_data = false;
    }
    let connector = TlsConnector::from(config).early_data(early);
    match asked.watch(connector.connect(name.clone(), gate)).await {
        Ok(tls) => Ok(Box::new(tls)),
        Err(_) if asked.aborted() => Err(EndReason::AbortedWhenAsked),
        Err(error) => Err(EndReason::from_io(&error)),
    }
}

/// The group that the client sends a share of at first.
fn guess(config: &ClientConfig) -> NamedGroup {
    config.crypto_provider().kx_groups[0].name()
}

pub(super) fn facts<S>(tls: &TlsStream<S>, asked: &Asked, guess: NamedGroup) -> ClientHandshake {
    let tls = tls.get_ref().1;
    ClientHandshake {
        version: Version::agreed(tls.protocol_version()),
        alpn: Protocol::agreed(tls.alpn_protocol()),
        asked: asked.was_asked(),
        retried: was_retried(tls, Some(guess)),
        early_data: tls.is_early_data_accepted(),
        resumed: tls.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        server_names: names(tls.peer_certificates().and_then(<[_]>::first)),
    }
}
