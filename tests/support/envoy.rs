//! A running Envoy, found as `scripts/envoy` finds it.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::client::Client;
use super::message::Request;
use super::process::Process;
use super::root;

/// How long Envoy may take until it serves; wasm modules are compiled in it.
const STARTUP: Duration = Duration::from_secs(60);

/// A running Envoy; dropping it stops it.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    admin: SocketAddr,
    listeners: BTreeMap<String, SocketAddr>,
    /// Its configuration and its logs; goes last, after the process.
    folder: TempDir,
}

/// How an Envoy is run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Worker threads.
    pub concurrency: u32,
    /// The log level of everything but the filter.
    pub log_level: &'static str,
    /// The filter's own. At `debug` it writes a record of every decision.
    pub filter_log_level: &'static str,
    /// Another Envoy than the one that is found.
    pub binary: Option<&'static Path>,
}

/// Why an Envoy does not serve.
#[derive(Debug)]
pub struct StartError {
    pub reason: String,
    /// What Envoy wrote until then.
    pub log: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrency: 1,
            log_level: "warning",
            filter_log_level: "debug",
            binary: None,
        }
    }
}

impl Envoy {
    /// Starts Envoy with this configuration, and returns when it serves.
    ///
    /// # Errors
    /// When Envoy refuses the configuration, or does not serve in time.
    pub fn start(configuration: &Value) -> Result<Self, StartError> {
        Self::start_with(configuration, Options::default())
    }

    /// Starts Envoy as `options` say.
    ///
    /// # Errors
    /// When Envoy refuses the configuration, or does not serve in time.
    pub fn start_with(configuration: &Value, options: Options) -> Result<Self, StartError> {
        let folder = folder(configuration)?;
        let admin = folder.path().join("admin");
        let mut command = command(folder.path(), options);
        command.arg("--admin-address-path").arg(&admin);
        let process = Process::start(&mut command, folder.path(), "envoy")
            .map_err(|error| StartError::new(error, String::new()))?;
        let mut envoy = Self {
            process,
            admin: SocketAddr::from(([0, 0, 0, 0], 0)),
            listeners: BTreeMap::new(),
            folder,
        };
        match envoy.wait_until_serving(&admin) {
            Ok(()) => Ok(envoy),
            Err(reason) => Err(StartError::new(reason, envoy.log())),
        }
    }

    /// Where a listener listens.
    ///
    /// # Panics
    /// When there is no listener of this name.
    pub fn listener(&self, name: &str) -> SocketAddr {
        *self
            .listeners
            .get(name)
            .unwrap_or_else(|| panic!("no listener {name} in {:?}", self.listeners))
    }

    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Everything Envoy logged so far, the filter's lines among it.
    pub fn log(&self) -> String {
        self.process.errors()
    }

    /// The file Envoy logs to; gone with the value.
    pub fn log_file(&self) -> PathBuf {
        self.folder.path().join("envoy.err")
    }

    /// The access log lines so far, of listeners that have one.
    pub fn access_log(&self) -> Vec<Value> {
        // The last line may be half written.
        self.process
            .output()
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Waits until the access log has a line for which `wanted` holds, and returns it.
    pub fn access_log_line(&self, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        eventually(|| self.access_log().into_iter().find(|line| wanted(line)))
    }

    /// The text at a path of the admin interface.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn ask(&self, path: &str) -> Result<String, Box<dyn Error + Send + Sync>> {
        // Its thread is the one that loads configurations.
        let patience = Duration::from_secs(60);
        let request = Request {
            patience,
            ..Request::get(path)
        };
        Ok(Client::plain(self.admin).send(&request)?.text())
    }

    /// Has the admin interface do what a path says.
    ///
    /// # Errors
    /// When it does not.
    pub fn post(&self, path: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
        let answer = Client::plain(self.admin).send(&Request::new("POST", path))?;
        match answer.status {
            200 => Ok(()),
            status => Err(format!("{path}: {status} {}", answer.text()).into()),
        }
    }

    /// Counters and gauges by name.
    ///
    /// # Panics
    /// When the admin interface does not answer.
    pub fn stats(&self) -> BTreeMap<String, u64> {
        self.ask("/stats")
            .expect("the admin interface answers")
            .lines()
            .filter_map(|line| {
                let (name, value) = line.rsplit_once(": ")?;
                Some((name.to_owned(), value.parse().ok()?))
            })
            .collect()
    }

