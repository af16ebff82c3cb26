//! Accounts, sessions and tokens at one time, and what they let a caller do.

use super::Hash;
use crate::caller::{Caller, Right};
use crate::config::Sessions;
use crate::failure::Failure;
use std::collections::BTreeMap;

/// An account, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) right: Right,
    pub(crate) locked: bool,
    pub(crate) has_password: bool,
    /// Whether it signs in at the identity provider.
    pub(crate) by_provider: bool,
    pub(crate) made_ms: i64,
    /// Until when its invitation holds, if there is one.
    pub(crate) invited_until_ms: Option<i64>,
}

/// Somebody logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) account: String,
    pub(crate) made_ms: i64,
    pub(crate) used_ms: i64,
}

/// A program's way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) id: i64,
    pub(crate) account: String,
    pub(crate) label: String,
    pub(crate) right: Right,
    pub(crate) made_ms: i64,
    pub(crate) expires_ms: i64,
}

/// What let a caller in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ticket {
    /// Nothing: people on loopback may look.
    Open,
    /// A session's cookie, and the right it had then.
    Session(Hash, Right),
    /// A token, and the right it had then.
    Token(Hash, Right),
}

/// Everything at one time.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// By name in lower case: `Duty` is `duty`.
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) sessions: BTreeMap<Hash, Session>,
    pub(super) tokens: BTreeMap<Hash, Token>,
}

impl Session {
    /// When it ends if it is not used again, milliseconds since the Unix epoch.
    pub(crate) fn ends_ms(&self, limits: &Sessions) -> i64 {
        let idle = self.used_ms.saturating_add(i64::from(limits.idle_minutes) * 60_000);
        idle.min(self.made_ms.saturating_add(i64::from(limits.hours) * 3_600_000))
    }
}

impl Book {
    /// All accounts by name.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// Whether somebody can keep accounts: an admin who is not locked and can log in.
    pub(crate) fn has_admin(&self) -> bool {
        let can = |account: &&Account| !account.locked && (account.has_password || account.by_provider);
        self.accounts.values().filter(can).any(|account| account.right == Right::Admin)
    }

    /// An account by its name in any case.
    pub(crate) fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.get(&key(name))
    }

    /// All tokens.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.values()
    }

    fn open_account(&self, name: &str) -> Option<&Account> {
        self.account(name).filter(|account| !account.locked)
    }

    /// Whose session it is, when it was used last, and when it ends; `None` if it ended or never was.
    pub(crate) fn by_session(&self, hash: &Hash, limits: &Sessions, now_ms: i64) -> Option<(Caller, &Session)> {
        let session = self.sessions.get(hash).filter(|session| now_ms < session.ends_ms(limits))?;
        let account = self.open_account(&session.account)?;
        Some((Caller { name: account.name.clone(), right: account.right }, session))
    }

    /// Who a program is, by its token's hash; its right is at most its account's.
    ///
    /// # Errors
    /// 401 with what is wrong with it.
    pub(crate) fn by_token(&self, hash: Hash, now_ms: i64) -> Result<(Caller, Ticket), Failure> {
        let refused = |code, message: &str| Failure::new(axum::http::StatusCode::UNAUTHORIZED, code, message);
        let token = self.tokens.get(&hash);
        let token = token.ok_or_else(|| refused("token_unknown", "this token was never made, or was revoked"))?;
        if now_ms >= token.expires_ms {
            return Err(refused("token_expired", "this token has expired: make another"));
        }
        let account = self.open_account(&token.account);
        let account = account.ok_or_else(|| refused("account_locked", "the account of this token is locked"))?;
        let right = token.right.min(account.right);
        let caller = Caller { name: format!("{} ({})", account.name, token.label), right };
        Ok((caller, Ticket::Token(hash, right)))
    }

    /// How long a ticket still holds if nothing changes, milliseconds; `None`: no longer, or with another right.
    pub(crate) fn left(&self, ticket: &Ticket, limits: &Sessions, now_ms: i64) -> Option<i64> {
        match ticket {
            Ticket::Open => Some(i64::MAX),
            Ticket::Session(hash, right) => {
                let (caller, session) = self.by_session(hash, limits, now_ms)?;
                (caller.right == *right).then(|| session.ends_ms(limits) - now_ms)
            }
            Ticket::Token(hash, right) => {
                let (caller, _) = self.by_token(hash.clone(), now_ms).ok()?;
                (caller.right == *right).then(|| self.tokens.get(hash).map_or(0, |token| token.expires_ms - now_ms))
            }
        }
    }
}

