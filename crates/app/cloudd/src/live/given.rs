//! What a console has been given, and what of the next moment is news to it.

use super::looking::Looking;
use crate::picture::{Row, columns};
use jxz_wire::console::v1 as wire;
use std::collections::HashMap;

/// A turn or change of speed below these waits for a movement that can be seen.
const UNSEEN_TURN_DECIDEG: u16 = 50;
const UNSEEN_CHANGE_CMPS: u32 = 50;

/// A road user that a console has, in its slot.
#[derive(Debug, Clone)]
struct Slot {
    row: Row,
    /// The frame in which it was in view last.
    seen: u64,
}

/// What a console has. Slots are numbered as the console numbers them (`RoadUserChanges` in the proto).
#[derive(Debug, Default)]
pub(crate) struct Given {
    slots: Vec<Option<Slot>>,
    /// By number and site: two estimates of one number may be apart, and then are two.
    places: HashMap<(u64, u32), u32>,
    /// Slots without a road user, the lowest last.
    free: Vec<u32>,
    frames: u64,
}

impl Given {
    /// Everything anew: the rows, in the order of their slots.
    pub(crate) fn whole(&mut self, rows: &[&Row]) -> wire::RoadUsers {
        self.frames += 1;
        self.slots.clear();
        self.places.clear();
        self.free.clear();
        for row in rows {
            self.add(row);
        }
        columns(self.slots.iter().flatten().map(|slot| &slot.row))
    }

    /// What is not as it was given; `looking` says which movements can be seen.
    pub(crate) fn changes(&mut self, rows: &[&Row], looking: &Looking) -> wire::RoadUserChanges {
        self.frames += 1;
        let mut changes = wire::RoadUserChanges::default();
        let mut known = Vec::with_capacity(rows.len());
        let mut news = Vec::new();
        for row in rows {
            let place = self.places.get(&(row.id, row.site));
            match place.and_then(|place| Some((*place, self.slots.get_mut(*place as usize)?.as_mut()?))) {
                Some((place, slot)) => {
                    slot.seen = self.frames;
                    known.push((place, *row));
                }
                None => news.push(*row),
            }
        }
        // The order of the slots, whatever order the twin has.
        known.sort_unstable_by_key(|(place, _)| *place);
        self.tell_known(&known, looking, &mut changes);
        let gone = self.gone();
        changes.gone_step = steps(gone.iter().copied());
        let mut added: Vec<u32> = news.into_iter().filter_map(|row| self.add(row)).collect();
        added.sort_unstable();
        changes.added_step = steps(added.iter().copied());
        let rows = added.iter().filter_map(|place| self.slots[*place as usize].as_ref().map(|slot| &slot.row));
        changes.added = (!added.is_empty()).then(|| columns(rows));
        // Free from the next frame on: no slot is in two of gone and added.
        self.free.extend(gone.into_iter().rev());
        changes
    }

    /// Puts a road user into a slot; `None` if it has one.
    fn add(&mut self, row: &Row) -> Option<u32> {
        let std::collections::hash_map::Entry::Vacant(vacant) = self.places.entry((row.id, row.site)) else {
            return None;
        };
        let slot = Some(Slot { row: row.clone(), seen: self.frames });
        let place = match self.free.pop() {
            Some(place) => {
                self.slots[place as usize] = slot;
                place
            }
            None => {
                self.slots.push(slot);
                self.slots.len() as u32 - 1
            }
        };
        vacant.insert(place);
        Some(place)
    }

    /// Frees the slots of those that are not in view any more.
    fn gone(&mut self) -> Vec<u32> {
        let mut gone = Vec::new();
        for (slot, place) in self.slots.iter_mut().zip(0..) {
            if let Some(old) = slot.take_if(|slot| slot.seen != self.frames) {
                self.places.remove(&(old.row.id, old.row.site));
                gone.push(place);
            }
        }
        gone
    }

    /// Notes and tells what is new of those that the console has.
    fn tell_known(&mut self, known: &[(u32, &Row)], looking: &Looking, changes: &mut wire::RoadUserChanges) {
        let (mut moved, mut marked, mut also) = (Vec::new(), Vec::new(), Vec::new());
        for (place, row) in known {
            let Some(had) = self.slots[*place as usize].as_mut().map(|slot| &mut slot.row) else { continue };
            if is_seen(had, row, looking) {
                moved.push(*place);
                changes.moved_lon_e7.push(row.lon_e7.wrapping_sub(had.lon_e7));
                changes.moved_lat_e7.push(row.lat_e7.wrapping_sub(had.lat_e7));
                changes.turned_decideg.push(i32::from(row.heading_decideg) - i32::from(had.heading_decideg));
                changes.faster_cmps.push(row.speed_cmps.wrapping_sub(had.speed_cmps) as i32);
                had.lon_e7 = row.lon_e7;
                had.lat_e7 = row.lat_e7;
                had.heading_decideg = row.heading_decideg;
                had.speed_cmps = row.speed_cmps;
            }
            if (had.class, had.freshness, had.connected) != (row.class, row.freshness, row.connected) {
                marked.push(*place);
                changes.marked_class.push(row.class.into());
                changes.marked_freshness.push(row.freshness.into());
                changes.marked_connected.push(row.connected);
                (had.class, had.freshness, had.connected) = (row.class, row.freshness, row.connected);
            }
            if had.others != row.others {
                also.push(*place);
                let site = row.others.as_deref().unwrap_or_default().to_vec();
                changes.also_seen.push(wire::AlsoSeen { road_user: row.id, site });
                had.others.clone_from(&row.others);
            }
        }
        changes.moved_step = steps(moved.into_iter());
        changes.marked_step = steps(marked.into_iter());
        changes.also_step = steps(also.into_iter());
    }
}

