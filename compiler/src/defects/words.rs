//! What a memory error is, in plain words: its title, and what stands beside the caret.

use vex_runtime::checked::{BadFree, DefectKind, Given, Origin, Side, State};

use super::model::{Block, Finding};

/// `1 byte`, `24 bytes`.
pub fn bytes(count: impl Into<i128>) -> String {
    match count.into() {
        1 => "1 byte".into(),
        count => format!("{count} bytes"),
    }
}

/// A block in a few words, with an article: `a 24-byte heap block`.
pub fn block(block: &Block) -> String {
    let Block { size, origin, .. } = block;
    if block.is_field {
        return format!(
            "{} of {}",
            bytes(*size as i128),
            block.parent.as_ref().map_or_else(String::new, |p| self::block(p))
        );
    }
    let article = if matches!(size.to_string().as_bytes(), [b'8', ..] | b"11" | b"18") { "an" } else { "a" };
    let sized = format!("{article} {size}-byte");
    if !block.is_part() {
        let owner = match origin {
            Origin::Bump => "a bump allocator",
            Origin::Pool => "a pool",
            Origin::FreeList => "a free-list allocator",
            Origin::Stack => "a stack allocator",
            _ => "",
        };
        if !owner.is_empty() {
            return format!("the {size}-byte buffer of {owner}");
        }
    }
    match origin {
        Origin::Variable if block.is_area => "the stack".into(),
        Origin::Static if block.is_area && block.name.is_none() => "constants and global variables".into(),
        Origin::Internal => format!("{} of the runtime", bytes(*size as i128)),
        Origin::Vex => format!("{sized} heap block"),
        Origin::Vera | Origin::VeraAligned => format!("{sized} block of `vera:memory`"),
        Origin::Global => format!("{sized} block of `global_alloc`"),
        Origin::Xila => format!("{sized} block of `xila/memory`"),
        Origin::Kmem => match &block.reason {
            Some(reason) if !reason.is_empty() => format!("{sized} kmem block for \"{reason}\""),
            _ => format!("{sized} kmem block"),
        },
        Origin::Bump => format!("{sized} block of a bump allocator"),
        Origin::Pool => format!("{sized} block of a pool"),
        Origin::FreeList => format!("{sized} block of a free-list allocator"),
        Origin::Stack => format!("{sized} block of a stack allocator"),
        Origin::Custom => format!("{sized} block of the program's own allocator"),
        Origin::Libc => format!("{sized} block of C's `malloc`"),
        Origin::Rust => format!("{sized} block of Rust's global allocator"),
        Origin::Variable => match &block.name {
            Some(name) => format!("the variable `{name}` ({})", bytes(*size as i128)),
            None => format!("{sized} variable"),
        },
        Origin::Static => match &block.name {
            Some(name) => format!("the global variable `{name}` ({})", bytes(*size as i128)),
            None => format!("{sized} constant or global variable"),
        },
    }
}

/// What a block is beside its bytes in a picture.
pub fn short(block: &Block) -> String {
    let text = self::block(block);
    match block.state {
        State::Live | State::Unused => text,
        State::Freed => format!("{text}, freed"),
        State::Moved => format!("{text}, moved"),
        State::Reset => format!("{text}, taken back"),
        State::Left => format!("{text}, gone"),
    }
}

/// The name by which JSON calls the allocator of a block.
pub fn allocator(origin: Origin) -> &'static str {
    match origin {
        Origin::Internal => "runtime",
        Origin::Vex => "vex",
        Origin::Vera | Origin::VeraAligned => "vera",
        Origin::Global => "global",
        Origin::Xila => "xila",
        Origin::Kmem => "kmem",
        Origin::Bump => "bump",
        Origin::Pool => "pool",
        Origin::FreeList => "freelist",
        Origin::Stack => "stack",
        Origin::Custom => "custom",
        Origin::Libc => "libc",
        Origin::Rust => "rust",
        Origin::Variable => "variable",
        Origin::Static => "static",
    }
}

/// What became of a block that can no longer be used, as a participle.
pub fn fate(state: State) -> &'static str {
    match state {
        State::Moved => "moved and freed by a reallocation",
        State::Reset => "taken back by its allocator",
        State::Left => "gone: its function has returned",
        _ => "freed",
    }
}

