//! Unified line diffs.

use std::fmt::Write;

/// Lines shown around each change.
const CONTEXT: usize = 3;
/// Edits looked for before the texts count as wholly different.
const MAX_EDITS: usize = 1000;
/// Lines of a diff that are shown.
const MAX_SHOWN: usize = 200;

/// One line of a diff; the numbers count lines from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit {
    /// In both texts.
    Keep { old: usize, new: usize },
    /// Only in the old one.
    Remove { old: usize, new: usize },
    /// Only in the new one.
    Add { old: usize, new: usize },
}

/// The difference between two texts as a unified diff, or `None` when they are
/// equal. Bytes that are not UTF-8 show as `U+FFFD`.
pub fn unified(old: &[u8], new: &[u8], names: (&str, &str), color: bool) -> Option<String> {
    if old == new {
        return None;
    }
    let (old_text, new_text) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    let (old, new) = (lines(&old_text), lines(&new_text));
    let edits = edits(&old, &new);
    let paint = |code: &'static str| if color { code } else { "" };
    let (red, green, cyan, reset) =
        (paint("\x1b[31m"), paint("\x1b[32m"), paint("\x1b[36m"), paint("\x1b[0m"));
    let mut out = String::new();
    let _ = writeln!(out, "{red}--- {}{reset}\n{green}+++ {}{reset}", names.0, names.1);
    let mut shown = 0;
    for hunk in hunks(&edits) {
        let _ = writeln!(out, "{cyan}{}{reset}", header(hunk));
        for edit in hunk {
            if shown == MAX_SHOWN {
                out.push_str("… more differences are not shown\n");
                return Some(out);
            }
            shown += 1;
            let (sign, color, line) = match *edit {
                Edit::Keep { old: at, .. } => (' ', "", old[at]),
                Edit::Remove { old: at, .. } => ('-', red, old[at]),
                Edit::Add { new: at, .. } => ('+', green, new[at]),
            };
            let _ = write!(out, "{color}{sign}{}", visible(line.trim_end_matches('\n')));
            let _ = writeln!(out, "{}", if color.is_empty() { "" } else { reset });
            if !line.ends_with('\n') {
                out.push_str("\\ no newline at the end\n");
            }
        }
    }
    Some(out)
}

/// Lines with their ends, so that a missing last one is a difference.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Control characters, which a terminal would act on or hide, as escapes.
fn visible(line: &str) -> String {
    line.chars().fold(String::with_capacity(line.len()), |mut shown, c| {
        if c.is_control() && c != '\t' {
            shown.extend(c.escape_default())
        } else {
            shown.push(c)
        }
        shown
    })
}

/// A shortest list of edits (Myers' algorithm); when it would be longer than
/// [`MAX_EDITS`], one that removes and adds everything between what the texts
/// share at their ends.
fn edits(old: &[&str], new: &[&str]) -> Vec<Edit> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (mid_old, mid_new) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut all: Vec<Edit> = (0..head).map(|i| Edit::Keep { old: i, new: i }).collect();
    match shortest(mid_old, mid_new) {
        Some(middle) => all.extend(middle.into_iter().map(|edit| shift(edit, head))),
        None => {
            all.extend((0..mid_old.len()).map(|i| Edit::Remove { old: head + i, new: head }));
            let end = head + mid_old.len();
            all.extend((0..mid_new.len()).map(|i| Edit::Add { old: end, new: head + i }));
        }
    }
    let ends = (old.len() - tail, new.len() - tail);
    all.extend((0..tail).map(|i| Edit::Keep { old: ends.0 + i, new: ends.1 + i }));
    all
}

fn shift(edit: Edit, by: usize) -> Edit {
    match edit {
        Edit::Keep { old, new } => Edit::Keep { old: old + by, new: new + by },
        Edit::Remove { old, new } => Edit::Remove { old: old + by, new: new + by },
        Edit::Add { old, new } => Edit::Add { old: old + by, new: new + by },
    }
}

/// Myers' greedy search. `reach[k]` is how far into `old` a path with `d` edits
/// gets on diagonal `k = x - y`; the rows of all `d` are kept to walk back.
fn shortest(old: &[&str], new: &[&str]) -> Option<Vec<Edit>> {
    let most = (old.len() + new.len()).min(MAX_EDITS);
    let at = |k: isize| (k + most as isize + 1) as usize;
    let mut reach = vec![0usize; 2 * most + 3];
    let mut rows = Vec::new();
    for d in 0..=most as isize {
        // Only diagonals up to `d` change, so only those are kept.
        rows.push(reach[at(-d - 1)..=at(d + 1)].to_vec());
        for k in (-d..=d).step_by(2) {
            let down = k == -d || (k != d && reach[at(k - 1)] < reach[at(k + 1)]);
            let mut x = if down { reach[at(k + 1)] } else { reach[at(k - 1)] + 1 };
            let mut y = (x as isize - k) as usize;
            while x < old.len() && y < new.len() && old[x] == new[y] {
                (x, y) = (x + 1, y + 1);
            }
            reach[at(k)] = x;
            if x >= old.len() && y >= new.len() {
                return Some(walk_back(&rows, old.len(), new.len()));
            }
        }
    }
    None
}