/// Whether the difference can be seen.
fn is_seen(had: &Row, row: &Row, looking: &Looking) -> bool {
    let moved_e7 = had.lon_e7.abs_diff(row.lon_e7).max(had.lat_e7.abs_diff(row.lat_e7));
    let turned = had.heading_decideg.abs_diff(row.heading_decideg);
    let faster = had.speed_cmps.abs_diff(row.speed_cmps);
    if looking.unseen_e7 == 0 {
        return moved_e7 > 0 || turned > 0 || faster > 0;
    }
    moved_e7 >= looking.unseen_e7 || turned >= UNSEEN_TURN_DECIDEG || faster >= UNSEEN_CHANGE_CMPS
}

/// Rising slots, each as its distance from the one before.
fn steps(places: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut last = 0;
    places.map(|place| place - std::mem::replace(&mut last, place)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::looking::tests::{row, viewport};
    use super::*;
    use jxz_wire::RoadUserPicture;
    use prost::Message as _;
    use serde_json::{Value, json};
    use std::sync::Arc;

    /// Knuth's MMIX generator.
    struct Lot(u64);

    impl Lot {
        fn below(&mut self, n: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % n
        }
    }

    /// Road users that come, wander in and out of view, change and go.
    struct Town {
        lot: Lot,
        rows: Vec<Row>,
        next: u64,
    }

    impl Town {
        fn new(seed: u64) -> Self {
            Self { lot: Lot(seed), rows: Vec::new(), next: (1 << 52) + 1 }
        }

        fn step(&mut self, most: usize) {
            let lot = &mut self.lot;
            self.rows.retain(|_| lot.below(20) > 0);
            for row in &mut self.rows {
                if lot.below(4) > 0 {
                    row.lon_e7 += lot.below(401) as i32 - 200;
                    row.lat_e7 += lot.below(401) as i32 - 200;
                    row.heading_decideg = lot.below(3601) as u16;
                    row.speed_cmps = lot.below(3_000) as u32;
                }
                match lot.below(12) {
                    0 => row.freshness = 1 + lot.below(3) as u8,
                    1 => (row.class, row.connected) = (lot.below(3) as u8, lot.below(2) == 0),
                    2 => row.others = (lot.below(2) == 0).then(|| Arc::from(vec![lot.below(3) as u32])),
                    3 => row.site = lot.below(3) as u32,
                    _ => {}
                }
            }
            while self.rows.len() < most && lot.below(5) > 0 {
                self.next += 1 + lot.below(1 << 40);
                let (lon, lat) = (1_187_000_000 + lot.below(3_000) as i32, 320_300_000 + lot.below(3_000) as i32);
                self.rows.insert(lot.below(self.rows.len() as u64 + 1) as usize, row(self.next, lon, lat));
            }
        }
    }

    fn shown(columns: &wire::RoadUsers) -> Value {
        let others = columns.also_seen.first().map_or(&[][..], |also| &also.site);
        json!([
            columns.id[0],
            columns.site[0],
            columns.class[0],
            columns.lon_e7[0],
            columns.lat_e7[0],
            columns.heading_decideg[0],
            columns.speed_cmps[0],
            columns.freshness[0],
            columns.connected[0],
            others
        ])
    }

    /// As [`shown`], of what is to be shown.
    fn wanted(rows: &[&Row]) -> Vec<Value> {
        let one = |row: &&Row| shown(&columns(core::iter::once(*row)));
        sorted(rows.iter().map(one).collect())
    }

    fn sorted(mut rows: Vec<Value>) -> Vec<Value> {
        rows.sort_by_key(|row| row[0].as_u64());
        rows
    }

    fn frame(number: u64, body: wire::frame::Body) -> wire::Frame {
        wire::Frame { sent_at_ms: 1_786_270_272_000 + 100 * number, body: Some(body), number }
    }

    fn sites(freshness: wire::Freshness) -> Vec<wire::SiteState> {
        let site = |id: &str| wire::SiteState {
            id: id.to_owned(),
            freshness: freshness as i32,
            last_heard_ms: Some(40),
            ..wire::SiteState::default()
        };
        ["north", "south", "west"].map(site).to_vec()
    }

    /// The frames of a console that looks at a part of a town, and what it must have after each.
    fn frames(seed: u64, steps: u64, most: usize) -> Vec<(wire::Frame, Vec<Value>)> {
        let (mut town, mut given) = (Town::new(seed), Given::default());
        let mut looking = Looking::at(&viewport(1_187_000_500, 320_300_500, 1_187_001_500, 320_302_500, 0.0)).unwrap();
        let frames = (1..=steps).map(|number| {
            town.step(most);
            if number == steps / 2 {
                looking = Looking::at(&viewport(1_187_001_500, 320_299_000, 1_187_003_000, 320_301_000, 0.0)).unwrap();
            }
            let (rows, left_out) = looking.rows(&town.rows);
            let counted = Some(wire::Counted { by_class: vec![rows.len() as u32, 2, 1], left_out });
            let body = if number == 1 || number == steps - 3 {
                let road_users = Some(given.whole(&rows));
                let sites = sites(wire::Freshness::Fresh);
                wire::frame::Body::Update(wire::Update { road_users, sites, counted, ..wire::Update::default() })
            } else {
                let road_users = Some(given.changes(&rows, &looking));
                let sites = (number == 5).then(|| wire::Sites { site: sites(wire::Freshness::Stale) });
                let delta = wire::Delta { base: number - 1, road_users, sites, counted, ..wire::Delta::default() };
                wire::frame::Body::Delta(delta)
            };
            (frame(number, body), wanted(&rows))
        });
        frames.collect()
    }

    #[test]
    fn changes_add_up_to_what_is_in_view_whatever_comes_goes_and_changes() {
        for seed in 1..40 {
            let mut picture = RoadUserPicture::default();
            for (frame, wanted) in frames(seed, 60, 40) {
                picture.take(&frame).unwrap();
                assert_eq!(sorted(picture.road_users().map(shown).collect()), wanted, "seed {seed}, {}", frame.number);
            }
        }
    }

    /// `console/test/vectors/changes.json` holds what the console's own decoder is tested with. `JXZ_WRITE_VECTORS=1` writes it.
    #[test]
    fn the_consoles_vectors_are_what_the_cloud_sends() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../console/test/vectors/changes.json");
        let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let line = |(frame, wanted): (wire::Frame, Vec<Value>)| {
            json!({ "number": frame.number, "bytes": hex(frame.encode_to_vec()), "road_users": wanted }).to_string()
        };
        let lines: Vec<String> = frames(7, 24, 14).into_iter().map(line).collect();
        let text = format!("[\n{}\n]\n", lines.join(",\n"));
        if std::env::var_os("JXZ_WRITE_VECTORS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            text,
            "run with JXZ_WRITE_VECTORS=1 after a change of form"
        );
    }

    #[test]
    fn what_cannot_be_seen_waits_and_adds_up_until_it_can() {
        let looking = Looking::at(&viewport(0, 0, 10_000, 10_000, 17.0)).unwrap();
        let mut given = Given::default();
        let mut user = row(1, 100, 100);
        given.whole(&[&user]);
        let moved = |given: &mut Given, user: &Row| given.changes(&[user], &looking).moved_lon_e7;
        // A quarter of a pixel is 13 here.
        for _ in 0..3 {
            user.lon_e7 += 4;
            assert!(moved(&mut given, &user).is_empty());
        }
        user.lon_e7 += 4;
        assert_eq!(moved(&mut given, &user), [16]);
        user.speed_cmps = 0;
        assert_eq!(given.changes(&[&user], &looking).faster_cmps, [-1_000], "that it stopped is told at once");
    }

    #[test]
    fn two_that_have_one_number_and_site_are_told_of_once_and_do_no_harm() {
        let (here, there) = (row(1, 0, 0), row(1, 900, 0));
        let mut given = Given::default();
        assert_eq!(given.whole(&[&here, &there]).id, [1]);
        let all = Looking::everywhere();
        let changes = given.changes(&[&here, &there], &all);
        assert!(changes.added.is_none() && changes.gone_step.is_empty(), "{changes:?}");
        assert_eq!(given.changes(&[], &all).gone_step, [0]);
    }

    #[test]
    fn a_picture_refuses_what_is_no_change_of_it() {
        let all = Looking::everywhere();
        let (mut given, mut picture) = (Given::default(), RoadUserPicture::default());
        let user = row(5, 0, 0);
        let road_users = Some(given.whole(&[&user]));
        let update = wire::Update { road_users, ..wire::Update::default() };
        picture.take(&frame(1, wire::frame::Body::Update(update))).unwrap();
        let changed = wire::RoadUserChanges { gone_step: vec![3], ..given.changes(&[&user], &all) };
        let twice = wire::RoadUserChanges {
            added_step: vec![0],
            added: Some(columns([&user].into_iter())),
            ..Default::default()
        };
        let far = wire::RoadUserChanges { added_step: vec![u32::MAX], ..twice.clone() };
        let short = wire::RoadUserChanges { moved_step: vec![0], ..Default::default() };
        for (base, changes) in [(9, wire::RoadUserChanges::default()), (1, changed), (1, twice), (1, far), (1, short)] {
            let delta = wire::Delta { base, road_users: Some(changes), ..wire::Delta::default() };
            assert!(picture.clone().take(&frame(2, wire::frame::Body::Delta(delta.clone()))).is_err(), "{delta:?}");
        }
    }
}
