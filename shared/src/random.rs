//! The source of random ids and numbers, given to whatever needs them, so that a simulation can seed it.

use std::sync::Arc;

use uuid::Uuid;

/// A source of random ids and numbers.
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

    /// A random number: any of 64 bits, each as likely.
    pub fn number(&self) -> u64 {
        // Version and variant are fixed bits of a UUID, at different places of its halves: combined, no bit is fixed.
        let (high, low) = self.uuid().as_u64_pair();
        high.rotate_left(32) ^ low
    }

    /// The random part of an id that begins with its time.
    pub fn id_bytes(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&self.uuid().as_bytes()[..10]);
        bytes
    }
}
