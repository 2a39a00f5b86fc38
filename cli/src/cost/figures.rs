//! What a job uses of AWS, call by call: the one table of figures, which tests hold to the wire.
//!
//! A happy path: no retry, no hand-over, no sweep. What any of it costs is not known here.

use clap::Args;

/// Of a job's row without a result, and of an item of the event log without its content.
const ROW_BYTES: u64 = 620;
const ENTRY_BYTES: u64 = 107;
/// Of an entry of the stream in a row's tail or with others in the log, without its content; and how many
/// bytes a row takes of them.
const STREAMED_BYTES: u64 = longhaul_shared::domain::stream::ENTRY_BYTES as u64;
const TAIL_BYTES: u64 = longhaul_shared::domain::job::TAIL_BYTES as u64;
/// Where a result goes by its size (`longhaul_shared::domain::limits`).
const IN_ROW: u64 = longhaul_shared::domain::limits::RESULT_IN_ROW_BYTES as u64;
const IN_LOG: u64 = longhaul_shared::domain::limits::RESULT_IN_FRAME_BYTES as u64;
/// A message of API Gateway's is counted anew at each 32 KB.
const FRAME: u64 = 32 * 1024;
/// Seconds between two signs of life of a worker, a third of `LeaseSeconds`; and between two looks
/// for a cancel.
const HEARTBEAT: u64 = 40;
const LOOK: u64 = 2;
/// Seconds of one invocation of the worker (`WorkerTimeoutSeconds`, less what it hands over in).
const INVOCATION: u64 = 890;

/// Of one invocation: milliseconds billed besides what an analysis takes, the function's memory in MB, and
/// bytes logged with Lambda's own three lines and the metrics. Medians of thirty on the embedded cloud (release build, x86,
/// REPORT lines of 2026-11-21: 1.5, 5, 7 and 25 ms), and 8 ms, assumed, for each call to AWS that it waits
/// for; warm. In the worker that is the claim, its visibility, the end, its push and the closing.
struct Function {
    millis: f64,
    memory: f64,
    log_bytes: f64,
}
const AUTHORIZE: Function = Function {
    millis: 1.5,
    memory: 256.0,
    log_bytes: 675.0,
};
const CONNECTION: Function = Function {
    millis: 17.0,
    memory: 256.0,
    log_bytes: 627.0,
};
const MESSAGE: Function = Function {
    millis: 39.0,
    memory: 256.0,
    log_bytes: 1171.0,
};
const WORKER: Function = Function {
    millis: 65.0,
    memory: 0.0,
    log_bytes: 1820.0,
};

/// What jobs are like.
#[derive(Args, Debug, Clone)]
pub struct Mix {
    /// Jobs.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub jobs: u64,
    /// Progress reports of each that are told (at most one a second or each 5 %).
    #[arg(long, default_value_t = 4)]
    pub reports: u64,
    /// Chunks of each that are streamed (at most one each 250 ms or 28 KiB).
    #[arg(long, default_value_t = 0)]
    pub chunks: u64,
    /// Bytes of a chunk.
    #[arg(long, default_value_t = 500, value_name = "BYTES")]
    pub chunk_bytes: u64,
    /// Bytes of a result's JSON.
    #[arg(long, default_value_t = 2048, value_name = "BYTES")]
    pub result_bytes: u64,
    /// Seconds that an analysis runs.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Connections that follow a job; the first submits it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=32))]
    pub followers: u64,
    /// Jobs that one connection sees before it closes; it is open for as long as they run.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub jobs_per_connection: u64,
    /// The worker's memory in MB (`WorkerMemory`).
    #[arg(long, default_value_t = 512, value_name = "MB", value_parser = clap::value_parser!(u64).range(128..=10_240))]
    pub memory: u64,
}

/// What one job makes of one call.
#[derive(Debug, PartialEq)]
pub struct Call {
    /// As the wire log names it: the function without the project's name, `event-source`, or `client`.
    pub caller: &'static str,
    pub service: &'static str,
    pub operation: &'static str,
    pub calls: f64,
    pub write_units: f64,
    pub read_units: f64,
}

/// What one job uses besides calls.
#[derive(Debug, Default)]
pub struct Use {
    pub messages: f64,
    pub connection_minutes: f64,
    pub invocations: f64,
    pub gb_seconds: f64,
    pub log_bytes: f64,
}

