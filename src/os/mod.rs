//! What the allocator asks of the operating system, and the flat arrays that live in reserved address space.

#[path = "backing/system.rs"]
pub(crate) mod backing;
mod linux;
mod region;

pub(crate) use linux::*;
pub(crate) use region::Region;
