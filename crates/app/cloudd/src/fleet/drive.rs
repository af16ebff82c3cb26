//! The task that brings nodes to what is desired of them, and drives the roll-out.
//!
//! It compares, again and again: what a node was told on the connection that it has now, with what is desired of it now.
//! So nothing need be remembered over a restart of either side, and a configuration that comes in two halves of a second
//! is told once.

use super::{Fleet, conditions, store};
use crate::audit;
use crate::caller::{Caller, Right};
use crate::fleet::reply::Refusal;
use jxz_fleet::{Input, Output, Phase, Plan, Rollout, Standing, Step};
use jxz_link::utc_now;
use jxz_units::Utc;
use jxz_wire::{Desired, DesiredReply, Outcome};
use jxz_world::SiteId;
use rusqlite::Transaction;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use store::Head;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

/// How often everything is compared when nothing calls for it.
const LOOK: Duration = Duration::from_millis(250);
/// Pause before a node that did not answer is told again.
const TELL_AGAIN: Duration = Duration::from_secs(5);

/// How often it is looked whether a road condition has ended when nobody has entered one or taken one back.
const LAY: Duration = Duration::from_secs(5);

/// What an operator asks for.
pub(super) enum Command {
    /// Begin a roll-out.
    Start { plan: Plan, change: Value, by: Caller, reply: oneshot::Sender<Result<i64, Refusal>> },
    /// Call off the roll-out of this number.
    Abort { number: i64, by: Caller, reply: oneshot::Sender<Result<(), Refusal>> },
}

/// What was told to a node, and on which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    connection: usize,
    revision: u64,
}

struct Active {
    number: i64,
    change: Value,
    rollout: Rollout,
    /// As the catalogue has it.
    kept: Progress,
}

impl Active {
    fn resumed(row: store::RolloutRow) -> Self {
        let mut rollout = row.state;
        let kept = progress(&rollout);
        rollout.resume(utc_now());
        Self { number: row.number, change: row.change, rollout, kept }
    }
}

/// What there is to keep of a roll-out: where it is, not whom it heard when.
type Progress = (Phase, Vec<(SiteId, Step, Option<u64>)>);

fn progress(rollout: &Rollout) -> Progress {
    let sites = rollout.sites().iter().map(|(site, state)| (site.clone(), state.step, state.revision));
    (rollout.phase(), sites.collect())
}

type Answer = (SiteId, Told, Result<DesiredReply, String>);

pub(super) struct Driver {
    fleet: Fleet,
    orders: mpsc::Receiver<Command>,
    heads: BTreeMap<SiteId, Head>,
    /// What each node has answered for.
    told: BTreeMap<SiteId, Told>,
    /// What is on its way to each node.
    telling: BTreeMap<SiteId, Told>,
    again_at: BTreeMap<SiteId, Instant>,
    answers: JoinSet<Answer>,
    active: Option<Active>,
    /// When road conditions are looked at next.
    lay_at: Instant,
    /// The newest health report seen of each node, and whether its link stood.
    seen: BTreeMap<SiteId, (Option<Utc>, bool)>,
}

impl Driver {
    pub(super) async fn open(fleet: Fleet, orders: mpsc::Receiver<Command>) -> anyhow::Result<Self> {
        let (heads, active) = fleet.catalogue.run(|t| Ok((store::heads(t)?, store::active_rollout(t)?))).await?;
        let active = active.map(Active::resumed);
        if let Some(Active { number, rollout, .. }) = &active {
            tracing::info!(number, phase = ?rollout.phase(), "goes on with a roll-out");
        }
        Ok(Self {
            fleet,
            orders,
            heads,
            told: BTreeMap::new(),
            telling: BTreeMap::new(),
            again_at: BTreeMap::new(),
            answers: JoinSet::new(),
            active,
            lay_at: Instant::now(),
            seen: BTreeMap::new(),
        })
    }

