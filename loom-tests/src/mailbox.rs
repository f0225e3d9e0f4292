use crate::model::{Indices, Nodes, explore};
use cenote::sync::Mailbox;
use loom::thread;
use std::sync::Arc;

struct Box<const N: usize> {
    mailbox: Mailbox,
    nodes: Nodes<N>,
}

impl<const N: usize> Box<N> {
    fn empty() -> Arc<Self> {
        Arc::new(Self { mailbox: Mailbox::new(), nodes: Nodes::new() })
    }

    fn send(&self, index: u32) {
        self.nodes.contents[index as usize].write(index);
        self.mailbox.send(&self.nodes, index);
    }

    fn collect(&self) -> impl Iterator<Item = u32> {
        self.mailbox.collect(&self.nodes).inspect(|&index| {
            assert_eq!(self.nodes.contents[index as usize].read(), index);
            self.nodes.contents[index as usize].write(u32::MAX);
        })
    }
}

#[test]
fn a_magazine_reaches_the_collector_with_its_contents() {
    explore(|| {
        let mail = Box::<1>::empty();
        let sender = {
            let mail = mail.clone();
            thread::spawn(move || mail.send(0))
        };
        let mut seen = Indices::default();
        seen.extend(mail.collect());
        sender.join().expect("the thread ends");
        seen.extend(mail.collect());
        assert_eq!(seen, Indices::all(1));
    });
}

#[test]
fn two_senders_and_a_collector_lose_no_magazine() {
    explore(|| {
        let mail = Box::<2>::empty();
        let senders = [0, 1].map(|index| {
            let mail = mail.clone();
            thread::spawn(move || mail.send(index))
        });
        let mut seen = Indices::default();
        seen.extend(mail.collect());
        for sender in senders {
            sender.join().expect("the thread ends");
        }
        seen.extend(mail.collect());
        assert_eq!(seen, Indices::all(2));
    });
}

#[test]
fn two_collectors_share_what_was_sent() {
    explore(|| {
        let mail = Box::<2>::empty();
        mail.send(0);
        let other = {
            let mail = mail.clone();
            thread::spawn(move || mail.collect().collect::<Vec<_>>())
        };
        mail.send(1);
        let mut seen = Indices::default();
        seen.extend(mail.collect());
        seen.extend(other.join().expect("the thread ends"));
        assert_eq!(seen, Indices::all(2));
    });
}

#[test]
fn a_magazine_that_is_sent_again_under_a_slow_sender_is_not_lost() {
    explore(|| {
        let mail = Box::<2>::empty();
        mail.send(0);
        let sender = {
            let mail = mail.clone();
            thread::spawn(move || mail.send(1))
        };
        let mut seen = Indices::default();
        for index in mail.collect() {
            if index == 0 {
                mail.send(0);
            } else {
                seen.add(index);
            }
        }
        sender.join().expect("the thread ends");
        seen.extend(mail.collect());
        assert_eq!(seen, Indices::all(2));
    });
}

#[test]
fn a_mailbox_that_was_seen_to_hold_something_is_not_found_empty() {
    explore(|| {
        let mail = Box::<1>::empty();
        let sender = {
            let mail = mail.clone();
            thread::spawn(move || mail.send(0))
        };
        let mut seen = Indices::default();
        if !mail.mailbox.is_empty() {
            seen.extend(mail.collect());
            assert_eq!(seen, Indices::all(1));
        }
        sender.join().expect("the thread ends");
        seen.extend(mail.collect());
        assert_eq!(seen, Indices::all(1));
    });
}
