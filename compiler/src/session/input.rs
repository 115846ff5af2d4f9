//! One input: parsed, checked, compiled, run, its value shown.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vex_runtime::builtins::stream;
use vex_runtime::report;
use vex_syntax::{Diagnostic, FileId, Severity, SourceMap, Span, Spelling, Symbol};

use super::show::{self, Limits, Names};
use super::{Accepted, Reply, Session};
use crate::check::{self, CheckedInput, Environment, Shown};
use crate::driver::{Phases, has_errors};
use crate::jit::{self, Input, JitError, Outcome, RunOptions, SessionCode};
use crate::typed::{Expr, ExprKind, FuncId, FunctionBody, GlobalId, Lifetime};
use crate::types::Ty;

/// An input's source.
pub(super) struct Source<'a> {
    /// The name shown in messages.
    pub name: String,
    /// The file it is from, if it is from one.
    pub path: Option<&'a Path>,
    /// How it is written.
    pub spelling: Spelling,
    /// Its text.
    pub text: &'a str,
}

/// Names functions by their addresses.
pub(super) struct FunctionNames<'a>(pub &'a SessionCode, pub &'a SourceMap);

impl Names for FunctionNames<'_> {
    fn function(&self, address: usize) -> Option<String> {
        self.0.function_at(address).map(str::to_string)
    }

    fn is_library(&self, span: Span) -> bool {
        self.1.locate(span.lo).is_some_and(|(file, _)| file.library)
    }
}

impl Session {
    /// Takes what was typed.
    pub(super) fn input(&mut self, text: &str) -> Reply {
        let source = Source { name: self.next_name(), path: None, spelling: self.spelling, text };
        self.run_source(source, text)
    }

    /// The name of the next input's source.
    pub(super) fn next_name(&mut self) -> String {
        self.count += 1;
        format!("<{}>", self.count)
    }

    /// Checks, compiles and runs a source; `fed` is what has to be fed to do it again.
    pub(super) fn run_source(&mut self, source: Source<'_>, fed: &str) -> Reply {
        let Some(file) = self.add_source(&source) else { return self.reply(false, false) };
        let mut phases = Phases::default();
        let checked = match phases.time("check", || self.check(file, source.path)) {
            Ok(checked) => checked,
            Err(diagnostics) => {
                self.diagnostics(&diagnostics);
                return self.reply(false, false);
            }
        };
        self.diagnostics(&checked.warnings);
        let compiled = phases.time("compile", || self.compile_or_tell(checked));
        let Some((checked, input)) = compiled else { return self.reply(false, false) };
        self.keep(&checked, &input);
        let entry = self.program.entry;
        let again = self.refresh(&checked);
        self.program.entry = entry;
        let finished = phases.time("run", || self.execute(&input));
        self.phases = Some(phases);
        let ok = finished == Finished::Well;
        self.settle(&checked, ok);
        let mut accepted = Accepted {
            text: fed.to_string(),
            file: Some(file),
            shown: None,
            failed: !ok,
            unsafe_on: self.unsafe_on,
            again,
        };
        if let (true, Some(shown)) = (ok, checked.shown) {
            let open = if stream::at_line_start() { "" } else { "\n" };
            self.show_result(&shown);
            accepted.shown = Some((format!("{open}{}", self.show_type(shown.ty)), shown.borrowed));
        }
        // What never ended by itself is not run again.
        let keep = finished != Finished::Stopped;
        if keep {
            self.log.push(accepted);
        }
        let mut reply = self.reply(ok, keep);
        if let Finished::Exit(status) = finished {
            reply.next = super::Next::Quit(status);
            (reply.ok, reply.keep) = (true, false);
        }
        reply
    }

    /// Runs a text that leaves no trace in the session but what its code does: no name, no value to show, no entry in
    /// the log. How long it ran, and the value it ends with; `None` after reporting why not.
    pub(super) fn run_aside(&mut self, text: &str) -> Option<(Duration, Option<Shown>)> {
        let checked = self.try_check(text)?;
        let (checked, input) = self.compile_or_tell(checked)?;
        self.keep(&checked, &input);
        let start = Instant::now();
        let finished = self.execute(&input);
        let taken = start.elapsed();
        self.settle(&checked, finished == Finished::Well);
        for index in checked.first_global..self.program.globals.len() {
            let name = self.program.globals[index].name;
            self.env.restore_name(name, &checked.saved);
        }
        if let Finished::Exit(_) = finished {
            self.error("it asked to exit, which ends no session from here", None);
        }
        (finished == Finished::Well).then_some((taken, checked.shown))
    }

    /// Compiles a checked input; `None` after reporting why not, and then it is forgotten.
    pub(super) fn compile_or_tell(&mut self, checked: CheckedInput) -> Option<(CheckedInput, Input)> {
        match self.compile(&checked) {
            Ok(input) => Some((checked, input)),
            Err(error) => {
                self.tell(error);
                self.forget(checked);
                None
            }
        }
    }