    pub(super) async fn run(mut self) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut changes = self.fleet.links.changes();
        let wake = std::sync::Arc::clone(&self.fleet.wake);
        loop {
            tokio::select! {
                _ = look.tick() => {}
                _ = changes.changed() => {}
                () = wake.notified() => {
                    self.read_heads().await;
                    self.lay_at = Instant::now();
                }
                Some(answer) = self.answers.join_next() => match answer {
                    Ok(answer) => self.answered(answer).await,
                    Err(error) => tracing::error!(%error, "a task that tells a node broke down"),
                },
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return,
                },
            }
            self.watch();
            self.lay().await;
            self.drive().await;
            self.tell();
        }
    }

    async fn read_heads(&mut self) {
        match self.fleet.catalogue.run(store::heads).await {
            Ok(heads) => self.heads = heads,
            Err(error) => tracing::error!("cannot read what is desired: {error:#}"),
        }
    }

    /// Brings the road conditions that operators entered into the sites' configurations, a roll-out's sites among them:
    /// who warns of ice does not wait for a soak.
    async fn lay(&mut self) {
        if Instant::now() < self.lay_at {
            return;
        }
        self.lay_at = Instant::now() + LAY;
        let active = self.active.as_ref().map(|active| (active.number, active.change.clone(), active.rollout.clone()));
        let laid = self.fleet.catalogue.run(move |t| {
            let (laid, held) = conditions::lay(t, utc_now(), active.as_ref().map(|(number, ..)| *number))?;
            if laid.is_empty() {
                return Ok((held, None));
            }
            // In the one transaction: a cloud that dies here knows of the roll-out which revisions it waits for, or has made none.
            let rollout =
                active.map(|(number, change, rollout)| sent(t, number, &change, rollout, laid)).transpose()?;
            Ok((held, Some((rollout, store::heads(t)?))))
        });
        match laid.await {
            Ok((held, laid)) => {
                self.fleet.stats.conditions_held.store(held, Relaxed);
                let Some((rollout, heads)) = laid else { return };
                self.heads = heads;
                if let Some((active, rollout)) = self.active.as_mut().zip(rollout) {
                    active.rollout = rollout;
                }
            }
            Err(error) => tracing::error!("cannot bring road conditions to the sites: {error:#}"),
        }
    }

    /// Tells every node that is connected and has not been told on this connection.
    fn tell(&mut self) {
        let now = Instant::now();
        for (site, link) in self.fleet.links.standing() {
            let Some(head) = self.heads.get(&site) else { continue };
            let told = Told { connection: link.id, revision: head.revision };
            let waits = self.again_at.get(&site).is_some_and(|at| now < *at);
            if self.told.get(&site) == Some(&told) || self.telling.contains_key(&site) || waits {
                continue;
            }
            self.telling.insert(site.clone(), told);
            let desired = Desired { revision: head.revision, document: head.text.clone().into_bytes() };
            let links = self.fleet.links.clone();
            self.answers.spawn(async move {
                let answer = links.configure(&site, &desired).await.map_err(|error| error.to_string());
                (site, told, answer)
            });
        }
    }

    async fn answered(&mut self, (site, told, answer): Answer) {
        self.telling.remove(&site);
        let reply = match answer {
            Ok(reply) => reply,
            Err(reason) => {
                tracing::warn!(%site, revision = told.revision, reason, "a node was not told what to run");
                self.again_at.insert(site, Instant::now() + TELL_AGAIN);
                return;
            }
        };
        self.again_at.remove(&site);
        let current = self.heads.get(&site).filter(|head| head.revision == told.revision).map(Head::digest);
        let (reason, input) = match reply.outcome {
            // What it has is not what was sent: as good as no answer.
            Outcome::Applied { digest } if current.is_some_and(|expected| expected != digest) => {
                tracing::error!(%site, revision = told.revision, "a node took on another document than it was told");
                self.again_at.insert(site, Instant::now() + TELL_AGAIN);
                return;
            }
            Outcome::Applied { .. } => (None, Input::Applied { site: site.clone(), revision: told.revision }),
            Outcome::Rejected(reason) => {
                tracing::warn!(%site, revision = told.revision, reason, "a node rejects what it is to run");
                let input = Input::Rejected { site: site.clone(), revision: told.revision, reason: reason.clone() };
                (Some(reason), input)
            }
        };
        self.told.insert(site.clone(), told);
        let noted = self
            .fleet
            .catalogue
            .run(move |t| store::note_answer(t, &site, told.revision, reason.as_deref(), utc_now()));
        if let Err(error) = noted.await {
            tracing::error!("cannot note a node's answer: {error:#}");
        }
        if let Some(active) = &mut self.active {
            active.rollout.handle(utc_now(), input);
        }
    }

    /// Passes what nodes report on to the roll-out.
    fn watch(&mut self) {
        let moment = std::sync::Arc::clone(&self.fleet.moments.borrow());
        let standing = self.fleet.links.standing();
        let now = utc_now();
        for node in &moment.view.nodes {
            let connected = standing.contains_key(&node.site);
            let at = node.health.as_ref().map(|health| health.at);
            let (seen_at, was_connected) = self.seen.get(&node.site).copied().unwrap_or((None, false));
            self.seen.insert(node.site.clone(), (at, connected));
            let Some(active) = &mut self.active else { continue };
            let site = node.site.clone();
            if connected != was_connected {
                active.rollout.handle(now, Input::Link { site: site.clone(), connected });
            }
            if let Some(health) = node.health.as_ref().filter(|health| Some(health.at) > seen_at) {
                let revision = health.running.config.map(|config| config.revision);
                active.rollout.handle(now, Input::Report { site, revision, service: health.service.clone() });
            }
        }
        if let Some(active) = &mut self.active
            && active.rollout.next_deadline().is_some_and(|due| due <= now)
        {
            active.rollout.handle(now, Input::Timer);
        }
    }

    /// Does what the roll-out asks for, and keeps it when it has come further.
    async fn drive(&mut self) {
        let Some(active) = &mut self.active else { return };
        let outputs: Vec<Output> = std::iter::from_fn(|| active.rollout.poll()).collect();
        if outputs.is_empty() && progress(&active.rollout) == active.kept {
            return;
        }
        let (number, change, mut rollout) = (active.number, active.change.clone(), active.rollout.clone());
        let kept = self.fleet.catalogue.run(move |t| {
            for output in outputs {
                carry_out(t, number, &change, output, &mut rollout)?;
            }
            store::keep_rollout(t, number, &rollout)?;
            if rollout.is_over() {
                let detail = json!({ "rollout": number, "phase": rollout.phase(), "why": rollout.why() });
                audit::write(t, utc_now(), &cloud(), "rollout.end", &detail)?;
            }
            Ok((rollout, store::heads(t)?))
        });
        match kept.await {
            Ok((rollout, heads)) => {
                tracing::info!(number, phase = ?rollout.phase(), why = rollout.why(), "roll-out");
                self.heads = heads;
                (active.kept, active.rollout) = (progress(&rollout), rollout);
                if active.rollout.is_over() {
                    self.active = None;
                }
            }
            Err(error) => {
                // Nothing was changed; what it asked for is asked for again when it is read anew.
                tracing::error!(number, "cannot go on with a roll-out: {error:#}");
                self.reread(number).await;
            }
        }
    }

    async fn reread(&mut self, number: i64) {
        tokio::time::sleep(LOOK).await;
        if let Ok(Some(row)) = self.fleet.catalogue.run(store::active_rollout).await
            && row.number == number
        {
            self.active = Some(Active::resumed(row));
            self.seen.clear();
        }
    }

    async fn obey(&mut self, order: Command) {
        match order {
            Command::Start { plan, change, by, reply } => {
                let started = self.start(plan, change, by).await;
                let _ = reply.send(started);
            }
            Command::Abort { number, by, reply } => {
                let aborted = self.abort(number, by).await;
                let _ = reply.send(aborted);
            }
        }
    }

    async fn start(&mut self, plan: Plan, change: Value, by: Caller) -> Result<i64, Refusal> {
        if let Some(active) = &self.active {
            return Err(Refusal::conflict(format!("roll-out {} is on its way: one at a time", active.number)));
        }
        let rollout = Rollout::start(utc_now(), plan, &self.standing())?;
        let (mut kept, said) = (rollout.clone(), change.clone());
        let number = self.fleet.catalogue.run(move |t| {
            for site in &kept.plan().sites {
                // What could not be taken by some site is not begun.
                let document = store::head(t, site)?.map(|head| head.document).unwrap_or_default();
                document.changed(&said).map_err(Refusal::from)?;
            }
            // The outputs are not kept: they are carried out here, or the roll-out does not exist.
            let number = store::add_rollout(t, &kept, &said, utc_now(), &by)?;
            while let Some(output) = kept.poll() {
                carry_out(t, number, &said, output, &mut kept)?;
            }
            store::keep_rollout(t, number, &kept)?;
            let plan = kept.plan();
            let detail = json!({ "rollout": number, "change": said, "canary": plan.canary, "sites": plan.sites,
                "soak_s": plan.soak_s, "batch": plan.batch });
            audit::write(t, utc_now(), &by, "rollout.start", &detail)?;
            Ok((number, kept, store::heads(t)?))
        });
        let (number, rollout, heads) = number.await?;
        self.heads = heads;
        self.active = Some(Active { number, change, kept: progress(&rollout), rollout });
        Ok(number)
    }

    async fn abort(&mut self, number: i64, by: Caller) -> Result<(), Refusal> {
        let Some(active) = self.active.as_mut().filter(|active| active.number == number) else {
            return Err(Refusal::conflict(format!("roll-out {number} is not on its way")));
        };
        let who = by.name.clone();
        self.fleet
            .catalogue
            .run(move |t| audit::write(t, utc_now(), &by, "rollout.abort", &json!({ "rollout": number })))
            .await?;
        active.rollout.handle(utc_now(), Input::Abort { by: who });
        Ok(())
    }

    fn standing(&self) -> BTreeMap<SiteId, Standing> {
        let moment = std::sync::Arc::clone(&self.fleet.moments.borrow());
        let links = self.fleet.links.standing();
        let of = |node: &jxz_cloud::NodeView| Standing {
            connected: links.contains_key(&node.site),
            service: super::view::live_health(node).and_then(|health| health.service.clone()),
        };
        moment.view.nodes.iter().map(|node| (node.site.clone(), of(node))).collect()
    }
}

