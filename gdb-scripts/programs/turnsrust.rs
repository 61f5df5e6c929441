// SPDX-License-Identifier: GPL-3.0-only
// turnsrust N: N threads, the first among them, that take turns, unwind, and then all run at once.
use std::panic;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

pub struct Crowd {
    count: i64,
    turn: Mutex<i64>,
    changed: Condvar,
    sum: AtomicI64,
    met: AtomicI64,
}

#[inline(never)]
pub fn visit(crowd: &Crowd, number: i64, round: i64) -> i64 {
    let part = number * 10 + round;
    crowd.sum.fetch_add(part, Ordering::SeqCst) + part
}

#[inline(never)]
pub fn refuse(number: i64) -> i64 {
    if number >= 0 {
        panic::panic_any(number);
    }
    number
}

#[inline(never)]
pub fn meet(crowd: &Crowd, number: i64) {
    crowd.met.fetch_add(number + 1, Ordering::SeqCst);
}

#[inline(never)]
pub fn done(sum: i64, met: i64) {
    println!("{}, {}", sum, met);
}

fn work(crowd: &Crowd, number: i64) {
    for round in 0..3 {
        let mut turn = crowd.turn.lock().unwrap();
        while *turn != round * crowd.count + number {
            turn = crowd.changed.wait(turn).unwrap();
        }
        visit(crowd, number, round);
        if round == 1 {
            let refusal = panic::catch_unwind(|| refuse(number)).unwrap_err();
            crowd.sum.fetch_add(*refusal.downcast::<i64>().unwrap(), Ordering::SeqCst);
        }
        *turn += 1;
        crowd.changed.notify_all();
    }
    // Nobody meets before all have had their turns.
    let mut turn = crowd.turn.lock().unwrap();
    while *turn < 3 * crowd.count {
        turn = crowd.changed.wait(turn).unwrap();
    }
    drop(turn);
    for _ in 0..2 {
        meet(crowd, number);
    }
}

fn main() {
    panic::set_hook(Box::new(|_| {}));
    let count = std::env::args().nth(1).map_or(1, |word| word.parse().unwrap());
    let crowd = Arc::new(Crowd {
        count,
        turn: Mutex::new(0),
        changed: Condvar::new(),
        sum: AtomicI64::new(0),
        met: AtomicI64::new(0),
    });
    let mut threads = Vec::new();
    for number in 1..count {
        let shared = Arc::clone(&crowd);
        threads.push(thread::spawn(move || work(&shared, number)));
    }
    work(&crowd, 0);
    for each in threads {
        each.join().unwrap();
    }
    done(crowd.sum.load(Ordering::SeqCst), crowd.met.load(Ordering::SeqCst));
}
