//! The machine that the figures are from, as it says itself.

use std::fs::read_to_string;
use std::thread::available_parallelism;

/// A few lines about processor, system, memory and contestants.
pub fn describe() -> Vec<String> {
    let field = |file: &str, name: &str| {
        let text = read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_string()
    };
    let word = |file: &str| read_to_string(file).unwrap_or_default().trim().to_string();
    let cores = available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse::<u64>().unwrap_or(0);
    let load = word("/proc/loadavg");
    let load = load.split(' ').take(2).collect::<Vec<_>>().join(" and ");
    vec![
        format!(
            "machine: {}, {cores} cores, {} MiB; Linux {}",
            field("/proc/cpuinfo", "model name"),
            memory >> 10,
            word("/proc/sys/kernel/osrelease")
        ),
        format!(
            "glibc {}; transparent huge pages: {}; load over the last 1 and 5 minutes: {load}",
            glibc(),
            chosen(&word("/sys/kernel/mm/transparent_hugepage/enabled"))
        ),
    ]
}

/// The version of the C library.
fn glibc() -> String {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: no preconditions; the text is the library's own and stays.
        let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
        version.to_string_lossy().into_owned()
    }
    #[cfg(not(target_env = "gnu"))]
    "none".to_string()
}

/// The word in brackets, in which the kernel puts what is chosen.
fn chosen(words: &str) -> &str {
    words.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("unknown", |(word, _)| word)
}

/// The versions of these packages, as they are locked.
pub fn versions(names: &[&str]) -> String {
    let lock = include_str!("../../../Cargo.lock");
    let version = |name: &str| {
        let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
        Some(format!("{name} {}", rest.split_once('"')?.0))
    };
    names.iter().filter_map(|name| version(name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_word_is_the_one_in_brackets() {
        assert_eq!(chosen("always [madvise] never"), "madvise");
        assert_eq!(chosen(""), "unknown");
    }

    #[test]
    fn versions_are_those_of_the_lock_file() {
        let ours = format!("vex-bench {}", env!("CARGO_PKG_VERSION"));
        assert_eq!(versions(&["vex-bench", "no-such-package"]), ours);
    }
}
