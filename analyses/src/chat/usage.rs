//! The tokens that an answer used, and their cost by the prices of the settings.
//!
//! Pure.

use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use longhaul_shared::settings::Environment;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, json};

/// Tokens that a price is for.
const TOKENS_PER_PRICE: u32 = 1_000_000;

/// Tokens and time as Bedrock reports them at the end of a stream, summed over the rounds of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub total_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_read_input_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write_input_tokens: u64,
    /// From a call to the end of its stream, in milliseconds, as Bedrock measures it.
    pub latency_ms: u64,
}

fn is_zero(count: &u64) -> bool {
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

/// In US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    input: Decimal,
    output: Decimal,
}

impl Prices {
    /// From `CHAT_INPUT_PRICE` and `CHAT_OUTPUT_PRICE`; `None` where neither is set.
    ///
    /// # Errors
    /// One is set without the other, or is not an amount.
    pub fn from_environment(environment: &Environment) -> Result<Option<Self>> {
        let price = |name| match environment.optional(name) {
            None => Ok(None),
            Some(text) => amount(text).map(Some).context(name),
        };
        match (price("CHAT_INPUT_PRICE")?, price("CHAT_OUTPUT_PRICE")?) {
            (None, None) => Ok(None),
            (Some(input), Some(output)) => Ok(Some(Self { input, output })),
            _ => anyhow::bail!("set both CHAT_INPUT_PRICE and CHAT_OUTPUT_PRICE, or neither"),
        }
    }

    /// Cached tokens count as input, though Bedrock bills less for them.
    pub fn cost(&self, usage: &Usage) -> Value {
        let cached = usage.cache_read_input_tokens + usage.cache_write_input_tokens;
        let input = Decimal::from(usage.input_tokens + cached) * self.input;
        let output = Decimal::from(usage.output_tokens) * self.output;
        let amount = (input + output) / Decimal::from(TOKENS_PER_PRICE);
        let amount = Number::from_str(&amount.normalize().to_string()).ok();
        json!({"amount": amount, "currency": "USD"})
    }
}

fn amount(text: &str) -> Result<Decimal> {
    let amount = Decimal::from_str(text).context("is not an amount of dollars")?;
    // A higher price is a typing error.
    let max = Decimal::from(1_000_000);
    ensure!(
        amount >= Decimal::ZERO && amount <= max,
        "is not an amount from 0 to {max} dollars"
    );
    Ok(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices(input: &str, output: &str) -> Result<Option<Prices>> {
        Prices::from_environment(&Environment::given([
            ("CHAT_INPUT_PRICE", input.to_owned()),
            ("CHAT_OUTPUT_PRICE", output.to_owned()),
        ]))
    }

    #[test]
    fn usage_is_summed_and_priced() {
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
    fn both_prices_are_set_or_neither() {
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
