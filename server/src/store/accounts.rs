//! Who may sign in, and their sign-ins. What a refresh token is worth is decided in `auth::refresh`; here it is kept.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::{Row, sqlite::SqliteRow};
use watchbell_protocol::{DeviceId, Text, TokenId, UnixMillis, UserId, event::DeviceKind, http::Account, limits};

use super::{
    Conn, codec, list,
    together::{Queue, Together, Wish},
};
use crate::auth::{
    FamilyId,
    refresh::{Family, Generation, Nonce},
};

/// Somebody who has an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Id and names.
    pub account: Account,
    /// When they were added.
    pub created_at: UnixMillis,
    /// Since when they can't sign in; absent if they can.
    pub disabled_at: Option<UnixMillis>,
    /// When they were last connected.
    pub last_seen: Option<UnixMillis>,
}

/// What a sign-in is checked against. No `Debug`: it has a hash.
pub struct Credentials {
    /// Whose.
    pub user: User,
    /// The Argon2id hash of the password.
    pub password_hash: String,
}

/// A sign-in as it is kept.
#[derive(Clone)]
pub struct SignInRow {
    /// Which.
    pub id: FamilyId,
    /// Whose.
    pub user: User,
    /// On which installation.
    pub device: DeviceId,
    /// What that runs.
    pub device_kind: DeviceKind,
    /// What its refresh tokens are sealed with.
    pub nonce: Nonce,
    /// How far it has come.
    pub family: Family,
}

/// A new sign-in.
pub struct NewSignIn<'a> {
    /// Its id.
    pub id: FamilyId,
    /// Whose.
    pub user: UserId,
    /// The hash that the password was checked against: if it has changed meanwhile, the sign-in is refused.
    pub password_hash: &'a str,
    /// On which installation.
    pub device: DeviceId,
    /// What that runs.
    pub device_kind: DeviceKind,
    /// The machine's name.
    pub device_name: &'a str,
    /// What its refresh tokens will be sealed with.
    pub nonce: &'a Nonce,
    /// When it ends unless it is used.
    pub expires_at: UnixMillis,
}

/// Adds an account; `false` if the name is taken.
pub async fn insert(conn: &mut Conn, account: &Account, password_hash: &str, now: UnixMillis) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "INSERT INTO users (id, name, display_name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (name) DO NOTHING",
    )
    .bind(account.id.to_string())
    .bind(account.name.as_str())
    .bind(account.display_name.as_str())
    .bind(password_hash)
    .bind(now.0)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Every account, by name.
pub async fn all(conn: &mut Conn) -> sqlx::Result<Vec<User>> {
    let rows = sqlx::query(
        "SELECT id AS member, name, display_name, created_at AS joined_at, disabled_at, last_seen
         FROM users ORDER BY name",
    )
    .fetch_all(conn)
    .await?;
    rows.iter().map(user).collect()
}

/// What the sign-in of `name` is checked against.
pub async fn credentials(conn: &mut Conn, name: &str) -> sqlx::Result<Option<Credentials>> {
    let row = sqlx::query(
        "SELECT id AS member, name, display_name, created_at AS joined_at, disabled_at, last_seen, password_hash
         FROM users WHERE name = $1",
    )
    .bind(name)
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok(Credentials { user: user(&row)?, password_hash: row.try_get("password_hash")? })).transpose()
}

/// Disables an account since `at`, or enables it again. Says whether that changed anything.
pub async fn set_disabled(conn: &mut Conn, user: UserId, at: Option<UnixMillis>) -> sqlx::Result<bool> {
    let done = sqlx::query("UPDATE users SET disabled_at = $2 WHERE id = $1 AND (disabled_at IS NULL) <> ($2 IS NULL)")
        .bind(user.to_string())
        .bind(at.map(|at| at.0))
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Replaces a password.
pub async fn set_password(conn: &mut Conn, user: UserId, password_hash: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1")
        .bind(user.to_string())
        .bind(password_hash)
        .execute(conn)
        .await?;
    Ok(())
}

/// Keeps a new sign-in; `false` if the account was disabled or got another password while this one was checked.
pub async fn insert_sign_in(conn: &mut Conn, new: &NewSignIn<'_>, now: UnixMillis) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "INSERT INTO families
             (id, member, device, device_kind, device_name, nonce, newest, created_at, used_at, expires_at)
         SELECT $1, id, $2, $3, $4, $5, 0, $6, $6, $7 FROM users
         WHERE id = $8 AND password_hash = $9 AND disabled_at IS NULL",
    )
    .bind(new.id.to_string())
    .bind(new.device.to_string())
    .bind(codec::to_word(&new.device_kind)?)
    .bind(new.device_name)
    .bind(codec::hex(new.nonce))
    .bind(now.0)
    .bind(new.expires_at.0)
    .bind(new.user.to_string())
    .bind(new.password_hash)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A sign-in with its account.
pub async fn sign_in(conn: &mut Conn, id: FamilyId) -> sqlx::Result<Option<SignInRow>> {
    let row = sqlx::query(
        "SELECT f.id AS family, f.device, f.device_kind, f.nonce, f.newest, f.expires_at, f.revoked_at,
                u.id AS member, u.name, u.display_name, u.created_at AS joined_at, u.disabled_at, u.last_seen
         FROM families f JOIN users u ON u.id = f.member WHERE f.id = $1",
    )
    .bind(id.to_string())
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(SignInRow {
            id: codec::parsed(&row, "family")?,
            user: user(&row)?,
            device: codec::parsed(&row, "device")?,
            device_kind: codec::word(&row, "device_kind")?,
            nonce: codec::bytes(&row, "nonce")?,
            family: Family {
                newest: codec::count(&row, "newest")?,
                expires_at: UnixMillis(row.try_get("expires_at")?),
                revoked: codec::maybe_at(&row, "revoked_at")?.is_some(),
            },
        })
    })
    .transpose()
}

