//! The filter's OCI image: built by the tool, pushed to a real registry, fetched by
//! another program, and taken apart as Istio and Envoy Gateway do.

#![cfg(not(target_arch = "wasm32"))]

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding as _};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use support::certificates::Authority;
use support::client::Client;
use support::filter_module;
use support::message::Request;
use support::process::Process;
use tempfile::TempDir;

const FETCHED: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.layer.v1.tar+gzip",
];

fn tool(arguments: &[&str]) -> Output {
    tool_with(arguments, Path::new("/nonexistent"))
}

/// The tool, with passwords from a folder.
fn tool_with(arguments: &[&str], docker: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accesspolicy"));
    command.env("DOCKER_CONFIG", docker).args(arguments);
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn digest(bytes: &[u8]) -> String {
    let hex: Vec<String> = Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    format!("sha256:{}", hex.concat())
}

/// Packages the filter into a folder; its digest.
fn package(module: &Path, folder: &Path) -> String {
    let paths = [module, folder].map(|path| path.to_str().unwrap());
    let output = tool(&["package", "--module", paths[0], "-o", paths[1]]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout).trim().to_owned()
}

/// A blob of a layout, checked.
fn blob(folder: &Path, descriptor: &Value) -> Vec<u8> {
    let name = descriptor["digest"].as_str().unwrap();
    let bytes = fs::read(folder.join("blobs").join(name.replace(':', "/"))).unwrap();
    assert_eq!(digest(&bytes), name);
    assert_eq!(Some(bytes.len() as u64), descriptor["size"].as_u64());
    bytes
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// The manifest of a layout with one image.
fn manifest(folder: &Path) -> Value {
    let index = json(&fs::read(folder.join("index.json")).unwrap());
    assert_eq!(index["manifests"].as_array().unwrap().len(), 1);
    json(&blob(folder, &index["manifests"][0]))
}

/// The module in the last layer, looked for as the fetchers of Istio and Envoy Gateway do.
fn module(folder: &Path, manifest: &Value) -> Vec<u8> {
    let layer = manifest["layers"].as_array().unwrap().last().unwrap();
    let kinds = [&manifest["mediaType"], &layer["mediaType"]];
    assert_eq!(kinds.map(|kind| kind.as_str().unwrap()), FETCHED);
    let layer = blob(folder, layer);
    let mut archive = tar::Archive::new(GzDecoder::new(&layer[..]));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().file_name() == Some("plugin.wasm".as_ref()) {
            let mut module = Vec::new();
            entry.read_to_end(&mut module).unwrap();
            return module;
        }
    }
    panic!("no plugin.wasm");
}

/// The smallest module that says what it is.
fn small(says: &str) -> Vec<u8> {
    let custom = [&[says.len() as u8 + 1, 0][..], says.as_bytes()].concat();
    [&b"\0asm\x01\0\0\0\0"[..], &custom].concat()
}

const SMALL: &str = "accesspolicy 1.2.3 (commit c0ffee of 2026-01-02T03:04:05Z, policy schema 1)";

#[test]
fn the_image_holds_the_module_and_says_what_it_is() {
    let folder = TempDir::new().unwrap();
    let image = folder.path().join("image");
    package(&filter_module(), &image);
    let manifest = manifest(&image);
    let built = fs::read(filter_module()).unwrap();
    assert!(module(&image, &manifest) == built, "another module");
    let config = json(&blob(&image, &manifest["config"]));
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 1);
    let said = &manifest["annotations"];
    assert_eq!(config["config"]["Labels"], *said);
    let of_it = |name: &str| said[format!("org.opencontainers.image.{name}")].clone();
    assert_eq!(of_it("title"), "accesspolicy");
    assert_eq!(of_it("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(of_it("licenses"), "Apache-2.0");
    assert_eq!(
        said["accesspolicy.policy-schema"],
        accesspolicy::engine::policy::SCHEMA_VERSION.to_string()
    );
}

#[test]
fn the_same_module_is_the_same_image() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("small.wasm");
    fs::write(&file, small(SMALL)).unwrap();
    let of = |name: &str| {
        let image = folder.path().join(name);
        let digest = package(&file, &image);
        (digest, manifest(&image))
    };
    let (first, manifest) = of("a");
    // Times have seconds.
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(of("b").0, first);
    // An image in the place of an image.
    assert_eq!(of("a").0, first);
    let said = &manifest["annotations"];
    assert_eq!(said["org.opencontainers.image.revision"], "c0ffee");
    assert_eq!(
        said["org.opencontainers.image.created"],
        "2026-01-02T03:04:05Z"
    );
    // Known for this module: a library that compresses otherwise would change it.
    assert_eq!(first, KNOWN);
    fs::write(&file, small(&SMALL.replace("c0ffee", "c0ffef"))).unwrap();
    assert_ne!(of("c").0, first);
}

const KNOWN: &str = "sha256:1f8f30adb42579da979c3c3b8f929c14b6ffa1b2dde02fb45d97e9aae6d3745b";

#[test]
fn what_is_no_filter_is_not_packaged() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    let image = folder.path().join("image");
    let paths = [&file, &image].map(|path| path.to_str().unwrap());
    let refused = |says: &str| {
        let output = tool(&["package", "--module", paths[0], "-o", paths[1]]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(text(&output.stdout), "");
        assert!(
            text(&output.stderr).contains(says),
            "{}",
            text(&output.stderr)
        );
    };
    refused("cannot read");
    fs::write(&file, "no module").unwrap();
    refused("is no WebAssembly module");
    fs::write(&file, b"\0asm\x01\0\0\0").unwrap();
    refused("does not say its version and commit");
    assert!(!image.exists());
    fs::write(&file, small(SMALL)).unwrap();
    fs::create_dir(&image).unwrap();
    fs::write(image.join("thesis.txt"), "the only copy").unwrap();
    refused("holds something other than an image");
    assert!(image.join("thesis.txt").exists());
}

#[test]
fn what_only_this_machine_can_build_is_said() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("small.wasm");
    let image = folder.path().join("image");
    let paths = [&file, &image].map(|path| path.to_str().unwrap());
    for (says, warns) in [
        (SMALL.to_owned(), ""),
        (SMALL.replace("c0ffee", "c0ffee-dirty"), "not committed"),
        (SMALL.replace("c0ffee", "unknown"), "outside a repository"),
        (
            format!("{SMALL}/home/me/.cargo/registry/src"),
            "`/home/me/.cargo/registry/`",
        ),
    ] {
        fs::write(&file, small(&says)).unwrap();
        let output = tool(&["package", "--module", paths[0], "-o", paths[1]]);
        assert_eq!(output.status.code(), Some(0));
        let said = text(&output.stderr);
        assert_eq!(said.contains("warning: "), !warns.is_empty(), "{said}");
        assert!(said.contains(warns), "{said}");
    }
}

