//! Optimal assignment of tracks to detections, one connected component at a time.

use std::collections::BTreeMap;

/// A gated pair with what assigning it gains (log-likelihood ratio against leaving both alone; above zero).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Edge {
    pub(crate) track: usize,
    pub(crate) detection: usize,
    pub(crate) gain: f64,
}

/// Chooses pairs, no track and no detection twice, with the greatest sum of gains.
///
/// `edges` holds finite gains above zero, sorted by track; indices below `tracks` and `detections`.
/// Returns for each track its detection.
pub(crate) fn assign(edges: &[Edge], tracks: usize, detections: usize) -> Vec<Option<usize>> {
    let mut chosen = vec![None; tracks];
    for component in components(edges, tracks, detections) {
        match component.as_slice() {
            [only] => chosen[only.track] = Some(only.detection),
            several => {
                for (track, detection) in solve(several) {
                    chosen[track] = Some(detection);
                }
            }
        }
    }
    chosen
}

/// Groups edges that share tracks or detections, by union-find; in order of each group's first edge.
fn components(edges: &[Edge], tracks: usize, detections: usize) -> Vec<Vec<Edge>> {
    let mut parent: Vec<usize> = (0..tracks + detections).collect();
    for edge in edges {
        let (a, b) = (root(&mut parent, edge.track), root(&mut parent, tracks + edge.detection));
        parent[a.max(b)] = a.min(b);
    }
    let mut groups: Vec<Vec<Edge>> = Vec::new();
    let mut group_of: BTreeMap<usize, usize> = BTreeMap::new();
    for edge in edges {
        let top = root(&mut parent, edge.track);
        let group = *group_of.entry(top).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(*edge);
    }
    groups
}

fn root(parent: &mut [usize], mut node: usize) -> usize {
    while parent[node] != node {
        parent[node] = parent[parent[node]];
        node = parent[node];
    }
    node
}

/// Solves one component by Jonker-Volgenant on a square matrix where "alone" costs nothing.
fn solve(edges: &[Edge]) -> Vec<(usize, usize)> {
    let (rows, row_of) = number(edges.iter().map(|e| e.track));
    let (columns, column_of) = number(edges.iter().map(|e| e.detection));
    let side = rows.len().max(columns.len());
    let mut gain = vec![0.0; side * side];
    for edge in edges {
        gain[row_of[&edge.track] * side + column_of[&edge.detection]] = edge.gain;
    }
    let top = gain.iter().copied().fold(0.0, f64::max);
    let cost = lapjv::Matrix::from_shape_fn((side, side), |(i, j)| top - gain[i * side + j]);
    match lapjv::lapjv(&cost) {
        Ok((column_of_row, _)) => (rows.iter().enumerate())
            .filter(|(i, _)| gain[i * side + column_of_row[*i]] > 0.0)
            .map(|(i, track)| (*track, columns[column_of_row[i]]))
            .collect(),
        // The solver refuses only what is not square or not finite; the greedy answer stands in.
        Err(_) => greedy(edges),
    }
}

fn number(values: impl Iterator<Item = usize>) -> (Vec<usize>, BTreeMap<usize, usize>) {
    let mut list: Vec<usize> = values.collect();
    list.sort_unstable();
    list.dedup();
    let index = list.iter().enumerate().map(|(i, v)| (*v, i)).collect();
    (list, index)
}

fn greedy(edges: &[Edge]) -> Vec<(usize, usize)> {
    let mut sorted = edges.to_vec();
    sorted.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    let mut taken: Vec<(usize, usize)> = Vec::new();
    for edge in sorted {
        if taken.iter().all(|(t, d)| *t != edge.track && *d != edge.detection) {
            taken.push((edge.track, edge.detection));
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    /// The best sum of gains by trying everything.
    fn exhaustive(edges: &[Edge], from: usize, used_t: u32, used_d: u32) -> f64 {
        let mut best: f64 = 0.0;
        for (k, e) in edges.iter().enumerate().skip(from) {
            if used_t & (1 << e.track) == 0 && used_d & (1 << e.detection) == 0 {
                let rest = exhaustive(edges, k + 1, used_t | 1 << e.track, used_d | 1 << e.detection);
                best = best.max(e.gain + rest);
            }
        }
        best
    }

    #[test]
    fn the_greatest_sum_is_found_whatever_the_shape() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        for case in 0..400 {
            let (tracks, detections) = (rng.random_range(1..6), rng.random_range(1..6));
            let density = rng.random_range(0.1..1.0);
            let mut edges = Vec::new();
            for track in 0..tracks {
                for detection in 0..detections {
                    if rng.random_bool(density) {
                        // Coarse gains, so that ties are common.
                        let gain = f64::from(rng.random_range(1..8_u32)) * 0.5;
                        edges.push(Edge { track, detection, gain });
                    }
                }
            }
            let chosen = assign(&edges, tracks, detections);
            let mut taken = [false; 8];
            let mut sum = 0.0;
            for (track, detection) in chosen.iter().enumerate().filter_map(|(t, d)| d.map(|d| (t, d))) {
                assert!(!taken[detection], "case {case}: detection given twice");
                taken[detection] = true;
                sum += edges.iter().find(|e| e.track == track && e.detection == detection).unwrap().gain;
            }
            assert!((sum - exhaustive(&edges, 0, 0, 0)).abs() < 1e-9, "case {case}: {sum}, {edges:?}");
        }
    }
}
