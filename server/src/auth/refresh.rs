//! Refresh tokens. `wbr_{family}.{generation}.{mac}`: the MAC binds family and generation to the server's secret and
//! the family's random nonce, so a successor can be derived again at any time and the database keeps one number.
//!
//! A token stays valid until its successor is first used, and a retry gets the same successor: a lost answer is not a
//! theft. Use of an older one is, and revokes the family. Pure: the database is asked, and told, one level up.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;
use watchbell_protocol::UnixMillis;

use super::{FamilyId, keys::mac};

const PREFIX: &str = "wbr_";

/// A token's place in its family: 0 from the sign-in, then one more per refresh.
pub type Generation = u32;

/// Random bytes of a family that never leave the server.
pub type Nonce = [u8; 16];

/// A refresh token as it was presented, not yet believed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Presented {
    /// The sign-in it claims to descend from.
    pub family: FamilyId,
    /// Its place there.
    pub generation: Generation,
    mac: [u8; 32],
}

/// The token of `generation`.
pub fn token(secret: &[u8; 32], family: FamilyId, generation: Generation, nonce: &Nonce) -> String {
    let mac = URL_SAFE_NO_PAD.encode(seal(secret, family, generation, nonce));
    format!("{PREFIX}{}.{generation}.{mac}", family.0.simple())
}

fn seal(secret: &[u8; 32], family: FamilyId, generation: Generation, nonce: &Nonce) -> [u8; 32] {
    mac(secret, &[family.0.as_bytes(), &generation.to_be_bytes(), nonce])
}

impl Presented {
    /// Takes a token apart; `None` for what is no refresh token.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(PREFIX)?.splitn(3, '.');
        let family = parts.next()?.parse().ok()?;
        let generation = parts.next()?.parse().ok()?;
        let mac = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?.try_into().ok()?;
        Some(Self { family, generation, mac })
    }

    /// Whether this server made it.
    pub fn is_genuine(&self, secret: &[u8; 32], nonce: &Nonce) -> bool {
        self.mac.ct_eq(&seal(secret, self.family, self.generation, nonce)).into()
    }
}

/// What the database knows of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// The newest generation that was handed out.
    pub newest: Generation,
    /// When it ends unless it is used.
    pub expires_at: UnixMillis,
    /// Whether it was ended.
    pub revoked: bool,
}

/// What comes of a genuine token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Hand out this generation, and remember it as the newest.
    HandOut(Generation),
    /// Somebody uses a token whose successor's successor exists: two hold the family. End it.
    Revoke,
    /// The family has ended.
    Refuse,
}

/// Decides about a genuine token of `generation`.
pub fn decide(family: Family, generation: Generation, now: UnixMillis) -> Decision {
    if family.revoked || family.expires_at <= now {
        return Decision::Refuse;
    }
    // A generation beyond the newest is genuine all the same: the database was copied back from before it. It goes on
    // from there, as if this server had never forgotten.
    let Some(successor) = generation.checked_add(1) else { return Decision::Refuse };
    if successor < family.newest { Decision::Revoke } else { Decision::HandOut(successor) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000);

    fn family(newest: Generation) -> Family {
        Family { newest, expires_at: UnixMillis(NOW.0 + 1), revoked: false }
    }

    #[test]
    fn every_generation_is_decided_by_its_distance_from_the_newest() {
        for (newest, generation, decision, why) in [
            (0, 0, Decision::HandOut(1), "the first refresh after the sign-in"),
            (1, 0, Decision::HandOut(1), "a retry: the answer was lost, the successor is not used yet"),
            (1, 1, Decision::HandOut(2), "the successor is used; from here on generation 0 is old"),
            (2, 0, Decision::Revoke, "an old one comes back"),
            (9, 7, Decision::Revoke, "its successor 8 was used: 9 exists"),
            (9, 8, Decision::HandOut(9), "the same successor again"),
            (9, 12, Decision::HandOut(13), "the database was copied back"),
            (9, u32::MAX, Decision::Refuse, "no successor is left"),
        ] {
            assert_eq!(decide(family(newest), generation, NOW), decision, "{why}");
        }
    }

    #[test]
    fn an_ended_family_is_refused_not_revoked_again() {
        for ended in [Family { revoked: true, ..family(3) }, Family { expires_at: NOW, ..family(3) }] {
            for generation in 0..5 {
                assert_eq!(decide(ended, generation, NOW), Decision::Refuse);
            }
        }
    }

    #[test]
    fn a_token_is_genuine_for_its_secret_and_nonce_only() {
        let (secret, nonce, id) = ([1; 32], [2; 16], FamilyId::fresh());
        let text = token(&secret, id, 7, &nonce);
        let presented = Presented::parse(&text).unwrap();
        assert_eq!((presented.family, presented.generation), (id, 7));
        assert!(presented.is_genuine(&secret, &nonce));
        assert!(!presented.is_genuine(&[9; 32], &nonce));
        assert!(!presented.is_genuine(&secret, &[9; 16]));
        assert!(!Presented { generation: 8, ..presented }.is_genuine(&secret, &nonce));
        assert!(!Presented { family: FamilyId::fresh(), ..presented }.is_genuine(&secret, &nonce));
    }

    #[test]
    fn what_is_no_refresh_token_does_not_parse() {
        let good = token(&[1; 32], FamilyId::fresh(), 7, &[2; 16]);
        for text in
            ["", "wbr_", "wbr_..", "wbt_x.1.y", &good[1..], &good[..good.len() - 2], &good.replace(".7.", ".-1.")]
        {
            assert!(Presented::parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        /// However answers get lost, an honest client that keeps the last token it received is never signed out.
        #[test]
        fn an_honest_client_survives_lost_answers(lost in proptest::collection::vec(any::<bool>(), 0..200)) {
            let (mut held, mut family) = (0, family(0));
            for lost in lost {
                let Decision::HandOut(next) = decide(family, held, NOW) else { panic!("signed out") };
                family.newest = next;
                if !lost {
                    held = next;
                }
            }
        }

        /// However a thief and the owner take turns with a stolen token: as soon as one of them is two steps ahead, the
        /// other's next use ends the family.
        #[test]
        fn two_holders_end_the_family(turns in proptest::collection::vec(any::<bool>(), 0..40)) {
            let (mut held, mut family) = ([3_u32, 3], family(3));
            for thief in turns {
                let holder = usize::from(thief);
                let lead = held[1 - holder].abs_diff(held[holder]);
                match decide(family, held[holder], NOW) {
                    Decision::HandOut(next) => {
                        prop_assert!(held[holder] >= held[1 - holder] || lead < 2, "{held:?}");
                        held[holder] = next;
                        family.newest = family.newest.max(next);
                    }
                    Decision::Revoke => return Ok(()),
                    Decision::Refuse => prop_assert!(false, "nothing has ended it before"),
                }
            }
        }
    }
}
