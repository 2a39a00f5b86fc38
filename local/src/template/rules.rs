//! A template's `Rules`: which parameters go together, looked at before anything else is read.
//!
//! Of the functions that CloudFormation has for rules alone, such as `Contains`, none is known.

use super::scope::Scope;
use super::{Fault, Result};

/// Refuses parameters that break a rule, by that rule's own words.
pub(super) fn check(scope: &mut Scope<'_>) -> Result<()> {
    for rule in scope.section("Rules")? {
        if let Some(condition) = rule.node.get("RuleCondition")
            && !scope.test(&condition.node)?
        {
            continue;
        }
        let Some(assertions) = rule.node.get("Assertions") else {
            return Err(Fault::at(rule.line, "a rule has Assertions"));
        };
        for assertion in assertions.node.items("Assertions")? {
            let Some(assert) = assertion.get("Assert") else {
                return Err(Fault::at(assertion.line, "an assertion has an Assert"));
            };
            if !scope.test(&assert.node)? {
                let said = assertion.get("AssertDescription");
                let said = said.and_then(|said| said.node.as_text());
                let said = said.unwrap_or("the parameters break a rule of the template");
                return Err(Fault::at(assertion.line, said));
            }
        }
    }
    Ok(())
}