#[test]
fn an_image_that_was_changed_is_not_pushed() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("small.wasm");
    let image = folder.path().join("image");
    fs::write(&file, small(SMALL)).unwrap();
    package(&file, &image);
    let manifest = manifest(&image);
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    let layer = image.join("blobs").join(layer.replace(':', "/"));
    fs::write(&layer, "another").unwrap();
    let push = |folder: &Path| {
        // Nobody listens there.
        let output = tool(&["push", "127.0.0.1:9/a", "--image", folder.to_str().unwrap()]);
        (output.status.code(), text(&output.stderr).to_owned())
    };
    let (code, said) = push(&image);
    assert_eq!(code, Some(2));
    assert!(said.contains("was changed after it was written"), "{said}");
    let (code, said) = push(folder.path());
    assert_eq!(code, Some(2));
    assert!(said.contains("it has no index.json"), "{said}");
    package(&file, &image);
    let (code, said) = push(&image);
    assert_eq!(code, Some(1));
    assert!(said.contains("error: registry `127.0.0.1:9`: "), "{said}");
}

/// A registry on loopback, and skopeo.
struct Registry {
    process: Process,
    skopeo: PathBuf,
    address: String,
    folder: TempDir,
}

/// What the registry of [`Registry::guarded`] lets in.
const USER: &str = "pusher:s3cret-of-a-test";
const USER_FILE: &str = "pusher:$2b$04$6mThCXW.STf1Ponk7da6sOXmBFwpDoFWrAmuh5QwAr9nDZHtjzUXi\n";

impl Registry {
    /// In the clear, for everybody; `None`, and a line that says so, where there is none.
    fn open() -> Option<Self> {
        Self::start(|_, _| {})
    }

    /// By TLS, for [`USER`] only; with its authority's certificate in its folder.
    fn guarded() -> Option<Self> {
        Self::start(|folder, config| {
            let authority = Authority::new(folder, "authority").unwrap();
            let server = authority.server("server").unwrap();
            config["http"]["tls"] = json!({"certificate": server.certificate, "key": server.key});
            let users = folder.join("users");
            fs::write(&users, USER_FILE).unwrap();
            config["auth"] = json!({"htpasswd": {"realm": "test", "path": users}});
        })
    }

