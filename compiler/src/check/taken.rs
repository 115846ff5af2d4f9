//! Arms that take values apart, and fields that are moved out of variables. Once all types are known, it is known what an
//! arm moves out of what it looks at: then the whole has no owner any more, and the parts that got no name are dropped
//! where the arm begins. The same goes for a variable, or after the last of several fields that are moved together.

use vex_syntax::{Diagnostic, Span};

use super::codes;
use super::function::FnCx;
use super::literal::domain;
use super::pattern::payload;
use crate::typed::{Arm, Block, Expr, ExprKind, GlobalPattern, Pattern, Stmt, StmtKind, Test, walk};
use crate::types::{Ty, TyKind};

impl FnCx<'_, '_> {
    /// Finishes the arms of a `match` whose types are settled.
    pub(super) fn settle_match(&mut self, expr: &mut Expr) {
        let ExprKind::Match { value, arms } = &mut expr.kind else { return };
        let whole = looked_at(value);
        for arm in arms {
            self.settle_test(&mut arm.test);
            // The alternatives of an or-pattern, each with what it binds.
            self.settle_arm(arm, &whole);
        }
    }

    /// Cuts ranges at the ends of their types.
    fn settle_test(&mut self, test: &mut Test) {
        match test {
            Test::All(tests) | Test::One(tests) => tests.iter_mut().for_each(|test| self.settle_test(test)),
            Test::Ints { place, ranges } => {
                if let Some((least, most)) = domain(&self.cx.types, place.ty) {
                    for (lo, hi) in ranges {
                        (*lo, *hi) = ((*lo).clamp(least, most), (*hi).clamp(least, most));
                    }
                }
            }
            Test::Any | Test::Variant { .. } | Test::Cond(_) => {}
        }
    }

    fn settle_arm(&mut self, arm: &mut Arm, whole: &Expr) {
        let moves = |fx: &Self, value: &Expr| match &value.kind {
            ExprKind::Take(part) => fx.cx.types.needs_drop(part.ty),
            ExprKind::Match { arms, .. } => arms
                .iter()
                .any(|arm| matches!(&arm.body.kind, ExprKind::Take(part) if fx.cx.types.needs_drop(part.ty))),
            _ => false,
        };
        let Some(at) = arm.bindings.iter().find(|(_, value)| moves(self, value)).map(|(_, value)| value.span)
        else {
            return;
        };
        let mut stmts = Vec::new();
        let choices = arm.bindings.iter().find_map(|(_, value)| match &value.kind {
            ExprKind::Match { arms, .. } => Some(arms),
            _ => None,
        });
        match choices {
            None => {
                let taken: Vec<Expr> =
                    arm.bindings.iter().filter_map(|(_, value)| taken_part(value)).collect();
                self.drop_rest(whole, &taken, at, &mut stmts);
            }
            Some(choices) => {
                let mut arms = Vec::with_capacity(choices.len());
                for (index, choice) in choices.iter().enumerate() {
                    let chosen = arm.bindings.iter().filter_map(|(_, value)| match &value.kind {
                        ExprKind::Match { arms, .. } => arms.get(index).and_then(|arm| taken_part(&arm.body)),
                        _ => taken_part(value),
                    });
                    let taken: Vec<Expr> = chosen.collect();
                    let mut drops = Vec::new();
                    self.drop_rest(whole, &taken, at, &mut drops);
                    let kind = ExprKind::Block(Block { stmts: drops, value: None });
                    let body = Expr { kind, ty: Ty::UNIT, span: at };
                    arms.push(Arm { test: choice.test.clone(), bindings: Vec::new(), guard: None, body });
                }
                let kind = ExprKind::Match { value: Box::new(whole.clone()), arms };
                let drops = Expr { kind, ty: Ty::UNIT, span: at };
                stmts.push(Stmt { kind: StmtKind::Expr(drops), span: at });
            }
        }
        stmts.push(forget(whole, at));
        let (ty, span) = (arm.body.ty, arm.body.span);
        let nothing = Expr { kind: ExprKind::Unit, ty: Ty::UNIT, span };
        let body = std::mem::replace(&mut arm.body, nothing);
        let block = Block { stmts, value: Some(Box::new(body)) };
        arm.body = Expr { kind: ExprKind::Block(block), ty, span };
    }

