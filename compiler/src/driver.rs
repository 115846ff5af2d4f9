//! From a source text to a running program, one type a stage: [`Input`], [`Loaded`], [`Checked`], [`Compiled`].
//!
//! Every stage keeps what the next needs and the times taken so far. The work that walks trees happens on a deep
//! stack, which the caller provides (see [`crate::stack`]).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vex_syntax::span::TooMuchSource;
use vex_syntax::translate::Uses;
use vex_syntax::{Diagnostic, Severity, SourceMap, Spelling};

use crate::check::{self, CheckOptions};
use crate::jit::{self, CompiledProgram, JitError, JitOptions};
use crate::loader;
use crate::mono;
use crate::typed::Program;

/// A program's main file, as read.
#[derive(Clone, Debug)]
pub struct Input {
    /// The name shown in messages.
    pub name: String,
    /// Where it was read from; `None` for standard input, whose imports are looked for in the current folder.
    pub path: Option<PathBuf>,
    /// The spelling it is written in.
    pub spelling: Spelling,
    /// The whole text.
    pub text: String,
}

/// How long the phases took, in the order they happened.
#[derive(Clone, Debug, Default)]
pub struct Phases(pub Vec<(&'static str, Duration)>);

impl Phases {
    /// Runs `work` and notes its time.
    pub fn time<T>(&mut self, phase: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.0.push((phase, start.elapsed()));
        result
    }
}

/// A parsed program with the modules it imports.
#[derive(Debug)]
pub struct Loaded {
    /// Every file that was read.
    pub sources: SourceMap,
    /// The trees.
    pub modules: loader::Loaded,
    /// What is wrong with the files' syntax and imports.
    pub diagnostics: Vec<Diagnostic>,
    /// The time taken.
    pub phases: Phases,
}

impl Input {
    /// Parses the program and reads and parses what it imports.
    ///
    /// # Errors
    ///
    /// [`TooMuchSource`]
    pub fn load(self, mut phases: Phases) -> Result<Loaded, TooMuchSource> {
        let root = match self.path.as_deref().and_then(Path::parent) {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let mut sources = SourceMap::new();
        let mut diagnostics = Vec::new();
        let modules = phases.time("lex+parse", || {
            let main = sources.add(self.name, self.path.as_deref(), self.spelling, self.text, false)?;
            Ok(loader::load(main, &root, &mut sources, &mut diagnostics))
        })?;
        Ok(Loaded { sources, modules, diagnostics, phases })
    }
}

/// A program whose meaning is known, or what is wrong with it.
#[derive(Debug)]
pub struct Checked {
    /// Every file that was read.
    pub sources: SourceMap,
    /// The program; `None` when there was an error, or nothing to start.
    pub program: Option<Program>,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// Where defaults of the spellings decide what happens.
    pub uses: Uses,
    /// The time taken.
    pub phases: Phases,
}

impl Loaded {
    /// Checks names, types and ownership. A program with syntax errors is not looked at any further: what it declares
    /// is not known well enough to say more.
    pub fn check(self, options: CheckOptions) -> Checked {
        let Loaded { sources, modules, diagnostics, mut phases } = self;
        if has_errors(&diagnostics) {
            return Checked { sources, program: None, diagnostics, uses: Uses::default(), phases };
        }
        let exists = |symbol: &str| jit::resolve_symbol(symbol, false).is_some();
        let (program, found, uses) = phases.time("check", || {
            let checked = check::check_program(&modules, &sources, options, &exists);
            let mut found = checked.diagnostics;
            let program = checked.program.map(mono::expand).transpose().unwrap_or_else(|endless| {
                found.push(*endless);
                None
            });
            (program, found, checked.uses)
        });
        let mut all = diagnostics;
        all.extend(found);
        Checked { sources, program, diagnostics: all, uses, phases }
    }
}

/// A program in memory, ready to run.
#[derive(Debug)]
pub struct Compiled {
    /// Every file that was read.
    pub sources: SourceMap,
    /// Its code.
    pub code: CompiledProgram,
    /// The time taken.
    pub phases: Phases,
}

impl Checked {
    /// Whether there are errors rather than at most warnings.
    pub fn failed(&self) -> bool {
        has_errors(&self.diagnostics)
    }

    /// Compiles into memory; `None` when there is no program to compile.
    ///
    /// # Errors
    ///
    /// See [`JitError`].
    pub fn compile(self, options: &JitOptions) -> Option<Result<Compiled, JitError>> {
        let Checked { sources, program, mut phases, .. } = self;
        let program = program?;
        let code = phases.time("lower+compile", || jit::compile(&program, options));
        Some(code.map(|code| Compiled { sources, code, phases }))
    }
}

/// Whether one of them is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}
