//! One HTTP stream, as the host calls it.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::engine::enforcement::Generation;

use super::in_force::InForce;
use super::life::Life;
use super::vm::Vm;

/// One HTTP stream, as the host calls it.
pub(super) struct HttpStream {
    vm: Rc<Vm>,
    /// Shared with the VM, which acts for it between its events.
    life: Rc<RefCell<Life>>,
    /// Its place among the streams of the VM.
    place: u32,
}

impl HttpStream {
    pub(super) fn new(context: u32, vm: Rc<Vm>, generation: Rc<Generation<InForce>>) -> Self {
        let (place, life) = vm.begins(|place| {
            let life = Life::new(context, place, Rc::clone(&vm), generation);
            Rc::new(RefCell::new(life))
        });
        Self { vm, life, place }
    }

    fn with<T>(&self, otherwise: T, act: impl FnOnce(&mut Life) -> T) -> T {
        match self.life.try_borrow_mut() {
            Ok(mut life) => act(&mut life),
            Err(_) => otherwise,
        }
    }
}

/// The host deletes a stream that has ended.
impl Drop for HttpStream {
    fn drop(&mut self) {
        self.vm.ends(self.place);
    }
}

impl Context for HttpStream {
    fn on_http_call_response(&mut self, call: u32, headers: usize, body: usize, _: usize) {
        self.with((), |life| life.http_answer(call, headers, body));
    }

    fn on_grpc_call_response(&mut self, call: u32, status: u32, size: usize) {
        self.with((), |life| life.grpc_answer(call, status, size));
    }
}

impl HttpContext for HttpStream {
    fn on_http_request_headers(&mut self, _count: usize, ended: bool) -> Action {
        self.with(Action::Pause, |life| life.headers(ended))
    }

    fn on_http_request_body(&mut self, size: usize, ended: bool) -> Action {
        self.with(Action::Pause, |life| life.body(size, ended))
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.with(Action::Pause, Life::trailers)
    }

    fn on_http_response_headers(&mut self, _count: usize, _ended: bool) -> Action {
        self.with(Action::Pause, Life::response_headers)
    }
}
