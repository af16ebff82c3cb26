//! What the cloud manages of the node: joining, the certificate's renewal, and the configuration that it wants run.
//!
//! A configuration is checked, on disk, in the brain, and only then acknowledged, in this order. Files are written on a
//! thread of their own: the brain never waits for a disk.

use crate::Config;
use anyhow::Context;
use jxz_edge::{Configuration, EdgeConfig, Input};
use jxz_fleet::{Condition, Document, digest};
use jxz_hazard::HazardConfig;
use jxz_link::{Assignment, Credentials, JoinToken, Role, finish_writing, join, renew, utc_now};
use jxz_units::Utc;
use jxz_wire::Outcome;
use jxz_world::ConfigVersion;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The cloud says one configuration after the other.
const WAITING: usize = 2;
/// How often the conditions that operators stated are said to the brain: well before it would forget them.
const SAY_CONDITIONS: Duration = Duration::from_secs(60);
/// The certificate's age is looked at so often at least: the clock may be set, and machines sleep.
const LOOK: Duration = Duration::from_secs(3600);
/// Pause before a renewal that failed is tried again: a twentieth of what is left, between these.
const RETRY_MIN: Duration = Duration::from_secs(1);

/// A configuration as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    revision: u64,
    /// Byte for byte as the cloud said it: its digest is over this.
    document: String,
}

/// Inputs for the brain, and who is to be told when it has them.
pub(crate) struct Change {
    inputs: Vec<Input>,
    done: Option<(Assignment, Outcome)>,
}

impl Change {
    /// Gives the brain its inputs, then answers the cloud.
    pub(crate) fn apply(self, mut take: impl FnMut(Input)) {
        self.inputs.into_iter().for_each(&mut take);
        if let Some((assignment, outcome)) = self.done {
            assignment.answer(outcome);
        }
    }
}

/// The node's side of the cloud's management. Dropping it ends it.
pub(crate) struct Fleet {
    kept: Vec<Input>,
    changes: mpsc::Receiver<Change>,
    tasks: Vec<JoinHandle<()>>,
}

impl Fleet {
    /// Starts it on the current runtime; what the cloud says comes in by the sender returned.
    pub(crate) fn start(config: &Config, credentials: &Credentials) -> (Self, mpsc::Sender<Assignment>) {
        let (assignments_in, assignments) = mpsc::channel(WAITING);
        let (changes_in, changes) = mpsc::channel(WAITING);
        let mut keeper = Keeper::of(config);
        let kept = keeper.recall().unwrap_or_default();
        let tasks = vec![
            tokio::spawn(keeper.run(assignments, changes_in)),
            tokio::spawn(keep_certificate(config.clone(), credentials.clone())),
        ];
        (Self { kept, changes, tasks }, assignments_in)
    }

    /// What was kept when the node last ran: for the brain, before its first round.
    pub(crate) fn kept(&mut self) -> Vec<Input> {
        std::mem::take(&mut self.kept)
    }

