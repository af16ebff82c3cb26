//! Who may use the cloud: accounts, their passwords, sessions of people and tokens of programs.
//!
//! The catalogue keeps them; a [`Book`] of them is in memory, replaced as a whole after each change, so that a request
//! costs a look-up and an open WebSocket hears when its session ends. Secrets are kept as their SHA-256 alone.

mod book;
mod first;
mod handlers;
mod layer;
mod password;
mod people;
mod secret;
mod store;
mod throttle;

pub(crate) use book::{Book, Ticket};
pub(crate) use handlers::{routes, set_cookie};
pub(crate) use layer::{cookie, identify, limit_time};
pub(crate) use secret::{Hash, Secret, random_bytes};
pub(crate) use store::{STEPS, Subject};

use crate::caller::Caller;
use crate::catalogue::Catalogue;
use crate::config::Sessions;
use crate::failure::Failure;
use crate::stats::Stats;
use anyhow::Context;
use first::FirstLink;
use jxz_link::utc_now;
use password::Hasher;
use rusqlite::Transaction;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use throttle::Throttle;
use tokio::sync::watch;

/// A session's last use is written down when it is this much later than what is written, milliseconds.
const USE_STEP_MS: i64 = 60_000;

/// Milliseconds since the Unix epoch.
fn now_ms() -> i64 {
    utc_now().unix_ms()
}

/// Everything about who may do what; clones of the `Arc` share it.
#[derive(Debug)]
pub(crate) struct Access {
    catalogue: Catalogue,
    sessions: Sessions,
    /// Whether people on loopback may look without a log-in.
    open_viewing: bool,
    book: watch::Sender<Arc<Book>>,
    hasher: Hasher,
    throttle: Mutex<Throttle>,
    first: Mutex<Option<FirstLink>>,
    stats: Arc<Stats>,
}

impl Access {
    /// Reads the accounts; where no admin is among them, makes the link by which the first is made, tells it in the log and
    /// writes it into a file of `data_dir` that its owner alone can read.
    ///
    /// # Errors
    /// The catalogue cannot be read, or the file cannot be written.
    pub(crate) async fn open(
        catalogue: Catalogue,
        sessions: Sessions,
        open_viewing: bool,
        data_dir: &Path,
        http: SocketAddr,
        stats: Arc<Stats>,
    ) -> anyhow::Result<Self> {
        let book = catalogue.run(store::load).await.context("cannot read the accounts")?;
        let path = first::path(data_dir);
        let first = if !book.has_admin() {
            Some(FirstLink::make(path, http, now_ms())?)
        } else {
            first::remove(&path);
            None
        };
        let (book, _) = watch::channel(Arc::new(book));
        let (hasher, throttle) = (Hasher::new()?, Mutex::new(Throttle::default()));
        Ok(Self { catalogue, sessions, open_viewing, book, hasher, throttle, first: Mutex::new(first), stats })
    }

    /// The accounts, sessions and tokens as they are.
    pub(crate) fn book(&self) -> Arc<Book> {
        Arc::clone(&self.book.borrow())
    }

    /// Makes a change durable, then takes it over into the book.
    ///
    /// # Errors
    /// A [`Failure`] of the work itself, or the catalogue cannot be written.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let done = self.catalogue.run(work).await?;
        // Read after the commit, in the catalogue's own order: no older state ever replaces a newer one.
        let book = self.book.clone();
        self.catalogue
            .run(move |transaction| {
                book.send_replace(Arc::new(store::load(transaction)?));
                Ok(())
            })
            .await?;
        Ok(done)
    }

    /// Notes that a session is used, if that was not noted within the last minute.
    fn used(self: &Arc<Self>, session: Hash, used_ms: i64, now_ms: i64) {
        if now_ms - used_ms < USE_STEP_MS {
            return;
        }
        let access = Arc::clone(self);
        tokio::spawn(async move {
            let noted = access.change(move |t| store::note_use(t, &session, now_ms)).await;
            if let Err(failure) = noted {
                tracing::warn!(%failure, "cannot note the use of a session");
            }
        });
    }

    /// Returns when what let a caller in no longer does: logged out, expired, revoked, locked, another right.
    pub(crate) fn ended(&self, ticket: Ticket) -> impl Future<Output = ()> + Send + 'static {
        let mut books = self.book.subscribe();
        let sessions = self.sessions;
        async move {
            loop {
                let left = books.borrow_and_update().left(&ticket, &sessions, now_ms());
                let Some(left_ms) = left else { return };
                // The book is looked at again at least once an hour: clocks step.
                let left = Duration::from_millis(left_ms.unsigned_abs().min(3_600_000));
                tokio::select! {
                    changed = books.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep(left) => {}
                }
            }
        }
    }

    /// Who a request is from by its bearer token.
    fn by_token(&self, token: &str) -> Result<(Caller, Ticket), Failure> {
        self.book().by_token(Secret::hash_of(token), now_ms())
    }
}
