//! The development authority for signed messages: a root, an authority for roadside units and one for vehicles'
//! pseudonyms, and a certificate for every node. Other certificates than those of the QUIC links: a vehicle on the
//! road checks these, and a pseudonym must not say who it is.

use crate::LinkError;
use crate::authority::{Plan, write};
use jxz_security::{
    Algorithm, Certificate, HashedId10, Identity, IssueError, Psid, Signer, SigningKey, Subject, TrustStore, Validity,
};
use jxz_units::Utc;
use jxz_world::SiteId;
use ring::rand::{SecureRandom, SystemRandom};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Certificates hold from a little before they are made, for clocks that lag.
const BACKDATED: Duration = Duration::from_secs(3600);
/// A new revocation list is due within this time.
const REVOCATIONS_HOLD: Duration = Duration::from_secs(7 * 86_400);
/// No certificate is longer.
const MAX_FILE_BYTES: u64 = 4096;
/// The root and the two authorities below it.
const ROOT: &str = "root";
const ROADSIDE: &str = "roadside";
const PSEUDONYMS: &str = "pseudonyms";

/// How messages are signed, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePlan {
    /// The algorithm of every key.
    pub algorithm: Algorithm,
    /// The application ids of what roadside units send.
    pub roadside: Vec<Psid>,
    /// The application ids of what vehicles send.
    pub vehicles: Vec<Psid>,
}

impl Default for MessagePlan {
    /// SM2, for the messages of the first phase: 3618 to 3623 from the roadside, 111 from vehicles.
    fn default() -> Self {
        Self { algorithm: Algorithm::Sm2, roadside: (3618..=3623).map(Psid).collect(), vehicles: vec![Psid(111)] }
    }
}

fn folder(dir: &Path) -> PathBuf {
    dir.join("messages")
}

/// Certificate and key file of an authority or a node.
fn files(dir: &Path, name: &str) -> [PathBuf; 2] {
    ["cert", "key"].map(|kind| folder(dir).join(format!("{name}.{kind}")))
}

fn node_name(site: &SiteId) -> String {
    format!("node/{}", site.0)
}

/// The files that [`make_messages`] writes.
pub(crate) fn paths(dir: &Path, plan: &Plan) -> Vec<PathBuf> {
    let nodes = plan.sites.iter().map(node_name);
    [ROOT, ROADSIDE, PSEUDONYMS]
        .map(str::to_owned)
        .into_iter()
        .chain(nodes)
        .flat_map(|name| files(dir, &name))
        .collect()
}

/// Makes them: `messages/root.{cert,key}`, `messages/roadside.…`, `messages/pseudonyms.…`, `messages/node/NAME.…`;
/// certificates in COER, keys as a line of text with mode 0600.
pub(crate) fn make_messages(dir: &Path, plan: &Plan) -> Result<(), LinkError> {
    let failed = |name: &str| {
        let name = name.to_owned();
        move |source| LinkError::Issue { name, source }
    };
    let MessagePlan { algorithm, roadside, vehicles } = &plan.messages;
    let both: Vec<Psid> = roadside.iter().chain(vehicles).copied().collect();
    let root_key = new_key(*algorithm)?;
    let root = Identity::root(root_key.key.clone(), &subject(plan, Some(ROOT), &both)).map_err(failed(ROOT))?;
    let below = |name: &str, psids: &[Psid]| {
        let key = new_key(*algorithm)?;
        let subject = subject(plan, Some(name), psids);
        let certificate = root.issue_authority(&key.key.public_key(), &subject).map_err(failed(name))?;
        save(dir, name, &certificate, &key)?;
        Identity::new(certificate, key.key).map_err(failed(name))
    };
    let units = below(ROADSIDE, roadside)?;
    below(PSEUDONYMS, vehicles)?;
    for site in &plan.sites {
        let key = new_key(*algorithm)?;
        let subject = subject(plan, Some(&site.0), roadside);
        let certificate = units.issue_application(&key.key.public_key(), &subject).map_err(failed(&site.0))?;
        save(dir, &node_name(site), &certificate, &key)?;
    }
    save(dir, ROOT, root.certificate(), &root_key)
}

fn subject<'a>(plan: &Plan, name: Option<&'a str>, psids: &'a [Psid]) -> Subject<'a> {
    let until = plan.now + Duration::from_secs(u64::from(plan.days) * 86_400);
    Subject { name, validity: Validity { from: plan.now - BACKDATED, until }, region: None, psids }
}

/// A new key, and the seed that it grows from.
struct NewKey {
    key: SigningKey,
    seed: [u8; 32],
}

fn new_key(algorithm: Algorithm) -> Result<NewKey, LinkError> {
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).map_err(|_| LinkError::NoRandomness)?;
    Ok(NewKey { key: SigningKey::from_seed(algorithm, &seed), seed })
}

const fn algorithm_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::EcdsaP256 => "ecdsa-p256",
        Algorithm::Sm2 => "sm2",
    }
}

fn save(dir: &Path, name: &str, certificate: &Certificate, key: &NewKey) -> Result<(), LinkError> {
    let [certificate_path, key_path] = files(dir, name);
    let seed: String = key.seed.iter().map(|byte| format!("{byte:02x}")).collect();
    let line = format!("{} {seed}\n", algorithm_name(key.key.algorithm()));
    write(&key_path, line.as_bytes(), 0o600)?;
    write(&certificate_path, certificate.bytes(), 0o644)
}

