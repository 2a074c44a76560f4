//! The network, by sockets of each family.

use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;

use super::{Told, Trick, no_read, no_write, raw, refused, target};

/// The tricks of this kind.
pub(super) const TRICKS: &[Trick] = &[
    ("connect", connect),
    ("datagram", datagram),
    ("families", families),
    ("abstract-socket", abstract_socket),
    ("named-socket", named_socket),
    ("name-server", || no_read("/etc/resolv.conf")),
    ("network-settings", network_settings),
];

fn connect() -> Told {
    let port = std::env::var("TCP_PORT").unwrap_or_default();
    match TcpStream::connect(format!("127.0.0.1:{port}")) {
        Err(error) => Ok(error.to_string()),
        Ok(_) => Err("it reached the machine's loopback".to_owned()),
    }
}

/// What is sent must not arrive; the test looks.
fn datagram() -> Told {
    let port = std::env::var("UDP_PORT").unwrap_or_default();
    let sent = UdpSocket::bind("127.0.0.1:0")
        .and_then(|socket| socket.send_to(b"villain", format!("127.0.0.1:{port}")));
    Ok(format!("{sent:?}"))
}

fn families() -> Told {
    let allowed = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    for family in (0..=45).filter(|family| !allowed.contains(family)) {
        for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_SEQPACKET] {
            refused(|| raw(libc::SYS_socket, [family.into(), kind.into(), 0, 0, 0, 0]))
                .map_err(|what| format!("family {family}: {what}"))?;
        }
    }
    Ok("only local ones".to_owned())
}

fn abstract_socket() -> Told {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixStream};
    let name = std::env::var("ABSTRACT").unwrap_or_default();
    let address = SocketAddr::from_abstract_name(name).map_err(|error| error.to_string())?;
    match UnixStream::connect_addr(&address) {
        Err(error) => Ok(error.to_string()),
        Ok(_) => Err("it reached a process of the machine".to_owned()),
    }
}

/// A socket with a name in the file system, by a stream and by a pair that is pointed elsewhere.
fn named_socket() -> Told {
    use std::os::unix::net::UnixStream;
    if UnixStream::connect(target("socket")).is_ok() {
        return Err("it reached a process of the machine".to_owned());
    }
    // Pairs that stay pairs are anybody's.
    UnixStream::pair().map_err(|error| error.to_string())?;
    match UnixDatagram::pair().and_then(|(one, _)| one.connect(target("datagrams"))) {
        Err(error) => Ok(error.to_string()),
        Ok(()) => Err("it pointed a pair at a process of the machine".to_owned()),
    }
}

fn network_settings() -> Told {
    no_write("/proc/sys/net/ipv4/ip_forward")?;
    // A raw socket could forge packets.
    refused(|| raw(libc::SYS_socket, [libc::AF_INET.into(), libc::SOCK_RAW.into(), 1, 0, 0, 0]))
}
