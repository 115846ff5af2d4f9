//! What becomes of an input: its syntax tree, Cranelift's code, machine code.

use std::sync::Arc;

use vex_syntax::Diagnostic;
use vex_syntax::ast_print::print_ast;

use super::input::Source;
use super::instances::NotCompiled;
use super::{Reply, Session};
use crate::check::CheckedInput;
use crate::jit::{self, JitError, SessionCode};

/// A stage whose code can be shown.
type Emit = fn(&crate::typed::Program, &jit::JitOptions, &dyn Fn(&str) -> bool) -> Result<String, JitError>;

/// What a command about code is about.
struct Subject {
    text: String,
    /// Only this function's code is wanted.
    function: Option<String>,
    spelling: vex_syntax::Spelling,
}

impl Session {
    /// `:ast`
    pub(super) fn show_ast(&mut self, args: &str) -> Reply {
        let Some(subject) = self.subject(args) else { return self.reply(false, false) };
        let name = "<command>".into();
        let source = Source { name, path: None, spelling: subject.spelling, text: &subject.text };
        let Some(file) = self.add_source(&source) else { return self.reply(false, false) };
        let file = self.sources.file(file);
        let (unit, errors) = vex_syntax::parse::parse_file(&file.text, file.base, file.spelling);
        self.say(&print_ast(&unit, None));
        let ok = !crate::driver::has_errors(&errors);
        self.diagnostics(&errors);
        self.reply(ok, false)
    }

    /// `:clif`
    pub(super) fn show_clif(&mut self, args: &str) -> Reply {
        self.show_code(args, jit::clif_of)
    }

    /// `:asm`
    pub(super) fn show_asm(&mut self, args: &str) -> Reply {
        self.show_code(args, jit::asm_of)
    }

    /// Compiles what is asked for as if it were the next input, shows the code, and forgets it.
    fn show_code(&mut self, args: &str, emit: Emit) -> Reply {
        let Some(subject) = self.subject(args) else { return self.reply(false, false) };
        let spelling = std::mem::replace(&mut self.spelling, subject.spelling);
        let checked = self.try_check(&subject.text);
        self.spelling = spelling;
        let Some(checked) = checked else { return self.reply(false, false) };
        let entry = self.program.functions[self.program.entry.0 as usize].name.clone();
        let only_declares = self.only_declares(&checked);
        let wanted = |name: &str| match &subject.function {
            Some(function) => name == function,
            None => name != entry || !only_declares,
        };
        // A place in the code's memory is not needed for looking at it.
        let mut count = 0;
        let mut name = |_: &mut SessionCode| {
            count += 1;
            Ok(Arc::from(format!("function{count}")))
        };
        let named = self.name_functions(&checked, &mut name);
        let expanded = named.map_err(NotCompiled::from).and_then(|()| self.expanded());
        let text = expanded.and_then(|made| Ok(emit(&made.program, self.code.options(), &wanted)?));
        self.forget(checked);
        match text {
            Ok(text) => {
                self.say(&text);
                self.reply(true, false)
            }
            Err(error) => {
                self.tell(error);
                self.reply(false, false)
            }
        }
    }

    /// Whether an input has no statements, so its entry does nothing.
    fn only_declares(&self, checked: &CheckedInput) -> bool {
        let entry = &self.program.functions[self.program.entry.0 as usize];
        let crate::typed::FunctionBody::Code(body) = &entry.body else { return true };
        let empty = matches!(&body.kind, crate::typed::ExprKind::Block(b) if b.stmts.is_empty());
        empty && self.program.functions.len() > checked.first_func + 1
    }

    /// What the argument of a command means: a function of the session, an input, or without one the last input.
    fn subject(&self, args: &str) -> Option<Subject> {
        if args.is_empty() {
            let Some(last) = self.log.iter().rev().find(|input| input.file.is_some()) else {
                self.error("there is no input yet", Some("give one: `:ast 1 + 2`"));
                return None;
            };
            let spelling = last.file.map_or(self.spelling, |file| self.sources.file(file).spelling);
            return Some(Subject { text: last.text.clone(), function: None, spelling });
        }
        let known = self.env.functions().into_iter().find(|&id| {
            self.program.functions[id.0 as usize].name == args || self.env.function(args) == Some(id)
        });
        if let Some(id) = known
            && let Some(written) = self.declaration(self.env.head(id).0)
        {
            let function = Some(self.program.functions[id.0 as usize].name.clone());
            return Some(Subject { text: written.text, function, spelling: written.spelling });
        }
        Some(Subject { text: args.to_string(), function: None, spelling: self.spelling })
    }

    /// Checks a text as the next input; reports what is wrong with it. Whoever gets it forgets or runs it.
    pub(super) fn try_check(&mut self, text: &str) -> Option<CheckedInput> {
        match self.check_aside(text) {
            Ok(checked) => Some(checked),
            Err(diagnostics) => {
                self.diagnostics(&diagnostics);
                None
            }
        }
    }

    /// Checks a text as the next input. Whoever gets it forgets or runs it.
    ///
    /// # Errors
    /// What is wrong with it; nothing when that was reported already.
    pub(super) fn check_aside(&mut self, text: &str) -> Result<CheckedInput, Vec<Diagnostic>> {
        let source = Source { name: "<command>".into(), path: None, spelling: self.spelling, text };
        let file = self.add_source(&source).ok_or_else(Vec::new)?;
        self.check(file, None)
    }
}
