//! Requests one after the other over one connection, which is opened again whenever
//! it has closed: for tests with thousands of them.

use super::client::{Client, Connection, Failure};
use super::message::{Request, Response};

/// A client and its connection.
#[derive(Debug)]
pub struct Lane {
    client: Client,
    connection: Option<Connection>,
}

impl Lane {
    pub fn new(client: Client) -> Self {
        Self {
            client,
            connection: None,
        }
    }

    /// Sends one request. One that fails on a connection that others have used is
    /// sent once more, on a fresh one.
    ///
    /// # Errors
    /// When it fails on a fresh connection.
    pub fn send(&mut self, request: &Request) -> Result<Response, Failure> {
        if let Some(connection) = self.connection.take()
            && let Ok(answer) = self.over(connection, request)
        {
            return Ok(answer);
        }
        let connection = self.client.connect()?;
        self.over(connection, request)
    }

    /// Sends over this connection, and keeps it when it stays open.
    fn over(&mut self, mut connection: Connection, request: &Request) -> Result<Response, Failure> {
        let answer = connection.send(request)?;
        let closes = answer.header("connection").as_deref() == Some("close");
        if answer.complete && !closes {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}
