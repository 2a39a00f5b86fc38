//! Pushing frames to connections through API Gateway's management API.
//!
//! A push never fails a job: it was heard, the listener is gone, or it was lost and the client's
//! next gap heals it. What a frame says is not known here.

mod crowd;

use anyhow::Context;
use aws_config::SdkConfig;
use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_apigatewaymanagement::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_apigatewaymanagement::error::BoxError;
use aws_sdk_apigatewaymanagement::operation::delete_connection::DeleteConnectionError;
use aws_sdk_apigatewaymanagement::operation::get_connection::GetConnectionError;
use aws_sdk_apigatewaymanagement::operation::post_to_connection::PostToConnectionError;
use aws_sdk_apigatewaymanagement::primitives::Blob;
use jiff::Timestamp;
use metrics::counter;
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::config::{Config, ConfigError};
use crate::connections::Connections;
use crate::dialect::Told;
use crate::ids::ConnectionId;
use crate::sdk;

pub use crowd::{Cleaned, Heard};

/// What became of one frame on its way to one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Sent,
    /// The connection is closed; its row is removed, and only that one.
    Gone,
    /// Throttled or failed past the small budget of retries.
    Lost,
}

#[derive(Clone)]
pub struct Push {
    management: Client,
    connections: Connections,
}

/// Counts what API Gateway refuses as too much, also where a later try is heard: the first sign of a limit.
#[derive(Debug)]
struct Throttles;

impl Intercept for Throttles {
    fn name(&self) -> &'static str {
        "Throttles"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.response().status().as_u16() == 429 {
            counter!("PushesThrottled").increment(1);
        }
        Ok(())
    }
}

impl Push {
    /// The stage's management endpoint that `CONNECTIONS_ENDPOINT` names, such as
    /// `https://<api>.execute-api.<region>.amazonaws.com/prod`: configuration, never derived from an
    /// event, which a custom domain would falsify.
    pub fn open(
        config: &Config,
        sdk_config: &SdkConfig,
        connections: Connections,
    ) -> Result<Self, ConfigError> {
        let settings = aws_sdk_apigatewaymanagement::config::Builder::from(sdk_config)
            .endpoint_url(config.required("CONNECTIONS_ENDPOINT")?)
            .timeout_config(sdk::push_timeouts())
            .interceptor(Throttles)
            .build();
        Ok(Self {
            management: Client::from_conf(settings),
            connections,
        })
    }

    /// Sends one frame to one connection.
    pub async fn post(&self, to: &ConnectionId, frame: &str) -> Delivery {
        let post = self
            .management
            .post_to_connection()
            .connection_id(&to.0)
            .data(Blob::new(frame));
        match post
            .send()
            .await
            .map_err(|error| error.into_service_error())
        {
            Ok(_) => {
                counter!("Pushes").increment(1);
                Delivery::Sent
            }
            Err(PostToConnectionError::GoneException(_)) => {
                if let Err(error) = self.connections.remove(to).await {
                    tracing::warn!(connection = %to, error = format!("{error:#}"), "a stale connection's row stays until its time to live is over");
                }
                counter!("PushesGone").increment(1);
                Delivery::Gone
            }
            Err(error) => {
                counter!("PushesLost").increment(1);
                tracing::warn!(connection = %to, %error, "a push was lost");
                Delivery::Lost
            }
        }
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
    pub async fn tell(&self, told: Vec<Told>) -> bool {
        let mut posts = JoinSet::new();
        for Told { to, frames, .. } in told {
            let push = self.clone();
            let post = async move {
                let mut delivery = Delivery::Sent;
                for frame in frames {
                    delivery = push.post(&to, &frame).await;
                    if delivery == Delivery::Gone {
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
            .all(|delivery| delivery != Delivery::Lost)
    }
}
