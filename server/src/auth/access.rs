//! Access tokens: short-lived JWTs, signed with Ed25519 by this server for this server.
//!
//! Verification is strict: this algorithm, this issuer, not expired. Whether the sign-in behind a token still stands is
//! asked of the database afterwards. Time is passed in.

use std::{collections::HashMap, time::Duration};

use ed25519_dalek::pkcs8::EncodePrivateKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use watchbell_protocol::{DeviceId, UnixMillis, UserId, event::DeviceKind};

use super::{FamilyId, keys::Keys};

/// Tokens that are remembered as verified, twice: those since the last time there were so many, and those before.
const REMEMBERED: usize = 4096;
/// How far the clocks of two servers behind one name may differ.
const LEEWAY: Duration = Duration::from_secs(2);

/// What a token says. Times in seconds since the Unix epoch, as JWT has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The server that issued it.
    pub iss: Uuid,
    /// The member.
    pub sub: UserId,
    /// The installation.
    pub device: DeviceId,
    /// What it runs.
    pub device_kind: DeviceKind,
    /// The sign-in.
    pub fam: FamilyId,
    /// Issued at.
    pub iat: i64,
    /// Runs out at.
    pub exp: i64,
    /// This token, for logs.
    pub jti: Uuid,
}

impl Claims {
    /// When it runs out.
    pub fn expires_at(&self) -> UnixMillis {
        UnixMillis(self.exp.saturating_mul(1000))
    }
}

/// Why a token is no proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotValid {
    /// It was good once.
    #[error("the access token has expired")]
    Expired,
    /// Not a token of this server: altered, signed otherwise, issued elsewhere, or no token at all.
    #[error("the access token is not valid")]
    Forged,
}

/// Issues and verifies access tokens.
pub struct AccessTokens {
    issuer: Uuid,
    life: Duration,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    verified: Mutex<Verified>,
}

/// What tokens say whose signatures were good. A token comes with every request, and after a cut with every connection
/// again; its signature costs more than everything else about it, and stays as good as it was.
#[derive(Debug, Default)]
struct Verified {
    recent: HashMap<Fingerprint, Claims>,
    before: HashMap<Fingerprint, Claims>,
}

/// Of a whole token: whatever is changed in it makes another.
type Fingerprint = [u8; 32];

impl Verified {
    fn get(&self, token: &Fingerprint) -> Option<&Claims> {
        self.recent.get(token).or_else(|| self.before.get(token))
    }

    fn remember(&mut self, token: Fingerprint, claims: Claims) {
        if self.recent.len() >= REMEMBERED {
            self.before = std::mem::take(&mut self.recent);
        }
        self.recent.insert(token, claims);
    }
}

/// For whom a token is issued.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// The member.
    pub user: UserId,
    /// The installation.
    pub device: DeviceId,
    /// What it runs.
    pub device_kind: DeviceKind,
    /// The sign-in.
    pub family: FamilyId,
}

