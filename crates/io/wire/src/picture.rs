//! The road users that a console has, kept up by the frames that it gets (`RoadUserChanges` in the proto).

use crate::WireError;
use crate::console::v1 as wire;
use wire::frame::Body;

/// What the cloud told of road users, in their slots.
///
/// For programs that look as a browser does, and for tests; the console has its own in TypeScript.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoadUserPicture {
    number: u64,
    slots: Vec<Option<wire::RoadUsers>>,
}

impl RoadUserPicture {
    /// The number of the newest frame that it took.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The road users, in the order of their slots, each as columns of one.
    pub fn road_users(&self) -> impl Iterator<Item = &wire::RoadUsers> {
        self.slots.iter().flatten()
    }

    /// Takes a frame.
    ///
    /// # Errors
    /// Columns that do not go together, a slot that is taken, empty or beyond all others, or a change of another frame
    /// than the last: the picture is then as it was or a mixture, and a whole frame is to be asked for.
    pub fn take(&mut self, frame: &wire::Frame) -> Result<(), WireError> {
        match &frame.body {
            Some(Body::Update(update)) => {
                let rows = update.road_users.as_ref().map(rows).transpose()?.unwrap_or_default();
                self.slots = rows.into_iter().map(Some).collect();
            }
            Some(Body::Delta(delta)) => {
                if delta.base != self.number {
                    return contradiction("Delta.base", format!("it is {}, the last was {}", delta.base, self.number));
                }
                if let Some(changes) = &delta.road_users {
                    self.change(changes)?;
                }
            }
            None => return Err(WireError::Missing { field: "Frame.body" }),
        }
        self.number = frame.number;
        Ok(())
    }

    fn change(&mut self, changes: &wire::RoadUserChanges) -> Result<(), WireError> {
        for place in places(&changes.gone_step) {
            let slot = self.slots.get_mut(place).and_then(Option::take);
            slot.ok_or_else(|| empty("gone_step", place))?;
        }
        let moved = [&changes.moved_lon_e7, &changes.moved_lat_e7, &changes.turned_decideg, &changes.faster_cmps];
        if moved.iter().any(|column| column.len() != changes.moved_step.len()) {
            return contradiction("RoadUserChanges.moved_step", "its columns differ in length".to_owned());
        }
        for (k, place) in places(&changes.moved_step).enumerate() {
            let user = self.at("moved_step", place)?;
            user.lon_e7[0] = user.lon_e7[0].wrapping_add(changes.moved_lon_e7[k]);
            user.lat_e7[0] = user.lat_e7[0].wrapping_add(changes.moved_lat_e7[k]);
            user.heading_decideg[0] = user.heading_decideg[0].wrapping_add_signed(changes.turned_decideg[k]);
            user.speed_cmps[0] = user.speed_cmps[0].wrapping_add_signed(changes.faster_cmps[k]);
        }
        let marked = changes.marked_step.len();
        if changes.marked_class.len() != marked
            || changes.marked_freshness.len() != marked
            || changes.marked_connected.len() != marked
        {
            return contradiction("RoadUserChanges.marked_step", "its columns differ in length".to_owned());
        }
        for (k, place) in places(&changes.marked_step).enumerate() {
            let user = self.at("marked_step", place)?;
            user.class[0] = changes.marked_class[k];
            user.freshness[0] = changes.marked_freshness[k];
            user.connected[0] = changes.marked_connected[k];
        }
        for (also, place) in changes.also_seen.iter().zip(places(&changes.also_step)) {
            let seen = (!also.site.is_empty()).then(|| also.clone());
            self.at("also_step", place)?.also_seen = seen.into_iter().collect();
        }
        let added = changes.added.as_ref().map(rows).transpose()?.unwrap_or_default();
        if added.len() != changes.added_step.len() {
            return contradiction("RoadUserChanges.added_step", "not one slot for each".to_owned());
        }
        for (row, place) in added.into_iter().zip(places(&changes.added_step)) {
            // Slots are taken from the lowest: one beyond the next is none of the cloud's.
            if place == self.slots.len() {
                self.slots.push(None);
            }
            match self.slots.get_mut(place) {
                Some(slot @ None) => *slot = Some(row),
                _ => return contradiction("RoadUserChanges.added_step", format!("slot {place} is taken or no slot")),
            }
        }
        Ok(())
    }

    fn at(&mut self, field: &'static str, place: usize) -> Result<&mut wire::RoadUsers, WireError> {
        self.slots.get_mut(place).and_then(Option::as_mut).ok_or_else(|| empty(field, place))
    }
}

fn empty(field: &'static str, place: usize) -> WireError {
    WireError::Contradiction { field, reason: format!("slot {place} has no road user") }
}

fn contradiction(field: &'static str, reason: String) -> Result<(), WireError> {
    Err(WireError::Contradiction { field, reason })
}

/// The slots of a column of steps.
fn places(steps: &[u32]) -> impl Iterator<Item = usize> {
    steps.iter().scan(0_usize, |at, step| {
        *at = at.saturating_add(*step as usize);
        Some(*at)
    })
}

/// Each road user of columns by itself.
fn rows(columns: &wire::RoadUsers) -> Result<Vec<wire::RoadUsers>, WireError> {
    let count = columns.id.len();
    let lengths = [
        columns.site.len(),
        columns.class.len(),
        columns.lon_e7.len(),
        columns.lat_e7.len(),
        columns.heading_decideg.len(),
        columns.speed_cmps.len(),
        columns.freshness.len(),
        columns.connected.len(),
    ];
    if lengths.iter().any(|len| *len != count) {
        let reason = format!("columns of {lengths:?} values for {count} numbers");
        return Err(WireError::Contradiction { field: "RoadUsers.id", reason });
    }
    let row = |k: usize| wire::RoadUsers {
        id: vec![columns.id[k]],
        site: vec![columns.site[k]],
        class: vec![columns.class[k]],
        lon_e7: vec![columns.lon_e7[k]],
        lat_e7: vec![columns.lat_e7[k]],
        heading_decideg: vec![columns.heading_decideg[k]],
        speed_cmps: vec![columns.speed_cmps[k]],
        freshness: vec![columns.freshness[k]],
        connected: vec![columns.connected[k]],
        also_seen: Vec::new(),
    };
    let mut rows: Vec<_> = (0..count).map(row).collect();
    for also in &columns.also_seen {
        // Not a column: by number, and of two with one number the first that has none yet.
        if let Some(row) = rows.iter_mut().find(|row| row.id[0] == also.road_user && row.also_seen.is_empty()) {
            row.also_seen.push(also.clone());
        }
    }
    Ok(rows)
}