    /// A field that is moved out of a variable or a temporary: the rest of that is dropped, and the whole is gone.
    pub(super) fn settle_move(&mut self, expr: &mut Expr) {
        let ExprKind::Move(place) = &expr.kind else { return };
        let part = looked_at(place);
        let Some(whole) = self.taken_apart(&part) else { return };
        let (ty, span, whole) = (expr.ty, expr.span, whole.clone());
        let local = self.hidden(span, ty);
        let taken = Expr { kind: ExprKind::Take(place.clone()), ty, span };
        let kind = StmtKind::Let { pattern: Pattern::Local(local), init: Some(taken) };
        let mut stmts = vec![Stmt { kind, span }];
        self.drop_rest(&whole, &[part], span, &mut stmts);
        stmts.push(forget(&whole, span));
        let name = Expr { kind: ExprKind::Local(local), ty, span };
        let value = Expr { kind: ExprKind::Move(Box::new(name)), ty, span };
        expr.kind = ExprKind::Block(Block { stmts, value: Some(Box::new(value)) });
    }

    /// Fields of one variable that statements right after each other move to names: the rest is dropped after the last.
    pub(super) fn join_moves(&mut self, block: &mut Block) {
        let mut at = 0;
        while at < block.stmts.len() {
            let first = at;
            let mut parts: Vec<Expr> = Vec::new();
            while let Some(part) =
                block.stmts.get_mut(at).and_then(named).and_then(|init| self.moved_part(init))
            {
                if !self.goes_with(&part, &parts) {
                    break;
                }
                parts.push(part);
                at += 1;
            }
            if parts.len() < 2 {
                at = first + 1;
                continue;
            }
            block.stmts[first..at].iter_mut().filter_map(named).for_each(taken_only);
            let span = parts[parts.len() - 1].span;
            let rest = self.without(&parts, span);
            let count = rest.len();
            block.stmts.splice(at..at, rest);
            at += count;
        }
    }

    /// The same of operands. What stands between them must not leave: then the variable would be dropped as a whole.
    pub(super) fn join_operands(&mut self, expr: &mut Expr) {
        let mut parts: Vec<Expr> = Vec::new();
        let (mut open, mut count) = (true, 0);
        walk::children(expr, &mut |operand| match self
            .moved_part(operand)
            .filter(|part| open && self.goes_with(part, &parts))
        {
            Some(part) => {
                parts.push(part);
                count += 1;
            }
            None => open &= parts.is_empty() || is_still(operand),
        });
        if count < 2 {
            return;
        }
        let mut left = count;
        walk::children_mut(expr, &mut |operand| {
            let Some(part) = self.moved_part(operand) else { return };
            if left == 0 || !parts.iter().any(|known| same_place(known, &part)) {
                return;
            }
            left -= 1;
            if left > 0 {
                taken_only(operand);
            } else if let ExprKind::Block(block) = &mut operand.kind {
                block.stmts.truncate(1);
                block.stmts.extend(self.without(&parts, operand.span));
            }
        });
    }

    /// Statements that drop the rest of a variable of which these parts were taken.
    fn without(&mut self, parts: &[Expr], at: Span) -> Vec<Stmt> {
        let mut stmts = Vec::new();
        if let Some(whole) = parts.first().and_then(|part| self.taken_apart(part)).cloned() {
            self.drop_rest(&whole, parts, at, &mut stmts);
            stmts.push(forget(&whole, at));
        }
        stmts
    }

