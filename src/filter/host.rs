//! The host calls we need, without a way to panic.
//!
//! The SDK's own wrappers unwrap statuses and UTF-8 that a client can influence,
//! and copy every header twice. These return `None` where the host has nothing.

#![allow(unsafe_code)] // the host interface is pointers and lengths

use std::ptr;
use std::time::Duration;

use proxy_wasm::hostcalls::{dispatch_grpc_call, dispatch_http_call};

use crate::engine::external_auth::{Callout, CalloutRequest, Edit, grpc};
use crate::engine::request::Headers;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, size: usize) -> u32;
    fn proxy_get_log_level(level: *mut u32) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, size: usize, id: *mut u32) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_set_property(
        path: *const u8,
        path_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        size: usize,
        data: *mut *mut u8,
        data_size: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_add_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_get_status(code: *mut u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_close_stream(stream: u32) -> u32;
    fn proxy_register_shared_queue(name: *const u8, size: usize, queue: *mut u32) -> u32;
    fn proxy_enqueue_shared_queue(queue: u32, data: *const u8, size: usize) -> u32;
    fn proxy_dequeue_shared_queue(queue: u32, data: *mut *mut u8, size: *mut usize) -> u32;
}

const OK: u32 = 0;
const REQUEST: u32 = 0;
const REQUEST_HEADERS: u32 = 0;
const REQUEST_TRAILERS: u32 = 1;
const RESPONSE_HEADERS: u32 = 2;
const CALL_RESPONSE_HEADERS: u32 = 6;

/// A buffer of the host's.
#[derive(Debug, Clone, Copy)]
pub(super) enum Buffer {
    RequestBody = 0,
    CallResponseBody = 4,
    GrpcMessage = 5,
    PluginConfiguration = 7,
}

/// A log level of the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogLevel {
    Debug = 1,
    Info = 2,
    Error = 4,
}

/// Writes a line to the host's log.
pub(super) fn log(level: LogLevel, line: &str) {
    // SAFETY: the host only reads, within the length given, during the call.
    let _ = unsafe { proxy_log(level as u32, line.as_ptr(), line.len()) };
}

/// Whether the host would write a line of a level.
pub(super) fn logs(level: LogLevel) -> bool {
    let mut current = u32::MAX;
    // SAFETY: the host writes one u32 to a place that is one.
    let status = unsafe { proxy_get_log_level(&raw mut current) };
    status == OK && current <= level as u32
}

/// The kinds of metrics that the host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MetricKind {
    Counter = 0,
    Gauge = 1,
    Histogram = 2,
}

/// The host's number for a metric of this name.
pub(super) fn metric(kind: MetricKind, name: &str) -> Option<u32> {
    let mut id = 0;
    // SAFETY: the host reads the name and writes one u32 to a place that is one.
    let status =
        unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id) };
    (status == OK).then_some(id)
}

/// Adds to a counter, or records a value.
pub(super) fn record(kind: MetricKind, id: u32, value: u64) {
    // SAFETY: numbers only.
    let _ = match kind {
        MetricKind::Counter => unsafe {
            proxy_increment_metric(id, i64::try_from(value).unwrap_or(i64::MAX))
        },
        MetricKind::Gauge | MetricKind::Histogram => unsafe { proxy_record_metric(id, value) },
    };
}

/// Sets a property of the stream, for access logs: `wasm.` and the name.
pub(super) fn set_property(name: &str, value: &str) {
    // SAFETY: the host only reads, within the lengths given, during the call.
    let _ = unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
}