/// Who does what the cloud does by itself.
pub(super) fn cloud() -> Caller {
    Caller { name: "jxz-cloud".to_owned(), right: Right::Operator }
}

/// Tells a roll-out of revisions that were made for another reason, and does what it asks for then.
fn sent(
    t: &Transaction<'_>,
    number: i64,
    change: &Value,
    mut rollout: Rollout,
    revisions: Vec<(SiteId, u64)>,
) -> anyhow::Result<Rollout> {
    for (site, revision) in revisions {
        rollout.handle(utc_now(), Input::Sent { site, revision });
    }
    while let Some(output) = rollout.poll() {
        carry_out(t, number, change, output, &mut rollout)?;
    }
    store::keep_rollout(t, number, &rollout)?;
    Ok(rollout)
}

/// Makes a revision of what a roll-out asks for.
fn carry_out(
    t: &Transaction<'_>,
    number: i64,
    change: &Value,
    output: Output,
    rollout: &mut Rollout,
) -> anyhow::Result<()> {
    let now = utc_now();
    let (site, document, why) = match output {
        Output::Change(site) => {
            let before = store::head(t, &site)?.map(|head| head.document).unwrap_or_default();
            store::keep_before(t, number, &site, &before)?;
            let document = before.changed(change)?;
            (site, document, format!("roll-out {number}"))
        }
        Output::Restore(site) => {
            let before = store::before(t, number, &site)?;
            (site, before, format!("roll-out {number} taken back"))
        }
    };
    let revision = store::desire(t, &site, &document, now, ("jxz-cloud", &why))?;
    let detail = json!({ "site": site, "revision": revision, "why": why });
    audit::write(t, now, &cloud(), "node.configure", &detail)?;
    rollout.handle(now, Input::Sent { site, revision });
    Ok(())
}
