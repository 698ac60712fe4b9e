//! The form of each part of a compiled policy.

use super::super::authorizer::{
    AskSettings, CalloutHost, ExternalAuth, GrpcAuth, HttpAuth, OnError, Oversize, Protocol,
    Routing, Timeout,
};
use super::super::http::{HeaderMatch, HttpMatch, PathMatch, ValueMatch};
use super::super::identity::{IdentitySource, MetadataText};
use super::super::model::{
    Action, AllowPolicies, Backend, BaseProtocol, CompiledPolicy, DenialForm, Limits, Listener,
    Mcp, MethodMatch, MethodName, Mode, ObjectName, OnRevocation, Policy, PortAlias,
    RequestHeaders, ResourceParam, Rule, Settings, Target, UnknownMembers, Unlisted, Unprotected,
};
use super::{
    FormError, Read, SafeInteger, expect, named, object, required, said, set, unknown, word,
};
use crate::engine::expr::{CelNode, CelProgram, CompiledRegex};
use crate::engine::json::{Pull, TokenKind};

/// How an object's members become a type's: each has a key and is `required`, `optional`
/// or `defaulted`.
macro_rules! record {
    ($($type:ident $(<$part:ident>)? { $($member:ident: $key:literal $how:ident,)* })*) => {$(
        impl$(<$part: Read>)? Read for $type$(<$part>)? {
            fn read(text: &mut Pull<'_>) -> Result<Self, FormError> {
                $(let mut $member = None;)*
                object(text, &mut |text, key| match key {
                    $($key => set(&mut $member, text),)*
                    _ => Err(unknown()),
                })?;
                Ok(Self { $($member: $how($member, $key)?,)* })
            }
        }
    )*};
}

fn optional<T>(value: Option<T>, _: &str) -> Result<Option<T>, FormError> {
    Ok(value)
}

fn defaulted<T: Default>(value: Option<T>, _: &str) -> Result<T, FormError> {
    Ok(value.unwrap_or_default())
}

fn usual_keys(value: Option<SafeInteger>, _: &str) -> Result<SafeInteger, FormError> {
    Ok(value.unwrap_or_else(Limits::usual_keys))
}

fn usual_timeout(value: Option<Timeout>, _: &str) -> Result<Timeout, FormError> {
    Ok(value.unwrap_or(Limits::BODY_TIMEOUT))
}

/// Types that are one of several words.
macro_rules! word {
    ($($type:ident { $($word:ident)* })*) => {$(
        impl Read for $type {
            fn read(text: &mut Pull<'_>) -> Result<Self, FormError> {
                let word = word(text)?;
                match &*word {
                    $(stringify!($word) => Ok(Self::$word),)*
                    _ => Err(named("unknown word", &word)),
                }
            }
        }
    )*};
}

/// Types that are a word, or an object of one member whose key is the word.
macro_rules! tagged {
    ($($type:ident { $($word:ident)* } or { $($key:ident)* })*) => {$(
        impl Read for $type {
            fn read(text: &mut Pull<'_>) -> Result<Self, FormError> {
                if text.kind() == Some(TokenKind::String) {
                    let word = text.string()?;
                    return match &*word {
                        $(stringify!($word) => Ok(Self::$word),)*
                        _ => Err(named("unknown word", &word)),
                    };
                }
                let mut found = None;
                object(text, &mut |text, key| {
                    if found.is_some() {
                        return Err(said("one member too many"));
                    }
                    found = Some(match key {
                        $(stringify!($key) => Self::$key(Read::read(text)?),)*
                        _ => return Err(unknown()),
                    });
                    Ok(())
                })?;
                found.ok_or_else(|| said("not a member"))
            }
        }
    )*};
}

