//! What answers mean: ours against the obvious reading of the published types.

use accesspolicy::engine::external_auth::grpc::read_check_response;
use accesspolicy::engine::external_auth::{
    CalloutError, CalloutVerdict, Header, Reply, RequestedChanges,
};
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption, QueryParameter};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::{BoolValue, Struct, Value, value::Kind};
use envoy_types::pb::google::rpc;
use proptest::prelude::*;
use prost::Message;

fn verdict(response: &CheckResponse) -> CalloutVerdict {
    read_check_response(&response.encode_to_vec())
}

fn forbidden() -> CalloutVerdict {
    CalloutVerdict::Deny(Reply {
        status: 403,
        headers: Vec::new(),
        body: Vec::new(),
    })
}

fn response(code: Option<i32>, http: Option<HttpResponse>) -> CheckResponse {
    CheckResponse {
        status: code.map(status),
        http_response: http,
        dynamic_metadata: None,
    }
}

fn status(code: i32) -> rpc::Status {
    rpc::Status {
        code,
        message: "because".to_owned(),
        details: Vec::new(),
    }
}

fn allowing(ok: OkHttpResponse) -> CheckResponse {
    response(Some(0), Some(HttpResponse::OkResponse(ok)))
}

#[allow(deprecated, reason = "authorizers still use it")]
fn option(name: &str, value: &str, append: Option<bool>, append_action: i32) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: name.to_owned(),
            value: value.to_owned(),
            raw_value: Vec::new(),
        }),
        append: append.map(|value| BoolValue { value }),
        append_action,
        keep_empty_value: false,
    }
}

fn header(name: &str, value: &str) -> Header {
    (name.as_bytes().to_vec(), value.as_bytes().to_vec())
}

#[test]
fn the_status_decides() {
    let ok = || Some(HttpResponse::OkResponse(OkHttpResponse::default()));
    let denied = || Some(HttpResponse::DeniedResponse(DeniedHttpResponse::default()));
    let error = || Some(HttpResponse::ErrorResponse(DeniedHttpResponse::default()));
    let allow = CalloutVerdict::Allow(RequestedChanges::default());
    let failed = CalloutVerdict::Error(CalloutError::ServerError(500));
    for (code, http, expected) in [
        (Some(0), None, &allow),
        (Some(0), ok(), &allow),
        (None, ok(), &allow),
        (Some(7), None, &forbidden()),
        (Some(-1), None, &forbidden()),
        (Some(7), denied(), &forbidden()),
        (Some(13), error(), &failed),
        // What contradicts itself, or says nothing.
        (Some(7), ok(), &forbidden()),
        (Some(0), denied(), &forbidden()),
        (Some(0), error(), &failed),
        (None, denied(), &forbidden()),
        (None, None, &forbidden()),
    ] {
        let response = response(code, http);
        assert_eq!(&verdict(&response), expected, "{response:?}");
    }
    assert_eq!(read_check_response(b""), forbidden());
}

#[test]
fn a_refusal_in_the_authorizer_s_words() {
    let denied = |code| DeniedHttpResponse {
        status: Some(HttpStatus { code }),
        headers: vec![
            option("Set-Cookie", "a=1", None, 0),
            option("set-cookie", "b=2", Some(true), 0),
            option("bad name", "x", None, 0),
            option("x-split", "a\r\nb: c", None, 0),
        ],
        body: "no".to_owned(),
    };
    for (code, status) in [
        (401, 401),
        (302, 302),
        (0, 403),
        (100, 403),
        (600, 403),
        (-1, 403),
    ] {
        let http = HttpResponse::DeniedResponse(denied(code));
        let expected = CalloutVerdict::Deny(Reply {
            status,
            headers: vec![header("set-cookie", "a=1"), header("set-cookie", "b=2")],
            body: b"no".to_vec(),
        });
        assert_eq!(verdict(&response(Some(16), Some(http))), expected, "{code}");
    }
}

