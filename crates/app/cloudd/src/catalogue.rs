//! What the cloud keeps beside the stream of records: accounts, nodes' desired states, incidents, the audit log.
//!
//! One SQLite file in `data_dir`, owned by one thread: callers hand it a closure and await what it returns. Each
//! closure is a transaction: its changes are durable when the call returns, or none of them is made.

use anyhow::Context;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use tokio::sync::{mpsc, oneshot};

/// Transactions that may wait; a caller beyond them waits for room.
const QUEUE: usize = 256;

/// A part's tables. Once released, a step's text never changes: a change is another step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Unique; `area-number`.
    pub(crate) name: &'static str,
    /// Statements, run once, in one transaction.
    pub(crate) sql: &'static str,
}

/// Every part's steps, each part's in its own order.
const STEPS: &[&[Step]] = &[
    crate::audit::STEPS,
    crate::access::STEPS,
    crate::fleet::STEPS,
    crate::fleet::conditions::STEPS,
    crate::city::STEPS,
    crate::incidents::STEPS,
];

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle to the catalogue; clones share it. The file is closed when the last one is gone.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    jobs: mpsc::Sender<Job>,
}

impl Catalogue {
    /// Opens the catalogue in a folder, which it makes if need be, and brings its tables up to date.
    ///
    /// # Errors
    /// The folder or the file cannot be used, or the file was written by a newer version.
    pub(crate) fn open(dir: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let path = dir.join("catalogue.sqlite3");
        let connection = connect(&path).with_context(|| format!("cannot use the catalogue {}", path.display()))?;
        let (jobs, mut waiting) = mpsc::channel::<Job>(QUEUE);
        std::thread::Builder::new()
            .name("catalogue".to_owned())
            .spawn(move || {
                let mut connection = connection;
                while let Some(job) = waiting.blocking_recv() {
                    job(&mut connection);
                }
            })
            .context("cannot start the catalogue's thread")?;
        Ok(Self { jobs })
    }

    /// Runs `work` in a transaction of its own, after those that were handed in before.
    ///
    /// # Errors
    /// What `work` returns, in which case nothing it did remains; or the change could not be made durable.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let (done, result) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Nobody waits any more: what was done stays done all the same.
            let _ = done.send(transact(connection, work));
        });
        self.jobs.send(job).await.map_err(|_| anyhow::anyhow!("the catalogue is closed"))?;
        result.await.context("the catalogue's thread broke down")?
    }
}

fn transact<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).context("cannot begin a transaction")?;
    let result = work(&transaction)?;
    transaction.commit().context("cannot make the change durable")?;
    Ok(result)
}

fn connect(path: &Path) -> anyhow::Result<Connection> {
    // It has hashes of passwords: for its owner alone. SQLite gives its journals the rights of the file.
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // In WAL mode only FULL syncs at each commit.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrate(&mut connection, STEPS)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, parts: &[&[Step]]) -> anyhow::Result<()> {
    connection.execute_batch("CREATE TABLE IF NOT EXISTS step (name TEXT PRIMARY KEY) STRICT")?;
    let steps: Vec<&Step> = parts.iter().copied().flatten().collect();
    let done: Vec<String> =
        connection.prepare("SELECT name FROM step")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    if let Some(unknown) = done.iter().find(|name| steps.iter().all(|step| step.name != **name)) {
        anyhow::bail!(
            "it was written by a newer version, which made `{unknown}`; run that version, or restore a backup"
        );
    }
    for step in steps.iter().filter(|step| !done.iter().any(|name| name == step.name)) {
        transact(connection, |transaction| {
            transaction.execute_batch(step.sql)?;
            transaction.execute("INSERT INTO step (name) VALUES (?1)", [step.name])?;
            Ok(())
        })
        .with_context(|| format!("cannot make its tables ({})", step.name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_call_did_is_there_after_a_restart_and_what_failed_left_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(dir.path()).unwrap();
        catalogue.run(|t| Ok(t.execute_batch("CREATE TABLE note (text TEXT)")?)).await.unwrap();
        catalogue.run(|t| Ok(t.execute("INSERT INTO note VALUES ('kept')", [])?)).await.unwrap();
        let failed = catalogue
            .run(|t| {
                t.execute("INSERT INTO note VALUES ('half done')", [])?;
                anyhow::bail!("changed our mind") as anyhow::Result<()>
            })
            .await;
        assert_eq!(failed.unwrap_err().to_string(), "changed our mind");
        drop(catalogue);

        let again = Catalogue::open(dir.path()).unwrap();
        let notes: Vec<String> = again
            .run(|t| Ok(t.prepare("SELECT text FROM note")?.query_map([], |r| r.get(0))?.collect::<Result<_, _>>()?))
            .await
            .unwrap();
        assert_eq!(notes, ["kept"]);
    }

    #[test]
    fn a_file_of_a_newer_version_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        let new = Step { name: "later-1", sql: "CREATE TABLE later (id INTEGER)" };
        migrate(&mut connection, &[&[new]]).unwrap();
        migrate(&mut connection, &[&[new]]).unwrap();
        let error = migrate(&mut connection, &[]).unwrap_err().to_string();
        assert!(error.contains("newer version") && error.contains("later-1"), "{error}");
    }
}
