//! An image to a registry. SPEC: OCI Distribution 1.1, spoken by `oci-client`.
//!
//! TLS everywhere, unless the registry itself is on loopback: then nothing goes without it but
//! on loopback. A password goes to the registry that it was left for and, as with every client
//! of registries, to the token service that this registry names.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};
use hyper_util::client::proxy::matcher::Matcher;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};

use super::{Blob, Image};

/// Where an image goes, and how.
#[derive(Debug, Clone)]
pub struct Push {
    to: Reference,
    /// A certificate authority in PEM, which is believed beside those of the system; with
    /// it, registries on loopback are spoken to by TLS as well.
    authority: Option<Vec<u8>>,
    /// How long all of it may take.
    patience: Duration,
}

/// How long a push may take, whatever the registry does.
const PATIENCE: Duration = Duration::from_secs(300);

/// A proxy that is not there: nobody can listen on this port.
const NOWHERE: &str = "http://127.0.0.1:0";

/// What is on loopback, for whoever chooses a proxy: see [`is_loopback`].
const LOOPBACK: &str = "localhost,127.0.0.0/8";

/// What is being done.
#[derive(Debug, Clone, Copy)]
pub enum PushProgress<'a> {
    /// This blob is sent.
    Sends(&'a Blob),
    /// The registry has this blob already.
    Has(&'a Blob),
}

/// Why an image was not pushed. Its display is one sentence.
#[derive(Debug)]
pub enum PushError {
    /// The reference is none.
    Reference(String, String),
    /// The password for the registry cannot be had.
    Credentials(String, String),
    /// The registry, or the way to it.
    Registry(String, String),
    /// The registry has another image under the reference than was sent.
    Other(String, String),
    /// The program's own means.
    Runtime(io::Error),
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference(text, why) => write!(
                f,
                "`{text}` is no image reference: {why}; write `registry.example/path:tag`"
            ),
            Self::Credentials(registry, why) => {
                write!(f, "the password for `{registry}` cannot be had: {why}")
            }
            Self::Registry(registry, why) => write!(f, "registry `{registry}`: {why}"),
            Self::Other(reference, digest) => write!(
                f,
                "the registry has `{digest}` as `{reference}`, which is not what was pushed"
            ),
            Self::Runtime(error) => write!(f, "the network cannot be used: {error}"),
        }
    }
}

impl Error for PushError {}

impl Push {
    /// To this reference, `registry/repository[:tag]`, with `oci://` before it or not. Where
    /// it has no tag, it gets `tag`.
    ///
    /// # Errors
    /// When it is none.
    pub fn to(text: &str, tag: &str) -> Result<Self, PushError> {
        let reference = text.strip_prefix("oci://").unwrap_or(text);
        let wrong = |why: &str| PushError::Reference(text.to_owned(), why.to_owned());
        if reference.contains('@') {
            return Err(wrong("the digest comes of what is pushed"));
        }
        // Others take the first part for a registry or leave it to a default; an image
        // that goes somewhere else than was meant is not pushed.
        let is_host = |host: &str| host.contains(['.', ':']) || host == "localhost";
        if !reference
            .split_once('/')
            .is_some_and(|(host, _)| is_host(host))
        {
            return Err(wrong("it names no registry"));
        }
        let name = reference.rsplit('/').next().unwrap_or_default();
        let tagged = match name.contains(':') {
            true => reference.to_owned(),
            // A version may have what a tag may not.
            false => format!("{reference}:{}", tag.replace('+', "_")),
        };
        let to = tagged.parse::<Reference>();
        Ok(Self {
            to: to.map_err(|error| wrong(&error.to_string()))?,
            authority: None,
            patience: PATIENCE,
        })
    }

    /// Believes this authority, in PEM, beside those of the system.
    pub fn trusting(mut self, authority: Vec<u8>) -> Self {
        self.authority = Some(authority);
        self
    }

    /// The whole reference.
    pub fn reference(&self) -> String {
        self.to.whole()
    }

