//! Roll-outs in virtual time, over sites that answer and report as told.

#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]

use jxz_fleet::{Input, Output, Phase, Plan, PlanError, Rollout, Standing, Step};
use jxz_units::Utc;
use jxz_world::{SensorId, Service, Shortfall, SiteId};
use std::collections::{BTreeMap, BTreeSet};

const SITES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn site(name: &str) -> SiteId {
    SiteId(name.to_owned())
}

fn at(s: f64) -> Utc {
    Utc::from_unix_ms(1_786_270_272_000).plus_seconds(s)
}

fn plan() -> Plan {
    let sites: BTreeSet<SiteId> = SITES.iter().map(|name| site(name)).collect();
    Plan { sites, canary: site("c"), soak_s: 60.0, batch: 2, patience_s: 30.0 }
}

fn silent() -> Service {
    Service::Degraded(vec![Shortfall::SensorSilent(SensorId("radar-1".into()))])
}

/// One node as the roll-out sees it.
#[derive(Clone)]
struct Node {
    up: bool,
    desired: u64,
    runs: u64,
    /// Revisions from here on it cannot bear: it falls short under them.
    suffers: bool,
    rejects: bool,
}

/// The island, second by second.
struct Island {
    now_s: f64,
    rollout: Rollout,
    nodes: BTreeMap<SiteId, Node>,
    /// Who got the change and when, and who got the old one back.
    sent: Vec<(String, f64)>,
    restored: Vec<String>,
}

impl Island {
    fn new() -> Self {
        Self::with(|_, _| {}).unwrap()
    }

    fn with(change: impl Fn(&str, &mut Standing)) -> Result<Self, PlanError> {
        let mut standing = BTreeMap::new();
        for name in SITES {
            let mut one = Standing { connected: true, service: Some(Service::Full) };
            change(name, &mut one);
            standing.insert(site(name), one);
        }
        let node = |s: &Standing| Node { up: s.connected, desired: 1, runs: 1, suffers: false, rejects: false };
        let nodes = standing.iter().map(|(id, s)| (id.clone(), node(s))).collect();
        let rollout = Rollout::start(at(0.0), plan(), &standing)?;
        Ok(Self { now_s: 0.0, rollout, nodes, sent: vec![], restored: vec![] })
    }

    fn node(&mut self, name: &str) -> &mut Node {
        self.nodes.get_mut(&site(name)).unwrap()
    }

    fn say(&mut self, input: Input) {
        self.rollout.handle(at(self.now_s), input);
    }

    /// What the daemon does: makes revisions of what comes out.
    fn drive(&mut self) {
        while let Some(output) = self.rollout.poll() {
            let (id, back) = match output {
                Output::Change(id) => (id, false),
                Output::Restore(id) => (id, true),
            };
            if back {
                self.restored.push(id.0.clone())
            } else {
                self.sent.push((id.0.clone(), self.now_s))
            }
            let node = self.nodes.get_mut(&id).unwrap();
            node.desired += 1;
            if back {
                node.suffers = false;
            }
            let revision = node.desired;
            self.say(Input::Sent { site: id, revision });
        }
    }

    /// Nodes take on what is desired and report, once a second.
    fn run_to(&mut self, until_s: f64) {
        while self.now_s < until_s {
            self.drive();
            for (id, node) in self.nodes.clone() {
                if !node.up {
                    continue;
                }
                let (site, revision) = (id.clone(), node.desired);
                if node.rejects && node.runs != node.desired {
                    self.say(Input::Rejected { site, revision, reason: "no such key".into() });
                } else if node.runs != node.desired {
                    self.nodes.get_mut(&id).unwrap().runs = node.desired;
                    self.say(Input::Applied { site, revision });
                }
                let node = &self.nodes[&id];
                let service = Some(if node.suffers && node.runs > 1 { silent() } else { Service::Full });
                self.say(Input::Report { site: id.clone(), revision: Some(node.runs), service });
            }
            self.drive();
            self.now_s += 1.0;
            if self.rollout.next_deadline().is_some_and(|due| due <= at(self.now_s)) {
                self.say(Input::Timer);
            }
        }
        self.drive();
    }

    fn steps(&self) -> Vec<Step> {
        self.rollout.sites().values().map(|state| state.step).collect()
    }
}

#[test]
fn the_first_site_soaks_alone_and_the_rest_follow_in_batches() {
    let mut island = Island::new();
    island.run_to(59.0);
    assert_eq!(island.sent, [("c".to_owned(), 0.0)], "nobody else before the soak is over");
    assert_eq!(island.rollout.phase(), Phase::Soaking);
    island.run_to(120.0);
    assert_eq!(island.rollout.phase(), Phase::Done);
    let order: Vec<&str> = island.sent.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(order, ["c", "a", "b", "d", "e", "f"]);
    let times: Vec<f64> = island.sent.iter().map(|(_, s)| *s).collect();
    assert!(times[1] >= 60.0 && times[1] == times[2] && times[3] >= times[1] + 10.0 && times[5] >= times[3] + 10.0);
    assert_eq!(island.steps(), [Step::Applied; 6]);
    assert_eq!(island.rollout.next_deadline(), None);
}

#[test]
fn a_first_site_that_falls_short_gets_back_what_it_had_and_nobody_else_is_touched() {
    let mut island = Island::new();
    island.node("c").suffers = true;
    island.run_to(10.0);
    assert_eq!(island.rollout.phase(), Phase::RolledBack);
    assert_eq!((island.sent.len(), island.restored.as_slice()), (1, &["c".to_owned()][..]));
    assert_eq!(island.rollout.why(), Some("c: it falls short: sensor_silent (radar-1)"));
    island.run_to(300.0);
    assert_eq!(island.sent.len(), 1);
}

