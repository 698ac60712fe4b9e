//! Authorizers that do as a test says, made with libraries that know nothing of ours:
//! hyper for HTTP, tonic and Envoy's published types for gRPC.
//!
//! Each records everything it is asked, and can be stopped and started again on the
//! port it has.
//!
//! A module beside [`support`](crate::support), so that only tests that need one have
//! Envoy's types to link.

// Each test takes the part it needs; the rest is dead code in that test.
#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod cerbos;
pub mod grpc;
pub mod http;
pub mod raw;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::support::port::Port;
use crate::support::runtime;

/// What an authorizer does about a question.
#[derive(Debug, Clone)]
pub enum Act<A> {
    Answer(A),
    /// Answers when so much time has gone by.
    Later(Duration, A),
    /// Answers when this says so.
    When(watch::Receiver<bool>, A),
    /// Never answers.
    Hang,
    /// Closes the connection, and with it every question that is open on it.
    Close,
}

impl<A> Act<A> {
    /// The same, with another answer.
    pub fn map<B>(self, to: impl FnOnce(A) -> B) -> Act<B> {
        match self {
            Self::Answer(answer) => Act::Answer(to(answer)),
            Self::Later(time, answer) => Act::Later(time, to(answer)),
            Self::When(now, answer) => Act::When(now, to(answer)),
            Self::Hang => Act::Hang,
            Self::Close => Act::Close,
        }
    }

    /// The answer, when it is time for it; never, where there is none.
    async fn answer(self, closing: &Notify) -> A {
        match self {
            Self::Answer(answer) => answer,
            Self::Later(time, answer) => {
                tokio::time::sleep(time).await;
                answer
            }
            Self::When(mut now, answer) => {
                // Whoever drops the sender lets everybody go.
                let _ = now.wait_for(|now| *now).await;
                answer
            }
            Self::Hang => std::future::pending().await,
            Self::Close => {
                closing.notify_one();
                std::future::pending().await
            }
        }
    }
}

/// What has been asked so far.
#[derive(Debug)]
struct Record<Q>(Mutex<Vec<Q>>);

impl<Q: Clone> Record<Q> {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Vec::new())))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Q>> {
        // A test that panicked elsewhere leaves the record as good as it was.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;
type Serve = dyn Fn(TokioIo<TcpStream>, Arc<Notify>) -> Serving + Send + Sync;

/// A port of loopback, and what serves the connections to it while it is open.
struct Door {
    port: Port,
    serve: Arc<Serve>,
    open: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} open: {}", self.address(), self.open.is_some())
    }
}

impl Door {
    /// `serve` is given each connection, and what tells that it is to be closed.
    fn open(serve: Arc<Serve>) -> Self {
        let _context = runtime().enter();
        let mut door = Self {
            port: Port::new().expect("a port on loopback"),
            serve,
            open: None,
        };
        door.start();
        door
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port.number))
    }

    /// Listens, unless it does already.
    fn start(&mut self) {
        if self.open.is_some() {
            return;
        }
        let _context = runtime().enter();
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseport(true).expect("a shared port");
        socket.set_reuseaddr(true).expect("a port used before");
        socket.bind(self.address()).expect("the port");
        let listener = socket.listen(4096).expect("a listener");
        let (stop, stopped) = oneshot::channel();
        let serving = runtime().spawn(accept(listener, Arc::clone(&self.serve), stopped));
        self.open = Some((stop, serving));
    }

    /// Closes the port and every connection; returns when they are closed.
    fn stop(&mut self) {
        if let Some((stop, serving)) = self.open.take() {
            let _ = stop.send(());
            let _ = runtime().block_on(serving);
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn accept(listener: TcpListener, serve: Arc<Serve>, mut stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Ok((stream, _)) = listener.accept() => {
                let _ = stream.set_nodelay(true);
                let closing = Arc::new(Notify::new());
                let serving = serve(TokioIo::new(stream), Arc::clone(&closing));
                connections.spawn(async move {
                    tokio::select! {
                        () = serving => {}
                        () = closing.notified() => {}
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}
