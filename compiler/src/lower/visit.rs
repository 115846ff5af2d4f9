//! Walking the typed tree.

use crate::typed::{Callee, Expr, ExprKind, Piece, StmtKind};

/// Calls `f` on each direct part of `expr` in the order of evaluation.
pub(super) fn children<'p>(expr: &'p Expr, f: &mut impl FnMut(&'p Expr)) {
    use ExprKind::*;
    match &expr.kind {
        Int(_) | Float(_) | Bool(_) | Str(_) | Null | Unit | Func { .. } | Local(_) | Global(_) => {}
        Continue(_) => {}
        Field { base: e, .. }
        | Deref(e)
        | Temp { init: e, .. }
        | Move(e)
        | Scope { value: e, .. }
        | Borrow(e)
        | ArrayToSlice(e)
        | Neg(e)
        | Not(e)
        | BitNot(e)
        | Cast { value: e, .. }
        | OptionIsSome(e)
        | DataPtr(e)
        | Len(e)
        | Repeat(e)
        | Loop { body: e, .. } => f(e),
        Index { base: a, index: b }
        | Binary { left: a, right: b, .. }
        | Logic { left: a, right: b, .. }
        | Checked { left: a, right: b, .. }
        | PtrOffset { base: a, offset: b, .. }
        | PtrDiff { left: a, right: b, .. }
        | OptionExpect { option: a, message: b }
        | OptionOr { option: a, other: b }
        | StrFromParts { data: a, len: b }
        | Assign { place: b, value: a, .. }
        | Update { place: a, value: b, .. }
        | While { cond: a, body: b, .. } => {
            f(a);
            f(b);
        }
        ForRange { lo, hi, body, .. } => {
            f(lo);
            f(hi);
            f(body);
        }
        Call { callee, args } => {
            if let Callee::Pointer(pointer) = callee {
                f(pointer);
            }
            args.iter().for_each(f);
        }
        Intrinsic { args, .. } | Tuple(args) | Array(args) => args.iter().for_each(f),
        Struct(fields) => fields.iter().for_each(|(_, e)| f(e)),
        _ => parts_of_control(expr, f),
    }
}

fn parts_of_control<'p>(expr: &'p Expr, f: &mut impl FnMut(&'p Expr)) {
    use ExprKind::*;
    match &expr.kind {
        Print { pieces: p, .. } | Panic { pieces: p } => pieces(p, f),
        Assert { cond, pieces: p } => {
            f(cond);
            pieces(p, f);
        }
        AssertEq { left, right, pieces: p } => {
            f(left);
            f(right);
            pieces(p, f);
        }
        If { cond, then, els } => {
            f(cond);
            f(then);
            els.iter().for_each(|e| f(e));
        }
        Block(block) => {
            for stmt in &block.stmts {
                match &stmt.kind {
                    StmtKind::Let { init, .. } => init.iter().for_each(&mut *f),
                    StmtKind::InitGlobal { init: e, .. } | StmtKind::Expr(e) => f(e),
                }
            }
            block.value.iter().for_each(|e| f(e));
        }
        Break { value, .. } | Return(value) => value.iter().for_each(|e| f(e)),
        Defer(defer) => f(&defer.body),
        kind => unreachable!("{kind:?} is not control flow"),
    }
}

fn pieces<'p>(pieces: &'p [Piece], f: &mut impl FnMut(&'p Expr)) {
    for piece in pieces {
        if let Piece::Value { value, .. } = piece {
            f(value);
        }
    }
}
