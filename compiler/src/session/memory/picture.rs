//! The picture of the heap: totals, then a row for each page.

use std::fmt::Write;

use vex_runtime::heap::walk::{Owner, PageInfo, PageKind, Totals};

use super::style::{self, ALARM, STRONG, Style, bytes, count, number, percent, size};

/// A page and which of its blocks are live, in the order of their addresses.
#[derive(Clone, Debug)]
pub struct Page {
    /// What the heap says of it.
    pub info: PageInfo,
    /// A flag for each block.
    pub live: Vec<bool>,
}

impl Page {
    fn live(&self) -> usize {
        self.live.iter().filter(|&&live| live).count()
    }

    /// Bytes of the page that no live block uses.
    fn free_bytes(&self) -> usize {
        self.info.bytes.saturating_sub(self.live() * self.info.block_size)
    }
}

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A few pages of each size class.
    Some,
    /// Every page.
    All,
    /// Every page with blocks for so many bytes.
    Class(usize),
}

/// Everything the picture is made of.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Where the bytes are.
    pub totals: Totals,
    /// The most bytes there may be.
    pub limit: Option<u64>,
    /// The pages by address.
    pub pages: Vec<Page>,
}

/// Rows that [`Choice::Some`] shows of each size class before any gets more, if there is room.
const ROWS_OF_CLASS: usize = 4;

/// Rows that it shows in all, unless there are more classes.
const ROWS: usize = 24;

/// The colours of size classes, in turn.
const COLORS: [&str; 6] = ["32", "36", "33", "35", "34", "92"];

/// Characters of a row outside of the bar.
const FIXED: usize = 55;

/// Characters of an address in a row.
const ADDRESS: usize = 15;

/// The narrowest terminal in which rows have addresses.
const ROOM: usize = 70;

impl Picture {
    /// The text of the picture.
    pub fn show(&self, choice: Choice, style: &Style) -> String {
        let mut text = self.summary(style);
        let classes = self.classes(choice);
        if classes.is_empty() {
            if let (Choice::Class(bytes), false) = (choice, self.pages.is_empty()) {
                let known = self.classes(Choice::All);
                let known: Vec<String> = known.iter().map(|class| number(class[0].info.block_size)).collect();
                let _ = writeln!(
                    text,
                    "no page has blocks for {}; there are pages of {} bytes",
                    count(bytes, "byte"),
                    known.join(", ")
                );
            }
            return text;
        }
        text.push('\n');
        let heading = format!(
            "{:>13} {:>15}  {:>5}  {}",
            "blocks of",
            "live",
            "free",
            if style.width < ROOM { "" } else { "page" }
        );
        let _ = writeln!(text, "{}", style.paint(STRONG, heading.trim_end()));
        let rows = match choice {
            Choice::Some => shares(&classes.iter().map(Vec::len).collect::<Vec<_>>()),
            _ => classes.iter().map(Vec::len).collect(),
        };
        for (index, (class, rows)) in classes.iter().zip(rows).enumerate() {
            let color = COLORS[index % COLORS.len()];
            for page in &class[..rows] {
                text.push_str(&row(page, color, style));
            }
            if rows < class.len() {
                text.push_str(&rest(&class[rows..], color, style));
            }
        }
        text.push_str(&legend(&classes, choice, style));
        text
    }

    /// The totals in words.
    fn summary(&self, style: &Style) -> String {
        let Totals { live_bytes, live_blocks, held, reserved, .. } = self.totals;
        let limit = match self.limit {
            Some(limit) => format!("limit {}", size(limit as usize)),
            None => "no limit".into(),
        };
        let mut text = format!(
            "{} live, {}\n{} from the system ({} in use), {} reserved, {limit}\n",
            style.paint(STRONG, &count(live_blocks, "block")),
            style.paint(STRONG, &bytes(live_bytes)),
            size(held),
            percent(live_bytes, held),
            size(reserved),
        );
        let used: Vec<&Page> = self.pages.iter().filter(|page| page.live() > 0).collect();
        let (free, all): (usize, usize) =
            used.iter().fold((0, 0), |(free, all), page| (free + page.free_bytes(), all + page.info.bytes));
        if !used.is_empty() {
            let _ = writeln!(
                text,
                "fragmentation: {} of {} in {} with live blocks are free ({})",
                size(free),
                size(all),
                count(used.len(), "page"),
                percent(free, all),
            );
        }
        style::wrap(&text, style.width)
    }

    /// The pages that are shown, by size class: those of small blocks first, then spans and large blocks.
    fn classes(&self, choice: Choice) -> Vec<Vec<&Page>> {
        let mut pages: Vec<&Page> = self.pages.iter().collect();
        if let Choice::Class(bytes) = choice {
            let sizes = pages.iter().map(|page| page.info.block_size);
            let class = sizes.filter(|size| *size >= bytes).min();
            // A request for so many bytes is served by the class above, but not by one far above.
            pages.retain(|page| {
                Some(page.info.block_size) == class && page.info.block_size <= bytes.saturating_mul(2).max(16)
            });
        }
        let class = |page: &Page| match page.info.kind {
            PageKind::Small => (0, page.info.block_size),
            PageKind::Span => (1, 0),
            PageKind::Large | PageKind::Code => (2, 0),
        };
        pages.sort_by_key(|page| (class(page), page.info.address));
        pages.chunk_by(|a, b| class(a) == class(b)).map(<[_]>::to_vec).collect()
    }
}