impl Mix {
    /// The calls of one job from its frame to its last push, without its connection's.
    pub fn calls(&self) -> Vec<Call> {
        let (reports, chunks, followers) = (self.reports, self.chunks, self.followers);
        let (heartbeats, looks) = (self.seconds / HEARTBEAT, self.seconds / LOOK);
        // A row takes some chunks, and its next lets them go to the log; one too large for it is logged at once.
        let chunk = STREAMED_BYTES + self.chunk_bytes;
        let in_row = TAIL_BYTES / chunk;
        let (kept, at_once) = if in_row > 0 { (chunks, 0) } else { (0, chunks) };
        let row_bytes = ROW_BYTES + kept.min(in_row) * chunk;
        let row = units(row_bytes);
        let ended = match self.result_bytes {
            bytes if bytes <= IN_ROW => units(row_bytes + bytes),
            _ => row,
        };
        let moved = kept.saturating_sub(1) / in_row.max(1);
        // The claim, the reports, the heartbeats; the end; its closing, which leaves an index too.
        let updates = 1 + reports + kept + heartbeats + 2;
        let worker_units = (1 + reports + kept + heartbeats) * row + ended + ended + 1;
        let log_units = |bytes: u64| units(ENTRY_BYTES + bytes);
        let moved_units = moved * log_units(in_row * chunk);
        let chunk_units = 2 * (row + log_units(chunk));
        let logged = u64::from(self.result_bytes > IN_ROW && self.result_bytes <= IN_LOG);
        let stored = self.result_bytes > IN_LOG;
        let all = [
            // The user's bucket; a further follower's subscription writes the row.
            dynamodb(
                "message",
                "UpdateItem",
                followers,
                1 + (followers - 1) * row,
            ),
            // The row and an entry of either index.
            dynamodb("message", "PutItem", 1, row + 2),
            call("message", "sqs", "SendMessage", 1),
            call("message", "execute-api", "PostToConnection", 1),
            call("event-source", "sqs", "ReceiveMessage", 1),
            call("event-source", "sqs", "DeleteMessageBatch", 1),
            call("worker", "sqs", "ChangeMessageVisibility", 1 + heartbeats),
            dynamodb("worker", "UpdateItem", updates, worker_units),
            Call {
                read_units: looks as f64,
                ..call("worker", "dynamodb", "GetItem", looks)
            },
            dynamodb(
                "worker",
                "TransactWriteItems",
                at_once,
                at_once * chunk_units,
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

    /// The calls of one connection, from its handshake to its end.
    pub fn connection_calls(&self) -> Vec<Call> {
        vec![
            // The row and its entry by user.
            dynamodb("connection", "PutItem", 1, 2),
            // Room in the user's row; the row at the end.
            dynamodb("connection", "UpdateItem", 2, 2),
            // A look into the inbox; at the end one for subscriptions.
            Call {
                read_units: 1.0,
                ..call("connection", "dynamodb", "Query", 2)
            },
        ]
    }

    /// Connections opened for each job.
    pub fn connections(&self) -> f64 {
        self.followers as f64 / self.jobs_per_connection as f64
    }

    /// What is billed of one job besides its calls, with its share of connections.
    pub fn usage(&self) -> Use {
        let (connections, followers) = (self.connections(), self.followers as f64);
        let result = if self.result_bytes > IN_LOG {
            1
        } else {
            self.result_bytes.div_ceil(FRAME).max(1)
        };
        let chunk = self.chunk_bytes.div_ceil(FRAME).max(1);
        let told = 1 + self.reports + self.chunks * chunk + result;
        let continued = self.seconds.saturating_sub(1) / INVOCATION;
        let worker = Function {
            millis: WORKER.millis * (1 + continued) as f64 + self.seconds as f64 * 1000.0,
            memory: self.memory as f64,
            log_bytes: WORKER.log_bytes * (1 + continued) as f64,
        };
        let invoked = [
            (connections, AUTHORIZE),
            (2.0 * connections, CONNECTION),
            (followers, MESSAGE),
            (1.0, worker),
        ];
        let total = |of: fn(&Function) -> f64| -> f64 {
            invoked
                .iter()
                .map(|(count, function)| count * of(function))
                .sum()
        };
        Use {
            // The frame and its event; what is told; a further follower's frame and its answer.
            messages: 2.0 + followers * told as f64 + (followers - 1.0) * 2.0,
            connection_minutes: followers * (self.seconds as f64 / 60.0),
            invocations: 2.0 * connections + connections + followers + 1.0 + continued as f64,
            gb_seconds: total(|function| function.millis / 1000.0 * function.memory / 1024.0),
            log_bytes: total(|function| function.log_bytes),
        }
    }
}

fn call(caller: &'static str, service: &'static str, operation: &'static str, calls: u64) -> Call {
    Call {
        caller,
        service,
        operation,
        calls: calls as f64,
        write_units: 0.0,
        read_units: 0.0,
    }
}

fn dynamodb(caller: &'static str, operation: &'static str, calls: u64, units: u64) -> Call {
    Call {
        write_units: units as f64,
        ..call(caller, "dynamodb", operation, calls)
    }
}

/// DynamoDB bills a write by the item's size, in whole KB.
fn units(bytes: u64) -> u64 {
    bytes.div_ceil(1024)
}
