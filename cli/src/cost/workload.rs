//! The AWS calls and other usage of a job without retry, hand-over or sweep. Tests compare the calls with the
//! real ones.

use clap::Args;

/// The size of a job's row without a result, and of an event log item without its content.
const ROW_BYTES: u64 = 655;
const ENTRY_BYTES: u64 = 107;
/// The size of a streamed entry without its content, of a report's with its message, and the maximum size of a row's tail
/// of both.
const STREAM_ENTRY_BYTES: u64 = longhaul_shared::domain::log::STREAMED_BYTES as u64;
const REPORT_BYTES: u64 = 60;
const TAIL_BYTES: u64 = longhaul_shared::domain::job::TAIL_BYTES as u64;
/// The largest result that the row stores, and the largest that the event log stores.
const MAX_ROW_RESULT: u64 = longhaul_shared::domain::limits::RESULT_IN_ROW_BYTES as u64;
const MAX_LOG_RESULT: u64 = longhaul_shared::domain::limits::RESULT_IN_FRAME_BYTES as u64;
/// API Gateway bills a message for each 32 KB.
const METERED_MESSAGE_BYTES: u64 = 32 * 1024;
/// Seconds after which a worker renews its lease and its message's visibility, a third of `LeaseSeconds`; and between
/// two polls for a cancel.
const RENEWAL_SECONDS: u64 = 10;
const CANCEL_POLL_SECONDS: u64 = 2;
/// The age of a job from which on its followers' tokens are checked, in seconds.
const FOLLOWERS_TRUSTED_SECONDS: u64 =
    longhaul_shared::messaging::push::FOLLOWERS_TRUSTED_FOR.as_secs();
/// Seconds of one invocation of the worker: `WorkerTimeoutSeconds` less the margin of a hand-over.
const INVOCATION_SECONDS: u64 = 890;

/// One warm invocation: the milliseconds billed besides the analysis, the function's memory in MB, and the
/// bytes logged, with Lambda's own three lines and the metrics. The times are medians of 30 on the embedded
/// cloud (release build, x86, REPORT lines of 2026-11-21: 1.5, 5, 7 and 25 ms) plus an assumed 8 ms for each
/// AWS call that the function waits for. The worker waits for the claim, the change of visibility, the end, its
/// push and the removal from the open index.
struct FunctionProfile {
    millis: f64,
    memory: f64,
    log_bytes: f64,
}
const AUTHORIZE: FunctionProfile = FunctionProfile {
    millis: 1.5,
    memory: 256.0,
    log_bytes: 675.0,
};
const CONNECTION: FunctionProfile = FunctionProfile {
    millis: 17.0,
    memory: 256.0,
    log_bytes: 627.0,
};
const MESSAGE: FunctionProfile = FunctionProfile {
    millis: 39.0,
    memory: 256.0,
    log_bytes: 1171.0,
};
const WORKER: FunctionProfile = FunctionProfile {
    millis: 65.0,
    memory: 0.0,
    log_bytes: 1820.0,
};

/// The properties of the jobs.
#[derive(Args, Debug, Clone)]
pub struct Workload {
    /// Number of jobs.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub jobs: u64,
    /// Progress reports of a job that are pushed (at most one a second or one each 5 %).
    #[arg(long, default_value_t = 4)]
    pub reports: u64,
    /// Chunks that a job streams (at most one each 250 ms or 28 KiB).
    #[arg(long, default_value_t = 0)]
    pub chunks: u64,
    /// Size of a chunk, in bytes.
    #[arg(long, default_value_t = 500, value_name = "BYTES")]
    pub chunk_bytes: u64,
    /// Size of a result's JSON, in bytes.
    #[arg(long, default_value_t = 2048, value_name = "BYTES")]
    pub result_bytes: u64,
    /// Run time of the analysis, in seconds.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Number of connections that follow a job, with the one that submits it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=32))]
    pub followers: u64,
    /// Number of jobs of one connection. It is open for as long as they run.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub jobs_per_connection: u64,
    /// Memory of the worker, in MB (`WorkerMemory`).
    #[arg(long, default_value_t = 512, value_name = "MB", value_parser = clap::value_parser!(u64).range(128..=10_240))]
    pub memory: u64,
}

