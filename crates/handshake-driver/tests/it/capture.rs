//! Does a capture hold what crossed the network? Both directions, in order, and nothing unless it was asked for.

use crate::common::*;
use crate::stacks;
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

/// Each secret goes with the client's random number, which is in the ClientHello of the capture; the labels are those that
/// Wireshark needs for the version.
#[test]
fn the_secrets_are_those_of_the_capture() {
    const TLS12: &[&str] = &["CLIENT_RANDOM"];
    const TLS13: &[&str] = &[
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    ];
    for &stack in stacks() {
        for (versions, labels) in [(Versions::Tls12, TLS12), (Versions::Tls13, TLS13)] {
            let mut world = World::new(server(ClientAuth::None, versions));
            world.driver.capture();
            let configuration = ClientConfiguration {
                stack,
                ..client(1, Answer::Decline)
            };
            world.connect(&configuration, None);
            let hello = world.driver.packets().remove(0).bytes;
            // After the headers of the record and of the message, and the version.
            let random: String = hello[11..43].iter().map(|it| format!("{it:02x}")).collect();
            let lines = world.driver.secrets();
            for label in labels {
                let begins = format!("{label} {random} ");
                let found = lines.iter().filter(|line| line.starts_with(&begins));
                assert_eq!(
                    found.count(),
                    1,
                    "{stack:?} {versions:?} {label}: {lines:?}"
                );
            }
            assert!(lines.iter().all(|line| line.contains(&random)));
            assert!(world.driver.secrets().is_empty(), "they are given once");
        }
    }
}

#[test]
fn nothing_is_kept_unasked() {
    let mut world = World::new(server(ClientAuth::None, Versions::Tls12));
    world.connect(&client(1, Answer::Decline), None);
    assert!(world.driver.packets().is_empty() && world.driver.secrets().is_empty());
}
