//! Linux: mmap, mprotect, madvise, the environment, and how to die with a message. Nothing here allocates.

use crate::sync::{AtomicU32, AtomicUsize, Ordering};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::fmt::{self, Write};
use core::time::Duration;

static PAGE_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Bytes of an OS page.
pub(crate) fn page_bytes() -> usize {
    // ORDERING: Relaxed: every thread computes the same value.
    let known = PAGE_BYTES.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    // SAFETY: no preconditions.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let bytes = usize::try_from(bytes).unwrap_or(4096);
    // ORDERING: Relaxed: as above.
    PAGE_BYTES.store(bytes, Ordering::Relaxed);
    bytes
}

/// Reserves `bytes` of address space aligned to `align`, without access and without a claim on memory.
pub(crate) fn reserve(bytes: usize, align: usize) -> Option<*mut u8> {
    let total = bytes.checked_add(align)?;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a fresh anonymous mapping at an address of the kernel's choice touches nothing that exists.
    let start = unsafe { libc::mmap(core::ptr::null_mut(), total, libc::PROT_NONE, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return None;
    }
    let skip = start.align_offset(align);
    // SAFETY: both ends lie in the mapping just made and outside the part that is kept.
    unsafe {
        if skip != 0 {
            libc::munmap(start, skip);
        }
        libc::munmap(start.byte_add(skip + bytes), align - skip);
        Some(start.byte_add(skip).cast())
    }
}

/// Makes reserved memory readable and writable; it reads as zero. False if the system refuses.
///
/// # Safety
/// `start .. start + bytes` is reserved by [`reserve`], was not committed before, and consists of whole OS pages.
pub(crate) unsafe fn commit(start: *mut u8, bytes: usize) -> bool {
    const ACCESS: c_int = libc::PROT_READ | libc::PROT_WRITE;
    const FLAGS: c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED;
    // A sandbox may allow mmap alone.
    preserving_errno(|| {
        // SAFETY: the caller's: nobody has anything there yet.
        unsafe {
            libc::mprotect(start.cast(), bytes, ACCESS) == 0
                || libc::mmap(start.cast(), bytes, ACCESS, FLAGS, -1, 0) != libc::MAP_FAILED
        }
    })
}

/// Gives committed memory back to the system; it stays accessible and reads as zero. False if the system refuses.
///
/// # Safety
/// `start .. start + bytes` is committed, consists of whole OS pages, and nobody needs its contents.
pub(crate) unsafe fn purge(start: *mut u8, bytes: usize) -> bool {
    // SAFETY: the caller's.
    preserving_errno(|| unsafe { libc::madvise(start.cast(), bytes, libc::MADV_DONTNEED) == 0 })
}

/// Asks for transparent huge pages, or declines them. A hint: refusal changes nothing.
///
/// # Safety
/// `start .. start + bytes` is the caller's, mapped or reserved, and consists of whole OS pages.
pub(crate) unsafe fn advise_huge_pages(start: *mut u8, bytes: usize, wanted: bool) {
    let advice = if wanted { libc::MADV_HUGEPAGE } else { libc::MADV_NOHUGEPAGE };
    // SAFETY: the caller's.
    preserving_errno(|| unsafe { libc::madvise(start.cast(), bytes, advice) });
}

/// Makes committed memory resident as if it had been written to. A hint: kernels before 5.14 do not know it.
///
/// # Safety
/// `start .. start + bytes` is committed and consists of whole OS pages.
pub(crate) unsafe fn populate(start: *mut u8, bytes: usize) {
    // SAFETY: the caller's; the contents stay as they are.
    preserving_errno(|| unsafe { libc::madvise(start.cast(), bytes, libc::MADV_POPULATE_WRITE) });
}

/// How many OS pages are resident of those that hold `bytes` bytes from `start` on; `None` if the system does not tell.
///
/// # Safety
/// `start .. start + bytes` is mapped or reserved, and consists of whole OS pages.
pub(crate) unsafe fn resident_pages(start: *mut u8, bytes: usize) -> Option<usize> {
    /// Pages that are looked at by one call.
    const MOST: usize = 256;
    let mut resident = [0u8; MOST];
    let mut count = 0;
    for offset in (0..bytes).step_by(MOST * page_bytes()) {
        let part = (bytes - offset).min(MOST * page_bytes());
        // SAFETY: the caller's; there is a byte for each page.
        let result =
            preserving_errno(|| unsafe { libc::mincore(start.add(offset).cast(), part, resident.as_mut_ptr()) });
        if result != 0 {
            return None;
        }
        // What else the bytes say is undefined.
        count += resident[..part / page_bytes()].iter().filter(|&byte| byte & 1 == 1).count();
    }
    Some(count)
}

/// The limit on this process's address space in bytes, if there is one.
pub(crate) fn address_space_limit() -> Option<usize> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place to write to.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut limit) };
    (result == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur as usize)
}