/// How often one job makes a call, and the units that it uses.
#[derive(Debug, PartialEq)]
pub struct CallCount {
    /// The caller's name in the wire log: the function without the project's name, `event-source`, or `client`.
    pub caller: &'static str,
    pub service: &'static str,
    pub operation: &'static str,
    pub calls: f64,
    pub write_units: f64,
    pub read_units: f64,
}

/// The usage of one job besides its calls.
#[derive(Debug, Default)]
pub struct Usage {
    pub messages: f64,
    pub connection_minutes: f64,
    pub invocations: f64,
    pub gb_seconds: f64,
    pub log_bytes: f64,
}

impl Workload {
    /// The calls of one job from its frame to its last push, without those of its connection.
    pub fn calls(&self) -> Vec<CallCount> {
        let (reports, chunks, followers) = (self.reports, self.chunks, self.followers);
        let (renewals, polls) = (
            self.seconds / RENEWAL_SECONDS,
            self.seconds / CANCEL_POLL_SECONDS,
        );
        // When the token of each follower of a longer job expires.
        let expiries = match self.seconds > FOLLOWERS_TRUSTED_SECONDS {
            true => followers,
            false => 0,
        };
        // A row holds some chunks, and the next chunk moves them to the log. A chunk too large for the row goes
        // to the log at once.
        let chunk = STREAM_ENTRY_BYTES + self.chunk_bytes;
        let in_row = TAIL_BYTES / chunk;
        let (row_chunks, logged_chunks) = if in_row > 0 { (chunks, 0) } else { (0, chunks) };
        let moves = Moves::of(1 + reports, row_chunks, chunk);
        let row_bytes = ROW_BYTES + moves.largest_tail;
        let row = units(row_bytes);
        let ended = match self.result_bytes {
            bytes if bytes <= MAX_ROW_RESULT => units(ROW_BYTES + moves.last_tail + bytes),
            _ => units(ROW_BYTES + moves.last_tail),
        };
        // A report or a chunk renews the lease too, so only a silent job writes a heartbeat.
        let heartbeats = renewals.saturating_sub(reports + row_chunks);
        // The claim, the reports, the heartbeats; the end; the removal from the open index.
        let updates = 1 + reports + row_chunks + heartbeats + 2;
        let worker_units = (1 + reports + row_chunks + heartbeats) * row + ended + ended + 1;
        let log_units = |bytes: u64| units(ENTRY_BYTES + bytes);
        let (moved, moved_units) = (moves.count, moves.count * log_units(moves.largest_tail));
        let chunk_units = 2 * (row + log_units(chunk));
        let logged =
            u64::from(self.result_bytes > MAX_ROW_RESULT && self.result_bytes <= MAX_LOG_RESULT);
        let stored = self.result_bytes > MAX_LOG_RESULT;
        let all = [
            // The user's token bucket; the subscription of each further follower writes the row.
            dynamodb(
                "message",
                "UpdateItem",
                followers,
                1 + (followers - 1) * row,
            ),
            // The row and an entry in each of two indexes.
            dynamodb("message", "PutItem", 1, row + 2),
            call("message", "sqs", "SendMessage", 1),
            call("message", "execute-api", "PostToConnection", 1),
            call("event-source", "sqs", "ReceiveMessage", 1),
            call("event-source", "sqs", "DeleteMessageBatch", 1),
            call("worker", "sqs", "ChangeMessageVisibility", 1 + renewals),
            dynamodb("worker", "UpdateItem", updates, worker_units),
            CallCount {
                read_units: (polls + expiries) as f64,
                ..call("worker", "dynamodb", "GetItem", polls + expiries)
            },
            dynamodb(
                "worker",
                "TransactWriteItems",
                logged_chunks,
                logged_chunks * chunk_units,
            ),
            dynamodb(
                "worker",
                "PutItem",
                logged + moved,
                logged * log_units(self.result_bytes) + moved_units,
            ),
            call("worker", "s3", "PutObject", stored.into()),
            call(
                "worker",
                "execute-api",
                "PostToConnection",
                followers * (1 + reports + chunks + 1),
            ),
            call("client", "s3", "GetObject", u64::from(stored) * followers),
        ];
        all.into_iter().filter(|call| call.calls > 0.0).collect()
    }

