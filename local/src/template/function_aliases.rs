//! `AWS::Lambda::Version` and `AWS::Lambda::Alias`: maps their ARNs to functions.
//!
//! A local function has one version, its current code, so every alias leads to it. How traffic moves between
//! versions (CodeDeploy) has no local effect.

use std::rc::Rc;

use super::error::Result;
use super::properties::Properties;
use super::resolver::Resource;
use crate::stack_spec::Function;

/// The functions of a template by name, ARN, and ARN of a version or alias.
pub(super) struct FunctionIndex<'p> {
    functions: &'p [Function],
    /// The ARNs of versions and aliases, each with its function.
    qualified: Vec<(String, &'p Function)>,
}

impl<'p> FunctionIndex<'p> {
    /// Resolves every alias of `resources` to a function, through the version that it names.
    pub(super) fn build(
        resources: &[Rc<Resource>],
        functions: &'p [Function],
    ) -> Result<FunctionIndex<'p>> {
        let mut index = FunctionIndex {
            functions,
            qualified: Vec::new(),
        };
        let of_kind = |kind: &'static str| resources.iter().filter(move |r| r.kind == kind);
        for resource in of_kind("AWS::Lambda::Version") {
            let mut version = Properties::of(resource)?;
            version.ignore(&["CodeSha256", "Description", "ProvisionedConcurrencyConfig"]);
            index.add_qualified(resource, version)?;
        }
        let versions: Vec<String> = index.qualified_arns().map(str::to_string).collect();
        for resource in of_kind("AWS::Lambda::Alias") {
            let mut alias = Properties::of(resource)?;
            alias.ignore(&["Description", "ProvisionedConcurrencyConfig"]);
            alias.required("Name")?;
            let unknown_version =
                alias.error("FunctionVersion", "is not a version of its function");
            let version = alias.required("FunctionVersion")?.to_string();
            let function = index.add_qualified(resource, alias)?;
            if version != "$LATEST" && !versions.contains(&format!("{}:{version}", function.arn)) {
                return Err(unknown_version);
            }
        }
        Ok(index)
    }

    /// The function with this name or ARN, or with a version or alias of this ARN.
    pub(super) fn find(&self, name_or_arn: &str) -> Option<&'p Function> {
        let is_unqualified =
            |function: &&Function| function.name == name_or_arn || function.arn == name_or_arn;
        let qualified = || self.qualified.iter().find(|(arn, _)| arn == name_or_arn);
        let unqualified = self.functions.iter().find(is_unqualified);
        unqualified.or_else(|| qualified().map(|(_, function)| *function))
    }

    fn qualified_arns(&self) -> impl Iterator<Item = &str> {
        self.qualified.iter().map(|(arn, _)| arn.as_str())
    }

    /// Adds a version or an alias and returns its function.
    fn add_qualified(
        &mut self,
        resource: &Resource,
        mut properties: Properties<'_>,
    ) -> Result<&'p Function> {
        let unknown_function =
            properties.error("FunctionName", "does not name a function of this template");
        let name_or_arn = properties.required("FunctionName")?;
        let mut functions = self.functions.iter();
        let function = functions
            .find(|f| f.name == name_or_arn || f.arn == name_or_arn)
            .ok_or(unknown_function)?;
        properties.deny_unknown()?;
        self.qualified
            .push((resource.identity.reference.clone(), function));
        Ok(function)
    }
}
