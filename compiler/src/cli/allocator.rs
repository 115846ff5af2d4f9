//! `--allocator NAME[:SIZE]`.

use std::fmt;

/// Which allocator serves the program, and how much it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocatorChoice {
    /// Its kind.
    pub kind: AllocatorKind,
    /// Bytes of the buffer it works in; 0 for those that take memory as needed.
    pub size: usize,
}

/// The allocators that can serve arbitrary sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocatorKind {
    /// The runtime's own heap.
    Heap,
    /// libc's `malloc`.
    System,
    /// One pointer that only moves forward; frees are ignored.
    Bump,
    /// First fit, with coalescing.
    FreeList,
    /// Last in, first out.
    Stack,
    /// Kmem.
    Kmem,
}

/// Bytes of the buffer when none are given: kmem's default, for all.
const DEFAULT_SIZE: usize = 64 << 20;

impl AllocatorKind {
    const ALL: [(AllocatorKind, &'static str); 6] = [
        (AllocatorKind::Heap, "heap"),
        (AllocatorKind::System, "system"),
        (AllocatorKind::Bump, "bump"),
        (AllocatorKind::FreeList, "freelist"),
        (AllocatorKind::Stack, "stack"),
        (AllocatorKind::Kmem, "kmem"),
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        AllocatorKind::ALL[self as usize].1
    }

    /// Whether it works in a buffer of fixed size.
    pub fn is_sized(self) -> bool {
        !matches!(self, AllocatorKind::Heap | AllocatorKind::System)
    }
}

impl fmt::Display for AllocatorChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())
    }
}

/// Reads `NAME` or `NAME:SIZE`.
///
/// # Errors
///
/// A sentence for the user.
pub fn parse(text: &str) -> Result<AllocatorChoice, String> {
    let (name, size) = match text.split_once(':') {
        Some((name, size)) => (name, Some(size)),
        None => (text, None),
    };
    let Some(&(kind, _)) = AllocatorKind::ALL.iter().find(|(_, known)| *known == name) else {
        let names: Vec<_> = AllocatorKind::ALL.iter().map(|(_, name)| *name).collect();
        return Err(format!("there is no allocator `{name}`; there are {}", names.join(", ")));
    };
    let size = match size {
        None if kind.is_sized() => DEFAULT_SIZE,
        None => 0,
        Some(_) if !kind.is_sized() => {
            return Err(format!("`{name}` takes memory as it needs it; write it without a size"));
        }
        Some(size) => parse_size(size)?,
    };
    Ok(AllocatorChoice { kind, size })
}

/// Reads a size in bytes, with an optional K, M or G for powers of 1024.
fn parse_size(text: &str) -> Result<usize, String> {
    let wrong = || format!("`{text}` is not a size; write bytes, or a number with K, M or G, such as 64M");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        _ => return Err(wrong()),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let too_large = || format!("`{text}` is larger than the address space");
    let number: usize = digits.parse().map_err(|_| too_large())?;
    let size =
        number.checked_mul(1 << shift).filter(|size| *size <= isize::MAX as usize).ok_or_else(too_large)?;
    if size == 0 {
        return Err("an allocator needs at least one byte".into());
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sizes() {
        let choice = |kind, size| Ok(AllocatorChoice { kind, size });
        assert_eq!(parse("heap"), choice(AllocatorKind::Heap, 0));
        assert_eq!(parse("bump"), choice(AllocatorKind::Bump, DEFAULT_SIZE));
        assert_eq!(parse("bump:1K"), choice(AllocatorKind::Bump, 1024));
        assert_eq!(parse("freelist:3m"), choice(AllocatorKind::FreeList, 3 << 20));
        assert_eq!(parse("kmem:2GiB"), choice(AllocatorKind::Kmem, 2 << 30));
        assert_eq!(parse("stack:4096"), choice(AllocatorKind::Stack, 4096));
        for (kind, name) in AllocatorKind::ALL {
            assert_eq!(kind.name(), name);
        }
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, part) in [
            ("bmp", "there is no allocator `bmp`"),
            ("heap:1M", "without a size"),
            ("bump:", "is not a size"),
            ("bump:x", "is not a size"),
            ("bump:1T", "is not a size"),
            ("bump:-1", "is not a size"),
            ("bump:1.5M", "is not a size"),
            ("bump:0", "at least one byte"),
            ("bump:99999999999G", "larger than the address space"),
            ("bump:99999999999999999999999", "larger than the address space"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
