//! Whether Kubernetes takes an object with a compiled policy in it.

use super::Platform;
use crate::engine::policy::{CompiledPolicy, RequestHeaders};

/// SPEC: etcd, `--max-request-bytes`, is 1.5 MiB by default, for the object and all that the
/// API server adds to it; a ConfigMap has 1 MiB at most.
const OBJECT_BYTES: usize = 1 << 20;

/// SPEC: Kubernetes, `TotalAnnotationSizeLimitB`. `kubectl apply` without `--server-side`
/// keeps a copy of the object in an annotation.
const ANNOTATION_BYTES: usize = 256 << 10;

/// What may keep Kubernetes from taking what was rendered: one sentence. `text` is what
/// was rendered.
pub fn too_large_for_kubernetes(
    policy: &CompiledPolicy,
    platform: Platform,
    text: &str,
) -> Option<String> {
    let is_object = matches!(platform, Platform::Istio | Platform::EnvoyGateway);
    let size = match is_object {
        true => stored(policy),
        false => text.len(),
    };
    let kib = size.div_ceil(1 << 10);
    match (is_object, size) {
        (true, OBJECT_BYTES..) => Some(format!(
            "the policy takes {kib} KiB in this object, and Kubernetes may not take objects of \
             more than 1024 KiB: use fewer regular expressions, which take the most, or divide \
             the policies among several Gateways"
        )),
        (true, ANNOTATION_BYTES..) => Some(format!(
            "the policy takes {kib} KiB in this object: say `kubectl apply --server-side`, \
             because without that `kubectl apply` takes objects up to 256 KiB only"
        )),
        (false, OBJECT_BYTES..) => Some(format!(
            "this file has {kib} KiB, and a ConfigMap takes 1024 KiB at most: bring it to Envoy \
             by other means"
        )),
        _ => None,
    }
}

/// How many bytes the policy takes in the object that is stored.
fn stored(policy: &CompiledPolicy) -> usize {
    // INVARIANT: a compiled policy has only members that JSON can write.
    let text = match policy.settings.request_headers {
        // A text within the object, as it is written for people to read.
        RequestHeaders::Hold => {
            serde_json::to_string_pretty(policy).and_then(|text| serde_json::to_string(&text))
        }
        RequestHeaders::Stream => serde_json::to_string(policy),
    };
    text.map_or(0, |text| text.len())
}
