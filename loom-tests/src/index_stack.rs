use crate::model::{Indices, Nodes, at_once, explore, explore_both, explore_up_to};
use cenote::sync::IndexStack;
use loom::thread;
use std::sync::Arc;

struct Stack<const N: usize> {
    stack: IndexStack,
    nodes: Nodes<N>,
}

impl<const N: usize> Stack<N> {
    /// With `count` nodes pushed, 0 on top.
    fn with(count: u32) -> Arc<Self> {
        let stack = Self { stack: IndexStack::new(), nodes: Nodes::new() };
        (0..count).rev().for_each(|index| stack.push(index));
        Arc::new(stack)
    }

    fn push(&self, index: u32) {
        self.nodes.contents[index as usize].write(index);
        self.stack.push(&self.nodes, index);
    }

    fn pop(&self) -> Option<u32> {
        let index = self.stack.pop(&self.nodes)?;
        assert_eq!(self.nodes.contents[index as usize].read(), index);
        self.nodes.contents[index as usize].write(u32::MAX);
        Some(index)
    }

    fn drain(&self) -> impl Iterator<Item = u32> {
        core::iter::from_fn(|| self.pop())
    }
}

#[test]
fn a_node_is_popped_with_what_was_pushed() {
    explore_both(|swapped| {
        let stack = Stack::<2>::with(0);
        let (pushing, popping) = (stack.clone(), stack.clone());
        let push = move || (0..2).for_each(|index| pushing.push(index));
        let pop = move || [popping.pop(), popping.pop()];
        let ((), popped) = at_once(swapped, push, pop);
        let mut seen = Indices::default();
        seen.extend(popped.into_iter().flatten());
        seen.extend(stack.drain());
        assert_eq!(seen, Indices::all(2));
    });
}

#[test]
fn a_pop_that_lost_a_race_reads_the_link_of_the_new_top() {
    explore(|| {
        let stack = Stack::<3>::with(1);
        let other = {
            let stack = stack.clone();
            thread::spawn(move || {
                stack.push(1);
                stack.push(2);
            })
        };
        let mut seen = Indices::default();
        seen.extend(stack.pop());
        other.join().expect("the thread ends");
        seen.extend(stack.drain());
        assert_eq!(seen, Indices::all(3));
    });
}

#[test]
fn a_node_that_is_popped_and_pushed_again_under_a_slow_pop_is_not_lost() {
    explore(|| {
        let stack = Stack::<3>::with(3);
        let other = {
            let stack = stack.clone();
            thread::spawn(move || {
                let first = stack.pop();
                let second = stack.pop();
                if let Some(first) = first {
                    stack.push(first);
                }
                second
            })
        };
        let mut seen = Indices::default();
        seen.extend(stack.pop());
        seen.extend(other.join().expect("the thread ends"));
        seen.extend(stack.drain());
        assert_eq!(seen, Indices::all(3));
    });
}

/// Up to three preemptions: all of it would take too long.
#[test]
fn three_threads_that_pop_and_push_lose_no_node() {
    explore_up_to(3, || {
        let stack = Stack::<3>::with(2);
        let others = [1, 2].map(|_| {
            let stack = stack.clone();
            thread::spawn(move || {
                if let Some(index) = stack.pop() {
                    stack.push(index);
                }
                stack.pop()
            })
        });
        stack.push(2);
        let mut seen = Indices::default();
        for other in others {
            seen.extend(other.join().expect("the thread ends"));
        }
        seen.extend(stack.drain());
        assert_eq!(seen, Indices::all(3));
    });
}