/// What an account's name is found by.
pub(crate) fn key(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Sessions = Sessions { idle_minutes: 10, hours: 1 };
    const MINUTE: i64 = 60_000;

    fn book(right: Right, locked: bool) -> Book {
        let mut book = Book::default();
        let account = Account {
            name: "Duty".into(),
            right,
            locked,
            has_password: true,
            by_provider: false,
            made_ms: 0,
            invited_until_ms: None,
        };
        book.accounts.insert(key("Duty"), account);
        book.sessions.insert(Hash("s".into()), Session { account: "Duty".into(), made_ms: 0, used_ms: 0 });
        let token = Token {
            id: 1,
            account: "Duty".into(),
            label: "report".into(),
            right: Right::Operator,
            made_ms: 0,
            expires_ms: 30 * MINUTE,
        };
        book.tokens.insert(Hash("t".into()), token);
        book
    }

    fn ends(book: &Book, now_ms: i64) -> Option<i64> {
        book.by_session(&Hash("s".into()), &LIMITS, now_ms).map(|(_, session)| session.ends_ms(&LIMITS))
    }

    #[test]
    fn a_session_ends_when_it_is_not_used_and_at_the_latest_after_its_hours() {
        let mut book = book(Right::Admin, false);
        assert_eq!(ends(&book, 10 * MINUTE - 1), Some(10 * MINUTE));
        assert_eq!(ends(&book, 10 * MINUTE), None);
        book.sessions.get_mut(&Hash("s".into())).unwrap().used_ms = 59 * MINUTE;
        assert_eq!(ends(&book, 60 * MINUTE - 1), Some(60 * MINUTE));
        assert_eq!(ends(&book, 60 * MINUTE), None);
    }

    #[test]
    fn a_token_has_at_most_its_accounts_right_and_ends_in_time() {
        let right = |book: &Book, now_ms| book.by_token(Hash("t".into()), now_ms).map(|(caller, _)| caller.right);
        assert_eq!(right(&book(Right::Admin, false), 0).unwrap(), Right::Operator);
        assert_eq!(right(&book(Right::Viewer, false), 0).unwrap(), Right::Viewer);
        assert_eq!(right(&book(Right::Admin, false), 30 * MINUTE).unwrap_err().code, "token_expired");
        assert_eq!(right(&book(Right::Admin, true), 0).unwrap_err().code, "account_locked");
        let unknown = book(Right::Admin, false).by_token(Hash("x".into()), 0).unwrap_err();
        assert_eq!(unknown.code, "token_unknown");
    }

    #[test]
    fn what_let_a_watcher_in_ends_with_its_lock_and_with_its_right() {
        let ticket = Ticket::Session(Hash("s".into()), Right::Operator);
        assert_eq!(book(Right::Operator, false).left(&ticket, &LIMITS, MINUTE), Some(9 * MINUTE));
        assert_eq!(book(Right::Viewer, false).left(&ticket, &LIMITS, MINUTE), None);
        assert_eq!(book(Right::Operator, true).left(&ticket, &LIMITS, MINUTE), None);
        assert_eq!(Book::default().left(&ticket, &LIMITS, MINUTE), None);
        assert!(Book::default().left(&Ticket::Open, &LIMITS, MINUTE).is_some());
    }
}
