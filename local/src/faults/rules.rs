//! Which calls are to go wrong, and how: rules, and what they decide of one call after another.
//!
//! Pure. It knows no socket, no process and no clock; chance comes from the seed, so that the same
//! calls meet the same faults.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::aws_call::{AwsCall, EVENT_SOURCE, Service};

/// What a faults file or the admin call says.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// What `probability` draws from.
    #[serde(default)]
    pub seed: u64,
    pub rules: Vec<Rule>,
}

/// One rule. It meets the calls that have what it names, and fires on those that `number`, `every`
/// or `probability` picks (at most one of them; without any, on all), `limit` times at most.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rule {
    pub service: Service,
    /// Such as `UpdateItem`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// A function's name, or [`EVENT_SOURCE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// Only the call of this number among those that the rule meets, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Each call whose number is a multiple of this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// Each call with this chance, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    pub effect: Effect,
}

/// What befalls a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// It takes no effect, and is answered with this error.
    Fail(InjectedError),
    /// It takes effect so many milliseconds later.
    DelayMs(u64),
    /// It takes effect so many times more, as when the answers to an SDK's first tries are lost;
    /// the last answer is the caller's.
    Repeat(u32),
    /// The connection breaks after so many bytes of the answer's body, where it has more.
    CutAfter(u64),
    /// Its caller's process is killed. It meets only calls of functions.
    Kill(KillPoint),
    /// What it received is handed to the function once more, by itself. It meets only calls of
    /// `ReceiveMessage` by an event source mapping that brought messages.
    DeliverTwice(OnlyTrue),
}

/// The only value that a switch can have: a rule that does nothing is left out instead.
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

/// An error of AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InjectedError {
    /// Such as `ProvisionedThroughputExceededException`.
    pub code: String,
    /// HTTP status, 400 to 599.
    #[serde(default = "client_error")]
    pub status: u16,
}

/// When a caller dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KillPoint {
    /// Before the call takes effect: it never does.
    Before,
    /// After it has taken effect, and before its answer arrives.
    After,
}

fn client_error() -> u16 {
    400
}

/// All that befalls one call: delays add up, the first error, death and cut win.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effects {
    pub delay: Duration,
    pub kill: Option<KillPoint>,
    pub fail: Option<InjectedError>,
    pub repeat: u32,
    /// The bytes of the answer's body that arrive, if not all.
    pub cut_after: Option<u64>,
}

/// How often a rule has met calls, and has fired.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct HitCount {
    pub matched: u64,
    pub fired: u64,
}

/// A plan under way.
#[derive(Debug, Default)]
pub struct Rules {
    seed: u64,
    rules: Vec<(Rule, HitCount)>,
}

impl FaultPlan {
    /// # Errors
    /// The text is not a plan, or a rule could never fire; the field is named.
    pub fn parse(json: &[u8]) -> Result<Self> {
        let plan: Self = serde_json::from_slice(json).context("these are no faults")?;
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
            "number, every and probability exclude each other"
        );
        ensure!(self.number != Some(0), "number counts from 1");
        ensure!(self.every != Some(0), "every is at least 1");
        ensure!(self.limit != Some(0), "limit is at least 1");
        ensure!(
            self.probability
                .is_none_or(|chance| (0.0..=1.0).contains(&chance)),
            "probability is from 0 to 1"
        );
        match &self.effect {
            Effect::Fail(failure) => {
                ensure!(
                    (400..=599).contains(&failure.status),
                    "effect.fail.status is from 400 to 599"
                );
                let is_code_byte = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
                ensure!(
                    !failure.code.is_empty() && failure.code.bytes().all(is_code_byte),
                    "effect.fail.code is an error code of AWS"
                );
            }
            Effect::Repeat(times) => ensure!(*times > 0, "effect.repeat is at least 1"),
            Effect::DeliverTwice(OnlyTrue) => ensure!(
                self.service == Service::Sqs,
                "effect.deliverTwice is for the service sqs"
            ),
            Effect::CutAfter(_) => ensure!(
                self.service == Service::S3,
                "effect.cutAfter is for the service s3"
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

    /// Whether it fires on the call of this number among those that it meets.
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

    /// What befalls this call, which counts.
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

    /// Whether what this call has brought is to be delivered twice, which counts.
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

/// From 0 up to 1, by SplitMix64's finaliser: of the rule's own count only, so that one rule's luck
/// does not hang on how calls of others fall in between.
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
