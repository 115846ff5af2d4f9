//! What a process measures of itself, and what is measured of processes from outside.

use std::io;
use std::mem::zeroed;
use std::process::{Command, ExitStatus};
use std::time::Instant;

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
    (kib(&status, "VmRSS:"), kib(&status, "VmHWM:"))
}

/// A field of `/proc/…/status` in KiB.
///
/// # Panics
///
/// When it is not there.
pub fn kib(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field of the status");
    line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
}

/// Milliseconds of user and of system time, and page faults, of this process so far.
pub fn usage() -> (f64, f64, u64) {
    // SAFETY: `usage` is a plain C structure for which all zeroes is a value, and getrusage only writes to it.
    let usage = unsafe {
        let mut usage: libc::rusage = zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    (ms(usage.ru_utime), ms(usage.ru_stime), (usage.ru_minflt + usage.ru_majflt) as u64)
}

/// A time of the OS in milliseconds.
fn ms(time: libc::timeval) -> f64 {
    time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3
}

/// What a process and its children took.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// How it ended.
    pub status: ExitStatus,
    /// Milliseconds from its start to its end.
    pub wall: f64,
    /// Milliseconds of processor time in programs.
    pub user: f64,
    /// Milliseconds of processor time in the kernel.
    pub system: f64,
    /// The most KiB that it, or one of its children, had in memory.
    pub peak: u64,
}

impl Taken {
    /// Milliseconds of processor time.
    pub fn cpu(&self) -> f64 {
        self.user + self.system
    }
}

/// Runs a process to its end; what it and all children that it waited for took.
pub fn run(command: &mut Command) -> io::Result<Taken> {
    let started = Instant::now();
    let child = command.spawn()?;
    let process = libc::pid_t::try_from(child.id()).expect("a process number of the OS");
    let mut status = 0;
    // SAFETY: as in `usage`.
    let mut usage: libc::rusage = unsafe { zeroed() };
    loop {
        // SAFETY: the child is ours and nobody has waited for it; both places are ours to write to.
        if unsafe { libc::wait4(process, &mut status, 0, &mut usage) } == process {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    let wall = started.elapsed().as_secs_f64() * 1e3;
    use std::os::unix::process::ExitStatusExt;
    Ok(Taken {
        status: ExitStatus::from_raw(status),
        wall,
        user: ms(usage.ru_utime),
        system: ms(usage.ru_stime),
        // Linux counts in KiB.
        peak: usage.ru_maxrss as u64,
    })
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
    /// Milliseconds of the time that were the kernel's.
    pub system: u64,
    /// Page faults.
    pub faults: u64,
}

impl Sample {
    /// Does the work, whose operations `work` returns, and measures it; `None` when it does.
    pub fn of(work: impl FnOnce() -> Option<u64>) -> Option<Sample> {
        let (started, (_, system, faults)) = (cpu(), usage());
        let operations = work()?;
        let (cpu, after) = (cpu() - started, usage());
        let (resident, peak) = memory();
        let system = (after.1 - system).round() as u64;
        Some(Sample { operations, cpu, resident, peak, system, faults: after.2 - faults })
    }

    /// The report as one line.
    pub fn print(self) {
        let Sample { operations, cpu, resident, peak, system, faults } = self;
        println!("{operations} {cpu} {resident} {peak} {system} {faults}");
    }

    /// Reads the line; `None` when it is not one.
    pub fn read(line: &str) -> Option<Sample> {
        let mut numbers = line.split_whitespace().map(|word| word.parse::<u64>().ok());
        let mut next = || numbers.next()?;
        Some(Sample {
            operations: next()?,
            cpu: next()?,
            resident: next()?,
            peak: next()?,
            system: next()?,
            faults: next()?,
        })
    }

    /// The median of each figure.
    pub fn median(samples: &[Sample]) -> Sample {
        let middle = |of: fn(&Sample) -> u64| {
            median(&samples.iter().map(|sample| of(sample) as f64).collect::<Vec<_>>()) as u64
        };
        Sample {
            operations: middle(|sample| sample.operations),
            cpu: middle(|sample| sample.cpu),
            resident: middle(|sample| sample.resident),
            peak: middle(|sample| sample.peak),
            system: middle(|sample| sample.system),
            faults: middle(|sample| sample.faults),
        }
    }

    /// Nanoseconds an operation.
    pub fn per_operation(self) -> f64 {
        self.cpu as f64 / self.operations.max(1) as f64
    }
}

/// The middle one of the values, of which there must be one.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The geometric mean; 1 of none.
pub fn geometric_mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value.ln(), count + 1));
    (sum / f64::from(count.max(1))).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_was_measured() {
        let sample = Sample::of(|| Some(3)).expect("a sample");
        assert_eq!(sample.operations, 3);
        assert!(sample.peak >= sample.resident && sample.resident > 0);
        let read = Sample::read("1 2 3 4 5 6").expect("six numbers");
        assert_eq!((read.operations, read.cpu, read.resident), (1, 2, 3));
        assert_eq!((read.peak, read.system, read.faults), (4, 5, 6));
        assert!(Sample::read("1 2 3 4 5").is_none() && Sample::read("").is_none());
    }

    #[test]
    fn the_children_of_a_process_count() {
        let mut command = Command::new("sh");
        command.args(["-c", "sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'; exit 3"]);
        let taken = run(&mut command).expect("a shell");
        assert_eq!(taken.status.code(), Some(3));
        assert!(taken.cpu() > 10.0 && taken.wall >= taken.cpu() / 2.0 && taken.peak > 100, "{taken:?}");
    }

    #[test]
    fn means_and_medians() {
        assert_eq!(median(&[9.0, 1.0, 5.0]), 5.0);
        assert!((geometric_mean([2.0, 8.0].into_iter()) - 4.0).abs() < 1e-9);
        assert_eq!(geometric_mean([].into_iter()), 1.0);
    }
}
