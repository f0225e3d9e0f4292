//! TODO(helper): phases and live bytes of memory workloads, kept in mapped memory so that no allocator is disturbed.
