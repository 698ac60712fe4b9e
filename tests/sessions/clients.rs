//! Programs that have a session: each one client that people use.

#![allow(unreachable_pub, missing_docs)] // modules of a test have no outside

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::outside::installed;
use crate::support;

/// A client in one of its ways to begin a session.
pub struct Client {
    /// Its interpreter, its program and what that is told besides calls.
    command: Vec<PathBuf>,
    /// Whether a call is one argument, in JSON.
    is_json: bool,
}

/// Each of these is empty where the client is not installed.
impl Client {
    /// The official Python client, which begins the old way or by asking what the server is.
    pub fn python() -> Vec<Self> {
        let Some(python) = installed("ACCESSPOLICY_TEST_PYTHON") else {
            return Vec::new();
        };
        let program = support::root().join("tests/clients/python_session.py");
        let begun = |mode: &str| Self {
            command: vec![
                python.clone(),
                program.clone(),
                "--mode".into(),
                mode.into(),
            ],
            is_json: false,
        };
        vec![begun("legacy"), begun("auto")]
    }

    /// Its first generation.
    pub fn python_v1() -> Vec<Self> {
        Self::agent("ACCESSPOLICY_TEST_AGENTS_V1", "mcp_v1")
    }

    pub fn langchain() -> Vec<Self> {
        Self::agent("ACCESSPOLICY_TEST_AGENTS_V1", "langchain")
    }

    pub fn openai_agents() -> Vec<Self> {
        Self::agent("ACCESSPOLICY_TEST_AGENTS_V2", "openai")
    }

    pub fn pydantic_ai() -> Vec<Self> {
        Self::agent("ACCESSPOLICY_TEST_AGENTS_V2", "pydantic")
    }

    pub fn fastmcp() -> Vec<Self> {
        Self::agent("ACCESSPOLICY_TEST_FASTMCP", "fastmcp")
    }

    fn agent(variable: &str, name: &str) -> Vec<Self> {
        let folder = support::root().join("tests/clients/agents");
        let client = installed(variable).map(|python| Self {
            command: vec![python, folder.join(format!("{name}_session.py"))],
            is_json: false,
        });
        Vec::from_iter(client)
    }

    /// The official TypeScript client, the generation that its one package is.
    pub fn typescript() -> Vec<Self> {
        let client = installed_typescript().map(|folder| Self::node(&folder, None));
        Vec::from_iter(client)
    }

    /// Its second generation, which begins the old way or by asking what the server is.
    pub fn typescript_v2() -> Vec<Self> {
        let Some(folder) = installed("ACCESSPOLICY_TEST_TYPESCRIPT_V2") else {
            return Vec::new();
        };
        ["legacy", "auto"]
            .map(|mode| Self::node(&folder, Some(mode)))
            .into()
    }

    fn node(folder: &Path, mode: Option<&str>) -> Self {
        let mut command = vec!["node".into(), folder.join("session.mjs")];
        if let Some(mode) = mode {
            command.extend(["--mode".into(), mode.into()]);
        }
        Self {
            command,
            is_json: true,
        }
    }

    /// The program, to make these calls: a tool and its arguments in JSON each.
    pub fn command(&self, calls: &[(&str, &str)]) -> Command {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]);
        for (tool, arguments) in calls {
            command.arg("--call");
            match self.is_json {
                true => command.arg(format!(r#"["{tool}", {arguments}]"#)),
                false => command.args([tool, arguments]),
            };
        }
        command
    }
}

/// The folder with the official TypeScript client and the reference server.
pub fn installed_typescript() -> Option<PathBuf> {
    installed("ACCESSPOLICY_TEST_TYPESCRIPT")
}
