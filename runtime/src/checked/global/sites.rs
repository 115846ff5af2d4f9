//! Call sites of Rust code: where an allocation function was called from, as function,
//! file and line.

use crate::checked::Trace;
use core::ffi::{CStr, c_int, c_void};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Frames that are looked at; those of the allocator itself are among them.
const DEPTH: usize = 24;

/// The allocator's own innermost frames, which nobody asked for.
struct Frames {
    addresses: [usize; DEPTH],
    count: usize,
}

// The unwinder that Rust's own backtraces use; it is part of every Rust program.
unsafe extern "C" {
    fn _Unwind_Backtrace(
        visit: extern "C" fn(*mut c_void, *mut c_void) -> c_int,
        argument: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(context: *mut c_void) -> usize;
}

/// The callback's result that goes on with the walk.
const NO_REASON: c_int = 0;
/// One that ends it.
const END_OF_STACK: c_int = 5;

extern "C" fn visit(context: *mut c_void, frames: *mut c_void) -> c_int {
    // SAFETY: it is the `Frames` of `here`, and nobody else uses it during the walk.
    let frames = unsafe { &mut *frames.cast::<Frames>() };
    if frames.count == DEPTH {
        return END_OF_STACK;
    }
    // SAFETY: the unwinder's context, valid during the callback.
    frames.addresses[frames.count] = unsafe { _Unwind_GetIP(context) };
    frames.count += 1;
    NO_REASON
}

/// The calls that led here, innermost first.
pub(super) fn here() -> Trace {
    let mut frames = Frames { addresses: [0; DEPTH], count: 0 };
    // SAFETY: the callback gets the pointer back as `Frames`, which outlives the call,
    // and does not unwind.
    unsafe { _Unwind_Backtrace(visit, (&raw mut frames).cast()) };
    // The first is this function.
    Trace::of(&frames.addresses[1.min(frames.count)..frames.count])
}

/// Names of this file's callers and of Rust's allocation functions: what is above them
/// is the program's.
const OWN: &[&str] = &[
    "vex_runtime::checked::global",
    "GlobalAlloc>::",
    "__rust_alloc",
    "__rust_dealloc",
    "__rust_realloc",
    "__rustc::",
    "alloc::alloc::",
    "alloc::raw_vec::",
    "std::alloc::",
];

/// Begins the names of the files of Rust's library.
const LIBRARY: &str = "/rustc/";

/// A place in the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// The function's name, or its address.
    pub function: String,
    /// File and line, if they are known.
    pub place: Option<String>,
}

impl Site {
    /// Whether it belongs to the allocator, or to Rust's library on the way to it.
    fn is_own(&self) -> bool {
        OWN.iter().any(|own| self.function.contains(own))
            || self.place.as_ref().is_some_and(|place| place.starts_with(LIBRARY))
    }
}

/// The sites of a trace, innermost first, from the first that is not the allocator's.
pub(super) fn of(trace: Trace) -> Vec<Site> {
    // The call is before the address that it returns to.
    let addresses: Vec<usize> = trace.frames().iter().map(|address| address - 1).collect();
    let mut sites = resolve(&addresses);
    let first = sites.iter().position(|site| !site.is_own()).unwrap_or(0);
    sites.drain(..first);
    if let Some(main) = sites.iter().position(|site| site.function.ends_with("::main")) {
        sites.truncate(main + 1);
    }
    sites
}

/// Writes the sites of a trace, one a line.
pub(super) fn list(out: &mut String, trace: Trace) {
    let sites = of(trace);
    if sites.is_empty() {
        let _ = writeln!(out, "    (unknown)");
    }
    for Site { function, place } in sites {
        let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
        let _ = writeln!(out, "    {function}{place}");
    }
}

/// What `dladdr` knows of an address: the file it is from, where that is loaded, and a
/// symbol.
fn loaded(address: usize) -> Option<(&'static CStr, usize, Option<String>)> {
    // SAFETY: zero is a value of all of its fields.
    let mut info: libc::Dl_info = unsafe { core::mem::zeroed() };
    // SAFETY: any address may be asked for; the result is only read when it says so.
    let found = unsafe { libc::dladdr(core::ptr::without_provenance(address), &mut info) };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: C strings that live as long as the file is loaded.
    let (file, symbol) = unsafe {
        let symbol = (!info.dli_sname.is_null()).then(|| CStr::from_ptr(info.dli_sname));
        (CStr::from_ptr(info.dli_fname), symbol)
    };
    let symbol = symbol.map(|symbol| symbol.to_string_lossy().into_owned());
    Some((file, info.dli_fbase.addr(), symbol))
}