#[test]
fn changes_to_the_request_and_the_response() {
    let ok = OkHttpResponse {
        headers: vec![
            option("X-User", "alice", None, 0),
            option("x-set", "1", Some(false), 0),
            option("x-set-too", "1", None, 2),
            option("x-more", "1", Some(true), 2),
            option("x-absent", "1", None, 1),
            option("x-there", "1", None, 3),
            option("x-set", "2", Some(false), 1),
        ],
        headers_to_remove: ["Authorization", ":path", "host"].map(str::to_owned).into(),
        response_headers_to_add: vec![
            option("x-more", "1", None, 0),
            option("x-more", "2", Some(true), 0),
            option("x-set", "3", Some(false), 0),
            option("x-set", "4", None, 2),
            option("x-absent", "5", None, 1),
            option("x-there", "6", None, 3),
        ],
        query_parameters_to_set: vec![QueryParameter {
            key: "a".to_owned(),
            value: "b".to_owned(),
        }],
        query_parameters_to_remove: vec!["c".to_owned()],
        ..OkHttpResponse::default()
    };
    let expected = RequestedChanges {
        set: vec![
            header("x-user", "alice"),
            header("x-set", "1"),
            header("x-set-too", "1"),
            header("x-set", "2"),
        ],
        append: vec![header("x-more", "1")],
        add_if_absent: vec![header("x-absent", "1")],
        set_if_there: vec![header("x-there", "1")],
        remove: vec![b"authorization".to_vec()],
        response_add: vec![header("x-more", "1"), header("x-more", "2")],
        response_set: vec![header("x-set", "3"), header("x-set", "4")],
        response_add_if_absent: vec![header("x-absent", "5")],
        response_set_if_there: vec![header("x-there", "6")],
        query_set: vec![("a".to_owned(), "b".to_owned())],
        query_remove: vec!["c".to_owned()],
    };
    assert_eq!(verdict(&allowing(ok)), CalloutVerdict::Allow(expected));
}

#[test]
fn a_value_of_bytes() {
    let mut raw = option("x-raw", "", None, 0);
    let value = raw.header.as_mut().expect("a header");
    value.raw_value = b"a\xff".to_vec();
    let with = |option: &HeaderValueOption| {
        verdict(&allowing(OkHttpResponse {
            headers: vec![option.clone()],
            ..OkHttpResponse::default()
        }))
    };
    let expected = RequestedChanges {
        set: vec![(b"x-raw".to_vec(), b"a\xff".to_vec())],
        ..RequestedChanges::default()
    };
    assert_eq!(with(&raw), CalloutVerdict::Allow(expected));
    // Which of two values?
    raw.header.as_mut().expect("a header").value = "b".to_owned();
    assert_eq!(with(&raw), forbidden());
}

/// Every other request of a worker would wait for so many.
#[test]
fn more_changes_than_are_made() {
    for (count, expected) in [(256, true), (257, false)] {
        let ok = OkHttpResponse {
            query_parameters_to_remove: vec!["a".to_owned(); count - 100],
            headers: vec![option("x", "1", None, 0); 100],
            ..OkHttpResponse::default()
        };
        let is_allowed = matches!(verdict(&allowing(ok)), CalloutVerdict::Allow(_));
        assert_eq!(is_allowed, expected, "{count}");
    }
}

#[test]
fn what_cannot_be_done_is_a_refusal() {
    let impossible = [
        option("x", "1", None, 4),
        option("x", "1", None, -1),
        option("x", "1", None, -1),
        option(":path", "/admin", None, 0),
        option(":method", "DELETE", None, 2),
        option("host", "elsewhere", None, 0),
        option("", "1", None, 0),
        option("a b", "1", None, 0),
        option("x", "a\nb", None, 0),
        option("x", "a\0b", None, 0),
        HeaderValueOption::default(),
    ];
    for option in impossible {
        let request = OkHttpResponse {
            headers: vec![option.clone()],
            ..OkHttpResponse::default()
        };
        assert_eq!(verdict(&allowing(request)), forbidden(), "{option:?}");
        let response = OkHttpResponse {
            response_headers_to_add: vec![option.clone()],
            ..OkHttpResponse::default()
        };
        assert_eq!(verdict(&allowing(response)), forbidden(), "{option:?}");
    }
    let remove = OkHttpResponse {
        headers_to_remove: vec!["a b".to_owned()],
        ..OkHttpResponse::default()
    };
    assert_eq!(verdict(&allowing(remove)), forbidden());
    // Fields that nobody here knows: 15 of the message, and of what is in it.
    for bytes in [
        &b"\x0a\x00\x78\x01"[..],
        b"\x1a\x02\x78\x01",
        b"\x0a\x00\x1a\x04\x12\x02\x78\x01",
        b"\x0a\x00\x1a\x04\x3a\x02\x78\x01",
    ] {
        assert_eq!(read_check_response(bytes), forbidden(), "{bytes:x?}");
    }
}

#[test]
fn metadata_for_others_is_left_to_them() {
    let value = Value {
        kind: Some(Kind::StringValue("1".to_owned())),
    };
    let metadata = Struct {
        fields: [("decision_id".to_owned(), value)].into(),
    };
    let mut response = response(Some(0), None);
    response.dynamic_metadata = Some(metadata);
    assert_eq!(
        verdict(&response),
        CalloutVerdict::Allow(RequestedChanges::default())
    );
}

