//! Local variables and scopes of one function.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Spelling, Symbol};

use super::function::FnCx;
use super::{Checker, codes};
use crate::loader::ModuleId;
use crate::typed::{GlobalId, Local, LocalId};
use crate::types::Ty;

/// What a name of a function's scopes stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Binding {
    /// A local of the function, or of the closure that has so many closures around it.
    Local(LocalId, usize),
    /// A constant declared in a block.
    Const(u32),
    /// A global of the script being checked.
    Global(GlobalId),
}

/// What the checker knows of a local beyond its type.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalInfo {
    /// Whether it may be assigned to after its first value.
    pub(super) mutable: bool,
    /// Whether it was written without a value and waits for its first.
    pub(super) late: bool,
    pub(super) parameter: bool,
    /// Whether it is the variable of a `for`.
    pub(super) loop_variable: bool,
    /// Whether it was reported as immutable.
    pub(super) reported: bool,
    /// Whether it was read.
    pub(super) used: bool,
    /// Whether it was assigned to or mutably borrowed.
    pub(super) changed: bool,
    /// The depth of the block it belongs to.
    pub(super) depth: u32,
}

impl FnCx<'_, '_> {
    /// Declares a local in the current scope.
    pub(super) fn declare(&mut self, name: Symbol, span: Span, ty: Ty, mutable: bool) -> LocalId {
        let id = self.hidden(span, ty);
        self.locals[id.0 as usize].name = name;
        self.info[id.0 as usize].mutable = mutable;
        self.bind_name(name, Binding::Local(id, self.level()));
        id
    }

    /// A local without a name.
    pub(super) fn hidden(&mut self, span: Span, ty: Ty) -> LocalId {
        let id = LocalId(self.locals.len() as u32);
        self.locals.push(Local { name: Symbol::new(""), ty, span, borrowed: false, flagged: false });
        self.info.push(LocalInfo {
            mutable: true,
            late: false,
            parameter: false,
            loop_variable: false,
            reported: false,
            used: false,
            changed: false,
            depth: self.depth,
        });
        id
    }

    /// Makes a name mean `binding` until the scope ends.
    pub(super) fn bind_name(&mut self, name: Symbol, binding: Binding) {
        let old = self.names.insert(name, binding);
        self.undo.push((name, old));
    }

    /// Runs `body` in a scope of its own.
    pub(super) fn scoped<R>(&mut self, body: impl FnOnce(&mut Self) -> R) -> R {
        let mark = self.undo.len();
        self.depth += 1;
        let result = body(self);
        self.depth -= 1;
        for (name, old) in self.undo.drain(mark..).rev() {
            match old {
                Some(binding) => self.names.insert(name, binding),
                None => self.names.remove(&name),
            };
        }
        result
    }

    /// The local, or the copy of it that the current `defer` reads.
    pub(super) fn local_at(&mut self, id: LocalId, span: Span) -> LocalId {
        self.info[id.0 as usize].used = true;
        self.captured(id, span)
    }

    /// Declares what a pattern binds; `ty` is the type of what it takes apart.
    pub(super) fn declare_pattern(
        &mut self,
        pattern: &ast::Pattern,
        ty: Ty,
        mutable: bool,
    ) -> crate::typed::Pattern {
        use crate::typed::Pattern;
        if let ast::Pattern::Tuple(..) | ast::Pattern::Struct(_) = pattern {
            self.bound_once(pattern, &mut Vec::new());
        }
        match pattern {
            ast::Pattern::Name(name) if name.name.as_str() == "_" => Pattern::Wild,
            ast::Pattern::Name(name) => Pattern::Local(self.declare(name.name, name.span, ty, mutable)),
            ast::Pattern::Mut(name) => Pattern::Local(self.declare(name.name, name.span, ty, true)),
            ast::Pattern::Wild(_) => Pattern::Wild,
            other if !self.irrefutable(other) => Pattern::Wild,
            ast::Pattern::Tuple(elems, span) => match self.tuple_parts(ty, elems.len(), *span) {
                Some(tys) => {
                    let first = self.info.len();
                    let parts = elems.iter().zip(tys).map(|(p, ty)| self.declare_pattern(p, ty, mutable));
                    let parts = Pattern::Tuple(parts.collect());
                    // The mark is for all of them; one that changes is reason enough.
                    self.info[first..].iter_mut().for_each(|info| info.changed = true);
                    parts
                }
                None => {
                    for elem in elems {
                        self.declare_pattern(elem, Ty::ERROR, mutable);
                    }
                    Pattern::Wild
                }
            },
            ast::Pattern::Struct(structure) => {
                let (places, tys) = self.taken_fields(structure, ty);
                let parts = structure.fields.iter().zip(places);
                let parts: Vec<_> = parts
                    .map(|((_, part), at)| {
                        let ty = at.map_or(Ty::ERROR, |at| tys[at]);
                        (at, self.declare_pattern(part, ty, mutable))
                    })
                    .collect();
                let mut all = vec![Pattern::Wild; tys.len()];
                parts.into_iter().for_each(|(at, part)| at.iter().for_each(|at| all[*at] = part.clone()));
                Pattern::Tuple(all)
            }
            _ => Pattern::Wild,
        }
    }

