//! What the catalogue holds of nodes: tokens, certificates, configurations, roll-outs. Each function works in the
//! transaction that it is given.

use super::reply::Refusal;
use crate::caller::Caller;
use crate::catalogue::Step;
use anyhow::Context;
use jxz_fleet::{Document, Rollout, digest};
use jxz_link::CertificateId;
use jxz_units::Utc;
use jxz_world::SiteId;
use rusqlite::{OptionalExtension, Transaction};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const STEPS: &[Step] = &[Step {
    name: "fleet-1",
    sql: "CREATE TABLE join_token (
            hash TEXT PRIMARY KEY,
            site TEXT NOT NULL,
            made_at_ms INTEGER NOT NULL,
            made_by TEXT NOT NULL,
            expires_at_ms INTEGER NOT NULL,
            used_at_ms INTEGER
          ) STRICT;
          CREATE TABLE managed_site (site TEXT PRIMARY KEY) STRICT;
          CREATE TABLE certificate (
            serial TEXT PRIMARY KEY,
            site TEXT NOT NULL,
            not_before_ms INTEGER NOT NULL,
            not_after_ms INTEGER NOT NULL,
            issued_at_ms INTEGER NOT NULL,
            issued_for TEXT NOT NULL,
            revoked_at_ms INTEGER
          ) STRICT;
          CREATE INDEX certificate_site ON certificate (site);
          CREATE TABLE desired (
            site TEXT NOT NULL,
            revision INTEGER NOT NULL,
            document TEXT NOT NULL,
            at_ms INTEGER NOT NULL,
            who TEXT NOT NULL,
            why TEXT NOT NULL,
            PRIMARY KEY (site, revision)
          ) STRICT;
          CREATE TABLE answer (
            site TEXT PRIMARY KEY,
            revision INTEGER NOT NULL,
            reason TEXT,
            at_ms INTEGER NOT NULL
          ) STRICT;
          CREATE TABLE desired_software (site TEXT PRIMARY KEY, version TEXT NOT NULL) STRICT;
          CREATE TABLE rollout (
            number INTEGER PRIMARY KEY,
            at_ms INTEGER NOT NULL,
            who TEXT NOT NULL,
            change TEXT NOT NULL,
            state TEXT NOT NULL,
            over INTEGER NOT NULL
          ) STRICT;
          CREATE TABLE rollout_site (
            rollout INTEGER NOT NULL REFERENCES rollout (number),
            site TEXT NOT NULL,
            before TEXT,
            PRIMARY KEY (rollout, site)
          ) STRICT;",
}];

/// A site's certificates that hold at once: the one in use, the next, and room for a renewal whose answer was lost.
const MAX_LIVE: i64 = 4;
/// Configurations of a site that are kept to look back on.
const KEPT_REVISIONS: i64 = 100;
/// Certificates are forgotten so long after their end.
const FORGET_AFTER_MS: i64 = 365 * 86_400_000;
/// Tokens of one site that may wait to be used; the oldest goes.
const MAX_TOKENS: i64 = 8;

// ---- Tokens and certificates ----

