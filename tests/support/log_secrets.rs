//! What no log may contain: texts of users, tokens, the secret that signs them, e-mail addresses. The logs of each stack
//! are searched when its test is done with it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use serde_json::Value;

/// The secret with which the stacks under test verify tokens.
pub const SECRET: &str = "the secret of the stacks under test, which guards nothing";
/// The end of every test user's e-mail address.
pub const EMAIL_DOMAIN: &str = "@secret.example";
/// How JWTs begin: `{"typ":` and `{"alg":` in Base64. A shorter prefix could be a part of a connection's id.
const TOKEN_PREFIXES: [&str; 2] = ["eyJ0eXAiOi", "eyJhbGciOi"];
/// In bytes. A shorter text may stand in a log by chance.
const MIN_LENGTH: usize = 12;

static SENT_TEXTS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Remembers the texts in a frame that a user sends.
pub fn remember(frame: &Value) {
    for part in [frame, &frame["data"]] {
        for field in ["query", "message", "content", "text", "token"] {
            if let Some(text) = part[field].as_str().filter(|text| text.len() >= MIN_LENGTH) {
                let mut sent = SENT_TEXTS.lock().expect("no holder of this lock panics");
                sent.insert(text.to_owned());
            }
        }
    }
}

/// Panics where a log in this folder contains one of them.
pub fn assert_absent(logs: &Path) {
    let sent = SENT_TEXTS
        .lock()
        .expect("no holder of this lock panics")
        .clone();
    let sent = sent.iter().map(String::as_str);
    let forbidden: Vec<&str> = sent
        .chain([SECRET, EMAIL_DOMAIN])
        .chain(TOKEN_PREFIXES)
        .collect();
    for log in std::fs::read_dir(logs).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(log.path()).unwrap_or_default();
        for secret in &forbidden {
            let line = text.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{secret:?} is in a log: {line:?}");
        }
    }
}
