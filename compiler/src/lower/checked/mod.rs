//! The code of the checked mode (`--checked`): every access through a pointer of the program is tested before it is
//! made, and what leaves the program's own code loses the tag that pointers carry there.
//!
//! | file | what |
//! | --- | --- |
//! | `access` | one load or store: bounds of the tag, alignment, what the shadow bytes say |
//! | `range` | whole values: copies, and memory that somebody else is to write |
//! | `pointers` | tags: stripping, comparing, narrowing to a part, integers that become pointers |
//! | `outside` | arguments and results of functions that are not the program's |
//! | `frames` | what ends with a frame |
//!
//! What a tag, the table and the shadow are is said in `vex_runtime::checked`. Memory of the frame and globals that code
//! names directly is not tested: it is there, and indexes into it are compared with its length anyway.

mod access;
mod frames;
mod outside;
mod pointers;
mod range;

use cranelift_codegen::ir::{self, Block};

use super::addr::Kind;
use super::func::Lower;
use super::value::TypeInfo;

pub(super) use access::Access;
pub(super) use outside::Outside;

/// What is known of a pointer in the block that code is being made for.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// The pointer that has the tag.
    root: ir::Value,
    /// The first byte of what the tag stands for.
    start: ir::Value,
    /// How many bytes that has.
    size: ir::Value,
}

/// What checks of a function share while its code is made.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// Where `known` holds: a block that has one predecessor each, back to where each was found out, without a call that
    /// could free anything in between.
    block: Option<Block>,
    known: Vec<Known>,
    /// Whether pointers to the frame may have been handed out.
    pub frame_is_lent: bool,
}

impl Checks {
    /// Something was called that may free memory.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }
}

impl Lower<'_> {
    /// Whether this code is checked.
    pub(super) fn is_checked(&self) -> bool {
        self.decls.options.checked
    }

    /// The kind of memory that a parameter of glue points at, which is the program's own or the frame of a caller.
    pub(super) fn glue_kind(&self) -> Kind {
        if self.is_checked() { Kind::Reference } else { Kind::Shared }
    }

    /// Goes on in a block of which `before` is the only predecessor, apart from code that changes nothing that is known
    /// of pointers.
    pub(super) fn enter_after_check(&mut self, block: Block, before: Option<Block>) {
        let goes_on = before.is_some() && self.checks.block == before;
        self.enter(block);
        if goes_on {
            self.checks.block = Some(block);
        }
    }
}

/// Whether a leaf of a value may never have been written: it belongs to a variant that the value need not be.
pub(super) fn may_be_unwritten(info: &TypeInfo, leaf: usize) -> bool {
    info.payload & (1 << leaf) != 0
}
