//! What stands out in a bill: cost spikes and idle resources, each with the rows that show it. Pure.

mod idle_resources;
pub(crate) mod observation;
pub(crate) mod spikes;

use crate::bill::charge_filter::ChargeFilter;
use crate::bill::ledger::Ledger;
use crate::bill::money::PrecisionOverflow;
use crate::bill::notable_charges::NotableCharges;
use observation::Observation;

/// The observations within the filter: spikes, then idle resources, each kind by cost.
pub(crate) fn find(
    ledger: &Ledger,
    notable: &NotableCharges,
    filter: &ChargeFilter,
) -> Result<Vec<Observation>, PrecisionOverflow> {
    let mut found = spikes::spike_observations(ledger, notable, filter)?;
    found.extend(idle_resources::idle_resource_observations(
        ledger, notable, filter,
    )?);
    Ok(found)
}
