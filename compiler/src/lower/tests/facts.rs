//! Which bounds checks are left out, and which must stay.

use super::build::*;
use crate::typed::*;

/// Whether the index that `make` builds, of an array of eight elements, is checked. The function has an `i64`, a
/// `u64`, a `u8` and an `i8` parameter.
fn is_checked(make: impl FnOnce([Expr; 4]) -> Expr) -> bool {
    let mut p = Prog::new();
    let array = p.ty(TyKind::Array { elem: Ty::I32, len: 8 });
    let reference = p.program.types.reference(array, false);
    let mut f = Fun::new();
    let a = f.param(reference);
    let params = [Ty::I64, Ty::U64, Ty::U8, Ty::I8].map(|ty| f.param(ty));
    let index = make(params.map(|id| f.get(id)));
    let base = expr(ExprKind::Deref(f.get(a).into()), array);
    let body = expr(ExprKind::Index { base: base.into(), index: index.into() }, Ty::I32);
    p.add(f.end("at", Ty::I32, body));
    p.clif("at").contains("call")
}

fn with(op: BinaryOp, left: Expr, right: i64) -> Expr {
    let ty = left.ty;
    binary(op, left, int(right, ty), ty)
}

#[test]
fn an_index_that_cannot_leave_the_array_is_not_checked() {
    use BinaryOp::*;
    assert!(!is_checked(|[x, ..]| with(BitAnd, x, 7)));
    assert!(!is_checked(|[_, x, ..]| with(Rem, x, 8)));
    assert!(!is_checked(|[_, _, x, _]| with(Shr, x, 5)));
    assert!(!is_checked(|[_, _, x, _]| with(Div, x, 32)));
    assert!(!is_checked(|[x, ..]| with(Add, with(BitAnd, x, 3), 4)));
    assert!(!is_checked(|[x, ..]| with(Sub, with(Mul, with(BitAnd, x, 1), 4), 0)));
}

#[test]
fn an_index_that_can_leave_the_array_is_checked() {
    use BinaryOp::*;
    assert!(is_checked(|[x, ..]| x));
    assert!(is_checked(|[_, _, x, _]| x));
    assert!(is_checked(|[x, ..]| with(BitAnd, x, 8)));
    assert!(is_checked(|[x, ..]| with(BitAnd, x, -1)));
    assert!(is_checked(|[x, ..]| with(Rem, x, 8)), "a remainder may be negative");
    assert!(is_checked(|[_, x, ..]| with(Rem, x, 9)));
    assert!(is_checked(|[_, x, ..]| with(Shr, x, 60)), "sixteen values");
    assert!(is_checked(|[_, _, _, x]| with(Shr, x, 5)), "the sign stays");
    assert!(is_checked(|[x, ..]| with(Add, with(BitAnd, x, 7), 1)));
    assert!(is_checked(|[x, ..]| with(Sub, with(BitAnd, x, 7), 1)));
    assert!(is_checked(|[_, _, x, _]| with(Add, with(BitAnd, x, 7), 250)), "it wraps");
    assert!(is_checked(|[_, x, ..]| with(Div, x, i64::MAX)), "two values, but of all 64 bits");
}

/// Whether the index by the variable of a loop is checked. `change` may alter the function's loop variable.
fn loop_is_checked(lo: i64, hi: Option<i64>, inclusive: bool, change: impl FnOnce(&mut Local)) -> bool {
    let mut p = Prog::new();
    let array = p.ty(TyKind::Array { elem: Ty::I32, len: 8 });
    let reference = p.program.types.reference(array, false);
    let mut f = Fun::new();
    let (a, n, i) = (f.param(reference), f.param(Ty::I64), f.local(Ty::I64));
    change(&mut f.locals[i.0 as usize]);
    let base = expr(ExprKind::Deref(f.get(a).into()), array);
    let element = expr(ExprKind::Index { base: base.into(), index: f.get(i).into() }, Ty::I32);
    let looped = ExprKind::ForRange {
        id: LoopId(0),
        local: i,
        lo: int(lo, Ty::I64).into(),
        hi: hi.map_or(f.get(n), |hi| int(hi, Ty::I64)).into(),
        inclusive,
        body: block(vec![stmt(element)], None).into(),
    };
    p.add(f.end("all", Ty::UNIT, block(vec![stmt(expr(looped, Ty::UNIT))], None)));
    p.clif("all").contains("call")
}

