//! The audit log: every change that a person or a program made, each entry chained to the one before by its hash.
//!
//! An entry changed, taken out or put in afterwards breaks the chain from there on. Entries cut off at the end leave
//! no break: so the newest hash also goes to the daemon's log at each entry, and belongs where others keep it.

use crate::caller::Caller;
use crate::catalogue::Step;
use jxz_units::Utc;
use rusqlite::{OptionalExtension, Transaction};
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The log's tables.
pub(crate) const STEPS: &[Step] = &[Step {
    name: "audit-1",
    sql: "CREATE TABLE audit (
            number INTEGER PRIMARY KEY,
            at_ms INTEGER NOT NULL,
            who TEXT NOT NULL,
            action TEXT NOT NULL,
            detail TEXT NOT NULL,
            hash TEXT NOT NULL
          ) STRICT",
}];

/// What the first entry is chained to.
const BEGINNING: &str = "jiangxin audit log";

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Entry {
    /// From 1, without gaps.
    pub(crate) number: i64,
    /// UTC, milliseconds since the Unix epoch.
    pub(crate) at_ms: i64,
    /// Who made it.
    pub(crate) who: String,
    /// `area.verb`, as `node.revoke`.
    pub(crate) action: String,
    /// Its particulars, JSON.
    pub(crate) detail: String,
    /// SHA-256 over the hash before it and the fields above, hexadecimal.
    pub(crate) hash: String,
}

/// Writes an entry in the transaction of the change itself: either both remain or none.
///
/// # Errors
/// The catalogue cannot be written.
pub(crate) fn write(
    transaction: &Transaction<'_>,
    at: Utc,
    by: &Caller,
    action: &str,
    detail: &serde_json::Value,
) -> anyhow::Result<()> {
    let last: Option<(i64, String)> = transaction
        .query_row("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let (number, before) = last.map_or((1, BEGINNING.to_owned()), |(number, hash)| (number + 1, hash));
    let (at_ms, detail) = (at.unix_ms(), detail.to_string());
    let hash = chained(&before, number, at_ms, &by.name, action, &detail);
    transaction.execute(
        "INSERT INTO audit (number, at_ms, who, action, detail, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (number, at_ms, &by.name, action, &detail, &hash),
    )?;
    tracing::info!(number, who = by.name, action, detail, hash, "audit");
    Ok(())
}

/// Entries with numbers below `before`, the newest first.
///
/// # Errors
/// The catalogue cannot be read.
pub(crate) fn newest(transaction: &Transaction<'_>, before: i64, limit: u32) -> anyhow::Result<Vec<Entry>> {
    let mut query = transaction.prepare(
        "SELECT number, at_ms, who, action, detail, hash FROM audit WHERE number < ?1 ORDER BY number DESC LIMIT ?2",
    )?;
    let entries = query.query_map((before, limit), of_row)?.collect::<Result<_, _>>()?;
    Ok(entries)
}

/// The number of the first entry that does not follow from those before it; `None` if the chain holds.
///
/// # Errors
/// The catalogue cannot be read.
pub(crate) fn first_break(transaction: &Transaction<'_>) -> anyhow::Result<Option<i64>> {
    let mut query =
        transaction.prepare("SELECT number, at_ms, who, action, detail, hash FROM audit ORDER BY number")?;
    let (mut before, mut expected) = (BEGINNING.to_owned(), 1);
    for entry in query.query_map([], of_row)? {
        let Entry { number, at_ms, who, action, detail, hash } = entry?;
        if number != expected || hash != chained(&before, number, at_ms, &who, &action, &detail) {
            return Ok(Some(expected));
        }
        (before, expected) = (hash, number + 1);
    }
    Ok(None)
}

fn of_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        number: row.get(0)?,
        at_ms: row.get(1)?,
        who: row.get(2)?,
        action: row.get(3)?,
        detail: row.get(4)?,
        hash: row.get(5)?,
    })
}

fn chained(before: &str, number: i64, at_ms: i64, who: &str, action: &str, detail: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(number.to_be_bytes());
    hasher.update(at_ms.to_be_bytes());
    for part in [before, who, action, detail] {
        // With its length, so that no text can move from one field into the next.
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::Right;
    use crate::catalogue::Catalogue;
    use serde_json::json;

    async fn five() -> (tempfile::TempDir, Catalogue) {
        let dir = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(dir.path()).unwrap();
        for n in 0..5_i64 {
            let by = Caller { name: "duty".into(), right: Right::Admin };
            let at = Utc::from_unix_ms(1000 + n);
            catalogue.run(move |t| write(t, at, &by, "node.revoke", &json!({ "site": n }))).await.unwrap();
        }
        (dir, catalogue)
    }

    #[tokio::test]
    async fn entries_come_newest_first_and_their_chain_holds() {
        let (_dir, catalogue) = five().await;
        let entries = catalogue.run(|t| newest(t, 5, 2)).await.unwrap();
        assert_eq!(entries.iter().map(|e| e.number).collect::<Vec<_>>(), [4, 3]);
        assert_eq!((entries[0].at_ms, entries[0].detail.as_str()), (1003, r#"{"site":3}"#));
        assert_eq!(catalogue.run(first_break).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_was_changed_taken_out_or_renumbered_shows() {
        for (tampering, shown) in [
            ("UPDATE audit SET who = 'another' WHERE number = 3", 3),
            ("UPDATE audit SET at_ms = at_ms + 1 WHERE number = 1", 1),
            ("DELETE FROM audit WHERE number = 2", 2),
            ("DELETE FROM audit WHERE number = 2; UPDATE audit SET number = number - 1 WHERE number > 2", 2),
        ] {
            let (_dir, catalogue) = five().await;
            catalogue.run(|t| Ok(t.execute_batch(tampering)?)).await.unwrap();
            assert_eq!(catalogue.run(first_break).await.unwrap(), Some(shown), "{tampering}");
        }
    }
}
