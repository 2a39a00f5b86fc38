//! The WebSocket API: its stage, and its routes resolved through integrations and authorizers to functions.
//!
//! As in AWS, a route without a route response sends nothing back to the client.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::error::{LineError, Result};
use super::function_aliases::FunctionIndex;
use super::properties::Properties;
use super::resolver::Resource;
use crate::stack_spec::{REGION, Route, Throttle, WebSocketApi};

/// API Gateway's account quota. It fills in a rate or burst that the stage does not set.
const ACCOUNT_THROTTLE: Throttle = Throttle {
    rate: 10_000.0,
    burst: 5_000,
};

struct Authorizer {
    function: String,
    identity_sources: Vec<String>,
}

/// Reads the WebSocket API among `resources`; `None` without one.
pub(super) fn read(
    resources: &[Rc<Resource>],
    function_index: &FunctionIndex<'_>,
) -> Result<Option<WebSocketApi>> {
    let of_kind = |kind: &'static str| {
        let matching =
            move |r: &&Rc<Resource>| r.kind.strip_prefix("AWS::ApiGatewayV2::") == Some(kind);
        resources.iter().filter(matching)
    };
    let mut apis = of_kind("Api");
    let Some(api) = apis.next() else {
        return Ok(None);
    };
    if let Some(second) = apis.next() {
        return Err(LineError::at(
            second.line,
            "the embedded cloud supports only one WebSocket API",
        ));
    }
    let route_selection = route_selection(api)?;
    let api_id = api.identity.reference.as_str();
    let mut stages = of_kind("Stage");
    let (Some(stage), None) = (stages.next(), stages.next()) else {
        return Err(LineError::at(
            api.line,
            format!("the API {} must have exactly one stage", api.id),
        ));
    };
    let (stage, throttle) = read_stage(stage, api_id)?;

    let mut integrations = BTreeMap::new();
    for resource in of_kind("Integration") {
        integrations.insert(
            resource.id.as_str(),
            integration(resource, api_id, function_index)?,
        );
    }
    let mut authorizers = BTreeMap::new();
    for resource in of_kind("Authorizer") {
        authorizers.insert(
            resource.id.as_str(),
            authorizer(resource, api_id, function_index)?,
        );
    }
    let mut routes_with_response = BTreeSet::new();
    for resource in of_kind("RouteResponse") {
        routes_with_response.insert(route_response(resource, api_id)?);
    }
    let mut routes = BTreeMap::new();
    for resource in of_kind("Route") {
        let (key, route) = route(
            resource,
            api_id,
            &integrations,
            &authorizers,
            &routes_with_response,
        )?;
        if routes.insert(key.clone(), route).is_some() {
            return Err(LineError::at(
                resource.line,
                format!("the route {key} is defined twice"),
            ));
        }
    }
    Ok(Some(WebSocketApi {
        api_id: api_id.to_string(),
        stage,
        route_selection,
        routes,
        throttle,
    }))
}

fn route_selection(resource: &Resource) -> Result<String> {
    let mut api = Properties::of(resource)?;
    api.ignore(&[
        "ApiKeySelectionExpression",
        "Description",
        "IpAddressType",
        "Name",
        "Tags",
    ]);
    let unsupported_protocol = api.error(
        "ProtocolType",
        "must be WEBSOCKET: the embedded cloud does not support HTTP APIs",
    );
    if api.required("ProtocolType")? != "WEBSOCKET" {
        return Err(unsupported_protocol);
    }
    let unsupported_expression = api.error(
        "RouteSelectionExpression",
        "must be $request.body.<field>: the embedded cloud supports no other expression",
    );
    let selection = api.required("RouteSelectionExpression")?.to_string();
    if !selects_by_field(&selection) {
        return Err(unsupported_expression);
    }
    api.deny_unknown()?;
    Ok(selection)
}

/// Whether this is `$request.body.<path>` or `${request.body.<path>}`.
fn selects_by_field(expression: &str) -> bool {
    let bare = expression.strip_prefix('$').unwrap_or_default();
    let bare = match bare.strip_prefix('{') {
        Some(braced) => braced.strip_suffix('}').unwrap_or_default(),
        None => bare,
    };
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    };
    bare.strip_prefix("request.body.")
        .is_some_and(|path| path.split('.').all(is_name))
}

fn read_stage(resource: &Resource, api_id: &str) -> Result<(String, Option<Throttle>)> {
    let mut stage = properties_of_api(resource, api_id)?;
    stage.ignore(&["AccessLogSettings", "Description", "Tags"]);
    let not_automatic = stage.error(
        "AutoDeploy",
        "must be true: a separate deployment does not follow changed routes",
    );
    if stage.flag("AutoDeploy")? != Some(true) {
        return Err(not_automatic);
    }
    let name = stage.required("StageName")?.to_string();
    let throttle = match stage.map("DefaultRouteSettings")? {
        None => None,
        Some(mut settings) => {
            settings.ignore(&["DataTraceEnabled", "DetailedMetricsEnabled", "LoggingLevel"]);
            let rate = settings.number("ThrottlingRateLimit", 0.0, f64::MAX)?;
            let burst = settings.number("ThrottlingBurstLimit", 0, u32::MAX)?;
            settings.deny_unknown()?;
            let is_set = rate.is_some() || burst.is_some();
            is_set.then(|| Throttle {
                rate: rate.unwrap_or(ACCOUNT_THROTTLE.rate),
                burst: burst.unwrap_or(ACCOUNT_THROTTLE.burst),
            })
        }
    };
    stage.deny_unknown()?;
    Ok((name, throttle))
}

