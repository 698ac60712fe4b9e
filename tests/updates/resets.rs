//! Connections that Envoy closes when a stream is cut: it counts streams that end early.

use super::frames::Frames;
use super::*;

/// How many early ends of streams Envoy takes of a connection, and one less.
const ALMOST: usize = 249;
/// Streams that are cut: with the first of them Envoy closes their connection.
const OPEN: usize = 20;
const ROUNDS: usize = 4;
const SOON: Duration = Duration::from_secs(10);

const CLOSED: &str = "http.mcp.downstream_rq_too_many_premature_resets";

/// A connection that has almost as many early ends as it may have, and streams that a server
/// never answers.
fn opened(address: SocketAddr) -> Frames {
    let call = request("open", 0).body.concat();
    let mut connection = Frames::connect(address);
    for early in 0..ALMOST {
        let stream = connection.post(call.len());
        connection.cancel(stream);
        if early % 20 == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    std::thread::sleep(Duration::from_millis(100));
    for _ in 0..OPEN {
        let stream = connection.post(call.len());
        connection.body(stream, &call);
    }
    connection
}

/// SECURITY: several ends of streams in one call of the filter would be one within another, and
/// those of a connection that is gone by then end Envoy.
#[test]
fn a_connection_that_is_closed_by_a_cut_stream_does_no_harm() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("filter.yaml");
    place(&file, &cut::under("Close", 0));
    let envoy = discovering(&file, open::silent());
    let address = envoy.listener("mcp");
    let mut taken = count(&envoy, UPDATED);
    for round in 1..=ROUNDS {
        let mut connections = [(); 3].map(|()| opened(address));
        place(&file, &cut::under("Close", 2 * round));
        taken += 1;
        wait(&envoy, UPDATED, taken);
        for connection in &mut connections {
            let gone = |connection: &Frames| connection.closed || connection.reset >= OPEN;
            assert!(connection.read_until(SOON, gone), "{}", envoy.log());
        }
        wait(&envoy, UPDATED, taken);
    }
    // Where streams were cut within a second, Envoy has closed their connections.
    assert!(count(&envoy, CLOSED) > 0);
    assert_eq!(envoy.vm_failures(), []);
}
