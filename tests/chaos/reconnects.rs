//! Followers whose sockets drop again and again while jobs stream: each ends with the same text as one that was never
//! disconnected.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::future::{try_join, try_join_all};
use serde_json::json;
use tokio::time::timeout;

use crate::support::follower::Follower;
use crate::support::stack::Stack;
use crate::support::wait::MAX_WAIT;

const JOBS: usize = 8;
/// The longest time that a job takes on a slow machine.
const JOB_TIMEOUT: Duration = Duration::from_secs(300);
/// The number of drops of all followers together.
const MIN_DROPS: usize = 1000;
/// More than a job needs: it is cancelled after enough drops. On a slow machine another one follows.
const STEPS: usize = 400;

#[tokio::test]
async fn a_thousand_reconnects_lose_and_duplicate_nothing() -> Result<()> {
    let stack = Stack::start(&["--no-throttle"]).await?;
    let drops: usize = try_join_all((0..JOBS).map(|number| follow(&stack, number)))
        .await?
        .iter()
        .sum();
    ensure!(
        drops >= MIN_DROPS,
        "only {drops} drops while the jobs streamed"
    );
    Ok(())
}

/// Follows jobs one after the other through many sockets; returns the number of drops.
async fn follow(stack: &Stack, number: usize) -> Result<usize> {
    let user = format!("user-{number}");
    let (mut drops, mut random) = (0, number as u64 + 1);
    while drops < MIN_DROPS.div_ceil(JOBS) {
        let mut undisturbed_socket = stack.client(&user).await?;
        let frame = json!({"action": "query", "kind": "noop", "query": "q",
                           "params": {"steps": STEPS, "stepMs": 250, "text": 200}});
        let job = undisturbed_socket.submit(frame).await?;
        let (mut follower, mut undisturbed_follower) = (Follower::new(&job), Follower::new(&job));
        let reconnect_loop = async {
            while follower.ends.is_empty() && drops < MIN_DROPS.div_ceil(JOBS) {
                // A busy machine may refuse a handshake.
                let Ok(mut socket) = stack.client(&user).await else {
                    continue;
                };
                socket.send(follower.subscribe_frame()).await?;
                // Numerical Recipes' linear congruential generator. It decides after how many frames the socket drops.
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) % (1 << 32);
                for _ in 0..random % 4 {
                    let Ok(frame) = timeout(Duration::from_millis(300), socket.next()).await else {
                        break;
                    };
                    if let Some(request) = follower.receive(&frame?) {
                        socket.send(request).await?;
                    }
                }
                drops += 1;
            }
            let mut socket = stack.client(&user).await?;
            socket
                .send(json!({"action": "cancel", "jobId": job}))
                .await?;
            socket.send(follower.subscribe_frame()).await?;
            follower.until_end(&mut socket, MAX_WAIT).await
        };
        try_join(
            reconnect_loop,
            undisturbed_follower.until_end(&mut undisturbed_socket, JOB_TIMEOUT),
        )
        .await?;
        ensure!(undisturbed_follower.resets == 0 && !undisturbed_follower.text().is_empty());
        ensure!(
            follower.text() == undisturbed_follower.text(),
            "{number}: the texts differ"
        );
        ensure!(follower.ends == undisturbed_follower.ends);
    }
    Ok(drops)
}