fn integration(
    resource: &Resource,
    api_id: &str,
    function_index: &FunctionIndex<'_>,
) -> Result<String> {
    let mut integration = properties_of_api(resource, api_id)?;
    integration.ignore(&["CredentialsArn", "Description", "IntegrationMethod"]);
    let unsupported_type = integration.error("IntegrationType", "must be AWS_PROXY");
    if integration.required("IntegrationType")? != "AWS_PROXY" {
        return Err(unsupported_type);
    }
    let function = invoked_function(&mut integration, "IntegrationUri", function_index)?;
    integration.deny_unknown()?;
    Ok(function)
}

fn authorizer(
    resource: &Resource,
    api_id: &str,
    function_index: &FunctionIndex<'_>,
) -> Result<Authorizer> {
    let mut authorizer = properties_of_api(resource, api_id)?;
    authorizer.ignore(&["AuthorizerCredentialsArn", "Name"]);
    let unsupported_type = authorizer.error(
        "AuthorizerType",
        "must be REQUEST, the only type for WebSocket APIs",
    );
    if authorizer.required("AuthorizerType")? != "REQUEST" {
        return Err(unsupported_type);
    }
    let sources = authorizer.texts("IdentitySource")?;
    let function = invoked_function(&mut authorizer, "AuthorizerUri", function_index)?;
    authorizer.deny_unknown()?;
    Ok(Authorizer {
        function,
        identity_sources: sources.into_iter().map(str::to_string).collect(),
    })
}

/// The id of the route that a route response belongs to.
fn route_response(resource: &Resource, api_id: &str) -> Result<String> {
    let mut response = properties_of_api(resource, api_id)?;
    let unsupported_key = response.error("RouteResponseKey", "must be $default");
    if response.required("RouteResponseKey")? != "$default" {
        return Err(unsupported_key);
    }
    let route = response.required("RouteId")?.to_string();
    response.deny_unknown()?;
    Ok(route)
}

fn route(
    resource: &Resource,
    api_id: &str,
    integrations: &BTreeMap<&str, String>,
    authorizers: &BTreeMap<&str, Authorizer>,
    routes_with_response: &BTreeSet<String>,
) -> Result<(String, Route)> {
    let mut route = properties_of_api(resource, api_id)?;
    route.ignore(&["OperationName"]);
    let key = route.required("RouteKey")?.to_string();
    let unknown_integration = route.error(
        "Target",
        "must be integrations/<id> with an integration of this template",
    );
    let target = route.required("Target")?.strip_prefix("integrations/");
    let function = target
        .and_then(|id| integrations.get(id))
        .ok_or(unknown_integration)?;
    let unsupported_type = route.error("AuthorizationType", "must be NONE or CUSTOM");
    let unknown_authorizer = route.error(
        "AuthorizerId",
        "does not name an authorizer of this template",
    );
    let not_connect = route.error("AuthorizationType", "can be CUSTOM only for $connect");
    let authorizer = match route.text("AuthorizationType")?.unwrap_or("NONE") {
        "NONE" => None,
        "CUSTOM" if key != "$connect" => return Err(not_connect),
        "CUSTOM" => {
            let id = route.text("AuthorizerId")?.unwrap_or_default();
            Some(authorizers.get(id).ok_or(unknown_authorizer)?)
        }
        _ => return Err(unsupported_type),
    };
    let unsupported_expression =
        route.error("RouteResponseSelectionExpression", "must be $default");
    let selects_response = match route.text("RouteResponseSelectionExpression")? {
        None => false,
        Some("$default") => true,
        Some(_) => return Err(unsupported_expression),
    };
    route.deny_unknown()?;
    let route = Route {
        function: function.clone(),
        authorizer: authorizer.map(|authorizer| authorizer.function.clone()),
        identity_sources: authorizer.map_or(Vec::new(), |a| a.identity_sources.clone()),
        has_route_response: selects_response && routes_with_response.contains(&resource.id),
    };
    Ok((key, route))
}

/// The properties of a resource that must belong to the API.
fn properties_of_api<'r>(resource: &'r Resource, api_id: &str) -> Result<Properties<'r>> {
    let mut properties = Properties::of(resource)?;
    let unknown_api = properties.error("ApiId", "does not name an API of this template");
    if properties.required("ApiId")? != api_id {
        return Err(unknown_api);
    }
    Ok(properties)
}

/// The name of the function whose invocation ARN is the value of `key`.
fn invoked_function(
    properties: &mut Properties<'_>,
    key: &str,
    function_index: &FunctionIndex<'_>,
) -> Result<String> {
    let invalid_arn = properties.error(
        key,
        "must be the invocation ARN of a function of this template",
    );
    let arn = properties.required(key)?;
    let prefix = format!("arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/");
    let function = arn
        .strip_prefix(&prefix)
        .and_then(|rest| rest.strip_suffix("/invocations"));
    let function = function.and_then(|arn| function_index.find(arn));
    Ok(function.ok_or(invalid_arn)?.name.clone())
}
