//! UDP sockets below QUIC: the cloud's, with room for what a thousand nodes send while its reader does not run; and a node's,
//! which goes from one process to the next.

use crate::session::Close;
use quinn::{Endpoint, EndpointConfig, ServerConfig, TokioRuntime};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// Wanted from the system for what has come and is not read yet, bytes. A thousand nodes' states are 60 MB a second, and the
/// usual 208 KiB of Linux are full in 3 ms: what comes then is lost, and each loss makes the nodes send less.
const RECEIVE_BUFFER: usize = 8 << 20;
/// What is given that is still no reason for a word: some 70 ms of those thousand nodes.
const ENOUGH: usize = 4 << 20;

/// A UDP socket on an address, with as large a buffer as the system gives.
pub(crate) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let (socket, given) = buffered(address, RECEIVE_BUFFER)?;
    if given < ENOUGH {
        tracing::warn!(given, wanted = RECEIVE_BUFFER, "a small UDP buffer: raise net.core.rmem_max for many nodes");
    }
    Ok(socket)
}

/// A UDP socket on an address, and how large its buffer is: as much as the system gives of what is wanted, bytes.
fn buffered(address: SocketAddr, wanted: usize) -> io::Result<(UdpSocket, usize)> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(wanted)?;
    // Linux says twice what it was told, for its own bookkeeping.
    let given = socket.recv_buffer_size()? / 2;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok((socket.into(), given))
}

/// An endpoint for connections to elsewhere, with room for so many bytes that have come and are not read yet. Must be called
/// within a tokio runtime.
pub(crate) fn client_with(local: SocketAddr, buffer: usize) -> io::Result<Endpoint> {
    let (socket, _) = buffered(local, buffer)?;
    Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(TokioRuntime))
}

/// The word that a connection ends leaves within a turn of its task; nobody waits for its arrival.
const LAST_WORDS: Duration = Duration::from_millis(20);

/// An endpoint on a socket that is bound already. Must be called within a tokio runtime.
pub(crate) fn endpoint_on(server: ServerConfig, socket: UdpSocket) -> io::Result<Endpoint> {
    Endpoint::new(EndpointConfig::default(), Some(server), socket, Arc::new(TokioRuntime))
}

/// Ends every connection of an endpoint and takes it off its socket, so that another process may read from that.
pub(crate) async fn release(endpoint: &Endpoint) -> io::Result<()> {
    endpoint.close((Close::GoingDown as u32).into(), b"another process takes over");
    tokio::time::sleep(LAST_WORDS).await;
    // Twice: an endpoint goes on reading from the socket before the present one.
    for _ in 0..2 {
        endpoint.rebind(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?)?;
    }
    Ok(())
}

/// Datagrams that the system dropped since the socket on this address was opened, for want of room in its buffer; `None`
/// where the system does not tell (`/proc/net/udp` of Linux does).
#[must_use]
pub fn dropped_by_system(local: SocketAddr) -> Option<u64> {
    let path = if local.is_ipv4() { "/proc/net/udp" } else { "/proc/net/udp6" };
    dropped_in(&std::fs::read_to_string(path).ok()?, local)
}

fn dropped_in(table: &str, local: SocketAddr) -> Option<u64> {
    // An address is written as words of the machine's own byte order.
    let address = match local.ip() {
        IpAddr::V4(ip) => format!("{:08X}", u32::from_ne_bytes(ip.octets())),
        IpAddr::V6(ip) => {
            let octets = ip.octets();
            let (words, _) = octets.as_chunks::<4>();
            words.iter().map(|word| format!("{:08X}", u32::from_ne_bytes(*word))).collect()
        }
    };
    let wanted = format!("{address}:{:04X}", local.port());
    let row = table.lines().find(|line| line.split_ascii_whitespace().nth(1) == Some(&wanted))?;
    row.split_ascii_whitespace().last()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_of_the_socket_says_what_the_system_dropped() {
        // From a running Linux on a little-endian machine, less some of its columns' width.
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            12: 0100007F:1C84 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4026 2 0000000000000000 248758\n\
            13: 0100007F:1C85 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4027 2 0000000000000000 0\n";
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        if cfg!(target_endian = "little") {
            assert_eq!(dropped_in(table, at(7300)), Some(248_758));
            assert_eq!(dropped_in(table, at(7301)), Some(0));
        }
        assert_eq!(dropped_in(table, at(7302)), None);
        assert_eq!(dropped_in("", at(7300)), None);
    }

    #[test]
    fn a_socket_with_a_wide_buffer_takes_a_burst_that_nobody_reads_yet() {
        let wide = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let local = wide.local_addr().unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..60 {
            sender.send_to(&[7; 1_200], local).unwrap();
        }
        wide.set_nonblocking(false).unwrap();
        wide.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        let mut buffer = [0; 2_000];
        for _ in 0..60 {
            assert_eq!(wide.recv(&mut buffer).unwrap(), 1_200);
        }
        if cfg!(target_os = "linux") {
            assert_eq!(dropped_by_system(local), Some(0));
        }
    }
}
