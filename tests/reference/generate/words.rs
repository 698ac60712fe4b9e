//! The few words that policies and requests are made of, so that they meet.

pub const CALLERS: [&str; 3] = ["spiffe://d/a", "spiffe://d/b", "spiffe://d/a/b"];

/// Some tools have the name of a prompt.
pub const TOOLS: [&str; 4] = ["echo", "sum", "Echo", "größe"];
pub const PROMPTS: [&str; 3] = ["hello", "echo", "a://1"];
/// Some prompts have the name of a resource.
pub const URIS: [&str; 6] = [
    "a://1",
    "a://2",
    "a://./1",
    "http://127.0.0.1/1",
    "http://h.test/",
    "http://xn--a.test/",
];
/// Those, and other spellings of them.
pub const ASKED_URIS: [&str; 26] = [
    "a://1",
    "a://2",
    "a://./1",
    "A://1",
    "a://%31",
    "a://1?",
    "a://1#x",
    "a://2?x",
    "a://2/",
    "a://x/../2",
    "a://x%2F..%2F2",
    "a://x//../2",
    "a://1/2",
    "a://12",
    "a://@1",
    "a://1:",
    "a://\u{e4}",
    "http://127.0.0.1/1",
    "http://0x7f.1:080/1",
    "http://127.2/1",
    "http://h.test/",
    "http://u@H.test.:80",
    "http://h.test:81/",
    "http://\u{ff48}.test/",
    "http://xn--a.test/",
    "ws://\u{ff48}.test/",
];
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
pub const MCP_PATHS: [&str; 21] = [
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
    "/mcp%2F..%2Ffiles",
    "/%6dcp/../files",
    "/MCP/..%20/files",
    "/mcp.json",
    "//x/mcp",
    "/%FFmcp",
    "/m%80cp",
    "/x/..%FF/mcp",
    "/%C1%ADcp",
    "/mcp%E2%80%8B/x",
    "/mcp/%FF",
];

/// Queries that are part of the message to some server, or name a method; and some that
/// are neither.
pub const QUERIES: [&str; 17] = [
    "?method=tools/call",
    "?a=b&params[name]=echo",
    "?params%5Bname%5D=echo",
    "?a;%6dethod=ping",
    "?+Params.name=echo",
    "?_json[]=1",
    "?_method=DELETE",
    "?_method=post",
    "?x-tunneled-method=DELETE",
    "?x-tunneled-method=get",
    "?id=1&session_id=2",
    "?methods=a&x[name]=b",
    "?methods=a&x[method]=b",
    "?tool=echo",
    "?tools=echo&argument=b",
    "?a=method=b",
    "?",
];

/// Paths that do not.
pub const OTHER_PATHS: [&str; 54] = [
    "/files",
    "/files/",
    "/files/a",
    "/files/a?b=c",
    "/files?x=/mcp",
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
    "/mc.json",
    "/files/mcp/x",
    "/FILES",
    "/Admin/",
    "/admin.json",
    "/files.tar.gz",
    "/files/A",
    "/files?a&_method=DELETE",
    "/files?++_method=put",
    "/files?a=b+c",
    "/files?%61=b%20c",
    "/files?a=b+d",
    "/administration",
    "/files?x-tunneled-method=DELETE",
    "/files?X-HTTP-Method-Override=put",
    "/files?method=delete",
    "/files?method=search",
    "/%FFadmin",
    "/adm%80in/x",
    "/Files%C3/a",
    "/adm%C0%AEin",
    "/files/..%FF/a",
    "/files/%FF",
    "/files/%E9t%E9",
    "/ad%E2%80%8Bmin",
    "/%EF%BD%81dmin",
    "/files%EF%BC%8Fa",
    "/files/x%EF%BC%8Fy",
    "/my_files",
    "/my-files/",
    "/My.files/a",
    "/my%21files",
    "/my-files-too",
    "/my%FF-files",
    "/my/files",
];

/// What rules ask of paths: most are asked for, some are never.
pub const EXACT_PATHS: [&str; 13] = [
    "/%C3%A9",
    "/mcp",
    "/mcp/x",
    "/mcp;v=1",
    "/%6dcp",
    "/files",
    "/files/a",
    "/files/../admin",
    "/admin",
    "/Files/",
    "/files.tar",
    "/my_files",
    "/my_files/a",
];
pub const PATH_PREFIXES: [&str; 7] = [
    "",
    "/mcp",
    "/files",
    "/files/a",
    "/admin",
    "/Files/A",
    "/my_files",
];
pub const PATH_EXPRESSIONS: [&str; 7] = [
    ".*:b",
    "/mcp",
    "/(mcp|files)(/.*)?",
    "/[^/]*",
    "(?i)/mcp.*",
    "/(files|admin)",
    "/my_[a-z]+",
];

pub const HEADER: &str = "x-team";
pub const HEADER_NAMES: [&str; 4] = ["x-team", "X-Team", "x_team", "x.team"];
pub const HEADER_VALUES: [&str; 6] = ["blue", "green", "Blue", "blue,green", " blue", "green\t"];
pub const HEADER_EXPRESSIONS: [&str; 3] = ["blue|green", "(?i)b.*", ".*,green"];

/// Headers that say more of the request, or of its message; or what is so anyway.
pub const SAYING: [(&str, &str); 6] = [
    ("x-http-method-override", "POST"),
    ("x-http-method-override", "DELETE"),
    ("X_HTTP_Method_Override", "get, post"),
    ("x.method-override", "DELETE"),
    ("mcp-protocol-version", "2025-11-25"),
    ("mcp-method-override", "GET"),
];

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

/// Headers that say what the method is to be, and what they say.
pub const OVERRIDING: [(&str, &str); 5] = [
    ("X-HTTP-Method-Override", "DELETE"),
    ("x_method_override", "put"),
    ("x.http~method", "GET"),
    ("x-http-method", "POST"),
    ("x-http-methods", "PUT"),
];

/// Headers that name a host, or do not.
pub const NAMING: [(&str, &str); 6] = [
    ("x-forwarded-host", "tools.example"),
    ("X_Forwarded_Host", "a.tools.example, A.tools.example:1"),
    ("x-forwarded-host", "other.example"),
    ("forwarded", "for=10.0.0.1;Host=\"Tools.Example:1\""),
    ("Forwarded", "for=10.0.0.1;host=a.tools.example"),
    ("forwarded", "for=10.0.0.1;proto=https"),
];

pub const HTTP_METHODS: [&str; 7] = ["GET", "POST", "DELETE", "PUT", "HEAD", "delete", "PROPFIND"];

/// Types of bodies that are no message; the first ones are forms to some server.
pub const TYPES: [(&str, &str); 5] = [
    ("content-type", "application/x-www-form-urlencoded"),
    ("Content-Type", "Multipart/Form-Data; boundary=a"),
    ("content_type", "multipart/mixed"),
    ("content-type", "application/json"),
    ("x-content-type", "multipart/form-data"),
];

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
