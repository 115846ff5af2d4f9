//! The parts of a typed expression, for passes over whole bodies.

use super::{Arm, Callee, Expr, ExprKind, Piece, StmtKind, Test};

/// One walk over shared and one over mutable trees: they differ in their borrows only.
macro_rules! walk {
    ($(#[$doc:meta])* $children:ident, $several:ident, $pieces:ident, $arm:ident, $test:ident, $iter:ident, [$($mutable:tt)?]) => {
        $(#[$doc])*
        pub fn $children<'p>(expr: &'p $($mutable)? Expr, visit: &mut impl FnMut(&'p $($mutable)? Expr)) {
            use ExprKind::*;
            match & $($mutable)? expr.kind {
                Int(_) | Float(_) | Bool(_) | Str(_) | Null | Unit | Func { .. } | Local(_) | Global(_) => {}
                Continue(_) | Layout { .. } => {}
                Field { base: e, .. }
                | Deref(e)
                | Temp { init: e, .. }
                | Payload { base: e, .. }
                | Move(e)
                | Take(e)
                | Forget(e)
                | Tag(e)
                | Scope { value: e, .. }
                | Borrow(e)
                | ArrayToSlice(e)
                | Neg(e)
                | Not(e)
                | BitNot(e)
                | Cast { value: e, .. }
                | DataPtr(e)
                | Len(e)
                | Repeat(e)
                | Loop { body: e, .. } => visit(e),
                Index { base: a, index: b }
                | Binary { left: a, right: b, .. }
                | Logic { left: a, right: b, .. }
                | Checked { left: a, right: b, .. }
                | PtrOffset { base: a, offset: b, .. }
                | PtrDiff { left: a, right: b, .. }
                | StrFromParts { data: a, len: b }
                | Assign { place: b, value: a, .. }
                | Update { place: a, value: b, .. }
                | While { cond: a, body: b, .. } => {
                    visit(a);
                    visit(b);
                }
                kind => $several(kind, visit),
            }
        }

        /// The parts of the forms with lists or optional parts.
        fn $several<'p>(kind: &'p $($mutable)? ExprKind, visit: &mut impl FnMut(&'p $($mutable)? Expr)) {
            use ExprKind::*;
            match kind {
                ForRange { lo, hi, body, .. } => {
                    visit(lo);
                    visit(hi);
                    visit(body);
                }
                Call { callee, args } => {
                    if let Callee::Pointer(pointer) = callee {
                        visit(pointer);
                    }
                    args.$iter().for_each(visit);
                }
                Intrinsic { args, .. } | Tuple(args) | Array(args) => args.$iter().for_each(visit),
                Variant { fields, .. } | Struct(fields) => fields.$iter().for_each(|(_, e)| visit(e)),
                Print { pieces, .. } | Panic { pieces } => $pieces(pieces, visit),
                Assert { cond, pieces } => {
                    visit(cond);
                    $pieces(pieces, visit);
                }
                AssertEq { left, right, pieces } => {
                    visit(left);
                    visit(right);
                    $pieces(pieces, visit);
                }
                Match { value, arms } => {
                    visit(value);
                    arms.$iter().for_each(|arm| $arm(arm, visit));
                }
                If { cond, then, els } => {
                    visit(cond);
                    visit(then);
                    els.$iter().for_each(|e| visit(e));
                }
                Block(block) => {
                    for stmt in block.stmts.$iter() {
                        match & $($mutable)? stmt.kind {
                            StmtKind::Let { init, .. } => init.$iter().for_each(&mut *visit),
                            StmtKind::InitGlobal { init: e, .. } | StmtKind::Expr(e) => visit(e),
                        }
                    }
                    block.value.$iter().for_each(|e| visit(e));
                }
                Break { value, .. } | Return(value) => value.$iter().for_each(|e| visit(e)),
                Defer(defer) => visit(& $($mutable)? defer.body),
                kind => unreachable!("{kind:?} has a fixed number of parts"),
            }
        }

        /// The parts of an arm: what its tests look at, what it binds, guard and body.
        fn $arm<'p>(arm: &'p $($mutable)? Arm, visit: &mut impl FnMut(&'p $($mutable)? Expr)) {
            $test(& $($mutable)? arm.test, visit);
            arm.bindings.$iter().for_each(|(_, e)| visit(e));
            arm.guard.$iter().for_each(|e| visit(e));
            visit(& $($mutable)? arm.body);
        }

        fn $test<'p>(test: &'p $($mutable)? Test, visit: &mut impl FnMut(&'p $($mutable)? Expr)) {
            match test {
                Test::Any => {}
                Test::All(tests) | Test::One(tests) => tests.$iter().for_each(|test| $test(test, visit)),
                Test::Variant { place, .. } | Test::Ints { place, .. } | Test::Cond(place) => visit(place),
            }
        }

        fn $pieces<'p>(pieces: &'p $($mutable)? [Piece], visit: &mut impl FnMut(&'p $($mutable)? Expr)) {
            for piece in pieces {
                if let Piece::Value { value, .. } = piece {
                    visit(value);
                }
            }
        }
    };
}

walk! {
    /// Calls `visit` on each direct part of `expr`, in the order of evaluation.
    children, several, pieces, arm, test, iter, []
}

walk! {
    /// As [`children`], over a tree that `visit` may change.
    children_mut, several_mut, pieces_mut, arm_mut, test_mut, iter_mut, [mut]
}
