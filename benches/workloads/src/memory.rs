//! TODO(helper)
use crate::Workload;

/// The workloads of this group.
pub const WORKLOADS: &[Workload] = &[];
