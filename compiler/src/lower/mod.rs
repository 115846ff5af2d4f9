//! Lowering: the typed program → Cranelift IR.
//!
//! [`declare`] finds what is reachable from the entry and gives it indices; [`function`] makes the code of one
//! function. The second is pure: functions may be lowered in any order, on several threads. Knows nothing of
//! modules, files or how code gets into memory.

mod abi;
mod addr;
mod assign;
mod call;
mod checked;
mod control;
mod data;
mod decl;
mod declare;
mod defer;
mod drops;
mod enums;
mod expr;
mod facts;
mod func;
mod heap;
mod inline;
mod kept;
mod limits;
mod loops;
mod matching;
mod memory;
mod names;
mod ops;
mod place;
mod plan;
mod pool;
mod print;
mod regions;
mod rt;
mod scan;
mod shadow;
mod shown;
mod text;
mod thread;
pub mod traps;
mod value;

pub use decl::{
    Body, DataDecl, DataTarget, Declarations, INLINED, Inlined, InstanceDecl, LowerOptions, Lowered,
    SymbolDecl, namespace,
};
pub use declare::declare;
pub use func::function;

#[cfg(test)]
mod tests;
