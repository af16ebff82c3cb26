//! Recorded trajectories of real road users, as the DUT data set lays them out.
//!
//! A clip is a pair of files, `NAME_traj_ped_filtered.csv` and `NAME_traj_veh_filtered.csv`: one row a road user and
//! video frame, positions in a metric frame of the clip's own.

use anyhow::{Context, bail, ensure};
use jxz_geo::{Point, Vector};
use jxz_world::RoadUserClass;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Frames a second of the recordings.
const FRAMES_PER_S: f64 = 23.98;
/// A gap between two rows of one road user longer than this many frames ends it; a later row begins it anew.
const LONGEST_GAP_FRAMES: u32 = 12;
/// More rows than an hour of a crowded crossing: a file beyond is not of this kind.
const ROWS_LIMIT: usize = 20_000_000;

/// A road user's state at one time of the recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct State {
    /// Metres, clip frame (or wherever the clip was moved to).
    pub(crate) position: Point,
    /// Metres per second.
    pub(crate) velocity: Vector,
    /// Direction of the body, radians anticlockwise from +x.
    pub(crate) yaw_rad: f64,
}

/// One road user of a clip.
#[derive(Debug, Clone)]
pub(crate) struct RoadUser {
    /// Unique in the clip.
    pub(crate) id: u64,
    pub(crate) class: RoadUserClass,
    rows: Vec<(f64, State)>,
}

/// One recording.
#[derive(Debug, Clone)]
pub(crate) struct Clip {
    pub(crate) name: String,
    pub(crate) road_users: Vec<RoadUser>,
    /// First and last time, seconds.
    pub(crate) span_s: (f64, f64),
}

#[derive(Deserialize)]
struct PedestrianRow {
    id: u32,
    frame: u32,
    x_est: f64,
    y_est: f64,
    vx_est: f64,
    vy_est: f64,
}

#[derive(Deserialize)]
struct VehicleRow {
    id: u32,
    frame: u32,
    x_est: f64,
    y_est: f64,
    psi_est: f64,
    vel_est: f64,
}

impl RoadUser {
    /// The state at a time, interpolated between the two rows around it; `None` when it was not there.
    pub(crate) fn at(&self, t_s: f64) -> Option<State> {
        let after = self.rows.partition_point(|(t, _)| *t <= t_s);
        let (t1, last) = self.rows.get(after.checked_sub(1)?)?;
        let Some((t2, next)) = self.rows.get(after) else { return (*t1 == t_s).then_some(*last) };
        let share = (t_s - t1) / (t2 - t1);
        let turn = jxz_units::wrap_pi(next.yaw_rad - last.yaw_rad);
        Some(State {
            position: last.position + (next.position - last.position) * share,
            velocity: last.velocity + (next.velocity - last.velocity) * share,
            yaw_rad: jxz_units::wrap_pi(last.yaw_rad + turn * share),
        })
    }
}

impl Clip {
    /// Every clip of a folder, in order of name.
    ///
    /// # Errors
    /// The folder cannot be read, holds no clip, or a clip's file is not of the format.
    pub(crate) fn all_in(folder: &Path) -> anyhow::Result<Vec<Self>> {
        let listing = folder.read_dir().with_context(|| format!("cannot read the folder {}", folder.display()))?;
        let mut names = Vec::new();
        for entry in listing {
            let name = entry.with_context(|| format!("cannot read the folder {}", folder.display()))?.file_name();
            names.extend(name.to_string_lossy().strip_suffix("_traj_veh_filtered.csv").map(str::to_owned));
        }
        names.sort();
        ensure!(!names.is_empty(), "{} has no file named *_traj_veh_filtered.csv", folder.display());
        names.iter().map(|name| Self::read(folder, name)).collect()
    }

    fn read(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let pedestrians = rows::<PedestrianRow>(&folder.join(format!("{name}_traj_ped_filtered.csv")))?;
        let pedestrians = pedestrians.into_iter().map(|r| {
            let velocity = Vector::new(r.vx_est, r.vy_est);
            let yaw_rad = velocity.y.atan2(velocity.x);
            (r.id, r.frame, State { position: Point::new(r.x_est, r.y_est), velocity, yaw_rad })
        });
        let vehicles = rows::<VehicleRow>(&folder.join(format!("{name}_traj_veh_filtered.csv")))?;
        let vehicles = vehicles.into_iter().map(|r| {
            let velocity = Vector::new(r.psi_est.cos(), r.psi_est.sin()) * r.vel_est;
            (r.id, r.frame, State { position: Point::new(r.x_est, r.y_est), velocity, yaw_rad: r.psi_est })
        });
        let mut road_users = self::road_users(RoadUserClass::Motor, vehicles, 0)?;
        let next_id = road_users.len() as u64;
        road_users.extend(self::road_users(RoadUserClass::Pedestrian, pedestrians, next_id)?);
        let times = road_users.iter().flat_map(|u| u.rows.iter().map(|(t, _)| *t));
        let span_s = times.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), t| (a.min(t), b.max(t)));
        ensure!(span_s.0 < span_s.1, "the clip {name} holds no road user for more than one frame");
        Ok(Self { name: name.to_owned(), road_users, span_s })
    }

    /// The clip turned by `turn_rad` about `from` and moved so that `from` comes to lie on `to`.
    pub(crate) fn moved(mut self, from: Point, turn_rad: f64, to: Point) -> Self {
        let rotation = nalgebra::Rotation2::new(turn_rad);
        for (_, state) in self.road_users.iter_mut().flat_map(|u| &mut u.rows) {
            state.position = to + rotation * (state.position - from);
            state.velocity = rotation * state.velocity;
            state.yaw_rad = jxz_units::wrap_pi(state.yaw_rad + turn_rad);
        }
        self
    }

    /// Where the vehicles are on average and the direction (radians, modulo π) along which they spread the most.
    pub(crate) fn vehicle_axis(&self) -> anyhow::Result<(Point, f64)> {
        let motor = self.road_users.iter().filter(|u| u.class == RoadUserClass::Motor);
        let points: Vec<Point> = motor.flat_map(|u| u.rows.iter().map(|(_, s)| s.position)).collect();
        ensure!(!points.is_empty(), "the clip {} has no vehicle", self.name);
        let centre = Point::from(points.iter().map(|p| p.coords).sum::<Vector>() / points.len() as f64);
        let spread = points.iter().map(|p| *p - centre).map(|d| d * d.transpose()).sum::<nalgebra::Matrix2<f64>>();
        Ok((centre, 0.5 * (2.0_f64 * spread[(0, 1)]).atan2(spread[(0, 0)] - spread[(1, 1)])))
    }
}

