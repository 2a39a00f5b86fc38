//! Pushes frames to connections through API Gateway's management API.
//!
//! A push never fails a job. If it is lost, the client closes the gap when it sees the next event.

mod bounded;
mod bulk;
mod token_expiries;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::error::ProvideErrorMetadata;
use aws_sdk_apigatewaymanagement::operation::delete_connection::DeleteConnectionError;
use aws_sdk_apigatewaymanagement::operation::get_connection::GetConnectionError;
use bytes::Bytes;
use jiff::Timestamp;
use metrics::counter;

use crate::aws::clients::{self, AwsClients};
use crate::aws::signed_http::{self, CallError, HttpResponse, SignedClient};
use crate::domain::ids::ConnectionId;
use crate::protocol::dialect::OutboundFrames;
use crate::store::connections::Connections;

pub use bounded::for_each;
use token_expiries::TokenExpiries;

/// For this long after a job was created the expiry of its followers' tokens is not checked: they were valid then, and
/// a short job needs no read for it.
pub const FOLLOWERS_TRUSTED_FOR: Duration = Duration::from_secs(5);

/// How API Gateway begins the message about an id that none of its connections can have (status 400).
const MALFORMED_ID: &str = "Invalid connectionId";

/// The outcome of pushing one frame to one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushOutcome {
    Sent,
    /// The connection is closed, and its row says so.
    Gone,
    /// Throttled or failed after all attempts.
    Lost,
}

/// The outcome of pushing to one connection.
pub struct Posted<T> {
    pub to: ConnectionId,
    /// The outcome of the last push.
    pub outcome: PushOutcome,
    /// The items that were lost.
    pub lost: Vec<T>,
}

#[derive(Clone)]
pub struct ConnectionPusher {
    management: Client,
    /// Sends the posts, which are the most frequent calls.
    posts: SignedClient,
    connections: Connections,
    expiries: TokenExpiries,
}

impl ConnectionPusher {
    /// A pusher that calls the stage's management endpoint, such as
    /// `https://<api>.execute-api.<region>.amazonaws.com/prod`.
    pub fn new(clients: &AwsClients, endpoint: &str, connections: Connections) -> Self {
        let timeouts = clients::push_timeouts();
        let settings = aws_sdk_apigatewaymanagement::config::Builder::from(&**clients)
            .endpoint_url(endpoint)
            .timeout_config(timeouts.clone())
            .build();
        Self {
            management: Client::from_conf(settings),
            posts: clients
                .service(&signed_http::MANAGEMENT, endpoint)
                .within(&timeouts),
            expiries: TokenExpiries::new(connections.clone()),
            connections,
        }
    }

    /// Pushes one frame to one connection.
    pub async fn post(&self, to: &ConnectionId, frame: &str) -> PushOutcome {
        match self.send_post(to, frame).await {
            Ok(response) if response.status == 200 => {
                counter!("Pushes").increment(1);
                PushOutcome::Sent
            }
            Ok(response) if is_unknown_connection(&response) => {
                if let Err(error) = self.connections.set_gone(to).await {
                    tracing::warn!(connection = %to, error = format!("{error:#}"), "the end of a connection was not recorded; its row expires");
                }
                counter!("PushesGone").increment(1);
                PushOutcome::Gone
            }
            other => {
                counter!("PushesLost").increment(1);
                let error = match other {
                    Ok(response) => {
                        format!(
                            "the gateway answered {} {}",
                            response.status, response.error
                        )
                    }
                    Err(error) => format!("{error:#}"),
                };
                tracing::warn!(connection = %to, error, "push lost");
                PushOutcome::Lost
            }
        }
    }

    async fn send_post(&self, to: &ConnectionId, frame: &str) -> Result<HttpResponse, CallError> {
        // An id is base64, and some of its characters must be escaped in a path.
        let id = form_urlencoded::byte_serialize(to.0.as_bytes());
        let path: String = ["/@connections/"].into_iter().chain(id).collect();
        let frame = Bytes::copy_from_slice(frame.as_bytes());
        let headers = [("content-type", "application/octet-stream")];
        // Counted for each attempt, also if a later one succeeds: the first sign of a limit.
        let on_response = |status| {
            if status == 429 {
                counter!("PushesThrottled").increment(1);
            }
        };
        let post = self
            .posts
            .post("PostToConnection", &path, &headers, frame, on_response);
        post.await
    }

    /// Closes a connection; `false` if it was closed already.
    pub async fn close(&self, connection: &ConnectionId) -> anyhow::Result<bool> {
        let delete = self
            .management
            .delete_connection()
            .connection_id(&connection.0);
        match delete
            .send()
            .await
            .map_err(|error| error.into_service_error())
        {
            Ok(_) => Ok(true),
            Err(DeleteConnectionError::GoneException(_)) => Ok(false),
            Err(error) if is_malformed_id(&error) => Ok(false),
            Err(error) => Err(error).context("closing a connection"),
        }
    }

