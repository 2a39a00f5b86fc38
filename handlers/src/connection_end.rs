//! What follows the end of a connection, for `$disconnect` and for the sweep: its row, its session, its subscriptions and the log.

use anyhow::Result;
use jiff::Timestamp;
use longhaul_shared::auth::Identity;
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::store::connections::Connections;
use longhaul_shared::store::sessions::Sessions;
use longhaul_shared::store::subscriptions::Subscriptions;
use metrics::counter;

use crate::caller_identity;
use crate::session_log;

/// Ends connections. Ending one twice changes nothing.
#[derive(Clone)]
pub struct ConnectionEnder {
    pub connections: Connections,
    pub sessions: Sessions,
    pub subscriptions: Subscriptions,
}

/// What is known of an end besides the connection's row.
#[derive(Default)]
pub struct EndReport {
    /// The identity at the time of the connect, for a connection without a row.
    pub identity: Option<Identity>,
    /// The time of the connect, for a connection without a row.
    pub connected_at: Option<Timestamp>,
    /// The close code of the WebSocket.
    pub code: Option<i64>,
    pub reason: Option<String>,
}

impl ConnectionEnder {
    /// Records that the connection closed, ends its session, removes its subscriptions and logs it.
    pub async fn end(
        &self,
        connection: &ConnectionId,
        report: EndReport,
        now: Timestamp,
    ) -> Result<()> {
        // An admin may have removed the row.
        let closed = self.connections.close(connection, now).await?;
        let closed = closed.unwrap_or_default();
        let identity = closed.identity.or(report.identity);
        let user = identity.as_ref().map(caller_identity::name_for_logs);
        let connected_at = closed.connected_at.or(report.connected_at);
        tracing::info!(
            %connection,
            user,
            code = report.code,
            reason = report.reason,
            seconds = connected_at.map(|at| now.duration_since(at).as_secs()),
            "a connection closed"
        );
        if let Some(session) = closed.session {
            let ended = self.sessions.end_for_connection(connection, session, now);
            if ended.await? {
                session_log::ended(session, connection, user, "its connection closed", now);
            }
        }
        self.subscriptions.remove_all(connection).await?;
        counter!("ConnectionsClosed").increment(1);
        Ok(())
    }
}
