//! The same as `containers.vx`.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

const PUSHED: i64 = 10_000_000;
const SORTED: i64 = 1_000_000;
const KEYS: i64 = 1_000_000;

fn next(state: i64) -> i64 {
    let mut s = state;
    s ^= s << 13;
    s ^= (s >> 7) & 0x01FF_FFFF_FFFF_FFFF;
    s ^= s << 17;
    s
}

fn key(i: i64) -> i64 {
    i * 2_654_435_761 % 1_000_003
}

fn main() {
    let start = Instant::now();
    let mut pushed = Vec::new();
    for i in 0..black_box(PUSHED) {
        pushed.push(i * 7 % 1_000_003);
    }
    println!("push {}", start.elapsed().as_nanos());

    let start = Instant::now();
    let mut sum = 0i64;
    for _ in 0..5 {
        for x in black_box(&pushed) {
            sum = sum.wrapping_add(*x);
        }
    }
    println!("sum {}", start.elapsed().as_nanos());

    let mut numbers = Vec::new();
    let mut state = 88_172_645_463_325_252;
    for _ in 0..SORTED {
        state = next(state);
        numbers.push(state);
    }
    let start = Instant::now();
    numbers.sort();
    println!("sort {}", start.elapsed().as_nanos());

    let start = Instant::now();
    let mut table = HashMap::new();
    for i in 0..KEYS {
        table.insert(key(i), i);
    }
    println!("insert {}", start.elapsed().as_nanos());

    let start = Instant::now();
    let mut found = 0i64;
    for i in 0..KEYS {
        if let Some(x) = table.get(&key(i)) {
            found = found.wrapping_add(*x);
        }
    }
    println!("lookup {}", start.elapsed().as_nanos());
    println!("check {}", sum + found + numbers[500_000] % 1000 + table.len() as i64);
}
