//! The children of a typed expression, for passes over whole bodies.

use crate::typed::{Callee, Expr, ExprKind, Piece, Stmt, StmtKind};

/// Calls `visit` on every direct subexpression of `expr`, in order of evaluation.
pub(super) fn children_mut(expr: &mut Expr, visit: &mut dyn FnMut(&mut Expr)) {
    use ExprKind::*;
    match &mut expr.kind {
        Int(_)
        | Float(_)
        | Bool(_)
        | Str(_)
        | Null
        | Unit
        | Func { .. }
        | Local(_)
        | Global(_)
        | Continue(_) => {}
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
        | Loop { body: e, .. }
        | Repeat(e) => visit(e),
        Index { base: a, index: b }
        | Binary { left: a, right: b, .. }
        | Logic { left: a, right: b, .. }
        | Checked { left: a, right: b, .. }
        | PtrOffset { base: a, offset: b, .. }
        | PtrDiff { left: a, right: b, .. }
        | OptionExpect { option: a, message: b }
        | OptionOr { option: a, other: b }
        | StrFromParts { data: a, len: b }
        | Update { place: a, value: b, .. }
        | While { cond: a, body: b, .. } => {
            visit(a);
            visit(b);
        }
        Assign { place, value, .. } => {
            visit(value);
            visit(place);
        }
        _ => several(&mut expr.kind, visit),
    }
}

/// The children of the forms with lists or optional parts.
fn several(kind: &mut ExprKind, visit: &mut dyn FnMut(&mut Expr)) {
    use ExprKind::*;
    match kind {
        Call { callee, args } => {
            if let Callee::Pointer(pointer) = callee {
                visit(pointer);
            }
            args.iter_mut().for_each(visit);
        }
        Intrinsic { args, .. } | Tuple(args) | Array(args) => args.iter_mut().for_each(visit),
        Print { pieces, .. } | Panic { pieces } => visit_pieces(pieces, visit),
        Assert { cond, pieces } => {
            visit(cond);
            visit_pieces(pieces, visit);
        }
        AssertEq { left, right, pieces } => {
            visit(left);
            visit(right);
            visit_pieces(pieces, visit);
        }
        If { cond, then, els } => {
            visit(cond);
            visit(then);
            els.iter_mut().for_each(|els| visit(els));
        }
        Block(block) => {
            block.stmts.iter_mut().for_each(|stmt| visit_stmt(stmt, visit));
            block.value.iter_mut().for_each(|value| visit(value));
        }
        ForRange { lo, hi, body, .. } => {
            visit(lo);
            visit(hi);
            visit(body);
        }
        Break { value, .. } | Return(value) => value.iter_mut().for_each(|value| visit(value)),
        Defer(defer) => visit(&mut defer.body),
        Struct(fields) => fields.iter_mut().for_each(|(_, value)| visit(value)),
        // Those with a fixed number of children have been visited.
        _ => {}
    }
}

fn visit_stmt(stmt: &mut Stmt, visit: &mut dyn FnMut(&mut Expr)) {
    match &mut stmt.kind {
        StmtKind::Let { init, .. } => init.iter_mut().for_each(visit),
        StmtKind::InitGlobal { init, .. } => visit(init),
        StmtKind::Expr(expr) => visit(expr),
    }
}

fn visit_pieces(pieces: &mut [Piece], visit: &mut dyn FnMut(&mut Expr)) {
    for piece in pieces {
        if let Piece::Value { value, .. } = piece {
            visit(value);
        }
    }
}
