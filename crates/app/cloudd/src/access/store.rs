//! Accounts, sessions, invitations and tokens in the catalogue, each change with its entry in the audit log.

use super::book::{self, Account, Book, Session, Token};
use super::{Hash, now_ms};
use crate::audit;
use crate::caller::{Caller, Right};
use crate::catalogue::Step;
use crate::failure::Failure;
use axum::http::StatusCode;
use jxz_link::utc_now;
use rusqlite::{OptionalExtension, Transaction};
use serde_json::json;

/// The tables. `may` is a right's name; a `hash` is SHA-256 in hexadecimal, but a password's a PHC string.
pub(crate) const STEPS: &[Step] = &[Step {
    name: "access-1",
    sql: "CREATE TABLE account (
            name TEXT PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            may TEXT NOT NULL,
            locked INTEGER NOT NULL DEFAULT 0,
            password TEXT,
            subject TEXT UNIQUE,
            made_ms INTEGER NOT NULL
          ) STRICT;
          CREATE TABLE session (
            hash TEXT PRIMARY KEY,
            account TEXT NOT NULL REFERENCES account (name),
            made_ms INTEGER NOT NULL,
            used_ms INTEGER NOT NULL
          ) STRICT;
          CREATE TABLE invitation (
            account TEXT PRIMARY KEY REFERENCES account (name),
            hash TEXT NOT NULL UNIQUE,
            expires_ms INTEGER NOT NULL
          ) STRICT;
          CREATE TABLE token (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            hash TEXT NOT NULL UNIQUE,
            account TEXT NOT NULL REFERENCES account (name),
            label TEXT NOT NULL,
            may TEXT NOT NULL,
            made_ms INTEGER NOT NULL,
            expires_ms INTEGER NOT NULL
          ) STRICT;",
}];

/// Accounts at most.
const MOST_ACCOUNTS: i64 = 1000;
/// Sessions of an account at once; the one used least lately ends when there is another.
const MOST_SESSIONS: u32 = 16;
/// Tokens of an account, the expired included.
const MOST_TOKENS: i64 = 32;
/// Who writes in the audit log what nobody asked for.
const CLOUD: &str = "jxz-cloud";

/// Who an identity provider says somebody is.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// Issuer and the subject there: unique, and the same for ever.
    pub(crate) id: String,
    /// What the account is to be called.
    pub(crate) name: String,
    pub(crate) right: Right,
}

fn refused(status: StatusCode, code: &'static str, message: impl Into<String>) -> anyhow::Error {
    Failure::new(status, code, message).into()
}

fn right_of(name: &str) -> rusqlite::Result<Right> {
    let rights = [Right::Viewer, Right::Operator, Right::Admin];
    let right = rights.into_iter().find(|right| right.name() == name);
    right.ok_or_else(|| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, name.into()))
}

/// Reads everything.
pub(super) fn load(t: &Transaction<'_>) -> anyhow::Result<Book> {
    let mut book = Book::default();
    let mut query = t.prepare(
        "SELECT a.name, a.may, a.locked, a.password IS NOT NULL, a.subject IS NOT NULL, a.made_ms, i.expires_ms
         FROM account a LEFT JOIN invitation i ON i.account = a.name",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let account = Account {
            name: row.get(0)?,
            right: right_of(&row.get::<_, String>(1)?)?,
            locked: row.get(2)?,
            has_password: row.get(3)?,
            by_provider: row.get(4)?,
            made_ms: row.get(5)?,
            invited_until_ms: row.get(6)?,
        };
        book.accounts.insert(book::key(&account.name), account);
    }
    let mut query = t.prepare("SELECT hash, account, made_ms, used_ms FROM session")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let session = Session { account: row.get(1)?, made_ms: row.get(2)?, used_ms: row.get(3)? };
        book.sessions.insert(Hash(row.get(0)?), session);
    }
    let mut query = t.prepare("SELECT hash, id, account, label, may, made_ms, expires_ms FROM token")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let token = Token {
            id: row.get(1)?,
            account: row.get(2)?,
            label: row.get(3)?,
            right: right_of(&row.get::<_, String>(4)?)?,
            made_ms: row.get(5)?,
            expires_ms: row.get(6)?,
        };
        book.tokens.insert(Hash(row.get(0)?), token);
    }
    Ok(book)
}

