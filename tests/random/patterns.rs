//! Random `match` expressions: patterns that fit a type, with what they bind, and always an arm for the rest.

use super::expressions::{Gen, Var};
use super::types::Ty;

impl Gen {
    /// A `match` on any value.
    pub fn choice(&mut self, ty: &Ty, depth: usize) -> String {
        let on = self.shapes.any_type(&mut self.chance, 2);
        let mut out = format!("(match {} {{\n", self.expr(&on, depth.min(1)));
        for _ in 0..1 + self.chance.below(3) {
            let known = self.vars.len();
            let pattern = match self.chance.one_in(4) && !matches!(on, Ty::F32 | Ty::F64) {
                // Both bind nothing, so either may fit.
                true => format!("{} | {}", self.bare_pattern(&on), self.bare_pattern(&on)),
                false => self.pattern(&on, 2),
            };
            let guard = match self.chance.one_in(3) {
                true => format!(" if {}", self.expr(&Ty::Bool, depth.min(1))),
                false => String::new(),
            };
            let value = self.expr(ty, depth);
            out.push_str(&format!("{pattern}{guard} => {value},\n"));
            self.vars.truncate(known);
        }
        let value = self.expr(ty, depth);
        out.push_str(&format!("_ => {value},\n}})"));
        out
    }

    /// A pattern that binds nothing.
    fn bare_pattern(&mut self, ty: &Ty) -> String {
        match ty {
            Ty::Bool | Ty::Char | Ty::Str | Ty::Int(_) => self.value_pattern(ty),
            Ty::Enum(i) => {
                let n = self.chance.below(self.shapes.enums[*i].variants.len());
                let variant = &self.shapes.enums[*i].variants[n];
                match (variant.payload.len(), variant.named) {
                    (0, _) => format!("V{i}{n}"),
                    (_, true) => format!("V{i}{n} {{ .. }}"),
                    (n_parts, false) => format!("V{i}{n}({})", vec!["_"; n_parts].join(", ")),
                }
            }
            Ty::Tuple(parts) => {
                let parts: Vec<_> = parts.iter().map(|p| self.bare_pattern(p)).collect();
                format!("({})", parts.join(", "))
            }
            Ty::Option(inner) => format!("Some({})", self.bare_pattern(inner)),
            _ => "_".into(),
        }
    }

    /// A literal or a range.
    fn value_pattern(&mut self, ty: &Ty) -> String {
        match ty {
            Ty::Int(int) => {
                let (a, b) = (int.value(&mut self.chance), int.value(&mut self.chance));
                match self.chance.below(4) {
                    0 => format!("{}..={}", a.min(b), a.max(b)),
                    1 if a != b => format!("{}..{}", a.min(b), a.max(b)),
                    2 => format!("{a}.."),
                    _ => a.to_string(),
                }
            }
            Ty::Char if self.chance.one_in(2) => "'0'..='z'".into(),
            _ => self.literal(ty),
        }
    }

    /// Binds a new name, or throws the part away.
    fn name_pattern(&mut self, ty: &Ty) -> String {
        if self.chance.one_in(3) {
            return "_".into();
        }
        let name = self.fresh("m");
        self.vars.push(Var { name: name.clone(), ty: ty.clone(), changes: false });
        name
    }

    /// Any pattern; what it binds becomes known.
    pub fn pattern(&mut self, ty: &Ty, depth: usize) -> String {
        if depth == 0 || self.chance.one_in(5) {
            return self.name_pattern(ty);
        }
        let less = depth - 1;
        match ty {
            Ty::Bool | Ty::Char | Ty::Str => self.value_pattern(ty),
            Ty::Int(_) if self.chance.one_in(3) => {
                let value = self.value_pattern(ty);
                let name = self.fresh("m");
                self.vars.push(Var { name: name.clone(), ty: ty.clone(), changes: false });
                format!("{name} @ {value}")
            }
            Ty::Int(_) => self.value_pattern(ty),
            Ty::Tuple(parts) => {
                let parts: Vec<_> = parts.iter().map(|p| self.pattern(p, less)).collect();
                format!("({})", parts.join(", "))
            }
            Ty::Struct(i) => {
                let types = self.shapes.structs[*i].fields.clone();
                format!("Data{i} {{ {} }}", self.fields_pattern(&types, less))
            }
            Ty::Pair(a, _) => format!("Pair {{ first: {}, .. }}", self.pattern(a, less)),
            Ty::Enum(i) => {
                let n = self.chance.below(self.shapes.enums[*i].variants.len());
                let variant = &self.shapes.enums[*i].variants[n];
                let (types, named) = (variant.payload.clone(), variant.named);
                if types.is_empty() {
                    return format!("V{i}{n}");
                }
                if named {
                    return format!("Kind{i}.V{i}{n} {{ {} }}", self.fields_pattern(&types, less));
                }
                let parts: Vec<_> = types.iter().map(|p| self.pattern(p, less)).collect();
                format!("V{i}{n}({})", parts.join(", "))
            }
            Ty::Option(_) if self.chance.one_in(3) => "None".into(),
            Ty::Option(inner) => format!("Some({})", self.pattern(inner, less)),
            Ty::Result(_) if self.chance.one_in(3) => format!("Err({})", self.pattern(&Ty::Str, less)),
            Ty::Result(inner) => format!("Ok({})", self.pattern(inner, less)),
            _ => self.name_pattern(ty),
        }
    }

    fn fields_pattern(&mut self, types: &[Ty], depth: usize) -> String {
        let mut parts: Vec<_> =
            types.iter().enumerate().map(|(k, t)| format!("f{k}: {}", self.pattern(t, depth))).collect();
        if parts.len() > 1 && self.chance.one_in(2) {
            // What the last field binds would not be bound.
            let last = types.len() - 1;
            let text = parts.pop().unwrap_or_default();
            self.vars.retain(|v| v.name.len() < 2 || !contains_word(&text, &v.name));
            debug_assert!(last > 0);
            parts.push("..".into());
        }
        parts.join(", ")
    }
}

/// Whether a name stands in a text as a whole word.
fn contains_word(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
}
