//! Inputs from files, inputs into files, and going back.

use std::path::Path;
use std::process::Command;

use vex_syntax::Spelling;

use super::input::Source;
use super::{Accepted, Next, Reply, Session};

impl Session {
    /// `:load`
    pub(super) fn load(&mut self, args: &str) -> Reply {
        let path = Path::new(args);
        if args.is_empty() {
            self.error("`:load` needs a file", Some("for instance `:load examples/hello.vx`"));
            return self.reply(false, false);
        }
        let text = match std::fs::read(path) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => {
                    let at = error.utf8_error().valid_up_to();
                    let (before, byte) = (&error.as_bytes()[..at], error.as_bytes()[at]);
                    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
                    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
                    let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
                    let place = format!("byte 0x{byte:02x} at {line}:{column}");
                    self.error(&format!("`{args}` is not UTF-8 text: {place}"), None);
                    return self.reply(false, false);
                }
            },
            Err(error) => {
                self.error(&format!("cannot read `{args}`: {error}"), None);
                return self.reply(false, false);
            }
        };
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        let spelling = Spelling::from_extension(extension).unwrap_or(self.spelling);
        let had_main = self.env.function("main");
        let source = Source { name: args.to_string(), path: Some(path), spelling, text: &text };
        let mut reply = self.run_source(source, &format!(":load {args}"));
        if reply.ok && self.env.function("main") != had_main {
            self.say_line("`main()` runs it");
            reply.at_line_start = true;
        }
        reply
    }

    /// `:edit`
    pub(super) fn edit(&mut self, args: &str) -> Reply {
        let named = self.env.functions().into_iter().find(|&id| {
            self.program.functions[id.0 as usize].name == args || self.env.function(args) == Some(id)
        });
        let last =
            || self.log.iter().rev().find(|input| input.file.is_some()).map(|input| input.text.clone());
        let text = match named {
            _ if args.is_empty() => last().unwrap_or_default(),
            Some(id) => self.declaration(self.env.head(id).0).map(|written| written.text).unwrap_or_default(),
            None => {
                self.error(
                    &format!("there is no function `{args}`"),
                    Some("`:edit` alone edits the last input"),
                );
                return self.reply(false, false);
            }
        };
        match edited(&text, self.spelling) {
            Ok(new) if new.trim().is_empty() => self.reply(true, false),
            Ok(new) => {
                // What is run is seen, as everything that is typed.
                self.say_line(new.trim_end());
                Reply { next: Next::Feed(new), ..self.reply(true, false) }
            }
            Err(why) => {
                self.error(&why, Some("the environment variables VISUAL and EDITOR name the editor"));
                self.reply(false, false)
            }
        }
    }

    /// `:undo`
    pub(super) fn undo(&mut self, args: &str) -> Reply {
        let count = if args.is_empty() { Ok(1) } else { args.parse::<usize>() };
        let Ok(count @ 1..) = count else {
            self.error("`:undo` takes the number of inputs to take back", None);
            return self.reply(false, false);
        };
        // Settings stay as they are.
        let places = self.log.iter().enumerate().filter(|(_, input)| input.file.is_some());
        let places: Vec<usize> = places.map(|(index, _)| index).collect();
        let undone = &places[places.len().saturating_sub(count)..];
        if undone.is_empty() {
            self.error("there is nothing to undo", None);
            return self.reply(false, false);
        }
        for &index in undone {
            let text = self.log[index].text.trim();
            let more = if text.contains('\n') { " …" } else { "" };
            self.say_line(format_args!("undone: {}{more}", text.lines().next().unwrap_or("")));
        }
        let kept = self.log.iter().enumerate().filter(|(index, _)| !undone.contains(index));
        let inputs = kept.map(|(_, input)| (input.text.clone(), !input.failed)).collect();
        self.restart(inputs)
    }

    /// `:reset`
    pub(super) fn reset(&mut self, _args: &str) -> Reply {
        self.restart(Vec::new())
    }

    fn restart(&mut self, inputs: Vec<(String, bool)>) -> Reply {
        // The values of this session vanish with its process.
        self.closed = true;
        Reply { next: Next::Restart(inputs), ..self.reply(true, false) }
    }

    /// `:spelling`
    pub(super) fn set_spelling(&mut self, args: &str) -> Reply {
        if args.is_empty() {
            self.say_line(self.spelling.name());
            return self.reply(true, false);
        }
        let Some(spelling) = Spelling::ALL.into_iter().find(|s| s.name() == args || s.extension() == args)
        else {
            self.error(
                &format!("there is no spelling `{args}`"),
                Some("the spellings are vex, vera and vais"),
            );
            return self.reply(false, false);
        };
        self.spelling = spelling;
        self.remember(format!(":spelling {}", spelling.name()));
        self.reply(true, true)
    }

    /// `:unsafe`
    pub(super) fn set_unsafe(&mut self, args: &str) -> Reply {
        match args {
            "" => {
                self.say_line(if self.unsafe_on { "on" } else { "off" });
                return self.reply(true, false);
            }
            "on" | "off" => self.unsafe_on = args == "on",
            _ => {
                self.error("`:unsafe` is `on` or `off`", None);
                return self.reply(false, false);
            }
        }
        self.remember(format!(":unsafe {args}"));
        self.reply(true, true)
    }

    /// Notes a command that changed how later inputs are read.
    fn remember(&mut self, text: String) {
        let unsafe_on = self.unsafe_on;
        let again = Vec::new();
        self.log.push(Accepted { text, file: None, shown: None, failed: false, unsafe_on, again });
    }
}

/// Lets the user's editor change a text.
fn edited(text: &str, spelling: Spelling) -> Result<String, String> {
    let name = format!("vexc-{}.{}", std::process::id(), spelling.extension());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, text).map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
    let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok());
    let editor = editor.filter(|editor| !editor.trim().is_empty()).unwrap_or_else(|| "vi".into());
    // As everywhere, the variable is a command with its own arguments.
    let status = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(&path).status();
    let result = match status {
        Ok(status) if status.success() => {
            std::fs::read_to_string(&path).map_err(|error| format!("cannot read what was edited: {error}"))
        }
        Ok(status) => Err(format!("the editor `{editor}` ended with {status}; nothing was run")),
        Err(error) => Err(format!("the editor `{editor}` cannot be started: {error}")),
    };
    // A file that cannot be removed is no reason to lose the edit.
    let _ = std::fs::remove_file(&path);
    result
}
