//! What must be in no log: the words of users, tokens, the secret that signs them, e-mail addresses. Each
//! stack of the suite is looked through when its test is done with it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use serde_json::Value;

/// What the stacks under test sign tokens with.
pub const SECRET: &str = "the secret of the stacks under test, which guards nothing";
/// Where every user of the suite has an e-mail address.
pub const MAIL: &str = "@planted.example";
/// How JWTs begin, `{"typ":` and `{"alg":`; less of it may be a part of a connection's id.
const TOKENS: [&str; 2] = ["eyJ0eXAiOi", "eyJhbGciOi"];
/// Shorter words may stand in a log by chance.
const LONG: usize = 12;

static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Remembers what a user says in a frame.
pub fn say(frame: &Value) {
    for part in [frame, &frame["data"]] {
        for field in ["query", "message", "content", "text", "token"] {
            if let Some(words) = part[field].as_str().filter(|words| words.len() >= LONG) {
                let mut said = SAID.lock().expect("no holder of this lock panics");
                said.insert(words.to_owned());
            }
        }
    }
}

/// Fails the test if the logs of its stack hold any of it.
pub fn search(logs: &Path) {
    let said = SAID.lock().expect("no holder of this lock panics").clone();
    let words = said.iter().map(String::as_str);
    let forbidden: Vec<&str> = words.chain([SECRET, MAIL]).chain(TOKENS).collect();
    for log in std::fs::read_dir(logs).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(log.path()).unwrap_or_default();
        for words in &forbidden {
            let line = text.lines().find(|line| line.contains(words));
            assert!(line.is_none(), "{words:?} is in a log: {line:?}");
        }
    }
}
