//! The one bound on calls to the gateway: whatever concerns many connections runs through here.

use tokio::task::JoinSet;
use tracing::Instrument;

/// Calls to the gateway at a time.
const MAX_PARALLEL: usize = 32;

/// Runs a task for each item, at most [`MAX_PARALLEL`] at a time. The results come in the order in which the
/// tasks end. A task's panic is passed on.
pub async fn for_each<T, F>(
    items: impl IntoIterator<Item = T>,
    task: impl Fn(T) -> F,
) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (mut running, mut results, mut items) = (JoinSet::new(), vec![], items.into_iter());
    loop {
        while running.len() < MAX_PARALLEL
            && let Some(item) = items.next()
        {
            running.spawn(task(item).in_current_span());
        }
        match running.join_next().await {
            Some(Ok(result)) => results.push(result),
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => return results,
        }
    }
}
