//! Edits to a text, kept until all are known.

/// What an edit does; at one place, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Text behind what ends here.
    Close,
    /// Text before what starts here.
    Open,
    /// Other text in place of what is there.
    Replace,
}

#[derive(Clone, Debug)]
struct Edit {
    lo: u32,
    hi: u32,
    class: Class,
    /// Among several at a place: the outermost opens first and closes last.
    rank: i64,
    text: String,
}

/// Two parts that change places.
#[derive(Clone, Debug)]
struct Swap {
    first: (u32, u32),
    second: (u32, u32),
    between: String,
}

/// A list of edits.
#[derive(Clone, Debug, Default)]
pub(super) struct Edits {
    edits: Vec<Edit>,
    swaps: Vec<Swap>,
}

impl Edits {
    /// Puts `text` in place of what is at `lo..hi`.
    pub fn replace(&mut self, lo: u32, hi: u32, text: String) {
        self.edits.push(Edit { lo, hi, class: Class::Replace, rank: 0, text });
    }

    /// Puts text around `lo..hi`. Of two pairs around the same, the one with the higher `level` is inside.
    pub fn wrap(&mut self, lo: u32, hi: u32, before: String, after: String, level: u8) {
        let rank = i64::from(hi - lo) * 16 - i64::from(level);
        self.edits.push(Edit { lo, hi: lo, class: Class::Open, rank: -rank, text: before });
        self.edits.push(Edit { lo: hi, hi, class: Class::Close, rank, text: after });
    }

    /// Puts text behind what ends at `at`, before anything else there.
    pub fn behind(&mut self, at: u32, text: String) {
        self.edits.push(Edit { lo: at, hi: at, class: Class::Close, rank: i64::MIN, text });
    }

    /// Puts text before what starts at `at`, before anything else there.
    pub fn before(&mut self, at: u32, text: String) {
        self.edits.push(Edit { lo: at, hi: at, class: Class::Open, rank: i64::MIN, text });
    }

    /// Puts text behind what ends at `at`, behind everything else there.
    pub fn after(&mut self, at: u32, text: String) {
        self.edits.push(Edit { lo: at, hi: at, class: Class::Close, rank: i64::MAX, text });
    }

    /// Lets two parts change places, with `between` in place of what is between them.
    pub fn swap(&mut self, first: (u32, u32), second: (u32, u32), between: String) {
        self.swaps.push(Swap { first, second, between });
    }

    /// The edited text, whose first byte is at `base`.
    pub fn apply(mut self, text: &str, base: u32) -> String {
        self.edits.sort_by_key(|edit| (edit.lo, edit.class, edit.rank));
        self.swaps.sort_by_key(|swap| swap.first.0);
        let mut out = String::with_capacity(text.len() + text.len() / 8);
        let mut at = base;
        let end = base + text.len() as u32;
        for swap in &self.swaps {
            if swap.first.0 < at {
                continue;
            }
            self.render(text, base, at, swap.first.0, &mut out);
            self.render(text, base, swap.second.0, swap.second.1, &mut out);
            out.push_str(&swap.between);
            self.render(text, base, swap.first.0, swap.first.1, &mut out);
            at = swap.second.1;
        }
        self.render(text, base, at, end, &mut out);
        out
    }

    /// The text between two places with the edits there. Those that close something at `hi` are part of it, those at
    /// `lo` are not.
    fn render(&self, text: &str, base: u32, lo: u32, hi: u32, out: &mut String) {
        let slice = |lo: u32, hi: u32| text.get((lo - base) as usize..(hi - base) as usize).unwrap_or("");
        if lo >= hi {
            return;
        }
        let mut at = lo;
        let start = self.edits.partition_point(|edit| edit.lo < lo);
        for edit in self.edits[start..].iter().take_while(|edit| edit.lo <= hi) {
            let outside = edit.lo == if edit.class == Class::Close { lo } else { hi };
            if outside || edit.lo < at {
                continue;
            }
            out.push_str(slice(at, edit.lo));
            out.push_str(&edit.text);
            at = edit.hi;
        }
        if at < hi {
            out.push_str(slice(at, hi));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_nest_and_parts_change_places() {
        let mut edits = Edits::default();
        edits.wrap(1, 4, "[".into(), "]".into(), 0);
        edits.wrap(1, 4, "<".into(), ">".into(), 1);
        edits.wrap(1, 2, "(".into(), ")".into(), 0);
        edits.replace(2, 3, "-".into());
        edits.behind(2, "!".into());
        assert_eq!(edits.apply("abc d", 1), "[<(a!)-c>] d");
        let mut edits = Edits::default();
        edits.replace(1, 2, "x".into());
        edits.behind(2, "!".into());
        edits.swap((1, 2), (5, 6), ": ".into());
        assert_eq!(edits.apply("a / b;", 1), "b: x!;");
    }
}
