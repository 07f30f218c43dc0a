//! From the bytes of a run to a capture that Wireshark reads: TCP and IP are made up around them.
//!
//! Each connection is one TCP connection from a port of its own to the server's port on the loopback address. Time is
//! the run's virtual time.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use bareflight_harness::tier::Packet;
use etherparse::PacketBuilder;
use pcap_file::DataLink;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};

/// The capture as a file of the classic format.
pub(crate) fn pcap(packets: &[Packet]) -> Vec<u8> {
    let header = PcapHeader {
        datalink: DataLink::RAW,
        ..PcapHeader::default()
    };
    let writer = PcapWriter::with_header(Vec::new(), header);
    let mut capture = Capture {
        writer: writer.expect("a vector takes what it is given"),
        flows: BTreeMap::new(),
    };
    for packet in packets {
        capture.packet(packet);
    }
    capture.writer.into_writer()
}

struct Capture {
    writer: PcapWriter<Vec<u8>>,
    /// By the connection's number.
    flows: BTreeMap<u32, Flow>,
}

/// A TCP connection: how many bytes each side has sent, the SYN and FIN included.
#[derive(Clone, Copy)]
struct Flow {
    client_port: u16,
    server_port: u16,
    client: u32,
    server: u32,
}

/// What a segment says besides its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flag {
    Syn,
    Data,
    Fin,
}

/// Bytes in one segment: what fits into an IP packet with room for its headers.
const SEGMENT: usize = 32_768;
/// The client's port of the first connection; they go on from there (RFC 6335: the dynamic ports).
const FIRST_PORT: u16 = 49_152;

impl Capture {
    fn packet(&mut self, packet: &Packet) {
        let at = packet.at;
        let mut flow = match self.flows.get(&packet.connection) {
            Some(flow) => *flow,
            None => self.open(packet),
        };
        if packet.bytes.is_empty() {
            // The client closes; the server, of which nothing more is read, does so too.
            self.segment(&mut flow, packet.from_client, Flag::Fin, &[], at);
            self.segment(&mut flow, !packet.from_client, Flag::Fin, &[], at);
        }
        for bytes in packet.bytes.chunks(SEGMENT) {
            self.segment(&mut flow, packet.from_client, Flag::Data, bytes, at);
        }
        self.flows.insert(packet.connection, flow);
    }

    fn open(&mut self, packet: &Packet) -> Flow {
        let dynamic = u32::from(u16::MAX - FIRST_PORT) + 1;
        let offset = u16::try_from(packet.connection % dynamic).unwrap_or(0);
        let mut flow = Flow {
            client_port: FIRST_PORT + offset,
            server_port: packet.port,
            client: 0,
            server: 0,
        };
        self.segment(&mut flow, true, Flag::Syn, &[], packet.at);
        self.segment(&mut flow, false, Flag::Syn, &[], packet.at);
        self.segment(&mut flow, true, Flag::Data, &[], packet.at);
        flow
    }

    fn segment(
        &mut self,
        flow: &mut Flow,
        from_client: bool,
        flag: Flag,
        bytes: &[u8],
        at: Duration,
    ) {
        const WINDOW: u16 = 65_535;
        const HOPS: u8 = 64;
        let (ports, sent, heard) = match from_client {
            true => (
                (flow.client_port, flow.server_port),
                &mut flow.client,
                flow.server,
            ),
            false => (
                (flow.server_port, flow.client_port),
                &mut flow.server,
                flow.client,
            ),
        };
        let ip = PacketBuilder::ipv4([127, 0, 0, 1], [127, 0, 0, 1], HOPS);
        let mut tcp = ip.tcp(ports.0, ports.1, *sent, WINDOW);
        if !(flag == Flag::Syn && from_client) {
            tcp = tcp.ack(heard);
        }
        tcp = match flag {
            Flag::Syn => tcp.syn(),
            Flag::Data if bytes.is_empty() => tcp,
            Flag::Data => tcp.psh(),
            Flag::Fin => tcp.fin(),
        };
        let mut segment = Vec::with_capacity(tcp.size(bytes.len()));
        tcp.write(&mut segment, bytes)
            .expect("a segment fits into a packet");
        let length = u32::try_from(segment.len()).unwrap_or(u32::MAX);
        let packet = PcapPacket {
            timestamp: at,
            orig_len: length,
            data: Cow::Owned(segment),
        };
        self.writer
            .write_packet(&packet)
            .expect("a vector takes what it is given");
        let counts = u32::from(flag != Flag::Data) + u32::try_from(bytes.len()).unwrap_or(0);
        *sent = sent.wrapping_add(counts);
    }
}
