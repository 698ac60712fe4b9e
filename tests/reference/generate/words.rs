//! The few words that policies and requests are made of, so that they meet.

pub const CALLERS: [&str; 3] = ["spiffe://d/a", "spiffe://d/b", "spiffe://d/a/b"];

/// Some tools have the name of a prompt.
pub const TOOLS: [&str; 4] = ["echo", "sum", "Echo", "größe"];
pub const PROMPTS: [&str; 3] = ["hello", "echo", "a://1"];
/// Some prompts have the name of a resource.
pub const URIS: [&str; 3] = ["a://1", "a://2", "a://./1"];
pub const TASKS: [&str; 2] = ["t", "a://1"];

/// Listeners by name and port, and a port of none.
pub const LISTENERS: [(&str, u32); 2] = [("inside", 1000), ("outside", 2000)];
pub const PORTS: [u32; 3] = [1000, 2000, 3000];

/// Backends by name and clusters, and a cluster of none.
pub const BACKENDS: [(&str, &[&str]); 2] = [("one", &["c1"]), ("two", &["c2", "c3"])];
pub const CLUSTERS: [&str; 4] = ["c1", "c2", "c3", "c4"];

/// Where MCP is spoken, when not everywhere.
pub const MCP_PATH: &str = "/mcp";

/// Paths that lie there, in the eyes of some server at least.
pub const MCP_PATHS: [&str; 10] = [
    "/mcp",
    "/mcp/x",
    "/mcp/",
    "/mcp?x=/files",
    "/mcp/../files",
    "/%6dcp",
    "/mcp;v=1",
    "/MCP",
    "/x/%2e%2e/mcp",
    "/mcp%20",
];

/// Paths that do not.
pub const OTHER_PATHS: [&str; 19] = [
    "/files",
    "/files/",
    "/files/a",
    "/files/a?b=c",
    "/files?/mcp",
    "/filesystem",
    "/files/../admin",
    "/files//a",
    "/files/%61",
    "/files%2fa",
    "/files/a%20b",
    "/files/a%zz",
    "/admin;x",
    "/admin",
    "/",
    "/é",
    "/files/a%3Ab",
    "/%c3%a9",
    "/f%C3%A9",
];

/// What rules ask of paths: most are asked for, some are never.
pub const EXACT_PATHS: [&str; 9] = [
    "/%C3%A9",
    "/mcp",
    "/mcp/x",
    "/mcp;v=1",
    "/%6dcp",
    "/files",
    "/files/a",
    "/files/../admin",
    "/admin",
];
pub const PATH_PREFIXES: [&str; 5] = ["", "/mcp", "/files", "/files/a", "/admin"];
pub const PATH_EXPRESSIONS: [&str; 6] = [
    ".*:b",
    "/mcp",
    "/(mcp|files)(/.*)?",
    "/[^/]*",
    "(?i)/mcp.*",
    "/(files|admin)",
];

pub const HEADER: &str = "x-team";
pub const HEADER_NAMES: [&str; 3] = ["x-team", "X-Team", "x_team"];
pub const HEADER_VALUES: [&str; 4] = ["blue", "green", "Blue", "blue,green"];
pub const HEADER_EXPRESSIONS: [&str; 3] = ["blue|green", "(?i)b.*", ".*,green"];

pub const HOSTS: [&str; 3] = ["tools.example", "*.tools.example", "*.example"];
pub const AUTHORITIES: [&str; 14] = [
    "tools.example",
    "tools.example:8443",
    "Tools.Example",
    "a.tools.example",
    "a.b.tools.example:1",
    "eviltools.example",
    "tools.example.",
    "user@tools.example",
    "tools.example:1:2",
    "tools.example:x",
    "[::1]:80",
    "[::1",
    ".tools.example",
    "",
];

pub const HTTP_METHODS: [&str; 4] = ["GET", "POST", "DELETE", "PUT"];

/// Bodies that are no message.
pub const NONSENSE: [&str; 6] = [
    "{",
    "[]",
    r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"ping"}"#,
    r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo"}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"ping"} {}"#,
];

/// Where connections come from.
pub const ADDRESSES: [&str; 3] = ["10.0.0.1:4711", "192.0.2.1:4711", "[::1]:4711"];
