//! Bump, stack and pool allocators in the program's own code against calls of the runtime: random programs, good and bad
//! uses alike, print the same. The allocators are held in the ways that compile differently: in a local variable of which
//! all uses are known, behind a reference, and in a variable whose fields the program writes to.

use std::fmt::Write;

use vex_tests::{Folder, Output, Random, Run};

/// Programs that are tried of each kind and way.
const PROGRAMS: u64 = 6;

/// Operations of each, loops counted once.
const STEPS: usize = 150;

/// Addresses that a program remembers.
const HELD: usize = 24;

/// Bytes of the buffers of bump and stack allocators.
const CAPACITY: usize = 20_000;

/// How an allocator is held.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// In a local variable, used through methods and by reading fields.
    Known,
    /// Behind a reference.
    Reference,
    /// In a local variable with fields that are written to.
    Forged,
}

/// A program of random steps.
struct Maker {
    random: Random,
    kind: &'static str,
    way: Way,
    text: String,
}

impl Maker {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "        {line}");
    }

    fn one_of(&mut self, choices: &[&'static str]) -> &'static str {
        choices[self.random.below(choices.len())]
    }

    /// The figures that every operation must leave the same.
    fn figures(&mut self) {
        self.line(match self.kind {
            "BumpAllocator" => "println(a.offset, \" \", a.allocated, \" \", a.capacity, \" \", a.remaining(), \" \", a.total_allocated())",
            "StackAllocator" => "println(a.offset, \" \", a.prev_offset, \" \", a.capacity, \" \", a.remaining())",
            _ => "println(if a.free_list == 0 { -1 } else { a.free_list - base }, \" \", a.num_free_blocks(), \" \", a.num_allocated())",
        });
    }

    fn step(&mut self) {
        match self.kind {
            "PoolAllocator" => self.pool_step(),
            _ => self.region_step(),
        }
        if self.way == Way::Forged && self.random.below(10) == 0 {
            let forgery = match self.kind {
                // A pool's prefix lies before its buffer: a forged buffer is read before anybody can tell.
                "PoolAllocator" => self.one_of(&[
                    "a.num_free = 77",
                    "a.free_list = 0",
                    "a.free_list = base",
                    "a.block_size = 48",
                    "a.capacity = a.block_size",
                ]),
                "BumpAllocator" => self.one_of(&[
                    "a.offset = -5",
                    "a.offset = 100000",
                    "a.capacity = -1",
                    "a.capacity = 20000",
                    "a.offset = 9223372036854775807",
                    "a.buffer = 0",
                    "a.buffer = base",
                ]),
                _ => self.one_of(&[
                    "a.offset = -5",
                    "a.capacity = -1",
                    "a.capacity = 20000",
                    "a.offset = a.prev_offset + 3",
                    "a.prev_offset = -8",
                    "a.prev_offset = a.offset",
                    "a.buffer = 0",
                    "a.buffer = base",
                ]),
            };
            self.line(forgery);
        }
        self.figures();
    }

    /// A step of a bump or stack allocator.
    fn region_step(&mut self) {
        let (place, stack) = (self.random.below(HELD), self.kind == "StackAllocator");
        match self.random.below(12) {
            0 => self.line("println(a.reset())"),
            1..=3 if stack => self.line("println(a.pop())"),
            4 if stack => {
                // Over the header of the block behind it, if there is one.
                let value = self.one_of(&["-1", "0", "5", "16", "24", "1000000", "9223372036854775807"]);
                let end = format!("((held[{place}] + 7) / 8 * 8)");
                self.line(&format!(
                    "if held[{place}] != 0 && {end} + 8 <= base + {CAPACITY} {{ unsafe {{ *({end} as *i64!) = {value} }} }}"
                ));
            }
            _ => {
                let odd = self.random.below(3) == 0;
                let size = if odd {
                    self.one_of(&["0", "-1", "9223372036854775807", "5000"])
                } else {
                    self.one_of(&["1", "7", "8", "24", "100", "n"])
                };
                let odd = self.random.below(4) == 0;
                let align = if odd {
                    self.one_of(&["64", "4096", "0", "3", "-8", "4611686018427387904"])
                } else {
                    self.one_of(&["1", "2", "8", "8", "16", "m"])
                };
                let zeroed = !stack && self.random.below(5) == 0;
                let method = if zeroed { "alloc_zeroed" } else { "alloc" };
                self.line(&format!("b = a.{method}(Layout {{ size: {size}, align: {align} }})"));
                self.line(&format!(
                    "print(if b.ptr == 0 {{ -1 }} else {{ b.ptr % {align}.max(1) }}, \" \", b.size, \" \")"
                ));
                self.line("print(if b.size == 0 { -1 } else { b.ptr - base }, \" \")");
                self.line("if b.size > 0 { vex_memset(b.ptr as ptr, 165, b.size as usize) }");
                self.line(&format!("held[{place}] = b.ptr + b.size"));
            }
        }
    }

    fn pool_step(&mut self) {
        let place = self.random.below(HELD);
        match self.random.below(10) {
            0..=3 => {
                self.line(&format!("held[{place}] = a.alloc()"));
                self.line(&format!(
                    "print(if held[{place}] == 0 {{ -1 }} else {{ held[{place}] - base }}, \" \")"
                ));
                self.line(&format!(
                    "if held[{place}] != 0 {{ unsafe {{ *(held[{place}] as *i64!) = 99 }} }}"
                ));
            }
            4..=7 => self.line(&format!("print(a.dealloc(held[{place}]), \" \")")),
            8 => {
                let shift = self.one_of(&["1", "4", "8", "16", "1000000", "-64"]);
                self.line(&format!("print(a.dealloc(held[{place}] + {shift}), \" \")"));
            }
            _ => {
                let wrong = self.one_of(&["0", "-1", "8", "base", "base - 64", "-9223372036854775807"]);
                self.line(&format!("print(a.dealloc({wrong}), \" \")"));
            }
        }
    }

    fn steps(&mut self) {
        let mut left = STEPS;
        let mut number = 0;
        while left > 0 {
            let some = 1 + self.random.below(8).min(left - 1);
            left -= some;
            number += 1;
            match self.random.below(4) {
                0 => {
                    let rounds = 1 + self.random.below(5);
                    self.line(&format!("for round{number} in 0..{rounds} {{"));
                }
                1 => {
                    let place = self.random.below(HELD);
                    self.line(&format!("if held[{place}] % 2 == 0 {{"));
                }
                _ => self.line("if true {"),
            }
            (0..some).for_each(|_| self.step());
            self.line("}");
        }
        // What was dropped has no blocks, and is not dropped twice.
        self.line("println(a.drop())");
        (0..5).for_each(|_| self.step());
        self.line("println(a.drop())");
    }
}

/// A whole program; `end` stands before the last steps.
fn program(seed: u64, kind: &'static str, way: Way) -> String {
    let mut random = Random(seed * 0x9E37_79B9 + 7);
    let size = [8, 16, 24, 64, 100, 9][random.below(6)];
    let count = [1, 5, 20][random.below(3)];
    let made = match (kind, random.below(2)) {
        ("PoolAllocator", 0) => format!("{kind}.new({size}, {count})"),
        ("PoolAllocator", _) => format!("{kind}.new(s, {count})"),
        _ => format!("{kind}.new({CAPACITY})"),
    };
    let mut maker = Maker { random, kind, way, text: String::new() };
    maker.steps();
    let variables = format!(
        "        let base = a.buffer\n        let! b = Allocation {{ ptr: 0, size: 0 }}\n        let! held = [0; {HELD}]\n        let n = 40\n        let m = 8\n"
    );
    let make = format!("        let s = {size}\n        let! a = {made}\n");
    let steps = format!("{variables}    unsafe {{\n{}    }}\n", maker.text);
    let body = match way {
        Way::Reference => {
            format!("fn go(a: &{kind}!) {{\n{steps}}}\n\nfn main() {{\n{make}    go(&a!)\n}}\n")
        }
        _ => format!("fn main() {{\n{make}{steps}}}\n"),
    };
    format!("import \"std/allocator\"\n\n{body}")
}

fn run(folder: &Folder, level: &str) -> Output {
    Run::new(env!("CARGO_BIN_EXE_vexc-under-test"), folder.path())
        .args(["run", "--opt", level, "p.vx"])
        .output()
}

fn compare(kind: &'static str) {
    for way in [Way::Known, Way::Reference, Way::Forged] {
        for seed in 0..PROGRAMS {
            let folder = Folder::new();
            folder.file("p.vx", program(seed, kind, way));
            let (inlined, called) = (run(&folder, "speed"), run(&folder, "none"));
            assert_eq!(inlined.stdout, called.stdout, "program {seed} of {kind}, {way:?}");
            // A pool may notice that somebody has written to its list.
            if inlined.status == 101 && (kind, way) == ("PoolAllocator", Way::Forged) {
                assert!(inlined.stderr.starts_with("memory fault: pool allocator"), "{}", inlined.stderr);
                assert_eq!(
                    plain(&inlined.stderr),
                    plain(&called.expect_status(101).stderr),
                    "program {seed}"
                );
                continue;
            }
            assert!(inlined.expect_status(0).stdout.lines().count() >= STEPS / 2, "{seed}");
            called.expect_status(0);
        }
    }
}

#[test]
fn bump_allocation_is_the_same_in_place_and_called() {
    compare("BumpAllocator");
}

#[test]
fn stack_allocation_is_the_same_in_place_and_called() {
    compare("StackAllocator");
}

#[test]
fn pool_allocation_is_the_same_in_place_and_called() {
    compare("PoolAllocator");
}

/// The first line of a report and the calls it lists, without addresses, which differ from process to process.
fn plain(report: &str) -> String {
    let word = |word: &str| {
        let address = word.trim_start_matches('(').starts_with("0x");
        if address { "0x…".to_string() } else { word.to_string() }
    };
    report
        .lines()
        .map(|line| line.split(' ').map(word).collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_pool_that_was_written_to_is_reported_alike() {
    for (garbage, known) in
        [("1", true), ("1094795585", true), ("-7", true), ("base + 4", false), ("base + 8", false)]
    {
        let spoil = format!(
            "    let base = a.buffer\n    let x = a.alloc()\n    let y = a.alloc()\n    println(a.dealloc(x), a.dealloc(y))\n    \
             unsafe {{ *(y as *i64!) = {garbage} }}\n    println(a.alloc() - base)\n    println(a.alloc() - base)\n    println(\"end\")\n"
        );
        let text = if known {
            format!(
                "import \"std/allocator\"\nfn main() {{\n    let! a = PoolAllocator.new(16, 4)\n{spoil}}}\n"
            )
        } else {
            format!(
                "import \"std/allocator\"\nfn go(a: &PoolAllocator!) {{\n{spoil}}}\nfn main() {{\n    let! a = PoolAllocator.new(16, 4)\n    go(&a!)\n}}\n"
            )
        };
        let folder = Folder::new();
        folder.file("p.vx", text);
        let (inlined, called) =
            (run(&folder, "speed").expect_status(101), run(&folder, "none").expect_status(101));
        assert_eq!(inlined.stdout, called.stdout, "{garbage}");
        assert!(inlined.stderr.contains("pool allocator: a free block was written to"), "{}", inlined.stderr);
        assert_eq!(plain(&inlined.stderr), plain(&called.stderr), "{garbage}");
    }
}
