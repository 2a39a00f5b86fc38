//! The WebSocket API: its routes followed through integrations and authorizers to functions.
//!
//! It does not know how frames travel. What the template leaves out stays out: a route without a
//! route response answers nobody, as in AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::aliases::Callable;
use super::properties::Properties;
use super::scope::Resource;
use super::{Fault, Result};
use crate::plan::{Gateway, REGION, Route};

/// What a stage's throttle is where it sets one of the two only: an account's quota in API Gateway
/// (requests a second, and burst).
const ACCOUNT_THROTTLE: (f64, u32) = (10_000.0, 5_000);

struct Authorizer {
    function: String,
    identity_sources: Vec<String>,
}

/// Reads the one WebSocket API among `resources`; `None` where there is none.
pub(super) fn read(resources: &[Rc<Resource>], callable: &Callable<'_>) -> Result<Option<Gateway>> {
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
        return Err(Fault::at(
            second.line,
            "the local cloud has one WebSocket API only",
        ));
    }
    let route_selection = selection(api)?;
    let api_id = api.identity.reference.as_str();
    let mut stages = of_kind("Stage");
    let (Some(stage), None) = (stages.next(), stages.next()) else {
        return Err(Fault::at(
            api.line,
            format!("the API {} must have one stage", api.id),
        ));
    };
    let (stage, throttle) = read_stage(stage, api_id)?;

    let mut integrations = BTreeMap::new();
    for resource in of_kind("Integration") {
        integrations.insert(
            resource.id.as_str(),
            integration(resource, api_id, callable)?,
        );
    }
    let mut authorizers = BTreeMap::new();
    for resource in of_kind("Authorizer") {
        authorizers.insert(
            resource.id.as_str(),
            authorizer(resource, api_id, callable)?,
        );
    }
    let mut answered = BTreeSet::new();
    for resource in of_kind("RouteResponse") {
        answered.insert(route_response(resource, api_id)?);
    }
    let mut routes = BTreeMap::new();
    for resource in of_kind("Route") {
        let (key, route) = route(resource, api_id, &integrations, &authorizers, &answered)?;
        if routes.insert(key.clone(), route).is_some() {
            return Err(Fault::at(
                resource.line,
                format!("the route {key} is there twice"),
            ));
        }
    }
    Ok(Some(Gateway {
        api_id: api_id.to_string(),
        stage,
        route_selection,
        routes,
        throttle,
    }))
}

fn selection(resource: &Resource) -> Result<String> {
    let mut api = Properties::of(resource)?;
    api.ignore(&[
        "ApiKeySelectionExpression",
        "Description",
        "IpAddressType",
        "Name",
        "Tags",
    ]);
    let protocol = api.fault(
        "ProtocolType",
        "must be WEBSOCKET: the local cloud has no HTTP API",
    );
    if api.required("ProtocolType")? != "WEBSOCKET" {
        return Err(protocol);
    }
    let other = api.fault(
        "RouteSelectionExpression",
        "must be $request.body. and a field: the local cloud selects by nothing else",
    );
    let selection = api.required("RouteSelectionExpression")?.to_string();
    if !selects_by_field(&selection) {
        return Err(other);
    }
    api.finish()?;
    Ok(selection)
}

/// Whether this is `$request.body.<path>`, in braces or not.
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

fn read_stage(resource: &Resource, api_id: &str) -> Result<(String, Option<(f64, u32)>)> {
    let mut stage = part(resource, api_id)?;
    stage.ignore(&["AccessLogSettings", "Description", "Tags"]);
    let automatic = stage.fault(
        "AutoDeploy",
        "must be true: a deployment of its own never follows a changed route",
    );
    if stage.flag("AutoDeploy")? != Some(true) {
        return Err(automatic);
    }
    let name = stage.required("StageName")?.to_string();
    let throttle = match stage.map("DefaultRouteSettings")? {
        None => None,
        Some(mut settings) => {
            settings.ignore(&["DataTraceEnabled", "DetailedMetricsEnabled", "LoggingLevel"]);
            let rate = settings.number("ThrottlingRateLimit", 0.0, f64::MAX)?;
            let burst = settings.number("ThrottlingBurstLimit", 0, u32::MAX)?;
            settings.finish()?;
            let (most_rate, most_burst) = ACCOUNT_THROTTLE;
            let set = rate.is_some() || burst.is_some();
            set.then(|| (rate.unwrap_or(most_rate), burst.unwrap_or(most_burst)))
        }
    };
    stage.finish()?;
    Ok((name, throttle))
}