record! {
    CompiledPolicy<Policies> {
        schema_version: "schemaVersion" required,
        digest: "digest" required,
        seal: "seal" optional,
        gateway: "gateway" required,
        settings: "settings" required,
        listeners: "listeners" required,
        backends: "backends" required,
        policies: "policies" required,
    }
    ObjectName {
        namespace: "namespace" required,
        name: "name" required,
    }
    Listener {
        name: "name" required,
        port: "port" required,
    }
    Backend {
        backend: "backend" required,
        clusters: "clusters" required,
    }
    Settings {
        identity: "identity" required,
        allow_policies: "allowPolicies" required,
        unprotected: "unprotected" required,
        unlisted: "unlisted" defaulted,
        on_revocation: "onRevocation" defaulted,
        resource_param: "resourceParam" defaulted,
        request_headers: "requestHeaders" required,
        mcp_paths: "mcpPaths" optional,
        unknown_members: "unknownMembers" defaulted,
        denial: "denial" required,
        limits: "limits" required,
        external_auth: "externalAuth" defaulted,
        edge: "edge" defaulted,
        ports: "ports" defaulted,
        log_allowed_per_million: "logAllowedPerMillion" defaulted,
    }
    PortAlias {
        gateway: "gateway" required,
        envoy: "envoy" required,
    }
    Limits {
        body_bytes: "bodyBytes" required,
        depth: "depth" required,
        keys: "keys" usual_keys,
        body_timeout: "bodyTimeout" usual_timeout,
    }
    AskSettings {
        timeout: "timeout" required,
        on_error: "onError" required,
        oversize: "oversize" required,
        host: "host" defaulted,
        routing: "routing" defaulted,
    }
    Policy {
        policy: "policy" required,
        action: "action" required,
        mode: "mode" required,
        external_auth: "externalAuth" optional,
        targets: "targets" required,
        rules: "rules" optional,
    }
    ExternalAuth {
        protocol: "protocol" required,
        cluster: "cluster" required,
        authority: "authority" required,
        max_body: "maxBody" optional,
        order: "order" required,
    }
    HttpAuth {
        path: "path" required,
        allowed_headers: "allowedHeaders" required,
        allowed_response_headers: "allowedResponseHeaders" optional,
    }
    GrpcAuth {
        allowed_headers: "allowedHeaders" optional,
    }
    Rule {
        name: "name" required,
        source: "source" optional,
        http: "http" optional,
        mcp: "mcp" optional,
        cel: "cel" optional,
        message: "message" optional,
    }
    HttpMatch {
        methods: "methods" optional,
        paths: "paths" optional,
        headers: "headers" optional,
        hosts: "hosts" optional,
        ports: "ports" optional,
    }
    HeaderMatch {
        name: "name" required,
        value: "value" required,
    }
    CompiledRegex {
        text: "text" required,
        automaton: "automaton" required,
    }
    Mcp {
        methods: "methods" optional,
        base_protocol: "baseProtocol" required,
    }
    MethodMatch {
        name: "name" required,
        params: "params" optional,
    }
    CelProgram {
        text: "text" required,
        nodes: "nodes" required,
        patterns: "patterns" required,
    }
}

word! {
    AllowPolicies { All Any }
    Unprotected { Deny Allow }
    Unlisted { Deny Gateway }
    OnRevocation {
        Keep
        Close
    }
    ResourceParam { Uri Name }
    UnknownMembers { Reject Pass }
    RequestHeaders { Hold Stream }
    DenialForm { JsonRpc Http403 Hide }
    Action { Allow Deny ExternalAuth }
    Mode { Enforce Audit }
    BaseProtocol { None Session Full }
    OnError { Deny Allow }
    Oversize { Reject Truncate }
    CalloutHost { Client Service }
    Routing { Unknown Fixed }
}

tagged! {
    IdentitySource { PeerCertificate ForwardedClientCert } or { Metadata }
    Target { Gateway } or { Listener Backend }
    Protocol {} or { Http Grpc }
    PathMatch {} or { Exact PathPrefix RegularExpression }
    ValueMatch {} or { Exact RegularExpression }
}

impl Read for MethodName {
    fn read(text: &mut Pull<'_>) -> Result<Self, FormError> {
        let name = word(text)?;
        let mut known = Self::ALL.into_iter();
        let found = known.find(|known| known.as_str() == &*name);
        found.ok_or_else(|| named("unknown method", &name))
    }
}

impl Read for Timeout {
    fn read(text: &mut Pull<'_>) -> Result<Self, FormError> {
        Self::try_from(SafeInteger::read(text)?).map_err(said)
    }
}

impl Read for MetadataText {
    fn read(text: &mut Pull<'_>) -> Result<Self, FormError> {
        let (mut namespace, mut path, mut trust_domain) = (None, None, None);
        object(text, &mut |text, key| match key {
            "namespace" => set(&mut namespace, text),
            "path" => set(&mut path, text),
            "trustDomain" => set(&mut trust_domain, text),
            _ => Err(unknown()),
        })?;
        let (namespace, path) = (required(namespace, "namespace")?, required(path, "path")?);
        Self::new(namespace, path, trust_domain).ok_or_else(|| said(Self::RULE))
    }
}

impl Read for CelNode {
    fn read(text: &mut Pull<'_>) -> Result<Self, FormError> {
        let not = "not a node of an expression";
        expect(text, TokenKind::String, not)?;
        text.string()?.parse().map_err(|_| said(not))
    }
}