    /// Whether a part is of the variable that the others are parts of, and none of them.
    fn goes_with(&self, part: &Expr, others: &[Expr]) -> bool {
        let same = match (others.first().and_then(|first| self.taken_apart(first)), self.taken_apart(part)) {
            (Some(one), Some(other)) => same_place(one, other),
            (first, _) => first.is_none(),
        };
        same && !others.iter().any(|other| is_inside(other, part) || is_inside(part, other))
    }

    /// The field that an expression moves out of a variable, as `settle_move` writes that.
    fn moved_part(&self, expr: &Expr) -> Option<Expr> {
        let ExprKind::Block(Block { stmts, value: Some(value) }) = &expr.kind else { return None };
        let StmtKind::Let { pattern: Pattern::Local(local), init: Some(init) } = &stmts.first()?.kind else {
            return None;
        };
        let (ExprKind::Take(place), ExprKind::Move(moved)) = (&init.kind, &value.kind) else { return None };
        let part = matches!(moved.kind, ExprKind::Local(id) if id == *local).then(|| looked_at(place))?;
        // Those of a temporary are not moved by name.
        (same_place(&part, place) && self.taken_apart(&part).is_some()).then_some(part)
    }

    /// The variable that a place is a field of, if nothing around the field needs to be whole to be dropped.
    fn taken_apart<'e>(&self, part: &'e Expr) -> Option<&'e Expr> {
        let ExprKind::Field { base, .. } = &part.kind else { return None };
        if self.cx.types.struct_of(base.ty).is_some_and(|def| def.declares_drop) {
            return None;
        }
        match base.kind {
            ExprKind::Local(_) | ExprKind::Global(_) => Some(base),
            _ => self.taken_apart(base),
        }
    }

    /// Statements that drop what is in a place and was not taken out of it.
    fn drop_rest(&mut self, place: &Expr, taken: &[Expr], at: Span, out: &mut Vec<Stmt>) {
        if !self.cx.types.needs_drop(place.ty) {
            return;
        }
        if taken.iter().any(|part| same_place(part, place)) {
            if taken.iter().filter(|part| is_inside(part, place)).count() > 1 {
                let title = "a value and a part of it cannot both be moved to names";
                let d = Diagnostic::error(codes::PATTERN, at, title);
                self.error(d.help("bind one of the two, or match on a reference: `match &value`"));
            }
            return;
        }
        let inside: Vec<Expr> = taken.iter().filter(|part| is_inside(part, place)).cloned().collect();
        if inside.is_empty() {
            let (ty, part) = (place.ty, Box::new(place.clone()));
            let value = Expr { kind: ExprKind::Take(part), ty, span: at };
            return out.push(Stmt { kind: StmtKind::Expr(value), span: at });
        }
        for part in self.parts_of(place, &inside[0], at) {
            self.drop_rest(&part, &inside, at, out);
        }
    }

    /// The parts of a place that `inside` is a part of.
    fn parts_of(&mut self, place: &Expr, inside: &Expr, at: Span) -> Vec<Expr> {
        if let Some(variants) = self.cx.types.variants_of(place.ty) {
            let Some(variant) = variant_in(inside, place) else { return Vec::new() };
            let fields = variants[variant as usize].fields.iter().enumerate();
            return fields.map(|(index, field)| payload(place, variant, index, field.ty, at)).collect();
        }
        if self.cx.types.struct_of(place.ty).is_some_and(|def| def.declares_drop) {
            let shown = self.cx.a(place.ty);
            let title = format!("a part of {shown} cannot be moved out of it");
            let d = Diagnostic::error(codes::MOVE_OUT, at, title).note("its `drop` needs the whole of it");
            self.error(d.help("match on a reference: `match &value`"));
            return Vec::new();
        }
        let types = match self.cx.types.kind(place.ty) {
            TyKind::Tuple(elems) => elems.clone(),
            _ => self.cx.types.fields_of(place.ty).into_iter().map(|field| field.ty).collect(),
        };
        let field = |(index, ty): (usize, Ty)| {
            let base = Box::new(place.clone());
            Expr { kind: ExprKind::Field { base, index: index as u32 }, ty, span: at }
        };
        types.into_iter().enumerate().map(field).collect()
    }
}

