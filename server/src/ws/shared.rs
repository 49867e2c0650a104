//! A frame for many receivers: its text, and the same packed, made once, when the first of those wants it for whom that
//! was agreed on.

use std::sync::OnceLock;

use bytes::Bytes;
use tungstenite::Utf8Bytes;
use watchbell_protocol::packed;

/// What was agreed on with the other side about large frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Packing {
    /// Every frame is a text message.
    #[default]
    None,
    /// A large frame may be a binary message: its text, packed with zstd.
    Zstd,
}

/// A frame as a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Packed(Bytes),
}

/// A frame for many receivers.
#[derive(Debug)]
pub struct Shared {
    text: Utf8Bytes,
    /// Nothing if it is not worth it.
    packed: OnceLock<Option<Bytes>>,
}

impl Payload {
    /// Bytes of the message.
    pub fn length(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Packed(bytes) => bytes.len(),
        }
    }
}

impl From<Utf8Bytes> for Payload {
    fn from(text: Utf8Bytes) -> Self {
        Self::Text(text)
    }
}

impl From<Utf8Bytes> for Shared {
    fn from(text: Utf8Bytes) -> Self {
        Self { text, packed: OnceLock::new() }
    }
}

impl Shared {
    /// The frame for a receiver with whom this was agreed on.
    pub fn payload(&self, packing: Packing) -> Payload {
        let packed = match packing {
            Packing::None => None,
            Packing::Zstd => self.packed.get_or_init(|| packed::pack(&self.text).map(Bytes::from)).clone(),
        };
        packed.map_or_else(|| Payload::Text(self.text.clone()), Payload::Packed)
    }

    /// Bytes of the text, and of the packed frame once there is one.
    pub fn bytes(&self) -> usize {
        self.text.len() + self.packed.get().and_then(Option::as_ref).map_or(0, Bytes::len)
    }

    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_frame_is_packed_once_for_all_who_take_it_so() {
        let shared = Shared::from(Utf8Bytes::from("line ".repeat(1000)));
        let [Payload::Packed(first), Payload::Packed(second)] = [(); 2].map(|()| shared.payload(Packing::Zstd)) else {
            panic!("packed")
        };
        assert_eq!(first.as_ptr(), second.as_ptr(), "the same bytes");
        assert_eq!(packed::unpack(&first, 5000).unwrap(), shared.text());
        assert!(matches!(shared.payload(Packing::None), Payload::Text(text) if text == shared.text()));
    }

    #[test]
    fn a_small_frame_stays_text_for_everybody() {
        let shared = Shared::from(Utf8Bytes::from_static("{}"));
        assert_eq!(shared.payload(Packing::Zstd), Payload::Text("{}".into()));
    }
}
