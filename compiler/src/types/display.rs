//! Types as programmers write them, for messages.

use super::{Ty, TyKind, Types};

/// Characters of a type that messages show.
const MAX_SHOWN: usize = 200;

impl Types {
    /// The type as a programmer writes it; the inner parts of a very long one are left out.
    pub fn display(&self, ty: Ty) -> String {
        let mut text = String::new();
        self.write(ty, &mut text);
        text
    }

    fn write(&self, ty: Ty, out: &mut String) {
        if out.len() > MAX_SHOWN {
            return out.push('…');
        }
        let bang = |mutable: bool| if mutable { "!" } else { "" };
        match self.kind(ty) {
            TyKind::Unit => out.push_str("()"),
            TyKind::Never => out.push('!'),
            TyKind::Bool => out.push_str("bool"),
            TyKind::Int(int) => out.push_str(int.name()),
            TyKind::F32 => out.push_str("f32"),
            TyKind::F64 => out.push_str("f64"),
            TyKind::Str => out.push_str("str"),
            TyKind::Char => out.push_str("char"),
            TyKind::Ptr => out.push_str("ptr"),
            TyKind::RawPtr { mutable, pointee } => self.write_in("*", *pointee, bang(*mutable), out),
            TyKind::Ref { mutable, pointee } => self.write_in("&", *pointee, bang(*mutable), out),
            TyKind::Slice { mutable, elem } => {
                self.write_in("&[", *elem, if *mutable { "]!" } else { "]" }, out)
            }
            TyKind::Array { elem, len } => self.write_in("[", *elem, &format!("; {len}]"), out),
            TyKind::Tuple(elems) => self.write_list("(", elems, ")", out),
            TyKind::Struct { def, args } => {
                out.push_str(self.structs[def.0 as usize].name.as_str());
                if !args.is_empty() {
                    self.write_list("<", args, ">", out);
                }
            }
            TyKind::Fn { params, ret } => {
                self.write_list("fn(", params, ")", out);
                if *ret != Ty::UNIT {
                    self.write_in(": ", *ret, "", out);
                }
            }
            TyKind::Param { name, .. } => out.push_str(name.as_str()),
            TyKind::Infer(_) => out.push('_'),
            TyKind::Error => out.push_str("{error}"),
        }
    }

    fn write_in(&self, before: &str, ty: Ty, after: &str, out: &mut String) {
        out.push_str(before);
        self.write(ty, out);
        out.push_str(after);
    }

    fn write_list(&self, before: &str, tys: &[Ty], after: &str, out: &mut String) {
        out.push_str(before);
        for (index, &ty) in tys.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            if out.len() > MAX_SHOWN {
                out.push('…');
                break;
            }
            self.write(ty, out);
        }
        out.push_str(after);
    }
}
