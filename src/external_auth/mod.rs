//! What to ask an external authorizer, and how to read its answer. No I/O.
//!
//! Nothing lives here yet: the compiler refuses `action: ExternalAuth` by name.
