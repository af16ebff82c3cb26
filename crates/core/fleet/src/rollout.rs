//! A staged roll-out: one site first, a time of healthy reports, then the rest in batches; and back by itself.
//!
//! Its deadlines are in UTC and its state is plain data: the cloud may be started anew in the middle. A clock set forward
//! cannot hurry it past the nodes: each step also takes reports that came in.

use jxz_units::Utc;
use jxz_world::{Service, SiteId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The most sites in one roll-out.
pub const MAX_SITES: usize = 1024;
/// Reports under the new configuration that a site's soak takes at least.
const MIN_REPORTS: u32 = 2;
/// Reports in a row that fall short before that is a failure: one may be chance.
const MAX_SHORT: u32 = 2;
/// Later batches are watched no longer than this, seconds.
const BATCH_SOAK_S: f64 = 10.0;

/// What is to be rolled out where; what the change is, the roll-out need not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Every site, the first one among them.
    pub sites: BTreeSet<SiteId>,
    /// Who gets it first.
    pub canary: SiteId,
    /// How long the first site is watched, seconds.
    pub soak_s: f64,
    /// Sites at once after the first.
    pub batch: usize,
    /// How long a site may take to answer, be away, or be without a report, seconds.
    pub patience_s: f64,
}

/// Why there is no roll-out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// No sites, or too many.
    #[error("a roll-out is for 1 to {MAX_SITES} sites, not {0}")]
    Sites(usize),
    /// The first site is not one of the sites.
    #[error("{0}, which is to be first, is not one of the sites")]
    Canary(SiteId),
    /// A number out of range.
    #[error("{0} is outside {1}")]
    Number(&'static str, &'static str),
    /// The first site could not show anything.
    #[error("{site} cannot be first: {reason}")]
    Unfit {
        /// The site.
        site: SiteId,
        /// Why.
        reason: String,
    },
}

/// How a site stands before the roll-out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Whether its link stands.
    pub connected: bool,
    /// What it says of its service, if it says anything.
    pub service: Option<Service>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// What was asked for by an [`Output`] is on its way under this revision.
    Sent {
        /// To whom.
        site: SiteId,
        /// As what.
        revision: u64,
    },
    /// A site has taken a configuration on.
    Applied {
        /// Who.
        site: SiteId,
        /// Which.
        revision: u64,
    },
    /// A site refuses a configuration.
    Rejected {
        /// Who.
        site: SiteId,
        /// Which.
        revision: u64,
        /// Why.
        reason: String,
    },
    /// A health report came in.
    Report {
        /// Whose.
        site: SiteId,
        /// The revision that it runs.
        revision: Option<u64>,
        /// How well it serves.
        service: Option<Service>,
    },
    /// A site's link stands or not.
    Link {
        /// Whose.
        site: SiteId,
        /// Whether it stands.
        connected: bool,
    },
    /// Somebody calls it off.
    Abort {
        /// Who.
        by: String,
    },
    /// The deadline has come.
    Timer,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Make the change the site's desired configuration; answer with [`Input::Sent`].
    Change(SiteId),
    /// Make what the site had before its desired configuration; answer with [`Input::Sent`].
    Restore(SiteId),
}

/// Where the whole is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Sent, and not answered by everyone it went to.
    Applying,
    /// Answered by everyone it went to so far; watched.
    Soaking,
    /// Everyone has it.
    Done,
    /// Being taken back.
    RollingBack,
    /// Taken back.
    RolledBack,
}

/// Where one site is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Not its turn yet.
    Waiting,
    /// Its turn, not answered yet.
    Sent,
    /// It runs the change.
    Applied,
    /// It was not connected when its turn came, and was left out.
    Absent,
    /// It is to go back, not answered yet.
    Restoring,
    /// It is back at what it had.
    Restored,
}

/// One site in a roll-out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteState {
    /// Where it is.
    pub step: Step,
    /// The revision on its way or in force.
    pub revision: Option<u64>,
    /// Whether it served in full before.
    pub was_full: bool,
    /// Whether its link stands.
    pub connected: bool,
    /// What there is to say of it.
    pub note: Option<String>,
    /// When it was last heard as it should be: link up, and reporting under the right revision.
    heard: Utc,
    good: u32,
    short: u32,
}

/// A roll-out on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    plan: Plan,
    phase: Phase,
    sites: BTreeMap<SiteId, SiteState>,
    /// Since when the phase has lasted.
    since: Utc,
    /// Why it is taken back.
    why: Option<String>,
    #[serde(skip)]
    outputs: VecDeque<Output>,
}

