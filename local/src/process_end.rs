//! Notifies the cloud's owner of processes that have ended. The owner knows what they were working on, and can give it to
//! others at once; AWS only waits until a visibility timeout is over.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::data_folder::Endpoints;

/// Which processes have ended. None of them makes another call.
#[derive(Debug, Clone)]
pub enum ProcessEnd {
    /// All of an earlier life of the data folder. The cloud starts, and delivers no message before the owner is done.
    EarlierLife,
    /// The one that ran an event source's invocation: it ended, or was killed at the function's timeout, before it
    /// responded.
    Invocation { request_id: String, event: Bytes },
    /// All: the cloud stops in order. Its AWS endpoint serves until the owner is done.
    Stop,
}

/// The stack whose processes have ended.
#[derive(Debug, Clone)]
pub struct EndedIn {
    pub endpoints: Endpoints,
    /// The outputs of the template.
    pub outputs: BTreeMap<String, String>,
}

/// What the owner does when processes have ended.
pub type OnProcessEnd = Arc<dyn Fn(EndedIn, ProcessEnd) -> BoxFuture<'static, ()> + Send + Sync>;

/// [`OnProcessEnd`] of one stack.
#[derive(Clone)]
pub(crate) struct ProcessEndNotifier {
    pub(crate) stack: EndedIn,
    /// `None`: nobody is notified, as in AWS.
    pub(crate) notify: Option<OnProcessEnd>,
}

impl ProcessEndNotifier {
    pub(crate) fn is_notified(&self) -> bool {
        self.notify.is_some()
    }

    pub(crate) async fn ended(&self, which: ProcessEnd) {
        if let Some(notify) = &self.notify {
            notify(self.stack.clone(), which).await;
        }
    }
}