    /// The next change for the brain; waits for one. Safe to cancel.
    pub(crate) async fn recv(&mut self) -> Option<Change> {
        self.changes.recv().await
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What was kept when the node last ran, or as it runs beside this process.
pub(crate) fn recall(config: &Config) -> Vec<Input> {
    Keeper::of(config).recall().unwrap_or_default()
}

/// Keeps what the cloud wants run.
struct Keeper {
    path: PathBuf,
    /// What the node's own file says of the warnings.
    base: HazardConfig,
    /// What operators know of the road.
    conditions: BTreeMap<u32, Condition>,
}

impl Keeper {
    fn of(config: &Config) -> Self {
        let path = config.state_dir.join("desired.json");
        Self { path, base: config.hazard.clone(), conditions: BTreeMap::new() }
    }

    async fn run(mut self, mut assignments: mpsc::Receiver<Assignment>, changes: mpsc::Sender<Change>) {
        let mut conditions = tokio::time::interval(SAY_CONDITIONS);
        loop {
            let change = tokio::select! {
                assignment = assignments.recv() => match assignment {
                    Some(assignment) => self.take(assignment).await,
                    None => return,
                },
                _ = conditions.tick() => Change { inputs: self.say_conditions(utc_now()), done: None },
            };
            if changes.send(change).await.is_err() {
                return;
            }
        }
    }

    /// What was kept when the node last ran; without it, or if it is unusable, the node runs by its own file.
    fn recall(&mut self) -> Option<Vec<Input>> {
        let kept = match read(&self.path) {
            Ok(kept) => kept?,
            Err(error) => {
                tracing::error!("the node runs by its own file: {error:#}");
                return None;
            }
        };
        match self.inputs(&kept) {
            Ok(inputs) => {
                tracing::info!(revision = kept.revision, "runs the cloud's configuration as kept");
                Some(inputs)
            }
            Err(reason) => {
                tracing::error!(revision = kept.revision, reason, "the configuration kept is refused");
                None
            }
        }
    }

    async fn take(&mut self, assignment: Assignment) -> Change {
        let revision = assignment.desired.revision;
        match self.keep(&assignment).await {
            Ok((inputs, digest)) => {
                tracing::info!(revision, "takes on the cloud's configuration");
                Change { inputs, done: Some((assignment, Outcome::Applied { digest })) }
            }
            Err(reason) => {
                tracing::warn!(revision, reason, "refuses the cloud's configuration");
                Change { inputs: Vec::new(), done: Some((assignment, Outcome::Rejected(reason))) }
            }
        }
    }

    async fn keep(&mut self, assignment: &Assignment) -> Result<(Vec<Input>, u64), String> {
        let document = String::from_utf8(assignment.desired.document.clone())
            .map_err(|_| "the configuration is not UTF-8".to_owned())?;
        let kept = Kept { revision: assignment.desired.revision, document };
        let before = self.conditions.clone();
        let inputs = self.inputs(&kept)?;
        let digest = digest(kept.document.as_bytes());
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || write(&path, &kept)).await;
        let written = written.map_err(|error| error.to_string()).and_then(|done| done.map_err(|e| format!("{e:#}")));
        if let Err(reason) = written {
            self.conditions = before;
            return Err(format!("the node cannot keep it: {reason}"));
        }
        Ok((inputs, digest))
    }

    /// What a configuration means to the brain.
    fn inputs(&mut self, kept: &Kept) -> Result<Vec<Input>, String> {
        let document = Document::parse(kept.document.as_bytes()).map_err(|error| error.to_string())?;
        let configuration = Configuration {
            version: ConfigVersion { revision: kept.revision, digest: digest(kept.document.as_bytes()) },
            hazard: document.hazard_over(&self.base).map_err(|error| error.to_string())?,
            health_s: document.health_s.unwrap_or_else(|| EdgeConfig::default().health_s),
        };
        configuration.check()?;
        let now = utc_now();
        let gone = self.conditions.iter().filter(|(number, _)| !document.conditions.contains_key(number));
        let mut inputs: Vec<Input> =
            gone.map(|(number, condition)| Input::RoadCondition(condition.withdrawal(*number, now))).collect();
        self.conditions = document.conditions;
        inputs.push(Input::Configuration(Box::new(configuration)));
        inputs.extend(self.say_conditions(now));
        Ok(inputs)
    }

    fn say_conditions(&self, now: Utc) -> Vec<Input> {
        let said = self.conditions.iter().filter_map(|(number, condition)| condition.report(*number, now));
        said.map(Input::RoadCondition).collect()
    }
}

fn read(path: &Path) -> anyhow::Result<Option<Kept>> {
    match std::fs::read(path) {
        Ok(text) => {
            let kept = serde_json::from_slice(&text);
            Ok(Some(kept.with_context(|| format!("{} is not a configuration as kept", path.display()))?))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Writes it in one step, and is back only when it would survive a loss of power.
fn write(path: &Path, kept: &Kept) -> anyhow::Result<()> {
    let draft = path.with_extension("json.new");
    let text = serde_json::to_vec(kept).context("cannot put the configuration into JSON")?;
    let mut file = File::create(&draft).with_context(|| format!("cannot write {}", draft.display()))?;
    file.write_all(&text)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", draft.display()))?;
    std::fs::rename(&draft, path).with_context(|| format!("cannot replace {}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("cannot make {} durable", folder.display()))
}

/// Renews the node's certificate at two thirds of its life, for ever. Links show the new one at their next handshake, and
/// the cloud ends a connection only when the certificate that it began with has expired.
async fn keep_certificate(config: Config, credentials: Credentials) {
    loop {
        let (due, until) = match credentials.certificate() {
            Ok(certificate) => (certificate.renew_at(), certificate.not_after),
            Err(error) => return tracing::error!(%error, "cannot read the node's own certificate"),
        };
        let wait = due.seconds_since(utc_now());
        if wait > 0.0 {
            tokio::time::sleep(Duration::from_secs_f64(wait).min(LOOK)).await;
            continue;
        }
        match renew_once(&config, &credentials).await {
            Ok(()) => tracing::info!("the node's certificate is renewed"),
            Err(error) => {
                let left_s = until.seconds_since(utc_now());
                tracing::warn!(left_s, "cannot renew the node's certificate: {error:#}");
                let pause = Duration::from_secs_f64((left_s / 20.0).max(0.0));
                tokio::time::sleep(pause.clamp(RETRY_MIN, LOOK)).await;
            }
        }
    }
}

async fn renew_once(config: &Config, credentials: &Credentials) -> anyhow::Result<()> {
    let identity = renew(credentials, &config.cloud.address, &config.cloud.server_name, &config.site).await?;
    let (dir, site) = (config.pki.dir.clone(), config.site.clone());
    let renewed = tokio::task::spawn_blocking(move || {
        identity.write(&dir)?;
        Credentials::load(&dir, &Role::Node(site))
    });
    let renewed = renewed.await.context("writing the new certificate broke down")??;
    Ok(credentials.replace(&renewed)?)
}

/// The node's key and certificate, after an interrupted renewal has been finished.
pub(crate) fn load_credentials(config: &Config) -> anyhow::Result<Credentials> {
    finish_writing(&config.pki.dir, &config.site).context("cannot finish an interrupted renewal")?;
    Credentials::load(&config.pki.dir, &Role::Node(config.site.clone())).context(
        "cannot load the node's key and certificate (`jxz-edge join` gets them from a cloud, `jxz pki make` makes them)",
    )
}

/// Joins a cloud: makes a key that stays here, gets the site's certificate for it, and writes both, and the authority's
/// certificate, into the folder `pki.dir`. What the site's messages on the air are signed with is not touched.
///
/// # Errors
/// Not a token; the cloud is not reached, is another than the token's, or refuses; or the folder cannot be written.
pub async fn join_cloud(config: &Config, token: &str) -> anyhow::Result<()> {
    let token: JoinToken = token.parse()?;
    let identity = join(&token, &config.cloud.server_name, &config.site)
        .await
        .with_context(|| format!("cannot join the cloud at {} as {}", token.cloud, config.site))?;
    identity.write(&config.pki.dir).context("cannot write the certificate; ask for another token to try again")?;
    if token.cloud != config.cloud.address {
        tracing::warn!(token = token.cloud, configured = config.cloud.address, "cloud.address is not the token's");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeper(dir: &Path) -> Keeper {
        Keeper { path: dir.join("desired.json"), base: HazardConfig::default(), conditions: BTreeMap::new() }
    }

    fn kept(document: &str) -> Kept {
        Kept { revision: 4, document: document.to_owned() }
    }

    #[test]
    fn what_was_kept_is_run_again_and_what_is_broken_is_not() {
        let dir = tempfile::tempdir().unwrap();
        assert!(keeper(dir.path()).recall().is_none());
        let said = r#"{"format":1,"hazard":{"fcw":{"enabled":false}}}"#;
        write(&dir.path().join("desired.json"), &kept(said)).unwrap();
        let inputs = keeper(dir.path()).recall().unwrap();
        let [Input::Configuration(configuration)] = &inputs[..] else { panic!("{inputs:?}") };
        assert_eq!(configuration.version, ConfigVersion { revision: 4, digest: digest(said.as_bytes()) });
        assert!(!configuration.hazard.fcw.enabled && configuration.hazard.icw.enabled);
        for broken in ["", "{", r#"{"revision":1}"#, r#"{"revision":1,"document":"{}"}"#] {
            std::fs::write(dir.path().join("desired.json"), broken).unwrap();
            assert!(keeper(dir.path()).recall().is_none(), "{broken}");
        }
    }

    #[test]
    fn a_condition_is_said_again_and_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut keeper = keeper(dir.path());
        let ice = r#"{"hazard":"ice","east_m":1.0,"north_m":2.0,"radius_m":9.0,"safe_mps":8.0}"#;
        let inputs = keeper.inputs(&kept(&format!(r#"{{"format":1,"conditions":{{"5":{ice}}}}}"#))).unwrap();
        let [_, Input::RoadCondition(said)] = &inputs[..] else { panic!("{inputs:?}") };
        assert!(said.valid_until > utc_now());
        assert_eq!(keeper.say_conditions(utc_now()).len(), 1);
        let inputs = keeper.inputs(&kept(r#"{"format":1}"#)).unwrap();
        let [Input::RoadCondition(back), _] = &inputs[..] else { panic!("{inputs:?}") };
        assert!(back.id == said.id && back.valid_until <= utc_now());
        assert!(keeper.inputs(&kept(r#"{"format":1,"health_s":99}"#)).unwrap_err().contains("health_s"));
    }
}
