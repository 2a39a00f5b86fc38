//! `$default`: one frame of a client, read, attributed to its speaker, done, and answered.
//!
//! The door only: what each action does is in [`crate::actions`], one file each.

use anyhow::Result;
use aws_lambda_events::apigw::{
    ApiGatewayProxyResponse as Response, ApiGatewayWebsocketProxyRequest as Event,
};
use aws_lambda_events::encodings::Body;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use longhaul_shared::auth::{Identity, TokenError, Verifier};
use longhaul_shared::aws::clients::AwsClients;
use longhaul_shared::aws::dynamo::Dynamo;
use longhaul_shared::aws::queue_reader::QueueReader;
use longhaul_shared::clock;
use longhaul_shared::domain::ids::{ConnectionId, Owner};
use longhaul_shared::messaging::delivery_queue::DeliveryQueue;
use longhaul_shared::messaging::fanout_queue::FanoutQueue;
use longhaul_shared::messaging::job_queue::JobQueue;
use longhaul_shared::messaging::push::ConnectionPusher;
use longhaul_shared::messaging::user_messenger::UserMessenger;
use longhaul_shared::orchestration::job_end_notifier::JobEndNotifier;
use longhaul_shared::orchestration::job_replayer::JobReplayer;
use longhaul_shared::protocol;
use longhaul_shared::protocol::{Action, ErrorCode, ErrorResponse, Request, Submission};
use longhaul_shared::settings::Environment;
use longhaul_shared::store::connections::{Activity, Connections};
use longhaul_shared::store::event_log::EventLog;
use longhaul_shared::store::jobs::Jobs;
use longhaul_shared::store::quota::Quota;
use longhaul_shared::store::recordings::Recordings;
use longhaul_shared::store::sessions::Sessions;
use longhaul_shared::store::subscriptions::Subscriptions;
use longhaul_shared::telemetry;
use metrics::counter;
use tracing::{Instrument, Span};

use crate::IdentityMode;
use crate::actions::{
    admin, authenticate, cancel, chat_message, end_session, get_job, get_session, inbox, list_jobs,
    list_sessions, query, refresh_token, start_session, subscribe, topics, unsubscribe, voice,
};
use crate::caller_identity;

/// How long dead letters are hidden that an admin was looking at when the function died.
const DEAD_LETTER_VISIBILITY: std::time::Duration = std::time::Duration::from_secs(30);

/// What the actions work with.
pub(crate) struct AppContext {
    pub connections: Connections,
    pub jobs: Jobs,
    pub events: EventLog,
    pub sessions: Sessions,
    pub subscriptions: Subscriptions,
    pub fanout: FanoutQueue,
    pub recordings: Recordings,
    pub dispatch: JobQueue,
    pub push: ConnectionPusher,
    pub courier: UserMessenger,
    pub deliveries: DeliveryQueue,
    /// The dead letters.
    pub letters: QueueReader,
    pub replays: JobReplayer,
    activity: Activity,
    pub announcer: JobEndNotifier,
    pub quota: Quota,
    /// 0 is any number.
    pub connections_per_user: u32,
    pub verifier: Verifier,
    pub trust: IdentityMode,
    /// The kinds that the worker has analyses for.
    pub kinds: Vec<String>,
    pub retention: std::time::Duration,
}

/// One frame on its way through the door.
pub(crate) struct FrameContext {
    pub connection: ConnectionId,
    pub request_id: Option<String>,
    /// Where the connection comes from.
    pub address: Option<String>,
    pub now: Timestamp,
    /// When the connection was made.
    connected_at: Timestamp,
    /// Whom the authorizer knew at `$connect`.
    pub authorized: Option<Identity>,
}

impl FrameContext {
    /// The audit trail: who is not who they would be.
    fn log_rejection(&self, reason: &str) {
        tracing::info!(connection = %self.connection, address = self.address, reason, "a frame was refused");
    }

    /// The audit trail: whose job is asked for, where it is not the speaker's. The client is told nothing.
    pub fn log_if_foreign(&self, speaker: &Identity, owner: &Owner) {
        if speaker.owner != *owner {
            let user = caller_identity::name_for_the_log(speaker);
            tracing::info!(connection = %self.connection, address = self.address, user, "another's job was asked for");
        }
    }
}

