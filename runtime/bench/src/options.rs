//! What the command line asks for.

use std::path::PathBuf;

/// What `vex-bench` can print, in the order it prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Allocation in compiled programs beside C.
    Jit,
    /// Region allocators beside crates.
    Region,
    /// The heap beside allocators as crates.
    Library,
    /// What processes hold when there is little to hold.
    Memory,
    /// Programs of everyday use with allocators preloaded.
    Dropin,
    /// What C promises of `malloc`, corner by corner.
    Contract,
}

/// The parts by their names, in order.
const PARTS: &[(&str, Part)] = &[
    ("jit", Part::Jit),
    ("region", Part::Region),
    ("library", Part::Library),
    ("memory", Part::Memory),
    ("dropin", Part::Dropin),
    ("contract", Part::Contract),
];

/// What `--help` prints.
pub const USAGE: &str = "\
vex-bench [PART...] [WORD...] [--quick] [--rounds N] [--markdown] [--details] [--library FILE] [--hardened FILE]

parts, all unless some are named:
  jit         compiled programs beside C with allocators preloaded (builds vexc and runs its benchmark)
  region      bump, pool and free-list allocators beside bumpalo, typed-arena, slab and talc
  library     the heap beside mimalloc, jemalloc and snmalloc as crates: processor time and peak memory
  memory      a trivial process, and what is held after 1 GiB was freed
  dropin      python3, gcc, git and others with libvexmalloc.so, beside glibc and allocators preloaded
  contract    the corners of malloc's contract, ours beside the same

any other WORD keeps only the workloads and programs whose names contain it

  --quick         fewer rounds: all of it in some minutes, with rough figures
  --rounds N      rounds of every part
  --markdown      tables as Markdown
  --details       page faults, and user and system time apart
  --library FILE  this drop-in library, instead of building one
  --hardened FILE this program, built with the feature `hardened`: its heap is one more contestant of `library`
";

/// The command line, read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The parts that are named.
    parts: Vec<Part>,
    /// What the names of workloads must contain, any of it.
    words: Vec<String>,
    /// Rounds, where the command line says how many.
    rounds: Option<usize>,
    /// Whether rough figures will do.
    pub quick: bool,
    /// Whether tables are Markdown.
    pub markdown: bool,
    /// Whether there are more tables.
    pub details: bool,
    /// The drop-in library, where it is not to be built.
    pub library: Option<PathBuf>,
    /// This program with the hardened heap, where that is to be compared.
    pub hardened: Option<PathBuf>,
}

impl Options {
    /// Reads a command line; what is wrong with it otherwise.
    pub fn read(args: impl Iterator<Item = String>) -> Result<Options, String> {
        let (mut options, mut args) = (Options::default(), args);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--markdown" => options.markdown = true,
                "--details" => options.details = true,
                "--rounds" => {
                    let number = args.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                    options.rounds = Some(number.ok_or("--rounds wants a number above 0")?);
                }
                "--library" => options.library = Some(args.next().ok_or("--library wants a file")?.into()),
                "--hardened" => options.hardened = Some(args.next().ok_or("--hardened wants a file")?.into()),
                flag if flag.starts_with('-') => return Err(format!("there is no {flag}")),
                word => match PARTS.iter().find(|(name, _)| *name == word) {
                    Some((_, part)) => options.parts.push(*part),
                    None => options.words.push(arg),
                },
            }
        }
        Ok(options)
    }

    /// Whether a part is to be printed. Words without parts are about workloads, of which some parts have none.
    pub fn has(&self, part: Part) -> bool {
        match self.parts.is_empty() {
            true => self.words.is_empty() || !matches!(part, Part::Jit | Part::Contract),
            false => self.parts.contains(&part),
        }
    }

    /// Whether a workload or a program is wanted.
    pub fn wants(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| name.contains(word.as_str()))
    }

    /// A word that is part of none of these names, if there is one.
    pub fn stranger(&self, names: &[&str]) -> Option<&str> {
        self.words.iter().map(String::as_str).find(|word| !names.iter().any(|name| name.contains(word)))
    }

    /// How many rounds: what the command line says, else one of these.
    pub fn rounds(&self, full: usize, quick: usize) -> usize {
        self.rounds.unwrap_or(if self.quick { quick } else { full })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        Options::read(line.split_whitespace().map(str::to_string))
    }

    #[test]
    fn parts_and_words_are_told_apart() {
        let options = read("library random --rounds 4 --markdown").expect("a command line");
        assert!(options.has(Part::Library) && !options.has(Part::Memory));
        assert!(options.wants("random") && !options.wants("list"));
        assert_eq!((options.rounds(9, 1), options.markdown, options.quick), (4, true, false));
    }

    #[test]
    fn everything_is_printed_unless_something_is_named() {
        let all = read("--quick").expect("a command line");
        assert!(PARTS.iter().all(|(_, part)| all.has(*part)) && all.wants("anything"));
        assert_eq!(all.rounds(9, 1), 1);
        let some = read("perl").expect("a command line");
        assert!(some.has(Part::Dropin) && !some.has(Part::Contract) && !some.wants("lua"));
    }

    #[test]
    fn words_that_name_nothing_are_found() {
        let options = read("dropin per lib").expect("a command line");
        assert_eq!(options.stranger(&["perl", "lua"]), Some("lib"));
        assert_eq!(options.stranger(&["perl", "library"]), None);
    }

    #[test]
    fn mistakes_are_said() {
        for line in ["--rounds", "--rounds x", "--rounds 0", "--library", "--fast"] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
