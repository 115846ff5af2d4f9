//! `match`: what is looked at, its arms, and the value of all of them.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Symbol};

use super::coerce::result_of;
use super::exhaustive::{self, Pat, TooEntangled};
use super::function::{Expect, FnCx};
use super::pattern::{Mode, Walk, any_of};
use super::{codes, local::LocalInfo};
use crate::typed::{Arm, Expr, ExprKind, LocalId, Test};
use crate::types::Ty;

/// Most ways in which one arm may bind its names.
const MAX_ALTERNATIVES: usize = 256;

/// Values that a report of missing arms names.
const MAX_SHOWN: usize = 3;

/// A `match` whose arms are looked through once all types are known.
pub(super) struct PendingMatch {
    /// The type of what is looked at.
    ty: Ty,
    /// Where that is written.
    span: Span,
    /// What each arm takes, whether it has a guard, and its place.
    rows: Vec<(Pat, bool, Span)>,
}

/// One of the ways in which an arm takes a value: its test, what the names are bound to, and what that takes.
type Way = (Test, Vec<(ast::Ident, Expr)>, Pat);

/// What is looked at: the expression that makes it, and the place that it then is.
pub(super) struct Scrutinee {
    pub(super) value: Expr,
    pub(super) place: Expr,
}

impl<'a> FnCx<'_, 'a> {
    /// `match value { … }`
    pub(super) fn match_expr(
        &mut self,
        value: &'a ast::Expr,
        arms: &'a [ast::MatchArm],
        expect: Expect,
        span: Span,
    ) -> Expr {
        let copied = arms.iter().any(|arm| arm.guard.is_some());
        let Scrutinee { value: init, place } = self.at_site(value.span, |fx| fx.scrutinee(value, copied));
        let straight = std::mem::replace(&mut self.straight, false);
        let (mut typed, mut rows) = (Vec::with_capacity(arms.len()), Vec::with_capacity(arms.len()));
        for arm in arms {
            let (made, pat) = self.scoped(|fx| fx.match_arm(arm, &place, expect));
            rows.push((pat, arm.guard.is_some(), arm.pattern.span()));
            typed.push(made);
        }
        self.straight = straight;
        self.matches.push(PendingMatch { ty: place.ty, span: value.span, rows });
        let ty = self.join_arms(&mut typed, expect);
        Expr { kind: ExprKind::Match { value: Box::new(init), arms: typed }, ty, span }
    }

    fn match_arm(&mut self, arm: &'a ast::MatchArm, place: &Expr, expect: Expect) -> (Arm, Pat) {
        let (test, bindings, pat) = self.arm_pattern(&arm.pattern, place);
        let guard = arm.guard.as_ref().map(|guard| self.condition(guard));
        let body = match expect {
            Expect::Effect => self.effect(&arm.body),
            _ => self.at_site(arm.body.span, |fx| fx.with_temps(|fx| fx.value(&arm.body, expect))),
        };
        (Arm { test, bindings, guard, body }, pat)
    }

    /// What a `match` or `if let` looks at. A place stays where it is; what would have to be computed again is
    /// computed once, and what a guard could change is copied.
    pub(super) fn scrutinee(&mut self, value: &'a ast::Expr, copied: bool) -> Scrutinee {
        let value = self.expr(value, Expect::Any);
        if self.shallow(value.ty) == Ty::NEVER {
            let value = self.coerce(value, Ty::UNIT);
            return self.held(value);
        }
        if !self.is_place(&value) {
            return self.held(value);
        }
        let ty = self.shallow(value.ty);
        let by_value = !self.may_be_owned(ty);
        if copied && by_value && self.cx.types.layout(ty).size <= 64 && self.changeable(&value) {
            let value = self.consume(value);
            return self.held(value);
        }
        if is_simple(&value) {
            return Scrutinee { value: value.clone(), place: value };
        }
        let span = value.span;
        let reference = self.borrow_place(value, false);
        let held = self.held(reference);
        let deref = |pointer: Expr| Expr { kind: ExprKind::Deref(Box::new(pointer)), ty, span };
        Scrutinee { value: deref(held.value), place: deref(held.place) }
    }

    /// Whether code that runs meanwhile can assign to a place.
    fn changeable(&self, place: &Expr) -> bool {
        match &place.kind {
            ExprKind::Local(id) => {
                let LocalInfo { mutable, late, .. } = self.info[id.0 as usize];
                mutable || late
            }
            ExprKind::Field { base, .. } | ExprKind::Payload { base, .. } => self.changeable(base),
            _ => true,
        }
    }

    /// A value with a place of its own.
    pub(super) fn held(&mut self, value: Expr) -> Scrutinee {
        let (ty, span) = (value.ty, value.span);
        let value = self.temporary(value);
        let ExprKind::Temp { local, .. } = value.kind else { unreachable!("just made") };
        Scrutinee { value, place: Expr { kind: ExprKind::Local(local), ty, span } }
    }

    /// The test and the bindings of an arm, whose names are declared in the current scope.
    pub(super) fn arm_pattern(
        &mut self,
        pattern: &'a ast::Pattern,
        place: &Expr,
    ) -> (Test, Vec<(LocalId, Expr)>, Pat) {
        let mut walk = Walk::default();
        let mut found: Vec<Way> = Vec::new();
        loop {
            let (test, pat) = self.pattern(pattern, place.clone(), Mode::Value, &mut walk);
            found.push((test, std::mem::take(&mut walk.bindings), pat));
            if found.len() > MAX_ALTERNATIVES {
                let title =
                    format!("there are more than {MAX_ALTERNATIVES} ways to bind the names of this pattern");
                let d = Diagnostic::error(codes::PATTERN, pattern.span(), title);
                self.error(d.help("give the alternatives arms of their own"));
                break;
            }
            if !walk.advance() {
                break;
            }
        }
        if found.len() == 1 {
            let (test, bindings, pat) = found.swap_remove(0);
            let bindings = bindings
                .into_iter()
                .map(|(name, value)| (self.declare_bound(name, &value, &walk.mutable), value));
            return (test, bindings.collect(), pat);
        }
        self.alternatives(found, place, pattern.span(), &walk.mutable)
    }

    fn declare_bound(&mut self, name: ast::Ident, value: &Expr, mutable: &[Symbol]) -> LocalId {
        self.declare(name.name, name.span, value.ty, mutable.contains(&name.name))
    }

    /// Makes one arm of several ways to take a value: what a name is bound to depends on which it was.
    fn alternatives(
        &mut self,
        found: Vec<Way>,
        place: &Expr,
        span: Span,
        mutable: &[Symbol],
    ) -> (Test, Vec<(LocalId, Expr)>, Pat) {
        let names: Vec<ast::Ident> = found[0].1.iter().map(|(name, _)| *name).collect();
        for (_, bindings, _) in &found[1..] {
            let other = |a: &[ast::Ident], b: &[ast::Ident]| {
                a.iter().find(|name| !b.iter().any(|known| known.name == name.name)).copied()
            };
            let these: Vec<ast::Ident> = bindings.iter().map(|(name, _)| *name).collect();
            if let Some(name) = other(&names, &these).or_else(|| other(&these, &names)) {
                let title = format!("`{}` is not bound in every alternative", name.name);
                let d = Diagnostic::error(codes::PATTERN, name.span, title).label(span, "of this pattern");
                self.error(d.help("bind the same names on both sides of each `|`"));
            }
        }
        let mut values: Vec<Vec<Arm>> = names.iter().map(|_| Vec::with_capacity(found.len())).collect();
        let (mut tests, mut pats) = (Vec::with_capacity(found.len()), Vec::with_capacity(found.len()));
        let mut types: Vec<Option<Ty>> = vec![None; names.len()];
        let last = found.len() - 1;
        for (at, (test, bindings, pat)) in found.into_iter().enumerate() {
            for (name, value) in bindings {
                let Some(index) = names.iter().position(|known| known.name == name.name) else { continue };
                let ty = *types[index].get_or_insert(value.ty);
                if !self.unify(ty, value.ty) {
                    let (a, b) = (self.a(ty), self.a(value.ty));
                    let title = format!("`{}` is {a} in one alternative and {b} in another", name.name);
                    self.error(Diagnostic::error(codes::MISMATCH, name.span, title));
                }
                // The arm's own test has seen to it that the last one fits if no other does.
                let test = if at == last { Test::Any } else { test.clone() };
                values[index].push(Arm { test, bindings: Vec::new(), guard: None, body: value });
            }
            tests.push(test);
            pats.push(pat);
        }
        let mut bindings = Vec::with_capacity(names.len());
        for ((name, arms), ty) in names.into_iter().zip(values).zip(types) {
            let value = Box::new(place.clone());
            let kind = ExprKind::Match { value, arms };
            let value = Expr { kind, ty: ty.unwrap_or(Ty::ERROR), span: name.span };
            bindings.push((self.declare_bound(name, &value, mutable), value));
        }
        (any_of(tests), bindings, Pat::Or(pats))
    }

    /// Gives the arms one type.
    pub(super) fn join_arms(&mut self, arms: &mut [Arm], expect: Expect) -> Ty {
        let take = |fx: &Self, arm: &mut Arm| {
            let nothing = fx.poison(arm.body.span);
            std::mem::replace(&mut arm.body, nothing)
        };
        let never = arms.iter().all(|arm| self.shallow(arm.body.ty) == Ty::NEVER);
        if expect == Expect::Effect {
            for arm in arms {
                let body = take(self, arm);
                arm.body = self.discard(body);
            }
            return if never { Ty::NEVER } else { Ty::UNIT };
        }
        if never {
            return Ty::NEVER;
        }
        if let Some(ty) = expect.ty() {
            let nothing = |ty| matches!(ty, Ty::UNIT | Ty::NEVER);
            if arms.iter().all(|arm| nothing(self.shallow(arm.body.ty))) && self.shallow(ty) != Ty::UNIT {
                // One report at the end, not one an arm.
                return self.coerce_arms(arms, Ty::UNIT);
            }
            return self.coerce_arms(arms, ty);
        }
        self.common_type(arms)
    }

    fn coerce_arms(&mut self, arms: &mut [Arm], ty: Ty) -> Ty {
        for arm in arms {
            let nothing = self.poison(arm.body.span);
            let body = std::mem::replace(&mut arm.body, nothing);
            arm.body = self.coerce(body, ty);
        }
        ty
    }

    /// The type that the bodies of all arms have or convert to.
    fn common_type(&mut self, arms: &mut [Arm]) -> Ty {
        let first = arms.iter().position(|arm| self.shallow(arm.body.ty) != Ty::NEVER).unwrap_or(0);
        let mut ty = arms[first].body.ty;
        for index in first + 1..arms.len() {
            let nothing = self.poison(arms[index].body.span);
            let body = std::mem::replace(&mut arms[index].body, nothing);
            let body = match self.try_coerce(body, ty) {
                Ok(body) => body,
                Err(body) => {
                    let wider = body.ty;
                    if !arms[first..index].iter_mut().all(|arm| self.widen(&mut arm.body, wider)) {
                        return self.different_arms(&arms[first].body, &body);
                    }
                    ty = wider;
                    body
                }
            };
            arms[index].body = body;
        }
        self.coerce_arms(&mut arms[..first], ty);
        ty
    }

    fn widen(&mut self, body: &mut Expr, ty: Ty) -> bool {
        let nothing = self.poison(body.span);
        let (value, fits) = match self.try_coerce(std::mem::replace(body, nothing), ty) {
            Ok(value) => (value, true),
            Err(value) => (value, false),
        };
        *body = value;
        fits
    }

    fn different_arms(&mut self, first: &Expr, other: &Expr) -> Ty {
        let (a, b) = (self.shown(first.ty), self.shown(other.ty));
        let title = format!("the arms have different types: {a} and {b}");
        let (a, b) = (self.a(first.ty), self.a(other.ty));
        let d = Diagnostic::error(codes::MISMATCH, result_of(other).span, title).at(b);
        self.error(d.label(result_of(first).span, a));
        Ty::ERROR
    }

    /// Reports what no arm takes, and warns of arms that take nothing. All types are known by now.
    pub(super) fn check_matches(&mut self) {
        for pending in std::mem::take(&mut self.matches) {
            let Ok(ty) = self.resolved(pending.ty) else { continue };
            if ty == Ty::ERROR || self.cx.errors > self.errors_before {
                continue;
            }
            let sure: Vec<&Pat> = pending.rows.iter().filter(|row| !row.1).map(|row| &row.0).collect();
            match exhaustive::missing(&mut self.cx.types, ty, &sure, MAX_SHOWN + 1) {
                Ok(missing) if missing.is_empty() => {}
                Ok(missing) => self.not_exhaustive(&pending, ty, &missing),
                Err(TooEntangled) => {
                    let title = "these patterns are too entangled to see whether they take every value";
                    let d = Diagnostic::error(codes::NOT_EXHAUSTIVE, pending.span, title);
                    self.error(d.help("add an arm for everything else: `_ => …`"));
                    continue;
                }
            }
            self.warn_of_useless_arms(&pending, ty);
        }
    }

    fn not_exhaustive(&mut self, pending: &PendingMatch, ty: Ty, missing: &[exhaustive::Witness]) {
        let shown: Vec<String> = missing
            .iter()
            .take(MAX_SHOWN)
            .map(|witness| format!("`{}`", witness.show(&self.cx.types)))
            .collect();
        let list = match &shown[..] {
            all if missing.len() > MAX_SHOWN => format!("{} and more", all.join(", ")),
            [one] => one.clone(),
            [all @ .., last] => format!("{} and {last}", all.join(", ")),
            [] => "`_`".into(),
        };
        let title = format!("no arm takes {list}");
        let shown_ty = self.a(ty);
        let d =
            Diagnostic::error(codes::NOT_EXHAUSTIVE, pending.span, title).at(format!("this is {shown_ty}"));
        let d = match pending.rows.iter().any(|row| row.1) {
            true => d.note("an arm with a guard does not count: the guard may not hold"),
            false => d,
        };
        self.error(d.help("add the missing arms, or one for everything else: `_ => …`"));
    }

    fn warn_of_useless_arms(&mut self, pending: &PendingMatch, ty: Ty) {
        // Each arm is held against all before it.
        if self.cx.loaded.module(self.module).library || pending.rows.len() > 300 {
            return;
        }
        let mut before: Vec<&Pat> = Vec::new();
        for (pat, guarded, span) in &pending.rows {
            if exhaustive::is_useful(&mut self.cx.types, ty, &before, pat) == Ok(false) {
                let title = "this arm is never reached";
                let d = Diagnostic::warning(codes::UNREACHABLE, *span, title);
                self.cx.diags.push(d.note("the arms before it take every value that it takes"));
            }
            if !guarded {
                before.push(pat);
            }
        }
    }
}

/// Whether a place is the same memory whenever it is evaluated, and that costs nothing.
pub(super) fn is_simple(place: &Expr) -> bool {
    match &place.kind {
        ExprKind::Local(_) | ExprKind::Global(_) => true,
        ExprKind::Field { base, .. } | ExprKind::Payload { base, .. } => is_simple(base),
        ExprKind::Deref(pointer) => is_simple(pointer),
        _ => false,
    }
}
