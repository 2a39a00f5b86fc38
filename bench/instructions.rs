//! The pure core's hot functions, one of them so often as is asked: for callgrind, which counts the
//! instructions (see `bench/instructions.py`).
//!
//! The same input gives the same instructions: no clock, no randomness, no environment.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use longhaul_handlers::check_frame;
use longhaul_shared::domain::event::Event;
use longhaul_shared::domain::ids::{ConnectionId, JobId, Owner};
use longhaul_shared::domain::job::{
    DialectFollower, Job, JobInput, JobResult, Lease, Outcome, Report, SubmitOptions,
};
use longhaul_shared::domain::stream::{StreamContent, StreamEntry};
use longhaul_shared::protocol::dialect::{self, Dialect};

const LEASE: Duration = Duration::from_secs(120);
const RETENTION: Duration = Duration::from_secs(86_400);

/// What is counted, by its name in the table.
type Case = (&'static str, fn(&World));

const CASES: [Case; 8] = [
    ("parse a submit", |world| {
        black_box(check_frame(black_box(&world.submit))).expect("it is one");
    }),
    ("parse a chat message", |world| {
        black_box(check_frame(black_box(&world.message))).expect("it is one");
    }),
    ("apply a claim, four reports and the end", |world| {
        black_box(world.life(black_box(world.job.clone())));
    }),
    ("render progress in PROTOCOL 3", |world| {
        let event = Event::progress(black_box(&world.running));
        black_box(dialect::outbound_frames(&world.running, &event));
    }),
    ("render an end with 2 KB in PROTOCOL 3", |world| {
        let event = Event::ended(black_box(&world.ended)).expect("it has");
        black_box(dialect::outbound_frames(&world.ended, &event));
    }),
    ("render a chunk in sendMessage", |world| {
        world.chunk(Dialect::SendMessage);
    }),
    ("render a chunk in chat_message", |world| {
        world.chunk(Dialect::ChatMessage);
    }),
    ("render a chunk in text_message", |world| {
        world.chunk(Dialect::TextMessage);
    }),
];

/// What the cases work on.
struct World {
    now: Timestamp,
    submit: String,
    message: String,
    job: Job,
    running: Job,
    ended: Job,
    /// The running job, as started in each dialect.
    spoken: Vec<(Dialect, Job)>,
}

impl World {
    fn new() -> Self {
        let now = Timestamp::from_second(1_700_000_000).expect("it is a time");
        let query = "x".repeat(100);
        let terms = SubmitOptions {
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
        let mut job = Job::submitted(id, owner, "noop".into(), input, now, terms);
        job.request_id = Some("1".into());
        job.followers.insert(connection.clone());
        let mut running = job.clone();
        Job::claim("invocation", now, LEASE).apply(&mut running);
        let spoken = Dialect::ALL.map(|dialect| {
            let mut job = running.clone();
            job.dialect_follower = Some(DialectFollower::new(dialect, connection.clone()));
            (dialect, job)
        });
        let mut world = Self {
            now,
            submit: format!(
                r#"{{"action":"query","kind":"noop","query":"{query}","params":{{"steps":4,"bytes":2048}},"requestId":"1"}}"#
            ),
            message: format!(r#"{{"action":"chat_message","message":"{query}"}}"#),
            ended: job.clone(),
            job,
            running,
            spoken: spoken.into(),
        };
        world.ended = world.life(world.job.clone());
        world
    }

    /// The standard job's, from its claim to its end.
    fn life(&self, mut job: Job) -> Job {
        Job::claim("invocation", self.now, LEASE).apply(&mut job);
        for step in 1..=4 {
            let report = Report {
                percent: 20 * step,
                message: format!("Step {step} of 4"),
            };
            let lease = Lease::from_row(job.clone());
            let change = lease.report(&[report], self.now, LEASE);
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
            .spoken
            .iter()
            .find(|(spoken, _)| *spoken == dialect)
            .expect("there is one of each");
        let entry = StreamEntry {
            seq: 3,
            at: self.now,
            content: StreamContent::Chunk("A piece of an answer, of a usual length.".into()),
        };
        let event = Event::streamed(black_box(job), entry);
        black_box(dialect::outbound_frames(job, &event));
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(times)) = (arguments.next(), arguments.next()) else {
        CASES.iter().for_each(|(name, _)| println!("{name}"));
        return;
    };
    let (_, case) = CASES
        .iter()
        .find(|(case, _)| *case == name)
        .expect("the name is one of those that are shown without arguments");
    let world = World::new();
    for _ in 0..times.parse().expect("a number of times") {
        case(black_box(&world));
    }
}