/// Turns the rows of [`shortest`] into edits, from the end to the start.
fn walk_back(rows: &[Vec<usize>], mut x: usize, mut y: usize) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (d, row) in rows.iter().enumerate().rev() {
        let d = d as isize;
        let reach = |k: isize| row[(k + d + 1) as usize];
        let k = x as isize - y as isize;
        let down = k == -d || (k != d && reach(k - 1) < reach(k + 1));
        let from = if down { k + 1 } else { k - 1 };
        let (start_x, start_y) = match d {
            0 => (0, 0),
            _ => (reach(from), (reach(from) as isize - from) as usize),
        };
        while x > start_x && y > start_y {
            (x, y) = (x - 1, y - 1);
            edits.push(Edit::Keep { old: x, new: y });
        }
        if d > 0 {
            edits.push(if down {
                Edit::Add { old: x, new: start_y }
            } else {
                Edit::Remove { old: start_x, new: y }
            });
            (x, y) = (start_x, start_y);
        }
    }
    edits.reverse();
    edits
}

/// The runs of edits to show: changes with their context.
fn hunks(edits: &[Edit]) -> Vec<&[Edit]> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for (at, edit) in edits.iter().enumerate() {
        if matches!(edit, Edit::Keep { .. }) {
            continue;
        }
        let (start, end) = (at.saturating_sub(CONTEXT), (at + 1 + CONTEXT).min(edits.len()));
        match ranges.last_mut() {
            Some(last) if start <= last.1 => last.1 = end,
            _ => ranges.push((start, end)),
        }
    }
    ranges.into_iter().map(|(start, end)| &edits[start..end]).collect()
}

/// `@@ -line,count +line,count @@` of a hunk, which is never empty.
fn header(hunk: &[Edit]) -> String {
    let (Edit::Keep { old, new } | Edit::Remove { old, new } | Edit::Add { old, new }) = hunk[0];
    let removed = hunk.iter().filter(|e| !matches!(e, Edit::Add { .. })).count();
    let added = hunk.iter().filter(|e| !matches!(e, Edit::Remove { .. })).count();
    // By custom an empty side names the line before it.
    let place = |at: usize, count: usize| if count == 0 { at } else { at + 1 };
    format!("@@ -{},{removed} +{},{added} @@", place(old, removed), place(new, added))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(old: &str, new: &str) -> String {
        unified(old.as_bytes(), new.as_bytes(), ("a", "b"), false).unwrap_or_default()
    }

    #[test]
    fn equal_texts_have_none() {
        assert_eq!(unified(b"x\n", b"x\n", ("a", "b"), true), None);
    }

    #[test]
    fn changes_show_with_context() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
        let new = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n10\n11\n12\n13\n";
        let expected = "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n@@ -10,3 +10,4 @@\n 10\n 11\n 12\n+13\n";
        assert_eq!(diff(old, new), expected);
    }

    #[test]
    fn a_missing_newline_is_a_difference() {
        assert_eq!(diff("a\n", "a"), "--- a\n+++ b\n@@ -1,1 +1,1 @@\n-a\n+a\n\\ no newline at the end\n");
        assert_eq!(diff("", "a\n"), "--- a\n+++ b\n@@ -0,0 +1,1 @@\n+a\n");
    }

    #[test]
    fn texts_with_nothing_in_common_are_cut() {
        let text = |word: &str| (0..3000).map(|n| format!("{word} {n}\n")).collect::<String>();
        let diff = diff(&text("old"), &text("new"));
        assert!(diff.contains("@@ -1,3000 +1,3000 @@") && diff.ends_with("not shown\n"));
    }

    /// Applying the edits to one text gives the other, and no edit is wasted.
    #[test]
    fn edits_lead_from_one_to_the_other() {
        let mut seed = 7u32;
        let mut random = |below: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) % below
        };
        for _ in 0..500 {
            let mut text =
                || -> Vec<&str> { (0..random(12)).map(|_| ["a", "b", "c"][random(3) as usize]).collect() };
            let (old, new) = (text(), text());
            let edits = edits(&old, &new);
            let mut made = Vec::new();
            let mut used = 0;
            for edit in &edits {
                match *edit {
                    Edit::Keep { old: o, new: n } => {
                        assert_eq!((o, n, old[o]), (used, made.len(), new[n]));
                        made.push(old[o]);
                        used += 1;
                    }
                    Edit::Remove { old: o, .. } => {
                        assert_eq!(o, used);
                        used += 1;
                    }
                    Edit::Add { new: n, .. } => made.push(new[n]),
                }
            }
            assert_eq!((made, used), (new.clone(), old.len()));
            let kept = edits.iter().filter(|e| matches!(e, Edit::Keep { .. })).count();
            assert_eq!(kept, longest_common(&old, &new));
        }
    }

    fn longest_common(a: &[&str], b: &[&str]) -> usize {
        match (a, b) {
            ([], _) | (_, []) => 0,
            ([x, a2 @ ..], [y, b2 @ ..]) if x == y => 1 + longest_common(a2, b2),
            ([_, a2 @ ..], [_, b2 @ ..]) => longest_common(a2, b).max(longest_common(a, b2)),
        }
    }
}
