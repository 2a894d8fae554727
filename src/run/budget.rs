//! What a run may use of the machine.

/// Threads and memory.
pub(super) struct Budget {
    /// Bytes; none is no limit.
    pub memory: Option<u64>,
    /// What the program takes before it computes anything, in bytes.
    pub base: u64,
}

/// Code, thread stacks, and the plan itself.
const BASE: u64 = 64 << 20;

impl Budget {
    pub fn new(memory: Option<u64>) -> Self {
        Self { memory, base: BASE }
    }
}
