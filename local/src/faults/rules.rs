//! Fault rules: which calls they match, and the effects they have.
//!
//! Pure. Probability is computed from a seed, so the same sequence of calls gets the same faults.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::aws_call::{AwsCall, EVENT_SOURCE, Service};

/// The contents of a faults file or of a `/_local/faults` request.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// The seed for `probability`.
    #[serde(default)]
    pub seed: u64,
    pub rules: Vec<Rule>,
}

/// One rule. It matches calls by `service`, `operation` and `caller`, and fires on the matches that
/// `number`, `every` or `probability` selects (at most one of these; without any, on all of them), at
/// most `limit` times.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rule {
    pub service: Service,
    /// An operation, such as `UpdateItem`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// A function's name, or [`EVENT_SOURCE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// Fires only on the match with this number, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Fires on each match whose number is a multiple of this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// Fires on each match with this probability, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    pub effect: Effect,
}

/// The effect of a rule on a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// The call is not performed and returns this error.
    Fail(InjectedError),
    /// The call is performed after this delay in milliseconds.
    DelayMs(u64),
    /// The call is performed this many additional times, as if the responses to an SDK's first
    /// attempts were lost; the caller gets the last response.
    Repeat(u32),
    /// The connection breaks after this many bytes of the response body, if the body is longer.
    CutAfter(u64),
    /// The calling process is killed. Matches only calls by functions.
    Kill(KillPoint),
    /// The received messages are delivered to the function a second time, in a batch of their own.
    /// Matches only `ReceiveMessage` calls by an event source mapping that returned messages.
    DeliverTwice(OnlyTrue),
}

/// A boolean that can only be true: a rule without effect is omitted instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
pub struct OnlyTrue;

impl TryFrom<bool> for OnlyTrue {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        value.then_some(Self).ok_or("deliverTwice can only be true")
    }
}

impl From<OnlyTrue> for bool {
    fn from(OnlyTrue: OnlyTrue) -> Self {
        true
    }
}

/// An AWS error to return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InjectedError {
    /// An AWS error code, such as `ProvisionedThroughputExceededException`.
    pub code: String,
    /// HTTP status, 400 to 599; 400 by default.
    #[serde(default = "client_error")]
    pub status: u16,
}

/// When the caller is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KillPoint {
    /// Before the call is performed: it never is.
    Before,
    /// After the call is performed and before its response is sent.
    After,
}

fn client_error() -> u16 {
    400
}

/// The combined effects on one call: delays and repeats add up; of errors, kills and cuts the first
/// applies.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effects {
    pub delay: Duration,
    pub kill: Option<KillPoint>,
    pub fail: Option<InjectedError>,
    pub repeat: u32,
    /// The number of response body bytes to send before the connection breaks.
    pub cut_after: Option<u64>,
}

/// How often a rule has matched and fired.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct HitCount {
    pub matched: u64,
    pub fired: u64,
}

/// A plan with its counts.
#[derive(Debug, Default)]
pub struct Rules {
    seed: u64,
    rules: Vec<(Rule, HitCount)>,
}

impl FaultPlan {
    /// # Errors
    /// The text is not a plan, or a rule could never fire. The error names the field.
    pub fn parse(json: &[u8]) -> Result<Self> {
        let plan: Self = serde_json::from_slice(json).context("invalid fault plan")?;
        for (index, rule) in plan.rules.iter().enumerate() {
            rule.check().with_context(|| format!("rules[{index}]"))?;
        }
        Ok(plan)
    }
}