    /// One counter or gauge; 0 when Envoy does not know it.
    pub fn stat(&self, name: &str) -> u64 {
        self.stats().get(name).copied().unwrap_or_default()
    }

    /// Waits until the log has a line for which `wanted` holds, and returns it.
    ///
    /// Envoy writes its log from a thread of its own, after the answer.
    pub fn log_line(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        eventually(|| {
            let log = self.log();
            log.lines().find(|line| wanted(line)).map(str::to_owned)
        })
    }

    /// Stops Envoy and returns its whole log.
    pub fn stop(mut self) -> String {
        self.process.stop();
        self.log()
    }

    fn wait_until_serving(&mut self, admin: &Path) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < STARTUP {
            if let Some(status) = self.process.ended() {
                return Err(format!("Envoy ended ({status})"));
            }
            if let Some(address) = address_in(admin) {
                self.admin = address;
                if self.ask("/ready").is_ok_and(|state| state.trim() == "LIVE") {
                    return self.find_listeners();
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("Envoy does not serve within {STARTUP:?}"))
    }

    fn find_listeners(&mut self) -> Result<(), String> {
        let text = self
            .ask("/listeners?format=json")
            .map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        for listener in answer["listener_statuses"].as_array().into_iter().flatten() {
            let name = listener["name"].as_str().unwrap_or_default();
            let socket = &listener["local_address"]["socket_address"];
            let (Some(ip), Some(port)) =
                (socket["address"].as_str(), socket["port_value"].as_u64())
            else {
                continue;
            };
            let address = format!("{ip}:{port}")
                .parse()
                .map_err(|error| format!("listener {name}: {error}"))?;
            self.listeners.insert(name.to_owned(), address);
        }
        Ok(())
    }
}

/// Runs `envoy --mode validate`, which also configures the filter.
///
/// # Errors
/// When the configuration is refused; the log says why.
pub fn validate(configuration: &Value) -> Result<(), StartError> {
    let folder = folder(configuration)?;
    let output = command(folder.path(), Options::default())
        .args(["--mode", "validate"])
        .output()
        .map_err(|error| StartError::new(error, String::new()))?;
    if output.status.success() {
        return Ok(());
    }
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(StartError::new("Envoy refuses the configuration", log))
}

/// The Envoy binary.
///
/// # Panics
/// When none is found; the message says what was tried.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let output = Command::new(root().join("scripts/envoy"))
            .output()
            .expect("scripts/envoy runs");
        let Output {
            status,
            stdout,
            stderr,
        } = output;
        let said = String::from_utf8_lossy(&stderr);
        assert!(status.success(), "scripts/envoy finds no Envoy:\n{said}");
        PathBuf::from(String::from_utf8_lossy(&stdout).trim())
    })
}

/// Looks until there is something, for as long as a log may lag behind.
pub fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let found = look();
        if found.is_some() || start.elapsed() > Duration::from_secs(5) {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn command(folder: &Path, options: Options) -> Command {
    let filter = format!("wasm:{}", options.filter_log_level);
    let mut command = Command::new(options.binary.unwrap_or_else(binary));
    command
        .arg("--config-path")
        .arg(folder.join("envoy.json"))
        .args(["--concurrency", &options.concurrency.to_string()])
        .args(["--log-level", options.log_level])
        .args(["--component-log-level", &filter])
        // Access logs are read while Envoy runs; by itself it keeps them for 10 s.
        .args(["--file-flush-interval-msec", "50"])
        // Several run side by side; none hands over to another.
        .arg("--disable-hot-restart");
    command
}

fn folder(configuration: &Value) -> Result<TempDir, StartError> {
    let made = tempfile::tempdir().and_then(|folder| {
        fs::write(folder.path().join("envoy.json"), configuration.to_string())?;
        Ok(folder)
    });
    made.map_err(|error| StartError::new(error, String::new()))
}

/// The address in the file that Envoy writes, once it is whole.
fn address_in(file: &Path) -> Option<SocketAddr> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

impl StartError {
    fn new(reason: impl fmt::Display, log: String) -> Self {
        let reason = reason.to_string();
        Self { reason, log }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.reason, self.log)
    }
}

impl Error for StartError {}