/// A direct answer, if the action gives one; or why it was not done.
pub(crate) type ActionResult = Result<Option<String>, ActionError>;

/// Why an action was not done.
pub(crate) enum ActionError {
    /// The client's doing: it is told this.
    Rejected(ErrorResponse),
    /// A token proves nothing: the log is told why, the client less.
    InvalidToken(TokenError),
    /// Ours: it is logged, and the client is told an id of the log.
    Internal(anyhow::Error),
}

impl From<ErrorResponse> for ActionError {
    fn from(refusal: ErrorResponse) -> Self {
        Self::Rejected(refusal)
    }
}

impl From<anyhow::Error> for ActionError {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

pub async fn serve(config: &Environment, trust: IdentityMode) -> Result<(), Error> {
    let door = &AppContext::open(config, trust).await?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Event>| async move {
        let request = &event.context.request_id;
        let frame = telemetry::observed(request, door.handle(event.payload, request)).await;
        let mut response = Response::default();
        response.status_code = 200;
        response.body = frame.map(Body::Text);
        Ok::<_, Error>(response)
    }))
    .await
}

impl AppContext {
    async fn open(config: &Environment, trust: IdentityMode) -> Result<Self> {
        let sdk = AwsClients::open().await;
        let dynamo = Dynamo::open(&sdk).await?;
        let announcer = JobEndNotifier::open(config, &sdk, &dynamo, None)?;
        let kinds = config.optional("KINDS").unwrap_or_default().split(',');
        let letters = config.required("JOBS_DEAD_LETTER_QUEUE_URL")?.to_owned();
        Ok(Self {
            letters: QueueReader::new(
                &aws_sdk_sqs::Client::new(&sdk),
                letters,
                DEAD_LETTER_VISIBILITY,
            ),
            replays: JobReplayer {
                jobs: announcer.jobs.clone(),
                job_queue: announcer.turns.job_queue.clone(),
                pusher: Some(announcer.pusher.clone()),
            },
            jobs: announcer.jobs.clone(),
            events: announcer.event_log.clone(),
            sessions: announcer.turns.sessions.clone(),
            recordings: Recordings::open(config, &sdk)?,
            dispatch: announcer.turns.job_queue.clone(),
            push: announcer.pusher.clone(),
            announcer,
            courier: UserMessenger::open(config, &sdk, &dynamo)?,
            deliveries: DeliveryQueue::open(config, &sdk, &dynamo)?,
            activity: Activity::default(),
            connections: Connections::open(config, &dynamo)?,
            subscriptions: Subscriptions::open(config, &dynamo)?,
            fanout: FanoutQueue::open(config, &sdk)?,
            quota: Quota::open(config, &dynamo)?,
            connections_per_user: config.count("CONNECTIONS_PER_USER")?,
            verifier: Verifier::open(config)?,
            trust,
            kinds: kinds
                .filter(|kind| !kind.is_empty())
                .map(str::to_owned)
                .collect(),
            retention: config.days("JOB_RETENTION_DAYS")?,
        })
    }

    /// The frame to answer with, if any.
    async fn handle(&self, event: Event, error_id: &str) -> Option<String> {
        let request = Request::parse(event.body.as_deref().unwrap_or_default());
        let (request_id, action) = match request {
            Ok(request) => (request.request_id, Ok(request.action)),
            Err(unreadable) if unreadable.before_authentication => {
                let request_id = unreadable.request_id.as_deref();
                return Some(unreadable.error.frame(request_id, clock::now()));
            }
            Err(unreadable) => (unreadable.request_id, Err(unreadable.error)),
        };
        let context = event.request_context;
        let call = FrameContext {
            connection: ConnectionId(context.connection_id.unwrap_or_default()),
            request_id,
            address: context.identity.source_ip,
            now: clock::now(),
            connected_at: Timestamp::from_millisecond(context.connected_at).unwrap_or_default(),
            authorized: caller_identity::from_context(&context.authorizer.fields),
        };
        let (acted, ()) = tokio::join!(self.act(&call, action), self.note_activity(&call));
        let refusal = match acted {
            Ok(frame) => return frame,
            Err(ActionError::Rejected(refusal)) => {
                if matches!(
                    refusal.code,
                    ErrorCode::Authentication | ErrorCode::RateLimit
                ) {
                    call.log_rejection(&refusal.message);
                }
                refusal
            }
            Err(ActionError::InvalidToken(error)) => {
                call.log_rejection(&error.to_string());
                ErrorResponse::authentication(error.for_client())
            }
            Err(ActionError::Internal(error)) => {
                tracing::error!(error_id, connection = %call.connection, error = format!("{error:#}"), "an action failed");
                ErrorResponse::internal(error_id)
            }
        };
        counter!("FramesRefused", "Code" => refusal.code.as_str()).increment(1);
        Some(refusal.frame(call.request_id.as_deref(), call.now))
    }

