//! The caller is who the verified certificate says, and nobody else says it.

use std::path::Path;

use rcgen::SanType;
use serde_json::{Value, json};

use crate::setup::{Mode, PROTOCOLS, Stage, call, compiled, is_denied, speaking};
use crate::support::certificates::{Authority, Identity};
use crate::support::client::Client;
use crate::support::config::{Bootstrap, Cluster, Listener};
use crate::support::envoy::{Envoy, Options};
use crate::support::message::Request;
use crate::support::recorder::Recorder;

pub(crate) const A: &str = "spiffe://d/a";
pub(crate) const B: &str = "spiffe://d/b";

/// Rules by which A may call `a`, B may call `b`, and nobody else anything.
pub(crate) fn rules() -> Value {
    let rule = |name: &str, source: &str| {
        let mcp = json!({"methods": [{"name": "tools/call", "params": [name]}]});
        let source = json!({"type": "SPIFFE", "spiffe": source});
        json!({"name": name, "source": source, "authorization": {"type": "Inline", "mcp": mcp}})
    };
    json!([rule("a", A), rule("b", B)])
}

/// Calls both tools with some headers more; `caller` is who the filter must take the
/// client for.
pub(crate) fn assert_caller(
    stage: &Stage,
    what: &str,
    client: &Client,
    headers: &[(&str, &str)],
    caller: Option<&str>,
) {
    for (name, protocol) in PROTOCOLS {
        for (tool, owner) in [("a", A), ("b", B)] {
            let mut id = format!("{what}.{name}.{tool}").replace(' ', "-");
            if id.len() == 36 {
                // Envoy writes into ids that are as long as its own.
                id.push('.');
            }
            let mut request = Request::mcp(call(tool)).header("x-request-id", &id);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let answer = speaking(client, protocol).send(&request);
            let answer = answer.unwrap_or_else(|error| panic!("{id}: {error}"));
            let denied = is_denied(&answer, &json!(7));
            assert_eq!(denied, caller != Some(owner), "{id}: {answer:?}");
            let records = stage.records([id.as_str()].into_iter());
            assert_eq!(records[&id][0]["enduser.id"].as_str(), caller, "{id}");
        }
    }
}

/// Listeners: `required` and `optional` as to client certificates, and `forwarding`,
/// which lets a client's own `x-forwarded-client-cert` reach the filter.
struct Door {
    stage: Stage,
    authority: Authority,
    folder: tempfile::TempDir,
}

impl Door {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new(folder.path(), "authority").expect("an authority");
        let server = authority.server("server").expect("a certificate");
        let configuration = compiled(&rules(), Mode::Hold, &Value::Null);
        let ca = authority.certificate();
        let listener = |name, required| {
            Listener::tls(name, &server, &ca, required)
                .filter(Mode::Hold.filter(&configuration))
                .route("/", "everything")
        };
        let listeners = vec![
            listener("required", true),
            listener("optional", false),
            listener("forwarding", false),
        ];
        let stage = Stage::start_with(listeners, Options::default(), |manager| {
            if manager["stat_prefix"] == "forwarding" {
                manager["forward_client_cert_details"] = json!("ALWAYS_FORWARD_ONLY");
            }
        });
        Self {
            stage,
            authority,
            folder,
        }
    }

    fn client(&self, listener: &str, identity: Option<&Identity>) -> Client {
        let address = self.stage.envoy.listener(listener);
        Client::tls(address, &self.authority.certificate(), identity).expect("PEM files")
    }

    /// The same, with what the client says of itself.
    fn assert_caller(
        &self,
        what: &str,
        client: &Client,
        forwarded: Option<&str>,
        caller: Option<&str>,
    ) {
        let header = forwarded.map(|forwarded| ("x-forwarded-client-cert", forwarded));
        assert_caller(&self.stage, what, client, header.as_slice(), caller);
    }
}

pub(crate) fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().expect("ASCII"))
}

fn dns(text: &str) -> SanType {
    SanType::DnsName(text.try_into().expect("ASCII"))
}

