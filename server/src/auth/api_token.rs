//! API tokens for producers: `wbt_{id}.{secret}`, shown once. The database keeps a hash of the secret, which at 256
//! random bits needs no slow hashing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::TryRngCore;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use watchbell_protocol::TokenId;

/// What every API token starts with; tells it from an access token.
pub const PREFIX: &str = "wbt_";

/// A token as it was presented.
#[derive(Clone, Copy)]
pub struct Presented {
    /// Which one it claims to be.
    pub id: TokenId,
    hash: [u8; 32],
}

/// A fresh token: its text, to be shown once, and the hash to keep.
pub fn create(id: TokenId) -> Result<(String, [u8; 32]), rand::rand_core::OsError> {
    let mut secret = [0; 32];
    rand::rngs::OsRng.try_fill_bytes(&mut secret)?;
    let secret = URL_SAFE_NO_PAD.encode(secret);
    Ok((format!("{PREFIX}{}.{secret}", id.0.simple()), hash(&secret)))
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

impl Presented {
    /// Takes a token apart; `None` for what is no API token.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('.')?;
        Some(Self { id: id.parse().ok()?, hash: hash(secret) })
    }

    /// Whether it is the token whose hash was kept.
    pub fn matches(&self, kept: &[u8]) -> bool {
        self.hash.ct_eq(kept).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_matches_its_own_hash_only() {
        let id = TokenId::fresh();
        let (text, kept) = create(id).unwrap();
        let (_, other) = create(id).unwrap();
        let presented = Presented::parse(&text).unwrap();
        assert_eq!(presented.id, id);
        assert!(presented.matches(&kept));
        assert!(!presented.matches(&other) && !presented.matches(&[]));
        for text in ["", "wbt_", "wbt_x.y", "wbr_x", &text[4..]] {
            assert!(Presented::parse(text).is_none(), "{text}");
        }
    }
}