/// How many rows each of these classes gets: a few, and what the others leave.
fn shares(pages: &[usize]) -> Vec<usize> {
    let each = |most: usize| pages.iter().map(move |&pages| pages.min(most));
    let most = (2..=ROWS_OF_CLASS).rev().find(|&most| each(most).sum::<usize>() <= ROWS).unwrap_or(1);
    let mut rows: Vec<usize> = each(most).collect();
    let mut left = ROWS.saturating_sub(rows.iter().sum());
    for (rows, &pages) in rows.iter_mut().zip(pages) {
        let more = (pages - *rows).min(left);
        *rows += more;
        left -= more;
        // One row instead of the line that says that a page is missing.
        if pages - *rows == 1 {
            *rows = pages;
        }
    }
    rows
}

/// Cells of a bar.
fn bar_width(style: &Style) -> usize {
    let fixed = if style.width < ROOM { FIXED - ADDRESS } else { FIXED };
    style.width.saturating_sub(fixed).clamp(8, 64)
}

/// A bar of blocks: a cell each, or each for as many as needed.
fn bar(live: &[bool], color: &str, style: &Style) -> String {
    let per_cell = live.len().div_ceil(bar_width(style)).max(1);
    let cells: Vec<(usize, usize)> = live
        .chunks(per_cell)
        .map(|blocks| (blocks.iter().filter(|&&live| live).count(), blocks.len()))
        .collect();
    style.bar(&cells, color)
}

/// The row of a page.
fn row(page: &Page, color: &str, style: &Style) -> String {
    let PageInfo { kind, block_size, address, blocks, owner, .. } = page.info;
    let live = page.live();
    let name = match kind {
        PageKind::Small => format!("{:>13}", size(block_size)),
        PageKind::Span => format!("span {:>8}", size(block_size)),
        PageKind::Large | PageKind::Code => format!("large {:>7}", size(block_size)),
    };
    let free = percent(page.free_bytes(), page.info.bytes);
    // Half of a page's bytes kept from other uses by a few blocks is worth a look.
    let scattered = live > 0 && page.free_bytes() * 2 > page.info.bytes && blocks > 1;
    let free = format!("{free:>5}");
    let free = if scattered { style.paint(ALARM, &free) } else { free };
    let address = if style.width < ROOM { String::new() } else { format!("{address:#x} ") };
    let other = if owner == Owner::Other { " another thread's" } else { "" };
    format!(
        "{} {:>15}  {free}  {address}{}{other}\n",
        style.paint(color, &name),
        format!("{} of {}", number(live), number(blocks)),
        bar(&page.live, color, style),
    )
}

/// The line for pages that are not shown.
fn rest(pages: &[&Page], color: &str, style: &Style) -> String {
    let live: usize = pages.iter().map(|page| page.live()).sum();
    let (free, all): (usize, usize) =
        pages.iter().fold((0, 0), |(free, all), page| (free + page.free_bytes(), all + page.info.bytes));
    // All their blocks in a row, a page after the other.
    let flags: Vec<bool> = pages.iter().flat_map(|page| page.live.iter().copied()).collect();
    let more = if style.unicode { "…" } else { "..." };
    format!(
        "{} {:>15}  {:>5}  {}{}\n",
        style.paint(color, &format!("{:>13}", format!("{more} {} more", number(pages.len())))),
        format!("{} live", number(live)),
        percent(free, all),
        if style.width < ROOM { String::new() } else { format!("{:<14} ", count(pages.len(), "page")) },
        bar(&flags, color, style),
    )
}