    /// Pushes the image and asks the registry for its digest.
    ///
    /// # Errors
    /// When the registry does not take it, or has something else then.
    pub fn run(&self, image: &Image, progress: impl Fn(PushProgress<'_>)) -> Result<(), PushError> {
        // The first of a process stays; that it is there is all that matters.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(PushError::Runtime)?;
        let all = async { tokio::time::timeout(self.patience, self.send(image, progress)).await };
        runtime.block_on(all).unwrap_or_else(|_| {
            let seconds = self.patience.as_secs();
            let why = format!("it took longer than {seconds} seconds; push again");
            Err(PushError::Registry(self.registry(), why))
        })
    }

    async fn send(
        &self,
        image: &Image,
        progress: impl Fn(PushProgress<'_>),
    ) -> Result<(), PushError> {
        let auth = self.credentials()?;
        if let RegistryAuth::Basic(..) = auth {
            self.check_token_service().await?;
        }
        let failed = |error: OciDistributionError| self.failed(&error);
        // SECURITY: `Client::new` would go on without what the configuration forbids.
        let client = Client::try_from(self.config()).map_err(failed)?;
        client
            .auth(&self.to, &auth, RegistryOperation::Push)
            .await
            .map_err(failed)?;
        for blob in &image.blobs {
            if client
                .blob_exists(&self.to, &blob.digest)
                .await
                .map_err(failed)?
            {
                progress(PushProgress::Has(blob));
                continue;
            }
            progress(PushProgress::Sends(blob));
            client
                .push_blob(&self.to, blob.bytes.clone(), &blob.digest)
                .await
                .map_err(failed)?;
        }
        let Blob {
            media_type,
            digest,
            bytes,
        } = &image.manifest;
        progress(PushProgress::Sends(&image.manifest));
        let kind = media_type.parse().map_err(|_| {
            PushError::Registry(self.registry(), format!("`{media_type}` is no media type"))
        })?;
        client
            .push_manifest_raw(&self.to, bytes.clone(), kind)
            .await
            .map_err(failed)?;
        let found = client
            .fetch_manifest_digest(&self.to, &auth)
            .await
            .map_err(failed)?;
        match found == *digest {
            true => Ok(()),
            false => Err(PushError::Other(self.reference(), found)),
        }
    }

    /// For a clear sentence: what the registry names the next time is held to the same by
    /// [`config`](Self::config).
    async fn check_token_service(&self) -> Result<(), PushError> {
        let failed = |error: &dyn Error| PushError::Registry(self.registry(), chain(error));
        let registry = self.to.resolve_registry();
        let mut client = reqwest::Client::builder();
        let scheme = match self.is_in_the_clear() {
            true => {
                client = client.no_proxy();
                "http"
            }
            false => "https",
        };
        client = client
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(20));
        if let Some(authority) = &self.authority {
            let authority = reqwest::Certificate::from_pem(authority);
            client = client.add_root_certificate(authority.map_err(|error| failed(&error))?);
        }
        let client = client.build().map_err(|error| failed(&error))?;
        let request = client.get(format!("{scheme}://{registry}/v2/"));
        let response = request.send().await.map_err(|error| failed(&error))?;
        let challenges = response.headers().get_all("www-authenticate");
        for challenge in challenges {
            let challenge = String::from_utf8_lossy(challenge.as_bytes());
            let mut realms = token_services(&challenge).into_iter();
            if let Some(realm) = realms.find(|realm| !self.may_ask(realm)) {
                let why = format!(
                    "its token service `{realm}` would get the password without TLS; push by a registry \
                     that names one by https"
                );
                return Err(PushError::Registry(self.registry(), why));
            }
        }
        Ok(())
    }

    fn is_in_the_clear(&self) -> bool {
        self.authority.is_none() && is_loopback(self.to.resolve_registry())
    }

    fn config(&self) -> ClientConfig {
        let protocol = match self.is_in_the_clear() {
            true => ClientProtocol::HttpsExcept(vec![self.to.resolve_registry().to_owned()]),
            false => ClientProtocol::Https,
        };
        let authorities = self.authority.iter().map(|pem| Certificate {
            encoding: CertificateEncoding::Pem,
            data: pem.clone(),
        });
        ClientConfig {
            protocol,
            extra_root_certificates: authorities.collect(),
            connect_timeout: Some(Duration::from_secs(20)),
            read_timeout: Some(Duration::from_secs(120)),
            // SECURITY: the client asks for whatever address the registry names, in challenges,
            // for uploads and in redirections. Without TLS none is reached but on loopback.
            http_proxy: Some(NOWHERE.to_owned()),
            no_proxy: Some(if self.is_in_the_clear() { LOOPBACK } else { "" }.to_owned()),
            https_proxy: self.https_proxy(),
            ..ClientConfig::default()
        }
    }

    /// The environment's proxy for the registry, which the client asks for no more where it is
    /// given one. By it the registry's other addresses are reached as well.
    fn https_proxy(&self) -> Option<String> {
        let registry = self.to.resolve_registry();
        let address = format!("https://{registry}/").parse().ok()?;
        if is_loopback(registry) {
            return None;
        }
        Matcher::from_env().intercept(&address)?;
        let first = |names: [&str; 2]| names.iter().find_map(|name| std::env::var(name).ok());
        let named = [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]];
        let mut named = named.into_iter().filter_map(first);
        named.find(|proxy| {
            let proxy = Matcher::builder().https(proxy).build();
            proxy.intercept(&address).is_some()
        })
    }

