//! Allocation in the program's own code against allocation by calls: random programs print the same places of blocks, so
//! both left the heap in the same state after each step, and misuse is found by both.

use std::fmt::Write;

use vex_tests::{Folder, Output, Random, Run};

/// Programs that are tried.
const PROGRAMS: u64 = 24;

/// Steps of each.
const STEPS: usize = 400;

/// Blocks that a program holds at most.
const HELD: usize = 48;

/// Sizes around the edges of size classes, and some that have none.
const SIZES: [usize; 16] = [0, 1, 8, 16, 17, 24, 32, 48, 100, 128, 129, 500, 4096, 40_000, 262_144, 300_000];

/// A program of random steps; with `misuse` it ends by freeing a block a second time.
fn program(seed: u64, misuse: bool) -> String {
    let mut random = Random(seed * 0x9E37_79B9 + 1);
    let mut text = String::from("struct Pair { a: i64, b: i64 }\nfn main() {\n    unsafe {\n");
    let _ = writeln!(text, "        let first = vex_malloc(16)\n        let! held = [null_ptr; {HELD}]");
    let mut sizes = [None; HELD];
    for step in 0..STEPS {
        let place = random.below(HELD);
        match sizes[place] {
            Some(size) => {
                // The last byte that was written is still there.
                if size > 0 {
                    let _ = writeln!(text, "        print(load_u8(held[{place}] + {}), \" \")", size - 1);
                }
                let pointer = ["", " as *Pair!", " as *i64!"][random.below(3)];
                let cast = if pointer.is_empty() { "" } else { " as ptr" };
                let _ = writeln!(text, "        vex_free(held[{place}]{pointer}{cast})");
                sizes[place] = None;
            }
            None => {
                let size = SIZES[random.below(SIZES.len())];
                let _ = if random.below(4) == 0 {
                    writeln!(text, "        held[{place}] = vex_calloc(1, {size})")
                } else {
                    writeln!(text, "        held[{place}] = vex_malloc({size})")
                };
                let _ = writeln!(text, "        print((held[{place}] as i64) - (first as i64), \" \")");
                if size > 0 {
                    let _ = writeln!(text, "        store_u8(held[{place}] + {}, {})", size - 1, step % 256);
                }
                sizes[place] = Some(size);
            }
        }
        // Far more of one class than its bin holds.
        if step % 100 == 50 {
            let size = SIZES[1 + random.below(8)];
            let _ = writeln!(
                text,
                "        let! many{step} = [null_ptr; 600]\n        for i in 0..600 {{ many{step}[i] = vex_malloc({size}) }}\n        \
                 for i in 0..600 {{ vex_free(many{step}[i]) }}\n        print((many{step}[599] as i64) - (first as i64), \" \")"
            );
        }
    }
    text.push_str("        vex_free(null_ptr)\n        println(\"end\")\n");
    if misuse {
        let wrong = ["first", "first + 8", "12345 as ptr", "&held as ptr"][seed as usize % 4];
        let _ = writeln!(text, "        vex_free(first)\n        vex_free({wrong})");
    }
    text.push_str("    }\n}\n");
    text
}

/// A program of random steps that tells the size when it frees: mostly the right one.
fn sized_program(seed: u64) -> String {
    let mut random = Random(seed * 0x9E37_79B9 + 7);
    let mut text = String::from("import \"vera:memory\"\nfunction main() {\n    let first = allocate(16)\n");
    text.push_str(&format!("    let! held: [ptr; {HELD}] = [null_ptr; {HELD}]\n"));
    let mut sizes = [None; HELD];
    for _ in 0..STEPS {
        let place = random.below(HELD);
        let align = [1, 8, 16, 64][random.below(4)];
        match sizes[place] {
            Some(size) => {
                let told = if random.below(5) == 0 { SIZES[random.below(SIZES.len())] } else { size };
                // Parameters that say nothing must be computed all the same.
                let told = if random.below(5) == 0 { format!("said({told})") } else { told.to_string() };
                let _ = match random.below(2) {
                    0 => writeln!(text, "    free(held[{place}], {told})"),
                    _ => writeln!(text, "    free_aligned(held[{place}], {told}, {align})"),
                };
                sizes[place] = None;
            }
            None => {
                let size = SIZES[random.below(SIZES.len())];
                let _ = match random.below(2) {
                    0 => writeln!(text, "    held[{place}] = allocate({size})"),
                    _ => writeln!(text, "    held[{place}] = allocate_aligned({size}, {align})"),
                };
                let _ = writeln!(text, "    print((held[{place}] as i64) - (first as i64), \" \")");
                sizes[place] = Some(size);
            }
        }
    }
    text.push_str("    free(null_ptr, 3)\n    println(\"end\")\n}\n");
    text.push_str("function said(size: i64) -> i64 {\n    print(size, \" \")\n    return size\n}\n");
    text
}

fn run_file(folder: &Folder, level: &str, file: &str) -> Output {
    Run::new(env!("CARGO_BIN_EXE_vexc-under-test"), folder.path())
        .args(["run", "--opt", level, file])
        .output()
}

fn run(folder: &Folder, level: &str) -> Output {
    run_file(folder, level, "p.vx")
}

/// A report without addresses, which differ from process to process, and without who called whom.
fn plain(report: &str) -> String {
    let words = report.lines().next().unwrap_or("").split(' ');
    words.map(|word| if word.starts_with("0x") { "0x…" } else { word }).collect::<Vec<_>>().join(" ")
}

#[test]
fn inlined_and_called_allocation_leave_the_same_heap() {
    for seed in 0..PROGRAMS {
        let folder = Folder::new();
        folder.file("p.vx", program(seed, false));
        let (inlined, called) =
            (run(&folder, "speed").expect_status(0), run(&folder, "none").expect_status(0));
        assert!(
            inlined.stdout.ends_with("end\n") && inlined.stdout.len() > 1000,
            "{seed}: {}",
            inlined.stdout
        );
        assert_eq!(inlined.stdout, called.stdout, "program {seed}");
    }
}

#[test]
fn who_tells_sizes_gets_the_same_heap() {
    for seed in 0..PROGRAMS {
        let folder = Folder::new();
        folder.file("p.vera", sized_program(seed));
        let [inlined, called] =
            ["speed", "none"].map(|level| run_file(&folder, level, "p.vera").expect_status(0));
        assert!(
            inlined.stdout.ends_with("end\n") && inlined.stdout.len() > 1000,
            "{seed}: {}",
            inlined.stdout
        );
        assert_eq!(inlined.stdout, called.stdout, "program {seed}");
    }
}

#[test]
fn both_find_misuse() {
    for seed in 0..8 {
        let folder = Folder::new();
        folder.file("p.vx", program(seed, true));
        let (inlined, called) =
            (run(&folder, "speed").expect_status(101), run(&folder, "none").expect_status(101));
        let report = plain(&inlined.stderr);
        assert!(report.starts_with("memory fault: "), "{}", inlined.stderr);
        assert_eq!(report, plain(&called.stderr), "program {seed}");
    }
}