    /// Adds a source to the map, or reports that there is no room.
    pub(super) fn add_source(&mut self, source: &Source<'_>) -> Option<FileId> {
        let added = self.sources.add(source.name.clone(), source.path, source.spelling, source.text, false);
        if added.is_err() {
            self.error("the session's sources are larger than 4 GiB", Some("`:reset` starts again"));
        }
        added.ok()
    }

    /// Parses and checks a source against the session.
    ///
    /// # Errors
    /// What is wrong with it; then nothing has changed.
    pub(super) fn check(
        &mut self,
        file: FileId,
        path: Option<&Path>,
    ) -> Result<CheckedInput, Vec<Diagnostic>> {
        let mut diagnostics = Vec::new();
        let modules = self.loaded.modules.len().max(1);
        let folder = path.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(&self.options.folder).to_path_buf();
        self.loaded.input(file, &folder, &mut self.sources, &mut diagnostics);
        if has_errors(&diagnostics) {
            self.loaded.truncate(modules);
            self.loaded.forget_trees();
            return Err(diagnostics);
        }
        let exists = |symbol: &str| jit::resolve_symbol(symbol, false).is_some();
        self.env.unsafe_on = self.unsafe_on;
        let checked = self.env.check(&mut self.program, &self.loaded, &self.sources, &exists);
        self.loaded.forget_trees();
        match checked {
            Ok(mut checked) => {
                diagnostics.append(&mut checked.warnings);
                checked.warnings = diagnostics;
                Ok(checked)
            }
            Err(more) => {
                self.loaded.truncate(modules);
                diagnostics.extend(more);
                // Warnings are about the parts that are right; the errors come first.
                diagnostics.retain(|d| d.severity == Severity::Error);
                Err(diagnostics)
            }
        }
    }

    /// Undoes what [`Session::check`] did.
    pub(super) fn forget(&mut self, checked: CheckedInput) {
        self.loaded.truncate(Environment::modules_before(&checked.saved));
        self.env.undo(checked.saved, &mut self.program);
    }

    /// Gives the functions of an input the symbols of those they replace, or new ones.
    pub(super) fn name_functions(
        &mut self,
        checked: &CheckedInput,
        mut make: impl FnMut(&mut SessionCode) -> Result<Arc<str>, JitError>,
    ) -> Result<(), JitError> {
        let closures = self.closures();
        for index in checked.first_func..self.program.functions.len() {
            let function = &self.program.functions[index];
            let is_entry = self.program.entry.0 as usize == index;
            let is_code = matches!(function.body, FunctionBody::Code(_));
            // What stands for many functions has no code of its own, and closures are part of those around them.
            let is_part = function.generics > 0 || closures.contains(&FuncId(index as u32));
            if is_entry || function.library || is_part || !is_code {
                continue;
            }
            let replaced = checked.replaced.iter().find(|(_, new)| new.0 as usize == index);
            let known = replaced.and_then(|(old, _)| self.program.functions[old.0 as usize].via.clone());
            let symbol = match known {
                Some(symbol) => symbol,
                None => make(&mut self.code)?,
            };
            self.program.functions[index].via = Some(symbol);
        }
        Ok(())
    }

    /// Keeps what the rest of the session needs of a compiled input.
    pub(super) fn keep(&mut self, checked: &CheckedInput, input: &Input) {
        for (id, placed) in &input.globals {
            self.program.globals[id.0 as usize].at = Some(placed.clone());
            if self.program.types.needs_drop(self.program.globals[id.0 as usize].ty) {
                self.owners.push(*id);
            }
        }
        for index in checked.first_global..self.program.globals.len() {
            self.complete_type(self.program.globals[index].ty);
        }
        let entry = self.program.entry.0 as usize;
        for index in checked.first_func..self.program.functions.len() {
            let used = if index == entry { Vec::new() } else { self.used_variables(FuncId(index as u32)) };
            if !used.is_empty() {
                self.uses.insert(FuncId(index as u32), used);
            }
        }
        self.keep_bodies();
        for (index, function) in self.program.functions.iter_mut().enumerate().skip(checked.first_func) {
            check::seal(function);
            if index == entry {
                function.body = FunctionBody::Elsewhere;
                function.locals = Vec::new();
            }
        }
    }

    fn run_options(&self) -> RunOptions {
        RunOptions { recover: true, color: self.options.color_errors, ..RunOptions::default() }
    }

    /// Runs a compiled input and says how it failed if it did.
    pub(super) fn execute(&mut self, input: &Input) -> Finished {
        self.before = Some(report::mark());
        self.expect_defects();
        let options = self.run_options();
        let outcome = self.code.run(input, &self.sources, &options);
        stream::flush_all();
        match outcome {
            Ok(Outcome::Returned(_)) => Finished::Well,
            Ok(Outcome::Failed(text)) => {
                self.fresh_line();
                self.complain(&text);
                Finished::Badly
            }
            Ok(Outcome::Exited(status)) => Finished::Exit(status as u8),
            Ok(Outcome::Interrupted) => {
                if self.options.interactive {
                    // The terminal shows what was pressed.
                    stream::note_written(b"^C");
                }
                self.fresh_line();
                self.complain("stopped by Ctrl-C; what it did until then stays\n");
                Finished::Stopped
            }
            Err(error) => {
                self.error(&error.to_string(), None);
                Finished::Badly
            }
        }
    }

