//! `longhaul cost`: estimates the AWS bill for a number of jobs, from the measured usage of a job and list prices.
//!
//! It makes no call. [`workload`] has the usage, which tests compare with the real calls, and [`prices`] the prices.

pub mod prices;
mod workload;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use self::prices::Price;
use self::workload::{CallCount, Workload};
use crate::terminal::aligned;

#[derive(Args)]
pub struct Cost {
    #[command(flatten)]
    workload: Workload,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A line of the bill.
struct BillLine {
    price: Price,
    /// Units of one job.
    quantity: f64,
    dollars: f64,
}

impl Cost {
    pub fn run(self) -> Result<()> {
        let lines = bill_lines(&self.workload);
        if self.json {
            let to_json = json(&self.workload, &lines);
            println!("{}", serde_json::to_string_pretty(&to_json)?);
        } else {
            print!("{}", table(&self.workload, &lines));
        }
        Ok(())
    }
}

/// The bill of these jobs, by service and unit.
fn bill_lines(workload: &Workload) -> Vec<BillLine> {
    let usage = workload.usage();
    let (calls, of_connection) = (workload.calls(), workload.connection_calls());
    let total = |of: &dyn Fn(&CallCount) -> f64| -> f64 {
        let connections: f64 = of_connection.iter().map(of).sum();
        calls.iter().map(of).sum::<f64>() + connections * workload.connections()
    };
    let to = |service: &'static str, operation: &'static str| {
        total(&move |call: &CallCount| {
            let matches = call.service == service && call.operation.starts_with(operation);
            if matches { call.calls } else { 0.0 }
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
    used.map(|(price, quantity)| BillLine {
        price,
        quantity,
        dollars: price.cost(quantity * workload.jobs as f64),
    })
    .collect()
}

fn table(workload: &Workload, lines: &[BillLine]) -> String {
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
    let Workload {
        jobs,
        reports,
        chunks,
        result_bytes,
        seconds,
        followers,
        memory,
        ..
    } = workload;
    format!(
        "{}\n{jobs} jobs of {seconds} s on {memory} MB: {reports} progress reports, {chunks} chunks, a result of {result_bytes} bytes, followers: {followers}.\n\
         List prices of {} in {}, Arm, without free tiers. Not included: storage, data transfer, KMS, retries,\n\
         cold starts, and the cost of an idle stack: metrics, alarms, the sweep, polling of the queues.\n",
        aligned(&rows),
        prices::DATE,
        prices::REGION,
    )
}

fn json(workload: &Workload, lines: &[BillLine]) -> Value {
    let of = |calls: Vec<CallCount>| -> Vec<Value> {
        let to_json = |call: CallCount| {
            json!({"caller": call.caller, "service": call.service, "operation": call.operation,
                "calls": call.calls, "writeUnits": call.write_units, "readUnits": call.read_units})
        };
        calls.into_iter().map(to_json).collect()
    };
    let to_json = |line: &BillLine| {
        json!({"service": line.price.service, "what": line.price.unit, "eachJob": line.quantity,
            "price": line.price.dollars, "per": line.price.per, "page": line.price.page, "usd": line.dollars})
    };
    json!({
        "prices": {"date": prices::DATE, "region": prices::REGION},
        "mix": {"jobs": workload.jobs, "reports": workload.reports, "chunks": workload.chunks, "chunkBytes": workload.chunk_bytes,
            "resultBytes": workload.result_bytes, "seconds": workload.seconds, "followers": workload.followers,
            "jobsPerConnection": workload.jobs_per_connection, "memory": workload.memory},
        "calls": of(workload.calls()),
        "callsOfConnection": of(workload.connection_calls()),
        "bill": lines.iter().map(to_json).collect::<Vec<_>>(),
        "usd": lines.iter().map(|line| line.dollars).sum::<f64>(),
    })
}

/// Formats with three significant digits.
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