impl AccessTokens {
    /// With the server's keys; each token lives for `life`.
    pub fn new(keys: &Keys, life: Duration) -> Self {
        let private = keys.signing.to_pkcs8_der().expect("an Ed25519 key always has a PKCS#8 form");
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["iss", "sub", "exp"]);
        validation.set_issuer(&[keys.issuer]);
        // Checked below against the time passed in, not the library's clock.
        validation.validate_exp = false;
        Self {
            issuer: keys.issuer,
            life,
            encoding: EncodingKey::from_ed_der(private.as_bytes()),
            decoding: DecodingKey::from_ed_der(keys.signing.verifying_key().as_bytes()),
            validation,
            verified: Mutex::default(),
        }
    }

    /// How long a token is good for.
    pub fn life(&self) -> Duration {
        self.life
    }

    /// A token for `subject`.
    pub fn issue(&self, subject: Subject, now: UnixMillis) -> String {
        let claims = Claims {
            iss: self.issuer,
            sub: subject.user,
            device: subject.device,
            device_kind: subject.device_kind,
            fam: subject.family,
            iat: now.0 / 1000,
            exp: now.plus(self.life).0 / 1000,
            jti: Uuid::new_v4(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &self.encoding)
            .expect("plain claims under a key that was valid at the start can be signed")
    }

    /// What a token says, if it is one of ours and still good.
    pub fn verify(&self, token: &str, now: UnixMillis) -> Result<Claims, NotValid> {
        let fingerprint = Sha256::digest(token).into();
        let known = self.verified.lock().get(&fingerprint).cloned();
        let claims = match known {
            Some(claims) => claims,
            None => self.decode(token, fingerprint)?,
        };
        if claims.expires_at().plus(LEEWAY) <= now {
            return Err(NotValid::Expired);
        }
        Ok(claims)
    }

    fn decode(&self, token: &str, fingerprint: Fingerprint) -> Result<Claims, NotValid> {
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation);
        let claims = decoded.map_err(|_| NotValid::Forged)?.claims;
        self.verified.lock().remember(fingerprint, claims.clone());
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
    const LIFE: Duration = Duration::from_mins(10);

    fn tokens(seed: u8) -> AccessTokens {
        AccessTokens::new(&Keys::for_test(seed), LIFE)
    }

    fn subject() -> Subject {
        Subject {
            user: UserId::fresh(),
            device: DeviceId::fresh(),
            device_kind: DeviceKind::Cli,
            family: FamilyId::fresh(),
        }
    }

    fn claims(issuer: Uuid) -> Claims {
        let Subject { user, device, device_kind, family } = subject();
        let (iat, exp) = (NOW.0 / 1000, NOW.0 / 1000 + 600);
        Claims { iss: issuer, sub: user, device, device_kind, fam: family, iat, exp, jti: Uuid::new_v4() }
    }

    fn unsigned(header: &str, claims: &Claims) -> String {
        let claims = serde_json::to_vec(claims).unwrap();
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_fresh_token_says_whom_it_was_issued_for() {
        let (tokens, subject) = (tokens(1), subject());
        let claims = tokens.verify(&tokens.issue(subject, NOW), NOW).unwrap();
        assert_eq!((claims.sub, claims.device, claims.fam), (subject.user, subject.device, subject.family));
        assert_eq!(claims.expires_at(), NOW.plus(LIFE));
    }

    #[test]
    fn a_token_expires_after_its_life_and_the_leeway() {
        let tokens = tokens(1);
        let token = tokens.issue(subject(), NOW);
        let end = NOW.plus(LIFE + LEEWAY);
        assert!(tokens.verify(&token, UnixMillis(end.0 - 1)).is_ok());
        assert_eq!(tokens.verify(&token, end), Err(NotValid::Expired), "though its signature is remembered");
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_forgotten_is_verified_again() {
        let mut verified = Verified::default();
        let claims = claims(Uuid::nil());
        let token = |n: u32| std::array::from_fn(|at| n.to_le_bytes().get(at).copied().unwrap_or_default());
        for n in 0..3 * REMEMBERED as u32 {
            verified.remember(token(n), claims.clone());
            assert!(verified.get(&token(n)).is_some());
        }
        assert!(verified.recent.len() + verified.before.len() <= 2 * REMEMBERED);
        assert!(verified.get(&token(0)).is_none());
    }

    #[test]
    fn a_token_without_a_signature_is_refused_whatever_its_header_says() {
        let keys = Keys::for_test(1);
        for algorithm in ["none", "None", "NONE", "EdDSA"] {
            let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#);
            let token = format!("{}.", unsigned(&header, &claims(keys.issuer)));
            assert_eq!(tokens(1).verify(&token, NOW), Err(NotValid::Forged), "{algorithm}");
        }
    }

    #[test]
    fn the_public_key_is_no_shared_secret() {
        let keys = Keys::for_test(1);
        for secret in [keys.signing.verifying_key().to_bytes().to_vec(), keys.issuer.to_string().into_bytes()] {
            let key = EncodingKey::from_secret(&secret);
            let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(keys.issuer), &key).unwrap();
            assert_eq!(tokens(1).verify(&token, NOW), Err(NotValid::Forged));
        }
    }

    #[test]
    fn a_token_of_another_key_or_issuer_is_refused() {
        let other = tokens(2).issue(subject(), NOW);
        assert_eq!(tokens(1).verify(&other, NOW), Err(NotValid::Forged));

        let ours = tokens(1);
        let elsewhere = claims(Uuid::new_v4());
        let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &elsewhere, &ours.encoding).unwrap();
        assert_eq!(ours.verify(&token, NOW), Err(NotValid::Forged), "our key, another issuer");
    }

    #[test]
    fn a_token_with_any_part_changed_is_refused() {
        let tokens = tokens(1);
        let token = tokens.issue(subject(), NOW);
        assert!(tokens.verify(&token, NOW).is_ok(), "and it is remembered now");
        for at in (0..token.len()).filter(|at| token.as_bytes()[*at] != b'.') {
            // The last character of a part may carry unused bits; whichever it was, another one is another text.
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'_' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(tokens.verify(&changed, NOW), Err(NotValid::Forged), "changed at {at}");
        }
        for nonsense in ["", ".", "..", "a.b.c", "wbt_x", &token[1..]] {
            assert_eq!(tokens.verify(nonsense, NOW), Err(NotValid::Forged), "{nonsense}");
        }
    }
}
