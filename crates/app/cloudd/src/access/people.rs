//! What people do about their own way in: log in, take up a link, change the password.

use super::{Access, Hash, Secret, Subject, now_ms, store};
use crate::caller::Caller;
use crate::failure::Failure;
use axum::http::StatusCode;
use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;

/// How long an invitation holds, milliseconds.
const INVITATION_MS: i64 = 7 * 86_400_000;

/// A session's name and its secret, for the cookie.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) account: String,
    pub(crate) secret: Secret,
}

impl Access {
    /// Logs in by name and password.
    ///
    /// # Errors
    /// 401 for any wrong pair, without saying what is wrong with it; 429 after too many; 503 in a flood.
    pub(super) async fn log_in(&self, name: String, password: String, address: IpAddr) -> Result<Begun, Failure> {
        let result = self.try_log_in(name, password, address).await;
        if result.is_err() {
            self.stats.log_ins_refused.fetch_add(1, Relaxed);
        }
        result
    }

    async fn try_log_in(&self, name: String, password: String, address: IpAddr) -> Result<Begun, Failure> {
        let wrong = || {
            let words = "no account with this name and password, or it is locked";
            Failure::new(StatusCode::UNAUTHORIZED, "login_refused", words)
        };
        if !is_name(&name) {
            return Err(wrong());
        }
        self.attempt(&name, address)?;
        let asked = name.clone();
        let known = self.catalogue.run(move |t| store::password_of(t, &asked)).await?;
        let (account, hash) = known.unzip();
        let good = self.hasher.verify(password, hash).await?;
        let (true, Some(account)) = (good, account) else {
            // The name is left out: people type passwords into the wrong field.
            tracing::warn!(%address, "a log-in was refused");
            return Err(wrong());
        };
        self.with_throttle(|throttle| throttle.succeeded(&name, address));
        self.begin(account, "password").await
    }

    /// Makes the first account by the link that the start told.
    ///
    /// # Errors
    /// 403 if the link is not the one, was used or has expired.
    pub(super) async fn make_first(&self, token: &str, name: String, password: String) -> Result<Begun, Failure> {
        let opens = {
            let first = self.first.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            first.as_ref().is_some_and(|first| first.opens(token, now_ms()))
        };
        if !opens {
            return Err(Failure::from(store::link_refused()));
        }
        check_name(&name)?;
        let hash = self.hasher.hash(&name, password).await?;
        let account = name.clone();
        self.change(move |t| store::make_first(t, &account, &hash)).await?;
        let link = self.first.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(link) = link {
            link.used();
        }
        self.begin(name, "first link").await
    }

    /// Whether the first admin is yet to be made.
    pub(super) fn awaits_first(&self) -> bool {
        !self.book().has_admin()
    }

    /// A new invitation for an account, and until when it holds.
    ///
    /// # Errors
    /// The catalogue cannot be written.
    pub(super) async fn invite(&self, by: Caller, account: String) -> Result<(Secret, i64), Failure> {
        let secret = Secret::new()?;
        let (hash, expires_ms) = (secret.hash(), now_ms() + INVITATION_MS);
        self.change(move |t| store::invite(t, &by, &account, &hash, expires_ms)).await?;
        Ok((secret, expires_ms))
    }

    /// Takes up an invitation: sets the password and logs in.
    ///
    /// # Errors
    /// 403 if it was used, has expired or never was.
    pub(super) async fn take_up(&self, token: &str, password: String) -> Result<Begun, Failure> {
        let hash = Secret::hash_of(token);
        let asked = hash.clone();
        let account = self.catalogue.run(move |t| store::invited(t, &asked, now_ms())).await?;
        let account = account.ok_or_else(store::link_refused)?;
        let password = self.hasher.hash(&account, password).await?;
        let account = self.change(move |t| store::take_up(t, &hash, now_ms(), &password)).await?;
        self.begin(account, "invitation").await
    }

    /// Changes one's own password; all sessions end, and one begins anew.
    ///
    /// # Errors
    /// 403 if the present password is wrong, 429 after too many of those.
    pub(super) async fn change_password(
        &self,
        by: Caller,
        present: String,
        new: String,
        address: IpAddr,
    ) -> Result<Begun, Failure> {
        self.attempt(&by.name, address)?;
        let asked = by.name.clone();
        let known = self.catalogue.run(move |t| store::password_of(t, &asked)).await?;
        if !self.hasher.verify(present, known.map(|(_, hash)| hash)).await? {
            return Err(Failure::new(StatusCode::FORBIDDEN, "password_wrong", "the present password is wrong"));
        }
        self.with_throttle(|throttle| throttle.succeeded(&by.name, address));
        let (account, hash) = (by.name.clone(), self.hasher.hash(&by.name, new).await?);
        self.change(move |t| store::set_password(t, &by, &by.name, &hash)).await?;
        self.begin(account, "new password").await
    }

    /// Logs in somebody whom the identity provider vouches for.
    ///
    /// # Errors
    /// 403 if the account is locked, 409 if its name is taken by an account made here.
    pub(crate) async fn log_in_subject(&self, mut subject: Subject) -> Result<Begun, Failure> {
        if !is_name(&subject.name) {
            let digest = Secret::hash_of(&subject.id);
            subject.name = format!("oidc-{}", digest.0.get(..12).unwrap_or_default());
        }
        let account = self.change(move |t| store::by_subject(t, &subject)).await?;
        self.begin(account, "identity provider").await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The catalogue cannot be written.
    pub(super) async fn log_out(&self, by: Caller, session: Hash) -> Result<(), Failure> {
        self.change(move |t| store::end_session(t, &by, &session)).await
    }

    async fn begin(&self, account: String, how: &'static str) -> Result<Begun, Failure> {
        let secret = Secret::new()?;
        let (hash, name) = (secret.hash(), account.clone());
        self.change(move |t| store::begin_session(t, &name, &hash, how)).await?;
        Ok(Begun { account, secret })
    }

    fn attempt(&self, name: &str, address: IpAddr) -> Result<(), Failure> {
        self.with_throttle(|throttle| throttle.attempt(name, address, now_ms())).map_err(|wait_ms| {
            let seconds = wait_ms.unsigned_abs().div_ceil(1000);
            let words = format!("too many failed log-ins: try again in {seconds} s");
            Failure::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", words).retry_after(seconds)
        })
    }

    fn with_throttle<T>(&self, work: impl FnOnce(&mut super::Throttle) -> T) -> T {
        work(&mut self.throttle.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// Whether an account may be called so: 1 to 64 letters and digits of any script, and `.`, `_`, `-`, `@`.
fn is_name(name: &str) -> bool {
    let letters = |c: char| c.is_alphanumeric() || "._-@".contains(c);
    (1..=64).contains(&name.chars().count()) && name.chars().all(letters) && !["loopback", "jxz-cloud"].contains(&name)
}

/// As [`is_name`], with what is wrong.
pub(super) fn check_name(name: &str) -> Result<(), Failure> {
    if is_name(name) {
        return Ok(());
    }
    let words = "an account's name has 1 to 64 letters, digits and . _ - @, and is neither loopback nor jxz-cloud";
    Err(Failure::new(StatusCode::BAD_REQUEST, "name_refused", words))
}
