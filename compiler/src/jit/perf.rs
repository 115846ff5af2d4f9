//! Names of JIT functions for profilers, in the file format `perf` reads: `/tmp/perf-PID.map`.

use std::io::Write;

use super::codemap::CodeMap;

/// Adds the map's functions to this process's file if `VEXC_PERF_MAP` is set to something other than `0`. A profiler
/// is a convenience: when the file cannot be written, nothing happens.
pub(super) fn write_map(map: &CodeMap) {
    if std::env::var_os("VEXC_PERF_MAP").is_none_or(|value| value.is_empty() || value == "0") {
        return;
    }
    // The name is fixed by the profilers that read it.
    let path = format!("/tmp/perf-{}.map", std::process::id());
    let Ok(file) = std::fs::OpenOptions::new().create(true).append(true).open(path) else { return };
    let mut file = std::io::BufWriter::new(file);
    for (name, start, size) in map.functions() {
        let _ = writeln!(file, "{start:x} {size:x} {name}");
    }
}