impl Rollout {
    /// Begins: the first site's turn.
    ///
    /// # Errors
    /// The plan makes no sense, or the first site is away or falls short already, so that it could not show anything.
    pub fn start(now: Utc, plan: Plan, standing: &BTreeMap<SiteId, Standing>) -> Result<Self, PlanError> {
        check(&plan)?;
        let unknown = Standing::default();
        let of = |site: &SiteId| standing.get(site).unwrap_or(&unknown);
        let first = of(&plan.canary);
        let unfit = |reason: String| Err(PlanError::Unfit { site: plan.canary.clone(), reason });
        match &first.service {
            _ if !first.connected => return unfit("it is not connected".to_owned()),
            None => return unfit("it does not say how well it serves".to_owned()),
            Some(service) if !service.is_full() => return unfit(shortcomings(service)),
            Some(_) => {}
        }
        let state = |site: &SiteId| SiteState {
            step: Step::Waiting,
            revision: None,
            was_full: of(site).service.as_ref().is_some_and(Service::is_full),
            connected: of(site).connected,
            note: None,
            heard: now,
            good: 0,
            short: 0,
        };
        let sites = plan.sites.iter().map(|site| (site.clone(), state(site))).collect();
        let canary = plan.canary.clone();
        let mut rollout = Self { plan, phase: Phase::Applying, sites, since: now, why: None, outputs: VecDeque::new() };
        rollout.send(now, &canary);
        Ok(rollout)
    }

    /// Goes on after a time in which nothing could be heard: everyone gets his whole patience again, and must report anew.
    pub fn resume(&mut self, now: Utc) {
        for state in self.sites.values_mut() {
            (state.heard, state.connected, state.good, state.short) = (now, false, 0, 0);
        }
        if self.phase == Phase::RollingBack {
            self.since = now;
        }
    }

    /// Takes one input. What follows waits in [`Rollout::poll`].
    pub fn handle(&mut self, now: Utc, input: Input) {
        match input {
            Input::Sent { site, revision } => self.with(&site, |state| state.revision = Some(revision)),
            Input::Applied { site, revision } => self.applied(now, &site, revision),
            Input::Rejected { site, revision, reason } => {
                if self.awaits(&site, revision) {
                    self.with(&site, |state| state.note = Some(format!("rejected: {reason}")));
                    if self.phase == Phase::RollingBack {
                        self.with(&site, |state| state.step = Step::Restored);
                    } else {
                        self.roll_back(now, format!("{site} rejected it: {reason}"));
                    }
                }
            }
            Input::Report { site, revision, service } => self.report(now, &site, revision, service.as_ref()),
            Input::Link { site, connected } => self.with(&site, |state| {
                if connected && !state.connected {
                    state.heard = now;
                }
                state.connected = connected;
            }),
            Input::Abort { by } => {
                if matches!(self.phase, Phase::Applying | Phase::Soaking) {
                    self.roll_back(now, format!("called off by {by}"));
                }
            }
            Input::Timer => {}
        }
        self.advance(now);
    }

