//! Why memory was allocated: each distinct reason once, with its figures.

use crate::alloc::side::SideVec;

/// The longest reason kept, in bytes; a longer one is cut.
pub const MAX_REASON: usize = 88;

/// What reports print for an empty reason.
const NO_REASON: &str = "(no reason)";

/// A reason's text by value, so that a message can name it after the lock is
/// released.
#[derive(Clone, Copy)]
pub struct ReasonText {
    bytes: [u8; MAX_REASON],
    len: u8,
}

impl ReasonText {
    /// A copy of `text`, cut between characters if it is too long.
    pub fn of(text: &str) -> ReasonText {
        let len = text.floor_char_boundary(MAX_REASON.min(text.len()));
        let mut bytes = [0; MAX_REASON];
        bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
        ReasonText { bytes, len: len as u8 }
    }

    /// The reason as stored.
    pub fn as_str(&self) -> &str {
        // Cut between characters, so this cannot fail.
        core::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or("")
    }

    /// The reason as reports show it.
    pub fn label(&self) -> &str {
        if self.len == 0 { NO_REASON } else { self.as_str() }
    }
}

impl core::fmt::Debug for ReasonText {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// How much memory one reason accounts for, in blocks and requested bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Blocks held now.
    pub blocks: u64,
    /// Bytes held now.
    pub bytes: u64,
    /// The most bytes held at once.
    pub peak_bytes: u64,
    /// Blocks allocated since the start.
    pub total_blocks: u64,
    /// Bytes allocated since the start.
    pub total_bytes: u64,
}

impl Usage {
    /// Counts an allocation.
    pub fn allocated(&mut self, bytes: u64) {
        self.blocks += 1;
        self.bytes += bytes;
        self.total_blocks += 1;
        self.total_bytes += bytes;
        self.peak_bytes = self.peak_bytes.max(self.bytes);
    }

    /// Counts a release.
    pub fn released(&mut self, bytes: u64) {
        self.blocks -= 1;
        self.bytes -= bytes;
    }
}

#[derive(Clone, Copy)]
struct Entry {
    text: usize,
    len: u8,
    usage: Usage,
}

/// All reasons seen so far, numbered in the order of their first use.
#[derive(Default)]
pub struct Reasons {
    entries: SideVec<Entry>,
    text: SideVec<u8>,
    /// Open addressing by hash; 0 is empty, else an entry's number plus one.
    /// A power of two long, at most half full.
    slots: SideVec<u32>,
}

impl Reasons {
    /// The number of `reason`, new or known; `None` when the OS has no memory.
    pub fn intern(&mut self, reason: &ReasonText) -> Option<u32> {
        if (self.entries.len() + 1) * 2 > self.slots.len() {
            self.rehash()?;
        }
        let at = self.slot(reason.as_str());
        if self.slots[at] == 0 {
            let bytes = reason.as_str().as_bytes();
            let text = self.text.extend(bytes)?;
            let entry = Entry { text, len: bytes.len() as u8, usage: Usage::default() };
            self.slots[at] = self.entries.push(entry)? as u32 + 1;
        }
        Some(self.slots[at] - 1)
    }

    /// The text of reason `number`.
    pub fn text(&self, number: u32) -> ReasonText {
        ReasonText::of(self.str(number))
    }

    /// The figures of reason `number`.
    pub fn usage(&self, number: u32) -> Usage {
        self.entries[number as usize].usage
    }

    /// The figures of reason `number`, to change them.
    pub fn usage_mut(&mut self, number: u32) -> &mut Usage {
        &mut self.entries[number as usize].usage
    }

    /// The figures of a reason by its text; zeros when it was never used.
    pub fn usage_of(&self, reason: &ReasonText) -> Usage {
        match self.slots.is_empty() {
            true => Usage::default(),
            false => match self.slots[self.slot(reason.as_str())] {
                0 => Usage::default(),
                found => self.usage(found - 1),
            },
        }
    }

    /// How many reasons there are.
    pub fn count(&self) -> u32 {
        self.entries.len() as u32
    }

    fn str(&self, number: u32) -> &str {
        let entry = &self.entries[number as usize];
        let bytes = &self.text[entry.text..entry.text + usize::from(entry.len)];
        core::str::from_utf8(bytes).unwrap_or("")
    }

    /// The slot where `reason` is, or would go.
    fn slot(&self, reason: &str) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = hash(reason) as usize & mask;
        while self.slots[at] != 0 && self.str(self.slots[at] - 1) != reason {
            at = (at + 1) & mask;
        }
        at
    }

    fn rehash(&mut self) -> Option<()> {
        let len = (self.slots.len() * 2).max(64);
        // SAFETY: zero is a `u32`.
        self.slots = unsafe { SideVec::zeroed(len) }?;
        for number in 0..self.count() {
            let at = self.slot(self.str(number));
            self.slots[at] = number + 1;
        }
        Some(())
    }
}

/// FNV-1a, folded so that the low bits see the high ones.
fn hash(text: &str) -> u64 {
    let full = text
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
    full ^ (full >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_one_number() {
        let mut reasons = Reasons::default();
        let texts: Vec<String> = (0..500).map(|i| format!("reason {i}")).collect();
        assert_eq!(reasons.usage_of(&ReasonText::of("reason 1")), Usage::default());
        for round in 0..2 {
            for (i, text) in texts.iter().enumerate() {
                assert_eq!(reasons.intern(&ReasonText::of(text)), Some(i as u32), "{round}");
            }
        }
        assert_eq!(reasons.count(), 500);
        reasons.usage_mut(7).allocated(10);
        reasons.usage_mut(7).allocated(30);
        reasons.usage_mut(7).released(10);
        let usage = reasons.usage_of(&ReasonText::of("reason 7"));
        assert_eq!((usage.blocks, usage.bytes, usage.peak_bytes), (1, 30, 40));
        assert_eq!((usage.total_blocks, usage.total_bytes), (2, 40));
        assert_eq!(reasons.text(7).label(), "reason 7");
    }

    #[test]
    fn long_reasons_are_cut_between_characters_and_empty_ones_labelled() {
        let long = ReasonText::of(&"é".repeat(100));
        assert_eq!(long.as_str().len(), MAX_REASON);
        assert_eq!(ReasonText::of(&format!("x{}", "é".repeat(100))).as_str().len(), MAX_REASON - 1);
        assert_eq!(ReasonText::of("").label(), "(no reason)");
    }
}
