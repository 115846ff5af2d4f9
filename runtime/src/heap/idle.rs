//! Memory goes back to the OS while the program is idle.
//!
//! What is free stays in memory for a while, because a program that freed it will
//! likely want it again: slices of chunks ([`spans`](super::spans)), large blocks
//! ([`recent`], [`cache`]). A *round* gives back what was free at the round before
//! and was not wanted since. Rounds are held at most every [`ROUND_MS`] by whoever
//! uses the slow paths of the heap. A program that frees much and then does nothing
//! would keep it, so once [`HELPER_BYTES`] lie free a thread is started, the helper,
//! that holds the rounds until next to nothing lies free, and then ends.
//!
//! The helper is the C library's thread without a heap; it blocks every signal, uses
//! no memory of the heap, and is not waited for when the program ends. A forked child
//! has none, and starts one when it needs to. `VEX_MALLOC_IDLE=0` in the environment
//! forbids it; then, and where it cannot be started, what is free is also given back
//! at once when it outgrows what is in use.

use super::{cache, huge, purge, recent, spans};
use crate::{os, tls};
use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU64, Ordering};

/// What lies free stays in memory for so long at least, in milliseconds.
pub const ROUND_MS: u64 = 500;

/// The helper is started when so many bytes lie free.
pub const HELPER_BYTES: usize = 64 << 20;

/// The helper ends when no more than this lies free, in bytes.
const LITTLE: usize = 1 << 20;

/// Rounds after which nothing less is free that make the helper end.
const PATIENCE: u32 = 20;

/// The helper's attempts to be started that may fail before it is given up.
const ATTEMPTS: u8 = 3;

/// What is known about the helper.
mod state {
    /// Nobody has asked the environment yet.
    pub const UNKNOWN: u8 = 0;
    /// Forbidden, or impossible.
    pub const OFF: u8 = 1;
    /// Not there.
    pub const NONE: u8 = 2;
    /// Needed; whoever comes next starts it.
    pub const WANTED: u8 = 3;
    /// There, or being started.
    pub const RUNNING: u8 = 4;
}

static STATE: AtomicU8 = AtomicU8::new(state::UNKNOWN);
/// Attempts to start it that failed.
static FAILED: AtomicU8 = AtomicU8::new(0);
/// The process that this memory belongs to: a child made by `vfork` is not it.
static PROCESS: AtomicI32 = AtomicI32::new(0);
/// When the last round was, in milliseconds; 0 before the first.
static ROUND: AtomicU64 = AtomicU64::new(0);

/// Asks the environment, once. Best before other threads can change it.
pub fn prepare() {
    huge::prepare();
    if STATE.load(Ordering::Relaxed) == state::UNKNOWN {
        PROCESS.store(os::process_id(), Ordering::Relaxed);
        let state = if os::is_off(c"VEX_MALLOC_IDLE") { state::OFF } else { state::NONE };
        let _ = STATE.compare_exchange(state::UNKNOWN, state, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Forgets the parent's helper, in a forked child.
pub fn after_fork() {
    PROCESS.store(os::process_id(), Ordering::Relaxed);
    if matches!(STATE.load(Ordering::Relaxed), state::RUNNING | state::WANTED) {
        STATE.store(state::NONE, Ordering::Relaxed);
    }
}

/// Whether there is a helper, or there will be one when it is needed.
pub fn is_on() -> bool {
    prepare();
    STATE.load(Ordering::Relaxed) != state::OFF
}

/// Whether the helper is there.
#[cfg(all(test, unix))]
pub fn is_running() -> bool {
    STATE.load(Ordering::Relaxed) == state::RUNNING
}

/// Allows or forbids the helper, whatever the environment says.
#[cfg(all(test, unix))]
pub fn set_on(on: bool) {
    STATE.store(if on { state::NONE } else { state::OFF }, Ordering::Relaxed);
}

/// Bytes that lie free in memory and can go.
pub fn free_bytes() -> usize {
    spans::stale().saturating_sub(purge::spared()) + cache::bytes() + recent::bytes()
}

/// On slow paths, with no lock of the heap held: holds a round if it is time, or
/// starts the helper if it is needed.
pub fn poll() {
    let state = STATE.load(Ordering::Relaxed);
    if state == state::RUNNING {
        return;
    }
    if state != state::OFF && free_bytes() >= HELPER_BYTES {
        want_helper();
    }
    let now = os::now_ms().max(1);
    let last = ROUND.load(Ordering::Relaxed);
    if last != 0 && now.saturating_sub(last) < ROUND_MS {
        return;
    }
    let first = ROUND.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    // The very first call only starts the clock.
    if first && last != 0 {
        round();
    }
}

/// Gives back what was not wanted since the last round.
fn round() {
    recent::age();
    cache::purge_when_idle();
    purge::round();
}

/// Starts the helper, at the second call: the C library may be in the middle of
/// something that starting a thread waits for when it frees one block, such as the
/// leftovers of a thread, but not in every call of a program that frees a lot.
#[cold]
fn want_helper() {
    prepare();
    let step = |from, to| STATE.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok();
    if step(state::NONE, state::WANTED) || tls::with(|local| local.ended.get()) {
        return;
    }
    if os::process_id() != PROCESS.load(Ordering::Relaxed) || os::is_on_signal_stack() {
        return;
    }
    if !step(state::WANTED, state::RUNNING) || os::start_helper(help) {
        return;
    }
    let failed = FAILED.fetch_add(1, Ordering::Relaxed) + 1;
    STATE.store(if failed < ATTEMPTS { state::NONE } else { state::OFF }, Ordering::Release);
}

/// The helper.
fn help() {
    let (mut before, mut idle) = (usize::MAX, 0);
    loop {
        os::sleep_ms(ROUND_MS);
        round();
        let free = free_bytes();
        // What is free now and always is another memory each time, or cannot be given back.
        idle = if free < before { 0 } else { idle + 1 };
        before = free;
        if free > LITTLE && idle < PATIENCE {
            continue;
        }
        STATE.store(state::NONE, Ordering::SeqCst);
        // Who freed much just before that has relied on this thread.
        let again = idle < PATIENCE && free_bytes() >= HELPER_BYTES;
        if !again
            || STATE
                .compare_exchange(state::NONE, state::RUNNING, Ordering::SeqCst, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
    }
}
