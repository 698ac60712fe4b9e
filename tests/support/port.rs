//! A port of loopback that is known before the listener on it starts.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// A port that nobody else is given for as long as this lives.
///
/// It is bound and never listens, so every connection goes to the listener that shares
/// it, as Envoy's do.
#[derive(Debug)]
pub struct Port {
    _held: TcpSocket,
    pub number: u16,
}

impl Port {
    /// A port that the system chooses.
    ///
    /// # Errors
    /// When it has none left.
    pub fn new() -> io::Result<Self> {
        let held = TcpSocket::new_v4()?;
        held.set_reuseport(true)?;
        held.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let number = held.local_addr()?.port();
        Ok(Self {
            _held: held,
            number,
        })
    }
}
