//! `maps`: tables of sessions and their order.
//!
//! It imitates a service with state: a hash table (hashbrown, as in std) from names to records, a `BTreeMap` of the same
//! names by the time they were last seen, and requests that make, touch, grow and end sessions. Both structures grow
//! while small strings and vectors of several sizes come and go beside them, so what is placed next to what matters.
//!
//! Its number cannot show hashing against attackers: the hash is a fast one, so that the tables are a larger share.

use super::corpus::push_spelling;
use super::expect;
use crate::rng::Rng;
use crate::{Outcome, Pass, Prepare, Setting, Workload, input};
use cenote_bench_protocol::Group;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::collections::BTreeMap;

/// Sessions.
pub const WORKLOAD: Workload = Workload {
    name: "maps",
    group: Group::Program,
    about: "sessions made, touched and ended in a hash table and a B-tree with keys of text",
    quick: true,
    scales: false,
    threads: 1,
    warm_up: 0,
    prepare: Prepare::Reading { write, read },
};

/// How many sessions there can be; most of them exist after a while.
const NAMES: usize = 28_000;
/// Requests after which a session ends.
const LIFETIME: usize = 8;

struct Session {
    last_seen: u64,
    /// What was asked, in order.
    requests: Vec<String>,
}

fn write(setting: &Setting) -> Vec<u8> {
    let names = setting.scaled(NAMES);
    let mut rng = Rng::new(setting.seed);
    let requests: Vec<u32> = (0..setting.scaled(84_000)).map(|_| rng.below(names) as u32).collect();
    // Each name's requests come in lives of `LIFETIME`; what is left over is live at the end.
    let mut asked = vec![0; names];
    requests.iter().for_each(|&name| asked[name as usize] += 1);
    let live = asked.iter().filter(|&&n| n % LIFETIME != 0).count();
    let ended: usize = asked.iter().map(|n| n / LIFETIME).sum();
    let held: usize = asked.iter().map(|n| n % LIFETIME).sum();
    input::encode(&(requests, live, ended, held))
}

fn read(_: &Setting, input: &'static [u8]) -> Pass {
    let (requests, live, ended, held): (Vec<u32>, _, _, _) = input::decode(input);
    Box::new(move || serve(&requests, live, ended, held))
}

fn serve(requests: &[u32], live: usize, ended: usize, held: usize) -> Outcome {
    let mut sessions: HashMap<String, Session, FxBuildHasher> = HashMap::default();
    let mut by_time: BTreeMap<u64, String> = BTreeMap::new();
    let mut ends = 0;
    let mut key = String::new();
    for (now, &name) in (1..).zip(requests) {
        key.clear();
        key.push_str("session/");
        push_spelling(name as usize, &mut key);
        let session =
            sessions.entry_ref(key.as_str()).or_insert_with(|| Session { last_seen: 0, requests: Vec::new() });
        by_time.remove(&session.last_seen);
        session.requests.push(format!("GET /{key}?at={now}"));
        session.last_seen = now;
        if session.requests.len() == LIFETIME {
            sessions.remove(key.as_str());
            ends += 1;
        } else {
            by_time.insert(now, key.clone());
        }
    }
    expect("live sessions", sessions.len(), live)?;
    expect("sessions by time", by_time.len(), live)?;
    expect("ended sessions", ends, ended)?;
    expect("requests held", sessions.values().map(|session| session.requests.len()).sum(), held)?;
    let mut answer = 0u64;
    for (time, name) in &by_time {
        let session = sessions.get(name).ok_or_else(|| format!("session {name} is lost"))?;
        expect("time of a session", session.last_seen, *time)?;
        let text: usize = session.requests.iter().map(String::len).sum();
        answer = answer.wrapping_mul(31).wrapping_add(text as u64 ^ time);
    }
    Ok(answer)
}