/// Sleeps for `time`, or less if a signal comes.
pub(crate) fn sleep(time: Duration) {
    let time = timespec(time);
    preserving_errno(|| {
        // SAFETY: `time` is a live timespec.
        unsafe { libc::nanosleep(&time, core::ptr::null_mut()) };
    });
}

/// Sleeps while `word` is `value`, until it is woken, but no longer than `time`, or less if a signal comes.
pub(crate) fn sleep_while(word: &AtomicU32, value: u32, time: Duration) {
    let time = timespec(time);
    preserving_errno(|| {
        // SAFETY: the word and the timespec live.
        unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG, value, &raw const time) };
    });
}

/// Wakes all that sleep in [`sleep_while`] on `word`.
pub(crate) fn wake(word: &AtomicU32) {
    preserving_errno(|| {
        // SAFETY: the word lives.
        unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, c_int::MAX) };
    });
}

/// Has every thread of this process run through a memory barrier between now and the return: those that run at the moment
/// are interrupted, and the others had theirs when they stopped. False if the system refuses, as it does before
/// [`register_barrier`] was called.
pub(crate) fn barrier_everywhere() -> bool {
    const PRIVATE_EXPEDITED: c_int = 1 << 3;
    membarrier(PRIVATE_EXPEDITED)
}

/// Tells the system that this process calls [`barrier_everywhere`]; so do its children then. Costs next to nothing but for the first
/// time, when the system has to see each processor once.
pub(crate) fn register_barrier() {
    const REGISTER_PRIVATE_EXPEDITED: c_int = 1 << 4;
    membarrier(REGISTER_PRIVATE_EXPEDITED);
}

/// Older versions of libc have no names for these commands.
fn membarrier(command: c_int) -> bool {
    // SAFETY: these commands touch no memory.
    preserving_errno(|| unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 })
}

fn timespec(time: Duration) -> libc::timespec {
    libc::timespec { tv_sec: time.as_secs() as _, tv_nsec: time.subsec_nanos() as _ }
}

/// The system's number of this thread.
pub(crate) fn thread_number() -> u32 {
    // SAFETY: no preconditions.
    (unsafe { libc::syscall(libc::SYS_gettid) }) as u32
}

/// How many threads this process has, if the system tells.
pub(crate) fn thread_count() -> Option<usize> {
    let mut stat = core::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the path ends with a null byte, and `stat` is a place to write to.
    let told = preserving_errno(|| unsafe { libc::stat(c"/proc/self/task".as_ptr(), stat.as_mut_ptr()) == 0 });
    // SAFETY: filled in if the call went well.
    let links = told.then(|| unsafe { stat.assume_init() }.st_nlink)?;
    // Each thread is a directory in there, and so a link to its parent, beside the two that every directory has.
    usize::try_from(links).ok()?.checked_sub(2)
}

/// Whether this process still has the thread of that number, also in the eyes of those who count its threads.
pub(crate) fn has_thread(number: u32) -> bool {
    // SAFETY: signal zero is sent to nobody.
    preserving_errno(|| unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), number, 0) == 0 })
}

/// Runs `body` and puts `errno` back to what it was: `free` must not change it.
pub(crate) fn preserving_errno<R>(body: impl FnOnce() -> R) -> R {
    // SAFETY: the C library's per-thread errno is always readable and writable.
    unsafe {
        let errno = libc::__errno_location();
        let saved = *errno;
        let result = body();
        *errno = saved;
        result
    }
}

/// Calls `visit` with each environment variable's `NAME=value`; with none if the program has rights that whoever set them
/// may not have, such as a set-user-id program.
pub(crate) fn for_each_env(mut visit: impl FnMut(&[u8])) {
    // SAFETY: no preconditions.
    if unsafe { libc::getauxval(libc::AT_SECURE) } != 0 {
        return;
    }
    unsafe extern "C" {
        static environ: *const *const c_char;
    }
    // SAFETY: `environ` is null or a null-terminated array of zero-terminated strings.
    unsafe {
        let mut entry = environ;
        while !entry.is_null() && !(*entry).is_null() {
            visit(CStr::from_ptr(*entry).to_bytes());
            entry = entry.add(1);
        }
    }
}

