//! Checks a template's `Rules` section: which combinations of parameters are allowed.
//!
//! The functions that CloudFormation allows only in rules, such as `Contains`, are not supported.

use super::error::{LineError, Result};
use super::resolver::Resolver;

/// Fails with the rule's `AssertDescription` if the parameters violate a rule.
pub(super) fn check(resolver: &mut Resolver<'_>) -> Result<()> {
    for rule in resolver.section("Rules")? {
        if let Some(condition) = rule.node.get("RuleCondition")
            && !resolver.evaluate_condition(&condition.node)?
        {
            continue;
        }
        let Some(assertions) = rule.node.get("Assertions") else {
            return Err(LineError::at(rule.line, "a rule must have Assertions"));
        };
        for assertion in assertions.node.items("Assertions")? {
            let Some(assert) = assertion.get("Assert") else {
                return Err(LineError::at(
                    assertion.line,
                    "an assertion must have an Assert",
                ));
            };
            if !resolver.evaluate_condition(&assert.node)? {
                let description = assertion.get("AssertDescription");
                let description = description.and_then(|entry| entry.node.as_text());
                let description =
                    description.unwrap_or("the parameters violate a rule of the template");
                return Err(LineError::at(assertion.line, description));
            }
        }
    }
    Ok(())
}