    /// Whether a pattern can stand in a binding, which has to take every value; reports it if not.
    pub(super) fn irrefutable(&mut self, pattern: &ast::Pattern) -> bool {
        match pattern {
            ast::Pattern::Name(_) | ast::Pattern::Mut(_) => return true,
            ast::Pattern::Wild(_) | ast::Pattern::Tuple(..) => return true,
            ast::Pattern::Struct(structure) if !self.names_variant(structure) => return true,
            _ => {}
        }
        let title = "a binding takes names, `_`, and tuples and structures of them";
        let d = Diagnostic::error(codes::MISPLACED, pattern.span(), title);
        self.error(d.help("look at the value with `match` or `if let`"));
        false
    }

    /// Reports names that a pattern binds twice.
    pub(super) fn bound_once(&mut self, pattern: &ast::Pattern, seen: &mut Vec<ast::Ident>) {
        match pattern {
            ast::Pattern::Name(name) | ast::Pattern::Mut(name) if name.name.as_str() != "_" => {
                if let Some(first) = seen.iter().find(|n| n.name == name.name) {
                    let title = format!("the pattern binds `{}` twice", name.name);
                    let d = Diagnostic::error(codes::DUPLICATE, name.span, title).at("again here");
                    let d = d.label(first.span, "first here");
                    self.error(d.help("rename one of them, or write `_`"));
                }
                seen.push(*name);
            }
            ast::Pattern::Tuple(elems, _) => elems.iter().for_each(|elem| self.bound_once(elem, seen)),
            ast::Pattern::Struct(structure) => {
                structure.fields.iter().for_each(|(_, part)| self.bound_once(part, seen));
            }
            _ => {}
        }
    }

    /// The element types of a tuple type that a pattern of `count` parts takes apart.
    pub(super) fn tuple_parts(&mut self, ty: Ty, count: usize, span: Span) -> Option<Vec<Ty>> {
        match self.kind(ty) {
            crate::types::TyKind::Tuple(elems) if elems.len() == count => Some(elems.clone()),
            crate::types::TyKind::Error => None,
            crate::types::TyKind::Tuple(elems) => {
                let title = format!("this pattern has {count} parts, the tuple has {}", elems.len());
                self.error(Diagnostic::error(codes::MISMATCH, span, title));
                None
            }
            _ => {
                let shown = self.a(ty);
                let title = format!("this pattern takes a tuple apart, but the value is {shown}");
                self.error(Diagnostic::error(codes::MISMATCH, span, title));
                None
            }
        }
    }
}

/// Warns of variables that are never read and of mutable ones that never change.
pub(super) fn warn_unused(cx: &mut Checker, module: ModuleId, locals: &[Local], info: &[LocalInfo]) {
    if cx.loaded.module(module).library {
        return;
    }
    let spelling = cx.spelling(module);
    for (local, info) in locals.iter().zip(info) {
        let (name, span) = (local.name, local.span);
        let text = name.as_str();
        if text.is_empty() || text.starts_with('_') || text == "self" || info.parameter {
            continue;
        }
        let drops = cx.types.needs_drop(local.ty);
        if !info.used && !drops {
            let title = format!("the variable `{name}` is never read");
            let d = Diagnostic::warning(codes::UNUSED, span, title);
            cx.diags.push(d.fix("if that is meant, write", span, format!("_{name}")));
        } else if info.mutable && !info.changed && !drops && spelling != Spelling::Vais {
            let title = format!("the variable `{name}` never changes");
            let d = Diagnostic::warning(codes::NEEDLESS_MUTABLE, span, title);
            cx.diags.push(d.help("bind it without the mutable mark"));
        }
    }
}
