//! Magazines of a heap that are nobody's top: the depot, the mail that comes in, and empty ones at hand.

use super::Inner;
use crate::base::size_class::{TABLE, size_of};
use crate::heap::magazine::{self, Label, MagazineLinks, Top, no_magazine};
use crate::heap::registry::heap_at;
use crate::sync::{Links, NIL, Ordering, next_of, with_next};

impl Inner {
    /// Takes in what other threads freed.
    pub(crate) fn collect(&mut self) {
        for index in heap_at(self.id).mailbox.collect(&MagazineLinks) {
            let Label { class, blocks } = magazine::label(index);
            if blocks == TABLE[class].magazine as usize {
                self.take_in(class, index);
            } else {
                self.merge(class, magazine::open(index));
            }
        }
    }

    /// Puts a full magazine into the depot, or its blocks into the pools if the depot is full.
    pub(super) fn take_in(&mut self, class: usize, index: u32) {
        if self.depot_has_room(class) {
            self.deposit(class, index);
        } else {
            self.flush_and_put_away(class, magazine::open(index));
        }
    }

    /// Adds the blocks of the magazine `top` to the partly filled one.
    pub(super) fn merge(&mut self, class: usize, mut top: Top) {
        if self.classes[class].partial != NIL {
            let mut target = magazine::open(self.classes[class].partial);
            while !magazine::is_full(target) && magazine::blocks_below(class, top) > 0 {
                // SAFETY: both magazines are this heap's, and the target is not full.
                target = unsafe { magazine::push(target, magazine::peek(top)) };
                top = magazine::pop(top);
            }
            let index = magazine::close(class, target);
            if !magazine::is_full(target) {
                return self.put_away(top);
            }
            self.classes[class].partial = NIL;
            self.take_in(class, index);
        }
        if magazine::blocks_below(class, top) == 0 {
            self.put_away(top);
        } else {
            self.classes[class].partial = magazine::close(class, top);
        }
    }

    pub(super) fn depot_has_room(&mut self, class: usize) -> bool {
        let here = &mut self.classes[class];
        let room = here.depot_length < here.depot_limit;
        here.turned_away |= !room;
        room
    }

    pub(super) fn deposit(&mut self, class: usize, index: u32) {
        let here = &mut self.classes[class];
        let link = MagazineLinks.link(index);
        // ORDERING: Relaxed: the magazine is this heap's, and the heap's lock is held.
        link.store(with_next(link.load(Ordering::Relaxed), here.depot), Ordering::Relaxed);
        here.depot = index;
        here.depot_length += 1;
        self.unreported_bytes += magazine::label(index).blocks * size_of(class);
    }

    pub(super) fn withdraw_first(&mut self, class: usize) -> u32 {
        let here = &mut self.classes[class];
        let index = here.depot;
        // ORDERING: Relaxed: as for `deposit`.
        here.depot = next_of(MagazineLinks.link(index).load(Ordering::Relaxed));
        here.depot_length -= 1;
        here.depot_low = here.depot_low.min(here.depot_length);
        index
    }

    /// Takes a magazine of `class` out of the depot, or the partly filled one, in exchange for the empty `top`.
    pub(super) fn withdraw(&mut self, class: usize, top: Top) -> Option<Top> {
        let index = if self.classes[class].depot != NIL {
            self.withdraw_first(class)
        } else if self.classes[class].partial != NIL {
            core::mem::replace(&mut self.classes[class].partial, NIL)
        } else {
            return None;
        };
        let full = magazine::open(index);
        if top != no_magazine() {
            self.put_away(top);
        }
        Some(full)
    }

    /// An empty magazine for `class`; none if memory is short.
    pub(super) fn take_magazine(&mut self, class: usize) -> Option<Top> {
        if self.empties == NIL {
            let spare = core::mem::replace(&mut self.spare_empties, NIL);
            if spare != NIL {
                (self.empties, self.empties_count) = (spare, magazine::BUNDLE);
            } else if let Some(first) = magazine::take_unused() {
                // At most.
                (self.empties, self.empties_count) = (first, magazine::BUNDLE);
            } else {
                self.empties_count = 0;
                // The lowest is taken first.
                magazine::grow().rev().for_each(|index| self.keep(index));
            }
        }
        let index = self.empties;
        if index == NIL {
            return None;
        }
        // ORDERING: Relaxed: as for `deposit`.
        self.empties = next_of(MagazineLinks.link(index).load(Ordering::Relaxed));
        self.empties_count -= 1;
        Some(magazine::ready(index, class))
    }

    pub(super) fn put_away(&mut self, top: Top) {
        if self.empties_count >= magazine::BUNDLE {
            let full = core::mem::replace(&mut self.empties, NIL);
            self.empties_count = 0;
            let spare = core::mem::replace(&mut self.spare_empties, full);
            if spare != NIL {
                magazine::put_away(spare);
            }
        }
        self.keep(magazine::index_of(top));
    }

    /// Puts all empty magazines away.
    pub(super) fn put_all_away(&mut self) {
        self.empties_count = 0;
        for bundle in [&mut self.empties, &mut self.spare_empties] {
            let first = core::mem::replace(bundle, NIL);
            if first != NIL {
                magazine::put_away(first);
            }
        }
    }

    /// Keeps the empty magazine `index` at hand.
    fn keep(&mut self, index: u32) {
        // ORDERING: Relaxed: as for `deposit`.
        MagazineLinks.link(index).store(self.empties.into(), Ordering::Relaxed);
        self.empties = index;
        self.empties_count += 1;
    }
}
