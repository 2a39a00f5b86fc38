//! Every frame of the tests' sockets has to fit the protocol's schemas.

use serde_json::Value;

/// Panics if a received frame fits no schema.
pub fn check_received(frame: &Value) {
    if let Err(error) = longhaul_spec::checker::check_received(frame) {
        panic!("{error}");
    }
}

/// Panics if a frame that was accepted fits no schema.
pub fn check_accepted(frame: &Value) {
    if let Err(error) = longhaul_spec::checker::check_sent(frame) {
        panic!("the server accepted what its schema refuses: {error}");
    }
}
