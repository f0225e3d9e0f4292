//! Keeps the child of a fork whole: every lock is held across the fork, so nothing is half done in the child, and the
//! heaps of threads that the child does not have become orphans there.

use super::{cache, init, purger};
use crate::heap;
use crate::os;

pub(super) fn watch() {
    os::on_fork(prepare, parent, child);
}

extern "C" fn prepare() {
    purger::leave();
    init::once_lock().acquire();
    purger::pass_lock().acquire();
    heap::lock_all();
}

fn release() {
    // SAFETY: called after `prepare` by the same thread, or by its copy.
    unsafe {
        heap::release_all();
        purger::pass_lock().release();
        init::once_lock().release();
    }
    purger::may_return();
}

extern "C" fn parent() {
    release();
}

extern "C" fn child() {
    release();
    heap::orphan_all_but(cache::heap_id().unwrap_or(heap::COMMUNAL));
    purger::forget_thread();
}