/// Standard error without a buffer of its own beyond one line, and without allocating.
pub(crate) struct Stderr {
    line: [u8; 512],
    length: usize,
}

impl Stderr {
    pub(crate) fn new() -> Self {
        Self { line: [0; 512], length: 0 }
    }

    fn flush(&mut self) {
        // SAFETY: the bytes are initialised; a short or failed write loses a message, nothing else.
        unsafe { libc::write(libc::STDERR_FILENO, self.line.as_ptr().cast(), self.length) };
        self.length = 0;
    }
}

impl Write for Stderr {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            self.line[self.length] = byte;
            self.length += 1;
            if byte == b'\n' || self.length == self.line.len() {
                self.flush();
            }
        }
        Ok(())
    }
}

impl Drop for Stderr {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Prints one line on standard error.
pub(crate) fn report(message: fmt::Arguments<'_>) {
    preserving_errno(|| {
        let _ = writeln!(Stderr::new(), "cenote: {message}");
    });
}

/// Prints one line on standard error and aborts.
#[cold]
pub(crate) fn die(message: fmt::Arguments<'_>) -> ! {
    report(message);
    // SAFETY: no preconditions.
    unsafe { libc::abort() }
}

/// Starts a detached thread with a small stack and all signals blocked. False if the system refuses.
pub(crate) fn spawn_detached(body: extern "C" fn(*mut c_void) -> *mut c_void) -> bool {
    const STACK_BYTES: usize = 128 << 10;
    preserving_errno(|| {
        // SAFETY: attributes, signal sets and the thread handle are initialised by the calls that take them first.
        unsafe {
            let mut attributes: libc::pthread_attr_t = core::mem::zeroed();
            if libc::pthread_attr_init(&mut attributes) != 0 {
                return false;
            }
            libc::pthread_attr_setstacksize(&mut attributes, STACK_BYTES);
            libc::pthread_attr_setdetachstate(&mut attributes, libc::PTHREAD_CREATE_DETACHED);
            let mut all: libc::sigset_t = core::mem::zeroed();
            let mut before: libc::sigset_t = core::mem::zeroed();
            libc::sigfillset(&mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
            let mut thread: libc::pthread_t = core::mem::zeroed();
            let result = libc::pthread_create(&mut thread, &attributes, body, core::ptr::null_mut());
            libc::pthread_sigmask(libc::SIG_SETMASK, &before, core::ptr::null_mut());
            libc::pthread_attr_destroy(&mut attributes);
            result == 0
        }
    })
}

/// Calls `prepare` before each fork, `parent` and `child` after it.
pub(crate) fn on_fork(prepare: extern "C" fn(), parent: extern "C" fn(), child: extern "C" fn()) {
    // SAFETY: the handlers are functions that live as long as the program.
    unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
}

/// Calls `body` when the program exits normally.
pub(crate) fn on_exit(body: extern "C" fn()) {
    // SAFETY: the handler is a function that lives as long as the program.
    unsafe { libc::atexit(body) };
}

/// A call at the end of each thread that asked for it, after the destructors of its thread-locals.
pub(crate) struct ThreadExit {
    key: AtomicU32,
}

impl ThreadExit {
    pub(crate) const fn new() -> Self {
        Self { key: AtomicU32::new(u32::MAX) }
    }

    /// Makes `body` the call. Once, before any [`arm`](Self::arm).
    pub(crate) fn set(&self, body: unsafe extern "C" fn(*mut c_void)) {
        let mut key: libc::pthread_key_t = 0;
        // SAFETY: `key` is a valid place to write to.
        let result: c_int = unsafe { libc::pthread_key_create(&mut key, Some(body)) };
        if result == 0 {
            // ORDERING: Relaxed: published with the rest of the initialisation.
            self.key.store(key, Ordering::Relaxed);
        }
    }

    /// Asks for the call at the end of this thread. False if the system has no way left to promise it.
    pub(crate) fn arm(&self) -> bool {
        // ORDERING: Relaxed: written before the initialisation that this thread has seen.
        let key = self.key.load(Ordering::Relaxed);
        // SAFETY: the key was created by `set`; an unknown key is refused with an error. The value is only tested for null.
        key != u32::MAX && unsafe { libc::pthread_setspecific(key, core::ptr::dangling::<u8>().cast()) == 0 }
    }
}
