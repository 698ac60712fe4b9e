//! What a plugin may be called by, and may call.

use serde_json::Value;

/// What Envoy calls the filter by, of which what is not allowed is passed over in silence.
/// A test compares these with what the module exports.
const CALLBACKS: [&str; 14] = [
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_grpc_close",
    "proxy_on_grpc_receive",
    "proxy_on_http_call_response",
    "proxy_on_memory_allocate",
    "proxy_on_queue_ready",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_tick",
    "proxy_on_vm_start",
];

/// What the filter may call, of which what is not allowed says that it failed: without properties
/// every caller is nobody. A test compares these with what the module imports, of which some are
/// the SDK's, and never called.
const CALLS: [&str; 41] = [
    "environ_get",
    "environ_sizes_get",
    "fd_write",
    "proc_exit",
    "proxy_add_header_map_value",
    "proxy_call_foreign_function",
    "proxy_close_stream",
    "proxy_continue_stream",
    "proxy_define_metric",
    "proxy_dequeue_shared_queue",
    "proxy_done",
    "proxy_enqueue_shared_queue",
    "proxy_get_buffer_bytes",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_get_log_level",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_get_status",
    "proxy_grpc_call",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_grpc_send",
    "proxy_grpc_stream",
    "proxy_http_call",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_record_metric",
    "proxy_register_shared_queue",
    "proxy_remove_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_resolve_shared_queue",
    "proxy_send_local_response",
    "proxy_set_buffer_bytes",
    "proxy_set_effective_context",
    "proxy_set_header_map_pairs",
    "proxy_set_property",
    "proxy_set_shared_data",
    "proxy_set_tick_period_milliseconds",
    "random_get",
];

/// What a restriction in the configuration of a plugin leaves out.
pub(super) fn lacking(config: &Value) -> Option<String> {
    let callbacks = missing(config, &CALLBACKS);
    let calls = missing(config, &CALLS);
    let all: Vec<&str> = callbacks.iter().chain(&calls).copied().collect();
    let what = match callbacks.is_empty() {
        false => "requests go on unjudged",
        true => "it does not know what it judges by",
    };
    (!all.is_empty()).then(|| {
        format!(
            "its `capability_restriction_config` lacks {}: {what}",
            all.join(", ")
        )
    })
}

/// Those that are left out. A restriction that is empty restricts nothing.
fn missing(config: &Value, names: &[&'static str]) -> Vec<&'static str> {
    let restrictions = [
        "/capability_restriction_config/allowed_capabilities",
        "/vm_config/capability_restriction_config/allowed_capabilities",
    ];
    let restrictions = restrictions.iter().filter_map(|path| config.pointer(path));
    let restrictions = restrictions.filter_map(Value::as_object);
    let allowed: Vec<_> = restrictions.filter(|allowed| !allowed.is_empty()).collect();
    let mut missing = names.to_vec();
    missing.retain(|name| !allowed.iter().all(|allowed| allowed.contains_key(*name)));
    missing
}
