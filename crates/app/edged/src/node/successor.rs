//! Another process takes the node's place, or does not.

use super::{Node, told_by};
use crate::takeover::{Claim, FromHeir, Heir, Sockets, Word};
use jxz_edge::Input;
use jxz_link::NeighbourLinks;
use std::time::Duration;
use tokio::time::Instant;

impl Node {
    pub(super) fn admit(&mut self, claim: Claim) {
        // Nobody follows one who has only just come, or two at once.
        if self.heir.is_some() || self.cloud.is_none() {
            return tracing::warn!("a successor is refused: the node is being taken over already");
        }
        let software = claim.software.clone();
        match self.sockets().and_then(|sockets| Heir::admit(claim, &sockets)) {
            Ok(heir) => {
                tracing::info!(software, "another process follows");
                // The cloud says these once a minute; what else stands the successor reads from disk.
                let now = self.brain.clock.now();
                let told = self.brain.edge.congestion(now).all(|word| heir.told(&Input::Congestion(word.clone())));
                self.heir = Some(heir);
                if !told {
                    self.give_up("it does not keep up");
                }
            }
            Err(error) => tracing::warn!(%error, "a successor is refused"),
        }
    }

    fn sockets(&self) -> std::io::Result<Sockets> {
        Ok(Sockets {
            sensors: self.sensors.socket()?,
            radio: self.radio.socket()?,
            vehicles: self.vehicles.socket()?,
            neighbours: self.neighbours.as_ref().map(NeighbourLinks::socket).transpose()?,
        })
    }

    pub(super) fn heard_from_heir(&mut self, word: FromHeir) {
        match (word, &mut self.heir) {
            (FromHeir::Ready, Some(heir)) => heir.ready = true,
            (FromHeir::Spoken, _) => self.give_up("it has spoken out of turn"),
            (FromHeir::Late, Some(heir)) => {
                if heir.take_turn_back() {
                    self.give_up("it has not spoken within a round");
                }
            }
            (FromHeir::Gone(why), _) => self.give_up(&why),
            (FromHeir::Ready | FromHeir::Late, None) => {}
        }
    }

    /// Just after a round: the next one is the successor's, if it is ready.
    pub(super) fn let_the_heir_speak(&mut self) {
        let Some(heir) = self.heir.as_mut().filter(|heir| heir.ready && !heir.speaks()) else { return };
        let left = self.brain.edge.succession(self.brain.clock.now());
        let laid = heir.fall_silent();
        if let Err(error) = laid {
            tracing::error!(%error, "lay down the turn's token");
            self.give_up("it cannot be given its turn");
        } else if !heir.told(&Input::Succession(Box::new(left))) {
            self.give_up("it does not keep up");
        }
    }

    /// The node stays, and says what it has held back.
    pub(super) fn give_up(&mut self, why: &str) {
        let Some(mut heir) = self.heir.take() else { return };
        tracing::error!(why, software = heir.software, "no other process takes over: this one goes on");
        heir.say(&Word::No(why.to_owned()));
        let (frames, records) = heir.give_back();
        frames.into_iter().for_each(|frame| self.broadcast(frame));
        records.into_iter().for_each(|record| self.record(record));
    }

    /// The successor has spoken: it gets the sockets, then the spool.
    pub(super) async fn hand_over(mut self, mut heir: Heir) {
        let (spoken, let_go) = (heir.silent_for(), Instant::now());
        // It has said all this itself.
        drop(heir.give_back());
        self.sensors.stop().await;
        while let Some(ingested) = self.sensors.recv().await {
            heir.told(&told_by(ingested));
        }
        let neighbours = async {
            match &self.neighbours {
                Some(neighbours) => neighbours.release().await,
                None => Ok(()),
            }
        };
        let (vehicles, neighbours) = tokio::join!(self.vehicles.release(), neighbours);
        if let Err(error) = vehicles.and(neighbours) {
            tracing::error!(%error, "leave the sockets");
        }
        heir.say(&Word::Sockets);
        let sockets = let_go.elapsed();
        if let Some(door) = self.door.take() {
            door.leave();
        }
        if let Some(mut cloud) = self.cloud.take() {
            cloud.records.finish(Duration::ZERO).await;
        }
        drop(self.brain);
        heir.finish().await;
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        tracing::info!(
            spoken_ms = ms(spoken),
            sockets_ms = ms(sockets),
            all_ms = ms(let_go.elapsed()),
            "another process has taken over: this one ends"
        );
    }
}