fn rows<R: for<'de> Deserialize<'de>>(path: &PathBuf) -> anyhow::Result<Vec<R>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut rows = Vec::new();
    for row in reader.deserialize() {
        // The error of the csv crate names the line and the column.
        rows.push(row.with_context(|| format!("{} is not a trajectory file", path.display()))?);
        ensure!(rows.len() <= ROWS_LIMIT, "{} has more than {ROWS_LIMIT} rows", path.display());
    }
    Ok(rows)
}

/// Groups rows by road user, in order of time; a long gap makes two of one.
fn road_users(
    class: RoadUserClass,
    rows: impl Iterator<Item = (u32, u32, State)>,
    first_id: u64,
) -> anyhow::Result<Vec<RoadUser>> {
    let mut by_id: BTreeMap<u32, BTreeMap<u32, State>> = BTreeMap::new();
    for (id, frame, state) in rows {
        let finite = state.position.iter().chain(state.velocity.iter()).all(|v| v.is_finite());
        ensure!(finite && state.yaw_rad.is_finite(), "road user {id}, frame {frame}: a value is not finite");
        if by_id.entry(id).or_default().insert(frame, state).is_some() {
            bail!("road user {id} has two rows for frame {frame}");
        }
    }
    let mut found = Vec::new();
    for frames in by_id.into_values() {
        let mut last_frame = None;
        for (frame, state) in frames {
            let begins = last_frame.is_none_or(|last| frame - last > LONGEST_GAP_FRAMES);
            if begins {
                found.push(RoadUser { id: first_id + found.len() as u64, class, rows: Vec::new() });
            }
            if let Some(user) = found.last_mut() {
                user.rows.push((f64::from(frame) / FRAMES_PER_S, state));
            }
            last_frame = Some(frame);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn clip_of(pedestrians: &str, vehicles: &str) -> anyhow::Result<Clip> {
        let folder = tempfile::tempdir().unwrap();
        let write = |kind: &str, text: &str| fs::write(folder.path().join(format!("a_traj_{kind}_filtered.csv")), text);
        write("ped", &format!("id,frame,label,x_est,y_est,vx_est,vy_est\n{pedestrians}")).unwrap();
        write("veh", &format!("id,frame,label,x_est,y_est,psi_est,vel_est\n{vehicles}")).unwrap();
        Clip::all_in(folder.path()).map(|mut clips| clips.remove(0))
    }

    #[test]
    fn rows_become_road_users_interpolated_and_split_at_gaps() {
        let clip =
            clip_of("7,0,ped,1,2,1,0\n7,2,ped,3,2,1,0\n7,50,ped,9,9,0,0\n", "3,0,veh,0,0,0.1,5\n3,10,veh,2,0,0.1,5\n");
        let clip = clip.unwrap();
        assert_eq!(clip.road_users.len(), 3, "the gap of 48 frames makes two of pedestrian 7");
        let walker = &clip.road_users[1];
        assert_eq!((walker.id, walker.class), (1, RoadUserClass::Pedestrian));
        let state = walker.at(1.0 / FRAMES_PER_S).unwrap();
        assert!((state.position - Point::new(2.0, 2.0)).norm() < 1e-9);
        assert!(walker.at(3.0 / FRAMES_PER_S).is_none() && walker.at(-0.1).is_none());
    }

    #[test]
    fn moving_a_clip_keeps_distances_and_turns_velocities() {
        let clip = clip_of("", "3,0,veh,1,0,0,5\n3,10,veh,2,0,0,5\n").unwrap();
        let (centre, axis) = clip.vehicle_axis().unwrap();
        assert_eq!((centre, axis), (Point::new(1.5, 0.0), 0.0));
        let moved = clip.moved(centre, std::f64::consts::FRAC_PI_2, Point::new(100.0, 200.0));
        let state = moved.road_users[0].at(0.0).unwrap();
        assert!((state.position - Point::new(100.0, 199.5)).norm() < 1e-9);
        assert!((state.velocity - Vector::new(0.0, 5.0)).norm() < 1e-9);
    }

    #[test]
    fn rubbish_is_refused_with_its_place() {
        for (vehicles, complaint) in [
            ("3,0,veh,0,nan,0,5\n", "not finite"),
            ("3,0,veh,0\n", "line: 2"),
            ("1,1,veh,0,0,0,5\n1,1,veh,0,0,0,5\n", "two rows"),
        ] {
            let error = format!("{:#}", clip_of("", vehicles).unwrap_err());
            assert!(error.contains(complaint), "{vehicles:?}: {error}");
        }
    }
}
