//! Code as text, for `vexc emit` and for tests: what lowering made, and what the code generator made of that.
//!
//! Functions and data are numbers in both; here they get their names back.

use std::fmt::Write;

use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{ExternalName, Function, GlobalValueData, UserExternalName};
use cranelift_codegen::isa::TargetIsa;

use super::{JitError, JitOptions, declare, target};
use crate::lower::{self, Declarations, InstanceDecl, namespace};
use crate::typed::{Global, Program};

/// Cranelift IR of the program's own functions, before optimisation.
///
/// # Errors
/// [`JitError::Host`]
pub fn clif(program: &Program, options: &JitOptions) -> Result<String, JitError> {
    clif_of(program, options, &|_| true)
}

/// As [`clif`], of the functions whose names are `wanted`.
///
/// # Errors
/// [`JitError::Host`]
pub fn clif_of(
    program: &Program,
    options: &JitOptions,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<String, JitError> {
    let isa = target(options)?;
    let decls = declared(program, &*isa, options);
    let mut out = String::new();
    for (index, instance) in own(&decls).filter(|(_, instance)| wanted(&instance.name)) {
        let function = lower::function(program, &decls, index as u32).func;
        separate(&mut out);
        // Writing to a string does not fail.
        let _ = writeln!(out, "; {}", instance.name);
        name_clif(&function, &|name| name_of(name, &decls, program), &mut out);
    }
    Ok(out)
}

/// The declarations, with nothing in them that is another number in each process.
fn declared(program: &Program, isa: &dyn TargetIsa, options: &JitOptions) -> Declarations {
    let mut decls = declare(program, isa, options);
    if let Some(heap) = &mut decls.options.heap {
        heap.map_start = 1 << 40;
    }
    decls
}

/// Machine code of the program's own functions.
///
/// # Errors
/// [`JitError::Host`], [`JitError::Compile`]
pub fn asm(program: &Program, options: &JitOptions) -> Result<String, JitError> {
    asm_of(program, options, &|_| true)
}

/// As [`asm`], of the functions whose names are `wanted`.
///
/// # Errors
/// [`JitError::Host`], [`JitError::Compile`]
pub fn asm_of(
    program: &Program,
    options: &JitOptions,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<String, JitError> {
    let isa = target(options)?;
    let decls = declared(program, &*isa, options);
    let mut out = String::new();
    let mut context = Context::new();
    for (index, instance) in own(&decls).filter(|(_, instance)| wanted(&instance.name)) {
        context.clear();
        context.set_disasm(true);
        context.func = lower::function(program, &decls, index as u32).func;
        let (text, size) = match context.compile(&*isa, &mut ControlPlane::default()) {
            Ok(code) => (code.vcode.clone().unwrap_or_default(), code.buffer.data().len()),
            Err(error) => {
                let reason = error.inner.to_string();
                return Err(JitError::Compile { function: index as u32, reason });
            }
        };
        separate(&mut out);
        let _ = writeln!(out, "; {}, {size} bytes", instance.name);
        name_asm(&text, &context.func, &|name| name_of(name, &decls, program), &mut out);
    }
    Ok(out)
}

/// The functions that are not the library's.
fn own(decls: &Declarations) -> impl Iterator<Item = (usize, &InstanceDecl)> {
    decls.instances.iter().enumerate().filter(|(_, instance)| !instance.library)
}

/// What a number of lowering stands for.
fn name_of(name: &UserExternalName, decls: &Declarations, program: &Program) -> String {
    let index = name.index as usize;
    match name.namespace {
        namespace::INSTANCE => decls.instances[index].name.clone(),
        namespace::SYMBOL => {
            let symbol = &decls.symbols[index].name;
            let function = program.functions.iter().rev().find(|f| f.via.as_deref() == Some(symbol));
            let global = || {
                let is_it = |g: &&Global| g.at.as_ref().is_some_and(|at| *at.value == **symbol);
                program.globals.iter().rev().find(is_it).map(|global| global.name.to_string())
            };
            function.map(|function| function.name.clone()).or_else(global).unwrap_or_else(|| symbol.clone())
        }
        _ => format!("data{index}"),
    }
}

/// Finds the name of a number.
type NameOf<'a> = &'a dyn Fn(&UserExternalName) -> String;

/// Appends the text of a function, with a comment behind each declaration of another function or of data.
fn name_clif(function: &Function, name_of: NameOf<'_>, out: &mut String) {
    let user = |name: &ExternalName| match name {
        ExternalName::User(name) => Some(name_of(&function.params.user_named_funcs()[*name])),
        _ => None,
    };
    let functions = function.dfg.ext_funcs.iter().map(|(id, data)| (id.to_string(), user(&data.name)));
    let globals = function.global_values.iter().map(|(id, data)| match data {
        GlobalValueData::Symbol { name, .. } => (id.to_string(), user(name)),
        _ => (id.to_string(), None),
    });
    let names: Vec<(String, Option<String>)> = functions.chain(globals).collect();
    for line in function.display().to_string().lines() {
        out.push_str(line);
        let declared = line.trim_start().split_once(" = ").map_or("", |(id, _)| id);
        if let Some((_, Some(name))) = names.iter().find(|(id, _)| id == declared) {
            let _ = write!(out, "  ; {name}");
        }
        out.push('\n');
    }
}

/// How the code generator writes a number of [`Function::params`].
const NUMBERED: &str = "userextname";

/// Appends machine code with names in place of numbers.
fn name_asm(text: &str, function: &Function, name_of: NameOf<'_>, out: &mut String) {
    let names: Vec<String> = function.params.user_named_funcs().values().map(name_of).collect();
    let mut parts = text.split(NUMBERED);
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = part.split_at(digits);
        match number.parse::<usize>().ok().and_then(|number| names.get(number)) {
            Some(name) => out.push_str(name),
            None => {
                let _ = write!(out, "{NUMBERED}{number}");
            }
        }
        out.push_str(rest);
    }
}

/// An empty line between functions.
fn separate(out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jit::tests::support::Maker;

    #[test]
    fn numbers_get_their_names_back() {
        let mut maker = Maker::new("");
        maker.function("first", 0, 0, |code| code.int(1));
        maker.function("main", 0, 0, |code| {
            let one = code.call(0, &[]);
            code.call_symbol("labs", &[one])
        });
        let name_of = |name: &UserExternalName| match name.namespace {
            namespace::INSTANCE => maker.instances[name.index as usize].name.clone(),
            _ => maker.symbols[name.index as usize].name.clone(),
        };
        let mut text = String::new();
        name_clif(&maker.functions[1], &name_of, &mut text);
        assert!(text.contains("fn0 = colocated u0:0 sig0  ; first\n"), "{text}");
        assert!(text.contains("fn1 = u1:0 sig1  ; labs\n"), "{text}");
        let (mut text, code) = (String::new(), "  call userextname0\n  load_ext_name userextname1+0, %r10\n");
        name_asm(code, &maker.functions[1], &name_of, &mut text);
        assert_eq!(text, "  call first\n  load_ext_name labs+0, %r10\n");
    }
}
