//! Followers whose sockets drop all the time while jobs stream: each ends with the same bytes as one
//! that was never disturbed.

use std::time::Duration;

use crate::support::follower::Follower;
use crate::support::stack::Stack;
use anyhow::{Result, ensure};
use futures_util::future::{try_join, try_join_all};
use serde_json::json;
use tokio::time::timeout;

const JOBS: usize = 8;
/// As long as a job can take, on a slow machine.
const LONG: Duration = Duration::from_secs(300);
/// Of all followers together.
const DROPS: usize = 1000;
/// The job is cancelled when there were drops enough; on a slow machine another one follows.
const STEPS: usize = 400;

#[tokio::test]
async fn a_thousand_drops_lose_and_double_nothing() -> Result<()> {
    let stack = Stack::start(&["--no-throttle"]).await?;
    let drops: usize = try_join_all((0..JOBS).map(|number| follow(&stack, number)))
        .await?
        .iter()
        .sum();
    ensure!(drops >= DROPS, "only {drops} drops while the jobs streamed");
    Ok(())
}

/// Follows jobs, one after the other, through as many sockets as it takes; how many were dropped.
async fn follow(stack: &Stack, number: usize) -> Result<usize> {
    let user = format!("user-{number}");
    let (mut drops, mut random) = (0, number as u64 + 1);
    while drops < DROPS.div_ceil(JOBS) {
        let mut undisturbed = stack.client(&user).await?;
        let frame = json!({"action": "query", "kind": "noop", "query": "q",
                           "params": {"steps": STEPS, "stepMs": 250, "text": 200}});
        let job = undisturbed.submit(frame).await?;
        let (mut follower, mut witness) = (Follower::of(&job), Follower::of(&job));
        let dropping = async {
            while follower.ends.is_empty() && drops < DROPS.div_ceil(JOBS) {
                // A handshake that a busy machine refuses is one more thing that befalls a client.
                let Ok(mut socket) = stack.client(&user).await else {
                    continue;
                };
                socket.send(follower.subscribe()).await?;
                // Numerical Recipes' linear congruence: where in the conversation it drops is all it
                // decides.
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) % (1 << 32);
                for _ in 0..random % 4 {
                    let Ok(frame) = timeout(Duration::from_millis(300), socket.next()).await else {
                        break;
                    };
                    if let Some(question) = follower.take(&frame?) {
                        socket.send(question).await?;
                    }
                }
                drops += 1;
            }
            let mut socket = stack.client(&user).await?;
            socket
                .send(json!({"action": "cancel", "jobId": job}))
                .await?;
            socket.send(follower.subscribe()).await?;
            follower.until_end(&mut socket, crate::PATIENCE).await
        };
        try_join(dropping, witness.until_end(&mut undisturbed, LONG)).await?;
        ensure!(witness.resets == 0 && !witness.text().is_empty());
        ensure!(
            follower.text() == witness.text(),
            "{number}: the texts differ"
        );
        ensure!(follower.ends == witness.ends);
    }
    Ok(drops)
}