pub(crate) fn hash_of(secret: &[u8]) -> String {
    Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn add_token(
    t: &Transaction<'_>,
    site: &SiteId,
    hash: &str,
    (now, expires): (Utc, Utc),
    by: &Caller,
) -> anyhow::Result<()> {
    t.execute(
        "INSERT INTO join_token (hash, site, made_at_ms, made_by, expires_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        (hash, &site.0, now.unix_ms(), &by.name, expires.unix_ms()),
    )?;
    t.execute("DELETE FROM join_token WHERE expires_at_ms < ?1", [now.unix_ms() - FORGET_AFTER_MS])?;
    t.execute(
        "DELETE FROM join_token WHERE site = ?1 AND used_at_ms IS NULL AND hash NOT IN
           (SELECT hash FROM join_token WHERE site = ?1 AND used_at_ms IS NULL ORDER BY made_at_ms DESC LIMIT ?2)",
        (&site.0, MAX_TOKENS),
    )?;
    Ok(())
}

/// Uses a token up, if it may be used for this site now; otherwise says why not.
pub(crate) fn use_token(
    t: &Transaction<'_>,
    site: &SiteId,
    hash: &str,
    now: Utc,
) -> anyhow::Result<Result<(), String>> {
    type Row = (String, i64, Option<i64>);
    let found: Option<Row> = t
        .query_row("SELECT site, expires_at_ms, used_at_ms FROM join_token WHERE hash = ?1", [hash], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let refused = match found {
        None => "no such token",
        Some((_, _, Some(_))) => "the token has been used: ask for another",
        Some((of, _, None)) if of != site.0 => "the token is for another site",
        Some((_, expires, None)) if expires <= now.unix_ms() => "the token has expired: ask for another",
        Some(_) => {
            t.execute("UPDATE join_token SET used_at_ms = ?2 WHERE hash = ?1", (hash, now.unix_ms()))?;
            return Ok(Ok(()));
        }
    };
    Ok(Err(refused.to_owned()))
}

/// Adds a site's certificate. From now on the site is let in with those of the catalogue only.
pub(crate) fn add_certificate(
    t: &Transaction<'_>,
    site: &SiteId,
    id: &CertificateId,
    now: Utc,
    issued_for: &str,
) -> anyhow::Result<()> {
    t.execute("INSERT OR IGNORE INTO managed_site (site) VALUES (?1)", [&site.0])?;
    t.execute(
        "INSERT OR IGNORE INTO certificate (serial, site, not_before_ms, not_after_ms, issued_at_ms, issued_for)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (&id.serial, &site.0, id.not_before.unix_ms(), id.not_after.unix_ms(), now.unix_ms(), issued_for),
    )?;
    t.execute(
        "UPDATE certificate SET revoked_at_ms = ?2 WHERE site = ?1 AND revoked_at_ms IS NULL AND serial NOT IN
           (SELECT serial FROM certificate WHERE site = ?1 AND revoked_at_ms IS NULL ORDER BY issued_at_ms DESC, rowid DESC LIMIT ?3)",
        (&site.0, now.unix_ms(), MAX_LIVE),
    )?;
    t.execute("DELETE FROM certificate WHERE not_after_ms < ?1", [now.unix_ms() - FORGET_AFTER_MS])?;
    Ok(())
}

/// Revokes every certificate of a site; from now on it is let in with those of the catalogue only. Returns how many held.
pub(crate) fn revoke(t: &Transaction<'_>, site: &SiteId, now: Utc) -> anyhow::Result<usize> {
    t.execute("INSERT OR IGNORE INTO managed_site (site) VALUES (?1)", [&site.0])?;
    let revoked = t.execute(
        "UPDATE certificate SET revoked_at_ms = ?2 WHERE site = ?1 AND revoked_at_ms IS NULL",
        (&site.0, now.unix_ms()),
    )?;
    t.execute("DELETE FROM join_token WHERE site = ?1 AND used_at_ms IS NULL", [&site.0])?;
    Ok(revoked)
}

/// The serial numbers that a managed site may show; a site that is not here is not managed.
pub(crate) fn admitted(t: &Transaction<'_>) -> anyhow::Result<BTreeMap<SiteId, BTreeSet<String>>> {
    let mut admitted: BTreeMap<SiteId, BTreeSet<String>> = BTreeMap::new();
    let mut query = t.prepare(
        "SELECT m.site, c.serial FROM managed_site m
         LEFT JOIN certificate c ON c.site = m.site AND c.revoked_at_ms IS NULL",
    )?;
    for row in query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))? {
        let (site, serial): (String, Option<String>) = row?;
        admitted.entry(SiteId(site)).or_default().extend(serial);
    }
    Ok(admitted)
}

/// The same of one site.
pub(crate) fn admitted_of(t: &Transaction<'_>, site: &SiteId) -> anyhow::Result<BTreeSet<String>> {
    Ok(admitted(t)?.remove(site).unwrap_or_default())
}

/// A certificate as it is shown.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CertificateRow {
    pub(crate) serial: String,
    pub(crate) not_before_ms: i64,
    pub(crate) not_after_ms: i64,
    /// join, renewal, or made (by hand, before the site was managed).
    pub(crate) issued_for: String,
    pub(crate) revoked_at_ms: Option<i64>,
}

