//! Pushing frames to connections through API Gateway's management API.
//!
//! A push never fails a job: it was heard, the listener is gone, or it was lost and the client's
//! next gap heals it. What a frame says is not known here.

mod bulk;

use anyhow::Context;
use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::operation::delete_connection::DeleteConnectionError;
use aws_sdk_apigatewaymanagement::operation::get_connection::GetConnectionError;
use bytes::Bytes;
use jiff::Timestamp;
use metrics::counter;
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::aws::clients::{self, AwsClients};
use crate::aws::signed_http::{self, CallError, HttpResponse, SignedClient};
use crate::domain::ids::ConnectionId;
use crate::protocol::dialect::OutboundFrames;
use crate::settings::{Environment, SettingsError};
use crate::store::connections::Connections;

pub use bulk::{BroadcastOutcome, CleanupOutcome};

/// What became of one frame on its way to one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushOutcome {
    Sent,
    /// The connection is closed; its row is removed, and only that one.
    Gone,
    /// Throttled or failed past the small budget of retries.
    Lost,
}

#[derive(Clone)]
pub struct ConnectionPusher {
    management: Client,
    /// The same, for posts: they are most of what Longhaul asks AWS for.
    posts: SignedClient,
    connections: Connections,
}

impl ConnectionPusher {
    /// The stage's management endpoint that `CONNECTIONS_ENDPOINT` names, such as
    /// `https://<api>.execute-api.<region>.amazonaws.com/prod`: configuration, never derived from an
    /// event, which a custom domain would falsify.
    pub fn open(
        config: &Environment,
        sdk: &AwsClients,
        connections: Connections,
    ) -> Result<Self, SettingsError> {
        let endpoint = config.required("CONNECTIONS_ENDPOINT")?;
        let timeouts = clients::push_timeouts();
        let settings = aws_sdk_apigatewaymanagement::config::Builder::from(&**sdk)
            .endpoint_url(endpoint)
            .timeout_config(timeouts.clone())
            .build();
        Ok(Self {
            management: Client::from_conf(settings),
            posts: sdk
                .service(&signed_http::MANAGEMENT, endpoint)
                .within(&timeouts),
            connections,
        })
    }

    /// Sends one frame to one connection.
    pub async fn post(&self, to: &ConnectionId, frame: &str) -> PushOutcome {
        match self.posted(to, frame).await {
            Ok(answer) if answer.status == 200 => {
                counter!("Pushes").increment(1);
                PushOutcome::Sent
            }
            Ok(answer) if answer.status == 410 => {
                if let Err(error) = self.connections.remove(to).await {
                    tracing::warn!(connection = %to, error = format!("{error:#}"), "a stale connection's row stays until its time to live is over");
                }
                counter!("PushesGone").increment(1);
                PushOutcome::Gone
            }
            other => {
                counter!("PushesLost").increment(1);
                let error = match other {
                    Ok(answer) => format!("it was answered {} {}", answer.status, answer.error),
                    Err(error) => format!("{error:#}"),
                };
                tracing::warn!(connection = %to, error, "a push was lost");
                PushOutcome::Lost
            }
        }
    }

    async fn posted(&self, to: &ConnectionId, frame: &str) -> Result<HttpResponse, CallError> {
        // An id is base64, of whose letters a path has some in other uses.
        let id = form_urlencoded::byte_serialize(to.0.as_bytes());
        let path: String = ["/@connections/"].into_iter().chain(id).collect();
        let frame = Bytes::copy_from_slice(frame.as_bytes());
        let headers = [("content-type", "application/octet-stream")];
        // Counted also where a later try is heard: the first sign of a limit.
        let heard = |status| {
            if status == 429 {
                counter!("PushesThrottled").increment(1);
            }
        };
        let post = self
            .posts
            .post("PostToConnection", &path, &headers, frame, heard);
        post.await
    }

    /// Closes a connection; `false` if it is closed already.
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
            Err(error) => Err(error).context("closing a connection"),
        }
    }

    /// When the connection last said or heard anything, as the gateway has it; `None` if it is closed.
    pub async fn last_active(
        &self,
        connection: &ConnectionId,
    ) -> anyhow::Result<Option<Timestamp>> {
        let get = self
            .management
            .get_connection()
            .connection_id(&connection.0);
        match get.send().await.map_err(|error| error.into_service_error()) {
            Ok(answer) => {
                let at = answer.last_active_at.context("it has no last activity")?;
                Ok(Some(Timestamp::from_millisecond(at.to_millis()?)?))
            }
            Err(GetConnectionError::GoneException(_)) => Ok(None),
            Err(error) => Err(error).context("asking about a connection"),
        }
    }

    /// Tells each follower its frames, the followers at once and the frames in order; whether each has heard
    /// the last or is gone.
    pub async fn send_all(&self, told: Vec<OutboundFrames>) -> bool {
        let mut posts = JoinSet::new();
        for OutboundFrames { to, frames, .. } in told {
            let push = self.clone();
            let post = async move {
                let mut delivery = PushOutcome::Sent;
                for frame in frames {
                    delivery = push.post(&to, &frame).await;
                    if delivery == PushOutcome::Gone {
                        break;
                    }
                }
                delivery
            };
            posts.spawn(post.in_current_span());
        }
        posts
            .join_all()
            .await
            .into_iter()
            .all(|delivery| delivery != PushOutcome::Lost)
    }
}