    /// The time of the last frame in either direction, by the gateway; `None` if the connection is closed.
    pub async fn last_active(
        &self,
        connection: &ConnectionId,
    ) -> anyhow::Result<Option<Timestamp>> {
        let get = self
            .management
            .get_connection()
            .connection_id(&connection.0);
        match get.send().await.map_err(|error| error.into_service_error()) {
            Ok(response) => {
                let at = response
                    .last_active_at
                    .context("the gateway returned no last activity")?;
                Ok(Some(Timestamp::from_millisecond(at.to_millis()?)?))
            }
            Err(GetConnectionError::GoneException(_)) => Ok(None),
            Err(error) if is_malformed_id(&error) => Ok(None),
            Err(error) => Err(error).context("looking up a connection"),
        }
    }

    /// Whether the token of the connection's user has expired at `now`: then nothing may be pushed to it. An error
    /// counts as a lost push.
    pub async fn has_expired(&self, to: &ConnectionId, now: Timestamp) -> anyhow::Result<bool> {
        let has_expired = self.expiries.has_expired(to, now).await;
        has_expired.inspect_err(|_| counter!("PushesLost").increment(1))
    }

    /// Those of the connections whose token has expired at `now`.
    pub async fn expired_among(
        &self,
        connections: Vec<ConnectionId>,
        now: Timestamp,
    ) -> anyhow::Result<BTreeSet<ConnectionId>> {
        let check = |to: ConnectionId| {
            let expiries = self.expiries.clone();
            async move { expiries.has_expired(&to, now).await.map(|is| (to, is)) }
        };
        let mut expired = BTreeSet::new();
        for checked in for_each(connections, check).await {
            let (to, is_expired) = checked?;
            if is_expired {
                expired.insert(to);
            }
        }
        Ok(expired)
    }

    /// Pushes each follower of a job its frames, except to those whose token has expired at `now`. Returns whether
    /// every follower received its last frame or is gone.
    pub async fn send_all_valid(
        &self,
        mut outbound: Vec<OutboundFrames>,
        job_created_at: Timestamp,
        now: Timestamp,
    ) -> bool {
        if now >= job_created_at + FOLLOWERS_TRUSTED_FOR {
            let followers = outbound.iter().map(|one| one.to.clone()).collect();
            match self.expired_among(followers, now).await {
                Ok(expired) => {
                    outbound.retain(|one| !expired.contains(&one.to));
                    // What an expired follower missed is owed until its token is renewed or its connection is closed.
                    return self.send_all(outbound).await && expired.is_empty();
                }
                Err(error) => {
                    counter!("PushesLost").increment(outbound.len() as u64);
                    let error = format!("{error:#}");
                    tracing::warn!(
                        error,
                        "frames of a job not pushed: its followers' tokens are unknown"
                    );
                    return false;
                }
            }
        }
        self.send_all(outbound).await
    }

    /// Pushes each follower its frames. Returns whether every follower received its last frame or is gone.
    pub async fn send_all(&self, outbound: Vec<OutboundFrames>) -> bool {
        let outbound = outbound.into_iter().map(|one| (one.to, one.frames));
        let posted = self.post_each(outbound, |frame: &Arc<str>| Some(Cow::Borrowed(frame)));
        let posted = posted.await;
        posted.iter().all(|one| one.outcome != PushOutcome::Lost)
    }

    /// Pushes to many connections, a bounded number at a time, and to each its items in order. `frame` makes an item's
    /// frame; an item without one counts as lost. After a lost frame the next ones are pushed all the same.
    pub async fn post_each<T, F>(
        &self,
        items: impl IntoIterator<Item = (ConnectionId, Vec<T>)>,
        frame: F,
    ) -> Vec<Posted<T>>
    where
        T: Send + Sync + 'static,
        F: for<'a> Fn(&'a T) -> Option<Cow<'a, str>> + Clone + Send + Sync + 'static,
    {
        let post = |(to, items): (ConnectionId, Vec<T>)| {
            let (pusher, frame) = (self.clone(), frame.clone());
            async move {
                let mut posted = Posted {
                    to,
                    outcome: PushOutcome::Sent,
                    lost: vec![],
                };
                for item in items {
                    posted.outcome = match frame(&item) {
                        Some(frame) => pusher.post(&posted.to, &frame).await,
                        None => PushOutcome::Lost,
                    };
                    match posted.outcome {
                        PushOutcome::Sent => {}
                        PushOutcome::Lost => posted.lost.push(item),
                        PushOutcome::Gone => break,
                    }
                }
                posted
            }
        };
        for_each(items, post).await
    }
}

/// Whether the gateway has no such connection, by its answer to a post.
fn is_unknown_connection(response: &HttpResponse) -> bool {
    let body = || String::from_utf8_lossy(&response.body);
    response.status == 410 || (response.status == 400 && body().contains(MALFORMED_ID))
}

/// Whether the gateway refused an id that none of its connections can have.
fn is_malformed_id(error: &impl ProvideErrorMetadata) -> bool {
    let message = error.message().unwrap_or_default();
    error.code() == Some("BadRequestException") && message.starts_with(MALFORMED_ID)
}