    /// The calls of one connection, from its handshake to its close.
    pub fn connection_calls(&self) -> Vec<CallCount> {
        vec![
            // The row and its entries by user and of open connections.
            dynamodb("connection", "PutItem", 1, 3),
            // The connection limit in the user's row; at the close the connection's row and the end of that entry.
            dynamodb("connection", "UpdateItem", 2, 3),
            // The inbox at the start; the subscriptions at the close.
            CallCount {
                read_units: 1.0,
                ..call("connection", "dynamodb", "Query", 2)
            },
        ]
    }

    /// Number of connections opened for each job.
    pub fn connections(&self) -> f64 {
        self.followers as f64 / self.jobs_per_connection as f64
    }

    /// The usage of one job besides its calls, with its share of connections.
    pub fn usage(&self) -> Usage {
        let (connections, followers) = (self.connections(), self.followers as f64);
        let result = if self.result_bytes > MAX_LOG_RESULT {
            1
        } else {
            self.result_bytes.div_ceil(METERED_MESSAGE_BYTES).max(1)
        };
        let chunk = self.chunk_bytes.div_ceil(METERED_MESSAGE_BYTES).max(1);
        let pushed = 1 + self.reports + self.chunks * chunk + result;
        let continuations = self.seconds.saturating_sub(1) / INVOCATION_SECONDS;
        let worker = FunctionProfile {
            millis: WORKER.millis * (1 + continuations) as f64 + self.seconds as f64 * 1000.0,
            memory: self.memory as f64,
            log_bytes: WORKER.log_bytes * (1 + continuations) as f64,
        };
        let invocations = [
            (connections, AUTHORIZE),
            (2.0 * connections, CONNECTION),
            (followers, MESSAGE),
            (1.0, worker),
        ];
        let total = |of: fn(&FunctionProfile) -> f64| -> f64 {
            invocations
                .iter()
                .map(|(count, function)| count * of(function))
                .sum()
        };
        Usage {
            // The frame and its response; the pushes; the frame and response of each further follower.
            messages: 2.0 + followers * pushed as f64 + (followers - 1.0) * 2.0,
            connection_minutes: followers * (self.seconds as f64 / 60.0),
            invocations: 2.0 * connections + connections + followers + 1.0 + continuations as f64,
            gb_seconds: total(|function| function.millis / 1000.0 * function.memory / 1024.0),
            log_bytes: total(|function| function.log_bytes),
        }
    }
}

/// How a row's tail moves to the event log.
struct Moves {
    count: u64,
    /// The largest tail and the one at the end, in bytes.
    largest_tail: u64,
    last_tail: u64,
}

impl Moves {
    /// Of a job whose reports come before its chunks: each entry that outgrows the tail moves what is in it.
    fn of(reports: u64, chunks: u64, chunk_bytes: u64) -> Self {
        let (mut count, mut tail, mut largest_tail) = (0, 0, 0);
        let sizes = [(reports, REPORT_BYTES), (chunks, chunk_bytes)];
        for bytes in sizes
            .iter()
            .flat_map(|(n, bytes)| (0..*n).map(move |_| bytes))
        {
            if tail > 0 && tail + bytes > TAIL_BYTES {
                (count, tail) = (count + 1, 0);
            }
            tail += bytes;
            largest_tail = largest_tail.max(tail);
        }
        Self {
            count,
            largest_tail,
            last_tail: tail,
        }
    }
}

fn call(
    caller: &'static str,
    service: &'static str,
    operation: &'static str,
    calls: u64,
) -> CallCount {
    CallCount {
        caller,
        service,
        operation,
        calls: calls as f64,
        write_units: 0.0,
        read_units: 0.0,
    }
}

fn dynamodb(caller: &'static str, operation: &'static str, calls: u64, units: u64) -> CallCount {
    CallCount {
        write_units: units as f64,
        ..call(caller, "dynamodb", operation, calls)
    }
}

/// DynamoDB bills a write by the item's size, in whole KB.
fn units(bytes: u64) -> u64 {
    bytes.div_ceil(1024)
}