/// The name as it was made and the password's hash of an account that is not locked.
pub(super) fn password_of(t: &Transaction<'_>, name: &str) -> anyhow::Result<Option<(String, String)>> {
    let sql = "SELECT name, password FROM account WHERE key = ?1 AND locked = 0 AND password IS NOT NULL";
    Ok(t.query_row(sql, [book::key(name)], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// Makes an account.
pub(super) fn make_account(
    t: &Transaction<'_>,
    by: &Caller,
    name: &str,
    right: Right,
    password: Option<&str>,
    subject: Option<&str>,
) -> anyhow::Result<()> {
    let count: i64 = t.query_row("SELECT count(*) FROM account", [], |row| row.get(0))?;
    if count >= MOST_ACCOUNTS {
        return Err(refused(StatusCode::CONFLICT, "too_many", format!("there are {MOST_ACCOUNTS} accounts already")));
    }
    let taken: bool =
        t.query_row("SELECT EXISTS (SELECT 1 FROM account WHERE key = ?1)", [book::key(name)], |row| row.get(0))?;
    if taken {
        return Err(refused(StatusCode::CONFLICT, "name_taken", format!("there is an account `{name}` already")));
    }
    t.execute(
        "INSERT INTO account (name, key, may, password, subject, made_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (name, book::key(name), right.name(), password, subject, now_ms()),
    )?;
    audit::write(t, utc_now(), by, "account.make", &json!({ "account": name, "right": right }))
}

/// Makes the first account, if there is no admin yet.
pub(super) fn make_first(t: &Transaction<'_>, name: &str, password: &str) -> anyhow::Result<()> {
    if has_admin(t)? {
        return Err(refused(StatusCode::CONFLICT, "link_used", "there is an admin already: log in with that account"));
    }
    let by = Caller { name: name.to_owned(), right: Right::Admin };
    make_account(t, &by, name, Right::Admin, Some(password), None)
}

/// Invites an account to choose a password, anew if it has been invited before.
pub(super) fn invite(t: &Transaction<'_>, by: &Caller, name: &str, hash: &Hash, expires_ms: i64) -> anyhow::Result<()> {
    t.execute(
        "INSERT INTO invitation (account, hash, expires_ms) VALUES (?1, ?2, ?3)
         ON CONFLICT (account) DO UPDATE SET hash = ?2, expires_ms = ?3",
        (name, &hash.0, expires_ms),
    )?;
    audit::write(t, utc_now(), by, "account.invite", &json!({ "account": name, "expires_ms": expires_ms }))
}

/// Whom an invitation is for, if it holds.
pub(super) fn invited(t: &Transaction<'_>, hash: &Hash, now_ms: i64) -> anyhow::Result<Option<String>> {
    let sql = "SELECT i.account FROM invitation i JOIN account a ON a.name = i.account
               WHERE i.hash = ?1 AND i.expires_ms > ?2 AND a.locked = 0";
    Ok(t.query_row(sql, (&hash.0, now_ms), |row| row.get(0)).optional()?)
}

/// Takes an invitation up: its password is set, all sessions end, and it is gone.
pub(super) fn take_up(t: &Transaction<'_>, hash: &Hash, now_ms: i64, password: &str) -> anyhow::Result<String> {
    let name = invited(t, hash, now_ms)?.ok_or_else(link_refused)?;
    let by = Caller { name: name.clone(), right: Right::Viewer };
    set_password(t, &by, &name, password)?;
    Ok(name)
}

/// What an invitation that was used, expired or never made gets.
pub(super) fn link_refused() -> anyhow::Error {
    refused(StatusCode::FORBIDDEN, "link_refused", "this link was used, has expired or was never made: ask for another")
}

/// Sets a password; its sessions and its invitation end.
pub(super) fn set_password(t: &Transaction<'_>, by: &Caller, name: &str, password: &str) -> anyhow::Result<()> {
    t.execute("UPDATE account SET password = ?2 WHERE name = ?1", (name, password))?;
    t.execute("DELETE FROM session WHERE account = ?1", [name])?;
    t.execute("DELETE FROM invitation WHERE account = ?1", [name])?;
    audit::write(t, utc_now(), by, "account.password", &json!({ "account": name }))
}

/// Changes an account's right; its sessions end.
pub(super) fn set_right(t: &Transaction<'_>, by: &Caller, name: &str, right: Right) -> anyhow::Result<()> {
    let before: String = t.query_row("SELECT may FROM account WHERE name = ?1", [name], |row| row.get(0))?;
    if before == right.name() {
        return Ok(());
    }
    t.execute("UPDATE account SET may = ?2 WHERE name = ?1", (name, right.name()))?;
    t.execute("DELETE FROM session WHERE account = ?1", [name])?;
    let detail = json!({ "account": name, "before": before, "right": right });
    audit::write(t, utc_now(), by, "account.right", &detail)?;
    an_admin_is_left(t)
}

/// Locks an account, whose sessions end, or unlocks it.
pub(super) fn set_locked(t: &Transaction<'_>, by: &Caller, name: &str, locked: bool) -> anyhow::Result<()> {
    let changed = t.execute("UPDATE account SET locked = ?2 WHERE name = ?1 AND locked <> ?2", (name, locked))?;
    if changed == 0 {
        return Ok(());
    }
    if locked {
        t.execute("DELETE FROM session WHERE account = ?1", [name])?;
    }
    let action = if locked { "account.lock" } else { "account.unlock" };
    audit::write(t, utc_now(), by, action, &json!({ "account": name }))?;
    an_admin_is_left(t)
}

fn has_admin(t: &Transaction<'_>) -> anyhow::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM account WHERE may = 'admin' AND locked = 0
               AND (password IS NOT NULL OR subject IS NOT NULL))";
    Ok(t.query_row(sql, [], |row| row.get(0))?)
}

fn an_admin_is_left(t: &Transaction<'_>) -> anyhow::Result<()> {
    if has_admin(t)? {
        return Ok(());
    }
    let words = "nobody would be left who may keep accounts: make another admin first";
    Err(refused(StatusCode::CONFLICT, "last_admin", words))
}

/// Begins a session of an account that is not locked.
pub(super) fn begin_session(t: &Transaction<'_>, name: &str, hash: &Hash, how: &str) -> anyhow::Result<()> {
    let sql = "SELECT may FROM account WHERE name = ?1 AND locked = 0";
    let may: Option<String> = t.query_row(sql, [name], |row| row.get(0)).optional()?;
    let may = may.ok_or_else(|| refused(StatusCode::FORBIDDEN, "account_locked", "this account is locked"))?;
    t.execute(
        "INSERT INTO session (hash, account, made_ms, used_ms) VALUES (?1, ?2, ?3, ?3)",
        (&hash.0, name, now_ms()),
    )?;
    t.execute(
        "DELETE FROM session WHERE account = ?1 AND hash NOT IN
           (SELECT hash FROM session WHERE account = ?1 ORDER BY used_ms DESC, rowid DESC LIMIT ?2)",
        (name, MOST_SESSIONS),
    )?;
    let by = Caller { name: name.to_owned(), right: right_of(&may)? };
    audit::write(t, utc_now(), &by, "session.begin", &json!({ "by": how }))
}

/// Ends a session.
pub(super) fn end_session(t: &Transaction<'_>, by: &Caller, hash: &Hash) -> anyhow::Result<()> {
    if t.execute("DELETE FROM session WHERE hash = ?1", [&hash.0])? > 0 {
        audit::write(t, utc_now(), by, "session.end", &json!({}))?;
    }
    Ok(())
}

/// Notes the use of a session, and forgets those that have long ended.
pub(super) fn note_use(t: &Transaction<'_>, hash: &Hash, now_ms: i64) -> anyhow::Result<()> {
    t.execute("UPDATE session SET used_ms = max(used_ms, ?2) WHERE hash = ?1", (&hash.0, now_ms))?;
    t.execute("DELETE FROM session WHERE used_ms < ?1", [now_ms - 30 * 86_400_000])?;
    Ok(())
}

/// Makes a token and returns its number.
pub(super) fn make_token(t: &Transaction<'_>, by: &Caller, token: &Token, hash: &Hash) -> anyhow::Result<i64> {
    t.execute("DELETE FROM token WHERE expires_ms < ?1", [now_ms() - 30 * 86_400_000])?;
    let count: i64 =
        t.query_row("SELECT count(*) FROM token WHERE account = ?1", [&token.account], |row| row.get(0))?;
    if count >= MOST_TOKENS {
        let words = format!("`{}` has {MOST_TOKENS} tokens already: revoke one first", token.account);
        return Err(refused(StatusCode::CONFLICT, "too_many", words));
    }
    t.execute(
        "INSERT INTO token (hash, account, label, may, made_ms, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (&hash.0, &token.account, &token.label, token.right.name(), token.made_ms, token.expires_ms),
    )?;
    let id = t.last_insert_rowid();
    let detail = json!({
        "token": id, "account": token.account, "label": token.label, "right": token.right,
        "expires_ms": token.expires_ms,
    });
    audit::write(t, utc_now(), by, "token.make", &detail)?;
    Ok(id)
}

/// Revokes a token.
pub(super) fn revoke_token(t: &Transaction<'_>, by: &Caller, id: i64) -> anyhow::Result<()> {
    if t.execute("DELETE FROM token WHERE id = ?1", [id])? == 0 {
        return Err(refused(StatusCode::NOT_FOUND, "not_found", format!("there is no token {id}")));
    }
    audit::write(t, utc_now(), by, "token.revoke", &json!({ "token": id }))
}

/// The account of somebody whom an identity provider vouches for, made if need be, with the right it says now.
///
/// An account of the same name that was made here is never taken over: who keeps the provider does not keep us.
pub(super) fn by_subject(t: &Transaction<'_>, subject: &Subject) -> anyhow::Result<String> {
    let sql = "SELECT name, locked FROM account WHERE subject = ?1";
    let found: Option<(String, bool)> =
        t.query_row(sql, [&subject.id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let by = Caller { name: CLOUD.to_owned(), right: Right::Admin };
    match found {
        Some((_, true)) => Err(refused(StatusCode::FORBIDDEN, "account_locked", "this account is locked")),
        Some((name, false)) => {
            set_right(t, &by, &name, subject.right)?;
            Ok(name)
        }
        None => {
            make_account(t, &by, &subject.name, subject.right, None, Some(&subject.id))?;
            Ok(subject.name.clone())
        }
    }
}
