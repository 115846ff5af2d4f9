//! What reports are made of: a memory error in plain data, with its calls found in the sources.

use vex_runtime::checked::{AccessInfo, DefectKind, Given, Origin, Side, State, Unwritten};
use vex_syntax::SourceMap;

use super::picture::Picture;

/// A function in the middle of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub function: String,
    /// Where it is, in the source map's space; 0 where that is not known.
    pub position: u32,
    /// Number of the call, from 0 for the innermost.
    pub depth: usize,
    /// Whether calls before it are left out.
    pub gap: bool,
    /// How many calls, this one the last, are repeated, and how often; `(1, 0)` when they are not.
    pub repeated: (usize, usize),
}

/// Calls from the innermost outwards.
pub type Calls = Vec<Call>;

/// The position that people look at: the innermost in their own code, else the innermost at all; 0 if there is none.
pub fn position(calls: &[Call], sources: &SourceMap) -> u32 {
    user_call(calls, sources).map_or(0, |call| call.position)
}

/// The call that people look at.
pub fn user_call<'a>(calls: &'a [Call], sources: &SourceMap) -> Option<&'a Call> {
    let own = |call: &&Call| sources.locate(call.position).is_some_and(|(file, _)| !file.library);
    let known = |call: &&Call| sources.find(call.position).is_some();
    calls.iter().find(own).or_else(|| calls.iter().find(known))
}

/// A block, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Its first address.
    pub base: usize,
    /// Its bytes as requested.
    pub size: usize,
    /// Its alignment in bytes.
    pub align: usize,
    /// Whether it was asked for zeroed.
    pub zeroed: bool,
    /// What made it.
    pub origin: Origin,
    /// What kmem was told it is for.
    pub reason: Option<String>,
    /// What has become of it.
    pub state: State,
    /// Where it was allocated first.
    pub allocated: Calls,
    /// The reallocations that made it what it is, the first one first.
    pub reallocated: Vec<Calls>,
    /// Where it was freed, moved or taken back.
    pub freed: Option<Calls>,
    /// Whether it is a field or a piece of an array of its parent.
    pub is_field: bool,
    /// The block that it is a part of.
    pub parent: Option<Box<Block>>,
    /// Of a variable, its name.
    pub name: Option<String>,
    /// Whether it is no single variable but all that lies there: the stack, the program's variables.
    pub is_area: bool,
}

impl Block {
    /// Whether it is a piece of an allocator's buffer rather than a block for itself.
    pub fn is_part(&self) -> bool {
        self.parent.is_some() && !self.is_field
    }

    /// Whether it is in use.
    pub fn is_live(&self) -> bool {
        self.state == State::Live
    }

    /// Where an address is, seen from the block.
    pub fn side(&self, address: usize) -> Side {
        // An address of before 0 is in front of everything.
        let offset = address.wrapping_sub(self.base) as isize;
        match offset.unsigned_abs() {
            before if offset < 0 => Side::Before(before),
            at if at < self.size => Side::Inside(at),
            at => Side::After(at - self.size),
        }
    }
}

/// A memory error.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What is wrong.
    pub kind: DefectKind,
    /// The access, if it is one.
    pub access: Option<AccessInfo>,
    /// The first address of it that is wrong.
    pub address: usize,
    /// Where the access begins; of a free, the address that is freed.
    pub start: usize,
    /// What the pointer belongs to.
    pub block: Option<Block>,
    /// The block that the address lies in, if that is another one.
    pub landed: Option<Block>,
    /// The function that the program called; empty for its own accesses.
    pub function: String,
    /// Sizes and alignments.
    pub given: Given,
    /// Bytes that were never written.
    pub unwritten: Option<Unwritten>,
    /// The calls that led there.
    pub calls: Calls,
    /// The bytes around the address.
    pub picture: Option<Picture>,
    /// The request that was refused last, in a few words: null pointers often come from there.
    pub refusal: Option<String>,
}

impl Finding {
    /// The name of its kind.
    pub fn name(&self) -> &'static str {
        super::kind::name(self.kind, self.block.as_ref().map(|block| block.state))
    }

    /// `read` or `write`, as a noun.
    pub fn verb(&self) -> &'static str {
        match self.access {
            Some(AccessInfo { write: true, .. }) => "write",
            Some(_) => "read",
            None => "use",
        }
    }
}