/// Takes what a host call returned.
///
/// SAFETY: `call` must be a host call that, when it says OK, leaves null or memory
/// that the host asked this module's allocator for, of just that size.
unsafe fn take(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Option<Vec<u8>> {
    let mut data = ptr::null_mut();
    let mut size = 0;
    if call(&raw mut data, &raw mut size) != OK {
        return None;
    }
    if data.is_null() {
        return Some(Vec::new());
    }
    // SAFETY: the allocator hands the host exactly-sized boxed slices of bytes.
    Some(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// Part of a buffer; what lies beyond its end is left out.
pub(super) fn buffer(buffer: Buffer, start: usize, size: usize) -> Option<Vec<u8>> {
    // SAFETY: as `take` asks.
    unsafe { take(|data, length| proxy_get_buffer_bytes(buffer as u32, start, size, data, length)) }
}

/// A property; `path` has its segments separated by NUL.
pub(super) fn property(path: &str) -> Option<Vec<u8>> {
    // SAFETY: as `take` asks; the path is only read.
    unsafe { take(|data, size| proxy_get_property(path.as_ptr(), path.len(), data, size)) }
}

/// The request's headers: one call for all of them.
pub(super) fn request_headers() -> Option<Headers> {
    headers(REQUEST_HEADERS)
}

/// The request's trailers; only while the host tells of them.
pub(super) fn request_trailers() -> Option<Headers> {
    headers(REQUEST_TRAILERS)
}

/// Takes the trailers of a name from the request; only while the host tells of them.
pub(super) fn remove_trailer(name: &[u8]) -> Option<()> {
    edit(REQUEST_TRAILERS, &Edit::Remove(name.to_vec()))
}

/// The response's headers; only while the host tells of them.
pub(super) fn response_headers() -> Option<Headers> {
    headers(RESPONSE_HEADERS)
}

/// The headers of the answer to a call; only while the host tells of it.
pub(super) fn call_response_headers() -> Option<Headers> {
    headers(CALL_RESPONSE_HEADERS)
}

fn headers(map: u32) -> Option<Headers> {
    // SAFETY: as `take` asks.
    let bytes = unsafe { take(|data, size| proxy_get_header_map_pairs(map, data, size)) };
    map::parse(bytes?)
}

/// Changes the request's headers, in order, for as long as they are held.
pub(super) fn edit_request(edits: &[Edit]) -> Option<()> {
    edits.iter().try_for_each(|it| edit(REQUEST_HEADERS, it))
}

/// Changes the response's headers, in order; only while the host tells of them.
pub(super) fn edit_response(edits: &[Edit]) -> Option<()> {
    edits.iter().try_for_each(|it| edit(RESPONSE_HEADERS, it))
}

fn edit(map: u32, edit: &Edit) -> Option<()> {
    let of = |bytes: &[u8]| (bytes.as_ptr(), bytes.len());
    let status = match edit {
        Edit::Set((name, value)) => {
            let ((name, name_size), (value, value_size)) = (of(name), of(value));
            // SAFETY: the host only reads, within the lengths given, during the call.
            unsafe { proxy_replace_header_map_value(map, name, name_size, value, value_size) }
        }
        Edit::Append((name, value)) => {
            let ((name, name_size), (value, value_size)) = (of(name), of(value));
            // SAFETY: likewise.
            unsafe { proxy_add_header_map_value(map, name, name_size, value, value_size) }
        }
        Edit::Remove(name) => {
            let (name, name_size) = of(name);
            // SAFETY: likewise.
            unsafe { proxy_remove_header_map_value(map, name, name_size) }
        }
        // Nobody has looked whether there is one.
        Edit::AddIfAbsent(_) | Edit::SetIfThere(_) => return None,
    };
    (status == OK).then_some(())
}

/// Lets a request go on that was held.
pub(super) fn resume() -> Option<()> {
    // SAFETY: the host is only given a number.
    let status = unsafe { proxy_continue_stream(REQUEST) };
    (status == OK).then_some(())
}

/// The words that come with the status of a gRPC call; only while the host tells of it.
pub(super) fn status_words() -> Option<Vec<u8>> {
    let mut code = 0;
    // SAFETY: the host writes one u32 to a place that is one; the rest as `take` asks.
    unsafe { take(|data, size| proxy_get_status(&raw mut code, data, size)) }
}

/// The time, in nanoseconds since 1970.
pub(super) fn now() -> Option<u64> {
    let mut time = 0;
    // SAFETY: the host writes one u64 to a place that is one.
    let status = unsafe { proxy_get_current_time_nanoseconds(&raw mut time) };
    (status == OK).then_some(time)
}

/// What is called from now on is for this stream. `None` where it is gone.
pub(super) fn act_for(context: u32) -> Option<()> {
    // SAFETY: the host is only given a number.
    let status = unsafe { proxy_set_effective_context(context) };
    (status == OK).then_some(())
}

/// Cuts the stream, in both directions.
pub(super) fn close() {
    // SAFETY: the host is only given a number.
    let _ = unsafe { proxy_close_stream(REQUEST) };
}

/// The connection of the request at hand.
pub(super) fn connection() -> Option<u64> {
    let id = property("connection\0id")?;
    <[u8; 8]>::try_from(id).ok().map(u64::from_le_bytes)
}

/// Has the host call the plugin every so often; never, where that is zero.
pub(super) fn tick_every(period: Duration) {
    let milliseconds = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
    // SAFETY: the host is only given a number.
    let _ = unsafe { proxy_set_tick_period_milliseconds(milliseconds) };
}

/// A queue of this name, of whose entries the host tells the plugin at hand.
pub(super) fn queue(name: &[u8]) -> Option<u32> {
    let mut queue = 0;
    // SAFETY: the host reads the name and writes one u32 to a place that is one.
    let status = unsafe { proxy_register_shared_queue(name.as_ptr(), name.len(), &raw mut queue) };
    (status == OK).then_some(queue)
}

/// Puts an empty entry into a queue.
pub(super) fn enqueue(queue: u32) -> Option<()> {
    let nothing: &[u8] = &[];
    // SAFETY: the host only reads, within the length given, during the call.
    let status = unsafe { proxy_enqueue_shared_queue(queue, nothing.as_ptr(), nothing.len()) };
    (status == OK).then_some(())
}

/// Takes an entry from a queue.
pub(super) fn dequeue(queue: u32) {
    // SAFETY: as `take` asks.
    let _ = unsafe { take(|data, size| proxy_dequeue_shared_queue(queue, data, size)) };
}

/// Makes a call; the host tells of the answer under the number returned.
///
/// By the SDK, which has to know whom to tell: an answer to a call that it does not know
/// would end the module.
pub(super) fn call(question: &Callout) -> Option<u32> {
    let Callout {
        cluster,
        timeout,
        call,
    } = question;
    let timeout = Duration::from_millis(timeout.milliseconds().into());
    match call {
        CalloutRequest::Http { headers, body } => {
            let headers = headers.iter().map(|(name, value)| (&**name, &**value));
            let body = Some(body.as_slice()).filter(|body| !body.is_empty());
            dispatch_http_call(cluster, headers.collect(), body, Vec::new(), timeout).ok()
        }
        CalloutRequest::Grpc { metadata, message } => {
            let (service, method) = (grpc::SERVICE, grpc::METHOD);
            let target = grpc::grpc_service(cluster)?;
            let metadata = metadata
                .iter()
                .map(|(name, value)| (&**name, value.as_bytes()));
            let (metadata, message) = (metadata.collect(), Some(message.as_slice()));
            dispatch_grpc_call(&target, service, method, metadata, message, timeout).ok()
        }
    }
}

/// Answers the request. `details` ends up in access logs.
pub(super) fn respond(
    status: u16,
    headers: &[(&[u8], &[u8])],
    body: &[u8],
    details: &str,
) -> Option<()> {
    let headers = map::serialize(headers)?;
    // SAFETY: the host only reads, within the lengths given, during the call.
    let status = unsafe {
        proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            -1,
        )
    };
    (status == OK).then_some(())
}

/// The host's form of a header map: the number of pairs, the sizes of each name and
/// value, then each name and value ended by a NUL. Numbers are 32 bits, little endian.
mod map {
    use std::ops::Range;

    use crate::engine::request::Headers;

    pub(super) fn parse(bytes: Vec<u8>) -> Option<Headers> {
        let Some((count, sizes)) = bytes.split_first_chunk() else {
            return bytes.is_empty().then(Headers::default);
        };
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let sizes = sizes.get(..count.checked_mul(8)?)?;
        let mut at = sizes.len().checked_add(4)?;
        let mut places: Vec<(Range<usize>, Range<usize>)> = Vec::with_capacity(count);
        let (pairs, _) = sizes.as_chunks::<8>();
        for [a, b, c, d, e, f, g, h] in pairs {
            let name = next(&mut at, [*a, *b, *c, *d])?;
            places.push((name, next(&mut at, [*e, *f, *g, *h])?));
        }
        Headers::from_parts(bytes, places)
    }

    /// The place of the next text of a size, which a NUL ends.
    fn next(at: &mut usize, size: [u8; 4]) -> Option<Range<usize>> {
        let start = *at;
        let end = start.checked_add(usize::try_from(u32::from_le_bytes(size)).ok()?)?;
        *at = end.checked_add(1)?;
        Some(start..end)
    }

    pub(super) fn serialize(headers: &[(&[u8], &[u8])]) -> Option<Vec<u8>> {
        let mut bytes = u32::try_from(headers.len()).ok()?.to_le_bytes().to_vec();
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend_from_slice(&u32::try_from(text.len()).ok()?.to_le_bytes());
        }
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend_from_slice(text);
            bytes.push(0);
        }
        Some(bytes)
    }
}
