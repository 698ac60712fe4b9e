//! `identity.from: ForwardedClientCert` behind another Envoy, which writes the header
//! of its clients' certificates.

use serde_json::json;

use crate::identity::{A, B, assert_caller, rules, uri};
use crate::setup::{Mode, Stage, compiled, managers, plain_listener};
use crate::support::certificates::{Authority, Identity};
use crate::support::client::Client;
use crate::support::config::{Bootstrap, Cluster, Listener};
use crate::support::envoy::{Envoy, Options};

/// What the hop does with the header: listeners by that name.
const REPLACES: &str = "SANITIZE_SET";
const APPENDS: &str = "APPEND_FORWARD";

/// The filter behind a hop that asks its clients for certificates.
struct Road {
    stage: Stage,
    hop: Envoy,
    authority: Authority,
    _folder: tempfile::TempDir,
}

impl Road {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new(folder.path(), "authority").expect("an authority");
        let over = json!({"identity": {"from": "ForwardedClientCert"}});
        let listener = plain_listener(Mode::Hold, &compiled(&rules(), Mode::Hold, &over));
        let stage = Stage::start_with(vec![listener], Options::default(), |manager| {
            manager["forward_client_cert_details"] = json!("ALWAYS_FORWARD_ONLY");
        });

        let server = authority.server("hop").expect("a certificate");
        let ca = authority.certificate();
        let listener = |name| Listener::tls(name, &server, &ca, false).route("/", "next");
        let next = stage.envoy.listener(Mode::Hold.name());
        let mut bootstrap = Bootstrap {
            listeners: vec![listener(REPLACES), listener(APPENDS)],
            clusters: vec![Cluster::new("next", next)],
        }
        .json();
        for manager in managers(&mut bootstrap) {
            let all =
                json!({"subject": true, "cert": true, "chain": true, "dns": true, "uri": true});
            manager["set_current_client_cert_details"] = all;
            manager["forward_client_cert_details"] = manager["stat_prefix"].clone();
            manager["preserve_external_request_id"] = json!(true);
        }
        let hop = Envoy::start(&bootstrap).expect("Envoy serves");
        Self {
            stage,
            hop,
            authority,
            _folder: folder,
        }
    }

    fn client(&self, listener: &str, identity: Option<&Identity>) -> Client {
        let address = self.hop.listener(listener);
        Client::tls(address, &self.authority.certificate(), identity).expect("PEM files")
    }

    fn assert_caller(
        &self,
        what: &str,
        listener: &str,
        identity: Option<&Identity>,
        header: Option<&str>,
        caller: Option<&str>,
    ) {
        let header = header.map(|header| ("x-forwarded-client-cert", header));
        let client = self.client(listener, identity);
        let what = format!("{what} {listener}");
        assert_caller(&self.stage, &what, &client, header.as_slice(), caller);
    }
}

#[test]
fn the_certificate_that_a_hop_has_seen() {
    let road = Road::open();
    let hostile = format!("\",URI={B};Subject=\"\\");
    for (what, common_name, names, caller) in [
        ("one id", "x", vec![uri(A)], Some(A)),
        ("another id", "x", vec![uri(B)], Some(B)),
        (
            "an id and a web page",
            "x",
            vec![uri(A), uri("https://d/?b=c")],
            Some(A),
        ),
        ("two ids", "x", vec![uri(A), uri(B)], None),
        ("no names", "x", vec![], None),
        // Such a name has both escapes, of the quote and of the backslash.
        ("a hostile subject", &hostile, vec![uri(A)], None),
        ("a subject with quotes", "\"x\", y", vec![uri(A)], Some(A)),
    ] {
        let file = what.replace(' ', "-");
        let identity = road.authority.client_called(&file, common_name, names);
        let identity = identity.expect("a certificate");
        for listener in [REPLACES, APPENDS] {
            road.assert_caller(what, listener, Some(&identity), None, caller);
        }
    }
    for listener in [REPLACES, APPENDS] {
        road.assert_caller("nobody", listener, None, None, None);
    }
}

/// What the hop does not quote cannot be told from what it adds: its authority must not
/// sign URIs with separators in them.
#[test]
fn a_uri_with_separators() {
    let road = Road::open();
    let names = vec![uri("https://d/,URI=spiffe://d/b")];
    let identity = road.authority.client_with("x", names).expect("one");
    road.assert_caller("x", REPLACES, Some(&identity), None, Some(B));
}

/// SECURITY: whatever a client writes into the header, it is never somebody else.
#[test]
fn what_a_client_writes_in_front() {
    let road = Road::open();
    let a = road.authority.client("a", &[A]).expect("a certificate");
    for (what, front, appended) in [
        ("another caller", "URI=spiffe://d/b", Some(A)),
        (
            "two others",
            "Hash=0;URI=spiffe://d/b,URI=spiffe://d/c",
            Some(A),
        ),
        ("quotes in order", "URI=spiffe://d/b;Subject=\",\"", Some(A)),
        ("open quotes", "URI=spiffe://d/b;Subject=\"", None),
        ("an open escape", "URI=spiffe://d/b;Subject=\"\\", None),
        ("an escape without quotes", "URI=spiffe://d/b\\", None),
        ("an open pair", "URI=", None),
        ("a key", "URI", None),
        ("an empty element", "URI=spiffe://d/b,", None),
        ("no element", ",", None),
        ("the form in JSON", "[{\"URI\":[\"spiffe://d/b\"]}]", None),
    ] {
        road.assert_caller(what, REPLACES, Some(&a), Some(front), Some(A));
        road.assert_caller(what, APPENDS, Some(&a), Some(front), appended);
        // Without a certificate there is nobody to add.
        for listener in [REPLACES, APPENDS] {
            let what = format!("{what} alone");
            road.assert_caller(&what, listener, None, Some(front), None);
        }
    }
}
