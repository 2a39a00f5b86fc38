//! Runs a hot function of the pure core a given number of times, for callgrind, which counts the instructions
//! (see `bench/instructions.py`).
//!
//! Without clock, randomness and environment, the same input gives the same number of instructions.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use longhaul_handlers::check_frame;
use longhaul_shared::domain::dialect::Dialect;
use longhaul_shared::domain::event::Event;
use longhaul_shared::domain::ids::{ConnectionId, JobId, Owner};
use longhaul_shared::domain::job::{
    Claimant, DialectFollower, Job, JobInput, JobResult, Lease, LogWrite, Outcome, Report,
    SubmitOptions,
};
use longhaul_shared::domain::log::{EntryContent, LogEntry};
use longhaul_shared::protocol::dialect;

const LEASE: Duration = Duration::from_secs(120);
const RETENTION: Duration = Duration::from_secs(86_400);

/// A counted function, with its name in the table.
type CountedFunction = (&'static str, fn(&Inputs));

const FUNCTIONS: [CountedFunction; 8] = [
    ("parse a submit", |inputs| {
        black_box(check_frame(black_box(&inputs.submit))).expect("it is valid");
    }),
    ("parse a chat message", |inputs| {
        black_box(check_frame(black_box(&inputs.message))).expect("it is valid");
    }),
    ("apply a claim, four reports and the end", |inputs| {
        black_box(inputs.run(black_box(inputs.job.clone())));
    }),
    ("render a native progress event", |inputs| {
        let event = Event::progress(black_box(&inputs.running));
        black_box(dialect::outbound_frames(&inputs.running, &event));
    }),
    ("render a native end with 2 KB", |inputs| {
        let event = Event::ended(black_box(&inputs.ended)).expect("it has ended");
        black_box(dialect::outbound_frames(&inputs.ended, &event));
    }),
    ("render a chunk in sendMessage", |inputs| {
        inputs.chunk(Dialect::SendMessage);
    }),
    ("render a chunk in chat_message", |inputs| {
        inputs.chunk(Dialect::ChatMessage);
    }),
    ("render a chunk in text_message", |inputs| {
        inputs.chunk(Dialect::TextMessage);
    }),
];

fn claimant(now: Timestamp) -> Claimant<'static> {
    Claimant {
        invocation: "invocation",
        message: "message",
        now,
        lease: LEASE,
    }
}

/// The inputs of the functions.
struct Inputs {
    now: Timestamp,
    submit: String,
    message: String,
    job: Job,
    running: Job,
    ended: Job,
    /// The running job in each dialect.
    by_dialect: Vec<(Dialect, Job)>,
}

impl Inputs {
    fn new() -> Self {
        let now = Timestamp::from_second(1_700_000_000).expect("it is valid");
        let query = "x".repeat(100);
        let options = SubmitOptions {
            deadline: LEASE,
            retention: RETENTION,
        };
        let owner = Owner {
            user: "alice".into(),
            tenant: None,
        };
        let input = JobInput::whole(query.clone(), r#"{"steps":4,"bytes":2048}"#.into());
        let id = JobId::new(now, &[7; 10]);
        let connection = ConnectionId("Kq1Zvd2xIAMCJlA=".into());
        let mut job = Job::submitted(id, owner, "noop".into(), input, now, options);
        job.request_id = Some("1".into());
        job.followers.insert(connection.clone());
        let mut running = job.clone();
        claimant(now).claim_submitted().apply(&mut running);
        let by_dialect = Dialect::ALL.map(|dialect| {
            let mut job = running.clone();
            job.dialect_follower = Some(DialectFollower::new(dialect, connection.clone()));
            (dialect, job)
        });
        let mut inputs = Self {
            now,
            submit: format!(
                r#"{{"action":"query","kind":"noop","query":"{query}","params":{{"steps":4,"bytes":2048}},"requestId":"1"}}"#
            ),
            message: format!(r#"{{"action":"chat_message","message":"{query}"}}"#),
            ended: job.clone(),
            job,
            running,
            by_dialect: by_dialect.into(),
        };
        inputs.ended = inputs.run(inputs.job.clone());
        inputs
    }

    /// The standard job from its claim to its end.
    fn run(&self, mut job: Job) -> Job {
        claimant(self.now).claim_submitted().apply(&mut job);
        for step in 1..=4 {
            let report = Report {
                percent: 20 * step,
                message: format!("Step {step} of 4"),
            };
            let lease = Lease::from_row(job.clone());
            let LogWrite::Row { change, .. } = lease.report(&[report], self.now, LEASE) else {
                panic!("a report goes into the row");
            };
            change.apply(&mut job);
        }
        let result: Arc<str> = format!(r#"{{"response":"{}"}}"#, "x".repeat(2048)).into();
        let outcome = Outcome::Completed(JobResult::Inline(result.to_string()));
        let change = Lease::from_row(job.clone()).finish(&[], outcome, self.now, RETENTION);
        change.apply(&mut job);
        job
    }

    fn chunk(&self, dialect: Dialect) {
        let (_, job) = self
            .by_dialect
            .iter()
            .find(|(other, _)| *other == dialect)
            .expect("every dialect has one");
        let entry = LogEntry {
            seq: 3,
            at: self.now,
            content: EntryContent::Chunk("A piece of an answer, of a usual length.".into()),
        };
        let event = Event::logged(black_box(job), entry);
        black_box(dialect::outbound_frames(job, &event));
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(times)) = (arguments.next(), arguments.next()) else {
        FUNCTIONS.iter().for_each(|(name, _)| println!("{name}"));
        return;
    };
    let (_, function) = FUNCTIONS
        .iter()
        .find(|(other, _)| *other == name)
        .expect("the name must be one of those that are printed without arguments");
    let inputs = Inputs::new();
    for _ in 0..times.parse().expect("a number of times") {
        function(black_box(&inputs));
    }
}
