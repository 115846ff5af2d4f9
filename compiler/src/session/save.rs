//! A session as one program: the text of a script that does what the session's inputs did, and prints what it printed.
//!
//! A session may declare a name again, a script may not. So everything that is declared gets a name of its own: the last
//! one keeps the name it was given, earlier ones get a number (`size_1`), and every use is changed to the name that the
//! declaration it meant got. A function that was declared again with the same types was *replaced*, for those who
//! called it earlier, too. In the script all its bodies stand side by side, under numbered names, and a function with
//! the name that was given calls the one that was current at this point; see [`replace`].
//!
//! The inputs' text is changed in place, so layout and comments survive.

mod names;
mod print;
mod replace;
mod resolve;
#[cfg(test)]
mod tests;
mod unsafety;
mod walk;

use std::fmt;

use rustc_hash::{FxHashMap, FxHashSet};
use vex_syntax::token::Token;
use vex_syntax::{Diagnostic, Spelling, Symbol, ast, parse_file, spelling_table};

use names::{Names, SlotId};
use print::{Form, Layout, Printer};
use replace::Group;
use resolve::Resolver;

/// An input of a session that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedInput {
    /// Its text.
    pub text: String,
    /// The spelling it was read in.
    pub spelling: Spelling,
    /// What the session showed of the value of its last expression, if it did.
    pub show: Option<Shown>,
    /// Whether unsafe operations needed no `unsafe` in it.
    pub unsafe_on: bool,
    /// Variables that its functions mean although later declarations hide them: the name, and the index of the input
    /// that declared it.
    pub earlier: Vec<(Symbol, usize)>,
}

/// How a value was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its type, as it was shown; after a `\n` where the program had left a line open.
    pub ty: String,
    /// Whether the session took the value. If not, the expression is a place whose value must stay there, and the
    /// session only refers to it.
    pub moved: bool,
}

/// Why a session cannot be saved as one program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveError {
    /// Nothing was put in.
    Empty,
    /// The inputs are of several spellings, and a file has one: the first two.
    Spellings(Spelling, Spelling),
    /// The input with this index does not parse.
    Syntax(usize, String),
    /// A method was declared again with other types. Which of them a call means depends on the type of what it is called
    /// on, and the text does not tell.
    Method(String),
    /// A C function was declared again with other types; it has one name only.
    Extern(String),
    /// A `drop` that stands in an implementation of a contract was declared again.
    Contract(String),
    /// The input with this index leaves early or defers something, and declares something, too. A script would end there
    /// as a whole.
    Leaves(usize),
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SaveError::Empty => write!(f, "there is nothing to save yet"),
            SaveError::Spellings(first, second) => write!(
                f,
                "the session has inputs for .{} and for .{}; a program has one spelling",
                first.extension(),
                second.extension()
            ),
            SaveError::Syntax(input, message) => write!(f, "input {}: {message}", input + 1),
            SaveError::Method(name) => write!(
                f,
                "the method `{name}` was declared with other types later; in a program it can have one type only"
            ),
            SaveError::Extern(name) => {
                write!(f, "the C function `{name}` was declared with other types later")
            }
            SaveError::Contract(name) => {
                write!(f, "the method `{name}` of a contract was declared a second time")
            }
            SaveError::Leaves(input) => write!(
                f,
                "input {} declares something and returns early or defers something; in a program that would concern \
                 all of it",
                input + 1
            ),
        }
    }
}

impl std::error::Error for SaveError {}

/// What becomes of a part of an input's text.
#[derive(Clone, Debug)]
enum Piece {
    /// The name that a declaration got.
    Name(SlotId),
    /// The name of a function's body: this version of this group.
    Body(usize, usize),
    /// The field of a literal `S { x }`: `x: ` and the name of the value.
    Field(SlotId),
    /// This text.
    Text(String),
}

/// A change to an input's text; `lo..hi` in bytes.
#[derive(Clone, Debug)]
struct Edit {
    lo: usize,
    hi: usize,
    piece: Piece,
}

