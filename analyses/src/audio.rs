//! The format and length of uncompressed audio: WAV, and raw PCM.
//!
//! Pure.

/// Audio of which the sample format is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audio {
    /// Samples of each channel in a second.
    pub sample_rate: u32,
    pub channels: u16,
    bits_per_sample: u16,
    /// The length of the samples, in bytes.
    sample_bytes: u64,
}

impl Audio {
    /// By the header of a WAV file, or for raw PCM by the format's name: `pcm` (16,000 Hz) or such as `pcm_24000`,
    /// 16 bits and one channel. `None` for another format.
    pub fn parse(format: &str, bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"RIFF") {
            return parse_wav(bytes);
        }
        let sample_rate = match format.to_ascii_lowercase().strip_prefix("pcm")? {
            "" => 16_000,
            rate => rate.trim_start_matches('_').parse().ok()?,
        };
        Some(Self {
            sample_rate,
            channels: 1,
            bits_per_sample: 16,
            sample_bytes: bytes.len() as u64,
        })
    }

    /// The length.
    pub fn milliseconds(&self) -> u64 {
        let frame = u64::from(self.channels) * u64::from(self.bits_per_sample) / 8;
        let second = (frame * u64::from(self.sample_rate)).max(1);
        self.sample_bytes * 1000 / second
    }
}

/// A WAV file is a list of chunks: `fmt ` has the format of the samples in `data`.
fn parse_wav(bytes: &[u8]) -> Option<Audio> {
    let mut rest = bytes
        .get(12..)
        .filter(|_| bytes.get(8..12) == Some(b"WAVE"))?;
    let mut audio = None;
    while let Some((name, after)) = rest.split_at_checked(4) {
        let (length, body) = after.split_at_checked(4)?;
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        match name {
            b"fmt " => {
                let two =
                    |at: usize| Some(u16::from_le_bytes(body.get(at..at + 2)?.try_into().ok()?));
                audio = Some(Audio {
                    sample_rate: u32::from_le_bytes(body.get(4..8)?.try_into().ok()?),
                    channels: two(2)?,
                    bits_per_sample: two(14)?,
                    sample_bytes: 0,
                });
            }
            // A recorder that streams does not know the length yet, and writes the largest number.
            b"data" => {
                let sample_bytes = length.min(body.len()) as u64;
                return audio.map(|audio| Audio {
                    sample_bytes,
                    ..audio
                });
            }
            _ => {}
        }
        // Chunks begin at even offsets.
        rest = body.get(length.checked_add(length % 2)?..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Half a second of stereo in 16 bits at 8,000 Hz.
    fn file(length: u32) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0\x02\0".to_vec();
        file.extend(8_000u32.to_le_bytes());
        file.extend(32_000u32.to_le_bytes());
        file.extend([4, 0, 16, 0]);
        file.extend(b"data");
        file.extend(length.to_le_bytes());
        file.extend([0; 16_000]);
        file
    }

    #[test]
    fn wav_and_pcm_have_a_length() {
        for length in [16_000, u32::MAX] {
            let audio = Audio::parse("wav", &file(length)).unwrap();
            assert_eq!(
                (audio.milliseconds(), audio.sample_rate, audio.channels),
                (500, 8_000, 2)
            );
        }
        for (format, milliseconds) in [("pcm", 500), ("PCM_8000", 1_000)] {
            let audio = Audio::parse(format, &[0; 16_000]).unwrap();
            assert_eq!(audio.milliseconds(), milliseconds, "{format}");
        }
        for format in ["webm", "pcm_high"] {
            assert_eq!(Audio::parse(format, &[0; 16_000]), None);
        }
    }

    proptest! {
        #[test]
        fn no_file_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..80), cut in 0..60usize) {
            let mut named = b"RIFF\0\0\0\0WAVE".to_vec();
            named.append(&mut bytes);
            let _ = Audio::parse("wav", &named).map(|audio| audio.milliseconds());
            let _ = Audio::parse("wav", &file(16_000)[..cut]).map(|audio| audio.milliseconds());
        }
    }
}
