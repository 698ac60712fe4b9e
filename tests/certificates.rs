//! Who a certificate names, compared with an independent reader of whole certificates.
#![cfg(not(target_arch = "wasm32"))]

use accesspolicy::engine::request::Caller;
use proptest::prelude::*;
use rcgen::string::Ia5String;
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, IsCa, KeyPair, SanType};
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::pem::{LineEnding, encode_string};
use x509_cert::der::{Decode, DecodePem};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

/// The URIs that the other reader finds; `None` for what it takes for no certificate.
fn theirs(pem: &[u8]) -> Option<Vec<String>> {
    let certificate = Certificate::from_pem(pem).ok()?;
    let mut uris = Vec::new();
    for extension in certificate
        .tbs_certificate()
        .extensions()
        .into_iter()
        .flatten()
    {
        if extension.extn_id == SUBJECT_ALT_NAME {
            let names = SubjectAltName::from_der(extension.extn_value.as_bytes()).ok()?;
            uris.extend(names.0.iter().filter_map(|name| match name {
                GeneralName::UniformResourceIdentifier(uri) => Some(uri.to_string()),
                _ => None,
            }));
        }
    }
    Some(uris)
}

fn uri(text: &str) -> SanType {
    SanType::URI(Ia5String::try_from(text).unwrap())
}

fn certificate(names: Vec<SanType>, change: impl Fn(&mut CertificateParams)) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

fn pem(der: &[u8]) -> String {
    encode_string("CERTIFICATE", LineEnding::LF, der).unwrap()
}

fn caller(der: &[u8]) -> Option<String> {
    let caller = Caller::from_certificate(pem(der).as_bytes());
    caller.spiffe_id().map(str::to_owned)
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(Ia5String::try_from(name).unwrap())
}

#[test]
fn whom_a_certificate_names() {
    let id = "spiffe://d/ns/a/sa/b";
    let other = "spiffe://d/c";
    let ip = SanType::IpAddress("127.0.0.1".parse().unwrap());
    for (names, expected) in [
        (vec![uri(id)], Some(id)),
        (vec![dns("a.b"), ip, uri("https://d/x"), uri(id)], Some(id)),
        (vec![uri(id), uri(other)], None),
        (vec![uri(id), uri("SPIFFE://d/c")], None),
        (vec![uri(id), uri(id)], None),
        (vec![uri("spiffe://d/a/")], None),
        (vec![dns(id)], None),
        (vec![], None),
    ] {
        let der = certificate(names.clone(), |_| {});
        assert_eq!(caller(&der).as_deref(), expected, "{names:?}");
        assert!(theirs(pem(&der).as_bytes()).is_some());
    }
}

#[test]
fn whatever_stands_beside_the_names() {
    let id = "spiffe://d/a";
    let critical = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.use_authority_key_identifier_extension = true;
        let mut extension = CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    };
    let der = certificate(vec![uri(id)], critical);
    assert_eq!(caller(&der).as_deref(), Some(id));
    // A second extension of names is one more place for an ID.
    let second = |text: &'static str| {
        move |params: &mut CertificateParams| {
            let mut names = vec![0x30, text.len() as u8 + 2, 0x86, text.len() as u8];
            names.extend_from_slice(text.as_bytes());
            let extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], names);
            params.custom_extensions.push(extension);
        }
    };
    assert_eq!(
        caller(&certificate(vec![uri(id)], second("spiffe://d/b"))),
        None
    );
    let found = caller(&certificate(vec![uri(id)], second("https://d/b")));
    assert_eq!(found.as_deref(), Some(id));
}

#[test]
fn what_is_around_the_certificate() {
    let text = pem(&certificate(vec![uri("spiffe://d/a")], |_| {}));
    let named = |text: &str| Caller::from_certificate(text.as_bytes()) != Caller::Anonymous;
    assert!(named(&text));
    assert!(named(text.trim_end()));
    assert!(!named(&text.replace("CERTIFICATE", "PUBLIC KEY")));
    assert!(!named(&text.replace("-----END", "----END")));
    assert!(!named(&text.replacen('M', "*", 1)));
    assert!(!named(&format!("{text}{text}")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// One byte changed, or some cut off: whom ours names, the other reader names too,
    /// unless it refuses a part that ours does not look at.
    #[test]
    fn damaged(at in 0usize..700, byte: u8, cut in prop::option::of(1usize..700)) {
        let mut der = DER.with(Clone::clone);
        let length = der.len();
        match cut {
            Some(cut) => der.truncate(length.saturating_sub(cut)),
            None => der[at % length] = byte,
        }
        let text = pem(&der);
        let ours = Caller::from_certificate(text.as_bytes());
        if let Some(uris) = theirs(text.as_bytes()) {
            let mut ids = uris.iter().filter(|uri| uri.to_lowercase().starts_with("spiffe:"));
            let expected = ids.next().filter(|_| ids.next().is_none());
            let expected = expected.and_then(|id| accesspolicy::engine::request::SpiffeId::new(id));
            if let Some(id) = ours.spiffe_id() {
                prop_assert_eq!(Some(id), expected.as_ref().map(|id| id.as_str()));
            }
        }
    }
}

thread_local! {
    static DER: Vec<u8> = certificate(vec![dns("a.b"), uri("spiffe://d/a"), uri("https://d/x")], |_| {});
}