fn integration(resource: &Resource, api_id: &str, callable: &Callable<'_>) -> Result<String> {
    let mut integration = part(resource, api_id)?;
    integration.ignore(&["CredentialsArn", "Description", "IntegrationMethod"]);
    let kind = integration.fault("IntegrationType", "must be AWS_PROXY");
    if integration.required("IntegrationType")? != "AWS_PROXY" {
        return Err(kind);
    }
    let function = invoked(&mut integration, "IntegrationUri", callable)?;
    integration.finish()?;
    Ok(function)
}

fn authorizer(resource: &Resource, api_id: &str, callable: &Callable<'_>) -> Result<Authorizer> {
    let mut authorizer = part(resource, api_id)?;
    authorizer.ignore(&["AuthorizerCredentialsArn", "Name"]);
    let kind = authorizer.fault(
        "AuthorizerType",
        "must be REQUEST, as for every WebSocket API",
    );
    if authorizer.required("AuthorizerType")? != "REQUEST" {
        return Err(kind);
    }
    let sources = authorizer.texts("IdentitySource")?;
    let function = invoked(&mut authorizer, "AuthorizerUri", callable)?;
    authorizer.finish()?;
    Ok(Authorizer {
        function,
        identity_sources: sources.into_iter().map(str::to_string).collect(),
    })
}

/// The id of the route that a route response is for.
fn route_response(resource: &Resource, api_id: &str) -> Result<String> {
    let mut response = part(resource, api_id)?;
    let key = response.fault("RouteResponseKey", "must be $default");
    if response.required("RouteResponseKey")? != "$default" {
        return Err(key);
    }
    let route = response.required("RouteId")?.to_string();
    response.finish()?;
    Ok(route)
}

fn route(
    resource: &Resource,
    api_id: &str,
    integrations: &BTreeMap<&str, String>,
    authorizers: &BTreeMap<&str, Authorizer>,
    answered: &BTreeSet<String>,
) -> Result<(String, Route)> {
    let mut route = part(resource, api_id)?;
    route.ignore(&["OperationName"]);
    let key = route.required("RouteKey")?.to_string();
    let no_integration = route.fault(
        "Target",
        "must be integrations/ and an integration of this template",
    );
    let target = route.required("Target")?.strip_prefix("integrations/");
    let function = target
        .and_then(|id| integrations.get(id))
        .ok_or(no_integration)?;
    let kind = route.fault("AuthorizationType", "must be NONE or CUSTOM");
    let no_authorizer = route.fault("AuthorizerId", "names no authorizer of this template");
    let elsewhere = route.fault("AuthorizationType", "can be CUSTOM for $connect only");
    let authorizer = match route.text("AuthorizationType")?.unwrap_or("NONE") {
        "NONE" => None,
        "CUSTOM" if key != "$connect" => return Err(elsewhere),
        "CUSTOM" => {
            let id = route.text("AuthorizerId")?.unwrap_or_default();
            Some(authorizers.get(id).ok_or(no_authorizer)?)
        }
        _ => return Err(kind),
    };
    let expression = route.fault("RouteResponseSelectionExpression", "must be $default");
    let selects = match route.text("RouteResponseSelectionExpression")? {
        None => false,
        Some("$default") => true,
        Some(_) => return Err(expression),
    };
    route.finish()?;
    let route = Route {
        function: function.clone(),
        authorizer: authorizer.map(|authorizer| authorizer.function.clone()),
        identity_sources: authorizer.map_or(Vec::new(), |a| a.identity_sources.clone()),
        responds: selects && answered.contains(&resource.id),
    };
    Ok((key, route))
}

/// A part's properties, once it is known to belong to the API.
fn part<'r>(resource: &'r Resource, api_id: &str) -> Result<Properties<'r>> {
    let mut part = Properties::of(resource)?;
    let other = part.fault("ApiId", "names no API of this template");
    if part.required("ApiId")? != api_id {
        return Err(other);
    }
    Ok(part)
}

/// The name of the function whose invocation ARN stands under `key`.
fn invoked(properties: &mut Properties<'_>, key: &str, callable: &Callable<'_>) -> Result<String> {
    let wrong = properties.fault(
        key,
        "must be the invocation ARN of a function of this template",
    );
    let arn = properties.required(key)?;
    let before = format!("arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/");
    let function = arn
        .strip_prefix(&before)
        .and_then(|rest| rest.strip_suffix("/invocations"));
    let function = function.and_then(|arn| callable.find(arn));
    Ok(function.ok_or(wrong)?.name.clone())
}
