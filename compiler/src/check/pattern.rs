//! Patterns: what a value has to be, and the names for its parts.
//!
//! A pattern is walked beside the place that it looks at. Behind a reference, names are bound to references.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Symbol};

use super::enums::VariantId;
use super::exhaustive::Pat;
use super::function::FnCx;
use super::infer::VarKind;
use super::local::Binding;
use super::names::Lookup;
use super::{Value, codes};
use crate::typed::{Expr, ExprKind, Test};
use crate::types::{Ty, TyKind};

/// How deep patterns may stand inside each other.
const MAX_DEPTH: u32 = 100;

/// How names are bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// By value: copied or moved out.
    Value,
    /// To references, mutable ones or not.
    Ref(bool),
}

/// The walk over one pattern.
#[derive(Default)]
pub(super) struct Walk {
    /// Of each or-pattern with names on the way: which alternative is taken, of how many.
    pub(super) choices: Vec<(usize, usize)>,
    next_choice: usize,
    /// What is bound so far.
    pub(super) bindings: Vec<(ast::Ident, Expr)>,
    /// The names that may change.
    pub(super) mutable: Vec<Symbol>,
    depth: u32,
}

impl Walk {
    /// Goes to the next combination of alternatives; false when all were walked.
    pub(super) fn advance(&mut self) -> bool {
        self.next_choice = 0;
        self.bindings.clear();
        while let Some((taken, of)) = self.choices.pop() {
            if taken + 1 < of {
                self.choices.push((taken + 1, of));
                return true;
            }
        }
        false
    }
}

/// All of these tests.
pub(super) fn all(tests: Vec<Test>) -> Test {
    let mut list = Vec::with_capacity(tests.len());
    for test in tests {
        match test {
            Test::Any => {}
            Test::All(inner) => list.extend(inner),
            test => list.push(test),
        }
    }
    match list.len() {
        0 => Test::Any,
        1 => list.swap_remove(0),
        _ => Test::All(list),
    }
}

