//! The account's concurrency, and what functions reserve of it.

use std::sync::Arc;

use anyhow::bail;
use tokio::sync::Semaphore;

use crate::stack_spec::Function;

/// The concurrency limits of all functions.
pub(super) struct ConcurrencyLimits {
    /// Shared by the functions without a reservation.
    unreserved: Arc<Semaphore>,
}

impl ConcurrencyLimits {
    /// # Errors
    /// The functions reserve the whole account's concurrency. AWS rejects that too, because nothing would be
    /// left for functions without a reservation.
    pub(super) fn new(
        account_concurrency: u32,
        functions: &[Function],
    ) -> anyhow::Result<ConcurrencyLimits> {
        let reserved: u32 = functions
            .iter()
            .filter_map(|function| function.reserved_concurrency)
            .fold(0, u32::saturating_add);
        if reserved >= account_concurrency {
            bail!(
                "the functions' ReservedConcurrentExecutions add up to {reserved}, but the account has \
                 {account_concurrency}: nothing is left for functions without a reservation"
            );
        }
        Ok(ConcurrencyLimits {
            unreserved: Arc::new(Semaphore::new((account_concurrency - reserved) as usize)),
        })
    }

    /// The limit of this function: its reservation, or the shared unreserved concurrency.
    pub(super) fn limit_for(&self, function: &Function) -> Arc<Semaphore> {
        match function.reserved_concurrency {
            Some(reserved) => Arc::new(Semaphore::new(reserved as usize)),
            None => self.unreserved.clone(),
        }
    }
}