/// The title of a report.
pub fn title(finding: &Finding) -> String {
    let verb = finding.verb();
    let past = |what: &str| match finding.block.as_ref().map(|block| block.side(finding.address)) {
        Some(Side::Before(_)) => format!("{verb} before the start of {what}"),
        _ => format!("{verb} past the end of {what}"),
    };
    let state = finding.block.as_ref().map(|block| block.state);
    let preposition = if verb == "write" { "to" } else { "of" };
    match finding.kind {
        DefectKind::OutOfBounds => past(match finding.block.as_ref().map(|block| block.origin) {
            Some(Origin::Variable) => "a variable",
            Some(Origin::Static) => "a global variable",
            _ => "a block",
        }),
        DefectKind::OutOfObject => past("a part of a block"),
        // Only allocators themselves are used without an access.
        DefectKind::StaleRegion if finding.access.is_none() => "use of an allocator that was dropped".into(),
        DefectKind::UseAfterFree | DefectKind::StaleRegion if state == Some(State::Reset) => {
            format!("{verb} {preposition} a block that its allocator has taken back")
        }
        DefectKind::UseAfterFree if state == Some(State::Moved) => {
            format!("{verb} {preposition} a block that a reallocation has moved")
        }
        DefectKind::UseAfterFree => format!("{verb} {preposition} a freed block"),
        DefectKind::DeadStack => format!("{verb} {preposition} a variable whose function has returned"),
        DefectKind::Null if finding.access.is_none() => "access or jump through a null pointer".into(),
        DefectKind::Null => format!("{verb} through a null pointer"),
        DefectKind::Wild if finding.access.is_none() => "access or jump to no memory of the program".into(),
        DefectKind::Wild => format!("{verb} through a pointer to no memory of the program"),
        DefectKind::Misaligned => format!("misaligned {verb}"),
        DefectKind::Unwritten => "read of bytes that were never written".into(),
        DefectKind::DoubleFree if state == Some(State::Moved) => {
            "free of a block that a reallocation has freed already".into()
        }
        DefectKind::DoubleFree if state == Some(State::Reset) => {
            "free of a block that its allocator has taken back already".into()
        }
        DefectKind::DoubleFree => "double free".into(),
        DefectKind::BadFree(BadFree::Interior) => "free of a pointer into the middle of a block".into(),
        DefectKind::BadFree(BadFree::Stack) => "free of a variable of a function".into(),
        DefectKind::BadFree(BadFree::Static) => "free of a global variable or a constant".into(),
        DefectKind::BadFree(BadFree::Foreign) => {
            "free of memory that no allocator of the program gave out".into()
        }
        DefectKind::BadFree(BadFree::Wild) => "free of a pointer to no memory of the program".into(),
        DefectKind::WrongAllocator => "free through another allocator than the block's".into(),
        DefectKind::WrongSize => "free with a wrong size".into(),
        DefectKind::WrongAlign => "free with a wrong alignment".into(),
        DefectKind::Overlap => "copy between ranges that overlap".into(),
        DefectKind::BadSize => "allocation of an impossible size".into(),
        DefectKind::ZeroSized => format!("{verb} {preposition} a block of 0 bytes"),
        DefectKind::StaleRegion => format!("{verb} {preposition} bytes that an allocator has not given out"),
    }
}

/// What stands beside the caret. `function` is what the program called, if it was not an access of its own.
pub fn label(finding: &Finding, function: Option<&str>) -> String {
    let who = function.map(|name| format!("`{name}` ")).unwrap_or_default();
    let size = finding.access.map_or(0, |access| access.size);
    let verbs = match finding.access {
        Some(access) if access.write => format!("{who}writes {}", bytes(access.size as i128)),
        Some(access) => format!("{who}reads {}", bytes(access.size as i128)),
        None if who.is_empty() => "uses it".into(),
        None => format!("{who}is given it"),
    };
    let Some(about) = &finding.block else { return without_block(finding, &who, &verbs) };
    let what = block(about);
    let given = given(&who);
    let start = about.side(finding.start);
    let at = match start {
        Side::Inside(offset) => format!("at byte {offset} of {what}"),
        Side::Before(distance) => {
            format!("beginning {} before the start of {what}", bytes(distance as i128))
        }
        Side::After(0) => format!("directly behind {what}"),
        Side::After(distance) => format!("beginning {} past the end of {what}", bytes(distance as i128)),
    };
    match finding.kind {
        DefectKind::OutOfBounds | DefectKind::OutOfObject => match start {
            Side::Inside(offset) => {
                let over = offset.saturating_add(size).saturating_sub(about.size);
                let are = if over == 1 { "is" } else { "are" };
                format!("{verbs} {at}, of which {over} {are} past its end")
            }
            Side::Before(distance) if distance < size => {
                format!("{verbs}, of which {distance} before the start of {what}")
            }
            Side::Before(_) | Side::After(1..) => format!("{verbs}, {at}"),
            Side::After(0) => format!("{verbs} {at}"),
        },
        DefectKind::StaleRegion if finding.access.is_none() => {
            let gone = if about.is_live() { "given back" } else { fate(about.state) };
            format!("{who}is given an allocator whose buffer was {gone}")
        }
        DefectKind::UseAfterFree if finding.access.is_none() => {
            format!("{who}is given {what} that was {}", fate(about.state))
        }
        DefectKind::UseAfterFree | DefectKind::StaleRegion if !about.is_live() => {
            format!("{verbs} {at} that was {}", fate(about.state))
        }
        DefectKind::DeadStack => format!("{verbs} {at}, which is {}", fate(State::Left)),
        DefectKind::Unwritten => unwritten(finding, &verbs, &at),
        DefectKind::ZeroSized => format!("{verbs}, but the block has none"),
        DefectKind::DoubleFree => format!("{given} {what} that was {} before", fate(about.state)),
        DefectKind::BadFree(BadFree::Interior) => format!("{given} byte {} of {what}", offset(start)),
        DefectKind::BadFree(_) | DefectKind::WrongAllocator => format!("{given} {what}"),
        DefectKind::WrongSize | DefectKind::WrongAlign => wrong_layout(finding, about, &given),
        DefectKind::Misaligned => misaligned(finding, &verbs),
        DefectKind::Overlap => overlap(finding, &verbs),
        DefectKind::Null | DefectKind::Wild | DefectKind::BadSize => without_block(finding, &who, &verbs),
        DefectKind::UseAfterFree | DefectKind::StaleRegion => format!("{verbs} {at}"),
    }
}

