//! `:save`: from what the session remembers to a program in a file.

use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;
use vex_syntax::ast::Top;
use vex_syntax::{Spelling, parse_file};

use super::save::{self, SavedInput, Shown};
use super::{Accepted, Reply, Session};
use crate::check::CheckOptions;
use crate::driver::{Input, Phases};
use crate::typed::GlobalId;

impl Session {
    /// `:save`
    pub(super) fn save(&mut self, args: &str) -> Reply {
        if args.is_empty() {
            self.error("`:save` needs a file", Some("for instance `:save session`"));
            return self.reply(false, false);
        }
        let inputs = self.saved_inputs();
        let text = match save::program(&inputs) {
            Ok(text) => text,
            Err(error) => {
                self.error(&format!("the session cannot be saved: {error}"), None);
                return self.reply(false, false);
            }
        };
        let spelling = inputs.first().map_or(self.spelling, |input| input.spelling);
        let path = self.save_path(args, spelling);
        let Some(path) = path else { return self.reply(false, false) };
        if let Err(error) = std::fs::write(&path, &text) {
            self.error(&format!("cannot write `{}`: {error}", path.display()), None);
            return self.reply(false, false);
        }
        self.say_line(format_args!("saved as `{}`; `vexc run {0}` runs it", path.display()));
        self.tell_what_is_missing(&path, spelling, text);
        self.saved = Some(path);
        self.reply(true, false)
    }

    /// Where to save; reports a name that says another spelling, and a file that is somebody else's.
    fn save_path(&self, name: &str, spelling: Spelling) -> Option<PathBuf> {
        let mut path = PathBuf::from(name);
        match path.extension().and_then(|extension| extension.to_str()) {
            None => {
                path.set_extension(spelling.extension());
            }
            Some(extension) => {
                if Spelling::from_extension(extension) != Some(spelling) {
                    let help = format!("end its name in `.{}`", spelling.extension());
                    self.error(
                        &format!("the session's inputs make a `.{}` file", spelling.extension()),
                        Some(&help),
                    );
                    return None;
                }
            }
        }
        if path.exists() && self.saved.as_ref() != Some(&path) {
            self.error(&format!("there is a file `{}` already", path.display()), Some("choose another name"));
            return None;
        }
        Some(path)
    }

    /// Says which inputs are not in the program, and whether it compiles.
    fn tell_what_is_missing(&self, path: &Path, spelling: Spelling, text: String) {
        let failed = self.log.iter().filter(|input| input.failed).count();
        if failed > 0 {
            let inputs = if failed == 1 { "an input" } else { "inputs" };
            self.note(&format!(
                "{failed} {inputs} that failed left only declarations in it, for a program ends where it fails"
            ));
        }
        let input = Input { name: path.display().to_string(), path: Some(path.into()), spelling, text };
        let Ok(loaded) = input.load(Phases::default()) else { return };
        let checked = loaded.check(CheckOptions { needs_entry: true });
        if checked.failed() {
            let first = checked.diagnostics.iter().find(|d| d.severity == vex_syntax::Severity::Error);
            let title = first.map(|d| d.title.clone()).unwrap_or_default();
            self.note(&format!("as a program it does not compile yet: {title}"));
        }
    }

    /// The inputs that made the session what it is.
    fn saved_inputs(&self) -> Vec<SavedInput> {
        let mut inputs = Vec::new();
        // Which of the inputs each source is.
        let mut places = FxHashMap::default();
        for accepted in &self.log {
            let Some(file) = accepted.file else { continue };
            let file = self.sources.file(file);
            let text = written(accepted, &file.text, file.spelling);
            let show = accepted.shown.clone().map(|(ty, borrowed)| Shown { ty, moved: !borrowed });
            places.extend(accepted.file.map(|id| (id, inputs.len())));
            let (spelling, unsafe_on) = (file.spelling, accepted.unsafe_on);
            inputs.push(SavedInput { text, spelling, show, unsafe_on, earlier: Vec::new() });
            for again in &accepted.again {
                let place = |id: &GlobalId| {
                    let variable = &self.program.globals[id.0 as usize];
                    Some((variable.name, *places.get(&self.sources.find(variable.span.lo)?)?))
                };
                let earlier = again.hidden.iter().filter_map(place).collect();
                let (text, spelling) = (again.text.clone(), again.spelling);
                inputs.push(SavedInput { text, spelling, show: None, unsafe_on, earlier });
            }
        }
        inputs
    }
}

/// An input as a program has to write it.
fn written(accepted: &Accepted, text: &str, spelling: Spelling) -> String {
    if !accepted.failed {
        return text.to_string();
    }
    let (unit, _) = parse_file(text, 0, spelling);
    let items = unit.top.iter().filter_map(|top| match top {
        Top::Item(item) => text.get(item.span.lo as usize..item.span.hi as usize),
        Top::Stmt(_) => None,
    });
    items.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(failed: bool) -> Accepted {
        Accepted { text: String::new(), file: None, shown: None, failed, unsafe_on: false, again: Vec::new() }
    }

    #[test]
    fn failures_leave_their_declarations() {
        let text = "let p = vex_malloc(8) // eight\n*p = 1\nfn f() {}\nf()";
        assert_eq!(written(&input(false), text, Spelling::Vex), text);
        assert_eq!(written(&input(true), text, Spelling::Vex), "fn f() {}");
    }
}
