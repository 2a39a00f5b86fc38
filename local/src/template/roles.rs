//! `AWS::IAM::Role`: what a function's role lets it do.
//!
//! Reads the statements of a role's own policies. It does not know what calls a function makes; who may
//! take the role on is left out, as Lambda alone does here.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::properties::Properties;
use super::scope::Resource;
use super::{Fault, Result};
use crate::plan::{Function, Grant};

/// What adds statements to a role from outside of it; they are not read.
const ADDS: [&str; 2] = ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"];

/// Gives each function the statements of its role, where that is one of the template's and says all.
pub(super) fn assign(resources: &[Rc<Resource>], functions: &mut [Function]) -> Result<()> {
    let mut roles = BTreeMap::new();
    for resource in resources.iter().filter(|r| r.kind == "AWS::IAM::Role") {
        roles.insert(
            resource.identity.attributes["Arn"].as_str(),
            read(resource)?,
        );
    }
    let mut extended = vec![];
    for resource in resources.iter().filter(|r| ADDS.contains(&r.kind.as_str())) {
        extended.extend(Properties::of(resource)?.texts("Roles")?);
    }
    let says_all = |role: &&str| {
        !extended
            .iter()
            .any(|name| role.ends_with(&format!("/{name}")))
    };
    for resource in resources
        .iter()
        .filter(|r| r.kind == "AWS::Lambda::Function")
    {
        let role = Properties::of(resource)?.text("Role")?.filter(says_all);
        let grants = role.and_then(|role| roles.get(role)).cloned().flatten();
        let arn = &resource.identity.attributes["Arn"];
        if let Some(function) = functions.iter_mut().find(|function| function.arn == *arn) {
            function.grants = grants;
        }
    }
    Ok(())
}

/// A role's statements, or `None` where it also has policies that are not in the template.
fn read(resource: &Resource) -> Result<Option<Vec<Grant>>> {
    let mut role = Properties::of(resource)?;
    if !role.texts("ManagedPolicyArns")?.is_empty() {
        return Ok(None);
    }
    let mut grants = vec![];
    for mut policy in role.maps("Policies")? {
        let missing = policy.fault("PolicyDocument", "is required");
        let mut document = policy.map("PolicyDocument")?.ok_or(missing)?;
        for statement in document.maps("Statement")? {
            grants.push(grant(statement)?);
        }
    }
    Ok(Some(grants))
}

fn grant(mut statement: Properties<'_>) -> Result<Grant> {
    statement.ignore(&["Sid"]);
    let only_allows = statement.fault("Effect", "must be Allow: the local cloud knows no denial");
    if statement.required("Effect")? != "Allow" {
        return Err(only_allows);
    }
    let texts = |statement: &mut Properties<'_>, key| -> Result<Vec<String>> {
        let missing: Fault = statement.fault(key, "is required");
        let texts = statement.texts(key)?;
        if texts.is_empty() {
            return Err(missing);
        }
        Ok(texts.into_iter().map(str::to_owned).collect())
    };
    let grant = Grant {
        actions: texts(&mut statement, "Action")?,
        resources: texts(&mut statement, "Resource")?,
    };
    statement.finish()?;
    Ok(grant)
}
