//! The source of random ids, given to whatever makes them, so that a simulation can seed it.

use std::sync::Arc;

use uuid::Uuid;

/// A source of random ids.
#[derive(Clone)]
pub struct Random(Arc<dyn Fn() -> Uuid + Send + Sync>);

impl Random {
    /// The operating system's source.
    pub fn system() -> Self {
        Self::new(Uuid::new_v4)
    }

    /// A source of our own, such as a seeded one.
    pub fn new(uuid: impl Fn() -> Uuid + Send + Sync + 'static) -> Self {
        Self(Arc::new(uuid))
    }

    /// A random UUID.
    pub fn uuid(&self) -> Uuid {
        (self.0)()
    }

    /// The random part of an id that begins with its time.
    pub fn id_bytes(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&self.uuid().as_bytes()[..10]);
        bytes
    }
}
