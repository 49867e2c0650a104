//! Bytes that carry their limit in their type. In JSON they travel as base64; where large frames are [packed], that costs
//! next to nothing.
//!
//! [packed]: crate::packed

use std::{borrow::Cow, ops::Deref};

use base64::{DecodeSliceError, Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::bounded::TooLong;

/// At most `MAX` bytes, of whatever they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Blob<const MAX: usize>(Vec<u8>);

impl<const MAX: usize> Blob<MAX> {
    /// Characters that so many bytes take.
    const CHARACTERS: usize = MAX.div_ceil(3) * 4;

    /// The bytes, owned.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl<const MAX: usize> TryFrom<Vec<u8>> for Blob<MAX> {
    type Error = TooLong;

    fn try_from(bytes: Vec<u8>) -> Result<Self, TooLong> {
        if bytes.len() > MAX {
            return Err(TooLong { len: bytes.len(), max: MAX });
        }
        Ok(Self(bytes))
    }
}

impl<const MAX: usize> Deref for Blob<MAX> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> Serialize for Blob<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Blob<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let too_long = |len| de::Error::custom(TooLong { len, max: MAX });
        // Before anything is made of it.
        if text.len() > Self::CHARACTERS {
            return Err(too_long(text.len() / 4 * 3));
        }
        let mut bytes = vec![0; text.len().div_ceil(4) * 3];
        match STANDARD.decode_slice(text.as_bytes(), &mut bytes) {
            Ok(length) => bytes.truncate(length),
            Err(DecodeSliceError::DecodeError(error)) => {
                return Err(de::Error::custom(format_args!("is not base64: {error}")));
            }
            Err(DecodeSliceError::OutputSliceTooSmall) => return Err(too_long(text.len() / 4 * 3)),
        }
        Self::try_from(bytes).map_err(de::Error::custom)
    }
}

impl<const MAX: usize> ts_rs::TS for Blob<MAX> {
    type WithoutGenerics = String;
    type OptionInnerType = Self;

    fn name(_: &ts_rs::Config) -> String {
        "string".into()
    }

    fn inline(_: &ts_rs::Config) -> String {
        "string".into()
    }
}

impl<const MAX: usize> schemars::JsonSchema for Blob<MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Blob{MAX}").into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "contentEncoding": "base64", "maxLength": Self::CHARACTERS })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packed;

    fn parse<const MAX: usize>(json: &str) -> Result<Blob<MAX>, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    proptest! {
        #[test]
        fn any_bytes_within_the_limit_come_back(bytes in prop::collection::vec(any::<u8>(), 0..=40)) {
            let blob = Blob::<40>::try_from(bytes.clone()).unwrap();
            let json = serde_json::to_string(&blob).unwrap();
            prop_assert_eq!(parse::<40>(&json).map(Blob::into_vec), Ok(bytes));
        }
    }

    #[test]
    fn more_bytes_do_not_parse_and_the_limit_is_said() {
        let four = serde_json::to_string(&Blob::<4>::try_from(vec![7; 4]).unwrap()).unwrap();
        let error = parse::<3>(&four).unwrap_err();
        assert!(error.contains("at most 3 are allowed"), "{error}");
        assert!(parse::<5>(&four).is_ok(), "the same number of characters as five take");
        let long = serde_json::to_string(&"A".repeat(1_000_000)).unwrap();
        assert!(parse::<3>(&long).unwrap_err().contains("at most 3 are allowed"));
    }

    #[test]
    fn what_is_no_base64_is_refused_and_so_is_a_second_spelling() {
        for wrong in [r#""=""#, r#""AAA""#, r#""A A=""#, r#""_-==""#, r#""AB==""#, "7"] {
            assert!(parse::<16>(wrong).is_err(), "{wrong}");
        }
        assert!(parse::<16>(r#""QUI=""#).is_ok_and(|blob| *blob == *b"AB"), "escaped or not");
        assert!(parse::<16>(r#""\u0051UI=""#).is_ok_and(|blob| *blob == *b"AB"));
    }

    #[test]
    fn packed_it_takes_about_as_much_as_the_bytes_themselves() {
        // No pattern that packing could find: only the base64 itself is taken back.
        let noise =
            std::iter::successors(Some(1_u64), |n| Some(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1)));
        let bytes: Vec<u8> = noise.skip(1).map(|n| (n >> 56) as u8).take(60_000).collect();
        let json = serde_json::to_string(&Blob::<60_000>::try_from(bytes).unwrap()).unwrap();
        let packed = packed::pack(&json).unwrap();
        assert!(packed.len() < 60_000 * 103 / 100, "{}", packed.len());
    }
}
