//! A pool of workers that pass boxed messages through channels: what one thread allocates, another frees.
//!
//! ```text
//! cargo run --release --example message_pool -- --producers 2 --workers 4 --messages 1000000 --stats
//! ```
//!
//! Producers make messages, workers turn each into a reply and free it, the main thread digests and frees
//! the replies. A message follows from its number alone and digests are added up, so the checksum on
//! stdout does not depend on the number of threads.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

#[global_allocator]
static GLOBAL: cenote::Cenote = cenote::Cenote::new();

/// Nested batches end at this depth.
const MAX_DEPTH: usize = 3;

fn main() -> ExitCode {
    let options = Options::from_command_line();
    let totals = run(&options);
    let result = writeln!(
        io::stdout().lock(),
        "replies   {}\nbytes     {}\nchecksum  {:016x}",
        totals.replies,
        totals.bytes,
        totals.checksum
    );
    if options.stats {
        eprintln!("{}", cenote::Cenote::stats());
    }
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("message_pool: cannot write the result: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// What the user asked for.
struct Options {
    producers: NonZeroUsize,
    workers: NonZeroUsize,
    messages: u64,
    max_bytes: NonZeroUsize,
    queue: NonZeroUsize,
    stats: bool,
}

impl Options {
    fn from_command_line() -> Self {
        let matches = Command::new("message_pool")
            .about("Passes boxed messages between threads and prints a checksum of them")
            .args([
                count("producers", "2", "Threads that make messages"),
                count("workers", "2", "Threads that turn messages into replies"),
                Arg::new("messages")
                    .long("messages")
                    .value_name("N")
                    .help("Messages to pass")
                    .value_parser(value_parser!(u64))
                    .default_value("100000"),
                count("max-bytes", "2048", "The largest payload of one message part, in bytes"),
                count("queue", "256", "Messages that wait in one channel"),
                Arg::new("stats")
                    .long("stats")
                    .help("Print the allocator's statistics on stderr")
                    .action(ArgAction::SetTrue),
            ])
            .get_matches();
        Self {
            producers: counted(&matches, "producers"),
            workers: counted(&matches, "workers"),
            messages: *matches.get_one("messages").expect("has a default"),
            max_bytes: counted(&matches, "max-bytes"),
            queue: counted(&matches, "queue"),
            stats: matches.get_flag("stats"),
        }
    }
}

fn count(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("N")
        .help(help)
        .value_parser(value_parser!(NonZeroUsize))
        .default_value(default)
}

fn counted(matches: &ArgMatches, name: &str) -> NonZeroUsize {
    *matches.get_one(name).expect("has a default")
}

/// What goes from thread to thread: blocks of many sizes and shapes.
enum Message {
    Number(Box<u64>),
    Text(String),
    Bytes(Vec<u8>),
    Words(Vec<String>),
    Shared(Arc<[u32]>),
    Pair(Box<(Message, Message)>),
    Batch(Vec<Message>),
}

impl Message {
    fn make(random: &mut SplitMix64, max_bytes: usize, depth: usize) -> Self {
        let kinds = if depth == MAX_DEPTH { 5 } else { 7 };
        match random.below(kinds) {
            0 => Self::Number(Box::new(random.next())),
            1 => Self::Text(text(random, max_bytes)),
            2 => {
                let len = 1 + random.below(max_bytes);
                Self::Bytes((0..len).map(|i| i as u8 ^ len as u8).collect())
            }
            3 => Self::Words((0..random.below(8)).map(|_| text(random, max_bytes / 8 + 1)).collect()),
            4 => Self::Shared((0..random.below(max_bytes / size_of::<u32>() + 1) as u32).collect()),
            5 => Self::Pair(Box::new((
                Self::make(random, max_bytes, depth + 1),
                Self::make(random, max_bytes, depth + 1),
            ))),
            _ => Self::Batch((0..random.below(5)).map(|_| Self::make(random, max_bytes, depth + 1)).collect()),
        }
    }

    /// The answer to a message: of another shape, in new blocks; the message itself is freed here.
    fn into_reply(self) -> Self {
        match self {
            Self::Number(number) => Self::Text(number.to_string()),
            Self::Text(text) => Self::Words(text.split(' ').map(str::to_owned).collect()),
            Self::Bytes(mut bytes) => {
                let copy = bytes.clone();
                bytes.extend_from_slice(&copy);
                Self::Bytes(bytes)
            }
            Self::Words(words) => Self::Text(words.concat()),
            Self::Shared(shared) => {
                Self::Pair(Box::new((Self::Number(Box::new(shared.len() as u64)), Self::Shared(Arc::clone(&shared)))))
            }
            Self::Pair(pair) => Self::Batch(vec![pair.0.into_reply(), pair.1.into_reply()]),
            Self::Batch(batch) => Self::Batch(batch.into_iter().rev().map(Self::into_reply).collect()),
        }
    }

    fn digest(&self, totals: &mut Fnv1a) {
        match self {
            Self::Number(number) => totals.add(&number.to_le_bytes()),
            Self::Text(text) => totals.add(text.as_bytes()),
            Self::Bytes(bytes) => totals.add(bytes),
            Self::Words(words) => words.iter().for_each(|word| totals.add(word.as_bytes())),
            Self::Shared(shared) => shared.iter().for_each(|number| totals.add(&number.to_le_bytes())),
            Self::Pair(pair) => {
                pair.0.digest(totals);
                pair.1.digest(totals);
            }
            Self::Batch(batch) => batch.iter().for_each(|message| message.digest(totals)),
        }
    }
}

fn text(random: &mut SplitMix64, max_bytes: usize) -> String {
    let len = random.below(max_bytes);
    (0..len).map(|_| [' ', 'a', 'e', 'i', 'n', 'r', 's', 't'][random.below(8)]).collect()
}

struct Totals {
    replies: u64,
    bytes: u64,
    checksum: u64,
}

fn run(options: &Options) -> Totals {
    thread::scope(|scope| {
        let (reply_sender, replies) = sync_channel(options.queue.get());
        let mut senders = Vec::new();
        for _ in 0..options.workers.get() {
            let (sender, messages) = sync_channel(options.queue.get());
            let reply_sender = reply_sender.clone();
            scope.spawn(move || reply_to_all(messages, reply_sender));
            senders.push(sender);
        }
        for producer in 0..options.producers.get() {
            let senders = senders.clone();
            scope.spawn(move || produce(producer, options, &senders));
        }
        drop((senders, reply_sender));
        collect(replies)
    })
}

/// Makes every message whose number falls to this producer, and deals them out.
fn produce(producer: usize, options: &Options, senders: &[SyncSender<Box<Message>>]) {
    for (turn, number) in (producer as u64..options.messages).step_by(options.producers.get()).enumerate() {
        let mut random = SplitMix64(number);
        let message = Box::new(Message::make(&mut random, options.max_bytes.get(), 0));
        senders[turn % senders.len()].send(message).expect("the workers outlive the producers");
    }
}

fn reply_to_all(messages: Receiver<Box<Message>>, replies: SyncSender<Box<Message>>) {
    for message in messages {
        replies.send(Box::new(message.into_reply())).expect("the main thread outlives the workers");
    }
}

fn collect(replies: Receiver<Box<Message>>) -> Totals {
    let mut totals = Totals { replies: 0, bytes: 0, checksum: 0 };
    for reply in replies {
        let mut digest = Fnv1a::default();
        reply.digest(&mut digest);
        totals.replies += 1;
        totals.bytes += digest.bytes;
        totals.checksum = totals.checksum.wrapping_add(digest.hash);
    }
    totals
}

/// The hash function FNV-1a.
struct Fnv1a {
    hash: u64,
    bytes: u64,
}

impl Default for Fnv1a {
    fn default() -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, bytes: 0 }
    }
}

impl Fnv1a {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        for &byte in bytes {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Steele, Lea and Flood's generator SplitMix64.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