/// What a statement binds to one name.
fn named(stmt: &mut Stmt) -> Option<&mut Expr> {
    match &mut stmt.kind {
        StmtKind::Let { pattern: Pattern::Local(_), init } => init.as_mut(),
        StmtKind::InitGlobal { pattern: GlobalPattern::Global(_), init } => Some(init),
        _ => None,
    }
}

/// Leaves nothing of a field's move but the field.
fn taken_only(expr: &mut Expr) {
    if let ExprKind::Block(block) = &mut expr.kind
        && let Some(Stmt { kind: StmtKind::Let { init: Some(init), .. }, .. }) = block.stmts.first_mut()
    {
        expr.kind = std::mem::replace(&mut init.kind, ExprKind::Unit);
    }
}

/// Whether an operand does nothing but give a value.
fn is_still(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Local(_) | ExprKind::Global(_) => true,
        ExprKind::Field { base, .. } => is_still(base),
        ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Str(_) | ExprKind::Unit => true,
        _ => false,
    }
}

/// The statement after which a place holds nothing any more.
fn forget(whole: &Expr, at: Span) -> Stmt {
    let moved = Expr { kind: ExprKind::Move(Box::new(whole.clone())), ty: whole.ty, span: at };
    let gone = Expr { kind: ExprKind::Forget(Box::new(moved)), ty: Ty::UNIT, span: at };
    Stmt { kind: StmtKind::Expr(gone), span: at }
}

/// The place that an expression looks at, once that was evaluated.
fn looked_at(value: &Expr) -> Expr {
    match &value.kind {
        ExprKind::Field { base, index } => {
            let (ty, span) = (value.ty, value.span);
            Expr { kind: ExprKind::Field { base: Box::new(looked_at(base)), index: *index }, ty, span }
        }
        ExprKind::Temp { local, .. } => Expr { kind: ExprKind::Local(*local), ..value.clone() },
        ExprKind::Deref(pointer) => {
            let (ty, span) = (value.ty, value.span);
            Expr { kind: ExprKind::Deref(Box::new(looked_at(pointer))), ty, span }
        }
        _ => value.clone(),
    }
}

fn taken_part(value: &Expr) -> Option<Expr> {
    match &value.kind {
        ExprKind::Take(part) => Some((**part).clone()),
        _ => None,
    }
}

fn same_place(a: &Expr, b: &Expr) -> bool {
    use ExprKind::*;
    match (&a.kind, &b.kind) {
        (Local(x), Local(y)) => x == y,
        (Global(x), Global(y)) => x == y,
        (Field { base: a, index: x }, Field { base: b, index: y }) => x == y && same_place(a, b),
        (Payload { base: a, variant: v, index: x }, Payload { base: b, variant: w, index: y }) => {
            v == w && x == y && same_place(a, b)
        }
        (Deref(a), Deref(b)) => same_place(a, b),
        _ => false,
    }
}

/// Whether a place is another one or a part of it.
fn is_inside(part: &Expr, whole: &Expr) -> bool {
    if same_place(part, whole) {
        return true;
    }
    match &part.kind {
        ExprKind::Field { base, .. } | ExprKind::Payload { base, .. } => is_inside(base, whole),
        _ => false,
    }
}

/// Of a place inside the payload of `whole`: of which variant.
fn variant_in(part: &Expr, whole: &Expr) -> Option<u32> {
    match &part.kind {
        ExprKind::Payload { base, variant, .. } if same_place(base, whole) => Some(*variant),
        ExprKind::Field { base, .. } | ExprKind::Payload { base, .. } => variant_in(base, whole),
        _ => None,
    }
}
