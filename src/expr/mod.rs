//! The compiled form of CEL expressions and its evaluator.
//!
//! Nothing lives here yet: the compiler refuses `type: CEL` by name.
