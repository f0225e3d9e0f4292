//! What a thread has: its magazines, and the ways around them.
//!
//! | module | what |
//! |---|---|
//! | `cache` | the fast path, and the slow path to the thread's heap |
//! | `by_address` | blocks that are freed without a size |
//! | `storage` | where the cache lies |
//! | `large` | blocks above the largest class: runs of slices, and the system allocator |
//! | `zeroed` | what a program does with zeroed ones, as far as earlier ones tell |
//! | `init` | the reservation, made by the first slow path |
//! | `settings` | the options in force |
//! | `purger` | gives back what nobody needs any more |
//! | `fork` | keeps the child of a fork whole |

#[cfg(feature = "raw")]
pub(crate) mod by_address;
pub(crate) mod cache;
mod fork;
pub(crate) mod init;
pub(crate) mod large;
pub(crate) mod purger;
pub(crate) mod settings;
#[cfg_attr(
    not(all(feature = "initial-exec", any(target_arch = "x86_64", target_arch = "aarch64"))),
    path = "storage/portable.rs"
)]
#[cfg_attr(all(feature = "initial-exec", target_arch = "x86_64"), path = "storage/initial_exec_x86_64.rs")]
#[cfg_attr(all(feature = "initial-exec", target_arch = "aarch64"), path = "storage/initial_exec_aarch64.rs")]
mod storage;
mod zeroed;
