//! The value of an expression that a command asks for. The session is afterwards as it was, except for what the
//! expression itself did.

use vex_syntax::Symbol;

use super::Session;
use super::input::{Finished, Source};
use crate::check::CheckedInput;
use crate::types::Ty;

/// The value of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Evaluated {
    /// Its type.
    pub ty: Ty,
    /// Where it is. It stays there for as long as the session.
    pub address: usize,
}

impl Session {
    /// Runs an expression and says where its value is; `None` when it has none, which was then reported.
    ///
    /// `_` keeps its meaning, and so do the books of before the last input. What would need `unsafe` needs none:
    /// whoever looks at memory has said so.
    pub(super) fn evaluate(&mut self, command: &str, text: &str) -> Option<Evaluated> {
        let unsafe_on = std::mem::replace(&mut self.unsafe_on, true);
        let evaluated = self.evaluate_source(command, text);
        self.unsafe_on = unsafe_on;
        evaluated
    }

    fn evaluate_source(&mut self, command: &str, text: &str) -> Option<Evaluated> {
        let source = Source { name: format!("<{command}>"), path: None, spelling: self.spelling, text };
        let file = self.add_source(&source)?;
        let checked = match self.check(file, None) {
            Ok(checked) => checked,
            Err(diagnostics) => {
                self.diagnostics(&diagnostics);
                return None;
            }
        };
        let Some(shown) = checked.shown.filter(|_| self.declares_nothing(&checked)) else {
            self.error(&format!("`{text}` is no expression with a value"), None);
            self.forget(checked);
            return None;
        };
        let (checked, input) = self.compile_or_tell(checked)?;
        self.keep(&checked, &input);
        let before = self.before;
        let finished = self.execute(&input);
        self.before = before;
        self.settle(&checked, finished == Finished::Well);
        self.env.restore_name(Symbol::new("_"), &checked.saved);
        match finished {
            Finished::Well => {}
            Finished::Badly | Finished::Stopped => return None,
            Finished::Exit(_) => {
                self.error("it asked to exit, which an expression of a command cannot", None);
                return None;
            }
        }
        let (ty, address) = self.value_of(shown.global)?;
        Some(Evaluated { ty, address })
    }

    /// Whether the only things an input adds are its value, what that refers to, and the function that computes it.
    fn declares_nothing(&self, checked: &CheckedInput) -> bool {
        let added = &self.program.globals[checked.first_global..];
        added.iter().all(|global| matches!(global.name.as_str(), "" | "_"))
            && self.program.functions.len() == checked.first_func + 1
    }
}
