//! Recorded sessions, `tests/cases/repl/*.session`: inputs and outputs as a user sees them.
//!
//! The lines of a file that start with a prompt are its inputs. They are fed to `vexc repl --transcript` in a folder of
//! its own, and what that prints, on both streams in order, must be the file again. What differs from run to run is
//! left out on both sides ([`normal`]). `VEX_BLESS=1` writes the files (and refuses where `CI` is set); a new one needs
//! its inputs only.
//!
//! A file begins with lines that start with `#`: what it is about, and settings, each on a line.
//!
//! | setting | meaning |
//! | --- | --- |
//! | `# exit: 1` | the exit status; 0 otherwise |
//! | `# flags: --quiet` | options of the command |
//! | `# files: a.vx b.vx` | files of `tests/repl/files` that lie in the session's folder |
//! | `# env: EDITOR=true` | a variable of the environment |

use std::fs;
use std::path::PathBuf;

use vex_tests::{Folder, Run, root};
use vexc::golden::unified;

use super::normal::normal;
use super::repl;

/// A file, read.
#[derive(Debug, Default)]
struct Transcript {
    /// The lines that start with `#`.
    head: String,
    /// What the session prints.
    body: String,
    exit: i32,
    flags: Vec<String>,
    files: Vec<String>,
    env: Vec<(String, String)>,
}

/// Where the transcripts are.
fn folder() -> PathBuf {
    root().join("tests/cases/repl")
}

impl Transcript {
    /// Reads the transcript with this name.
    fn read(name: &str) -> Transcript {
        let path = folder().join(format!("{name}.session"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let end: usize = text.split_inclusive('\n').take_while(|l| l.starts_with('#')).map(str::len).sum();
        let mut transcript =
            Transcript { head: text[..end].into(), body: text[end..].into(), ..Transcript::default() };
        for line in text[..end].lines() {
            let Some((key, value)) = line.trim_start_matches('#').trim().split_once(": ") else { continue };
            let words = || value.split_whitespace().map(str::to_owned);
            match key {
                "exit" => transcript.exit = value.trim().parse().expect("a number after `exit:`"),
                "flags" => transcript.flags.extend(words()),
                "files" => transcript.files.extend(words()),
                "env" => {
                    let (name, value) = value.split_once('=').expect("NAME=VALUE after `env:`");
                    transcript.env.push((name.to_owned(), value.to_owned()));
                }
                prose if prose.contains(|c: char| !c.is_ascii_lowercase()) => {}
                other => panic!("{name}: there is no setting `{other}`"),
            }
        }
        transcript
    }

    /// What was typed.
    fn inputs(&self) -> String {
        self.body.lines().filter_map(typed).map(|line| format!("{line}\n")).collect()
    }

    /// Runs the inputs: exit status and everything printed.
    fn run(&self) -> (i32, String) {
        let folder = Folder::new();
        for file in &self.files {
            let from = root().join("tests/repl/files").join(file);
            folder.file(file, fs::read(&from).unwrap_or_else(|error| panic!("{}: {error}", from.display())));
        }
        let mut run: Run = repl(&folder, &["--transcript"]).args(&self.flags);
        for (name, value) in &self.env {
            run = run.env(name, value);
        }
        let (status, printed) = run.input(self.inputs()).merged();
        let own = folder.path().to_string_lossy().into_owned();
        (status, printed.replace(&own, "FOLDER"))
    }
}

/// The text after the prompt of a line that has one.
fn typed(line: &str) -> Option<&str> {
    ["vex>", "vera>", "vais>", "...>", "....>"].iter().find_map(|prompt| match line.strip_prefix(prompt)? {
        "" => Some(""),
        rest => rest.strip_prefix(' '),
    })
}

/// What a session printed without what differs from run to run. What was typed stays as it is.
fn normal_lines(printed: &str) -> String {
    let lines = printed.split_inclusive('\n');
    lines.map(|line| if typed(line.trim_end()).is_some() { line.to_owned() } else { normal(line) }).collect()
}

/// Runs a transcript again and compares.
fn check(name: &str) {
    let mut transcript = Transcript::read(name);
    let (status, printed) = transcript.run();
    let printed = normal_lines(&printed);
    if std::env::var_os("VEX_BLESS").is_some() && normal_lines(&transcript.body) != printed {
        assert!(std::env::var_os("CI").is_none(), "blessing is for people, not for CI");
        let path = folder().join(format!("{name}.session"));
        fs::write(path, format!("{}{printed}", transcript.head)).expect("the transcript's file");
        transcript.body.clone_from(&printed);
    }
    let expected = normal_lines(&transcript.body);
    let shown = format!("{name}.session");
    if let Some(diff) = unified(expected.as_bytes(), printed.as_bytes(), (&shown, "this session"), false) {
        panic!("{diff}\nVEX_BLESS=1 writes what is printed now");
    }
    assert_eq!(status, transcript.exit, "the exit status of {shown}");
}

/// Declares a test for each transcript, and the list of them.
macro_rules! transcripts {
    ($($(#[$when:meta])* $name:ident)*) => {
        $($(#[$when])*
        #[test]
        fn $name() {
            check(stringify!($name));
        })*

        /// All transcripts that are tested.
        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

transcripts! {
    allocators
    // Code is that of one kind of machine.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    code
    commands
    containers
    crashes
    deaths
    drops
    ending
    ending_panic
    enums
    errors
    files
    functions
    generics
    heap
    heap_crashes
    imports
    input_output
    limits
    looking
    partial
    readme
    references
    review_modules
    review_names
    review_redefinition
    review_temporaries
    spellings
    timing
    traits
    types
    undo
    unsafe_mode
    values
    variables
}

/// All transcripts there are.
fn all() -> Vec<String> {
    let entries = fs::read_dir(folder()).expect("the folder of transcripts");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "session"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_transcript_is_tested() {
    let mut tested = NAMES.to_vec();
    tested.sort_unstable();
    assert_eq!(all(), tested);
}

#[test]
fn the_readme_shows_a_recorded_session() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let shown = readme.split("```session\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(normal(shown.expect("a session in the README")), normal(&Transcript::read("readme").body));
}

#[test]
fn every_command_has_a_transcript() {
    let help = repl(&Folder::new(), &[]).input(":help\n").output().expect_status(0).stdout;
    let commands: Vec<&str> =
        help.lines().filter_map(|line| line.trim_start().strip_prefix(':')?.split(' ').next()).collect();
    assert!(commands.contains(&"help") && commands.contains(&"quit"), "{help}");
    let inputs: String = all().iter().map(|name| Transcript::read(name).inputs()).collect();
    let missing: Vec<&&str> = commands
        .iter()
        .filter(|command| {
            let alone = format!(":{command}");
            !inputs.lines().any(|line| line.split(' ').next() == Some(&alone))
        })
        .collect();
    assert!(missing.is_empty(), "no transcript uses {missing:?}");
}
