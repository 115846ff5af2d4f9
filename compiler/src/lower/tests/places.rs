//! Where variables live that references are made to.

use super::build::{Fun, Prog, binary, bind, block, call, expr, int, never_as, ret, stmt};
use crate::typed::*;

fn field(base: Expr, index: u32, ty: Ty) -> Expr {
    expr(ExprKind::Field { base: base.into(), index }, ty)
}

fn deref(pointer: Expr, ty: Ty) -> Expr {
    expr(ExprKind::Deref(pointer.into()), ty)
}

fn assign(place: Expr, value: Expr) -> Stmt {
    stmt(expr(ExprKind::Assign { place: place.into(), value: value.into(), drop_old: false }, Ty::UNIT))
}

/// The code of a function that counts a variable's first field up `times` times, each time by a call, and returns it.
/// The callee, which gets a reference, is made by `callee` from the types of the variable and of the reference.
fn counting(times: usize, callee: impl FnOnce(&mut Prog, Ty, Ty) -> FuncId) -> String {
    let mut p = Prog::new();
    let pair = p.structure("Pair", &[Ty::I64, Ty::I64], false);
    let reference = p.program.types.reference(pair, true);
    let callee = callee(&mut p, pair, reference);
    let mut f = Fun::new();
    let it = f.borrowed(pair);
    let value = expr(ExprKind::Struct(vec![(0, int(1, Ty::I64)), (1, int(2, Ty::I64))]), pair);
    let mut stmts = vec![bind(it, value)];
    for _ in 0..times {
        let borrow = expr(ExprKind::Borrow(f.get(it).into()), reference);
        stmts.push(stmt(call(callee, vec![borrow], Ty::UNIT)));
        for _ in 0..20 {
            let old = field(f.get(it), 0, Ty::I64);
            stmts
                .push(assign(field(f.get(it), 0, Ty::I64), binary(BinaryOp::Mul, old.clone(), old, Ty::I64)));
        }
    }
    stmts.push(stmt(ret(field(f.get(it), 0, Ty::I64))));
    let body = never_as(block(stmts, None), Ty::I64);
    p.add(f.end("main", Ty::I64, body));
    let (_, functions) = p.lower_with(|options| options.stack_check = false);
    functions[0].display().to_string()
}

/// `fn up(it: &Pair!) { it.0 = it.0 + 1; rest }`
fn up(p: &mut Prog, [pair, reference]: [Ty; 2], rest: impl FnOnce(Expr) -> Vec<Stmt>) -> FuncId {
    let mut f = Fun::new();
    let it = f.param(reference);
    let first = field(deref(f.get(it), pair), 0, Ty::I64);
    let more = binary(BinaryOp::Add, first.clone(), int(1, Ty::I64), Ty::I64);
    let mut stmts = vec![assign(first, more)];
    stmts.extend(rest(f.get(it)));
    p.add(f.end("up", Ty::UNIT, block(stmts, None)))
}

#[test]
fn what_only_code_in_place_refers_to_stays_in_registers() {
    let code = counting(3, |p, pair, reference| up(p, [pair, reference], |_| Vec::new()));
    assert!(!code.contains("stack_addr") && !code.contains("call") && !code.contains("load"), "{code}");
    assert_eq!(code.matches("iadd").count(), 3, "{code}");
}

#[test]
fn what_a_call_refers_to_is_in_memory_for_the_call() {
    // It calls itself, so it stays a call.
    let code = counting(1, |p, pair, reference| {
        let this = FuncId(p.program.functions.len() as u32);
        up(p, [pair, reference], |it| (0..20).map(|_| stmt(call(this, vec![it.clone()], Ty::UNIT))).collect())
    });
    let calls = code.matches("call fn").count();
    assert!(calls == 1 && code.contains("stack_addr"), "{code}");
    let (before, after) = code.split_once("call fn").expect("there is one");
    assert_eq!((before.matches("store").count(), after.matches("load").count()), (2, 2), "{code}");
    assert!(!after.contains("store"), "{code}");
}

#[test]
fn what_a_reference_is_kept_of_stays_in_memory() {
    let code = counting(1, |p, pair, reference| {
        let keeper = p.global(reference, None);
        let to = expr(ExprKind::Global(keeper), reference);
        up(p, [pair, reference], |it| vec![assign(to, it)])
    });
    // The fields are set before the call, which became code, and read from there after it.
    let (before, after) = code.split_once("symbol_value").expect("the callee was put in place");
    assert!(before.matches("store").count() >= 2 && after.contains("load"), "{code}");
    assert!(!code.contains("call"), "{code}");
}

#[test]
fn functions_whose_calls_became_code_need_not_be_compiled() {
    let mut p = Prog::new();
    let mut f = Fun::new();
    let a = f.param(Ty::I64);
    let sum = binary(BinaryOp::Add, f.get(a), int(1, Ty::I64), Ty::I64);
    let called = p.add(f.end("called", Ty::I64, sum.clone()));
    let mut f = Fun::new();
    f.param(Ty::I64);
    let pointed = p.add(f.end("pointed at", Ty::I64, sum));
    let at = p.ty(TyKind::Fn { params: vec![Ty::I64], ret: Ty::I64 });
    let global = p.global(at, Some(Const::Func(pointed)));
    let mut f = Fun::new();
    let through = f.local(at);
    let stmts = vec![
        bind(through, expr(ExprKind::Global(global), at)),
        stmt(call(called, vec![int(1, Ty::I64)], Ty::I64)),
        stmt(call(pointed, vec![int(1, Ty::I64)], Ty::I64)),
    ];
    p.add(f.end("main", Ty::UNIT, block(stmts, None)));
    let (decls, _) = p.lower();
    let optional = |name: &str| {
        let index = decls.instances.iter().position(|instance| instance.name == name);
        decls.is_optional(index.expect("it is reachable") as u32)
    };
    assert_eq!([optional("main"), optional("called"), optional("pointed at")], [false, true, false]);
}
