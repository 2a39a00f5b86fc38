//! What an answer used of a model, and what that comes to in money.
//!
//! Pure. Prices are the configuration's: none are known here, and what Bedrock bills is not asked.

use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use longhaul_shared::settings::Environment;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, json};

/// Prices are for so many tokens.
const MILLION: u32 = 1_000_000;

/// Tokens and time, as Bedrock tells them at the end of a stream, summed over the rounds of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub total_tokens: u64,
    #[serde(skip_serializing_if = "is_none")]
    pub cache_read_input_tokens: u64,
    #[serde(skip_serializing_if = "is_none")]
    pub cache_write_input_tokens: u64,
    /// Milliseconds from a call to the end of its stream, as Bedrock measures them.
    pub latency_ms: u64,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Usage {
    pub fn add(&mut self, other: &Self) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.total_tokens += other.total_tokens;
        self.cache_read_input_tokens += other.cache_read_input_tokens;
        self.cache_write_input_tokens += other.cache_write_input_tokens;
        self.latency_ms += other.latency_ms;
    }
}

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    input: Decimal,
    output: Decimal,
}

impl Prices {
    /// Those of `CHAT_INPUT_PRICE` and `CHAT_OUTPUT_PRICE`; none where neither is set.
    ///
    /// # Errors
    /// One is set without the other, or is no amount.
    pub fn configured(config: &Environment) -> Result<Option<Self>> {
        let price = |name| match config.optional(name) {
            None => Ok(None),
            Some(text) => amount(text).map(Some).context(name),
        };
        match (price("CHAT_INPUT_PRICE")?, price("CHAT_OUTPUT_PRICE")?) {
            (None, None) => Ok(None),
            (Some(input), Some(output)) => Ok(Some(Self { input, output })),
            _ => anyhow::bail!("CHAT_INPUT_PRICE and CHAT_OUTPUT_PRICE go together"),
        }
    }

    /// Tokens of a cache count as input: what they really cost less is not known here.
    pub fn cost(&self, usage: &Usage) -> Value {
        let read = usage.input_tokens + usage.cache_read_input_tokens;
        let input = Decimal::from(read + usage.cache_write_input_tokens) * self.input;
        let output = Decimal::from(usage.output_tokens) * self.output;
        let amount = (input + output) / Decimal::from(MILLION);
        let amount = Number::from_str(&amount.normalize().to_string()).ok();
        json!({"amount": amount, "currency": "USD"})
    }
}

fn amount(text: &str) -> Result<Decimal> {
    let amount = Decimal::from_str(text).context("is no amount of dollars")?;
    // A million tokens for a million dollars: more is a slip.
    let most = Decimal::from(MILLION);
    ensure!(
        amount >= Decimal::ZERO && amount <= most,
        "is no amount from 0 to {most} dollars"
    );
    Ok(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices(input: &str, output: &str) -> Result<Option<Prices>> {
        Prices::configured(&Environment::given([
            ("CHAT_INPUT_PRICE", input.to_owned()),
            ("CHAT_OUTPUT_PRICE", output.to_owned()),
        ]))
    }

    #[test]
    fn what_was_used_is_summed_and_has_its_price() {
        let mut usage = Usage {
            input_tokens: 1_000,
            output_tokens: 200,
            total_tokens: 1_200,
            latency_ms: 7,
            ..Usage::default()
        };
        usage.add(&usage.clone());
        assert_eq!((usage.total_tokens, usage.latency_ms), (2_400, 14));
        // 2,000 x 3 and 400 x 15 dollars for a million.
        let cost = prices("3", "15").unwrap().unwrap().cost(&usage);
        assert_eq!(cost, json!({"amount": 0.012, "currency": "USD"}));
        usage.cache_read_input_tokens = 1_000;
        let cost = prices("3", "15").unwrap().unwrap().cost(&usage);
        assert_eq!(cost["amount"], json!(0.015));
        assert!(serde_json::to_value(usage).unwrap()["cacheWriteInputTokens"].is_null());
    }

    #[test]
    fn prices_are_both_there_or_none() {
        assert_eq!(prices("", "").unwrap(), None);
        for (input, output) in [
            ("3", ""),
            ("", "3"),
            ("much", "3"),
            ("-1", "3"),
            ("1e9", "3"),
        ] {
            assert!(prices(input, output).is_err(), "{input} {output}");
        }
    }
}
