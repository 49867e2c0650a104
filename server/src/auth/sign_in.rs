//! Signing in, staying signed in, signing out.

use std::net::IpAddr;

use rand::TryRngCore;
use watchbell_protocol::{
    ErrorCode, UnixMillis, WireError,
    http::{Account, SignIn},
};

use super::{
    Auth, FamilyId,
    access::Subject,
    failed,
    refresh::{self, Decision, Generation, Nonce, Presented},
    unauthenticated,
};
use crate::store::accounts::{self, NewSignIn};

/// What a client gets for a password or a refresh token. No `Debug`: it has tokens.
pub struct Session {
    /// Who signed in.
    pub account: Account,
    /// The access token.
    pub access_token: String,
    /// How long that is good for, in seconds.
    pub expires_in: u32,
    /// The refresh token.
    pub refresh_token: String,
}

impl Auth {
    /// Signs in with name and password, from `address`. A wrong password and an unknown name get the same answer
    /// after the same work.
    pub async fn sign_in(&self, request: SignIn, address: IpAddr, now: UnixMillis) -> Result<Session, WireError> {
        let guess = self.guesses.lock().take(address, &request.name, now).map_err(|wait| {
            let ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
            WireError::new(ErrorCode::RateLimited, "too many wrong passwords: wait a moment").retry_after_ms(ms)
        })?;
        let known = {
            let mut conn = self.store.look().await.map_err(failed)?;
            accounts::credentials(&mut conn, &request.name.to_lowercase()).await.map_err(failed)?
        };
        let kept = known.as_ref().map(|known| known.password_hash.clone());
        let right = self.passwords.verify(request.password.into_string(), kept).await?;
        let Some(known) = known.filter(|_| right) else {
            tracing::info!(%address, "a sign-in failed");
            return Err(unauthenticated("name or password is wrong"));
        };
        self.guesses.lock().was_right(&guess);
        // Only who knows the password learns this.
        let disabled = || WireError::new(ErrorCode::Forbidden, "the account is disabled: ask whoever runs the server");
        if known.user.disabled_at.is_some() {
            return Err(disabled());
        }

        let nonce = fresh_nonce()?;
        let new = NewSignIn {
            id: FamilyId::fresh(),
            user: known.user.account.id,
            password_hash: &known.password_hash,
            device: request.device.id,
            device_kind: request.device.kind,
            device_name: &request.device.name,
            nonce: &nonce,
            expires_at: now.plus(self.sign_in_life),
        };
        let mut tx = self.store.write().await.map_err(failed)?;
        accounts::prune_sign_ins(&mut tx, now).await.map_err(failed)?;
        if !accounts::insert_sign_in(&mut tx, &new, now).await.map_err(failed)? {
            return Err(disabled());
        }
        tx.commit().await.map_err(failed)?;
        tracing::info!(user.id = %new.user, device.id = %new.device, family = %new.id, "signed in");
        let subject = Subject { user: new.user, device: new.device, device_kind: new.device_kind, family: new.id };
        Ok(self.session(known.user.account, subject, 0, &nonce, now))
    }

    /// Trades a refresh token for its successor and a fresh access token.
    pub async fn refresh(&self, token: &str, now: UnixMillis) -> Result<Session, WireError> {
        let ended = || unauthenticated("the sign-in has ended: sign in again");
        let Presented { family, generation, .. } = self.genuine(token).await?;
        // Decided and noted under the writer, so that two refreshes at once see each other.
        let mut tx = self.store.write().await.map_err(failed)?;
        let row = accounts::sign_in(&mut tx, family).await.map_err(failed)?.ok_or_else(ended)?;
        if row.user.disabled_at.is_some() {
            return Err(unauthenticated("the account is disabled"));
        }
        let next = match refresh::decide(row.family, generation, now) {
            Decision::HandOut(next) => next,
            Decision::Refuse => return Err(ended()),
            Decision::Revoke => {
                accounts::revoke(&mut tx, row.id, now).await.map_err(failed)?;
                tx.commit().await.map_err(failed)?;
                tracing::warn!(
                    user.id = %row.user.account.id, device.id = %row.device, family = %row.id,
                    "an old refresh token was used: the sign-in was ended"
                );
                return Err(ended());
            }
        };
        accounts::advance(&mut tx, row.id, next, now.plus(self.sign_in_life), now).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        let subject =
            Subject { user: row.user.account.id, device: row.device, device_kind: row.device_kind, family: row.id };
        Ok(self.session(row.user.account, subject, next, &row.nonce, now))
    }

    /// Ends the sign-in that a refresh token descends from. Doing it twice is doing it once.
    pub async fn sign_out(&self, token: &str, now: UnixMillis) -> Result<(), WireError> {
        let Presented { family, .. } = self.genuine(token).await?;
        let mut tx = self.store.write().await.map_err(failed)?;
        accounts::revoke(&mut tx, family, now).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        tracing::info!(%family, "signed out");
        Ok(())
    }

    /// A refresh token that this server made. Found out without the writer, so that forged ones cost little.
    async fn genuine(&self, token: &str) -> Result<Presented, WireError> {
        let not_valid = || unauthenticated("the refresh token is not valid").at("refresh_token");
        let presented = Presented::parse(token).ok_or_else(not_valid)?;
        let mut conn = self.store.look().await.map_err(failed)?;
        let row = accounts::sign_in(&mut conn, presented.family).await.map_err(failed)?;
        row.filter(|row| presented.is_genuine(&self.refresh_secret, &row.nonce)).ok_or_else(not_valid)?;
        Ok(presented)
    }

    fn session(
        &self,
        account: Account,
        subject: Subject,
        generation: Generation,
        nonce: &Nonce,
        now: UnixMillis,
    ) -> Session {
        Session {
            account,
            access_token: self.access.issue(subject, now),
            expires_in: u32::try_from(self.access.life().as_secs()).unwrap_or(u32::MAX),
            refresh_token: refresh::token(&self.refresh_secret, subject.family, generation, nonce),
        }
    }
}

fn fresh_nonce() -> Result<Nonce, WireError> {
    let mut nonce = Nonce::default();
    rand::rngs::OsRng.try_fill_bytes(&mut nonce).map_err(|error| {
        tracing::error!(%error, "the system gives no random bytes");
        WireError::new(ErrorCode::Internal, "the server failed")
    })?;
    Ok(nonce)
}