#[test]
fn what_can_be_read_in_two_ways_is_not_read() {
    for bytes in [
        &b"\x0a\x00\x0a\x02\x08\x07"[..], // two statuses
        b"\x0a\x04\x08\x07\x08\x00",      // two codes
        b"\x0a\x00\x1a\x00\x12\x00",      // allowed and denied
        b"\x0a\x00\x1a\x00\x1a\x00",      // allowed twice
        b"\x08\x00",                      // a status that is a number
        b"\x0a\x00\x12\x03\x1a\x01\xff",  // a body that is no text
        b"\x0a\x00\x1a",                  // cut
        b"\x0a\x00\x0b",                  // a group
    ] {
        let expected = CalloutVerdict::Error(CalloutError::Unreadable);
        assert_eq!(read_check_response(bytes), expected, "{bytes:x?}");
    }
}

/// The published message, without what nobody looks at.
#[derive(Clone, PartialEq, Message)]
struct Known {
    #[prost(message, optional, tag = "1")]
    status: Option<KnownStatus>,
    #[prost(message, optional, tag = "2")]
    denied: Option<DeniedHttpResponse>,
    #[prost(message, optional, tag = "3")]
    ok: Option<KnownOk>,
    #[prost(message, optional, tag = "5")]
    error: Option<DeniedHttpResponse>,
}

#[derive(Clone, PartialEq, Message)]
struct KnownStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

#[derive(Clone, PartialEq, Message)]
struct KnownOk {
    #[prost(message, repeated, tag = "2")]
    headers: Vec<HeaderValueOption>,
    #[prost(string, repeated, tag = "5")]
    remove: Vec<String>,
    #[prost(message, repeated, tag = "6")]
    response: Vec<HeaderValueOption>,
    #[prost(message, repeated, tag = "7")]
    query_set: Vec<QueryParameter>,
    #[prost(string, repeated, tag = "8")]
    query_remove: Vec<String>,
}

/// What a message without strange fields means, said as plainly as can be.
fn obvious(known: &Known) -> CalloutVerdict {
    let code = known.status.as_ref().map(|status| status.code);
    if let Some(denied) = &known.denied {
        return CalloutVerdict::Deny(reply(denied, 403));
    }
    if let Some(error) = &known.error {
        return CalloutVerdict::Error(CalloutError::ServerError(reply(error, 500).status));
    }
    let is_ok = match code {
        Some(code) => code == 0,
        None => known.ok.is_some(),
    };
    let changes = match &known.ok {
        Some(ok) => changes(ok),
        None => Some(RequestedChanges::default()),
    };
    match changes {
        Some(changes) if is_ok => CalloutVerdict::Allow(changes),
        _ => forbidden(),
    }
}

fn reply(denied: &DeniedHttpResponse, otherwise: u16) -> Reply {
    let code = denied.status.as_ref().map_or(0, |status| status.code);
    let status = match code {
        200..=599 => code as u16,
        _ => otherwise,
    };
    Reply {
        status,
        headers: denied.headers.iter().filter_map(line).collect(),
        body: denied.body.clone().into_bytes(),
    }
}

fn line(option: &HeaderValueOption) -> Option<Header> {
    let header = option.header.as_ref()?;
    let is_token =
        |letter: char| letter.is_ascii_graphic() && !"\"(),/:;<=>?@[\\]{}".contains(letter);
    let value = match (header.value.as_bytes(), header.raw_value.as_slice()) {
        (b"", raw) => raw,
        (text, b"") => text,
        _ => return None,
    };
    let is_fit = !header.key.is_empty()
        && header.key.chars().all(is_token)
        && !header.key.eq_ignore_ascii_case("host")
        && !value.contains(&0)
        && !value.contains(&b'\n')
        && !value.contains(&b'\r');
    is_fit.then(|| (header.key.to_ascii_lowercase().into_bytes(), value.to_vec()))
}

#[allow(deprecated, reason = "authorizers still use it")]
fn changes(ok: &KnownOk) -> Option<RequestedChanges> {
    let mut changes = RequestedChanges::default();
    for option in &ok.headers {
        let line = line(option)?;
        match (&option.append, option.append_action) {
            (Some(append), _) if append.value => changes.append.push(line),
            (Some(_), _) | (None, 0 | 2) => changes.set.push(line),
            (None, 1) => changes.add_if_absent.push(line),
            (None, 3) => changes.set_if_there.push(line),
            _ => return None,
        }
    }
    for option in &ok.response {
        let line = line(option)?;
        match (&option.append, option.append_action) {
            (Some(append), _) if append.value => changes.response_add.push(line),
            (None, 0) => changes.response_add.push(line),
            (Some(_), _) | (None, 2) => changes.response_set.push(line),
            (None, 1) => changes.response_add_if_absent.push(line),
            (None, 3) => changes.response_set_if_there.push(line),
            _ => return None,
        }
    }
    for name in &ok.remove {
        let as_header = option(name, "", None, 0);
        match line(&as_header) {
            Some((name, _)) => changes.remove.push(name),
            None if name.starts_with(':') || name.eq_ignore_ascii_case("host") => {}
            None => return None,
        }
    }
    for parameter in &ok.query_set {
        let QueryParameter { key, value } = parameter.clone();
        // What a query has as one name or one value.
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-._~%!$'()*+,;:@/?".contains(c);
        if key.is_empty() || !key.chars().chain(value.chars()).all(is_part) {
            return None;
        }
        changes.query_set.push((key, value));
    }
    changes.query_remove.clone_from(&ok.query_remove);
    Some(changes)
}