    fn start(change: impl Fn(&Path, &mut Value)) -> Option<Self> {
        let program = |name| std::env::var_os(name).map(PathBuf::from);
        let (Some(registry), Some(skopeo)) = (
            program("ACCESSPOLICY_TEST_REGISTRY"),
            program("ACCESSPOLICY_TEST_SKOPEO"),
        ) else {
            // Past the harness, which keeps what passing tests print.
            let why = "no $ACCESSPOLICY_TEST_REGISTRY and $ACCESSPOLICY_TEST_SKOPEO; \
                       scripts/test unpacks both where Debian's packages can be had";
            std::io::stderr()
                .write_all(format!("\nskipped: a real registry: {why}\n").as_bytes())
                .unwrap();
            return None;
        };
        let folder = TempDir::new().unwrap();
        let mut config = json!({
            "version": 0.1,
            "log": {"level": "info"},
            "storage": {"filesystem": {"rootdirectory": folder.path().join("data")}},
            "http": {"addr": "127.0.0.1:0"},
        });
        change(folder.path(), &mut config);
        let file = folder.path().join("config.yaml");
        fs::write(&file, config.to_string()).unwrap();
        let mut command = Command::new(registry);
        command.arg("serve").arg(&file);
        let mut process = Process::start(&mut command, folder.path(), "registry").unwrap();
        let start = Instant::now();
        let address = loop {
            let log = process.errors() + &process.output();
            let line = log.split("listening on ").nth(1);
            let address = line.and_then(|rest| rest.split(['"', ',']).next());
            if let Some(address) = address {
                break address.to_owned();
            }
            let ended = process.ended().is_some() || start.elapsed() > Duration::from_secs(10);
            assert!(!ended, "the registry does not start:\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        };
        Some(Self {
            process,
            skopeo,
            address,
            folder,
        })
    }

    fn skopeo(&self, arguments: &[&str]) -> Output {
        let output = Command::new(&self.skopeo)
            .args(["--insecure-policy"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        output
    }
}

#[test]
fn a_real_registry_gives_back_what_was_pushed() {
    let Some(registry) = Registry::open() else {
        return;
    };
    let image = registry.folder.path().join("image");
    let packaged = package(&filter_module(), &image);
    let reference = format!("{}/team/accesspolicy", registry.address);
    let output = tool(&["push", &reference, "--image", image.to_str().unwrap()]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let version = env!("CARGO_PKG_VERSION");
    let whole = format!("{reference}:{version}@{packaged}");
    assert_eq!(text(&output.stdout), format!("{whole}\n"));
    assert_eq!(said.matches("sending").count(), 3, "{said}");

    // What another client finds there: one manifest, no index, under that digest.
    let client = Client::plain(registry.address.parse().unwrap());
    for name in [version, &packaged] {
        let target = format!("/v2/team/accesspolicy/manifests/{name}");
        let answer = client
            .send(&Request::get(&target).header("accept", FETCHED[0]))
            .unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type").as_deref(), Some(FETCHED[0]));
        assert_eq!(digest(&answer.body), packaged);
        assert_eq!(json(&answer.body), manifest(&image));
    }

    // And what skopeo fetches.
    let back = registry.folder.path().join("back");
    let source = format!("docker://{reference}@{packaged}");
    let target = format!("oci:{}:back", back.display());
    registry.skopeo(&["copy", "--src-tls-verify=false", &source, &target]);
    let fetched = manifest(&back);
    assert_eq!(fetched, manifest(&image));
    let built = fs::read(filter_module()).unwrap();
    assert!(module(&back, &fetched) == built, "another module came back");

    // A second time there is only the name to send.
    let again = tool(&[
        "push",
        &format!("{reference}:again"),
        "--image",
        image.to_str().unwrap(),
    ]);
    let said = text(&again.stderr);
    assert_eq!(said.matches("already there").count(), 2, "{said}");
    assert!(text(&again.stdout).ends_with(&format!(":again@{packaged}\n")));
}

#[test]
fn a_registry_with_tls_and_passwords_takes_those_of_docker() {
    let Some(registry) = Registry::guarded() else {
        return;
    };
    let folder = registry.folder.path();
    let image = folder.join("image");
    let file = folder.join("small.wasm");
    fs::write(&file, small(SMALL)).unwrap();
    let packaged = package(&file, &image);
    let reference = format!("{}/accesspolicy", registry.address);
    let authority = folder.join("authority.pem");
    let push = |user: Option<&str>, ca: bool| {
        let docker = folder.join("docker");
        fs::create_dir_all(&docker).unwrap();
        let auths = match user {
            Some(user) => {
                json!({&registry.address: {"auth": Base64::encode_string(user.as_bytes())}})
            }
            None => json!({}),
        };
        fs::write(
            docker.join("config.json"),
            json!({"auths": auths}).to_string(),
        )
        .unwrap();
        let mut arguments = vec!["push", &reference, "--image", image.to_str().unwrap()];
        if ca {
            arguments.extend(["--ca", authority.to_str().unwrap()]);
        }
        let output = tool_with(&arguments, &docker);
        let said = text(&output.stderr).to_owned();
        assert!(!said.contains("s3cret"), "{said}");
        (output.status.code(), text(&output.stdout).to_owned(), said)
    };
    for user in [None, Some("pusher:wrong"), Some("nobody:s3cret-of-a-test")] {
        let (code, out, said) = push(user, true);
        assert_eq!((code, &*out), (Some(1), ""), "{said}");
        assert!(
            said.contains("it does not let you push; `docker login"),
            "{said}"
        );
    }
    // Loopback is spoken to in the clear, which this one does not take.
    let (code, out, said) = push(Some(USER), false);
    assert_eq!((code, &*out), (Some(1), ""), "{said}");
    let (code, out, said) = push(Some(USER), true);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(out, format!("{reference}:1.2.3@{packaged}\n"));
    let log = registry.process.errors() + &registry.process.output();
    assert!(
        log.contains("PUT /v2/accesspolicy/manifests/1.2.3"),
        "{log}"
    );
}

/// A registry that answers every request with a challenge that names a token service.
fn challenging(realm: String) -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 4096]);
            let _ = write!(
                stream,
                "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Bearer realm=\"{realm}\"\r\n\
                 content-length: 0\r\nconnection: close\r\n\r\n"
            );
        }
    });
    address
}

