//! The code of the checked mode (`--checked`): every access through a pointer of the program is tested before it is
//! made, and what leaves the program's own code loses the tag that pointers carry there.
//!
//! | file | what |
//! | --- | --- |
//! | `access` | one load or store: bounds of the tag, alignment, what the shadow bytes say |
//! | `known` | what was found out already, and where that still holds |
//! | `integers` | addresses that are integers |
//! | `quiet` | which code frees nothing |
//! | `range` | whole values: copies, and memory that somebody else is to write |
//! | `pointers` | tags: stripping, comparing, narrowing to a part, integers that become pointers |
//! | `outside` | arguments and results of functions that are not the program's |
//! | `frames` | what ends with a frame |
//!
//! What a tag, the table and the shadow are is said in `vex_runtime::checked`. Memory of the frame and globals that code
//! names directly is not tested: it is there, and indexes into it are compared with its length anyway.

mod access;
mod frames;
mod integers;
mod known;
mod outside;
mod pointers;
mod quiet;
mod range;

use super::addr::Kind;
use super::func::Lower;
use super::value::TypeInfo;

pub(super) use access::Access;
pub(super) use known::{Checks, Point};
pub(super) use outside::Outside;
pub(super) use quiet::{is_quiet_symbol, quiet_functions};

impl Lower<'_> {
    /// Whether this code is checked.
    pub(super) fn is_checked(&self) -> bool {
        self.decls.options.checked
    }

    /// The kind of memory that a parameter of glue points at, which is the program's own or the frame of a caller.
    pub(super) fn glue_kind(&self) -> Kind {
        if self.is_checked() { Kind::Reference } else { Kind::Shared }
    }
}

/// Whether a leaf of a value may never have been written: it belongs to a variant that the value need not be.
pub(super) fn may_be_unwritten(info: &TypeInfo, leaf: usize) -> bool {
    info.payload & (1 << leaf) != 0
}
