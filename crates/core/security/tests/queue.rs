//! Which message is verified next, and which one is dropped.

use jxz_security::{Class, HashedId8, QueueConfig, VerifyQueue};

const A: HashedId8 = HashedId8([1; 8]);
const B: HashedId8 = HashedId8([2; 8]);

fn drain(queue: &mut VerifyQueue<u32>) -> Vec<u32> {
    std::iter::from_fn(|| queue.pop()).collect()
}

#[test]
fn a_flood_in_one_name_does_not_delay_another() {
    let mut queue = VerifyQueue::new(QueueConfig::default());
    let dropped = (0..500).filter_map(|i| queue.push(Class::Known, A, i)).count();
    assert_eq!(dropped, 500 - 16);
    assert_eq!(queue.push(Class::Known, B, 1_000), None);
    let order = drain(&mut queue);
    assert_eq!(order[1], 1_000, "second at the latest: {order:?}");
    // Of the flooded signer the first and the newest come through.
    assert!(order.contains(&0) && order.contains(&499), "{order:?}");
    assert_eq!(queue.dropped(), 484);
}

#[test]
fn new_certificates_wait_for_known_ones_but_not_for_ever() {
    let mut queue = VerifyQueue::new(QueueConfig::default());
    for i in 0..100 {
        queue.push(Class::New, HashedId8([i as u8 + 10; 8]), 1_000 + i);
    }
    for i in 0..100_u32 {
        queue.push(Class::Known, HashedId8((0x1_0000 + u64::from(i)).to_be_bytes()), i);
    }
    let order = drain(&mut queue);
    let first_new = order.iter().position(|item| *item >= 1_000).expect("one of the new");
    assert_eq!(first_new, 7);
    assert_eq!(order[first_new], 1_099, "the newest of them");
    let new_among_first_80 = order[..80].iter().filter(|item| **item >= 1_000).count();
    assert_eq!(new_among_first_80, 10);
}

#[test]
fn fresh_certificates_cannot_fill_the_queue() {
    let mut queue = VerifyQueue::new(QueueConfig { known: 8, new: 4, per_signer: 4 });
    for i in 0..1_000_u32 {
        queue.push(Class::New, HashedId8(u64::from(i).to_be_bytes()), i);
    }
    assert_eq!(queue.len(), 4);
    for i in 0..4 {
        assert_eq!(queue.push(Class::Known, A, 2_000 + i), None);
    }
    // One certificate sent over and over keeps two places.
    for i in 0..10 {
        queue.push(Class::New, B, 3_000 + i);
    }
    let order = drain(&mut queue);
    assert_eq!(order.iter().filter(|item| **item >= 3_000).count(), 2);
    assert!(order[..4].iter().all(|item| (2_000..2_004).contains(item)), "{order:?}");
}

#[test]
fn when_all_lanes_are_full_together_the_longest_loses() {
    let mut queue = VerifyQueue::new(QueueConfig { known: 6, new: 4, per_signer: 4 });
    for i in 0..4 {
        assert_eq!(queue.push(Class::Known, A, i), None);
    }
    for i in 0..2 {
        assert_eq!(queue.push(Class::Known, B, 10 + i), None);
    }
    let dropped = queue.push(Class::Known, HashedId8([3; 8]), 20).expect("full");
    assert!((0..4).contains(&dropped), "{dropped}");
    assert_eq!(queue.len(), 6);
    assert_eq!(drain(&mut queue).len(), 6);
    assert!(queue.is_empty());
}
