//! `:help`: the list of commands, and more about each.

use super::commands::{COMMANDS, find};
use super::{Reply, Session};

/// What comes before the list.
const INTRODUCTION: &str = "\
Type declarations, statements or an expression: its value is shown with its
type, and `_` is the last one. What is not complete goes on in the next line.
Tab completes, Ctrl-R searches what was typed before, Ctrl-C drops a line or
stops a program, Ctrl-D ends the session. A command may be cut short: `:v`.
";

/// What there is to say about a command beyond its line, with examples.
const MORE: &[(&str, &str)] = &[
    (
        "type",
        "  :type 1 + 2        : i64  (8 bytes, alignment 8)\n  :type Point        the fields of a structure, each after its offset",
    ),
    (
        "doc",
        "  :doc vex_malloc    a function of the memory APIs, of a module or of the session\n  :doc E0305         what an error means, with a wrong and a right example",
    ),
    (
        "vars",
        "A `!` stands before variables that can be assigned to. What was shadowed still lives, but has no name.",
    ),
    (
        "fns",
        "A function can be declared again. With the same types, callers and function pointers use the new one at once;\nwith others, the functions that mention it are compiled again, and a note names those that do not fit any more.",
    ),
    ("types", "A type can be declared again, too: values of the earlier one stay what they are."),
    (
        "load",
        "The file's declarations and statements become part of the session. `:load` it again after a change.",
    ),
    (
        "save",
        "The program does what the session did and prints what it printed. Without an extension the file gets that of\nthe spelling.",
    ),
    (
        "edit",
        "Opens what $VISUAL or $EDITOR names, and runs the text that it leaves. An empty text runs nothing.",
    ),
    (
        "undo",
        "The session starts again without the input and runs the others, showing nothing. What they did outside of the\nsession, to files for instance, is done again.",
    ),
    ("reset", "Variables, functions, memory: everything is gone. Drops do not run."),
    ("time", "  :time fib(30)      runs it once: check, compile, run"),
    (
        "bench",
        "  :bench fib(20)     runs it for about a third of a second and shows the median\nWhat the expression itself allocates is not recorded meanwhile, which makes allocation as fast as in a program.",
    ),
    (
        "clif",
        "  :clif fib          a function of the session\n  :clif x * 2        any input, which is not run",
    ),
    (
        "asm",
        "  :asm fib           a function of the session\n  :asm x * 2         any input, which is not run",
    ),
    ("spelling", "Inputs in different spellings see each other's declarations."),
    (
        "unsafe",
        "`:unsafe on` is about what is typed at the prompt, not about the functions that are declared there.",
    ),
    (
        "heap",
        "  :heap              totals, then a bar for each page, by size class\n  :heap diff         what the last input allocated and freed, and the blocks it left\n  :heap 48           the pages of one size class; `:heap all` shows every page",
    ),
    (
        "leaks",
        "Looks for pointers to blocks in all variables and in the blocks these lead to. A number that looks like a pointer\nkeeps a block, too. In a session with `--checked` each leak is reported with its line and its calls.",
    ),
    (
        "alloc",
        "  :alloc arena       the allocator in a variable\n  :alloc bump        all of one kind: bump, pool, freelist, stack, kmem",
    ),
    (
        "mem",
        "  :mem p             64 bytes from where `p` points\n  :mem 0x7f00 256    so many bytes from an address; `??` cannot be read",
    ),
    (
        "where",
        "  :where p           a block with its line, a variable, code, an allocator's buffer, or nothing",
    ),
    ("quit", "The values of variables are dropped, last first, as at the end of a program."),
];

impl Session {
    /// `:help`
    pub(super) fn help(&mut self, args: &str) -> Reply {
        if args.is_empty() {
            self.say(&format!("{INTRODUCTION}\n"));
            for command in COMMANDS {
                self.say_command(command.name, command.args, command.help);
            }
            return self.reply(true, false);
        }
        match find(args.trim_start_matches(':')) {
            Ok(command) => {
                self.say_command(command.name, command.args, command.help);
                if let Some((_, more)) = MORE.iter().find(|(name, _)| *name == command.name) {
                    self.say_line(format_args!("\n{more}"));
                }
                self.reply(true, false)
            }
            Err(help) => {
                self.error(&format!("there is no command `{args}`"), Some(&help));
                self.reply(false, false)
            }
        }
    }

    fn say_command(&self, name: &str, args: &str, help: &str) {
        let width = 25usize.saturating_sub(name.len() + 1);
        let name = self.paint("1", &format!(":{name}"));
        self.say_line(format_args!("  {name}{:<width$} {help}", format!(" {args}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_fits_a_narrow_screen() {
        assert!(INTRODUCTION.lines().all(|line| line.chars().count() < 80));
        for command in COMMANDS {
            assert!(28 + command.help.chars().count() <= 80, "`:{}`", command.name);
            assert!(command.name.len() + command.args.len() < 25, "`:{}`", command.name);
        }
    }

    #[test]
    fn there_is_only_more_about_commands_that_exist() {
        for (name, _) in MORE {
            assert!(COMMANDS.iter().any(|command| command.name == *name), "`:{name}`");
        }
    }
}
