//! Room on disk: the least important goes first, and segments with little left in them are put together.

use crate::error::disk;
use crate::frame::{self, Content, HEAD, SEGMENT_HEAD};
use crate::spool::{Dropped, Place, SEGMENT_COST, Segment, segment_name};
use crate::{Files, Importance, Spool, SpoolError};

impl<F: Files> Spool<F> {
    /// Makes room for `need` bytes more.
    pub(crate) fn make_room(&mut self, need: u64) -> Result<(), SpoolError> {
        let max = self.limits.max_bytes;
        if self.disk_bytes() + need <= max {
            return Ok(());
        }
        self.delete_settled()?;
        if self.live_bytes() + need > max / 8 * 7 {
            self.drop_least(max / 4 * 3, need);
        }
        let mut goal = max / 4 * 3;
        while self.disk_bytes() + need > max {
            // Every merge takes at least one segment away.
            if !self.merge()? {
                // All that is left has been given out: it is spared, and soon gone.
                if goal == 0 {
                    break;
                }
                self.drop_least(goal, need);
                self.delete_settled()?;
                goal /= 2;
            }
        }
        Ok(())
    }

    fn live_bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.live_bytes).sum()
    }

    /// Drops the least important records on disk, the oldest of them first, until what is left and `need` are within
    /// `goal`. What has been given out is spared: it is about to arrive.
    fn drop_least(&mut self, goal: u64, need: u64) {
        let mut over = (self.live_bytes() + need).saturating_sub(goal);
        for importance in Importance::ALL {
            let of_it = self.index.iter().filter(|(id, e)| e.importance == importance && !self.out.contains(id));
            let mut goes = Vec::new();
            for (id, entry) in of_it {
                let Place::Disk { len, .. } = entry.place else { continue };
                if over == 0 {
                    break;
                }
                over = over.saturating_sub(len as u64);
                goes.push(*id);
            }
            goes.into_iter().for_each(|id| self.drop_record(Dropped::NoRoom(id, importance)));
        }
    }

    /// Puts what is left in the emptiest segments into a new one; `false` if that would free nothing.
    fn merge(&mut self) -> Result<bool, SpoolError> {
        let limit = self.limits.segment_bytes();
        let mut candidates: Vec<(u64, u64, u64)> =
            self.segments.iter().map(|(number, s)| (s.live_bytes, *number, s.cost())).collect();
        // By what is left; the segment being written, too, since a new one can always be begun.
        candidates.sort_unstable();
        let (mut left, mut freed, mut from) = (SEGMENT_HEAD.len() as u64, 0, Vec::new());
        for (live_bytes, number, cost) in candidates {
            if !from.is_empty() && left + live_bytes > limit {
                break;
            }
            left += live_bytes;
            freed += cost;
            from.push(number);
        }
        if freed <= left + SEGMENT_COST {
            return Ok(false);
        }
        if self.active.is_some_and(|active| from.contains(&active)) {
            self.active = None;
        }
        self.move_to_new(&from)?;
        self.delete(&from)?;
        Ok(true)
    }

    fn move_to_new(&mut self, from: &[u64]) -> Result<(), SpoolError> {
        let in_them = |place: Place| match place {
            Place::Disk { segment, offset, len } if from.contains(&segment) => Some((segment, offset, len)),
            _ => None,
        };
        let moving: Vec<_> = self
            .index
            .iter()
            .filter_map(|(id, entry)| in_them(entry.place).map(|place| (*id, *entry, place)))
            .collect();
        if moving.is_empty() {
            return Ok(());
        }
        let number = self.next_segment;
        let (mut segment, mut bytes, mut moved) = (Segment::default(), SEGMENT_HEAD.to_vec(), Vec::new());
        for (id, entry, (source, offset, len)) in moving {
            let name = segment_name(source);
            let old = self.files.read_at(&name, offset, len).map_err(disk("read", &name))?;
            if frame::parse(&old, 0).is_none_or(|frame| frame.id != id) {
                self.out.remove(&id);
                self.drop_record(Dropped::Damaged(id, entry.importance));
                continue;
            }
            let start = bytes.len();
            let content = Content { id, at: entry.at, importance: entry.importance, record: &old[HEAD..] };
            frame::put(&mut bytes, segment.take_ordinal(), &content);
            segment.note(id);
            segment.live += 1;
            segment.live_bytes += len as u64;
            moved.push((id, Place::Disk { segment: number, offset: start as u64, len }));
        }
        segment.bytes = bytes.len() as u64;
        if let Err(error) = self.write_durably(number, true, &bytes) {
            self.abandon(number, true);
            return Err(error);
        }
        self.next_segment = number + 1;
        self.segments.insert(number, segment);
        for (id, place) in moved {
            if let Some(entry) = self.index.get_mut(&id) {
                entry.place = place;
            }
        }
        for source in from {
            if let Some(segment) = self.segments.get_mut(source) {
                (segment.live, segment.live_bytes) = (0, 0);
            }
        }
        Ok(())
    }
}
