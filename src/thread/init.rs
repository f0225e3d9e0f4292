//! The reservation, made by the first slow path of the process.

use super::{cache, fork, settings};
use crate::base::config::*;
use crate::heap::{self, Reservation, magazine, outside};
use crate::os;
use crate::sync::{AtomicUsize, Lock, Once, Ordering};

const READY: u32 = 1;
/// The system granted no useful amount of address space: everything comes from the system allocator.
const REFUSED: u32 = 2;

static RESERVATION: Once = Once::new();
/// Which thread makes the reservation, by the place of its cache; zero if none does.
static MAKER: AtomicUsize = AtomicUsize::new(0);

/// Whether there is a reservation, making it if nobody tried yet.
#[inline]
pub(crate) fn ready() -> bool {
    match RESERVATION.state() {
        READY => true,
        REFUSED => false,
        _ => initialise(),
    }
}

/// Whether there is a reservation already.
pub(crate) fn is_done() -> bool {
    RESERVATION.state() == READY
}

/// Makes the reservation, or waits for the thread that does. False for that thread itself: a function that it calls for the
/// purpose, such as `mmap`, may be another library's, and ask for blocks, which the system allocator has to serve then.
#[cold]
fn initialise() -> bool {
    let me = cache::place();
    // ORDERING (all): Relaxed: a thread looks for its own number, which it wrote itself.
    if MAKER.load(Ordering::Relaxed) == me {
        return false;
    }
    let (state, here) = RESERVATION.call(|| {
        MAKER.store(me, Ordering::Relaxed);
        settings::read_environment();
        if !reserve() || heap::create().is_none_or(|heap| heap.id != heap::COMMUNAL) {
            return REFUSED;
        }
        settings::tell_arenas();
        cache::watch_threads();
        READY
    });
    if here {
        MAKER.store(0, Ordering::Relaxed);
    }
    if here && state == READY {
        // These may allocate.
        fork::watch();
        settings::apply();
    }
    state == READY
}

/// Reserves address space, as much as the system grants, and gives all arrays their places.
fn reserve() -> bool {
    let mut bytes = RESERVE_MAX_BYTES;
    if let Some(limit) = os::address_space_limit() {
        // The rest of the program needs address space too.
        while bytes > limit / 2 && bytes >= RESERVE_MIN_BYTES {
            bytes /= 2;
        }
    }
    while bytes >= RESERVE_MIN_BYTES {
        if reserve_exactly(bytes) {
            return true;
        }
        bytes /= 2;
    }
    false
}

fn reserve_exactly(bytes: usize) -> bool {
    let arenas = (bytes / ARENA_BYTES) as u32;
    let slices = arenas * ARENA_SLICES;
    let heaps = (slices / 8).clamp(64, MAX_HEAPS);
    let magazines = (slices / 2).clamp(1 << 10, 1 << 20);
    let large_blocks = arenas.clamp(64, 1 << 16);
    let heap_bytes = heap::region_bytes(heaps);
    let (magazine_bytes, link_bytes) = magazine::region_bytes(magazines);
    let arrays = Reservation::bytes(arenas);
    let list_bytes = outside::region_bytes(large_blocks);
    let metadata: usize =
        heap_bytes + magazine_bytes + link_bytes + list_bytes + arrays[..arrays.len() - 1].iter().sum::<usize>();
    // The block memory comes last, with room to align it.
    let memory_at = metadata.next_multiple_of(RUN_MAX_ALIGN);
    let Some(base) = os::reserve(memory_at + arrays[arrays.len() - 1], RUN_MAX_ALIGN) else { return false };
    let mut at = base;
    let mut next = |bytes: usize| {
        let place = at;
        at = at.wrapping_add(bytes);
        place
    };
    // SAFETY: the places follow each other in the reservation just made, in whole OS pages, and nobody has used them.
    unsafe {
        heap::place(next(heap_bytes), heaps);
        magazine::place(next(magazine_bytes), next(link_bytes), magazines);
        outside::place(next(list_bytes), large_blocks);
        let mut places = [core::ptr::null_mut(); 8];
        for (place, bytes) in places.iter_mut().zip(arrays) {
            *place = next(bytes);
        }
        places[arrays.len() - 1] = base.wrapping_add(memory_at);
        os::advise_huge_pages(base, memory_at + arrays[arrays.len() - 1], false);
        Reservation::place(places, arenas);
    }
    true
}

/// For the fork handlers.
pub(super) fn once_lock() -> &'static Lock<()> {
    RESERVATION.lock()
}
