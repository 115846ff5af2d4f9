//! The example does what it is an example of: it allocates, without calls, and without harm to the heap.

use std::process::Command;

use vex_embed_example::fast::known_offsets;
use vex_embed_example::programs::{Programs, Run};
use vex_runtime::heap;
use vex_runtime::heap::inline::{FastPath, thread_heap};

fn fast() -> Option<FastPath> {
    assert!(known_offsets().is_some(), "the example must know the offsets of the heap it is built with");
    known_offsets()
}

/// Live blocks of the process; what tests at the same time have does not change while this is used.
fn blocks(of: impl FnOnce()) -> usize {
    let before = heap::figures().blocks;
    of();
    heap::figures().blocks - before
}

// One test, so that nothing else in the process allocates meanwhile.
#[test]
fn blocks_are_taken_and_given_without_calls() {
    const ROUNDS: u64 = 100_000;
    let sum = ROUNDS * (ROUNDS - 1) / 2;
    for size in [8, 16, 24, 100, 1000, 5000, 32 << 10] {
        let leaked = blocks(|| {
            let programs = Programs::compile(size, size, fast()).expect("it compiles");
            let Run { sum: computed, calls } = programs.pairs(ROUNDS);
            assert_eq!(computed, sum, "{size}");
            assert!(calls <= 2, "{calls} calls for {size} bytes");
            // As long as a bin holds them all, little is called either; a bin of large blocks holds few.
            let Run { calls, .. } = programs.batches(ROUNDS / 100, 100);
            assert!(size > 100 || calls <= ROUNDS / 50, "{calls} calls for {size} bytes");
        });
        assert_eq!(leaked, 0, "{size}");
        // A wrong guess costs time and nothing else.
        let programs = Programs::compile(size, 2 * size, fast()).expect("it compiles");
        let Run { sum: computed, calls } = programs.pairs(ROUNDS);
        assert!(computed == sum && calls <= 2, "{calls} calls for {size} bytes");
        // Without offsets, all are calls.
        let programs = Programs::compile(size, size, None).expect("it compiles");
        assert_eq!(programs.pairs(ROUNDS), Run { sum, calls: 2 * ROUNDS });
    }
    // A size without a class, in a loop that knows the offsets: taking is a call, and so is giving.
    let programs = Programs::compile(1 << 20, 1 << 20, fast()).expect("it compiles");
    assert_eq!(programs.pairs(100), Run { sum: 4950, calls: 200 });
    another_thread_has_another_heap();
}

/// The same code with each thread's own heap, at once.
fn another_thread_has_another_heap() {
    let mine = thread_heap() as usize;
    let leaked = blocks(|| {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    assert_ne!(thread_heap() as usize, mine);
                    let programs = Programs::compile(48, 48, fast()).expect("it compiles");
                    for _ in 0..20 {
                        assert!(programs.batches(100, 1000).calls < 200_000);
                        assert_eq!(programs.pairs(1000).sum, 499_500);
                    }
                });
            }
        });
    });
    assert_eq!(leaked, 0);
}

#[test]
fn it_prints_its_table() {
    // With the profile of the tests its figures say little.
    let output = Command::new(env!("CARGO_BIN_EXE_vex-embed-example")).arg("1000").output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.lines().count() == 10, "{text}");
}