/// A value that was shown.
#[derive(Debug)]
struct Kept {
    /// The name it is kept under.
    slot: SlotId,
    /// Its type, as it was shown.
    ty: String,
    form: Form,
}

/// An input after its names were resolved.
#[derive(Debug)]
struct Resolved {
    edits: Vec<Edit>,
    /// The value of its last expression.
    shown: Option<Kept>,
    /// The name of the function around its statements, where they need one.
    wrap: Option<SlotId>,
    /// The groups of functions of which it declares one.
    declares: Vec<usize>,
    /// The functions that it replaces: group, and the new version.
    replaces: Vec<(usize, usize)>,
}

/// The program that does what the inputs did, in their spelling. It is a script, which `vexc run` accepts, provided
/// that it finds the modules it imports.
///
/// The inputs are those that succeeded, in order. What an input showed is printed in full, as the session would without
/// its limits.
///
/// # Errors
/// See [`SaveError`].
pub fn program(inputs: &[SavedInput]) -> Result<String, SaveError> {
    let Some(first) = inputs.first() else { return Err(SaveError::Empty) };
    let spelling = first.spelling;
    if let Some(other) = inputs.iter().find(|input| input.spelling != spelling) {
        return Err(SaveError::Spellings(spelling, other.spelling));
    }
    let units = parse(inputs)?;
    let mut resolver = Resolver::new(inputs);
    let mut resolved = Vec::with_capacity(inputs.len());
    for (index, unit) in units.iter().enumerate() {
        resolved.push(resolver.input(index, unit)?);
    }
    let names = resolver.names();
    let runs = units.iter().flat_map(|unit| &unit.top).any(|top| matches!(top, ast::Top::Stmt(_)));
    let writer = Writer {
        inputs,
        spelling,
        names,
        groups: &resolver.groups,
        layouts: &resolver.layouts,
        resolved: &resolved,
        printers: FxHashSet::default(),
        out: String::new(),
    };
    Ok(writer.program(&resolver.imports, runs))
}

fn parse(inputs: &[SavedInput]) -> Result<Vec<ast::SourceUnit>, SaveError> {
    let parse = |(index, input): (usize, &SavedInput)| {
        let (unit, diagnostics) = parse_file(&input.text, BASE, input.spelling);
        match diagnostics.into_iter().find(|d: &Diagnostic| d.severity == vex_syntax::Severity::Error) {
            Some(error) => Err(SaveError::Syntax(index, error.title)),
            None => Ok(unit),
        }
    };
    inputs.iter().enumerate().map(parse).collect()
}

/// Position of the first byte of each input.
const BASE: u32 = 1;

/// Puts the program together.
struct Writer<'a> {
    inputs: &'a [SavedInput],
    spelling: Spelling,
    names: Names,
    groups: &'a [Group<'a>],
    layouts: &'a FxHashMap<SlotId, Layout>,
    resolved: &'a [Resolved],
    /// The structures that there are functions to print for.
    printers: FxHashSet<SlotId>,
    out: String,
}

