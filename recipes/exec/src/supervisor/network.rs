//! The loopback interface of a network namespace, the only one that it has.

use std::os::fd::AsRawFd as _;

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

/// Lets programs talk to themselves at 127.0.0.1: a new namespace has its loopback down.
pub(super) fn loopback_up() -> Result<(), String> {
    let told = |errno: nix::Error| format!("the loopback interface: {errno}");
    let kernel = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )
    .map_err(told)?;
    let request = request();
    sendto(kernel.as_raw_fd(), &request, &NetlinkAddr::new(0, 0), MsgFlags::empty())
        .map_err(told)?;
    let mut answer = [0; 256];
    let length = recv(kernel.as_raw_fd(), &mut answer, MsgFlags::empty()).map_err(told)?;
    // An acknowledgement is an error message whose number, after the header, is zero.
    match answer[..length].get(16..20) {
        Some([0, 0, 0, 0]) => Ok(()),
        Some(number) => {
            let number = i32::from_ne_bytes([number[0], number[1], number[2], number[3]]);
            Err(told(nix::Error::from_raw(-number)))
        }
        None => Err("the loopback interface: the kernel gave no answer".to_owned()),
    }
}

/// `RTM_NEWLINK` for interface 1, which loopback always is: a header of 16 bytes, then `ifinfomsg`
/// of 16 bytes. The kernel answers since it is asked to acknowledge.
fn request() -> Vec<u8> {
    let flags = u16::try_from(libc::NLM_F_REQUEST | libc::NLM_F_ACK).unwrap_or_default();
    let up = libc::IFF_UP.cast_unsigned();
    let mut bytes = Vec::with_capacity(32);
    bytes.extend(32_u32.to_ne_bytes());
    bytes.extend(libc::RTM_NEWLINK.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([0; 4]);
    bytes.extend(1_i32.to_ne_bytes());
    bytes.extend(up.to_ne_bytes());
    bytes.extend(up.to_ne_bytes());
    bytes
}
