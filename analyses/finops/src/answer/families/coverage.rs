//! How much of what could be covered by commitments is: by list cost, so that a discount does not make it less;
//! and how much of what was committed to is used.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::json;

use crate::answer::families::family_answer::{Finding, Table};
use crate::answer::families::input::Asked;
use crate::bill::money::{self, TooManyDigits};
use crate::bill::usage_totals::Terms;
use crate::text::sanitize::{clip, escape};

/// Services of which usage can be committed to, by a part of their names, without spaces and capitals.
const COMMITTABLE: [&str; 10] = [
    "computecloud",
    "relationaldatabase",
    "lambda",
    "fargate",
    "elasticcontainerservice",
    "elasticache",
    "redshift",
    "opensearch",
    "sagemaker",
    "memorydb",
];

/// Whether usage of the service can be committed to.
pub(crate) fn committable(service: &str) -> bool {
    let name = crate::text::tokens::joined(service);
    COMMITTABLE.iter().any(|part| name.contains(part))
}

#[derive(Default)]
struct Sums {
    covered: Decimal,
    on_demand: Decimal,
    used: Decimal,
    unused: Decimal,
}

impl Sums {
    /// Covered and coverable, used and committed.
    fn shares(&self) -> Option<[Option<Decimal>; 2]> {
        let coverable = money::add(self.covered, self.on_demand)?;
        let committed = money::add(self.used, self.unused)?;
        Some([
            money::percent(self.covered, coverable),
            money::percent(self.used, committed),
        ])
    }
}

pub(crate) fn find(asked: Asked<'_>, currency: u32) -> Result<Finding, TooManyDigits> {
    let (start, end) = asked.covered();
    let scope = asked.over(start, end);
    let mut services: BTreeMap<u32, Sums> = BTreeMap::new();
    for (cell, kind, measure) in asked.measures.within(asked.ledger, &scope, currency) {
        let known = committable(&asked.ledger.services.keys[cell.service as usize]);
        if !known && !matches!(kind.terms, Terms::Committed | Terms::Unused) {
            continue;
        }
        let sums = services.entry(cell.service).or_default();
        let grown: &mut [(&mut Decimal, Decimal)] = match kind.terms {
            Terms::OnDemand => &mut [(&mut sums.on_demand, measure.list)],
            Terms::Committed => &mut [
                (&mut sums.covered, measure.list),
                (&mut sums.used, measure.effective),
            ],
            Terms::Unused => &mut [(&mut sums.unused, measure.effective)],
            Terms::Other => continue,
        };
        for (sum, more) in grown {
            **sum = money::add(**sum, *more).ok_or(TooManyDigits)?;
        }
    }
    let mut all = Sums::default();
    let mut table = Table::new(&["Service", "Covered", "On demand", "Coverage %", "Unused"]);
    let mut rows = Vec::new();
    for (service, sums) in &services {
        for (sum, more) in [
            (&mut all.covered, sums.covered),
            (&mut all.on_demand, sums.on_demand),
            (&mut all.used, sums.used),
            (&mut all.unused, sums.unused),
        ] {
            *sum = money::add(*sum, more).ok_or(TooManyDigits)?;
        }
        let name = &asked.ledger.services.keys[*service as usize];
        let [coverage, _] = sums.shares().ok_or(TooManyDigits)?;
        table.rows.push(vec![
            escape(name),
            money::show(sums.covered),
            money::show(sums.on_demand),
            coverage.map_or_else(|| "-".into(), money::exact),
            money::show(sums.unused),
        ]);
        rows.push(json!({
            "service": clip(name), "covered": money::exact(sums.covered), "onDemand": money::exact(sums.on_demand),
            "coveragePercent": coverage.map(money::exact), "used": money::exact(sums.used), "unused": money::exact(sums.unused),
        }));
    }
    let [coverage, utilisation] = all.shares().ok_or(TooManyDigits)?;
    let subject = asked.subject();
    let last = end.yesterday().unwrap_or(end);
    let sentence = match coverage {
        None => {
            format!("Nothing of {subject} from {start} to {last} could be covered by commitments.")
        }
        Some(coverage) => format!(
            "**{} %** of what commitments could cover of {subject} from {start} to {last} is covered: {} of list cost, beside {} on demand.{}",
            money::exact(coverage),
            asked.amount(all.covered, currency),
            asked.amount(all.on_demand, currency),
            utilisation.map_or_else(String::new, |used| format!(
                " Of what was committed to, {} % was used.",
                money::exact(used)
            )),
        ),
    };
    Ok(Finding {
        sentence,
        tables: if table.rows.is_empty() { vec![] } else { vec![table] },
        notes: vec!["Coverage is by list cost, of services that can be committed to; use is by effective cost.".into()],
        data: json!({
            "currency": clip(asked.currency(currency)), "covered": money::exact(all.covered), "onDemand": money::exact(all.on_demand),
            "coveragePercent": coverage.map(money::exact), "used": money::exact(all.used), "unused": money::exact(all.unused),
            "utilisationPercent": utilisation.map(money::exact), "services": rows,
        }),
    })
}