    /// Whether an address is asked: by TLS, or on loopback where the registry is.
    fn may_ask(&self, address: &str) -> bool {
        reqwest::Url::parse(address).is_ok_and(|url| match (url.scheme(), url.host_str()) {
            ("https", _) => true,
            ("http", Some(host)) => self.is_in_the_clear() && is_loopback(host),
            _ => false,
        })
    }

    /// The address without TLS that a request was to go to, and did not.
    fn unasked(&self, error: &OciDistributionError) -> Option<String> {
        let OciDistributionError::RequestError(error) = error else {
            return None;
        };
        let url = error.url().filter(|url| !self.may_ask(url.as_str()))?;
        Some(url.origin().ascii_serialization())
    }

    /// What `docker login` left for the registry; nothing is fine as well.
    fn credentials(&self) -> Result<RegistryAuth, PushError> {
        let registry = self.registry();
        let wrong = |why: String| PushError::Credentials(registry.clone(), why);
        let Some(file) = docker_config() else {
            return Ok(RegistryAuth::Anonymous);
        };
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(RegistryAuth::Anonymous);
            }
            Err(error) => return Err(wrong(format!("`{}`: {error}", file.display()))),
        };
        let key = match &*registry {
            "docker.io" | "index.docker.io" => "https://index.docker.io/v1/",
            other => other,
        };
        match docker_credential::get_credential_from_reader(&*text, key) {
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                Ok(RegistryAuth::Basic(user, password))
            }
            Ok(DockerCredential::IdentityToken(_)) => Err(wrong(format!(
                "`{}` has an identity token; `docker login` with user and password instead",
                file.display()
            ))),
            Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(RegistryAuth::Anonymous),
            // What every helper says that has none for this registry.
            Err(CredentialRetrievalError::HelperFailure { stdout, .. })
                if stdout.contains("credentials not found") =>
            {
                Ok(RegistryAuth::Anonymous)
            }
            // SECURITY: what a helper wrote may be the password, so it is not repeated.
            Err(CredentialRetrievalError::HelperFailure { helper, .. }) => {
                Err(wrong(format!("the credential helper `{helper}` failed")))
            }
            Err(error) => Err(wrong(format!("`{}`: {error}", file.display()))),
        }
    }

    fn registry(&self) -> String {
        self.to.registry().to_owned()
    }

    /// One sentence of an error and what is behind it.
    fn failed(&self, error: &OciDistributionError) -> PushError {
        let is_refusal = match error {
            OciDistributionError::UnauthorizedError { .. }
            | OciDistributionError::AuthenticationFailure(_) => true,
            OciDistributionError::ServerError { code, .. } => matches!(code, 401 | 403),
            OciDistributionError::RequestError(error) => {
                let status = error.status().map(|status| status.as_u16());
                matches!(status, Some(401 | 403))
            }
            _ => false,
        };
        if let Some(address) = self.unasked(error) {
            let why = format!(
                "it leads to `{address}`, where nothing is sent without TLS; push by a registry \
                 that names addresses with https"
            );
            return PushError::Registry(self.registry(), why);
        }
        let why = match error {
            _ if is_refusal => format!(
                "it does not let you push; `docker login {}` first",
                self.registry()
            ),
            OciDistributionError::RegistryError { envelope, .. } => {
                let errors = envelope.errors.iter().map(|error| match &*error.message {
                    "" => format!("{:?}", error.code),
                    message => message.to_owned(),
                });
                errors.collect::<Vec<_>>().join("; ").replace('\n', " ")
            }
            other => chain(other),
        };
        PushError::Registry(self.registry(), why)
    }
}

