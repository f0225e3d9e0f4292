//! The user's Ctrl-C: the first ends the measuring and keeps what there is, the second ends the program.

use signal_hook::consts::SIGINT;
use signal_hook::flag;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The status of a program that an interrupt ended, by the convention of shells.
const STATUS: i32 = 128 + SIGINT;

/// Whether the user has interrupted.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn listen() -> io::Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        // In this order: an interrupt asks what the flag was before it sets it.
        flag::register_conditional_shutdown(SIGINT, STATUS, Arc::clone(&flag))?;
        flag::register(SIGINT, Arc::clone(&flag))?;
        Ok(Self(flag))
    }

    /// Whether there was one.
    pub fn is_set(&self) -> bool {
        // ORDERING: Relaxed: the flag is all that is read; pairs with the handler's store.
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_interrupt_is_taken_note_of() {
        let interrupt = Interrupt::listen().unwrap();
        assert!(!interrupt.is_set());
        signal_hook::low_level::raise(SIGINT).unwrap();
        assert!(interrupt.is_set());
    }
}