fn read(path: &Path) -> Result<Vec<u8>, LinkError> {
    let failed = |source| LinkError::File { action: "read", path: path.to_owned(), source };
    if fs::metadata(path).map_err(failed)?.len() > MAX_FILE_BYTES {
        return Err(bad(path, format!("longer than {MAX_FILE_BYTES} bytes")));
    }
    fs::read(path).map_err(failed)
}

fn bad(path: &Path, reason: impl ToString) -> LinkError {
    LinkError::Pem { path: path.to_owned(), reason: reason.to_string() }
}

fn load_certificate(path: &Path) -> Result<Certificate, LinkError> {
    Certificate::parse(&read(path)?).map_err(|error| bad(path, error))
}

fn load_key(path: &Path) -> Result<SigningKey, LinkError> {
    let not_a_key = || bad(path, "no line `sm2 SEED` or `ecdsa-p256 SEED` with 64 hexadecimal digits");
    let text = String::from_utf8(read(path)?).map_err(|_| not_a_key())?;
    let (algorithm, digits) = text.trim().split_once(' ').ok_or_else(not_a_key)?;
    let algorithm = [Algorithm::Sm2, Algorithm::EcdsaP256]
        .into_iter()
        .find(|known| algorithm_name(*known) == algorithm)
        .ok_or_else(not_a_key)?;
    if digits.len() != 64 || !digits.is_ascii() {
        return Err(not_a_key());
    }
    let mut seed = [0; 32];
    for (byte, at) in seed.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| not_a_key())?;
    }
    Ok(SigningKey::from_seed(algorithm, &seed))
}

fn load_identity(dir: &Path, name: &str) -> Result<Identity, LinkError> {
    let [certificate, key] = files(dir, name);
    let joined = Identity::new(load_certificate(&certificate)?, load_key(&key)?);
    joined.map_err(|error: IssueError| bad(&certificate, error))
}

/// What a node signs its messages with.
///
/// # Errors
/// A file that cannot be read or is not what it should be.
pub fn load_signer(dir: &Path, site: &SiteId) -> Result<Signer, LinkError> {
    load_identity(dir, &node_name(site)).map(Signer::new)
}

/// Whose messages to believe: the root, and the authorities of roadside units and of pseudonyms.
///
/// # Errors
/// A file that cannot be read or is no certificate, or an authority that the root did not make.
pub fn load_trust(dir: &Path) -> Result<TrustStore, LinkError> {
    let mut trust = TrustStore::new();
    let [root, _] = files(dir, ROOT);
    trust.add_root(&read(&root)?).map_err(|error| bad(&root, error))?;
    for name in [ROADSIDE, PSEUDONYMS] {
        let [certificate, _] = files(dir, name);
        trust.add_authority(&read(&certificate)?).map_err(|error| bad(&certificate, error))?;
    }
    Ok(trust)
}

/// The authority that gives vehicles their pseudonyms, with its key: for the simulator, which stands for it and for
/// the vehicles. No vehicle has this.
///
/// # Errors
/// A file that cannot be read or is not what it should be.
pub fn load_pseudonym_authority(dir: &Path) -> Result<Identity, LinkError> {
    load_identity(dir, PSEUDONYMS)
}

/// Puts certificates on the revocation list, `messages/revocations`, signed by the root: nodes take it from there.
/// Who is on it is kept in `messages/revoked`, a line each; a new list holds all of them. Returns how many.
///
/// # Errors
/// A certificate or the root's key that cannot be read, or a list too long.
pub fn revoke(dir: &Path, certificates: &[PathBuf], now: Utc) -> Result<usize, LinkError> {
    let root = load_identity(dir, ROOT)?;
    let (ledger, list) = (folder(dir).join("revoked"), folder(dir).join("revocations"));
    let mut revoked = match fs::read_to_string(&ledger) {
        Ok(text) => text.lines().map(|line| revoked_id(&ledger, line)).collect::<Result<Vec<_>, _>>()?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(LinkError::File { action: "read", path: ledger, source }),
    };
    for path in certificates {
        revoked.push(load_certificate(path)?.revocation_id());
    }
    revoked.sort_unstable();
    revoked.dedup();
    // Seconds count up, as serial numbers must, until the year 2106.
    let serial = u32::try_from(now.unix_ms() / 1000).unwrap_or(u32::MAX);
    let signed =
        root.revocation_list(serial, now, now + REVOCATIONS_HOLD, &revoked).map_err(|error| bad(&list, error))?;
    let text: String = revoked.iter().map(|id| format!("{id}\n")).collect();
    write(&ledger, text.as_bytes(), 0o644)?;
    // In one step, so that no node reads half a list.
    let fresh = list.with_extension("new");
    write(&fresh, &signed, 0o644)?;
    fs::rename(&fresh, &list).map_err(|source| LinkError::File { action: "replace", path: list, source })?;
    Ok(revoked.len())
}

fn revoked_id(path: &Path, line: &str) -> Result<HashedId10, LinkError> {
    let not_an_id = || bad(path, format!("`{line}` is not an id of 20 hexadecimal digits"));
    let mut id = [0; 10];
    if line.len() != 20 || !line.is_ascii() {
        return Err(not_an_id());
    }
    for (byte, at) in id.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&line[at..at + 2], 16).map_err(|_| not_an_id())?;
    }
    Ok(HashedId10(id))
}

/// The file of a node's message certificate.
#[must_use]
pub fn node_certificate(dir: &Path, site: &SiteId) -> PathBuf {
    let [certificate, _] = files(dir, &node_name(site));
    certificate
}