impl Writer<'_> {
    fn program(mut self, imports: &[String], runs: bool) -> String {
        for import in imports {
            self.line(import);
        }
        let groups = self.groups;
        for now in groups.iter().filter_map(|group| group.now) {
            let line = self.binding(&self.names[now], "1", true);
            self.line(&line);
        }
        for index in 0..self.inputs.len() {
            self.input(index);
            for line in replace::contracts(&self, &self.resolved[index].declares, index) {
                self.line(&line);
            }
            for number in &self.resolved[index].declares {
                if let Some(text) = replace::entry(&self, &groups[*number], index) {
                    self.line(&text);
                }
            }
        }
        if !runs {
            // A file without a statement is no program.
            let line = self.binding("_", "()", false);
            self.line(&line);
        }
        self.out
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// A binding at the top level.
    fn binding(&self, name: &str, value: &str, mutable: bool) -> String {
        match self.spelling {
            Spelling::Vais if mutable => format!("{name} := {} {value}", self.word(Token::Mut)),
            Spelling::Vais if name == "_" => format!("{name} = {value}"),
            Spelling::Vais => format!("{name} := {value}"),
            Spelling::Vera if mutable => format!("{} {name} = {value}", self.word(Token::Var)),
            _ => format!("{}{} {name} = {value}", self.word(Token::Let), if mutable { "!" } else { "" }),
        }
    }

    /// How the spelling writes a keyword.
    fn word(&self, token: Token) -> &'static str {
        spelling_table::words_for(token, self.spelling).next().unwrap_or_default()
    }

    fn input(&mut self, index: usize) {
        let resolved = &self.resolved[index];
        for (group, version) in &resolved.replaces {
            if let Some(now) = self.groups[*group].now {
                let line = format!("{} = {}", self.names[now], version + 1);
                self.line(&line);
            }
        }
        let own = replace::own(self.groups, &resolved.declares, index);
        let text = self.edited(index, 0, self.inputs[index].text.len(), &own);
        let text = text.trim_end().trim_start_matches(['\n', '\r']);
        if text.is_empty() {
            return;
        }
        match resolved.wrap {
            Some(wrap) => {
                let name = &self.names[wrap];
                let function = format!("{} {name}() {{\n{text}\n}}\n{name}()", self.word(Token::Fn));
                self.line(&function);
            }
            None => self.line(text),
        }
        if let Some(kept) = &resolved.shown {
            self.show(kept);
        }
    }

    /// Prints a value as the session showed it.
    fn show(&mut self, kept: &Kept) {
        let ty = kept.ty.replace('\\', "\\\\").replace('"', "\\\"").replace('{', "{{").replace('}', "}}");
        let (open, ty) = match ty.strip_prefix('\n') {
            Some(ty) => ("\\n", ty),
            None => ("", &*ty),
        };
        let name = &self.names[kept.slot];
        let mut printer = Printer::new(self, self.printers.clone());
        if !printer.differs(&kept.form) {
            let line = format!("println(\"{open}: {ty} = {{:?}}\", {name})");
            return self.line(&line);
        }
        let (mut lines, mut functions) = (format!("print(\"{open}: {ty} = \")\n"), String::new());
        printer.print(&kept.form, name, 0, &mut lines, &mut functions);
        self.printers = printer.known;
        self.line(&(functions + &lines + "println()"));
    }

    /// The name that the declaration of a function gets.
    fn body(&self, group: &Group<'_>, version: usize) -> &str {
        let version = &group.versions[version];
        &self.names[version.body.unwrap_or(group.entries[version.entry].slot)]
    }

    /// The part `lo..hi` of an input with its edits; those of `also` come first where they overlap.
    fn edited(&self, index: usize, lo: usize, hi: usize, also: &[Edit]) -> String {
        let text = &self.inputs[index].text;
        let inside = |edit: &&Edit| lo <= edit.lo && edit.hi <= hi;
        let mut edits: Vec<&Edit> = also.iter().chain(&self.resolved[index].edits).filter(inside).collect();
        edits.sort_by_key(|edit| (edit.lo, edit.hi));
        let (mut out, mut at) = (String::with_capacity(hi - lo), lo);
        for edit in edits {
            if edit.lo < at {
                continue;
            }
            out.push_str(&text[at..edit.lo]);
            let written = &text[edit.lo..edit.hi];
            match &edit.piece {
                Piece::Name(slot) => out.push_str(&self.names[*slot]),
                Piece::Body(group, version) => out.push_str(self.body(&self.groups[*group], *version)),
                Piece::Field(slot) if self.names[*slot] == written => out.push_str(written),
                Piece::Field(slot) => out.push_str(&format!("{written}: {}", self.names[*slot])),
                Piece::Text(text) => out.push_str(text),
            }
            at = edit.hi;
        }
        out.push_str(&text[at..hi]);
        out
    }
}