    /// Keeps the connection's row up to date, to a minute.
    async fn note_activity(&self, call: &FrameContext) {
        let (connection, now) = (&call.connection, call.now);
        if self.activity.is_due(connection, call.connected_at, now)
            && let Err(error) = self.connections.record_activity(connection, now).await
        {
            tracing::warn!(%connection, error = format!("{error:#}"), "a connection's activity was not noted");
        }
    }

    async fn act(
        &self,
        call: &FrameContext,
        action: Result<Action, ErrorResponse>,
    ) -> ActionResult {
        // Before anyone has authenticated, only these two are answered.
        match action {
            Ok(Action::Ping) => {
                return Ok(Some(protocol::pong(call.request_id.as_deref(), call.now)));
            }
            Ok(Action::Authenticate { token, claimed }) => {
                return authenticate::run(self, call, token, claimed).await;
            }
            _ => {}
        }
        let speaker = self.speaker(call).await?;
        if let Ok(Action::RefreshToken { token }) = action {
            return refresh_token::run(self, call, &speaker, &token).await;
        }
        if !speaker.is_valid_at(call.now) {
            return Err(ErrorResponse::authentication(
                "The token has expired; renew it with 'refreshToken'.",
            )
            .into());
        }
        match action? {
            Action::Submit(submission) => {
                let span = span_of(&submission);
                let submit = query::run(self, call, &speaker, submission);
                submit.instrument(span).await
            }
            Action::Cancel { job } => cancel::run(self, call, &speaker, job).await,
            Action::Subscribe { job, after } => {
                subscribe::run(self, call, &speaker, job, after).await
            }
            Action::Unsubscribe { job } => unsubscribe::run(self, call, &speaker, job).await,
            Action::GetJob { job } => get_job::run(self, call, &speaker, job).await,
            Action::ListJobs(listing) => list_jobs::run(self, call, &speaker, listing).await,
            Action::ChatMessage(message) => {
                let span = span_of(&message.submission);
                let said = chat_message::run(self, call, &speaker, message);
                said.instrument(span).await
            }
            Action::Topic(asked) => topics::run(self, call, &speaker, asked).await,
            Action::Voice(frame) => voice::run(self, call, &speaker, frame).await,
            Action::StartSession(beginning) => {
                start_session::run(self, call, &speaker, beginning).await
            }
            Action::EndSession { session } => end_session::run(self, call, &speaker, session).await,
            Action::ListSessions(pages) => list_sessions::run(self, call, &speaker, pages).await,
            Action::GetSession { session, pages } => {
                get_session::run(self, call, &speaker, session, pages).await
            }
            Action::Inbox(asked) => inbox::run(self, call, &speaker, asked).await,
            Action::Admin(asked) => admin::run(self, call, &speaker, asked).await,
            Action::Ping | Action::Authenticate { .. } | Action::RefreshToken { .. } => Ok(None),
        }
    }

    /// Who is speaking: whom the authorizer knew, at no cost, while that token holds; else whom the
    /// connection's row names.
    async fn speaker(&self, call: &FrameContext) -> Result<Identity, ActionError> {
        match &call.authorized {
            Some(identity) if identity.is_valid_at(call.now) => Ok(identity.clone()),
            _ => {
                let known = self.connections.identity(&call.connection).await?;
                known.ok_or_else(|| {
                    ErrorResponse::authentication("Please authenticate first.").into()
                })
            }
        }
    }
}

/// Where a job's trace begins, or goes on from the client's.
fn span_of(submission: &Submission) -> Span {
    let kind = submission.kind.as_str();
    let span = tracing::info_span!(target: telemetry::TRACE_ONLY, "submit", kind);
    if let Some(parent) = &submission.traceparent {
        telemetry::parent(&span, parent);
    }
    span
}
