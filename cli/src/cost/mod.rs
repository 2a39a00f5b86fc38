//! `longhaul cost`: the AWS bill of so many jobs, from what a job is measured to use and list prices.
//!
//! Calls nobody: the figures are [`figures`]', which tests hold to the wire, the prices [`prices`]'.

mod figures;
pub mod prices;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use self::figures::{Call, Mix};
use self::prices::Price;
use crate::terminal::aligned;

#[derive(Args)]
pub struct Cost {
    #[command(flatten)]
    mix: Mix,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A line of the bill.
struct Line {
    price: Price,
    /// Of one job.
    quantity: f64,
    dollars: f64,
}

impl Cost {
    pub fn run(self) -> Result<()> {
        let lines = bill(&self.mix);
        if self.json {
            let shown = json(&self.mix, &lines);
            println!("{}", serde_json::to_string_pretty(&shown)?);
        } else {
            print!("{}", table(&self.mix, &lines));
        }
        Ok(())
    }
}

/// What is billed of these jobs, service by service.
fn bill(mix: &Mix) -> Vec<Line> {
    let usage = mix.usage();
    let (calls, of_connection) = (mix.calls(), mix.connection_calls());
    let total = |of: &dyn Fn(&Call) -> f64| -> f64 {
        let connections: f64 = of_connection.iter().map(of).sum();
        calls.iter().map(of).sum::<f64>() + connections * mix.connections()
    };
    let to = |service: &'static str, operation: &'static str| {
        total(&move |call: &Call| {
            let is_it = call.service == service && call.operation.starts_with(operation);
            if is_it { call.calls } else { 0.0 }
        })
    };
    let requests = to("sqs", "");
    let quantities = [
        (prices::MESSAGES, usage.messages),
        (prices::CONNECTION_MINUTES, usage.connection_minutes),
        (prices::INVOCATIONS, usage.invocations),
        (prices::GB_SECONDS, usage.gb_seconds),
        (prices::WRITE_UNITS, total(&|call| call.write_units)),
        (prices::READ_UNITS, total(&|call| call.read_units)),
        (prices::REQUESTS, requests),
        (prices::FAIR_REQUESTS, requests),
        (prices::PUTS, to("s3", "Put")),
        (prices::GETS, to("s3", "Get")),
        (prices::LOG_GB, usage.log_bytes / f64::from(1 << 30)),
    ];
    let used = quantities
        .into_iter()
        .filter(|(_, quantity)| *quantity > 0.0);
    used.map(|(price, quantity)| Line {
        price,
        quantity,
        dollars: price.of(quantity * mix.jobs as f64),
    })
    .collect()
}

fn table(mix: &Mix, lines: &[Line]) -> String {
    let head = ["SERVICE", "WHAT", "EACH JOB", "PRICE", "USD"];
    let mut rows = vec![head.map(String::from)];
    rows.extend(lines.iter().map(|line| {
        [
            line.price.service.to_owned(),
            line.price.unit.to_owned(),
            quantity(line.quantity),
            price(&line.price),
            format!("{:.2}", line.dollars),
        ]
    }));
    let total: f64 = lines.iter().map(|line| line.dollars).sum();
    let blank = String::new;
    rows.push([
        "total".to_owned(),
        blank(),
        blank(),
        blank(),
        format!("{total:.2}"),
    ]);
    let Mix {
        jobs,
        reports,
        chunks,
        result_bytes,
        seconds,
        followers,
        memory,
        ..
    } = mix;
    format!(
        "{}\n{jobs} jobs: {reports} reports, {chunks} chunks, {result_bytes} bytes of result, {seconds} s on {memory} MB, told to {followers}.\n\
         List prices of {} in {}, Arm, without free tiers. Not in it: storage, data transfer, KMS, retries,\n\
         cold starts, and what a stack costs that nobody uses: metrics, alarms, the sweep, the queues' polling.\n",
        aligned(&rows),
        prices::DATE,
        prices::REGION,
    )
}

fn json(mix: &Mix, lines: &[Line]) -> Value {
    let of = |calls: Vec<Call>| -> Vec<Value> {
        let shown = |call: Call| {
            json!({"caller": call.caller, "service": call.service, "operation": call.operation,
                "calls": call.calls, "writeUnits": call.write_units, "readUnits": call.read_units})
        };
        calls.into_iter().map(shown).collect()
    };
    let shown = |line: &Line| {
        json!({"service": line.price.service, "what": line.price.unit, "eachJob": line.quantity,
            "price": line.price.dollars, "per": line.price.per, "page": line.price.page, "usd": line.dollars})
    };
    json!({
        "prices": {"date": prices::DATE, "region": prices::REGION},
        "mix": {"jobs": mix.jobs, "reports": mix.reports, "chunks": mix.chunks, "chunkBytes": mix.chunk_bytes,
            "resultBytes": mix.result_bytes, "seconds": mix.seconds, "followers": mix.followers,
            "jobsPerConnection": mix.jobs_per_connection, "memory": mix.memory},
        "calls": of(mix.calls()),
        "callsOfConnection": of(mix.connection_calls()),
        "bill": lines.iter().map(shown).collect::<Vec<_>>(),
        "usd": lines.iter().map(|line| line.dollars).sum::<f64>(),
    })
}

/// To three digits that count.
fn quantity(number: f64) -> String {
    if number >= 100.0 {
        return format!("{number:.0}");
    }
    if number >= 1.0 {
        let text = format!("{number:.2}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    format!("{number:.3e}")
        .parse::<f64>()
        .map_or_else(|_| number.to_string(), |short| short.to_string())
}

fn price(price: &Price) -> String {
    let per = match price.per {
        1e6 => " a million",
        1e3 => " a thousand",
        _ => "",
    };
    format!("{}{per}", price.dollars)
}
