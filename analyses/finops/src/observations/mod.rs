//! Observations.

mod idle_resources;
pub(crate) mod observation;
pub(crate) mod spikes;

use crate::bill::charge_filter::Scope;
use crate::bill::ledger::Ledger;
use crate::bill::money::TooManyDigits;
use crate::bill::notable_charges::Traces;
use observation::Advice;

/// The findings within the scope, the costliest first.
pub(crate) fn find(
    ledger: &Ledger,
    traces: &Traces,
    scope: &Scope,
) -> Result<Vec<Advice>, TooManyDigits> {
    let mut found = spikes::told_spikes(ledger, traces, scope)?;
    found.extend(idle_resources::idle_resources(ledger, traces, scope)?);
    Ok(found)
}