impl Rule {
    fn check(&self) -> Result<()> {
        let selects = [
            self.number.is_some(),
            self.every.is_some(),
            self.probability.is_some(),
        ];
        ensure!(
            selects.iter().filter(|given| **given).count() <= 1,
            "number, every and probability are mutually exclusive"
        );
        ensure!(self.number != Some(0), "number must be at least 1");
        ensure!(self.every != Some(0), "every must be at least 1");
        ensure!(self.limit != Some(0), "limit must be at least 1");
        ensure!(
            self.probability
                .is_none_or(|chance| (0.0..=1.0).contains(&chance)),
            "probability must be from 0 to 1"
        );
        match &self.effect {
            Effect::Fail(failure) => {
                ensure!(
                    (400..=599).contains(&failure.status),
                    "effect.fail.status must be from 400 to 599"
                );
                let is_code_byte = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
                ensure!(
                    !failure.code.is_empty() && failure.code.bytes().all(is_code_byte),
                    "effect.fail.code must be an AWS error code: letters, digits and periods"
                );
            }
            Effect::Repeat(times) => ensure!(*times > 0, "effect.repeat must be at least 1"),
            Effect::DeliverTwice(OnlyTrue) => ensure!(
                self.service == Service::Sqs,
                "effect.deliverTwice needs the service sqs"
            ),
            Effect::CutAfter(_) => ensure!(
                self.service == Service::S3,
                "effect.cutAfter needs the service s3"
            ),
            Effect::DelayMs(_) | Effect::Kill(_) => {}
        }
        Ok(())
    }

    fn matches(&self, call: &AwsCall<'_>) -> bool {
        let names =
            |named: &Option<String>, is: &str| named.as_deref().is_none_or(|name| name == is);
        self.service == call.service
            && names(&self.operation, call.operation)
            && names(&self.caller, call.caller)
            && match self.effect {
                Effect::Kill(_) => call.environment.is_some(),
                Effect::DeliverTwice(OnlyTrue) => {
                    call.caller == EVENT_SOURCE && call.operation == "ReceiveMessage"
                }
                _ => true,
            }
    }

    /// Whether it fires on the match with this number.
    fn selects(&self, number: u64, random: f64) -> bool {
        self.number.is_none_or(|only| only == number)
            && self.every.is_none_or(|every| number.is_multiple_of(every))
            && self.probability.is_none_or(|limit| random < limit)
    }
}

impl Rules {
    pub fn new(plan: FaultPlan) -> Self {
        Self {
            seed: plan.seed,
            rules: plan
                .rules
                .into_iter()
                .map(|rule| (rule, HitCount::default()))
                .collect(),
        }
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    pub fn hit_counts(&self) -> &[(Rule, HitCount)] {
        &self.rules
    }

    /// The effects on this call, which is counted.
    pub fn decide(&mut self, call: &AwsCall<'_>) -> Effects {
        let mut all = Effects::default();
        for effect in self.fire(call, |effect| !matches!(effect, Effect::DeliverTwice(_))) {
            match effect {
                Effect::Fail(failure) => all.fail = all.fail.or(Some(failure)),
                Effect::DelayMs(millis) => all.delay += Duration::from_millis(millis),
                Effect::Repeat(times) => all.repeat += times,
                Effect::CutAfter(bytes) => all.cut_after = all.cut_after.or(Some(bytes)),
                Effect::Kill(moment) => all.kill = all.kill.or(Some(moment)),
                Effect::DeliverTwice(OnlyTrue) => {}
            }
        }
        all
    }

    /// Whether the messages of this call must be delivered twice; the call is counted.
    pub fn delivers_twice(&mut self, call: &AwsCall<'_>) -> bool {
        let twice = |effect: &Effect| matches!(effect, Effect::DeliverTwice(_));
        !self.fire(call, twice).is_empty()
    }

    fn fire(&mut self, call: &AwsCall<'_>, kind: impl Fn(&Effect) -> bool) -> Vec<Effect> {
        let mut effects = vec![];
        for (index, (rule, hits)) in self.rules.iter_mut().enumerate() {
            if !kind(&rule.effect) || !rule.matches(call) {
                continue;
            }
            hits.matched += 1;
            let is_under_limit = rule.limit.is_none_or(|limit| hits.fired < limit);
            if is_under_limit
                && rule.selects(
                    hits.matched,
                    random_unit(self.seed, index as u64, hits.matched),
                )
            {
                hits.fired += 1;
                effects.push(rule.effect.clone());
            }
        }
        effects
    }
}

/// A number from 0 (inclusive) to 1 (exclusive), by SplitMix64's finaliser. It depends only on the
/// rule's own count, so calls that match other rules do not change it.
fn random_unit(seed: u64, rule: u64, number: u64) -> f64 {
    let mut x = seed
        .wrapping_add(rule.wrapping_mul(0xD134_2543_DE82_EF95))
        .wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests;