#[test]
fn a_loop_over_the_array_checks_nothing() {
    assert!(!loop_is_checked(0, Some(8), false, |_| {}));
    assert!(!loop_is_checked(3, Some(7), true, |_| {}));
    assert!(loop_is_checked(0, Some(8), true, |_| {}));
    assert!(loop_is_checked(0, Some(9), false, |_| {}));
    assert!(loop_is_checked(-1, Some(8), false, |_| {}));
    assert!(loop_is_checked(0, None, false, |_| {}));
    assert!(loop_is_checked(0, Some(8), false, |local| local.borrowed = true), "a pointer may change it");
}

/// What generic code borrows, to compare it by a trait say, its instances for plain numbers may only read.
#[test]
fn a_variable_that_nothing_refers_to_is_known_whatever_is_said_of_it() {
    let checked = |refer: bool| {
        let mut p = Prog::new();
        let array = p.ty(TyKind::Array { elem: Ty::I32, len: 8 });
        let (number, reference) =
            (p.program.types.reference(Ty::I64, true), p.program.types.reference(array, false));
        let mut f = Fun::new();
        let (a, keep) = (f.param(reference), f.param(number));
        let i = f.borrowed(Ty::I64);
        let base = expr(ExprKind::Deref(f.get(a).into()), array);
        let element = expr(ExprKind::Index { base: base.into(), index: f.get(i).into() }, Ty::I32);
        let borrow = expr(ExprKind::Borrow(f.get(i).into()), number);
        let lend = ExprKind::Assign { place: f.get(keep).into(), value: borrow.into(), drop_old: false };
        let mut stmts = vec![super::build::bind(i, int(3, Ty::I64))];
        stmts.extend(refer.then(|| stmt(expr(lend, Ty::UNIT))));
        stmts.push(stmt(element));
        p.add(f.end("all", Ty::UNIT, block(stmts, None)));
        let (_, functions) = p.lower_with(|options| options.stack_check = false);
        functions[0].display().to_string().contains("call")
    };
    assert_eq!([checked(false), checked(true)], [false, true]);
}

/// Whether `v[i]` is checked in `for i in 0..len(of)`, where `of` is `v` or another slice, and `v` may be assigned
/// to in the loop.
fn slice_loop_is_checked(other: bool, assigned: bool) -> bool {
    let mut p = Prog::new();
    let slice = p.ty(TyKind::Slice { mutable: false, elem: Ty::I32 });
    let mut f = Fun::new();
    let (v, w, i) = (f.param(slice), f.param(slice), f.local(Ty::USIZE));
    let of = if other { w } else { v };
    let len = expr(ExprKind::Len(f.get(of).into()), Ty::USIZE);
    let element = expr(ExprKind::Index { base: f.get(v).into(), index: f.get(i).into() }, Ty::I32);
    let mut stmts = vec![stmt(element)];
    if assigned {
        let kind = ExprKind::Assign { place: f.get(v).into(), value: f.get(w).into(), drop_old: false };
        stmts.push(stmt(expr(kind, Ty::UNIT)));
    }
    let looped = ExprKind::ForRange {
        id: LoopId(0),
        local: i,
        lo: int(0, Ty::USIZE).into(),
        hi: len.into(),
        inclusive: false,
        body: block(stmts, None).into(),
    };
    p.add(f.end("all", Ty::UNIT, block(vec![stmt(expr(looped, Ty::UNIT))], None)));
    p.clif("all").contains("call")
}

#[test]
fn a_loop_up_to_the_length_of_a_slice_checks_nothing() {
    assert!(!slice_loop_is_checked(false, false));
    assert!(slice_loop_is_checked(true, false), "the other slice may be longer");
    assert!(slice_loop_is_checked(false, true), "the new value may be shorter");
}

#[test]
fn a_range_without_a_known_end_may_leave_what_a_signed_number_holds() {
    let mut p = Prog::new();
    let array = p.ty(TyKind::Array { elem: Ty::I32, len: 8 });
    let reference = p.program.types.reference(array, false);
    let mut f = Fun::new();
    let (a, n, i) = (f.param(reference), f.param(Ty::U64), f.local(Ty::U64));
    let base = expr(ExprKind::Deref(f.get(a).into()), array);
    let index = with(BinaryOp::Shr, f.get(i), 60);
    let element = expr(ExprKind::Index { base: base.into(), index: index.into() }, Ty::I32);
    let looped = ExprKind::ForRange {
        id: LoopId(0),
        local: i,
        lo: int(0, Ty::U64).into(),
        hi: f.get(n).into(),
        inclusive: false,
        body: block(vec![stmt(element)], None).into(),
    };
    p.add(f.end("all", Ty::UNIT, block(vec![stmt(expr(looped, Ty::UNIT))], None)));
    assert!(p.clif("all").contains("call"));
}