impl<'a> FnCx<'_, 'a> {
    /// What a value at `place` has to be for the pattern to take it.
    pub(super) fn pattern(
        &mut self,
        pattern: &'a ast::Pattern,
        place: Expr,
        mode: Mode,
        walk: &mut Walk,
    ) -> (Test, Pat) {
        if walk.depth >= MAX_DEPTH {
            let title = format!("patterns stand inside each other more than {MAX_DEPTH} deep here");
            let d = Diagnostic::error(codes::PATTERN, pattern.span(), title);
            self.error(d.help("bind the part to a name and look at it with another `match`"));
            return (Test::Any, Pat::Any);
        }
        walk.depth += 1;
        let found = self.pattern_kind(pattern, place, mode, walk);
        walk.depth -= 1;
        found
    }

    fn pattern_kind(
        &mut self,
        pattern: &'a ast::Pattern,
        place: Expr,
        mode: Mode,
        walk: &mut Walk,
    ) -> (Test, Pat) {
        match pattern {
            ast::Pattern::Wild(_) => (Test::Any, Pat::Any),
            ast::Pattern::Name(name) if name.name.as_str() == "_" => (Test::Any, Pat::Any),
            ast::Pattern::Name(name) => self.name_pattern(*name, place, mode, walk),
            ast::Pattern::Mut(name) => {
                walk.mutable.push(name.name);
                self.bind_part(*name, place, mode, walk);
                (Test::Any, Pat::Any)
            }
            ast::Pattern::At(at) => {
                self.bind_part(at.name, place.clone(), mode, walk);
                self.pattern(&at.pattern, place, mode, walk)
            }
            ast::Pattern::Or(parts, _) => self.or_pattern(parts, place, mode, walk),
            ast::Pattern::Tuple(parts, span) => {
                let (place, mode) = self.peel(place, mode);
                self.tuple_pattern(parts, place, mode, walk, *span)
            }
            ast::Pattern::Literal(literal) => {
                let (place, _) = self.peel(place, mode);
                self.literal_pattern(literal, place)
            }
            ast::Pattern::Range(range) => {
                let (place, _) = self.peel(place, mode);
                self.range_pattern(range, place)
            }
            ast::Pattern::Variant(variant) => {
                let (place, mode) = self.peel(place, mode);
                self.variant_pattern(variant, place, mode, walk)
            }
            ast::Pattern::Struct(structure) => {
                let (place, mode) = self.peel(place, mode);
                self.braces_pattern(structure, place, mode, walk)
            }
        }
    }

    /// Follows references to what a pattern looks into.
    pub(super) fn peel(&mut self, mut place: Expr, mut mode: Mode) -> (Expr, Mode) {
        while let TyKind::Ref { mutable, pointee } = *self.kind(place.ty) {
            let span = place.span;
            place = Expr { kind: ExprKind::Deref(Box::new(place)), ty: pointee, span };
            mode = Mode::Ref(mutable && mode != Mode::Ref(false));
        }
        (place, mode)
    }

    fn bind_part(&mut self, name: ast::Ident, place: Expr, mode: Mode, walk: &mut Walk) {
        if let Some((first, _)) = walk.bindings.iter().find(|(known, _)| known.name == name.name) {
            let title = format!("the pattern binds `{}` twice", name.name);
            let d = Diagnostic::error(codes::DUPLICATE, name.span, title).at("again here");
            let d = d.label(first.span, "first here");
            return self.error(d.help("rename one of them, or write `_`"));
        }
        let place = Expr { span: name.span, ..place };
        let value = match mode {
            Mode::Ref(mutable) if self.shallow(place.ty) != Ty::ERROR => self.borrow_place(place, mutable),
            _ => {
                let ty = place.ty;
                match self.consume(place) {
                    Expr { kind: ExprKind::Move(part), span, .. } => {
                        Expr { kind: ExprKind::Take(part), ty, span }
                    }
                    copied => copied,
                }
            }
        };
        walk.bindings.push((name, value));
    }

    /// Binds the names of a pattern that fits nothing, so that their uses are no further errors.
    pub(super) fn bind_nothing(&mut self, pattern: &'a ast::Pattern, walk: &mut Walk) -> (Test, Pat) {
        match pattern {
            ast::Pattern::Name(name) if self.may_bind(*name) => {
                let nothing = self.poison(name.span);
                self.bind_part(*name, nothing, Mode::Value, walk);
            }
            ast::Pattern::Mut(name) => {
                let nothing = self.poison(name.span);
                walk.mutable.push(name.name);
                self.bind_part(*name, nothing, Mode::Value, walk);
            }
            ast::Pattern::At(at) => {
                let nothing = self.poison(at.name.span);
                self.bind_part(at.name, nothing, Mode::Value, walk);
                self.bind_nothing(&at.pattern, walk);
            }
            ast::Pattern::Tuple(parts, _) => {
                parts.iter().for_each(|part| drop(self.bind_nothing(part, walk)))
            }
            ast::Pattern::Or(parts, _) => drop(self.bind_nothing(&parts[0], walk)),
            ast::Pattern::Variant(variant) => {
                variant.args.iter().flatten().for_each(|part| drop(self.bind_nothing(part, walk)));
            }
            ast::Pattern::Struct(structure) => {
                structure.fields.iter().for_each(|(_, part)| drop(self.bind_nothing(part, walk)));
            }
            _ => {}
        }
        (Test::Any, Pat::Any)
    }

    /// Whether a name in a pattern binds, as far as that is known without the type of what it takes.
    fn may_bind(&self, name: ast::Ident) -> bool {
        name.name.as_str() != "_"
            && !self.cx.variants.contains_key(&name.name)
            && self.constant(name).is_none()
    }

    /// The constant that a name stands for.
    fn constant(&self, name: ast::Ident) -> Option<u32> {
        match self.names.get(&name.name) {
            Some(Binding::Const(id)) => Some(*id),
            Some(_) => None,
            None => match self.cx.lookup_value(self.module, name.name) {
                Lookup::Found(Value::Const(id)) => Some(id),
                _ => None,
            },
        }
    }

    fn name_pattern(&mut self, name: ast::Ident, place: Expr, mode: Mode, walk: &mut Walk) -> (Test, Pat) {
        let (inner, _) = self.peel(place.clone(), mode);
        let ty = self.shallow(inner.ty);
        let known = self.cx.enum_of(ty);
        let variant = match known {
            Some(def) => self.cx.variant_named(def, name.name),
            None if self.var_kind(ty) == Some(VarKind::General) => {
                self.bare_variant(name.name, None, name.span)
            }
            None => None,
        };
        if let Some(id) = variant {
            return self.matched_variant(id, None, inner, mode, walk, name.span);
        }
        if let Some(id) = self.constant(name) {
            let value = self.constant_value(id, name.span);
            return self.constant_pattern(value, inner, name.span);
        }
        if let Some(def) = known
            && name.name.as_str().starts_with(|c: char| c.is_ascii_uppercase())
        {
            // Almost certainly not meant as a name for whatever is there.
            self.unknown_variant(def, name);
            return (Test::Any, Pat::Any);
        }
        self.bind_part(name, place, mode, walk);
        (Test::Any, Pat::Any)
    }

    fn binds(&self, pattern: &ast::Pattern) -> bool {
        match pattern {
            ast::Pattern::Name(name) => self.may_bind(*name),
            ast::Pattern::At(_) | ast::Pattern::Mut(_) => true,
            ast::Pattern::Tuple(parts, _) | ast::Pattern::Or(parts, _) => {
                parts.iter().any(|part| self.binds(part))
            }
            ast::Pattern::Variant(variant) => variant.args.iter().flatten().any(|part| self.binds(part)),
            ast::Pattern::Struct(structure) => structure.fields.iter().any(|(_, part)| self.binds(part)),
            ast::Pattern::Wild(_) | ast::Pattern::Literal(_) | ast::Pattern::Range(_) => false,
        }
    }

    fn or_pattern(
        &mut self,
        parts: &'a [ast::Pattern],
        place: Expr,
        mode: Mode,
        walk: &mut Walk,
    ) -> (Test, Pat) {
        if parts.iter().any(|part| self.binds(part)) {
            // One alternative at a time; the others are walked in further rounds.
            let at = walk.next_choice;
            walk.next_choice += 1;
            if walk.choices.len() == at {
                walk.choices.push((0, parts.len()));
            }
            return self.pattern(&parts[walk.choices[at].0], place, mode, walk);
        }
        let (mut tests, mut pats) = (Vec::with_capacity(parts.len()), Vec::with_capacity(parts.len()));
        for part in parts {
            let (test, pat) = self.pattern(part, place.clone(), mode, walk);
            tests.push(test);
            pats.push(pat);
        }
        (any_of(tests), Pat::Or(pats))
    }

    fn tuple_pattern(
        &mut self,
        parts: &'a [ast::Pattern],
        place: Expr,
        mode: Mode,
        walk: &mut Walk,
        span: Span,
    ) -> (Test, Pat) {
        if parts.is_empty() {
            if !self.unify(place.ty, Ty::UNIT) {
                self.unfit("()", place.ty, span);
            }
            return (Test::Any, Pat::Any);
        }
        if self.var_kind(place.ty) == Some(VarKind::General) {
            let tys = parts.iter().map(|part| self.fresh(VarKind::General, part.span())).collect();
            let tuple = self.cx.types.intern(TyKind::Tuple(tys));
            self.unify(place.ty, tuple);
        }
        let Some(tys) = self.tuple_parts(place.ty, parts.len(), span) else {
            parts.iter().for_each(|part| drop(self.bind_nothing(part, walk)));
            return (Test::Any, Pat::Any);
        };
        let (mut tests, mut pats) = (Vec::new(), Vec::new());
        for (index, (part, ty)) in parts.iter().zip(tys).enumerate() {
            let base = Box::new(place.clone());
            let field = Expr { kind: ExprKind::Field { base, index: index as u32 }, ty, span: part.span() };
            let (test, pat) = self.pattern(part, field, mode, walk);
            tests.push(test);
            pats.push(pat);
        }
        (all(tests), Pat::Parts(pats))
    }

    fn variant_pattern(
        &mut self,
        pattern: &'a ast::VariantPattern,
        place: Expr,
        mode: Mode,
        walk: &mut Walk,
    ) -> (Test, Pat) {
        let wanted = self.shallow(place.ty);
        let last = *pattern.path.last().expect("a path has a name");
        let found = match (&pattern.path[..], self.cx.enum_of(wanted)) {
            ([name], Some(def)) => self.cx.variant_named(def, name.name),
            (path, _) => self.variant_by_names(path, Some(wanted)),
        };
        if let Some(id) = found {
            let args = pattern.args.as_deref();
            return self.matched_variant(id, args, place, mode, walk, pattern.span);
        }
        if let ([module, name], None) = (&pattern.path[..], &pattern.args)
            && let Some(from) = self.cx.alias(self.module, module.name)
            && let Some(&Value::Const(id)) = self.cx.modules[from.0 as usize].values.get(&name.name)
        {
            let value = self.constant_value(id, pattern.span);
            return self.constant_pattern(value, place, pattern.span);
        }
        self.no_such_variant(&pattern.path, self.cx.enum_of(wanted), last);
        pattern.args.iter().flatten().for_each(|part| drop(self.bind_nothing(part, walk)));
        (Test::Any, Pat::Any)
    }

    /// Reports a path in a pattern that names no variant.
    pub(super) fn no_such_variant(
        &mut self,
        path: &[ast::Ident],
        known: Option<crate::types::StructId>,
        last: ast::Ident,
    ) {
        let of = match path {
            [of, _] => self.enum_named(of.name),
            [module, of, _] => self.enum_in(module.name, of.name),
            _ => known,
        };
        if let Some(def) = of {
            return self.unknown_variant(def, last);
        }
        let text = path.iter().map(|name| name.name.as_str()).collect::<Vec<_>>().join(".");
        let title = format!("there is no variant `{text}`");
        self.error(Diagnostic::error(codes::UNKNOWN_VARIANT, path[0].span.to(last.span), title));
    }

    /// Whether `ty` is, or becomes, the type with variants `def`; reports it if not.
    pub(super) fn fits_enum(&mut self, id: VariantId, ty: Ty, span: Span) -> bool {
        let ty = self.shallow(ty);
        if self.cx.enum_of(ty) == Some(id.0) {
            return true;
        }
        if self.var_kind(ty) == Some(VarKind::General) {
            let found = self.enum_type(id.0, &[], None, span);
            return self.unify(ty, found);
        }
        let path = self.cx.variant_path_text(id);
        self.unfit(&path, ty, span);
        false
    }

    /// Reports a pattern of another type than what it is to take.
    pub(super) fn unfit(&mut self, pattern: &str, ty: Ty, span: Span) {
        if self.shallow(ty) != Ty::ERROR {
            let shown = self.a(ty);
            let title = format!("the pattern `{pattern}` does not fit {shown}");
            self.error(Diagnostic::error(codes::MISMATCH, span, title));
        }
    }

    fn matched_variant(
        &mut self,
        id: VariantId,
        args: Option<&'a [ast::Pattern]>,
        place: Expr,
        mode: Mode,
        walk: &mut Walk,
        span: Span,
    ) -> (Test, Pat) {
        let nothing = |fx: &mut Self, walk: &mut Walk| {
            args.iter().copied().flatten().for_each(|part| drop(fx.bind_nothing(part, walk)));
            (Test::Any, Pat::Any)
        };
        if !self.fits_enum(id, place.ty, span) {
            return nothing(self, walk);
        }
        let variant = self.variant_in(place.ty, id.1);
        let given = args.map(<[_]>::len);
        let fits = match given {
            None => variant.fields.is_empty(),
            Some(count) => !variant.named && count == variant.fields.len(),
        };
        if !fits {
            self.wrong_payload(id, &variant, given, span);
            return nothing(self, walk);
        }
        let mut tests = vec![Test::Variant { place: place.clone(), variant: id.1 }];
        let mut pats = Vec::new();
        for (index, (part, field)) in args.iter().copied().flatten().zip(&variant.fields).enumerate() {
            let payload = payload(&place, id.1, index, field.ty, part.span());
            let (test, pat) = self.pattern(part, payload, mode, walk);
            tests.push(test);
            pats.push(pat);
        }
        (all(tests), Pat::Variant(id.1, pats))
    }
}

/// A field of the payload of a variant.
pub(super) fn payload(base: &Expr, variant: u32, index: usize, ty: Ty, span: Span) -> Expr {
    let kind = ExprKind::Payload { base: Box::new(base.clone()), variant, index: index as u32 };
    Expr { kind, ty, span }
}

/// One of these tests; several sets of values of the same place are one.
pub(super) fn any_of(tests: Vec<Test>) -> Test {
    if tests.iter().any(|test| matches!(test, Test::Any)) {
        return Test::Any;
    }
    let mut list: Vec<Test> = Vec::with_capacity(tests.len());
    for test in tests {
        match (test, list.last_mut()) {
            // The alternatives of an or-pattern look at one place.
            (Test::Ints { ranges, .. }, Some(Test::Ints { ranges: before, .. })) => before.extend(ranges),
            (test, _) => list.push(test),
        }
    }
    if list.len() == 1 { list.swap_remove(0) } else { Test::One(list) }
}
