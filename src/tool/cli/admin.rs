//! What Envoy says by its admin interface.

use std::fmt::Display;
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;

use crate::tool::inspect::{Finding, epoch, parent};

/// The most bytes of a dump that is read.
pub(super) const DUMP_BYTES: u64 = 256 << 20;

/// The same of other answers.
const OTHER_BYTES: u64 = 1 << 20;

/// How long Envoy is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

const DUMP: &str = "config_dump?include_eds";
const INFO: &str = "server_info";
const PARENT: &str = "stats?format=json&filter=\
                      %5Eserver%5C.(parent_connections%7Cinitialization_time_ms)%24";

/// What Envoy says of its configuration, and whether there is another process of it.
pub(super) fn ask(envoy: &str) -> Result<(Vec<u8>, Finding), String> {
    let address = envoy.trim_start_matches("http://").trim_end_matches('/');
    // The client wants some provider of TLS, whether or not it is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(address, error))?;
    let client = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .map_err(|error| failed(address, error))?;
    runtime.block_on(async {
        let dump = get(&client, address, DUMP, DUMP_BYTES).await?;
        // After the dump: a restart may come between.
        let info = json(get(&client, address, INFO, OTHER_BYTES).await);
        let stats = match epoch(&info) {
            None | Some(0) => Value::Null,
            Some(_) => json(get(&client, address, PARENT, OTHER_BYTES).await),
        };
        Ok((dump, parent(&info, &stats)))
    })
}

fn failed(address: &str, error: impl Display) -> String {
    format!("cannot ask Envoy at `{address}`: {error}")
}

/// What can be read of an answer: who may ask for the dump may not be let see the others.
fn json(answer: Result<Vec<u8>, String>) -> Value {
    let answer = answer.unwrap_or_default();
    serde_json::from_slice(&answer).unwrap_or_default()
}

async fn get(client: &Client, address: &str, path: &str, most: u64) -> Result<Vec<u8>, String> {
    let failed = |error: &dyn Display| failed(address, error);
    let mut answer = client
        .get(format!("http://{address}/{path}"))
        .send()
        .await
        .map_err(|error| failed(&error))?;
    if !answer.status().is_success() {
        return Err(format!("`{address}` is no admin interface of Envoy's"));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error))? {
        bytes.extend_from_slice(&chunk);
        if u64::try_from(bytes.len()).is_ok_and(|length| length > most) {
            return Err(failed(&format!(
                "its dump has more than {} MiB",
                most >> 20
            )));
        }
    }
    Ok(bytes)
}
