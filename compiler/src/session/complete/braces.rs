//! Names of fields inside of braces: those of a literal or a pattern, `Point { x, ` and `Shape.Rect { `.

use super::super::Session;
use super::{Candidate, candidate, word_length};
use crate::types::Field;

impl Session {
    /// The fields that can stand behind `head`, if it ends in the braces of a literal or pattern.
    pub(super) fn fields_in_braces(&self, head: &str) -> Option<Vec<Candidate>> {
        if !head.ends_with(['{', ',']) {
            return None;
        }
        let path = head[..open_brace(head)?].trim_end();
        let (before, name) = path.split_at(path.len() - word_length(path));
        let before = before.trim_end();
        let of = before.strip_suffix("::").or_else(|| before.strip_suffix('.')).map(|of| {
            let of = of.trim_end();
            &of[of.len() - word_length(of)..]
        });
        let types = &self.program.types;
        let fields = self.fields_named(of, name)?;
        Some(fields.iter().map(|f| candidate(f.name.as_str(), &types.display(f.ty))).collect())
    }

    /// The fields of the structure or variant with this name, of a type that is named or not.
    fn fields_named(&self, of: Option<&str>, name: &str) -> Option<&[Field]> {
        let structs = &self.program.types.structs;
        let structure = of.is_none().then(|| self.env.struct_named(name)).flatten();
        if let Some(def) = structure.map(|id| &structs[id.0 as usize]).filter(|def| def.variants.is_none()) {
            return Some(&def.fields);
        }
        let types = match of {
            Some(of) => self.env.struct_named(of).into_iter().collect(),
            None => self.env.structs(),
        };
        let variants = types.iter().flat_map(|id| structs[id.0 as usize].variants.iter().flatten());
        let found = variants.filter(|variant| variant.named).find(|variant| variant.name.as_str() == name);
        found.map(|variant| variant.fields.as_slice())
    }
}

/// Where the brace opens that is not closed at the end of a text; `None` inside of other brackets.
fn open_brace(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, c) in text.char_indices().rev() {
        match c {
            '}' | ')' | ']' => depth += 1,
            '{' if depth == 0 => return Some(at),
            '(' | '[' if depth == 0 => return None,
            '{' | '(' | '[' => depth -= 1,
            _ => {}
        }
    }
    None
}
