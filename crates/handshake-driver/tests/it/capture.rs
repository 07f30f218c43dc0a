//! Does a capture hold what crossed the network? Both directions, in order, and nothing unless it was asked for.

use crate::common::*;
use bareflight_handshake_driver::*;

#[test]
fn a_capture_holds_both_directions_of_every_connection() {
    let mut world = World::new(server(ClientAuth::Request, Versions::Tls13));
    let configuration = client(1, Answer::Present(alice()));
    world.driver.capture();
    let connection = world.connect(&configuration, None).connection;
    world.fetch(connection, get("https://api.test/")).unwrap();
    world.driver.close(connection).unwrap();
    let packets = world.driver.packets();
    assert!(packets.iter().all(|it| it.connection == connection));
    // Records of TLS (RFC 9846 section 5.1): the ClientHello first, then the server's flight.
    let first: Vec<_> = packets
        .iter()
        .take(2)
        .map(|it| (it.from_client, it.bytes[0]))
        .collect();
    assert_eq!(first, [(true, 0x16), (false, 0x16)]);
    let closed = packets
        .iter()
        .filter(|it| it.from_client && it.bytes.is_empty())
        .count();
    assert_eq!(closed, 1, "the client closes once");
    assert!(world.driver.packets().is_empty(), "they are given once");
}

#[test]
fn nothing_is_kept_unasked() {
    let mut world = World::new(server(ClientAuth::None, Versions::Tls12));
    world.connect(&client(1, Answer::Decline), None);
    assert!(world.driver.packets().is_empty());
}
