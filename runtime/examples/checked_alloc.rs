//! The checked heap as the global allocator of a Rust program, and what it says of misuse:
//!
//! ```sh
//! cargo run -p vex-runtime --example checked_alloc -- size
//! ```
//!
//! `good` does nothing wrong and prints a line; the others do what they are called after.

use std::alloc::{Layout, alloc, dealloc, realloc};
use vex_runtime::checked::global::{CheckedAlloc, live, report_live};

#[global_allocator]
static ALLOCATOR: CheckedAlloc = CheckedAlloc::new();

/// What can be done wrong, by name.
pub const CASES: &[(&str, fn())] = &[
    ("good", good),
    ("size", wrong_size),
    ("align", wrong_align),
    ("realloc", wrong_layout_at_realloc),
    ("double", double_free),
    ("foreign", foreign),
    ("interior", interior),
    ("zero", zero_sized),
    ("past", past_the_end),
    ("before", before_the_start),
    ("exit", past_the_end_of_a_block_that_stays),
    ("freed", write_after_free),
    ("leak", leak),
];

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a power of two")
}

/// A program like any other, on several threads.
fn good() {
    let before = live(0).last().map_or(0, |block| block.serial);
    let sums: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4u64)
            .map(|seed| {
                scope.spawn(move || {
                    let mut numbers: Vec<u64> = (0..1000).map(|i| i * seed).collect();
                    numbers.extend_from_within(..500);
                    let texts: Vec<String> = numbers.iter().map(u64::to_string).collect();
                    texts.iter().map(|text| text.len() as u64).sum()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(sums.len(), 4);
    drop(sums);
    // SAFETY: the layouts are those of the blocks.
    unsafe {
        let mut wide = alloc(layout(100, 4096));
        assert!(wide.addr().is_multiple_of(4096));
        wide.write_bytes(7, 100);
        wide = realloc(wide, layout(100, 4096), 100_000);
        assert!(wide.addr().is_multiple_of(4096) && *wide.add(99) == 7);
        dealloc(wide, layout(100_000, 4096));
    }
    println!("good: {} blocks left", live(before).len());
}

fn wrong_size() {
    // SAFETY: wrong on purpose: the capacity of a `Vec` is more than its length.
    unsafe {
        let numbers: Vec<u32> = Vec::with_capacity(6);
        let mut numbers = std::mem::ManuallyDrop::new(numbers);
        drop(Vec::from_raw_parts(numbers.as_mut_ptr(), 0, 4));
    }
}

fn wrong_align() {
    // SAFETY: wrong on purpose.
    unsafe { dealloc(alloc(layout(64, 64)), layout(64, 8)) }
}

fn wrong_layout_at_realloc() {
    // SAFETY: wrong on purpose.
    unsafe {
        let block = alloc(layout(24, 8));
        let block = realloc(block, layout(16, 8), 48);
        dealloc(block, layout(48, 8));
    }
}

fn double_free() {
    // SAFETY: wrong on purpose: two owners.
    unsafe {
        let one = Box::into_raw(Box::new(5u64));
        drop(Box::from_raw(one));
        drop(Box::from_raw(one));
    }
}

fn foreign() {
    let mut value = 5u64;
    // SAFETY: wrong on purpose: a variable is no block.
    unsafe { dealloc((&raw mut value).cast(), Layout::new::<u64>()) }
}

fn interior() {
    // SAFETY: wrong on purpose.
    unsafe { dealloc(alloc(layout(64, 8)).add(8), layout(56, 8)) }
}

fn zero_sized() {
    // SAFETY: wrong on purpose: no layout without bytes may be asked for.
    unsafe { std::hint::black_box(alloc(layout(0, 1))) };
}

fn past_the_end() {
    // SAFETY: wrong on purpose: the last index is 9.
    unsafe {
        let block = alloc(layout(10, 1));
        block.add(10).write_volatile(1);
        dealloc(block, layout(10, 1));
    }
}

fn before_the_start() {
    // SAFETY: wrong on purpose.
    unsafe {
        let block = alloc(layout(10, 1));
        block.sub(1).write_volatile(1);
        dealloc(block, layout(10, 1));
    }
}

fn past_the_end_of_a_block_that_stays() {
    // SAFETY: wrong on purpose.
    unsafe { alloc(layout(40, 8)).add(43).write_volatile(1) }
}

fn write_after_free() {
    // SAFETY: wrong on purpose.
    unsafe {
        let block = alloc(layout(40, 8));
        dealloc(block, layout(40, 8));
        block.add(8).write_volatile(1);
    }
}

fn leak() {
    let before = live(0).last().map_or(0, |block| block.serial);
    for size in 1..=3 {
        std::mem::forget(vec![0u8; size * 100]);
    }
    std::process::exit(report_live(before) as i32);
}

/// Does what a name says; false when there is no such case.
pub fn run(name: &str) -> bool {
    let case = CASES.iter().find(|(case, _)| *case == name);
    case.inspect(|(_, run)| run()).is_some()
}

#[allow(dead_code, reason = "a test has this file as a module")]
fn main() {
    let name = std::env::args().nth(1).unwrap_or_else(|| "good".into());
    if !run(&name) {
        let names: Vec<_> = CASES.iter().map(|(case, _)| *case).collect();
        eprintln!("there are {}", names.join(", "));
        std::process::exit(2);
    }
}
