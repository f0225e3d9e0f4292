//! Several runs at once, for what is not timed.

use std::sync::Mutex;
use std::thread;

/// Does `work` for every item, `workers` at a time, begun in the order of `items`; returns what came of each, in the order
/// of their ends.
pub fn side_by_side<T: Send, R: Send>(workers: usize, items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let (items, done) = (Mutex::new(items.into_iter()), Mutex::new(Vec::new()));
    let next = || items.lock().expect("nobody panics").next();
    thread::scope(|scope| {
        for _ in 0..workers.max(1) {
            scope.spawn(|| {
                while let Some(item) = next() {
                    let result = work(item);
                    done.lock().expect("nobody panics").push(result);
                }
            });
        }
    });
    done.into_inner().expect("nobody panics")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_done_once() {
        for workers in [0, 1, 3, 100] {
            let mut done = side_by_side(workers, (0..50).collect(), |n| n * n);
            done.sort_unstable();
            assert_eq!(done, (0..50).map(|n| n * n).collect::<Vec<_>>());
        }
    }
}