/// The sites of addresses, more than one for an address where calls were put in place,
/// innermost first.
fn resolve(addresses: &[usize]) -> Vec<Site> {
    let own = loaded(resolve as *const () as usize).map(|(_, base, _)| base);
    let mut files: BTreeMap<PathBuf, Vec<usize>> = BTreeMap::new();
    let mut places = Vec::new();
    for &address in addresses {
        let found = loaded(address).map(|(file, base, symbol)| {
            // The program itself may have been started by a relative name.
            let path = match std::env::current_exe() {
                Ok(program) if own == Some(base) => program,
                _ => file.to_string_lossy().as_ref().into(),
            };
            files.entry(path.clone()).or_default().push(address - base);
            (path, address - base, symbol)
        });
        places.push((address, found));
    }
    let answers: BTreeMap<_, _> =
        files.into_iter().map(|(file, offsets)| (file.clone(), ask(&file, &offsets))).collect();
    let sites = places.into_iter().map(|(address, found)| {
        let Some((path, offset, symbol)) = found else {
            return vec![Site { function: format!("{address:#x}"), place: None }];
        };
        match answers.get(&path).and_then(|answers| answers.get(&offset)) {
            Some(sites) if !sites.is_empty() => sites.clone(),
            _ => {
                let function = symbol.unwrap_or_else(|| format!("{}+{offset:#x}", path.display()));
                vec![Site { function, place: None }]
            }
        }
    });
    sites.flatten().collect()
}

/// What `addr2line` says of offsets in a file; nothing when there is no such program, or
/// no line table.
fn ask(file: &Path, offsets: &[usize]) -> BTreeMap<usize, Vec<Site>> {
    let output = Command::new("addr2line")
        .args(["-a", "-C", "-f", "-i", "-e"])
        .arg(file)
        .args(offsets.iter().map(|offset| format!("{offset:#x}")))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    read(&output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default())
}

/// The answer of `addr2line`: for each offset a line with it, then pairs of lines with a
/// function and its place.
fn read(text: &str) -> BTreeMap<usize, Vec<Site>> {
    let mut answers: BTreeMap<usize, Vec<Site>> = BTreeMap::new();
    let mut offset = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(digits) = line.strip_prefix("0x") {
            offset = usize::from_str_radix(digits, 16).ok();
            continue;
        }
        let (Some(offset), Some(place)) = (offset, lines.next()) else { break };
        let place = place.split(" (discriminator").next().unwrap_or(place);
        let known = !place.starts_with("??") && !place.ends_with(":?");
        if line != "??" {
            let function = unhashed(line).to_owned();
            let place = known.then(|| place.to_owned());
            answers.entry(offset).or_default().push(Site { function, place });
        }
    }
    answers
}

/// A name without the hash that ends it in the older mangling.
fn unhashed(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|c| c.is_ascii_hexdigit()) => name,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_a_site_for_each_call_that_was_put_in_place() {
        let text = "0x0000000000001234\ninner::h0123456789abcdef\n/src/a.rs:7 (discriminator 2)\n\
                    outer\n/src/b.rs:9\n0x20\n??\n??:0\n0x30\nlast\n??:?\n";
        let answers = read(text);
        let sites: Vec<_> =
            answers[&0x1234].iter().map(|site| (site.function.as_str(), site.place.as_deref())).collect();
        assert_eq!(sites, [("inner", Some("/src/a.rs:7")), ("outer", Some("/src/b.rs:9"))]);
        assert!(!answers.contains_key(&0x20));
        assert_eq!(answers[&0x30], [Site { function: "last".into(), place: None }]);
    }

    #[test]
    fn an_address_of_no_code_is_its_own_name() {
        assert_eq!(resolve(&[1])[0].function, "0x1");
    }
}