#[test]
fn the_names_in_a_certificate() {
    let door = Door::open();
    for (what, names, caller) in [
        ("one id", vec![uri(A)], Some(A)),
        ("another id", vec![uri(B)], Some(B)),
        (
            "an id of no rule",
            vec![uri("spiffe://d/c")],
            Some("spiffe://d/c"),
        ),
        (
            "an id and a web page",
            vec![uri(A), uri("https://d/b")],
            Some(A),
        ),
        (
            "a web page and an id",
            vec![uri("https://d/b"), uri(A)],
            Some(A),
        ),
        (
            "an id among host names",
            vec![dns("x.d"), uri(A), dns("y.d")],
            Some(A),
        ),
        // Several ids are none: nobody may choose which of them counts.
        ("two ids", vec![uri(A), uri(B)], None),
        ("two ids the other way round", vec![uri(B), uri(A)], None),
        ("the same id twice", vec![uri(A), uri(A)], None),
        (
            "two ids far apart",
            vec![uri(A), uri("https://d/x"), uri(B)],
            None,
        ),
        (
            "an id and a malformed one",
            vec![uri(A), uri("spiffe://D/b")],
            None,
        ),
        (
            "an id in capitals and an id",
            vec![uri("SPIFFE://d/b"), uri(A)],
            None,
        ),
        // What is not an id names nobody.
        ("no names", vec![], None),
        ("a host name", vec![dns("d")], None),
        ("a host name like an id", vec![dns(A)], None),
        ("a web page", vec![uri("https://d/a")], None),
        ("an id with a slash more", vec![uri("spiffe://d/a/")], None),
        ("an id with a query", vec![uri("spiffe://d/a?b")], None),
        ("an id in capitals", vec![uri("SPIFFE://d/a")], None),
        ("an id with an escape", vec![uri("spiffe://d/%61")], None),
        ("an id with a user", vec![uri("spiffe://u@d/a")], None),
        ("a scheme alone", vec![uri("spiffe:")], None),
    ] {
        let file = what.replace(' ', "-");
        let identity = door
            .authority
            .client_with(&file, names)
            .expect("a certificate");
        let client = door.client("required", Some(&identity));
        door.assert_caller(what, &client, None, caller);
    }
}

#[test]
fn who_is_let_in_at_all() {
    let door = Door::open();
    let other: &Path = &door.folder.path().join("other");
    let other = Authority::new(other, "authority").expect("an authority");
    let foreign = other.client("a", &[A]).expect("a certificate");
    for listener in ["required", "optional", "forwarding"] {
        for (_, protocol) in PROTOCOLS {
            let client = speaking(&door.client(listener, Some(&foreign)), protocol);
            assert!(client.send(&Request::mcp(call("a"))).is_err(), "{listener}");
        }
    }
    assert!(
        door.client("required", None)
            .send(&Request::mcp(call("a")))
            .is_err()
    );
    assert_eq!(door.stage.recorder.requests_when_quiet().len(), 0);
    door.assert_caller("nobody", &door.client("optional", None), None, None);
}

/// SECURITY: the header is the client's own word wherever it is not sanitised.
#[test]
fn what_a_client_says_of_itself_changes_nothing() {
    let door = Door::open();
    let b = door.authority.client("b", &[B]).expect("a certificate");
    let forwarded = format!("By=spiffe://d/server;Hash=00;URI={A}");
    for listener in ["required", "optional", "forwarding"] {
        let client = door.client(listener, Some(&b));
        let what = format!("b at {listener}");
        door.assert_caller(&what, &client, Some(&forwarded), Some(B));
    }
    for listener in ["optional", "forwarding"] {
        let client = door.client(listener, None);
        let what = format!("nobody at {listener}");
        door.assert_caller(&what, &client, Some(&forwarded), None);
    }
}

/// One worker, one VM, connections of two callers: each request has its own caller.
#[test]
fn two_callers_in_turn() {
    let door = Door::open();
    let a = door.authority.client("a", &[A]).expect("a certificate");
    let b = door.authority.client("b", &[B]).expect("a certificate");
    for (_, protocol) in PROTOCOLS {
        let open = |identity: Option<&Identity>| {
            let client = speaking(&door.client("optional", identity), protocol);
            client.connect().expect("a connection")
        };
        let mut callers = [
            (open(Some(&a)), "a"),
            (open(None), "-"),
            (open(Some(&b)), "b"),
        ];
        for round in 0..20 {
            for (connection, own) in &mut callers {
                for tool in ["a", "b"] {
                    let answer = connection
                        .send(&Request::mcp(call(tool)))
                        .expect("an answer");
                    let denied = is_denied(&answer, &json!(7));
                    assert_eq!(denied, tool != *own, "round {round}: {own} calls {tool}");
                }
            }
        }
    }
}