/// Wished for: what an access token of a sign-in is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SignInOf(pub FamilyId);

/// Whose a sign-in is, and whether it still stands.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// Whose.
    pub account: Account,
    /// On which installation.
    pub device: DeviceId,
    /// What that runs.
    pub device_kind: DeviceKind,
    /// Since when the account can't sign in; absent if it can.
    pub disabled_at: Option<UnixMillis>,
    /// When it was ended; absent if it was not.
    pub revoked_at: Option<UnixMillis>,
}

impl Wish for SignInOf {
    type Found = Option<SignIn>;

    fn queue(together: &Together) -> &Queue<Self> {
        &together.sign_ins
    }

    async fn find(conn: &mut Conn, wishes: &BTreeSet<Self>) -> sqlx::Result<BTreeMap<Self, Self::Found>> {
        type Found = (FamilyId, DeviceId, DeviceKind, Option<UnixMillis>, Account, Option<UnixMillis>);
        let found: Vec<Found> = list(
            conn,
            "SELECT json_group_array(json_array(f.id, f.device, f.device_kind, f.revoked_at,
                        json_object('id', u.id, 'name', u.name, 'display_name', u.display_name), u.disabled_at)) AS list
             FROM families f JOIN users u ON u.id = f.member WHERE f.id IN (SELECT value FROM json_each($1))",
            wishes,
        )
        .await?;
        let sign_in = |(id, device, device_kind, revoked_at, account, disabled_at): Found| {
            (Self(id), Some(SignIn { account, device, device_kind, disabled_at, revoked_at }))
        };
        Ok(found.into_iter().map(sign_in).collect())
    }
}

/// Notes that `newest` was handed out.
pub async fn advance(
    conn: &mut Conn,
    id: FamilyId,
    newest: Generation,
    expires_at: UnixMillis,
    now: UnixMillis,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE families SET newest = $2, expires_at = $3, used_at = $4 WHERE id = $1")
        .bind(id.to_string())
        .bind(i64::from(newest))
        .bind(expires_at.0)
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends a sign-in.
pub async fn revoke(conn: &mut Conn, id: FamilyId, now: UnixMillis) -> sqlx::Result<()> {
    sqlx::query("UPDATE families SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
        .bind(id.to_string())
        .bind(now.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends every sign-in of a member; says how many were open.
pub async fn revoke_all(conn: &mut Conn, user: UserId, now: UnixMillis) -> sqlx::Result<u64> {
    let done =
        sqlx::query("UPDATE families SET revoked_at = $2 WHERE member = $1 AND revoked_at IS NULL AND expires_at > $2")
            .bind(user.to_string())
            .bind(now.0)
            .execute(conn)
            .await?;
    Ok(done.rows_affected())
}

/// Forgets sign-ins that have run out. (A revoked one stays until then, so that its tokens are refused by name.)
pub async fn prune_sign_ins(conn: &mut Conn, now: UnixMillis) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM families WHERE expires_at <= $1").bind(now.0).execute(conn).await?;
    Ok(())
}

/// What lets nobody in any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    /// Sign-ins that were ended.
    pub families: BTreeSet<FamilyId>,
    /// Members who were disabled.
    pub users: BTreeSet<UserId>,
    /// API tokens that were revoked.
    pub tokens: BTreeSet<TokenId>,
}

/// What was revoked after that time. It costs as much as was revoked since, however many are signed in.
pub async fn revoked_after(conn: &mut Conn, after: UnixMillis) -> sqlx::Result<Revoked> {
    let query = "SELECT (SELECT json_group_array(id) FROM families WHERE revoked_at > $1) AS families,
                        (SELECT json_group_array(id) FROM users WHERE disabled_at > $1) AS users,
                        (SELECT json_group_array(id) FROM api_tokens WHERE revoked_at > $1) AS tokens";
    let row = sqlx::query(query).bind(after.0).fetch_one(conn).await?;
    Ok(Revoked {
        families: codec::json(&row, "families")?,
        users: codec::json(&row, "users")?,
        tokens: codec::json(&row, "tokens")?,
    })
}

fn user(row: &SqliteRow) -> sqlx::Result<User> {
    let name: Text<{ limits::NAME_BYTES }> = codec::text(row, "name")?;
    Ok(User {
        account: Account { id: codec::parsed(row, "member")?, name, display_name: codec::text(row, "display_name")? },
        created_at: UnixMillis(row.try_get("joined_at")?),
        disabled_at: codec::maybe_at(row, "disabled_at")?,
        last_seen: codec::maybe_at(row, "last_seen")?,
    })
}
