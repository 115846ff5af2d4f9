//! Huge pages: who asks for them, and what giving back does to them.

use super::*;
use crate::heap::chunk::{Chunk, header_of};
use crate::heap::{huge, purge, recent};
use crate::os;

/// Whether this system has them.
fn are_there() -> bool {
    std::path::Path::new("/sys/kernel/mm/transparent_hugepage/enabled").exists()
}

/// The flags that the kernel keeps for the mapping with `address`.
fn flags_at(address: usize) -> Vec<String> {
    let text = std::fs::read_to_string("/proc/self/smaps").expect("Linux");
    let mut inside = false;
    for line in text.lines() {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        if let Some((start, end)) = range
            && let (Ok(start), Ok(end)) = (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16))
        {
            inside = (start..end).contains(&address);
        }
        if inside && let Some(flags) = line.strip_prefix("VmFlags:") {
            return flags.split_whitespace().map(str::to_owned).collect();
        }
    }
    panic!("{address:#x} is not mapped")
}

fn has_flag(address: usize, flag: &str) -> bool {
    flags_at(address).iter().any(|found| found == flag)
}

#[test]
#[cfg_attr(feature = "hardened", ignore = "there are none")]
fn only_a_heap_that_has_grown_asks_for_huge_pages() {
    if !are_there() {
        return;
    }
    in_child(|| {
        let chunk = os::map(CHUNK, CHUNK);
        assert_eq!(huge::choose(chunk, 0), 0);
        assert!(has_flag(chunk as usize, "nh"), "{:?}", flags_at(chunk as usize));
        assert_eq!(huge::choose(chunk, huge::FROM), 0);
        assert_ne!(huge::choose(chunk, huge::FROM + CHUNK), 0);
        assert!(has_flag(chunk as usize, "hg"), "{:?}", flags_at(chunk as usize));
        let most = huge::FROM / (1 << 20) + 24;
        let blocks: Vec<_> = (0..most).map(|i| Live::new(1 << 20, 16, i as u8)).collect();
        let grown = blocks.iter().filter(|live| has_flag(live.block as usize, "hg")).count();
        assert!(grown >= 16, "{grown}");
        blocks.into_iter().for_each(Live::free);
    });
}

/// A chunk with huge pages full of blocks of five slices: header, blocks.
fn full_chunk() -> (&'static Chunk, Vec<Live>, Vec<Live>) {
    let most = huge::FROM / (5 * SLICE) + 110;
    let blocks: Vec<_> = (0..most).map(|i| Live::new(5 * SLICE, 16, i as u8)).collect();
    let of = |live: &Live| header_of(live.block);
    let is_full = |header| blocks.iter().filter(|live| of(live) == header).count() == 12;
    let header = blocks.iter().map(of).rfind(|header| is_full(*header)).expect("a full chunk");
    let (mut inside, outside): (Vec<_>, Vec<_>) = blocks.into_iter().partition(|live| of(live) == header);
    inside.sort_by_key(|live| live.block);
    // SAFETY: the chunk has blocks.
    (unsafe { &*header }, inside, outside)
}

/// Two rounds: what is free now is not wanted.
fn rounds() {
    recent::flush();
    purge::round();
    purge::round();
}

#[test]
#[cfg_attr(feature = "hardened", ignore = "there are none")]
fn a_huge_page_is_split_only_for_enough_of_it() {
    if !are_there() {
        return;
    }
    in_child(|| {
        crate::heap::idle::set_on(false);
        collect();
        let (chunk, mut inside, outside) = full_chunk();
        assert_eq!(chunk.huge.get(), 0b111);
        rounds();
        let (splits, stale) = (huge::splits(), spans::stale());
        // Five slices of the first half.
        inside.remove(1).free();
        rounds();
        assert_eq!((huge::splits(), spans::stale() - stale, purge::spared()), (splits, 5 * SLICE, 5 * SLICE));
        // The whole second half, and a slice of the first.
        inside.drain(5..).for_each(Live::free);
        rounds();
        assert_eq!((huge::splits(), spans::stale() - stale, purge::spared()), (splits, 6 * SLICE, 6 * SLICE));
        assert!(has_flag(chunk.slice(40) as usize, "hg"));
        // Five more of the first half are worth it; the rest of it stays as it was.
        inside.remove(1).free();
        let before = resident();
        rounds();
        assert_eq!((huge::splits(), spans::stale(), purge::spared()), (splits + 1, stale, 0));
        assert!(resident() + (10 * SLICE) <= before, "{} {before}", resident());
        assert!(has_flag(chunk.slice(1) as usize, "nh") && has_flag(chunk.slice(40) as usize, "hg"));
        inside.iter().chain(&outside).for_each(Live::check);
        inside.into_iter().chain(outside).for_each(Live::free);
        rounds();
        assert_eq!(purge::spared(), 0);
        collect();
        assert_eq!(spans::stale(), 0);
    });
}
