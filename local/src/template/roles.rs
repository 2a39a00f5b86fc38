//! `AWS::IAM::Role`: the statements of its inline policies.
//!
//! The trust policy is ignored: locally only Lambda assumes roles.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::error::{LineError, Result};
use super::properties::Properties;
use super::resolver::Resource;
use crate::stack_spec::{Function, Grant};

/// Types that attach more statements to a role. Their statements are not read.
const POLICY_TYPES: [&str; 2] = ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"];

/// Sets the grants of each function whose role is in the template and has inline policies only.
pub(super) fn assign(resources: &[Rc<Resource>], functions: &mut [Function]) -> Result<()> {
    let mut roles = BTreeMap::new();
    for resource in resources.iter().filter(|r| r.kind == "AWS::IAM::Role") {
        roles.insert(
            resource.identity.attributes["Arn"].as_str(),
            read(resource)?,
        );
    }
    let mut extended_roles = vec![];
    for resource in resources
        .iter()
        .filter(|r| POLICY_TYPES.contains(&r.kind.as_str()))
    {
        extended_roles.extend(Properties::of(resource)?.texts("Roles")?);
    }
    let is_complete = |role: &&str| {
        !extended_roles
            .iter()
            .any(|name| role.ends_with(&format!("/{name}")))
    };
    for resource in resources
        .iter()
        .filter(|r| r.kind == "AWS::Lambda::Function")
    {
        let role = Properties::of(resource)?.text("Role")?.filter(is_complete);
        let grants = role.and_then(|role| roles.get(role)).cloned().flatten();
        let arn = &resource.identity.attributes["Arn"];
        if let Some(function) = functions.iter_mut().find(|function| function.arn == *arn) {
            function.grants = grants;
        }
    }
    Ok(())
}

/// A role's statements; `None` if it also has managed policies.
fn read(resource: &Resource) -> Result<Option<Vec<Grant>>> {
    let mut role = Properties::of(resource)?;
    if !role.texts("ManagedPolicyArns")?.is_empty() {
        return Ok(None);
    }
    let mut grants = vec![];
    for mut policy in role.maps("Policies")? {
        let missing = policy.error("PolicyDocument", "is required");
        let mut document = policy.map("PolicyDocument")?.ok_or(missing)?;
        for statement in document.maps("Statement")? {
            grants.push(grant(statement)?);
        }
    }
    Ok(Some(grants))
}

fn grant(mut statement: Properties<'_>) -> Result<Grant> {
    statement.ignore(&["Sid"]);
    let unsupported_effect = statement.error(
        "Effect",
        "must be Allow: the embedded cloud does not support Deny",
    );
    if statement.required("Effect")? != "Allow" {
        return Err(unsupported_effect);
    }
    let texts = |statement: &mut Properties<'_>, key| -> Result<Vec<String>> {
        let missing: LineError = statement.error(key, "is required");
        let texts = statement.texts(key)?;
        if texts.is_empty() {
            return Err(missing);
        }
        Ok(texts.into_iter().map(str::to_owned).collect())
    };
    let grant = Grant {
        actions: texts(&mut statement, "Action")?,
        resources: texts(&mut statement, "Resource")?,
        prefixes: match statement.map("Condition")? {
            None => vec![],
            Some(condition) => prefixes(condition)?,
        },
    };
    statement.deny_unknown()?;
    Ok(grant)
}

/// The patterns of `StringLike: {"s3:prefix": ...}`, the only condition that the embedded cloud supports.
fn prefixes(mut condition: Properties<'_>) -> Result<Vec<String>> {
    let missing = condition.error("StringLike", "is required");
    let mut compared = condition.map("StringLike")?.ok_or(missing)?;
    let missing = compared.error("s3:prefix", "is required");
    let patterns = compared.texts("s3:prefix")?;
    compared.deny_unknown()?;
    condition.deny_unknown()?;
    match patterns.is_empty() {
        true => Err(missing),
        false => Ok(patterns.into_iter().map(str::to_owned).collect()),
    }
}
