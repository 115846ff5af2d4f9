//! Blocks by the line that allocated them.

use std::collections::HashMap;

use vex_runtime::report::{Allocator, LiveBlock};

use super::Line;
use super::style::{DIM, Style, bytes, count};

/// Blocks with the same history.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    allocator: Allocator,
    site: u32,
    reason: &'a str,
    /// Oldest first.
    blocks: Vec<&'a LiveBlock>,
    bytes: usize,
}

/// Groups blocks by allocator, position and reason, most bytes first.
pub fn group<'a>(blocks: impl IntoIterator<Item = &'a LiveBlock>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut index: HashMap<(Allocator, u32, &str), usize> = HashMap::new();
    for block in blocks {
        let reason = block.reason.as_deref().unwrap_or("");
        let place = *index.entry((block.allocator, block.site, reason)).or_insert_with(|| {
            let (allocator, site) = (block.allocator, block.site);
            groups.push(Group { allocator, site, reason, blocks: Vec::new(), bytes: 0 });
            groups.len() - 1
        });
        groups[place].bytes += block.size;
        groups[place].blocks.push(block);
    }
    // The sort keeps the order of groups with as many bytes.
    groups.sort_by_key(|group| std::cmp::Reverse(group.bytes));
    groups
}

/// Groups that are shown; the others are summed up.
const GROUPS: usize = 30;

/// Blocks of a group whose addresses are shown.
const BLOCKS: usize = 4;

/// The lines for groups, indented: how many and from where, then the blocks.
pub fn show(groups: &[Group<'_>], line: &dyn Fn(u32) -> Line, style: &Style) -> String {
    let mut text = String::new();
    for group in groups.iter().take(GROUPS) {
        text.push_str(&heading(group, &line(group.site), style));
        // A single block is in the heading.
        if group.blocks.len() == 1 {
            continue;
        }
        // One line more than the rule allows rather than a line that says that one is missing.
        let shown = if group.blocks.len() == BLOCKS + 1 { BLOCKS + 1 } else { BLOCKS };
        for block in group.blocks.iter().take(shown) {
            text.push_str(&format!("    {:#x}  {}\n", block.address, bytes(block.size)));
        }
        if group.blocks.len() > shown {
            text.push_str(&format!("    {} more\n", count(group.blocks.len() - shown, "block")));
        }
    }
    if let Some(rest) = groups.get(GROUPS..).filter(|rest| !rest.is_empty()) {
        let (blocks, size) = sums(rest);
        text.push_str(&format!(
            "  {}, {}, from {}\n",
            count(blocks, "block"),
            bytes(size),
            count(rest.len(), "other line")
        ));
    }
    text
}

fn heading(group: &Group<'_>, line: &Line, style: &Style) -> String {
    let reason = if group.reason.is_empty() { String::new() } else { format!(" \"{}\"", group.reason) };
    let blocks = match group.blocks[..] {
        [only] => format!("{:#x}", only.address),
        _ => count(group.blocks.len(), "block"),
    };
    let (bytes, allocator) = (bytes(group.bytes), group.allocator.name());
    let front = format!("  {blocks}, {bytes}, {allocator}{reason} at {}  ", line.name);
    let source = style.cut(&line.text, style.width.saturating_sub(front.chars().count()));
    let heading = format!("{front}{}", style.paint(DIM, &source));
    format!("{}\n", heading.trim_end())
}

/// Blocks and bytes of several groups.
fn sums(groups: &[Group<'_>]) -> (usize, usize) {
    groups.iter().fold((0, 0), |(blocks, bytes), group| (blocks + group.blocks.len(), bytes + group.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(address: usize, size: usize, site: u32) -> LiveBlock {
        LiveBlock { address, size, allocator: Allocator::Vex, site, serial: 1, reason: None }
    }

    fn line(site: u32) -> Line {
        Line { name: format!("<{site}>:1"), text: "let p = vex_malloc(16)".into() }
    }

    const STYLE: Style = Style { width: 70, unicode: true, color: false };

    #[test]
    fn blocks_are_grouped_by_line_and_allocator_and_reason() {
        let mut blocks: Vec<LiveBlock> = (0..6).map(|index| block(0x1000 + index * 16, 16, 3)).collect();
        blocks.push(block(0x5000, 2000, 2));
        let kmem = |reason: &str| LiveBlock {
            allocator: Allocator::Kmem,
            reason: Some(reason.into()),
            ..block(0x6000, 8, 3)
        };
        blocks.extend([kmem("a"), kmem("b"), kmem("a")]);
        let expected = "  0x5000, 2,000 bytes, vex_malloc at <2>:1  let p = vex_malloc(16)
  6 blocks, 96 bytes, vex_malloc at <3>:1  let p = vex_malloc(16)
    0x1000  16 bytes
    0x1010  16 bytes
    0x1020  16 bytes
    0x1030  16 bytes
    2 blocks more
  2 blocks, 16 bytes, kmem \"a\" at <3>:1  let p = vex_malloc(16)
    0x6000  8 bytes
    0x6000  8 bytes
  0x6000, 8 bytes, kmem \"b\" at <3>:1  let p = vex_malloc(16)
";
        assert_eq!(show(&group(&blocks), &line, &STYLE), expected);
    }

    #[test]
    fn many_groups_are_summed_up_and_long_lines_cut() {
        let blocks: Vec<LiveBlock> = (0..40).map(|site| block(0x1000, 8, site)).collect();
        let text = show(&group(&blocks), &line, &Style { width: 52, ..STYLE });
        assert!(text.ends_with("  10 blocks, 80 bytes, from 10 other lines\n"), "{text}");
        assert!(
            text.contains("let p = vex…\n") && text.lines().all(|line| line.chars().count() <= 52),
            "{text}"
        );
    }
}
