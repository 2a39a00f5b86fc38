//! What actions work with, built once from the settings when the function starts.

use std::time::Duration;

use longhaul_shared::auth::Verifier;
use longhaul_shared::aws::clients::AwsClients;
use longhaul_shared::aws::dynamo::Dynamo;
use longhaul_shared::aws::queue_reader::QueueReader;
use longhaul_shared::messaging::delivery_queue::DeliveryQueue;
use longhaul_shared::messaging::fanout_queue::FanoutQueue;
use longhaul_shared::messaging::inbox_bound::InboxBound;
use longhaul_shared::messaging::job_queue::JobQueue;
use longhaul_shared::messaging::push::ConnectionPusher;
use longhaul_shared::messaging::user_messenger::UserMessenger;
use longhaul_shared::orchestration::job_backend::JobBackend;
use longhaul_shared::orchestration::job_end_notifier::JobEndNotifier;
use longhaul_shared::orchestration::job_replayer::JobReplayer;
use longhaul_shared::random::Random;
use longhaul_shared::settings::SettingsError;
use longhaul_shared::store::connections::Connections;
use longhaul_shared::store::event_log::EventLog;
use longhaul_shared::store::inbox::Inbox;
use longhaul_shared::store::jobs::Jobs;
use longhaul_shared::store::quota::{Quota, QuotaLimits};
use longhaul_shared::store::recordings::Recordings;
use longhaul_shared::store::sessions::Sessions;
use longhaul_shared::store::subscriptions::Subscriptions;

use crate::IdentityMode;
use crate::connection_end::ConnectionEnder;
use crate::settings::MessageSettings;

/// How long dead letters stay invisible to others if the function dies while it reads them.
const DEAD_LETTER_VISIBILITY: Duration = Duration::from_secs(30);

/// What actions work with.
pub struct AppContext {
    pub stores: Stores,
    pub queues: Queues,
    pub pusher: ConnectionPusher,
    pub ender: ConnectionEnder,
    pub messenger: UserMessenger,
    pub inbox_bound: InboxBound,
    pub job_end_notifier: JobEndNotifier,
    pub replayer: JobReplayer,
    pub verifier: Verifier,
    pub identity_mode: IdentityMode,
    /// The most connections of one user; 0 for any number.
    pub connections_per_user: u32,
    /// How long a job is stored after its end.
    pub retention: Duration,
    /// The kinds that the worker has analyses for.
    pub kinds: Vec<String>,
    pub random: Random,
}

/// Tables, and what the bucket holds.
pub struct Stores {
    pub connections: Connections,
    pub jobs: Jobs,
    pub event_log: EventLog,
    pub sessions: Sessions,
    pub subscriptions: Subscriptions,
    pub inbox: Inbox,
    pub recordings: Recordings,
    pub quota: Quota,
}

/// Queues that actions send to, and the dead letters that admins read.
pub struct Queues {
    pub jobs: JobQueue,
    pub fanout: FanoutQueue,
    pub deliveries: DeliveryQueue,
    pub dead_letters: QueueReader,
}

impl AppContext {
    pub fn new(
        settings: MessageSettings,
        identity_mode: IdentityMode,
        clients: &AwsClients,
        dynamo: &Dynamo,
    ) -> Result<Self, SettingsError> {
        let sqs = aws_sdk_sqs::Client::new(clients);
        let limits = QuotaLimits {
            submits_per_second: settings.quota.submits_per_second,
            burst: settings.quota.burst,
            open_jobs: settings.quota.open_jobs,
        };
        let users_table = settings.backend.connections_table.clone();
        let bucket = settings.backend.results_bucket.clone();
        let backend = JobBackend::new(settings.backend, clients, dynamo);
        let inbox = Inbox::new(dynamo, settings.inbox_table);
        let subscriptions = Subscriptions::new(dynamo, settings.subscriptions_table);
        Ok(Self {
            messenger: UserMessenger {
                inbox: inbox.clone(),
                connections: backend.connections.clone(),
                pusher: backend.pusher.clone(),
            },
            ender: ConnectionEnder {
                connections: backend.connections.clone(),
                sessions: backend.sessions.clone(),
                subscriptions: subscriptions.clone(),
            },
            inbox_bound: InboxBound::default(),
            job_end_notifier: backend.job_end_notifier(None),
            replayer: JobReplayer {
                jobs: backend.jobs.clone(),
                job_queue: backend.job_queue.clone(),
                pusher: Some(backend.pusher.clone()),
            },
            queues: Queues {
                jobs: backend.job_queue,
                fanout: FanoutQueue::new(clients, settings.fanout_queue_url),
                deliveries: DeliveryQueue::new(
                    clients,
                    settings.deliveries_queue_url,
                    inbox.clone(),
                ),
                dead_letters: QueueReader::new(
                    &sqs,
                    settings.dead_letters_queue_url,
                    DEAD_LETTER_VISIBILITY,
                ),
            },
            stores: Stores {
                quota: Quota::new(dynamo, users_table, limits),
                connections: backend.connections,
                jobs: backend.jobs,
                event_log: backend.event_log,
                sessions: backend.sessions,
                subscriptions,
                inbox,
                recordings: Recordings::new(clients, bucket),
            },
            pusher: backend.pusher,
            verifier: settings.tokens.verifier(clients)?,
            identity_mode,
            connections_per_user: settings.quota.connections_per_user,
            retention: settings.retention,
            kinds: settings.kinds,
            random: Random::system(),
        })
    }
}
