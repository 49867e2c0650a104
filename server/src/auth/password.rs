//! Passwords: hashed with Argon2id, checked a few at a time.
//!
//! An unknown name costs exactly the work of a wrong password, so that the time of an answer tells nobody's name.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Block, Params, PasswordHasher, Version,
    password_hash::{Output, PasswordHash, Salt, SaltString},
};
use parking_lot::Mutex;
use rand::TryRngCore;
use tokio::sync::Semaphore;
use watchbell_protocol::{ErrorCode, WireError, limits};

/// 19 MiB, two passes, one lane: what OWASP recommends for Argon2id. Each stored hash names its own parameters, so that
/// they can be raised later without invalidating any.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The shortest password, in characters.
const SHORTEST: usize = 8;

/// How long somebody waits for a turn before they are told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a password can't be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Fewer than eight characters.
    #[error("the password must have at least {SHORTEST} characters")]
    TooShort,
    /// Beyond the wire's limit, so that nobody could sign in with it.
    #[error("the password must have at most {} bytes", limits::PASSWORD_BYTES)]
    TooLong,
    /// One character, over and over.
    #[error("the password must not be one character repeated")]
    Repeated,
}

/// Whether `password` may be chosen.
pub fn check_fit(password: &str) -> Result<(), Unfit> {
    let mut characters = password.chars();
    let first = characters.next();
    if password.chars().count() < SHORTEST {
        Err(Unfit::TooShort)
    } else if password.len() > limits::PASSWORD_BYTES {
        Err(Unfit::TooLong)
    } else if characters.all(|character| Some(character) == first) {
        Err(Unfit::Repeated)
    } else {
        Ok(())
    }
}

/// The hash to keep of a password. Takes tens of milliseconds of a processor: not for an async task.
pub fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    let mut salt = [0; 16];
    rand::rngs::OsRng.try_fill_bytes(&mut salt).map_err(|_| argon2::password_hash::Error::Crypto)?;
    let salt = SaltString::encode_b64(&salt)?;
    Ok(argon2()?.hash_password(password.as_bytes(), &salt)?.to_string())
}

fn argon2() -> Result<Argon2<'static>, argon2::password_hash::Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The memory of one check, for the next to use again: an allocator may keep what was freed, for every thread.
type Memory = Vec<Block>;

/// Whether `kept` is a hash of `password`; the parameters are the hash's own.
fn matches(password: &str, kept: &str, memory: &mut Memory) -> Result<bool, argon2::password_hash::Error> {
    let kept = PasswordHash::new(kept)?;
    let (Some(salt), Some(hash)) = (kept.salt, kept.hash) else { return Ok(false) };
    let version = kept.version.map_or(Ok(Version::default()), Version::try_from)?;
    let params = Params::try_from(&kept)?;
    memory.resize(params.block_count().max(memory.len()), Block::default());
    let argon2 = Argon2::new(Algorithm::try_from(kept.algorithm)?, version, params);
    let mut bytes = [0; Salt::MAX_LENGTH];
    let salt = salt.decode_b64(&mut bytes)?;
    let found = Output::init_with(hash.len(), |out| {
        Ok(argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, &mut memory[..])?)
    })?;
    // Compared in constant time.
    Ok(found == hash)
}

/// Checks passwords, so many at a time.
pub struct Passwords {
    turns: Arc<Semaphore>,
    /// Of checks that are done; never more than turns.
    idle: Arc<Mutex<Vec<Memory>>>,
    /// What an unknown name's password is compared with. Nobody knows the password it is of.
    decoy: Arc<str>,
}

impl Passwords {
    /// At most `at_once` checks at the same time, which bounds their memory.
    pub fn new(at_once: u32) -> Result<Self, argon2::password_hash::Error> {
        let decoy = hash(&uuid::Uuid::new_v4().to_string())?;
        let turns = Arc::new(Semaphore::new(at_once as usize));
        Ok(Self { turns, idle: Arc::default(), decoy: decoy.into() })
    }

    /// Whether `password` is the one that `kept` is the hash of. Without a hash, the same work for a `false`.
    pub async fn verify(&self, password: String, kept: Option<String>) -> Result<bool, WireError> {
        let busy = || WireError::new(ErrorCode::Unavailable, "too many sign-ins at the moment").retry_after_ms(2000);
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned());
        let turn = turn.await.map_err(|_| busy())?.map_err(|_| busy())?;
        let (decoy, idle) = (Arc::clone(&self.decoy), Arc::clone(&self.idle));
        let check = tokio::task::spawn_blocking(move || {
            // Moved in: a caller that went away does not free the turn before the work is done.
            let _turn = turn;
            let known = kept.is_some();
            let mut memory = idle.lock().pop().unwrap_or_default();
            let same = matches(&password, kept.as_deref().unwrap_or(&decoy), &mut memory).unwrap_or(false);
            idle.lock().push(memory);
            same && known
        });
        check.await.map_err(|_| WireError::new(ErrorCode::Internal, "the password could not be checked"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_fit_or_the_reason_is_named() {
        for (password, fit) in [
            ("correct horse", Ok(())),
            ("pässwörd", Ok(())),
            ("", Err(Unfit::TooShort)),
            ("1234567", Err(Unfit::TooShort)),
            ("aaaaaaaaaa", Err(Unfit::Repeated)),
            (&"ab".repeat(600), Err(Unfit::TooLong)),
        ] {
            assert_eq!(check_fit(password), fit, "{password}");
        }
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_name_matches() {
        let passwords = Passwords::new(1).unwrap();
        let kept = hash("correct horse").unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        let verify =
            |password: &str, kept: Option<&str>| passwords.verify(password.to_owned(), kept.map(str::to_owned));
        assert_eq!(verify("correct horse", Some(&kept)).await, Ok(true));
        assert_eq!(verify("Correct horse", Some(&kept)).await, Ok(false));
        assert_eq!(verify("correct horse", None).await, Ok(false));
        assert_eq!(verify("correct horse", Some("damaged")).await, Ok(false));
    }

    #[tokio::test]
    async fn checks_use_the_memory_of_those_before() {
        let passwords = Passwords::new(2).unwrap();
        let check = || passwords.verify("correct horse".into(), None);
        for _ in 0..3 {
            let (one, other) = tokio::join!(check(), check());
            assert_eq!((one, other), (Ok(false), Ok(false)));
        }
        let idle = passwords.idle.lock();
        assert!((1..=2).contains(&idle.len()), "{}", idle.len());
        assert!(idle.iter().all(|memory| memory.len() == MEMORY_KIB as usize));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_for_a_turn_is_told_to_come_back() {
        let passwords = Passwords::new(1).unwrap();
        let _turn = Arc::clone(&passwords.turns).acquire_owned().await.unwrap();
        let error = passwords.verify("x".into(), None).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Unavailable);
        assert!(error.retry_after_ms.is_some());
    }
}
