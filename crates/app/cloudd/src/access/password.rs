//! Passwords: what is taken for one, and their hashes by Argon2id.
//!
//! Each hash takes 19 MiB and two passes (OWASP's password storage cheat sheet). Two are computed at once, on threads
//! that may block; a few more may wait; beyond them log-ins are refused, so that a flood costs neither memory nor the
//! threads of others.

use crate::failure::Failure;
use anyhow::Context;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use axum::http::StatusCode;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Hashes computed at once.
const AT_ONCE: usize = 2;
/// Those computed and those that wait.
const MOST: usize = 18;
/// Lengths of a password: shortest in characters, longest in bytes.
const SHORTEST: usize = 10;
const LONGEST: usize = 256;

/// Computes hashes.
#[derive(Debug)]
pub(super) struct Hasher {
    computing: Arc<Semaphore>,
    waiting: Semaphore,
    /// Stands in for the hash of an account that there is not: the answer takes as long.
    nobody: String,
}

impl Hasher {
    /// A hasher.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn new() -> anyhow::Result<Self> {
        let nobody = hash(super::Secret::new()?.text())?;
        Ok(Self { computing: Arc::new(Semaphore::new(AT_ONCE)), waiting: Semaphore::new(MOST), nobody })
    }

    /// A new password's hash, as a PHC string.
    ///
    /// # Errors
    /// It cannot be a password, or too many are being hashed.
    pub(super) async fn hash(&self, name: &str, password: String) -> Result<String, Failure> {
        check(name, &password)?;
        self.compute(move || hash(&password)).await
    }

    /// Whether a password has this hash; without a hash it has not, which takes as long to find out.
    ///
    /// # Errors
    /// Too many are being hashed.
    pub(super) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Failure> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let same = self.compute(move || verify(&password, &hash)).await?;
        Ok(same && known)
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let busy = || {
            let words = "too many log-ins at once: try again in a moment";
            Failure::new(StatusCode::SERVICE_UNAVAILABLE, "busy", words).retry_after(2)
        };
        let _waiting = self.waiting.try_acquire().map_err(|_| busy())?;
        let permit = Arc::clone(&self.computing).acquire_owned().await.map_err(|_| busy())?;
        // The permit goes with the work: who hangs up does not make room before it is done.
        let work = move || {
            let _permit = permit;
            work()
        };
        let done = tokio::task::spawn_blocking(work).await.context("a password's hash broke down")?;
        Ok(done?)
    }
}

fn argon2() -> anyhow::Result<Argon2<'static>> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> anyhow::Result<String> {
    let salt = super::random_bytes::<16>()?;
    let hash = argon2()?.hash_password_with_salt(password.as_bytes(), &salt);
    Ok(hash.map_err(|error| anyhow::anyhow!("cannot hash a password: {error}"))?.to_string())
}

fn verify(password: &str, hash: &str) -> anyhow::Result<bool> {
    let hash = PasswordHash::new(hash).map_err(|error| anyhow::anyhow!("cannot read a password's hash: {error}"))?;
    Ok(password.len() <= LONGEST && argon2()?.verify_password(password.as_bytes(), &hash).is_ok())
}

/// Long enough, and not the account's own name.
fn check(name: &str, password: &str) -> Result<(), Failure> {
    let wrong = if password.chars().count() < SHORTEST {
        "a password has at least 10 characters"
    } else if password.len() > LONGEST {
        "a password has at most 256 bytes"
    } else if password.to_lowercase().replace(&name.to_lowercase(), "").chars().count() < SHORTEST / 2 {
        "a password is more than the account's name"
    } else {
        return Ok(());
    };
    Err(Failure::new(StatusCode::BAD_REQUEST, "password_refused", wrong))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_and_oversized_passwords_are_refused() {
        for refused in ["", "short", "九个汉字的密码呀呀", "duty-officerduty-officer", &"x".repeat(257)] {
            assert!(check("duty-officer", refused).is_err(), "{refused}");
        }
        for taken in ["correct horse", "十个汉字的密码也可以用", "duty-officer!9xk2"] {
            assert!(check("duty-officer", taken).is_ok(), "{taken}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_hash_knows_its_password_and_no_other_and_nobody_has_none() {
        let hasher = Hasher::new().unwrap();
        let hash = hasher.hash("duty", "correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify("Correct horse".into(), Some(hash)).await.unwrap());
        assert!(!hasher.verify("correct horse".into(), None).await.unwrap());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_flood_is_refused_beyond_those_that_may_wait() {
        let hasher = Arc::new(Hasher::new().unwrap());
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        let mut tasks = Vec::new();
        for _ in 0..MOST {
            let (hasher, gate) = (Arc::clone(&hasher), Arc::clone(&gate));
            let work = move || Ok(gate.lock().unwrap().recv()?);
            tasks.push(tokio::spawn(async move { hasher.compute(work).await }));
        }
        while hasher.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(hasher.verify("correct horse".into(), None).await.unwrap_err().code, "busy");
        (0..MOST).for_each(|_| open.send(()).unwrap());
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert!(hasher.verify("correct horse".into(), None).await.is_ok());
    }
}
