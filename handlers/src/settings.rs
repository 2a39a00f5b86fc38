//! The settings of each function: every environment variable that it reads, with its unit and default.

use std::time::Duration;

use longhaul_shared::orchestration::job_backend::JobBackendSettings;
use longhaul_shared::settings;
use longhaul_shared::settings::{
    Settings, VariableReference, count, days, group, list, number, seconds, text,
};

use crate::connect_policy::{Network, allowed_networks, allowed_origins};
use crate::token_settings::TokenSettings;

settings! {
    /// Which function of this binary a process serves.
    pub struct FunctionSettings {
        /// The function's name: `authorize`, `connection`, `deliver`, `message`, `publish`, `fanout` or `sweep`.
        /// AWS Lambda sets it.
        pub handler: String = text("_HANDLER"),
    }
}

settings! {
    /// Settings of `authorize`.
    pub struct AuthorizeSettings {
        /// The origins of pages that may connect; none where it is left out.
        pub origins: Vec<String> = allowed_origins("ALLOWED_ORIGINS"),
        /// The networks that may connect; all where it is left out.
        pub networks: Vec<Network> = allowed_networks("ALLOWED_NETWORKS"),
        /// How tokens are verified.
        pub tokens: TokenSettings = group(),
    }
}

settings! {
    /// Settings of `connection`.
    pub struct ConnectionSettings {
        /// The table of connections and users.
        pub connections_table: String = text("CONNECTIONS_TABLE"),
        /// The table of sessions.
        pub sessions_table: String = text("SESSIONS_TABLE"),
        /// The table of topics' subscriptions.
        pub subscriptions_table: String = text("SUBSCRIPTIONS_TABLE"),
        /// The table of users' inboxes.
        pub inbox_table: String = text("INBOX_TABLE"),
        /// The queue of inbox deliveries.
        pub deliveries_queue_url: String = text("DELIVERIES_QUEUE_URL"),
        /// The stage's management endpoint, such as `https://<api>.execute-api.<region>.amazonaws.com/prod`.
        pub connections_endpoint: String = text("CONNECTIONS_ENDPOINT"),
        /// The most connections of one user; 0 for any number.
        pub connections_per_user: u32 = count("CONNECTIONS_PER_USER"),
    }
}

settings! {
    /// Where a user's messages are stored and pushed.
    pub struct MessengerSettings {
        /// The table of users' inboxes.
        pub inbox_table: String = text("INBOX_TABLE"),
        /// The table of connections and users.
        pub connections_table: String = text("CONNECTIONS_TABLE"),
        /// The stage's management endpoint, such as `https://<api>.execute-api.<region>.amazonaws.com/prod`.
        pub connections_endpoint: String = text("CONNECTIONS_ENDPOINT"),
    }
}

settings! {
    /// Settings of `deliver`.
    pub struct DeliverSettings {
        /// Where messages are stored and pushed.
        pub messenger: MessengerSettings = group(),
        /// The queue of inbox deliveries.
        pub deliveries_queue_url: String = text("DELIVERIES_QUEUE_URL"),
    }
}

settings! {
    /// Settings of `publish`.
    pub struct PublishSettings {
        /// Where messages are stored and pushed.
        pub messenger: MessengerSettings = group(),
        /// The queue of fan-out pages.
        pub fanout_queue_url: String = text("FANOUT_QUEUE_URL"),
    }
}

settings! {
    /// Settings of `fanout`.
    pub struct FanoutSettings {
        /// The table of topics' subscriptions.
        pub subscriptions_table: String = text("SUBSCRIPTIONS_TABLE"),
        /// The table of connections and users.
        pub connections_table: String = text("CONNECTIONS_TABLE"),
        /// The stage's management endpoint, such as `https://<api>.execute-api.<region>.amazonaws.com/prod`.
        pub connections_endpoint: String = text("CONNECTIONS_ENDPOINT"),
        /// The queue of fan-out pages.
        pub fanout_queue_url: String = text("FANOUT_QUEUE_URL"),
        /// Subscriptions of one page: 500 are a second's work, and a megabyte with the largest filters.
        pub page_size: u32 = number("FANOUT_PAGE"),
    }
}

settings! {
    /// Settings of `sweep`.
    pub struct SweepSettings {
        /// Tables, queue and endpoint of jobs.
        pub backend: JobBackendSettings = group(),
        /// The table of topics' subscriptions.
        pub subscriptions_table: String = text("SUBSCRIPTIONS_TABLE"),
        /// The jobs' dead-letter queue.
        pub dead_letters_queue_url: String = text("JOBS_DEAD_LETTER_QUEUE_URL"),
        /// How long a worker may hold a job without a heartbeat.
        pub lease: Duration = seconds("LEASE_SECONDS"),
        /// How long a job is stored after its end.
        pub retention: Duration = days("JOB_RETENTION_DAYS"),
        /// How long a connection may stay unauthenticated before it is closed.
        pub authentication_timeout: Duration = seconds("STRANGER_SECONDS"),
    }
}

settings! {
    /// A user's limits.
    pub struct QuotaSettings {
        /// The submits that one user may make in a second, on average; 0 for any number.
        pub submits_per_second: u32 = count("SUBMITS_PER_SECOND"),
        /// The submits that one user may make at once.
        pub burst: u32 = number("SUBMITS_AT_ONCE"),
        /// The most open jobs of one user; 0 for any number.
        pub open_jobs: u32 = count("OPEN_JOBS"),
        /// The most connections of one user; 0 for any number.
        pub connections_per_user: u32 = count("CONNECTIONS_PER_USER"),
    }
}

settings! {
    /// Settings of `message`.
    pub struct MessageSettings {
        /// Tables, queue and endpoint of jobs.
        pub backend: JobBackendSettings = group(),
        /// The table of topics' subscriptions.
        pub subscriptions_table: String = text("SUBSCRIPTIONS_TABLE"),
        /// The table of users' inboxes.
        pub inbox_table: String = text("INBOX_TABLE"),
        /// The queue of fan-out pages.
        pub fanout_queue_url: String = text("FANOUT_QUEUE_URL"),
        /// The queue of inbox deliveries.
        pub deliveries_queue_url: String = text("DELIVERIES_QUEUE_URL"),
        /// The jobs' dead-letter queue.
        pub dead_letters_queue_url: String = text("JOBS_DEAD_LETTER_QUEUE_URL"),
        /// How long a job is stored after its end.
        pub retention: Duration = days("JOB_RETENTION_DAYS"),
        /// A user's limits.
        pub quota: QuotaSettings = group(),
        /// How tokens are verified.
        pub tokens: TokenSettings = group(),
        /// The kinds that the worker has analyses for.
        pub kinds: Vec<String> = list("KINDS"),
    }
}

/// The variables of each function, by its name.
pub fn reference() -> [(&'static str, Vec<VariableReference>); 7] {
    [
        ("authorize", AuthorizeSettings::reference()),
        ("connection", ConnectionSettings::reference()),
        ("deliver", DeliverSettings::reference()),
        ("fanout", FanoutSettings::reference()),
        ("message", MessageSettings::reference()),
        ("publish", PublishSettings::reference()),
        ("sweep", SweepSettings::reference()),
    ]
}
