//! The wire vectors beside Envoy's own `mcp` and `rbac` filters: what these let
//! through to a server, what real servers then run, and which honest requests they
//! refuse. Prints a page of Markdown; `scripts/peers` keeps it.
#![allow(clippy::print_stdout, unreachable_pub)] // standard output is what it is asked for

mod native;
mod page;
#[path = "../servers/recording.rs"]
mod recording;
mod runs;
#[path = "../servers/rust_server.rs"]
mod rust_server;
#[path = "../support/mod.rs"]
mod support;
#[path = "../wire_vectors/mod.rs"]
mod wire_vectors;

fn main() {
    let rules = runs::rules();
    let servers: Vec<_> = [
        recording::Server::typescript(),
        recording::Server::python(),
        Some(recording::Server::rust()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let envoy = native::Native::start(&rules, &servers);
    let outcomes = runs::run(&rules, &envoy, &servers);
    print!("{}", page::page(&rules, &outcomes, &envoy, &servers));
}
