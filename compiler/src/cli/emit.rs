//! `vexc emit`.

use std::io::{self, Write};

use vex_syntax::ast_print::{print_ast, print_tokens};

use super::args::{Common, EmitArgs, Stage};
use super::{FAILED, Messages, OK, build, run, tree};
use crate::driver::{Checked, Loaded};
use crate::jit::{self, JitOptions};
use crate::stack::on_deep_stack;
use crate::typed::{Local, Program};

/// Prints a program as it is after a stage.
pub(super) fn emit(args: &EmitArgs, common: &Common, messages: &Messages) -> u8 {
    let text = on_deep_stack(|| match args.stage {
        Stage::Tokens | Stage::Ast => syntax(args, common, messages),
        Stage::Typed | Stage::Clif | Stage::Asm => code(args, common, messages),
    });
    match text {
        Err(status) => status,
        Ok(text) => match io::stdout().lock().write_all(text.as_bytes()) {
            Ok(()) => OK,
            Err(error) => messages.fail(FAILED, &format!("cannot write to standard output: {error}")),
        },
    }
}

/// The stages that exist also for programs with errors, as far as they go.
fn syntax(args: &EmitArgs, common: &Common, messages: &Messages) -> Result<String, u8> {
    let Loaded { sources, modules, diagnostics, .. } = build::load(&args.file, common.spelling, messages)?;
    let main = modules.module(modules.main());
    let text = match args.stage {
        Stage::Tokens => print_tokens(sources.file(main.file)),
        _ => print_ast(&main.unit, None),
    };
    if crate::driver::has_errors(&diagnostics) {
        messages.diagnostics(&diagnostics, &sources);
        // What there is of the stage is still what was asked for.
        let _ = io::stdout().lock().write_all(text.as_bytes());
        return Err(FAILED);
    }
    Ok(text)
}

/// The stages that need a program without errors.
fn code(args: &EmitArgs, common: &Common, messages: &Messages) -> Result<String, u8> {
    let Checked { program, .. } = build::check(&args.file, common.spelling, messages)?;
    let Some(program) = program else { return Err(messages.fail(FAILED, "there is nothing to compile")) };
    let options = JitOptions { opt: run::level(args.opt), ..JitOptions::default() };
    let text = match args.stage {
        Stage::Clif => jit::clif(&program, &options),
        Stage::Asm => jit::asm(&program, &options),
        _ => Ok(typed(&program)),
    };
    text.map_err(|error| messages.fail(FAILED, &error.to_string()))
}

/// The program's own functions and globals: types, functions and globals by name, locals by name and number.
fn typed(program: &Program) -> String {
    let shorten = |name: &str, part: &str, locals: &[Local]| -> Option<String> {
        let index: usize = part.parse().ok()?;
        match name {
            "Ty" => Some(program.types.display(program.types.all().nth(index)?)),
            "FuncId" => Some(program.functions.get(index)?.name.clone()),
            "GlobalId" => Some(program.globals.get(index)?.name.to_string()),
            "LocalId" => Some(format!("{}#{index}", locals.get(index)?.name)),
            _ => None,
        }
    };
    let mut out = String::new();
    for global in &program.globals {
        out.push_str(&tree::print(&format!("{global:?}"), &|name, part| shorten(name, part, &[])));
    }
    for function in program.functions.iter().filter(|function| !function.library) {
        let of_function = |name: &str, part: &str| shorten(name, part, &function.locals);
        out.push_str(&tree::print(&format!("{function:?}"), &of_function));
    }
    out
}
