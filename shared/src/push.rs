//! Pushing frames to connections through API Gateway's management API.
//!
//! A push never fails a job: it was heard, the listener is gone, or it was lost and the client's
//! next gap heals it. What a frame says is not known here.

use std::collections::BTreeSet;

use anyhow::Context;
use aws_config::SdkConfig;
use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::operation::delete_connection::DeleteConnectionError;
use aws_sdk_apigatewaymanagement::operation::post_to_connection::PostToConnectionError;
use aws_sdk_apigatewaymanagement::primitives::Blob;
use tokio::task::JoinSet;

use crate::config::{Config, ConfigError};
use crate::connections::Connections;
use crate::ids::ConnectionId;
use crate::sdk;

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
            Ok(_) => Delivery::Sent,
            Err(PostToConnectionError::GoneException(_)) => {
                if let Err(error) = self.connections.remove(to).await {
                    tracing::warn!(connection = %to, error = format!("{error:#}"), "a stale connection's row stays until its time to live is over");
                }
                Delivery::Gone
            }
            Err(error) => {
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

    /// Sends one frame to many connections at once; whether each has heard it or is gone.
    pub async fn post_all(&self, to: &BTreeSet<ConnectionId>, frame: &str) -> bool {
        let mut posts = JoinSet::new();
        for connection in to.clone() {
            let (push, frame) = (self.clone(), frame.to_owned());
            posts.spawn(async move { push.post(&connection, &frame).await });
        }
        posts
            .join_all()
            .await
            .into_iter()
            .all(|delivery| delivery != Delivery::Lost)
    }
}
