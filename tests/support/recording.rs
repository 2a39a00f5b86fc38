//! Voice frames, and a recording to send in them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A second of silence as WAV: 16 bits at 8,000 Hz.
pub fn silent_wav() -> Vec<u8> {
    let mut wav = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    wav.extend(8_000u32.to_le_bytes());
    wav.extend(16_000u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend(16_000u32.to_le_bytes());
    wav.extend([0; 16_000]);
    wav
}

/// A voice frame of this type.
pub fn voice_frame(kind: &str, data: Value) -> Value {
    json!({"type": kind, "data": data})
}

/// The frame with one piece of a recording.
pub fn audio_piece(session: &Value, index: usize, audio: &[u8]) -> Value {
    voice_frame(
        "voice_data",
        json!({"sessionId": session, "index": index, "audio": STANDARD.encode(audio)}),
    )
}
