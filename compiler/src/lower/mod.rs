//! Lowering: the typed program → Cranelift IR.
//!
//! [`declare`] finds what is reachable from the entry and gives it indices; [`function`] makes the code of one
//! function. The second is pure: functions may be lowered in any order, on several threads. Knows nothing of
//! modules, files or how code gets into memory.

mod decl;
pub mod traps;

pub use decl::{Body, DataDecl, DataTarget, Declarations, InstanceDecl, LowerOptions, SymbolDecl, namespace};

use cranelift_codegen::ir;

use crate::typed::Program;

mod value;

/// Finds everything reachable from the program's entry and gives it indices.
pub fn declare(program: &Program, options: LowerOptions) -> Declarations {
    let _ = (program, options);
    unimplemented!("lowering lands next")
}

/// The code of instance `index`, not yet optimised. Pure; may be called from several threads.
pub fn function(program: &Program, decls: &Declarations, index: u32) -> ir::Function {
    let _ = (program, decls, index);
    unimplemented!("lowering lands next")
}
