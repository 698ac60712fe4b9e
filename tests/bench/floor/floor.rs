//! What any Wasm filter pays that sees the whole request before it goes on: the headers
//! are held, the body is copied out of the host once, and nothing is decided.

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Floor));
}}

struct Floor;

impl Context for Floor {}

impl RootContext for Floor {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Stream;

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, ended: bool) -> Action {
        if ended { Action::Continue } else { Action::Pause }
    }

    fn on_http_request_body(&mut self, size: usize, ended: bool) -> Action {
        if !ended {
            return Action::Pause;
        }
        match self.get_http_request_body(0, size) {
            Some(body) if body.len() == size => Action::Continue,
            _ => Action::Pause,
        }
    }
}
