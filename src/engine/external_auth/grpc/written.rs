//! An answer as an authorizer writes it, for decision tests.

use super::writer::Writer;

/// The message that allows with 200, and refuses with any other status; with headers for
/// the server or the client, and a body for the client.
pub fn check_response(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    const PERMISSION_DENIED: u64 = 7;
    let mut writer = Writer::default();
    let is_allowed = status == 200;
    writer.open(1); // status
    writer.number(1, if is_allowed { 0 } else { PERMISSION_DENIED });
    writer.close();
    writer.open(if is_allowed { 3 } else { 2 }); // ok_response, denied_response
    if !is_allowed {
        writer.open(1); // status
        writer.number(1, status.into());
        writer.close();
        writer.text(3, body.as_bytes());
    }
    for (name, value) in headers {
        writer.open(2); // headers
        writer.open(1); // header
        writer.text(1, name.as_bytes());
        writer.text(2, value.as_bytes());
        writer.close();
        writer.close();
    }
    writer.finish()
}