pub(crate) fn certificates(t: &Transaction<'_>, site: &str) -> anyhow::Result<Vec<CertificateRow>> {
    let mut query = t.prepare(
        "SELECT serial, not_before_ms, not_after_ms, issued_for, revoked_at_ms FROM certificate
         WHERE site = ?1 ORDER BY issued_at_ms DESC, rowid DESC LIMIT 8",
    )?;
    let rows = query.query_map([site], |row| {
        Ok(CertificateRow {
            serial: row.get(0)?,
            not_before_ms: row.get(1)?,
            not_after_ms: row.get(2)?,
            issued_for: row.get(3)?,
            revoked_at_ms: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

// ---- Configurations ----

/// What is desired of a site.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Head {
    pub(crate) revision: u64,
    /// Byte for byte as it is said.
    pub(crate) text: String,
    pub(crate) document: Document,
    pub(crate) at_ms: i64,
    pub(crate) who: String,
    pub(crate) why: String,
}

impl Head {
    pub(crate) fn digest(&self) -> u64 {
        digest(self.text.as_bytes())
    }
}

/// The newest configuration of each site that has one.
pub(crate) fn heads(t: &Transaction<'_>) -> anyhow::Result<BTreeMap<SiteId, Head>> {
    let mut query = t.prepare(
        "SELECT site, revision, document, at_ms, who, why FROM desired d
         WHERE revision = (SELECT MAX(revision) FROM desired WHERE site = d.site)",
    )?;
    type Row = (String, i64, String, i64, String, String);
    let rows = query.query_map([], |row| {
        Ok::<Row, _>((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
    })?;
    let mut heads = BTreeMap::new();
    for row in rows {
        let (site, revision, text, at_ms, who, why) = row?;
        let document = Document::parse(text.as_bytes())
            .with_context(|| format!("the configuration {revision} of {site} in the catalogue cannot be read"))?;
        let revision = u64::try_from(revision).context("a negative revision in the catalogue")?;
        heads.insert(SiteId(site), Head { revision, text, document, at_ms, who, why });
    }
    Ok(heads)
}

pub(crate) fn head(t: &Transaction<'_>, site: &SiteId) -> anyhow::Result<Option<Head>> {
    Ok(heads(t)?.remove(site))
}

/// Makes a document the site's configuration; returns its revision.
pub(crate) fn desire(
    t: &Transaction<'_>,
    site: &SiteId,
    document: &Document,
    now: Utc,
    (who, why): (&str, &str),
) -> anyhow::Result<u64> {
    let last: Option<i64> =
        t.query_row("SELECT MAX(revision) FROM desired WHERE site = ?1", [&site.0], |row| row.get(0))?;
    let revision = last.unwrap_or(0) + 1;
    let text = String::from_utf8(document.to_bytes()).context("a document that is no text")?;
    t.execute(
        "INSERT INTO desired (site, revision, document, at_ms, who, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (&site.0, revision, text, now.unix_ms(), who, why),
    )?;
    t.execute("DELETE FROM desired WHERE site = ?1 AND revision <= ?2", (&site.0, revision - KEPT_REVISIONS))?;
    Ok(revision.unsigned_abs())
}

/// Refuses if a roll-out is on its way at a site.
pub(crate) fn no_rollout_at(t: &Transaction<'_>, site: &SiteId) -> anyhow::Result<()> {
    let number: Option<i64> = t
        .query_row(
            "SELECT r.number FROM rollout r JOIN rollout_site s ON s.rollout = r.number WHERE r.over = 0 AND s.site = ?1",
            [&site.0],
            |row| row.get(0),
        )
        .optional()?;
    match number {
        None => Ok(()),
        Some(number) => {
            Err(Refusal::conflict(format!("roll-out {number} is on its way at {site}: wait for it, or call it off"))
                .into())
        }
    }
}

/// What a node answered last: to which revision, and why it refused, if it did.
pub(crate) type Answer = (u64, Option<String>);

pub(crate) fn note_answer(
    t: &Transaction<'_>,
    site: &SiteId,
    revision: u64,
    reason: Option<&str>,
    now: Utc,
) -> anyhow::Result<()> {
    let revision = i64::try_from(revision).context("a revision beyond the catalogue's range")?;
    t.execute(
        "INSERT INTO answer (site, revision, reason, at_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (site) DO UPDATE SET revision = ?2, reason = ?3, at_ms = ?4",
        (&site.0, revision, reason, now.unix_ms()),
    )?;
    Ok(())
}

pub(crate) fn answers(t: &Transaction<'_>) -> anyhow::Result<BTreeMap<String, Answer>> {
    let mut query = t.prepare("SELECT site, revision, reason FROM answer")?;
    let rows = query.query_map([], |row| {
        let revision: i64 = row.get(1)?;
        Ok((row.get(0)?, (revision.unsigned_abs(), row.get(2)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn set_software(t: &Transaction<'_>, site: &SiteId, version: &str) -> anyhow::Result<()> {
    t.execute(
        "INSERT INTO desired_software (site, version) VALUES (?1, ?2) ON CONFLICT (site) DO UPDATE SET version = ?2",
        (&site.0, version),
    )?;
    Ok(())
}

pub(crate) fn software(t: &Transaction<'_>) -> anyhow::Result<BTreeMap<String, String>> {
    let mut query = t.prepare("SELECT site, version FROM desired_software")?;
    Ok(query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

// ---- Roll-outs ----

/// A roll-out as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct RolloutRow {
    pub(crate) number: i64,
    pub(crate) at_ms: i64,
    pub(crate) who: String,
    pub(crate) change: Value,
    pub(crate) state: Rollout,
}

pub(crate) fn add_rollout(
    t: &Transaction<'_>,
    state: &Rollout,
    change: &Value,
    now: Utc,
    by: &Caller,
) -> anyhow::Result<i64> {
    t.execute(
        "INSERT INTO rollout (at_ms, who, change, state, over) VALUES (?1, ?2, ?3, '', 0)",
        (now.unix_ms(), &by.name, change.to_string()),
    )?;
    let number = t.last_insert_rowid();
    for site in &state.plan().sites {
        t.execute("INSERT INTO rollout_site (rollout, site) VALUES (?1, ?2)", (number, &site.0))?;
    }
    keep_rollout(t, number, state)?;
    Ok(number)
}

pub(crate) fn keep_rollout(t: &Transaction<'_>, number: i64, state: &Rollout) -> anyhow::Result<()> {
    let text = serde_json::to_string(state).context("cannot put the roll-out into JSON")?;
    t.execute("UPDATE rollout SET state = ?2, over = ?3 WHERE number = ?1", (number, text, state.is_over()))?;
    Ok(())
}

/// The newest first; those not over yet are always among them.
pub(crate) fn rollouts(t: &Transaction<'_>, limit: u32) -> anyhow::Result<Vec<RolloutRow>> {
    let mut query =
        t.prepare("SELECT number, at_ms, who, change, state FROM rollout ORDER BY over, number DESC LIMIT ?1")?;
    type Row = (i64, i64, String, String, String);
    let rows = query
        .query_map([limit], |row| Ok::<Row, _>((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))?;
    let mut rollouts = Vec::new();
    for row in rows {
        let (number, at_ms, who, change, state) = row?;
        let unreadable = || format!("roll-out {number} in the catalogue cannot be read");
        let change = serde_json::from_str(&change).with_context(unreadable)?;
        let state = serde_json::from_str(&state).with_context(unreadable)?;
        rollouts.push(RolloutRow { number, at_ms, who, change, state });
    }
    rollouts.sort_by_key(|row| std::cmp::Reverse(row.number));
    Ok(rollouts)
}

/// The one that is on its way.
pub(crate) fn active_rollout(t: &Transaction<'_>) -> anyhow::Result<Option<RolloutRow>> {
    Ok(rollouts(t, 1)?.into_iter().find(|row| !row.state.is_over()))
}

pub(crate) fn keep_before(t: &Transaction<'_>, number: i64, site: &SiteId, before: &Document) -> anyhow::Result<()> {
    let text = String::from_utf8(before.to_bytes()).context("a document that is no text")?;
    t.execute("UPDATE rollout_site SET before = ?3 WHERE rollout = ?1 AND site = ?2", (number, &site.0, text))?;
    Ok(())
}

/// What a roll-out would give back to each site that it has reached.
pub(crate) fn befores(t: &Transaction<'_>, number: i64) -> anyhow::Result<Vec<(SiteId, Document)>> {
    let mut query =
        t.prepare("SELECT site, before FROM rollout_site WHERE rollout = ?1 AND before IS NOT NULL ORDER BY site")?;
    let rows: Vec<(String, String)> =
        query.query_map([number], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    rows.into_iter().map(|(site, text)| Ok((SiteId(site), Document::parse(text.as_bytes())?))).collect()
}

pub(crate) fn before(t: &Transaction<'_>, number: i64, site: &SiteId) -> anyhow::Result<Document> {
    let text: Option<String> =
        t.query_row("SELECT before FROM rollout_site WHERE rollout = ?1 AND site = ?2", (number, &site.0), |row| {
            row.get(0)
        })?;
    match text {
        Some(text) => Ok(Document::parse(text.as_bytes())?),
        None => Ok(Document::default()),
    }
}