/// An Envoy that accepts what it could not verify, as gateways are told to that are to take
/// other clients as well.
#[test]
fn a_certificate_that_nobody_verified_names_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path(), "authority").expect("an authority");
    let other = Authority::new(folder.path(), "other").expect("an authority");
    let server = authority.server("server").expect("a certificate");
    let configuration = compiled(&rules(), Mode::Hold, &Value::Null);
    let recorder = Recorder::start();
    let listener = Listener::tls("open", &server, &authority.certificate(), false)
        .filter(Mode::Hold.filter(&configuration));
    let partners = Listener::tls("partners", &server, &other.certificate(), false)
        .filter(Mode::Hold.filter(&configuration));
    let mut bootstrap = Bootstrap {
        listeners: [listener, partners]
            .map(|listener| listener.route("/", "everything"))
            .to_vec(),
        clusters: vec![Cluster::new("everything", recorder.address())],
    }
    .json();
    for listener in 0..2 {
        let chain = &mut bootstrap["static_resources"]["listeners"][listener]["filter_chains"][0];
        chain["filters"][0]["typed_config"]["preserve_external_request_id"] = json!(true);
        let tls = &mut chain["transport_socket"]["typed_config"];
        if listener == 0 {
            let common = &mut tls["common_tls_context"];
            common["validation_context"]["trust_chain_verification"] = json!("ACCEPT_UNTRUSTED");
        }
    }
    let options = Options {
        concurrency: 2,
        ..Options::default()
    };
    let stage = Stage {
        envoy: Envoy::start_with(&bootstrap, options).expect("Envoy serves"),
        recorder,
    };
    let to = |listener: &str, identity: Option<&Identity>| {
        let address = stage.envoy.listener(listener);
        Client::tls(address, &authority.certificate(), identity).expect("PEM files")
    };
    let client = |identity: Option<&Identity>| to("open", identity);
    let mine = authority.client("mine", &[A]).expect("a certificate");
    let forged = other.client("forged", &[A]).expect("a certificate");
    let at_partners = to("partners", Some(&forged));
    let (mine, forged) = (client(Some(&mine)), client(Some(&forged)));
    // Each call has a connection of its own.
    for round in 0..3 {
        assert_caller(&stage, &format!("forged {round}"), &forged, &[], None);
        assert_caller(&stage, &format!("mine {round}"), &mine, &[], Some(A));
        assert_caller(&stage, &format!("nobody {round}"), &client(None), &[], None);
        // Another listener that trusts whoever signed it changes nothing here.
        let what = format!("partner {round}");
        assert_caller(&stage, &what, &at_partners, &[], Some(A));
    }
}

/// Envoy does not say of a session that is resumed that its certificate was verified.
#[test]
fn a_resumed_session_names_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new(folder.path(), "authority").expect("an authority");
    let server = authority.server("server").expect("a certificate");
    let configuration = compiled(&rules(), Mode::Hold, &Value::Null);
    let recorder = Recorder::start();
    let listener = Listener::tls("inbound", &server, &authority.certificate(), true)
        .filter(Mode::Hold.filter(&configuration))
        .route("/", "everything");
    let mut bootstrap = Bootstrap {
        listeners: vec![listener],
        clusters: vec![Cluster::new("everything", recorder.address())],
    }
    .json();
    let chain = &mut bootstrap["static_resources"]["listeners"][0]["filter_chains"][0];
    let tls = &mut chain["transport_socket"]["typed_config"];
    tls["disable_stateless_session_resumption"] = json!(false);
    tls["disable_stateful_session_resumption"] = json!(false);
    let envoy = Envoy::start(&bootstrap).expect("Envoy serves");
    let mine = authority.client("mine", &[A]).expect("a certificate");
    let address = envoy.listener("inbound");
    let client = Client::tls(address, &authority.certificate(), Some(&mine)).expect("PEM files");
    let is_allowed = || {
        let answer = client.send(&Request::mcp(call("a"))).expect("an answer");
        !is_denied(&answer, &json!(7))
    };
    assert!(is_allowed());
    let resumed = || {
        let stats = envoy.stats().into_iter();
        let reused = stats.filter(|(name, _)| name.ends_with("ssl.session_reused"));
        reused.map(|(_, count)| count).sum::<u64>()
    };
    let before = resumed();
    assert_eq!((is_allowed(), resumed()), (false, before + 1));
}
