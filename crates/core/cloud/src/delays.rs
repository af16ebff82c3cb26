//! How long states take from their time of validity into the twin.

/// Upper edges of the classes, seconds.
pub const DELAY_EDGES_S: [f64; 18] =
    [0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0];

/// Delays counted by class. Clocks as they are: one that seems negative counts as zero.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delays {
    classes: [u64; DELAY_EDGES_S.len()],
    count: u64,
    sum_s: f64,
}

impl Delays {
    pub(crate) fn count(&mut self, delay_s: f64) {
        let delay_s = delay_s.max(0.0);
        self.count += 1;
        self.sum_s += delay_s;
        let class = DELAY_EDGES_S.partition_point(|edge| *edge < delay_s);
        if let Some(counted) = self.classes.get_mut(class) {
            *counted += 1;
        }
    }

    /// How many there were in all, and their sum in seconds.
    #[must_use]
    pub const fn total(&self) -> (u64, f64) {
        (self.count, self.sum_s)
    }

    /// Upper edge of each class in seconds, rising to infinity, and how many delays are in it.
    pub fn classes(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let within: u64 = self.classes.iter().sum();
        DELAY_EDGES_S.into_iter().zip(self.classes).chain([(f64::INFINITY, self.count - within)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_counted_in_the_class_whose_edge_it_does_not_pass() {
        let mut delays = Delays::default();
        for delay_s in [-0.5, 0.001, 0.0011, 0.2, 60.0] {
            delays.count(delay_s);
        }
        let of = |edge| delays.classes().find(|(e, _)| *e == edge).unwrap().1;
        assert_eq!([of(0.001), of(0.002), of(0.15), of(0.2), of(2.0), of(f64::INFINITY)], [2, 1, 0, 1, 0, 1]);
        assert_eq!(delays.total().0, 5);
    }
}
