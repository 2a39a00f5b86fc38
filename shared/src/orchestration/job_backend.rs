//! The tables, queue and endpoint that every function of jobs works with, each opened once.

use std::time::Duration;

use crate::aws::clients::AwsClients;
use crate::aws::dynamo::Dynamo;
use crate::messaging::dead_letter_queue::DeadLetterQueue;
use crate::messaging::job_queue::JobQueue;
use crate::messaging::push::ConnectionPusher;
use crate::orchestration::job_end_notifier::JobEndNotifier;
use crate::orchestration::turn_scheduler::TurnScheduler;
use crate::settings::{seconds, text};
use crate::store::connections::Connections;
use crate::store::event_log::EventLog;
use crate::store::jobs::Jobs;
use crate::store::results::Results;
use crate::store::sessions::Sessions;

crate::settings! {
    /// Where jobs are stored, queued and pushed.
    pub struct JobBackendSettings {
        /// The table of jobs.
        pub jobs_table: String = text("JOBS_TABLE"),
        /// The table of jobs' events.
        pub events_table: String = text("JOB_EVENTS_TABLE"),
        /// The bucket of large results and of recordings.
        pub results_bucket: String = text("RESULTS_BUCKET"),
        /// How long the URL of a large result is valid; at most 15 minutes.
        pub result_url_lifetime: Duration = seconds("RESULT_URL_SECONDS"),
        /// The table of sessions.
        pub sessions_table: String = text("SESSIONS_TABLE"),
        /// The table of connections and users.
        pub connections_table: String = text("CONNECTIONS_TABLE"),
        /// The stage's management endpoint, such as `https://<api>.execute-api.<region>.amazonaws.com/prod`.
        /// It is configured and not derived from an event, since a custom domain would falsify that.
        pub connections_endpoint: String = text("CONNECTIONS_ENDPOINT"),
        /// The queue of jobs.
        pub jobs_queue_url: String = text("JOBS_QUEUE_URL"),
    }
}

/// Tables, queue and endpoint of jobs. A clone shares the connections of the original.
#[derive(Clone)]
pub struct JobBackend {
    pub connections: Connections,
    pub jobs: Jobs,
    pub event_log: EventLog,
    pub sessions: Sessions,
    pub job_queue: JobQueue,
    pub pusher: ConnectionPusher,
}

impl JobBackend {
    pub fn new(settings: JobBackendSettings, clients: &AwsClients, dynamo: &Dynamo) -> Self {
        let results = Results::new(
            clients,
            settings.results_bucket,
            settings.result_url_lifetime,
        );
        let connections = Connections::new(dynamo, settings.connections_table);
        Self {
            pusher: ConnectionPusher::new(
                clients,
                &settings.connections_endpoint,
                connections.clone(),
            ),
            connections,
            jobs: Jobs::new(dynamo, settings.jobs_table),
            event_log: EventLog::new(dynamo, settings.events_table, results),
            sessions: Sessions::new(dynamo, settings.sessions_table),
            job_queue: JobQueue::new(clients, settings.jobs_queue_url),
        }
    }

    /// What follows the end of a turn.
    pub fn turns(&self) -> TurnScheduler {
        TurnScheduler {
            sessions: self.sessions.clone(),
            jobs: self.jobs.clone(),
            event_log: self.event_log.clone(),
            job_queue: self.job_queue.clone(),
        }
    }

    /// What follows the end of a job. `dead_letters` is `None` in a function that ends jobs only by cancelling
    /// them, which leaves no dead letter.
    pub fn job_end_notifier(&self, dead_letters: Option<DeadLetterQueue>) -> JobEndNotifier {
        JobEndNotifier {
            jobs: self.jobs.clone(),
            event_log: self.event_log.clone(),
            pusher: self.pusher.clone(),
            dead_letters,
            turns: self.turns(),
        }
    }
}
