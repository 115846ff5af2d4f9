//! Code as text, for `vexc emit` and for tests: what lowering made, and what the code generator made of that.

use std::fmt::Write;

use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;

use super::{JitError, JitOptions, declare, target};
use crate::lower;
use crate::typed::Program;

/// Cranelift IR of the program's own functions, before optimisation.
///
/// # Errors
/// [`JitError::Host`]
pub fn clif(program: &Program, options: &JitOptions) -> Result<String, JitError> {
    let isa = target(options)?;
    let decls = declare(program, &*isa, options);
    let mut out = String::new();
    for (index, instance) in decls.instances.iter().enumerate().filter(|(_, instance)| !instance.library) {
        let function = lower::function(program, &decls, index as u32).func;
        separate(&mut out);
        // Writing to a string does not fail.
        let _ = write!(out, "; {}\n{}", instance.name, function.display());
    }
    Ok(out)
}

/// Machine code of the program's own functions.
///
/// # Errors
/// [`JitError::Host`], [`JitError::Compile`]
pub fn asm(program: &Program, options: &JitOptions) -> Result<String, JitError> {
    let isa = target(options)?;
    let decls = declare(program, &*isa, options);
    let mut out = String::new();
    let mut context = Context::new();
    for (index, instance) in decls.instances.iter().enumerate().filter(|(_, instance)| !instance.library) {
        context.clear();
        context.set_disasm(true);
        context.func = lower::function(program, &decls, index as u32).func;
        match context.compile(&*isa, &mut ControlPlane::default()) {
            Ok(code) => {
                separate(&mut out);
                let text = code.vcode.as_deref().unwrap_or_default();
                let _ = write!(out, "; {}, {} bytes\n{text}", instance.name, code.buffer.data().len());
            }
            Err(error) => {
                let reason = error.inner.to_string();
                return Err(JitError::Compile { function: index as u32, reason });
            }
        }
    }
    Ok(out)
}

/// An empty line between functions.
fn separate(out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
}