/// The words before what is freed.
fn given(who: &str) -> String {
    if who.is_empty() { "this frees".into() } else { format!("{who}is given") }
}

/// The offset of a place that is inside.
fn offset(side: Side) -> usize {
    match side {
        Side::Inside(offset) => offset,
        Side::Before(_) | Side::After(_) => 0,
    }
}

/// The label of an error that is about no block.
fn without_block(finding: &Finding, who: &str, verbs: &str) -> String {
    let address = finding.start;
    match finding.kind {
        DefectKind::Null | DefectKind::Wild if finding.access.is_none() => {
            format!("needs address {address:#x}")
        }
        DefectKind::Null if address == 0 => format!("{verbs} at null"),
        DefectKind::Null => format!("{verbs} at null + {address}"),
        DefectKind::Misaligned => misaligned(finding, verbs),
        DefectKind::Overlap => overlap(finding, verbs),
        DefectKind::BadSize => match finding.given.size {
            Some(size) => format!("{who}is asked for {}", bytes(size)),
            None => format!("{who}is asked for more bytes than there are"),
        },
        DefectKind::BadFree(_) => format!("{} {address:#x}", given(who)),
        _ => format!("{verbs} at {address:#x}"),
    }
}

fn unwritten(finding: &Finding, verbs: &str, at: &str) -> String {
    let size = finding.access.map_or(0, |access| access.size);
    match finding.unwritten {
        Some(unwritten) if unwritten.count < size => {
            let were = if unwritten.count == 1 { "was" } else { "were" };
            format!("{verbs} {at}; {} of them {were} never written", unwritten.count)
        }
        _ => format!("{verbs} {at}, which {} never written", if size == 1 { "was" } else { "were" }),
    }
}

fn misaligned(finding: &Finding, verbs: &str) -> String {
    let align = finding.access.map_or(1, |access| access.align);
    format!("{verbs} at {:#x}, which is no multiple of {align}", finding.start)
}

fn overlap(finding: &Finding, verbs: &str) -> String {
    let size = finding.given.size.map(|size| usize::try_from(size).unwrap_or(0));
    let size = size.or(finding.access.map(|access| access.size)).filter(|size| *size > 0);
    match (finding.given.other, size) {
        (Some(other), Some(size)) => {
            let shared = size.saturating_sub(finding.start.abs_diff(other));
            format!("copies {}, of which source and destination share {shared}", bytes(size as i128))
        }
        _ if finding.access.is_some() => format!("{verbs} into what it reads from"),
        _ => "copies into what it copies from".into(),
    }
}

fn wrong_layout(finding: &Finding, about: &Block, given: &str) -> String {
    let Given { size, align, .. } = finding.given;
    match (finding.kind, size, align) {
        (DefectKind::WrongSize, Some(size), _) => {
            let right = finding.given.expected_size.unwrap_or(about.size);
            format!("{given} the size {size}, but the block has {}", bytes(right as i128))
        }
        (DefectKind::WrongAlign, _, Some(align)) => {
            let right = finding.given.expected_align.unwrap_or(about.align);
            format!("{given} the alignment {align}, but the block was allocated with {right}")
        }
        _ => format!("{given} {}", block(about)),
    }
}
