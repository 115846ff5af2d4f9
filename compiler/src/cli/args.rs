//! The command line as types: one definition feeds parsing, help, completions
//! and the manual page.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use vex_runtime::process::{Choice, SelectError};
use vex_syntax::Spelling;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "vexc",
    bin_name = "vexc",
    version,
    about = "Runs programs of the Vex language: compiled in memory, on an allocator family of its own",
    after_help = "Examples:
  vexc run hello.vx             compile and run a program
  vexc check src/*.vx           look for mistakes without running
  vexc explain E0301            what an error means, with examples
  vexc repl                     try things out
  vexc new hello                start a project
  vexc doc std/allocator        what a module offers
  echo 'println(6 * 7)' | vexc run -

Programs are written in one of three spellings, told apart by the file's name:
Vex (.vx), VERA (.vera) and Vais (.vais). They can import each other.

`vexc help COMMAND` shows the options of a command.",
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = false,
    infer_subcommands = false
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// Options every command takes.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// Colours: auto (as the terminal and NO_COLOR say), always, never
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        global = true,
        help_heading = "Common options"
    )]
    pub color: ColorWhen,
    /// Errors: human (for people), json (one object a line)
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        hide_possible_values = true,
        global = true,
        help_heading = "Common options"
    )]
    pub message_format: MessageFormat,
    /// Read files as vex, vera or vais, whatever their names say
    #[arg(long, value_name = "SPELLING", value_parser = parse_spelling, global = true, help_heading = "Common options")]
    pub spelling: Option<Spelling>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compile a program and run it
    Run(RunArgs),
    /// Look for mistakes without running; prints warnings too
    Check(CheckArgs),
    /// Run programs and compare them with what they should print
    Test(TestArgs),
    /// Format programs, all in one style
    Fmt(FmtArgs),
    /// Write a program in another spelling
    Translate(TranslateArgs),
    /// Show what the compiler makes of a program
    Emit(EmitArgs),
    /// Explain an error code
    Explain(ExplainArgs),
    /// Try things out: an interactive session
    Repl(ReplArgs),
    /// Show the documentation of modules, or make pages of it
    Doc(DocArgs),
    /// Start a project: a program, a module and a test
    New(NewArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    #[command(hide = true)]
    Man,
}

/// `vexc run`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vexc run hello.vx
  vexc run wc.vx -- --lines notes.txt       the program sees --lines notes.txt
  vexc run --heap-report tree.vx            what was allocated, and on which line
  vexc run --allocator bump:64M tree.vx     the same program on a bump allocator
  vexc run --checked tree.vx                stop at the first memory error
  vexc run --checked --keep-going --leaks none tree.vx

A program may start with a line such as `#!/usr/bin/env -S vexc run`.

Exit status: the program's own; 1 it did not compile; 2 wrong usage; 99 --checked
found a memory error or a leak; 101 it panicked or trapped; 130 it was interrupted
by Ctrl-C; 70 vexc itself failed.")]
pub struct RunArgs {
    /// The program; `-` reads it from standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: PathBuf,
    /// What the program sees as its arguments; those with dashes go after `--`
    #[arg(value_name = "ARGS")]
    pub args: Vec<OsString>,
    /// Allocate from: heap, system; bump, freelist, stack, kmem with a size
    #[arg(long, value_name = "NAME[:SIZE]", value_parser = Choice::parse, default_value = "heap", hide_default_value = true)]
    pub allocator: Choice,
    /// Optimise: speed (of the program), none (compile as fast as possible)
    #[arg(long, value_name = "LEVEL", default_value = "speed", hide_possible_values = true)]
    pub opt: Opt,
    /// Print how long each phase took
    #[arg(long)]
    pub time: bool,
    /// At exit, print what was allocated, freed and held, by allocator and line
    #[arg(long)]
    pub heap_report: bool,
    /// Find every memory error and leak while the program runs
    #[arg(long)]
    pub checked: bool,
    /// With --checked: go on after an error, and report each different one once
    #[arg(long, requires = "checked")]
    pub keep_going: bool,
    /// With --checked, leaks to report: all, lost (that no variable leads to), none
    #[arg(
        long,
        value_name = "WHICH",
        requires = "checked",
        default_value = "all",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub leaks: Leaks,
}

/// `vexc check`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vexc check hello.vx
  vexc check --message-format json src/*.vx

Exit status: 0 all files compile, with or without warnings; 1 one does not.")]
pub struct CheckArgs {
    /// The programs or modules; `-` reads standard input
    #[arg(value_name = "FILE", required = true, value_hint = clap::ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
}

/// `vexc test`.
#[derive(Args, Debug)]
#[command(after_help = "Each program runs in a process of its own, in the folder it lies in. It passes
when it exits with 0 and prints what the file NAME.out beside it holds (and
NAME.err, for standard error). NAME.in is its standard input.
Comments at line starts ask for something else:

  //@ exit: 3              this exit status
  //@ args: one \"two 2\"    arguments of the program
  //@ flags: --opt none    options of `vexc run`
  //@ error: E0301         it does not compile, and exactly these codes say why
  //@ defect: double-free 9 freed 7
                           `--checked` reports this, at these lines, no more
  //@ stderr: TEXT         TEXT must appear on standard error
  //@ timeout: 5           seconds; 60 otherwise
  //@ skip: WHY            do not run it

In .vais files `#@` does the same. Examples:

  vexc test examples
  vexc test tests --filter arena --bless    accept what they print now
  vexc test --checked examples              and they have no memory errors

Exit status: 0 all passed; 1 one failed; 2 wrong usage, or nothing to run.")]
pub struct TestArgs {
    /// Programs, or folders of programs
    #[arg(value_name = "PATH", required = true, value_hint = clap::ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Run all of them with --checked
    #[arg(long)]
    pub checked: bool,
    /// Write what the programs print into their .out and existing .err files
    #[arg(long)]
    pub bless: bool,
    /// Only programs whose path contains this
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// How many programs run at once; as many as there are processors otherwise
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
}

/// `vexc fmt`.
#[derive(Args, Debug)]
#[command(after_help = "Files are formatted in place, each in its own spelling; what is read from standard
input is printed. Comments stay, and so does the meaning: one that does not parse
is left as it is. There is one style, and nothing to set.

Examples:
  vexc fmt hello.vx
  vexc fmt examples stdlib           all programs in these folders
  vexc fmt --check src               list what would change
  vexc fmt --spelling vais - < a.txt

Exit status: 0 all is formatted; 1 a file does not parse or cannot be written,
or with --check would change; 2 wrong usage.")]
pub struct FmtArgs {
    /// Programs, or folders of programs; `-` reads standard input
    #[arg(value_name = "PATH", required = true, value_hint = clap::ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Change nothing, list the files that are not formatted
    #[arg(long)]
    pub check: bool,
}

/// `vexc translate`.
#[derive(Args, Debug)]
#[command(after_help = "The translation prints what the program prints. It is formatted, keeps the comments,
and writes out what the other spelling would take differently: `unsafe` blocks,
mutable bindings, conditions, how a boolean is printed. Modules that the program
imports stay as they are, for they can be of any spelling.

Examples:
  vexc translate --to vais hello.vx
  vexc translate --to vex shapes.vera -o shapes.vx

Exit status: 0 it is translated; 1 it does not compile, or there is no form for
something in it; 2 wrong usage.")]
pub struct TranslateArgs {
    /// The new spelling: vex, vera or vais
    #[arg(long, value_name = "SPELLING", value_parser = parse_spelling)]
    pub to: Spelling,
    /// The program or module; `-` reads it from standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: PathBuf,
    /// Write it to this file instead of printing it
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

/// `vexc emit`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vexc emit --stage ast hello.vx
  vexc emit --stage clif hello.vx      Cranelift's intermediate representation
  vexc emit --stage asm hello.vx       machine code, as text")]
pub struct EmitArgs {
    /// Which form to print
    #[arg(long, value_name = "STAGE")]
    pub stage: Stage,
    /// The program; `-` reads it from standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub file: PathBuf,
    /// Optimise: speed (of the program), none (compile as fast as possible)
    #[arg(long, value_name = "LEVEL", default_value = "speed", hide_possible_values = true)]
    pub opt: Opt,
}

/// `vexc explain`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vexc explain E0301
  vexc explain             lists all codes")]
pub struct ExplainArgs {
    /// The code, as errors show it in brackets
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// `vexc repl`.
#[derive(Args, Debug)]
#[command(after_help = "Declarations, statements and expressions are run as they are entered, and the value
of an expression is shown. `:help` lists the commands of a session. Inputs are
remembered in $VEXC_HISTORY, else in vexc/history where the system keeps state.

Examples:
  vexc repl
  vexc repl --spelling vera shapes.vera     with the declarations of a file
  vexc repl < script.vx                     no prompts; the rest runs after a failure
  vexc repl --transcript < script.vx        each input above what it does

Exit status: that of `:quit`; 1 an input failed that came from no terminal; 2
wrong usage; 130 a session without a terminal was interrupted by Ctrl-C.")]
pub struct ReplArgs {
    /// Files to load first
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Stop programs that use more memory than this, such as 512M; half of the
    /// machine's otherwise
    #[arg(long, value_name = "SIZE", value_parser = parse_limit)]
    pub memory_limit: Option<u64>,
    /// Optimise: none (answer as fast as possible), speed (of what is entered)
    #[arg(long, value_name = "LEVEL", default_value = "none", hide_possible_values = true)]
    pub opt: Opt,
    /// Find memory errors of what is entered
    #[arg(long)]
    pub checked: bool,
    /// Neither read nor write the file of earlier inputs
    #[arg(long)]
    pub no_history: bool,
    /// Start without a greeting
    #[arg(short, long)]
    pub quiet: bool,
    /// Without a terminal: show prompts and inputs too, so that the output reads
    /// like a recorded session
    #[arg(long)]
    pub transcript: bool,
}

/// `vexc doc`.
#[derive(Args, Debug)]
#[command(after_help = "Documentation is written in `///` comments before declarations, and at the start
of a file for the module itself. Names in brackets become links: [Vec.push].

Examples:
  vexc doc                                the library's modules
  vexc doc std/allocator                  everything a module declares
  vexc doc std/allocator BumpAllocator    a type and its methods
  vexc doc std/kmem kmem_release          one function
  vexc doc shapes.vx Circle.area          of a file of your own
  vexc doc --html site                    pages of the whole library
  vexc doc --html site shapes.vx          pages of your own modules

Exit status: 0 shown or written; 1 there is no such module or item, or a file
cannot be read, parsed or written; 2 wrong usage.")]
pub struct DocArgs {
    /// Modules of the library, or files; each may be followed by items of it
    #[arg(value_name = "MODULE|FILE [ITEM]", value_hint = clap::ValueHint::FilePath)]
    pub names: Vec<String>,
    /// Write pages into this folder: a new or empty one, or one of earlier pages
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub html: Option<PathBuf>,
}

/// `vexc new`.
#[derive(Args, Debug)]
#[command(after_help = "The folder gets a program, a module that it imports, a test of the module with
what it should print, and a README. `--spelling` says how they are written.

Examples:
  vexc new hello
  vexc new hello --spelling vais

Exit status: 0 made; 1 the folder exists or cannot be made; 2 the name is none.")]
pub struct NewArgs {
    /// The project's name, which its folder gets: letters, digits, `-` and `_`
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// `vexc completions`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  vexc completions bash > ~/.local/share/bash-completion/completions/vexc")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// When the stream is a terminal and nothing in the environment objects
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How diagnostics are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MessageFormat {
    /// Source excerpts, for people
    Human,
    /// One JSON object a line
    Json,
}

/// Which leaks are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Leaks {
    /// Every block that was not freed
    All,
    /// Those that no variable leads to
    Lost,
    /// None
    None,
}

/// How much the code generator optimises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Opt {
    /// Compile as fast as possible
    None,
    /// Make the program fast
    Speed,
}

/// What `vexc emit` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// Words and signs, with their places
    Tokens,
    /// The syntax tree
    Ast,
    /// The program with all names and types resolved
    Typed,
    /// Cranelift's intermediate representation
    Clif,
    /// Machine code, as text
    Asm,
}

/// The spelling with this name.
fn parse_spelling(name: &str) -> Result<Spelling, String> {
    let found = Spelling::ALL.into_iter().find(|s| s.name() == name || s.extension() == name);
    found.ok_or_else(|| "the spellings are vex, vera and vais".into())
}

/// A size in bytes, as `--allocator` takes it.
fn parse_limit(text: &str) -> Result<u64, SelectError> {
    let size = vex_runtime::process::parse_size(text).ok_or_else(|| SelectError::BadSize(text.into()))?;
    Ok(size as u64)
}
