//! The workloads. Each returns how many operations it did: a block allocated and freed is one.

mod single;
mod threads;

use std::alloc::GlobalAlloc;

use crate::contestants::Job;
use crate::measure::Sample;

/// The workloads that are timed, in the order of the table.
pub const TIMED: &[&str] = &[
    "pairs 16",
    "pairs 128",
    "pairs 1024",
    "pairs 8192",
    "pairs 32768",
    "pairs 262144",
    "pairs 1048576",
    "pairs 8388608",
    "lifo",
    "fifo",
    "random",
    "list",
    "grow",
    "zeroed",
    "aligned",
    "sawtooth",
    "server",
    "handover",
    "short-threads",
];

/// A process that allocates one block.
pub const TRIVIAL: &str = "trivial";

/// A process that frees 1 GiB and then does nothing for five seconds.
pub const IDLE: &str = "idle";

/// Runs one workload and measures it.
pub struct Run<'a>(pub &'a str);

impl Job for Run<'_> {
    type Output = Option<Sample>;

    fn with<A: GlobalAlloc + Sync + 'static>(self, allocator: &'static A) -> Option<Sample> {
        Sample::of(|| run(self.0, allocator))
    }
}

/// Runs a workload; `None` when there is none of this name.
fn run<A: GlobalAlloc + Sync + 'static>(name: &str, allocator: &'static A) -> Option<u64> {
    if let Some(size) = name.strip_prefix("pairs ") {
        return Some(single::pairs(allocator, size.parse().ok()?));
    }
    Some(match name {
        "lifo" => single::lifo(allocator),
        "fifo" => single::fifo(allocator),
        "random" => single::random(allocator),
        "list" => single::list(allocator),
        "grow" => single::grow(allocator),
        "zeroed" => single::zeroed(allocator),
        "aligned" => single::aligned(allocator),
        "sawtooth" => single::sawtooth(allocator),
        "server" => threads::server(allocator),
        "handover" => threads::handover(allocator),
        "short-threads" => threads::short(allocator),
        TRIVIAL => single::trivial(allocator),
        IDLE => single::idle(allocator),
        _ => return None,
    })
}
