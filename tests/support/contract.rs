//! Every frame of the tests' sockets has to fit the protocol's schemas. `scripts/test` prints how many did.

use std::fs::OpenOptions;
use std::io::Write;

use serde_json::Value;

/// A file that gets a byte for each frame that fits.
const COUNT: &str = "LONGHAUL_FRAMES_COUNTED";

/// Panics if a received frame fits no schema.
pub fn check_received(frame: &Value) {
    if let Err(error) = longhaul_spec::checker::check_received(frame) {
        panic!("{error}");
    }
    count();
}

/// Panics if a frame that was accepted fits no schema.
pub fn check_accepted(frame: &Value) {
    if let Err(error) = longhaul_spec::checker::check_sent(frame) {
        panic!("the server accepted what its schema refuses: {error}");
    }
    count();
}

fn count() {
    let Some(path) = std::env::var_os(COUNT) else {
        return;
    };
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(b"."))
        .expect("the count of frames can be written");
}
