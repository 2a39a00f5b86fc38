//! The names of the dialects in which a chat connection can receive a job's events.

/// A dialect other than the native events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    SendMessage,
    ChatMessage,
    TextMessage,
}

impl Dialect {
    pub const ALL: [Self; 3] = [Self::SendMessage, Self::ChatMessage, Self::TextMessage];

    /// The name in rows and in the client's frames.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendMessage => "sendMessage",
            Self::ChatMessage => "chat_message",
            Self::TextMessage => "text_message",
        }
    }

    /// The reverse of [`Dialect::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.as_str() == text)
    }
}