#[test]
fn a_token_service_gets_no_password_in_the_clear() {
    let folder = TempDir::new().unwrap();
    let image = folder.path().join("image");
    let file = folder.path().join("small.wasm");
    fs::write(&file, small(SMALL)).unwrap();
    package(&file, &image);
    // One that is asked at all, and lets nobody in.
    let asked = challenging("none".to_owned());
    let push = |realm: String, auths: bool| {
        let address = challenging(realm);
        let docker = folder.path().join("docker");
        fs::create_dir_all(&docker).unwrap();
        let auth = json!({"auth": Base64::encode_string(b"pusher:s3cret")});
        let auths = match auths {
            true => json!({address.to_string(): auth}),
            false => json!({}),
        };
        let config = json!({"auths": auths}).to_string();
        fs::write(docker.join("config.json"), config).unwrap();
        let to = format!("{address}/accesspolicy");
        let output = tool_with(&["push", &to, "--image", image.to_str().unwrap()], &docker);
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr).to_owned();
        said.contains("`http://tokens.invalid/token` would get the password without TLS")
    };
    assert!(push("http://tokens.invalid/token".to_owned(), true));
    // Without a password there is none to be read.
    assert!(!push("http://tokens.invalid/token".to_owned(), false));
    assert!(!push(format!("http://{asked}/token"), true));
}

/// A server that answers each request by its head, and keeps the heads.
struct Server {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// On every address of this machine, so that it is there under one that is not loopback.
    fn new(answers: impl Fn(&str) -> String + Send + 'static) -> Self {
        let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let Some(head) = request(&mut stream) else {
                    continue;
                };
                kept.lock().unwrap().push(head.clone());
                let answer = answers(&head);
                let _ = write!(
                    stream,
                    "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
            }
        });
        Self { port, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// The head of a request in lower case, once its body has come as well.
fn request(stream: &mut std::net::TcpStream) -> Option<String> {
    let mut read = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let length = stream.read(&mut piece).ok().filter(|length| *length > 0)?;
        read.extend_from_slice(&piece[..length]);
        let whole = String::from_utf8_lossy(&read).to_ascii_lowercase();
        let Some((head, body)) = whole.split_once("\r\n\r\n") else {
            continue;
        };
        let announced = head.split("content-length: ").nth(1);
        let announced = announced.and_then(|rest| rest.lines().next()?.parse().ok());
        if body.len() >= announced.unwrap_or(0) {
            return Some(head.to_owned());
        }
    }
}

