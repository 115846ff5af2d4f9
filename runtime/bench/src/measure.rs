//! What a process measures of itself: processor time and memory.

/// Nanoseconds of processor time that all threads of this process have used.
pub fn cpu() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is ours to write to.
    let outcome = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(outcome, 0, "the clock of processor time can be read");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// KiB of this process that are in memory, and the most that ever were.
///
/// # Panics
///
/// Where `/proc` is not as on Linux.
pub fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc/self/status");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field of the status");
        line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// What a workload's process reports.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Operations done.
    pub operations: u64,
    /// Nanoseconds of processor time they took.
    pub cpu: u64,
    /// KiB in memory at the end.
    pub resident: u64,
    /// The most KiB that ever were.
    pub peak: u64,
}

impl Sample {
    /// The report as one line.
    pub fn print(self) {
        println!("{} {} {} {}", self.operations, self.cpu, self.resident, self.peak);
    }

    /// Reads the line; `None` when it is not one.
    pub fn read(line: &str) -> Option<Sample> {
        let mut numbers = line.split_whitespace().map(|word| word.parse::<u64>().ok());
        let mut next = || numbers.next()?;
        Some(Sample { operations: next()?, cpu: next()?, resident: next()?, peak: next()? })
    }

    /// Nanoseconds an operation.
    pub fn per_operation(self) -> f64 {
        self.cpu as f64 / self.operations.max(1) as f64
    }
}

/// The middle one of the values.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The geometric mean; 1 of none.
pub fn geometric_mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value.ln(), count + 1));
    (sum / f64::from(count.max(1))).exp()
}
