//! What a client can ask for: one file per action.

pub mod authenticate;
pub mod cancel;
pub mod get_job;
pub mod list_jobs;
pub mod query;
pub mod refresh_token;
pub mod subscribe;
pub mod unsubscribe;
