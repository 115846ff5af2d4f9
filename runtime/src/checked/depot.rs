//! The depot: lists of words and texts that are kept once, for good, under a number.

use super::space::{self, DEPOT, DEPOT_BYTES, DEPOT_HEADS};
use crate::sync::Lock;

/// Lists with equal hashes are chained from so many heads.
const HEADS: usize = 1 << 18;

/// Words in the depot.
const MOST: usize = DEPOT_BYTES / 8;

/// How many words are used. The first is none's, since 0 is no number.
static USED: Lock<usize> = Lock::new(1);

/// What lies in front of a list.
#[repr(C)]
#[derive(Clone, Copy)]
struct Front {
    /// The next list of the chain, or 0.
    link: u32,
    /// Words of the list.
    len: u32,
}

fn front(id: u32) -> *mut Front {
    space::place(DEPOT, id as usize)
}

/// The words kept under a number; none under 0.
pub fn words(id: u32) -> &'static [usize] {
    if id == 0 || id as usize >= MOST {
        return &[];
    }
    // SAFETY: numbers are given out by `intern` only, after the list was written, and
    // lists are never changed; a number that nobody gave out finds zeroes, an empty list.
    unsafe {
        let Front { len, .. } = front(id).read();
        core::slice::from_raw_parts(space::place(DEPOT, id as usize + 1), len as usize)
    }
}

fn hash(list: &[usize]) -> usize {
    let mut mixed = list.len() as u64;
    for word in list {
        let product = u128::from(mixed ^ *word as u64) * 0xD6E8_FEB8_6659_FD93;
        mixed = (product >> 64) as u64 ^ product as u64;
    }
    (mixed ^ mixed >> 32) as usize % HEADS
}

/// The number of a list, which is kept if it was not. 0 when the depot is full.
pub fn intern(list: &[usize]) -> u32 {
    let head = hash(list);
    let mut used = USED.lock();
    let first = space::read(DEPOT_HEADS, head);
    let mut id = first;
    while id != 0 {
        if words(id) == list {
            return id;
        }
        // SAFETY: a list of the chain; the lock is held.
        id = unsafe { front(id).read() }.link;
    }
    let id = *used;
    if list.len() >= MOST - id {
        return 0;
    }
    // SAFETY: the words behind those in use, which fit, as was just checked.
    unsafe {
        front(id as u32).write(Front { link: first, len: list.len() as u32 });
        space::place::<usize>(DEPOT, id + 1).copy_from_nonoverlapping(list.as_ptr(), list.len());
    }
    *used = id + 1 + list.len();
    space::write(DEPOT_HEADS, head, id as u32);
    id as u32
}

/// Bytes of a text that are kept.
const TEXT: usize = 256;

/// The number of a text, of which the first [`TEXT`] bytes are kept.
pub fn text(text: &str) -> u32 {
    let bytes = &text.as_bytes()[..text.floor_char_boundary(TEXT.min(text.len()))];
    let mut list = [0usize; 1 + TEXT / 8];
    list[0] = bytes.len();
    for (word, part) in list[1..].iter_mut().zip(bytes.chunks(8)) {
        let mut whole = [0; 8];
        whole[..part.len()].copy_from_slice(part);
        *word = usize::from_ne_bytes(whole);
    }
    intern(&list[..1 + bytes.len().div_ceil(8)])
}

/// The text kept under a number.
pub fn text_of(id: u32) -> Option<&'static str> {
    let (len, list) = words(id).split_first()?;
    let len = (*len).min(list.len() * 8);
    // SAFETY: the words are never changed and at least so many bytes long.
    let bytes = unsafe { core::slice::from_raw_parts(list.as_ptr().cast::<u8>(), len) };
    core::str::from_utf8(bytes).ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::testing::in_child_enabled;
    use super::*;

    #[test]
    fn equal_lists_have_one_number() {
        in_child_enabled(|| {
            let lists: Vec<Vec<usize>> =
                (0..2000).map(|seed| (0..seed % 17).map(|at| seed * 31 + at).collect()).collect();
            let numbers: Vec<u32> = lists.iter().map(|list| intern(list)).collect();
            for (list, number) in lists.iter().zip(&numbers) {
                assert_eq!((words(*number), intern(list)), (&list[..], *number));
            }
            assert!(words(0).is_empty());
        });
    }

    #[test]
    fn texts_come_back() {
        in_child_enabled(|| {
            for sample in ["", "a", "twelve bytes", "é and more than eight bytes"] {
                assert_eq!(text_of(text(sample)), Some(sample));
            }
            let long = "é".repeat(300);
            let kept = text_of(text(&long)).expect("kept");
            assert!(long.starts_with(kept) && kept.len() == TEXT);
            assert_eq!(text_of(0), None);
        });
    }
}
