//! What a rule allows.

use super::expression::check_expression;
use super::http::check_http;
use crate::engine::expr::CelProgram;
use crate::engine::policy;
use crate::tool::api::decode::{Located, Optional, Problem};
use crate::tool::api::v1alpha1::{
    Authorization, AuthorizationType, BaseProtocol, Cel, Mcp, McpMethod, McpMethodName,
};

/// What a rule allows, as far as it is enforced.
#[derive(Debug, Clone, Default)]
pub(super) struct CheckedAuthorization {
    pub(super) http: Option<policy::HttpMatch>,
    pub(super) mcp: Option<Located<policy::Mcp>>,
    pub(super) cel: Option<Located<CelProgram>>,
}

/// Checks an authorization; `None` when problems were reported.
pub(super) fn check_authorization(
    authorization: &Authorization,
    problems: &mut Vec<Problem>,
) -> Option<CheckedAuthorization> {
    let Authorization {
        kind,
        methods: _,
        paths: _,
        headers: _,
        hosts: _,
        ports: _,
        mcp,
        cel,
    } = authorization;
    match kind.as_ref().map(|kind| (kind.value, kind)) {
        // SECURITY: without its expression the rule would match more.
        Some((AuthorizationType::Cel, kind)) if !cel.is_written() => problems.push(
            Problem::new(&kind.at, "the type is `CEL`, and `cel` is missing")
                .help("add `cel: {expression: ...}`, or change the type to `Inline`"),
        ),
        Some((AuthorizationType::Cel, _)) => {}
        Some((AuthorizationType::Inline, _)) => problems.extend(cel.given().map(|cel| {
            Problem::new(&cel.at, "`cel` is given, and the type is `Inline`")
                .help("change the type to `CEL`, or leave `cel` out")
        })),
        None => {}
    }
    let http = check_http(authorization, problems);
    let mcp = match mcp {
        Optional::Absent => Some(None),
        Optional::Unreadable => None,
        Optional::Given(mcp) => check_mcp(&mcp.value, problems).map(|value| {
            Some(Located {
                value,
                at: mcp.at.clone(),
            })
        }),
    };
    let cel = match cel {
        Optional::Absent => Some(None),
        Optional::Unreadable => None,
        Optional::Given(cel) => {
            let Cel { expression } = &cel.value;
            let program = expression
                .as_ref()
                .and_then(|expression| check_expression(expression, problems));
            program.map(Some)
        }
    };
    Some(CheckedAuthorization {
        http: http?,
        mcp: mcp?,
        cel: cel?,
    })
}

fn check_mcp(mcp: &Mcp, problems: &mut Vec<Problem>) -> Option<policy::Mcp> {
    let Mcp {
        methods,
        base_protocol,
    } = mcp;
    let methods = match methods {
        Optional::Absent => Some(None),
        Optional::Unreadable => None,
        Optional::Given(methods) => {
            let methods: Vec<_> = methods
                .value
                .iter()
                .map(|method| check_method(&method.value, problems))
                .collect();
            methods.into_iter().collect::<Option<Vec<_>>>().map(Some)
        }
    };
    let base_protocol = match base_protocol.clone().or(BaseProtocol::Skip)? {
        BaseProtocol::Skip => policy::BaseProtocol::None,
        BaseProtocol::Match => policy::BaseProtocol::Full,
    };
    Some(policy::Mcp {
        methods: methods?,
        base_protocol,
    })
}

fn check_method(method: &McpMethod, problems: &mut Vec<Problem>) -> Option<policy::MethodMatch> {
    let McpMethod { name, params } = method;
    let name = method_name(name.as_ref()?.value);
    let params = match params {
        Optional::Absent => None,
        Optional::Unreadable => return None,
        Optional::Given(params) => Some(params),
    };
    if let Some(params) = params
        && !name.takes_params()
    {
        let takes = policy::MethodName::ALL
            .iter()
            .filter(|name| name.takes_params());
        let takes: Vec<String> = takes.map(|name| format!("`{}`", name.as_str())).collect();
        problems.push(
            Problem::new(&params.at, format!("`{}` takes no `params`", name.as_str()))
                .help(format!("`params` go with {}", takes.join(", "))),
        );
        return None;
    }
    let params = params.map(|params| {
        params
            .value
            .iter()
            .map(|param| param.value.clone())
            .collect()
    });
    Some(policy::MethodMatch { name, params })
}

fn method_name(name: McpMethodName) -> policy::MethodName {
    use policy::MethodName as Compiled;
    match name {
        McpMethodName::Tools => Compiled::Tools,
        McpMethodName::Prompts => Compiled::Prompts,
        McpMethodName::Resources => Compiled::Resources,
        McpMethodName::PromptsList => Compiled::PromptsList,
        McpMethodName::ToolsList => Compiled::ToolsList,
        McpMethodName::ResourcesList => Compiled::ResourcesList,
        McpMethodName::ResourcesTemplatesList => Compiled::ResourcesTemplatesList,
        McpMethodName::PromptsGet => Compiled::PromptsGet,
        McpMethodName::ToolsCall => Compiled::ToolsCall,
        McpMethodName::ResourcesSubscribe => Compiled::ResourcesSubscribe,
        McpMethodName::ResourcesUnsubscribe => Compiled::ResourcesUnsubscribe,
        McpMethodName::ResourcesRead => Compiled::ResourcesRead,
    }
}
