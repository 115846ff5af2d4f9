//! The code of the checked mode: what is tested, and what is not tested twice.

use super::build::*;
use crate::typed::*;

/// How often `what` occurs.
fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

/// How often a size is read from the table of tags.
fn lookups(code: &str) -> usize {
    assert_eq!(vex_runtime::checked::map::TABLE + vex_runtime::checked::map::ENTRY_LIMIT, 0x2000_0008);
    count(code, "+0x2000_0008")
}

fn checked(p: &Prog, name: &str) -> String {
    p.clif_with(name, |options| {
        options.checked = true;
        options.inline = true;
        options.stack_check = false;
    })
}

fn pointer(p: &mut Prog) -> Ty {
    p.ty(TyKind::RawPtr { mutable: true, pointee: Ty::I64 })
}

fn deref(value: Expr) -> Expr {
    expr(ExprKind::Deref(value.into()), Ty::I64)
}

#[test]
fn a_pointer_is_looked_up_once_until_something_may_be_freed() {
    let mut p = Prog::new();
    let ptr = pointer(&mut p);
    let free = p.foreign("vex_free", &[Ty::PTR], Ty::UNIT);
    for (frees, expected) in [(false, 1), (true, 2)] {
        let mut f = Fun::new();
        let (a, b, i) = (f.param(ptr), f.param(Ty::PTR), f.param(Ty::I64));
        let at = |f: &Fun| {
            let offset = ExprKind::PtrOffset {
                base: f.get(a).into(),
                offset: f.get(i).into(),
                scale: 8,
                negative: false,
            };
            deref(expr(offset, ptr))
        };
        let mut stmts = vec![stmt(at(&f)), stmt(deref(f.get(a)))];
        if frees {
            stmts.push(stmt(call(free, vec![f.get(b)], Ty::UNIT)));
        }
        let body = block(stmts, Some(deref(f.get(a))));
        p.add(f.end("read", Ty::I64, body));
        let code = checked(&p, "read");
        assert_eq!(lookups(&code), expected, "{code}");
        // The element, the first one, and that again unless it may be gone.
        let tests = if frees { 3 } else { 2 };
        assert_eq!(count(&code, "= call fn0"), tests, "{code}");
    }
}

#[test]
fn a_loop_that_frees_nothing_looks_its_pointers_up_before() {
    let mut p = Prog::new();
    let ptr = pointer(&mut p);
    let mut f = Fun::new();
    let (a, n, i) = (f.param(ptr), f.param(Ty::I64), f.local(Ty::I64));
    let offset =
        ExprKind::PtrOffset { base: f.get(a).into(), offset: f.get(i).into(), scale: 8, negative: false };
    let write =
        ExprKind::Assign { place: deref(expr(offset, ptr)).into(), value: f.get(i).into(), drop_old: false };
    let looped = ExprKind::ForRange {
        id: LoopId(0),
        local: i,
        lo: int(0, Ty::I64).into(),
        hi: f.get(n).into(),
        inclusive: false,
        body: block(vec![stmt(expr(write, Ty::UNIT))], None).into(),
    };
    let body = block(vec![stmt(expr(looped, Ty::UNIT))], None);
    p.add(f.end("fill", Ty::UNIT, body));
    let code = checked(&p, "fill");
    let entry = code.find("block1(").expect("there is a loop");
    assert_eq!(lookups(&code[..entry]), 1, "{code}");
    assert_eq!(lookups(&code), 1, "{code}");
}

#[test]
fn variables_of_the_frame_are_not_tested_and_pointers_are_compared_without_tags() {
    let mut p = Prog::new();
    let ptr = pointer(&mut p);
    let mut f = Fun::new();
    let (a, b) = (f.param(ptr), f.param(ptr));
    let x = f.local(Ty::I64);
    let same = binary(BinaryOp::Eq, f.get(a), f.get(b), Ty::BOOL);
    let body = block(vec![bind(x, int(1, Ty::I64)), stmt(f.get(x))], Some(same));
    p.add(f.end("same", Ty::BOOL, body));
    let code = checked(&p, "same");
    assert_eq!(lookups(&code), 0, "{code}");
    assert_eq!(count(&code, "ishl "), 2, "{code}");
    assert_eq!(count(&p.clif("same"), "ishl "), 0);
}