/// What the signs mean.
fn legend(classes: &[Vec<&Page>], choice: Choice, style: &Style) -> String {
    let (full, empty) = (style.cell(1, 1), style.cell(0, 1));
    let mut text = format!("\n{full} live  {empty} free");
    let grouped =
        classes.iter().flatten().map(|page| page.info.blocks.div_ceil(bar_width(style))).max().unwrap_or(1);
    if grouped > 1 {
        let steps: String = (1..4).map(|quarters| style.cell(quarters, 4)).collect();
        let _ = write!(text, "  {steps} some of the up to {} of a cell", count(grouped, "block"));
    }
    if style.color {
        text.push_str("; each size has its colour");
    }
    if choice == Choice::Some {
        text.push_str("; `:heap all` shows every page");
    }
    style::wrap(&text, style.width) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style { width: 80, unicode: true, color: false };

    fn page(kind: PageKind, address: usize, block_size: usize, live: &[bool]) -> Page {
        let info = PageInfo {
            address,
            bytes: block_size * live.len(),
            kind,
            block_size,
            blocks: live.len(),
            live: 0,
            owner: Owner::This,
        };
        Page { info, live: live.to_vec() }
    }

    fn picture(pages: Vec<Page>) -> Picture {
        let totals = Totals {
            live_bytes: 1840,
            live_blocks: 12,
            free: 60_000,
            overhead: 3696,
            held: 65536,
            reserved: 4 << 20,
        };
        Picture { totals, limit: Some(1 << 30), pages }
    }

    #[test]
    fn a_page_is_a_row_and_a_block_a_cell() {
        let pages = vec![
            page(PageKind::Span, 0x9000, 300 << 10, &[true]),
            page(PageKind::Small, 0x5000, 48, &[true, false, true, true]),
            page(PageKind::Small, 0x1000, 16, &[false; 3]),
        ];
        let expected = "\
12 blocks live, 1,840 bytes
64 KiB from the system (3% in use), 4 MiB reserved, limit 1 GiB
fragmentation: 48 B of 300.2 KiB in 2 pages with live blocks are free (<1%)

    blocks of            live   free  page
         16 B          0 of 3   100%  0x1000 │···│
         48 B          3 of 4    25%  0x5000 │█·██│
span  300 KiB          1 of 1     0%  0x9000 │█│

█ live  · free; `:heap all` shows every page
";
        assert_eq!(picture(pages).show(Choice::Some, &STYLE), expected);
    }

    #[test]
    fn many_blocks_share_cells() {
        let mut live = vec![true; 4096];
        live[2048..].fill(false);
        live[4095] = true;
        let text = picture(vec![page(PageKind::Small, 0x1000, 16, &live)]).show(Choice::Some, &STYLE);
        let width = bar_width(&STYLE);
        let bar: Vec<char> = text.lines().nth(5).unwrap().split('│').nth(1).unwrap().chars().collect();
        assert!(bar.len() <= width && bar.len() > width / 2, "{text}");
        assert_eq!((bar[0], bar[bar.len() - 2], bar[bar.len() - 1]), ('█', '·', '▂'));
        assert!(text.contains("of a cell"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }

    #[test]
    fn thousands_of_pages_are_summed_up_unless_asked_for() {
        let some =
            |index: usize, size| page(PageKind::Small, 0x10000 * index, size, &[index.is_multiple_of(2); 8]);
        let mut pages: Vec<Page> = (1..=3000).map(|index| some(index, 16)).collect();
        pages.extend((3001..=3002).map(|index| some(index, 32)));
        let picture = picture(pages);
        let text = picture.show(Choice::Some, &STYLE);
        let rows = text.lines().filter(|line| line.contains("0x")).count();
        assert_eq!(rows, ROWS, "{text}");
        assert!(text.contains("… 2,978 more") && text.contains("2,978 pages"), "{text}");
        let all = picture.show(Choice::All, &STYLE);
        assert_eq!(all.lines().filter(|line| line.contains("0x")).count(), 3002);
        let class = picture.show(Choice::Class(20), &STYLE);
        assert_eq!(class.lines().filter(|line| line.contains("0x")).count(), 2, "{class}");
        let none = picture.show(Choice::Class(5000), &STYLE);
        assert!(
            none.contains("no page has blocks for 5,000 bytes; there are pages of 16, 32 bytes"),
            "{none}"
        );
    }

    #[test]
    fn rows_are_shared_out_among_classes() {
        assert_eq!(shares(&[3, 100]), [3, 21]);
        assert_eq!(shares(&[100, 3]), [21, 3]);
        assert_eq!(shares(&[10; 5]), [8, 4, 4, 4, 4]);
        assert_eq!(shares(&[10; 30]), [1; 30]);
        assert_eq!(shares(&[2; 13]).iter().sum::<usize>(), 26, "a page instead of a line about it");
        assert_eq!(shares(&[]), [0; 0]);
    }

    #[test]
    fn without_unicode_or_colour_it_is_plain_text() {
        let pages = vec![page(PageKind::Small, 0x1000, 48, &[true, false])];
        let ascii = Style { unicode: false, ..STYLE };
        let text = picture(pages.clone()).show(Choice::All, &ascii);
        assert!(text.is_ascii() && text.contains("|#.|"), "{text}");
        let colored = picture(pages).show(Choice::All, &Style { color: true, ..STYLE });
        assert!(colored.contains("\x1b[32m█\x1b[0m\x1b[90m·\x1b[0m"), "{colored}");
    }

    #[test]
    fn rows_fit_narrow_terminals() {
        let pages = |index: usize| page(PageKind::Small, 0x7f00_0000_0000 + index, 16, &[true; 4096]);
        let picture = picture((0..60).map(pages).collect());
        for width in [48, 60, 69, 70, 80, 200] {
            let text = picture.show(Choice::Some, &Style { width, ..STYLE });
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}:\n{text}");
        }
    }

    #[test]
    fn an_empty_heap_has_no_rows() {
        let empty = Picture { totals: Totals::default(), limit: None, pages: Vec::new() };
        assert_eq!(
            empty.show(Choice::Some, &STYLE),
            "0 blocks live, 0 bytes\n0 B from the system (0% in use), 0 B reserved, no limit\n"
        );
    }
}
