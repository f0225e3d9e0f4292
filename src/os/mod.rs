//! What the allocator asks of the operating system, and the flat arrays that live in reserved address space.

#[cfg_attr(not(feature = "interpose"), path = "backing/system.rs")]
#[cfg_attr(feature = "interpose", path = "backing/libc_family.rs")]
pub(crate) mod backing;
mod linux;
mod region;

pub(crate) use linux::*;
pub(crate) use region::Region;
