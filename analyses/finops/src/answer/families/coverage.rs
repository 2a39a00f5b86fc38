//! Commitment coverage and utilization. Coverage is by list cost, so that a discount does not lower it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::json;

use crate::answer::families::family_answer::{FamilyAnswer, Table};
use crate::answer::families::input::FamilyInput;
use crate::bill::money::{self, PrecisionOverflow};
use crate::bill::usage_totals::PricingTerms;
use crate::text::sanitize::{clip, escape};
use crate::text::tokens::normalized;

/// Services whose usage a commitment can cover, by a part of their normalized names.
const COMMITMENT_SERVICES: [&str; 10] = [
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

/// Whether a commitment can cover usage of the service.
pub(crate) fn can_be_committed(service: &str) -> bool {
    let name = normalized(service);
    COMMITMENT_SERVICES.iter().any(|part| name.contains(part))
}

#[derive(Default)]
struct Sums {
    covered: Decimal,
    on_demand: Decimal,
    used: Decimal,
    unused: Decimal,
}

impl Sums {
    /// Coverage and utilization in percent.
    fn shares(&self) -> Option<[Option<Decimal>; 2]> {
        let coverable = money::add(self.covered, self.on_demand)?;
        let committed = money::add(self.used, self.unused)?;
        Some([
            money::percent(self.covered, coverable),
            money::percent(self.used, committed),
        ])
    }
}

pub(crate) fn answer(
    input: FamilyInput<'_>,
    currency: u32,
) -> Result<FamilyAnswer, PrecisionOverflow> {
    let (start, end) = input.covered_days();
    let filter = input.filter_over_days(start, end);
    let mut services: BTreeMap<u32, Sums> = BTreeMap::new();
    for (key, kind, total) in input.usage.in_filter(input.ledger, &filter, currency) {
        let known = can_be_committed(&input.ledger.services.keys[key.service as usize]);
        if !known && !matches!(kind.terms, PricingTerms::Committed | PricingTerms::Unused) {
            continue;
        }
        let sums = services.entry(key.service).or_default();
        let grown: &mut [(&mut Decimal, Decimal)] = match kind.terms {
            PricingTerms::OnDemand => &mut [(&mut sums.on_demand, total.list)],
            PricingTerms::Committed => &mut [
                (&mut sums.covered, total.list),
                (&mut sums.used, total.effective),
            ],
            PricingTerms::Unused => &mut [(&mut sums.unused, total.effective)],
            PricingTerms::Other => continue,
        };
        for (sum, more) in grown {
            **sum = money::add(**sum, *more).ok_or(PrecisionOverflow)?;
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
            *sum = money::add(*sum, more).ok_or(PrecisionOverflow)?;
        }
        let name = &input.ledger.services.keys[*service as usize];
        let [coverage, _] = sums.shares().ok_or(PrecisionOverflow)?;
        table.rows.push(vec![
            escape(name),
            money::display(sums.covered),
            money::display(sums.on_demand),
            coverage.map_or_else(|| "-".into(), money::exact_text),
            money::display(sums.unused),
        ]);
        rows.push(json!({
            "service": clip(name), "covered": money::exact_text(sums.covered), "onDemand": money::exact_text(sums.on_demand),
            "coveragePercent": coverage.map(money::exact_text), "used": money::exact_text(sums.used), "unused": money::exact_text(sums.unused),
        }));
    }
    let [coverage, utilisation] = all.shares().ok_or(PrecisionOverflow)?;
    let subject = input.subject();
    let last = end.yesterday().unwrap_or(end);
    let sentence = match coverage {
        None => {
            format!("Nothing of {subject} from {start} to {last} could be covered by commitments.")
        }
        Some(coverage) => format!(
            "**{} %** of what commitments could cover of {subject} from {start} to {last} is covered: {} of list cost, beside {} on demand.{}",
            money::exact_text(coverage),
            input.amount(all.covered, currency),
            input.amount(all.on_demand, currency),
            utilisation.map_or_else(String::new, |used| format!(
                " Of what was committed to, {} % was used.",
                money::exact_text(used)
            )),
        ),
    };
    Ok(FamilyAnswer {
        sentence,
        tables: if table.rows.is_empty() { vec![] } else { vec![table] },
        notes: vec!["Coverage is by list cost, of services that can be committed to; use is by effective cost.".into()],
        data: json!({
            "currency": clip(input.currency_name(currency)), "covered": money::exact_text(all.covered), "onDemand": money::exact_text(all.on_demand),
            "coveragePercent": coverage.map(money::exact_text), "used": money::exact_text(all.used), "unused": money::exact_text(all.unused),
            "utilisationPercent": utilisation.map(money::exact_text), "services": rows,
        }),
    })
}