    /// After an input has run: variables that got no value keep their earlier meaning, and those that lost theirs are
    /// known to have.
    pub(super) fn settle(&mut self, checked: &CheckedInput, ok: bool) {
        if !ok {
            for index in checked.first_global..self.program.globals.len() {
                let id = GlobalId(index as u32);
                let name = self.program.globals[index].name;
                if !self.holds_value(id) && self.env.variable(name.as_str()) == Some(id) {
                    self.env.restore_name(name, &checked.saved);
                }
            }
            if let Some(shown) = checked.shown
                && self.env.variable("_") == Some(shown.global)
            {
                self.env.restore_name(Symbol::new("_"), &checked.saved);
            }
        }
        for index in 0..self.owners.len() {
            let id = self.owners[index];
            if self.holds_value(id) {
                self.env.gone.remove(&id);
            } else {
                // Whatever of the input it was that took it.
                let span = self.program.functions[self.program.entry.0 as usize].span;
                self.env.gone.entry(id).or_insert(span);
            }
        }
    }

    /// Whether a variable holds a value now.
    pub(super) fn holds_value(&self, id: GlobalId) -> bool {
        let placed = self.program.globals[id.0 as usize].at.as_ref();
        let flag = placed.and_then(|placed| self.code.variable(&placed.flag));
        // SAFETY: a byte of the session's memory, which lives as long as the session; no program is running.
        flag.is_some_and(|flag| unsafe { flag.read_volatile() } != 0)
    }

    /// Type and address of a variable's value.
    pub(super) fn value_of(&self, id: GlobalId) -> Option<(Ty, usize)> {
        let global = &self.program.globals[id.0 as usize];
        let placed = global.at.as_ref()?;
        Some((global.ty, self.code.variable(&placed.value)?.addr()))
    }

    /// The text of a value in memory.
    pub(super) fn text_of(&self, ty: Ty, address: usize, limits: &Limits) -> String {
        let limits = Limits { bools_as_ints: self.spelling == Spelling::Vais, ..*limits };
        show::value(&self.program.types, ty, address, &limits, &FunctionNames(&self.code, &self.sources))
    }

    /// Shows the value of an input: by the program's own function, if it has one for that.
    fn show_result(&mut self, shown: &Shown) {
        if !self.shows_itself(shown.ty) {
            return self.show(shown);
        }
        let ty = self.paint("36", &self.show_type(shown.ty));
        self.fresh_line();
        self.say(&format!(": {ty} = "));
        let before = self.before;
        self.run_aside("print(\"{:?}\", _)");
        self.before = before;
        self.fresh_line();
    }

    /// Shows the value of an input.
    fn show(&self, shown: &Shown) {
        let Some((ty, address)) = self.value_of(shown.global) else { return };
        // What is only referred to prints like the value itself.
        let text = self.text_of(ty, address, &Limits::default());
        self.fresh_line();
        let ty = self.paint("36", &self.show_type(shown.ty));
        self.say_line(format_args!(": {ty} = {text}"));
    }

    /// Ends the session: drops the values that its variables hold, last first. Whether that went well.
    pub(super) fn close(&mut self) -> bool {
        if std::mem::replace(&mut self.closed, true) {
            return true;
        }
        let held: Vec<GlobalId> = self.owners.iter().copied().filter(|&id| self.holds_value(id)).collect();
        let well = held.is_empty() || self.drop_values(held) != Finished::Badly;
        stream::flush_all();
        well
    }

    fn drop_values(&mut self, held: Vec<GlobalId>) -> Finished {
        let span = vex_syntax::Span::NONE;
        let body = Expr {
            kind: ExprKind::Block(crate::typed::Block { stmts: Vec::new(), value: None }),
            ty: Ty::UNIT,
            span,
        };
        let entry = FuncId(self.program.functions.len() as u32);
        self.program.functions.push(crate::typed::Function {
            name: "end".into(),
            span,
            generics: 0,
            callables: 0,
            owner: None,
            params: Vec::new(),
            locals: Vec::new(),
            ret: Ty::UNIT,
            body: FunctionBody::Code(body),
            library: false,
            via: None,
        });
        self.program.entry = entry;
        self.program.lifetime = Lifetime::End(held);
        match self.add_code() {
            Ok((input, _)) => self.execute(&input),
            Err(error) => {
                self.tell(error);
                Finished::Badly
            }
        }
    }
}

/// How an input ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finished {
    Well,
    Badly,
    /// By Ctrl-C.
    Stopped,
    Exit(u8),
}
