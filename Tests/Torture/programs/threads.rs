// SPDX-License-Identifier: GPL-3.0-only
// Threads, channels, mutexes and panics caught at each thread's top.
use std::collections::HashMap;
use std::sync::{mpsc, Arc, Mutex};
use std::thread;

fn descend(depth: usize, values: &[u32]) -> u32 {
    if depth == 0 {
        return values[values.len()];
    }
    descend(depth - 1, values) + 1
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let table = Arc::new(Mutex::new(HashMap::new()));
    let (sender, receiver) = mpsc::channel();
    let workers: Vec<_> = (0..8u64)
        .map(|number| {
            let table = table.clone();
            let sender = sender.clone();
            thread::spawn(move || {
                for j in 0..5000u64 {
                    *table.lock().unwrap().entry(j % 100).or_insert(0u64) += j * number;
                }
                sender.send(number).unwrap();
                (0..50).filter(|&depth| std::panic::catch_unwind(|| descend(depth, &[1, 2, 3])).is_err()).count()
            })
        })
        .collect();
    drop(sender);
    let received: u64 = receiver.iter().sum();
    let panics: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    let total: u64 = table.lock().unwrap().values().sum();
    println!("{} {} {}", received, panics, total);
}