#[test]
fn one_short_report_is_chance() {
    let mut island = Island::new();
    island.run_to(5.0);
    island.node("c").suffers = true;
    island.run_to(6.0);
    island.node("c").suffers = false;
    island.run_to(120.0);
    assert_eq!(island.rollout.phase(), Phase::Done);
}

#[test]
fn a_site_of_a_later_batch_that_rejects_takes_the_change_from_everyone() {
    let mut island = Island::new();
    island.node("d").rejects = true;
    island.run_to(200.0);
    assert_eq!(island.rollout.phase(), Phase::RolledBack);
    assert_eq!(island.rollout.why(), Some("d rejected it: no such key"));
    let back: BTreeSet<&str> = island.restored.iter().map(String::as_str).collect();
    assert_eq!(back, ["a", "b", "c", "d", "e"].into(), "f never had it");
    assert_eq!(island.rollout.sites()[&site("f")].step, Step::Waiting);
}

#[test]
fn a_site_that_is_lost_after_it_got_the_change_ends_it() {
    let mut island = Island::new();
    island.run_to(5.0);
    island.node("c").up = false;
    island.say(Input::Link { site: site("c"), connected: false });
    island.run_to(30.0);
    assert_eq!(island.rollout.phase(), Phase::Soaking, "it may come back");
    island.run_to(40.0);
    assert_eq!((island.rollout.phase(), island.rollout.why()), (Phase::RollingBack, Some("c was lost")));
    island.run_to(80.0);
    assert_eq!(island.rollout.phase(), Phase::RolledBack, "what it had is desired of it again when it is back");
    assert_eq!(island.restored, ["c"]);
}

#[test]
fn a_site_that_answers_and_then_says_no_more_ends_it_too() {
    let mut island = Island::new();
    island.run_to(3.0);
    island.node("c").up = false;
    island.run_to(50.0);
    assert_eq!(island.rollout.why(), Some("c does not report"));
}

#[test]
fn who_is_away_at_his_turn_is_left_out_and_who_fell_short_before_is_no_failure() {
    let mut island = Island::with(|name, standing| match name {
        "a" => standing.connected = false,
        "e" => standing.service = Some(silent()),
        _ => {}
    })
    .unwrap();
    island.node("e").suffers = true;
    island.run_to(200.0);
    assert_eq!(island.rollout.phase(), Phase::Done);
    assert_eq!(island.rollout.sites()[&site("a")].step, Step::Absent);
    assert_eq!(island.rollout.sites()[&site("e")].step, Step::Applied);
}

#[test]
fn it_goes_on_from_what_was_stored_at_any_moment() {
    let mut whole = Island::new();
    whole.run_to(200.0);
    for restart_s in [1.0, 30.0, 61.0, 72.0] {
        let mut island = Island::new();
        island.run_to(restart_s);
        let stored = serde_json::to_string(&island.rollout).unwrap();
        // For longer than anyone's patience there is no cloud.
        (island.rollout, island.now_s) = (serde_json::from_str(&stored).unwrap(), restart_s + 100.0);
        island.rollout.resume(at(island.now_s));
        for name in SITES {
            island.say(Input::Link { site: site(name), connected: true });
        }
        island.run_to(400.0);
        let order = |island: &Island| island.sent.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(
            (island.rollout.phase(), order(&island)),
            (Phase::Done, order(&whole)),
            "restarted at {restart_s} s"
        );
    }
}

#[test]
fn a_clock_set_forward_does_not_hurry_it_past_the_nodes() {
    let mut island = Island::new();
    island.run_to(2.0);
    island.say(Input::Applied { site: site("c"), revision: 2 });
    let stored = serde_json::to_string(&island.rollout).unwrap();
    // A fresh start, a day later by its clock: nothing was heard meanwhile.
    let mut rollout: Rollout = serde_json::from_str(&stored).unwrap();
    rollout.resume(at(86_400.0));
    rollout.handle(at(86_400.0), Input::Timer);
    assert_ne!(rollout.phase(), Phase::Applying, "no batch is sent on the clock's word alone");
    assert_ne!(rollout.poll(), Some(Output::Change(site("a"))));
}

#[test]
fn it_can_be_called_off() {
    let mut island = Island::new();
    island.run_to(75.0);
    island.say(Input::Abort { by: "duty".into() });
    island.run_to(80.0);
    assert_eq!((island.rollout.phase(), island.rollout.why()), (Phase::RolledBack, Some("called off by duty")));
    assert_eq!(island.restored.len(), island.sent.len());
    island.say(Input::Abort { by: "again".into() });
    assert_eq!(island.rollout.why(), Some("called off by duty"));
}

#[test]
fn a_plan_that_could_show_nothing_is_refused() {
    let away = Island::with(|name, standing| standing.connected = name != "c").err().unwrap();
    assert_eq!(away.to_string(), "c cannot be first: it is not connected");
    let short = Island::with(|_, standing| standing.service = Some(silent())).err().unwrap();
    assert!(short.to_string().contains("sensor_silent"), "{short}");
    let mute = Island::with(|_, standing| standing.service = None).err().unwrap();
    assert!(mute.to_string().contains("does not say"), "{mute}");
    let standing = BTreeMap::new();
    let refused = |plan: Plan| Rollout::start(at(0.0), plan, &standing).err().unwrap();
    assert!(matches!(refused(Plan { canary: site("z"), ..plan() }), PlanError::Canary(_)));
    assert!(matches!(refused(Plan { sites: BTreeSet::new(), ..plan() }), PlanError::Sites(0)));
    assert!(matches!(refused(Plan { soak_s: f64::NAN, ..plan() }), PlanError::Number("soak_s", _)));
    assert!(matches!(refused(Plan { batch: 0, ..plan() }), PlanError::Number("batch", _)));
}
