//! The code of a few functions, whole.

use super::build::*;
use crate::typed::*;

/// Compares code with a file in `goldens/`; with `VEXC_BLESS` set, writes the file.
fn check(name: &str, got: &str) {
    let path = format!("{}/src/lower/tests/goldens/{name}.clif", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("VEXC_BLESS").is_some() {
        return std::fs::write(&path, got).expect("the folder can be written to");
    }
    let wanted = std::fs::read_to_string(&path).expect("the golden exists");
    assert!(got == wanted, "{name} changed; wanted:\n{wanted}\ngot:\n{got}");
}

#[test]
fn recursion_needs_no_memory() {
    let mut p = Prog::new();
    let mut f = Fun::new();
    let n = f.param(Ty::I64);
    let me = FuncId(0);
    let less = |k| binary(BinaryOp::Sub, int_local(n), int(k, Ty::I64), Ty::I64);
    let body = if_else(
        binary(BinaryOp::Lt, f.get(n), int(2, Ty::I64), Ty::BOOL),
        f.get(n),
        Some(binary(
            BinaryOp::Add,
            call(me, vec![less(1)], Ty::I64),
            call(me, vec![less(2)], Ty::I64),
            Ty::I64,
        )),
    );
    p.add(f.end("fib", Ty::I64, body));
    p.program.entry = me;
    check("fib", &p.clif("fib"));
}

fn int_local(id: LocalId) -> Expr {
    expr(ExprKind::Local(id), Ty::I64)
}

#[test]
fn an_index_is_checked_out_of_the_way() {
    let mut p = Prog::new();
    let slice = p.ty(TyKind::Slice { mutable: false, elem: Ty::I32 });
    let mut f = Fun::new();
    let (v, i) = (f.param(slice), f.param(Ty::U32));
    let body = expr(ExprKind::Index { base: f.get(v).into(), index: f.get(i).into() }, Ty::I32);
    p.add(f.end("at", Ty::I32, body));
    check("at", &p.clif("at"));
}

#[test]
fn a_loop_counts_in_a_register() {
    let mut p = Prog::new();
    let mut f = Fun::new();
    let (n, sum, i) = (f.param(Ty::I64), f.local(Ty::I64), f.local(Ty::I64));
    let add = expr(
        ExprKind::Update {
            op: UpdateOp::Binary(BinaryOp::Add),
            place: f.get(sum).into(),
            value: f.get(i).into(),
        },
        Ty::UNIT,
    );
    let looped = expr(
        ExprKind::ForRange {
            id: LoopId(0),
            local: i,
            lo: int(0, Ty::I64).into(),
            hi: f.get(n).into(),
            inclusive: false,
            body: add.into(),
        },
        Ty::UNIT,
    );
    let body = block(vec![bind(sum, int(0, Ty::I64)), stmt(looped)], Some(f.get(sum)));
    p.add(f.end("sum", Ty::I64, body));
    check("sum", &p.clif("sum"));
}

#[test]
fn what_does_not_change_in_a_loop_is_added_to_the_address_first() {
    let mut p = Prog::new();
    let pointer = p.program.types.raw_ptr(Ty::F64, true);
    let mut f = Fun::new();
    let (a, row, n) = (f.param(pointer), f.param(Ty::I64), f.param(Ty::I64));
    let (i, sum) = (f.local(Ty::I64), f.local(Ty::F64));
    let index =
        binary(BinaryOp::Add, f.get(i), binary(BinaryOp::Mul, f.get(row), f.get(n), Ty::I64), Ty::I64);
    let index = binary(BinaryOp::Sub, index, int(1, Ty::I64), Ty::I64);
    let offset =
        ExprKind::PtrOffset { base: f.get(a).into(), offset: index.into(), scale: 8, negative: false };
    let element = expr(ExprKind::Deref(expr(offset, pointer).into()), Ty::F64);
    let add = ExprKind::Update {
        op: UpdateOp::Binary(BinaryOp::Add),
        place: f.get(sum).into(),
        value: element.into(),
    };
    let looped = ExprKind::ForRange {
        id: LoopId(0),
        local: i,
        lo: int(0, Ty::I64).into(),
        hi: f.get(n).into(),
        inclusive: false,
        body: expr(add, Ty::UNIT).into(),
    };
    let zero = expr(ExprKind::Float(0.0), Ty::F64);
    let body = block(vec![bind(sum, zero), stmt(expr(looped, Ty::UNIT))], Some(f.get(sum)));
    p.add(f.end("row", Ty::F64, body));
    check("row", &p.clif("row"));
}