/// What an error says, and those behind it, what is said already left out.
fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let says = error.to_string();
        if !said.contains(&says) {
            said.push_str(": ");
            said.push_str(&says);
        }
        next = error.source();
    }
    said.replace('\n', " ")
}

/// Where `docker login` leaves passwords.
fn docker_config() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from);
    let folder = folder("DOCKER_CONFIG").or_else(|| Some(folder("HOME")?.join(".docker")));
    Some(folder?.join("config.json"))
}

/// The realms of challenges that are addresses. SPEC: RFC 6750, 3; RFC 9110, 11.2: with blanks
/// around `=`, and anything escaped where it is quoted.
fn token_services(challenge: &str) -> Vec<String> {
    let lower = challenge.to_ascii_lowercase();
    let places = lower
        .match_indices("realm")
        .map(|(at, found)| at + found.len());
    let realms = places.filter_map(|behind| {
        let value = challenge.get(behind..)?.trim_start().strip_prefix('=')?;
        let value = value.trim_start();
        Some(match value.strip_prefix('"') {
            Some(quoted) => unescaped(quoted),
            None => value.split([',', ' ', '\t']).next()?.to_owned(),
        })
    });
    // Of `Basic` ones they are a name.
    let is_address = |realm: &String| reqwest::Url::parse(realm).is_ok_and(|url| url.has_host());
    realms.filter(is_address).collect()
}

/// A quoted string up to where it ends.
fn unescaped(quoted: &str) -> String {
    let mut letters = quoted.chars();
    let mut text = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => text.extend(letters.next()),
            letter => text.push(letter),
        }
    }
    text
}

