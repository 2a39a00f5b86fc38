//! `AWS::Lambda::Version` and `AWS::Lambda::Alias`: which function is meant by what a template calls.
//!
//! It does not know what calls. A function has one version here, its current code, so that every alias
//! leads to it; how traffic moves between versions is CodeDeploy's, and without local effect.

use std::rc::Rc;

use super::Result;
use super::properties::Properties;
use super::scope::Resource;
use crate::plan::Function;

/// The functions of a template, and the other names that it has for them.
pub(super) struct Callable<'p> {
    functions: &'p [Function],
    /// An alias's ARN, a version's ARN, and its function.
    qualified: Vec<(String, &'p Function)>,
}

impl<'p> Callable<'p> {
    /// Follows every alias of `resources` to a function, through the version that it names.
    pub(super) fn read(
        resources: &[Rc<Resource>],
        functions: &'p [Function],
    ) -> Result<Callable<'p>> {
        let mut callable = Callable {
            functions,
            qualified: Vec::new(),
        };
        let of_kind = |kind: &'static str| resources.iter().filter(move |r| r.kind == kind);
        for resource in of_kind("AWS::Lambda::Version") {
            let mut version = Properties::of(resource)?;
            version.ignore(&["CodeSha256", "Description", "ProvisionedConcurrencyConfig"]);
            callable.qualify(resource, version)?;
        }
        let versions: Vec<String> = callable.arns().map(str::to_string).collect();
        for resource in of_kind("AWS::Lambda::Alias") {
            let mut alias = Properties::of(resource)?;
            alias.ignore(&["Description", "ProvisionedConcurrencyConfig"]);
            alias.required("Name")?;
            let stray = alias.fault("FunctionVersion", "is no version of its function here");
            let version = alias.required("FunctionVersion")?.to_string();
            let function = callable.qualify(resource, alias)?;
            if version != "$LATEST" && !versions.contains(&format!("{}:{version}", function.arn)) {
                return Err(stray);
            }
        }
        Ok(callable)
    }

    /// The function that `named` means: by its name, its ARN, or the ARN of one of its versions or
    /// aliases.
    pub(super) fn find(&self, named: &str) -> Option<&'p Function> {
        let is_own = |function: &&Function| function.name == named || function.arn == named;
        let qualified = || self.qualified.iter().find(|(arn, _)| arn == named);
        let own = self.functions.iter().find(is_own);
        own.or_else(|| qualified().map(|(_, function)| *function))
    }

    fn arns(&self) -> impl Iterator<Item = &str> {
        self.qualified.iter().map(|(arn, _)| arn.as_str())
    }

    /// Adds a version or an alias, and tells its function.
    fn qualify(&mut self, resource: &Resource, mut part: Properties<'_>) -> Result<&'p Function> {
        let none = part.fault("FunctionName", "names no function of this template");
        let named = part.required("FunctionName")?;
        let functions = self.functions.iter();
        let mut functions = functions.filter(|f| f.name == named || f.arn == named);
        let function = functions.next().ok_or(none)?;
        part.finish()?;
        self.qualified
            .push((resource.identity.reference.clone(), function));
        Ok(function)
    }
}