    /// The next thing to be done, in order.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timer`] is due at the latest; `None` once it is over.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Utc> {
        let soak = self.since.plus_seconds(self.soak_s());
        match self.phase {
            Phase::Applying => self.impatient_at(Step::Sent),
            Phase::Soaking => Some(self.impatient_at(Step::Applied).map_or(soak, |at| at.min(soak))),
            Phase::RollingBack => Some(self.since.plus_seconds(self.plan.patience_s)),
            Phase::Done | Phase::RolledBack => None,
        }
    }

    /// What it was asked to do.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Done | Phase::RolledBack)
    }

    /// Why it was taken back.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// Every site's place in it.
    #[must_use]
    pub fn sites(&self) -> &BTreeMap<SiteId, SiteState> {
        &self.sites
    }

    fn with(&mut self, site: &SiteId, change: impl FnOnce(&mut SiteState)) {
        if let Some(state) = self.sites.get_mut(site) {
            change(state);
        }
    }

    fn awaits(&self, site: &SiteId, revision: u64) -> bool {
        let pending = |state: &SiteState| matches!(state.step, Step::Sent | Step::Restoring);
        self.sites.get(site).is_some_and(|state| pending(state) && state.revision == Some(revision))
    }

    fn send(&mut self, now: Utc, site: &SiteId) {
        self.with(site, |state| {
            (state.step, state.heard, state.good, state.short) = (Step::Sent, now, 0, 0);
        });
        self.outputs.push_back(Output::Change(site.clone()));
    }

    fn applied(&mut self, now: Utc, site: &SiteId, revision: u64) {
        if self.awaits(site, revision) {
            self.with(site, |state| {
                state.step = if state.step == Step::Sent { Step::Applied } else { Step::Restored };
                state.heard = now;
            });
        }
    }

    fn report(&mut self, now: Utc, site: &SiteId, revision: Option<u64>, service: Option<&Service>) {
        let Some(state) = self.sites.get_mut(site) else { return };
        if state.step != Step::Applied || revision.is_none() || revision != state.revision {
            return;
        }
        state.heard = now;
        // Who fell short before cannot be judged by it; who has said how he does must go on saying it.
        if !state.was_full || service.is_some_and(Service::is_full) {
            (state.good, state.short) = (state.good + 1, 0);
        } else {
            (state.good, state.short) = (0, state.short + 1);
        }
        if state.short >= MAX_SHORT && matches!(self.phase, Phase::Applying | Phase::Soaking) {
            let said = service.map_or_else(|| "it no longer says how well it serves".to_owned(), shortcomings);
            state.note = Some(said.clone());
            self.roll_back(now, format!("{site}: {said}"));
        }
    }

    fn advance(&mut self, now: Utc) {
        match self.phase {
            Phase::Applying | Phase::Soaking => {
                if let Some((site, reason)) = self.given_up(now) {
                    self.with(&site, |state| state.note = Some(reason.to_owned()));
                    return self.roll_back(now, format!("{site} {reason}"));
                }
                let all_answered = self.sites.values().all(|state| state.step != Step::Sent);
                if self.phase == Phase::Applying && all_answered {
                    (self.phase, self.since) = (Phase::Soaking, now);
                } else if self.phase == Phase::Soaking && now >= self.since.plus_seconds(self.soak_s()) && self.shown()
                {
                    self.next_batch(now);
                }
            }
            Phase::RollingBack => {
                let left = self.sites.values().filter(|state| state.step == Step::Restoring).count();
                if left == 0 || now >= self.since.plus_seconds(self.plan.patience_s) {
                    // Who is away now gets it when he is back: it is what is desired of him.
                    self.phase = Phase::RolledBack;
                }
            }
            Phase::Done | Phase::RolledBack => {}
        }
    }

    /// Who had it and has let the others wait for too long, and why.
    fn given_up(&self, now: Utc) -> Option<(SiteId, &'static str)> {
        self.sites.iter().find_map(|(site, state)| {
            let late = now >= state.heard.plus_seconds(self.plan.patience_s);
            let reason = match state.step {
                Step::Sent | Step::Applied if late && !state.connected => "was lost",
                Step::Sent if late => "did not answer",
                Step::Applied if late => "does not report",
                _ => return None,
            };
            Some((site.clone(), reason))
        })
    }

    /// When the first of those in a step is given up, if nothing is heard.
    fn impatient_at(&self, step: Step) -> Option<Utc> {
        let waits = |state: &&SiteState| state.step == step || state.step == Step::Applied;
        self.sites.values().filter(waits).map(|state| state.heard.plus_seconds(self.plan.patience_s)).min()
    }

    fn soak_s(&self) -> f64 {
        let first_only =
            self.sites.iter().all(|(site, state)| *site == self.plan.canary || state.step == Step::Waiting);
        if first_only { self.plan.soak_s } else { self.plan.soak_s.min(BATCH_SOAK_S) }
    }

    /// Whether everyone who has it has shown that it does no harm.
    fn shown(&self) -> bool {
        self.sites.values().filter(|state| state.step == Step::Applied).all(|state| state.good >= MIN_REPORTS)
    }

    fn next_batch(&mut self, now: Utc) {
        let waiting: Vec<SiteId> =
            self.sites.iter().filter(|(_, state)| state.step == Step::Waiting).map(|(site, _)| site.clone()).collect();
        let mut sent = 0;
        for site in waiting {
            if self.sites.get(&site).is_some_and(|state| !state.connected) {
                self.with(&site, |state| {
                    state.step = Step::Absent;
                    state.note = Some("was not connected when its turn came".to_owned());
                });
            } else if sent < self.plan.batch {
                self.send(now, &site);
                sent += 1;
            }
        }
        (self.phase, self.since) = (if sent > 0 { Phase::Applying } else { Phase::Done }, now);
    }

    fn roll_back(&mut self, now: Utc, why: String) {
        (self.phase, self.since, self.why) = (Phase::RollingBack, now, Some(why));
        for (site, state) in &mut self.sites {
            if matches!(state.step, Step::Sent | Step::Applied) {
                (state.step, state.revision) = (Step::Restoring, None);
                self.outputs.push_back(Output::Restore(site.clone()));
            }
        }
    }
}

fn shortcomings(service: &Service) -> String {
    let said: Vec<String> = service.shortfalls().iter().map(ToString::to_string).collect();
    format!("it falls short: {}", said.join(", "))
}

fn check(plan: &Plan) -> Result<(), PlanError> {
    if !(1..=MAX_SITES).contains(&plan.sites.len()) {
        return Err(PlanError::Sites(plan.sites.len()));
    }
    if !plan.sites.contains(&plan.canary) {
        return Err(PlanError::Canary(plan.canary.clone()));
    }
    if !(1.0..=604_800.0).contains(&plan.soak_s) {
        return Err(PlanError::Number("soak_s", "1 second to 7 days"));
    }
    if !(1..=MAX_SITES).contains(&plan.batch) {
        return Err(PlanError::Number("batch", "1 to 1024 sites"));
    }
    if !(5.0..=3600.0).contains(&plan.patience_s) {
        return Err(PlanError::Number("patience_s", "5 seconds to an hour"));
    }
    Ok(())
}
