//! The commands of a session: one table, from which help and completion come too.

use super::{Next, Reply, Session};
use crate::suggest;

/// A command.
pub(super) struct Command {
    /// Its name without the colon.
    pub name: &'static str,
    /// What it takes, for the help.
    pub args: &'static str,
    /// What it does, in a few words.
    pub help: &'static str,
    /// Does it.
    run: fn(&mut Session, &str) -> Reply,
}

/// All commands, in the order of the help.
pub(super) const COMMANDS: &[Command] = &[
    row("help", "[COMMAND]", "this list, or more about a command", Session::help),
    row("type", "EXPR | TYPE", "its type, without running it; a type's layout", Session::type_of),
    row("doc", "NAME", "what a function, type or error code is for", Session::doc),
    row("vars", "[PREFIX]", "the variables and their values", Session::list_variables),
    row("fns", "[PREFIX]", "the functions", Session::list_functions),
    row("types", "[PREFIX]", "the types with their fields and offsets", Session::list_types),
    row("load", "FILE", "run a file as if it had been typed", Session::load),
    row("save", "FILE", "write the session as a program for `vexc run`", Session::save),
    row("edit", "[FUNCTION]", "change the last input or a function in your editor", Session::edit),
    row("undo", "[N]", "take back the last input, or the last N", Session::undo),
    row("reset", "", "start again with nothing", Session::reset),
    row("time", "INPUT", "run an input and say how long it took", Session::time),
    row("bench", "EXPR", "run an expression many times: time a round", Session::bench),
    row("ast", "[INPUT | FUNCTION]", "the syntax tree; of the last input without more", Session::show_ast),
    row("clif", "[INPUT | FUNCTION]", "the code in Cranelift's form", Session::show_clif),
    row("asm", "[INPUT | FUNCTION]", "the machine code", Session::show_asm),
    row("spelling", "[NAME]", "vex, vera or vais: how inputs are written", Session::set_spelling),
    row("unsafe", "[on | off]", "whether `unsafe { }` can be left out at the prompt", Session::set_unsafe),
    row("heap", "[diff | all | SIZE]", "a picture of the heap; what the last input left", Session::heap),
    row("leaks", "", "blocks that no variable leads to any more", Session::leaks),
    row("alloc", "[KIND | NAME]", "the figures of allocators in variables, and of kmem", Session::alloc),
    row("mem", "PTR [N]", "the bytes at an address, and the block they are in", Session::mem),
    row("where", "PTR", "what lies at an address", Session::where_is),
    row("quit", "[STATUS]", "end the session (also Ctrl-D)", Session::quit),
];

/// Other names of commands, from habit.
const ALIASES: &[(&str, &str)] = &[("h", "help"), ("?", "help"), ("exit", "quit")];

const fn row(
    name: &'static str,
    args: &'static str,
    help: &'static str,
    run: fn(&mut Session, &str) -> Reply,
) -> Command {
    Command { name, args, help, run }
}

impl Session {
    /// Runs a command, given without its colon.
    pub(super) fn command(&mut self, text: &str) -> Reply {
        let text = text.trim_start();
        let (name, args) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        match find(name) {
            Ok(command) if command.args.is_empty() && !args.trim().is_empty() => {
                self.error(&format!("`:{}` takes no argument", command.name), None);
                self.reply(false, false)
            }
            Ok(command) => (command.run)(self, args.trim()),
            Err(help) => {
                self.error(&format!("there is no command `:{name}`"), Some(&help));
                self.reply(false, false)
            }
        }
    }

    /// `:quit`
    fn quit(&mut self, args: &str) -> Reply {
        let status = if args.is_empty() { Ok(0) } else { args.parse() };
        let Ok(status) = status else {
            self.error("`:quit` takes an exit status from 0 to 255", None);
            return self.reply(false, false);
        };
        Reply { next: Next::Quit(status), ..self.reply(true, false) }
    }
}

/// The command with this name or the only one that starts with it; else what to say.
pub(super) fn find(name: &str) -> Result<&'static Command, String> {
    let name = ALIASES.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| long);
    if let Some(command) = COMMANDS.iter().find(|command| command.name == name) {
        return Ok(command);
    }
    let fits: Vec<&Command> =
        COMMANDS.iter().filter(|command| !name.is_empty() && command.name.starts_with(name)).collect();
    match fits.as_slice() {
        [only] => Ok(only),
        [] => Err(match suggest::nearest(name, COMMANDS.iter().map(|command| command.name)) {
            Some(near) => format!("did you mean `:{near}`?"),
            None => "`:help` lists all commands".into(),
        }),
        several => {
            let names: Vec<String> = several.iter().map(|command| format!("`:{}`", command.name)).collect();
            Err(format!("it could be {}", names.join(" or ")))
        }
    }
}