/// Whether `host[:port]` is this machine.
fn is_loopback(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    let address = host.parse::<std::net::Ipv4Addr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_without_a_tag_gets_the_version() {
        for (text, whole) in [
            ("127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b:1.2.3_x"),
            ("oci://registry.example/a", "registry.example/a:1.2.3_x"),
            ("registry.example/a:v1", "registry.example/a:v1"),
        ] {
            assert_eq!(Push::to(text, "1.2.3+x").unwrap().reference(), whole);
        }
        for text in [
            "",
            "UPPER/case",
            "a b",
            "registry.example/a@sha256:00",
            "a:b:c",
            "foo",
            "library/foo:v1",
        ] {
            assert!(Push::to(text, "1").is_err(), "{text}");
        }
    }

    #[test]
    fn a_registry_that_never_answers_is_given_up() {
        let registry = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = registry.local_addr().unwrap();
        let mut push = Push::to(&format!("{address}/a"), "1").unwrap();
        push.patience = Duration::from_millis(300);
        let image = Image {
            manifest: Blob {
                media_type: String::new(),
                digest: String::new(),
                bytes: Vec::new(),
            },
            blobs: Vec::new(),
        };
        let error = push.run(&image, |_| {}).unwrap_err();
        assert!(error.to_string().contains("took longer than"), "{error}");
    }

    #[test]
    fn token_services_that_would_get_the_password_in_the_clear() {
        for (challenge, expected) in [
            (
                r#"Bearer realm="https://auth.example/token",service="r""#,
                true,
            ),
            (r#"Bearer realm="http://127.0.0.1:5001/token""#, true),
            (r#"Basic realm="Registry""#, true),
            (
                r#"Bearer service="r",realm="http://auth.example/token""#,
                false,
            ),
            (r#"bearer REALM=HTTP://auth.example/token,service=r"#, false),
            (
                r#"Bearer realm="https://a.example", Bearer realm="http://b.example""#,
                false,
            ),
            (r#"Bearer realm="ftp://127.0.0.1/token""#, false),
            (r#"Bearer realm = "http://auth.example/token""#, false),
            (r#"Bearer realm="http:\//auth.example/token""#, false),
            (r#"Bearer realm="http:auth.example/token""#, false),
            (
                "Bearer realm\t=\thttp://auth.example/token\t,service=r",
                false,
            ),
            (r#"Basic realm="images: http""#, true),
            (r#"Bearer realm="http://0.0.0.0/token""#, false),
        ] {
            let near = Push::to("127.0.0.1:5000/a", "1").unwrap();
            let far = Push::to("registry.example/a", "1").unwrap();
            let is_fine = |push: &Push| {
                let realms = token_services(challenge);
                realms.iter().all(|realm| push.may_ask(realm))
            };
            assert_eq!(is_fine(&near), expected, "{challenge}");
            let is_near = challenge.contains("127.0.0.1");
            assert_eq!(is_fine(&far), expected && !is_near, "{challenge}");
        }
    }

    #[test]
    fn without_tls_nothing_is_reached_but_loopback() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let asked = |push: &Push, address: &str| {
            let config = push.config();
            let (proxy, no) = (config.http_proxy.unwrap(), config.no_proxy.unwrap());
            let matcher = Matcher::builder().http(&proxy).no(&no).build();
            let found = matcher.intercept(&address.parse().unwrap());
            assert!(Client::try_from(push.config()).is_ok());
            found.is_none_or(|proxy| proxy.uri() != "http://127.0.0.1:0/")
        };
        let [near, named, far] = ["127.0.0.1:5000/a", "localhost:5000/a", "registry.example/a"]
            .map(|to| Push::to(to, "1").unwrap());
        for (address, expected) in [
            ("http://127.0.0.1:5001/token", true),
            ("http://127.8.8.8/token", true),
            ("http://localhost:5001/token", true),
            ("http://registry.example/token", false),
            ("http://0.0.0.0:5001/token", false),
            ("http://[::1]:5001/token", false),
            ("http://127.0.0.1.example/token", false),
            ("http://localhost./token", false),
        ] {
            for push in [&near, &named] {
                assert_eq!(asked(push, address), expected, "{address}");
                assert_eq!(push.may_ask(address), expected, "{address}");
            }
            assert!(!asked(&far, address) && !far.may_ask(address), "{address}");
        }
        // What cannot be configured is not gone on with by a client without it.
        let mut broken = near;
        broken.authority =
            Some(b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n".to_vec());
        assert!(Client::try_from(broken.config()).is_err());
    }

    #[test]
    fn only_loopback_is_spoken_to_in_the_clear() {
        for (registry, expected) in [
            ("localhost", true),
            ("localhost:5000", true),
            ("127.0.0.1:5000", true),
            ("127.1.2.3", true),
            ("localhost.example", false),
            ("127.0.0.1.example:5000", false),
            ("registry.example", false),
            ("10.0.0.1:5000", false),
        ] {
            assert_eq!(is_loopback(registry), expected, "{registry}");
        }
    }
}