fn any_option() -> impl Strategy<Value = HeaderValueOption> {
    let name = prop_oneof![
        8 => "[a-zA-Z-]{1,6}",
        1 => Just(":path".to_owned()),
        1 => Just("Host".to_owned()),
        1 => any::<String>(),
    ];
    let value = prop_oneof![8 => "[ -~]{0,8}", 1 => any::<String>()];
    let action = prop_oneof![8 => 0..=3i32, 1 => any::<i32>()];
    (name, value, any::<Option<bool>>(), action)
        .prop_map(|(name, value, append, action)| option(&name, &value, append, action))
}

fn any_options() -> impl Strategy<Value = Vec<HeaderValueOption>> {
    prop::collection::vec(any_option(), 0..3)
}

fn any_denied() -> impl Strategy<Value = DeniedHttpResponse> {
    let status = prop_oneof![
        Just(None),
        any::<i32>().prop_map(Some),
        (0..700i32).prop_map(Some)
    ];
    (status, any_options(), ".{0,8}").prop_map(|(code, headers, body)| DeniedHttpResponse {
        status: code.map(|code| HttpStatus { code }),
        headers,
        body,
    })
}

fn any_ok() -> impl Strategy<Value = OkHttpResponse> {
    let texts = || prop::collection::vec("[a-z:]{1,4}", 0..3);
    let parameters = prop::collection::vec(
        ("[a-z]{0,3}", prop_oneof![4 => "[ -~]{0,3}", 1 => ".{0,3}"]),
        0..3,
    );
    (any_options(), texts(), any_options(), parameters, texts()).prop_map(
        |(headers, remove, response, parameters, query_remove)| OkHttpResponse {
            headers,
            headers_to_remove: remove,
            response_headers_to_add: response,
            query_parameters_to_set: parameters
                .into_iter()
                .map(|(key, value)| QueryParameter { key, value })
                .collect(),
            query_parameters_to_remove: query_remove,
            ..OkHttpResponse::default()
        },
    )
}

fn any_response() -> impl Strategy<Value = CheckResponse> {
    let http = prop_oneof![
        1 => Just(None),
        4 => any_ok().prop_map(|ok| Some(HttpResponse::OkResponse(ok))),
        2 => any_denied().prop_map(|denied| Some(HttpResponse::DeniedResponse(denied))),
        1 => any_denied().prop_map(|error| Some(HttpResponse::ErrorResponse(error))),
    ];
    let code = prop_oneof![Just(None), Just(Some(0)), any::<i32>().prop_map(Some)];
    (code, http).prop_map(|(code, http)| response(code, http))
}

/// An allow means that the bytes are a whole message, and that it allows just that.
fn assert_allows_only_what_it_says(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let CalloutVerdict::Allow(changes) = read_check_response(bytes) {
        let known = Known::decode(bytes);
        prop_assert!(known.is_ok(), "{known:?}");
        let known = known.unwrap_or_default();
        prop_assert_eq!(obvious(&known), CalloutVerdict::Allow(changes));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_answer_means_what_it_says(response in any_response()) {
        let bytes = response.encode_to_vec();
        let known = Known::decode(bytes.as_slice()).expect("a message");
        prop_assert_eq!(read_check_response(&bytes), obvious(&known));
    }

    #[test]
    fn damaged_answers_allow_only_what_they_say(
        response in any_response(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut: prop::sample::Index,
    ) {
        let mut bytes = response.encode_to_vec();
        if bytes.is_empty() {
            return Ok(());
        }
        assert_allows_only_what_it_says(&bytes[..cut.index(bytes.len())])?;
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            assert_allows_only_what_it_says(&bytes)?;
        }
    }

    #[test]
    fn any_bytes_allow_only_what_they_say(bytes: Vec<u8>) {
        assert_allows_only_what_it_says(&bytes)?;
    }
}