/// Pushes to a registry that answers so; what is said.
fn pushed(to: &str, environment: &[(&str, &str)]) -> String {
    let folder = TempDir::new().unwrap();
    let (image, file) = (
        folder.path().join("image"),
        folder.path().join("small.wasm"),
    );
    fs::write(&file, small(SMALL)).unwrap();
    package(&file, &image);
    let auth = json!({"auth": Base64::encode_string(b"pusher:s3cret")});
    let config = json!({"auths": {to: auth}}).to_string();
    fs::write(folder.path().join("config.json"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_accesspolicy"));
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command
        .env("DOCKER_CONFIG", folder.path())
        .envs(environment.iter().copied())
        .args(["push", &format!("{to}/accesspolicy"), "--image"])
        .arg(&image);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    text(&output.stderr).to_owned()
}

/// SECURITY: whatever the registry names, and whenever.
#[test]
#[cfg(target_os = "linux")]
fn without_tls_nothing_leaves_this_machine() {
    let other = Server::new(|_| "500 No".to_owned());
    // It leads here, and is no address of loopback.
    let evil = format!("http://0.0.0.0:{}", other.port);
    let challenge = |realm: &str| format!("401 No\r\nwww-authenticate: Bearer {realm}");
    let elsewhere = |code: &str| format!("{code} Go\r\nlocation: {evil}/x\r\nrange: 0-0");
    let first = challenge(r#"realm="https://127.0.0.1:1/token""#);
    let escaped = evil.replace("://", r":\//");
    let password = "would get the password without TLS";
    let nothing = "where nothing is sent without TLS";
    for (challenges, upload, says) in [
        (
            vec![challenge(&format!("realm = \"{evil}/token\""))],
            None,
            password,
        ),
        (
            vec![challenge(&format!("realm=\"{escaped}/token\""))],
            None,
            password,
        ),
        (
            vec![first, challenge(&format!("realm=\"{evil}/token\""))],
            None,
            nothing,
        ),
        (vec![elsewhere("307")], None, ""),
        (vec!["200 OK".to_owned()], Some(elsewhere("202")), nothing),
        (vec!["200 OK".to_owned()], Some(elsewhere("307")), ""),
    ] {
        let asked = AtomicUsize::new(0);
        let told = format!("{challenges:?} {upload:?}");
        let registry = Server::new(move |head| match head.split(' ').next() {
            Some("head") => "404 No".to_owned(),
            Some("get") => {
                let number = asked.fetch_add(1, Ordering::Relaxed);
                challenges[number.min(challenges.len() - 1)].clone()
            }
            _ => upload.clone().unwrap(),
        });
        let said = pushed(&format!("127.0.0.1:{}", registry.port), &[]);
        assert!(said.contains(says), "{told}: {said}");
        assert!(said.contains(&evil) || says.is_empty(), "{told}: {said}");
        assert_eq!(other.heads(), [""; 0], "{told}");
    }

    // A token service on loopback is asked, with the password.
    let realm = challenge(&format!("realm=\"http://127.0.0.1:{}/token\"", other.port));
    let registry = Server::new(move |_| realm.clone());
    let near = format!("127.0.0.1:{}", registry.port);
    pushed(&near, &[]);
    let heads = other.heads();
    assert_eq!(heads.len(), 1, "{heads:?}");
    assert!(heads[0].starts_with("get /token?") && heads[0].contains("authorization: basic "));
}

#[test]
fn proxies_get_what_is_sent_by_tls() {
    let proxy = Server::new(|_| "500 No".to_owned());
    let here = format!("http://127.0.0.1:{}", proxy.port);
    let registry = Server::new(|_| "500 No".to_owned());
    let near = format!("127.0.0.1:{}", registry.port);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        pushed(&near, &[(name, &here)]);
    }
    assert_eq!(proxy.heads(), [""; 0]);
    assert!(!registry.heads().is_empty());
    for (name, no_proxy, is_asked) in [
        ("HTTPS_PROXY", "", true),
        ("https_proxy", "other.invalid,10.0.0.0/8", true),
        ("ALL_PROXY", "", true),
        ("HTTPS_PROXY", "other.invalid, .invalid", false),
    ] {
        let before = proxy.heads().len();
        pushed("registry.invalid", &[(name, &here), ("NO_PROXY", no_proxy)]);
        let heads = proxy.heads().split_off(before);
        let is_tunnel = |head: &String| head.starts_with("connect registry.invalid:443 ");
        assert!(heads.iter().all(is_tunnel), "{heads:?}");
        assert_eq!(!heads.is_empty(), is_asked, "{name} {no_proxy}: {heads:?}");
    }
}
