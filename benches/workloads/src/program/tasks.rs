//! `tokio`: a server of many small tasks.
//!
//! It imitates a service that speaks for its clients to a few workers: each client is a task of its own, which sends
//! requests through a bounded channel and waits for each answer in a one-shot channel. Tasks, channels and texts are taken by one
//! thread and freed by whichever thread ends with them.
//!
//! Its number cannot show sockets, and depends on the machine's scheduler more than the other programs'.

use super::corpus::Corpus;
use super::{expect, spoiled};
use crate::{Outcome, Pass, Prepare, Setting, Workload, input};
use cenote_bench_protocol::Group;
use std::sync::Arc;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

/// Tasks and channels.
pub const WORKLOAD: Workload = Workload {
    name: "tokio",
    group: Group::Program,
    about: "tokio runs thousands of client tasks, which talk to workers through channels",
    quick: true,
    scales: true,
    threads: 2,
    warm_up: 0,
    prepare: Prepare::Reading { write, read },
};

/// Tasks that answer, each with a channel of its own.
const WORKERS: usize = 8;
/// Requests that a channel holds.
const DEPTH: usize = 64;
/// Requests of a client.
const REQUESTS: usize = 4;

struct Request {
    text: String,
    answer: oneshot::Sender<Vec<String>>,
}

fn write(setting: &Setting) -> Vec<u8> {
    let mut corpus = Corpus::new(setting.seed);
    let texts: Vec<_> = (0..setting.scaled(14_000))
        .map(|_| {
            let words = corpus.rng().between(2, 20);
            corpus.sentence(words)
        })
        .collect();
    let words: usize = texts.iter().map(|text| text.split(' ').count() * REQUESTS).sum();
    let letters: usize = texts.iter().map(|text| text.bytes().filter(|&byte| byte != b' ').count() * REQUESTS).sum();
    input::encode(&(texts, words, letters))
}

fn read(setting: &Setting, input: &'static [u8]) -> Pass {
    let (texts, words, letters): (Vec<&str>, _, _) = input::decode(input);
    let (texts, threads) = (Arc::from(texts), setting.threads);
    Box::new(move || serve(threads, &texts, words, letters))
}

fn serve(threads: usize, texts: &Arc<[&'static str]>, words: usize, letters: usize) -> Outcome {
    let runtime = Builder::new_multi_thread().worker_threads(threads).build().map_err(spoiled)?;
    let (found_words, found_letters) = runtime.block_on(async {
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| {
                let (sender, receiver) = mpsc::channel(DEPTH);
                tokio::spawn(work(receiver));
                sender
            })
            .collect();
        let clients: Vec<_> =
            (0..texts.len()).map(|n| tokio::spawn(ask(Arc::clone(texts), n, workers[n % WORKERS].clone()))).collect();
        drop(workers);
        let mut total = (0, 0);
        for client in clients {
            let (words, letters) = client.await.map_err(spoiled)??;
            total = (total.0 + words, total.1 + letters);
        }
        Ok::<_, String>(total)
    })?;
    expect("words answered", found_words, words)?;
    expect("letters answered", found_letters, letters)?;
    Ok((words * 31 + letters) as u64)
}

async fn work(mut requests: mpsc::Receiver<Request>) {
    while let Some(Request { text, answer }) = requests.recv().await {
        // A client that gave up is no concern of the worker's.
        let _ = answer.send(text.split(' ').map(str::to_owned).collect());
    }
}

async fn ask(texts: Arc<[&'static str]>, n: usize, worker: mpsc::Sender<Request>) -> Result<(usize, usize), String> {
    let mut total = (0, 0);
    for _ in 0..REQUESTS {
        let (answer, answered) = oneshot::channel();
        worker.send(Request { text: texts[n].to_owned(), answer }).await.map_err(spoiled)?;
        let words = answered.await.map_err(spoiled)?;
        total = (total.0 + words.len(), total.1 + words.iter().map(String::len).sum::<usize>());
    }
    Ok(total)
}
