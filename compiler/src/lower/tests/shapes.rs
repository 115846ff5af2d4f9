//! Programs of every shape that the backend must accept: each is lowered, verified and compiled. What they do is
//! tested where code runs.

use super::build::*;
use crate::typed::*;

/// How often `what` occurs.
fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

#[test]
fn aggregates_of_all_sizes_pass_through_calls() {
    let mut p = Prog::new();
    let pair = p.structure("Pair", &[Ty::I64, Ty::F64], false);
    let triple = p.structure("Triple", &[Ty::STR, Ty::I8], false);
    let array = p.ty(TyKind::Array { elem: Ty::I32, len: 100 });
    let big = p.structure("Big", &[pair, triple, array], false);
    let nothing = p.structure("Nothing", &[], false);
    for ty in [pair, triple, array, big, nothing, Ty::UNIT, Ty::BOOL, Ty::F32] {
        let mut f = Fun::new();
        let (x, _) = (f.param(ty), f.param(Ty::U8));
        let id = p.add(f.end("id", ty, expr(ExprKind::Local(x), ty)));
        let mut g = Fun::new();
        let (y, z) = (g.param(ty), g.borrowed(ty));
        let value = call(id, vec![g.get(y), int(1, Ty::U8)], ty);
        let show = print(g.get(z));
        let body = block(vec![bind(z, value), stmt(show)], Some(g.get(z)));
        p.add(g.end("caller", ty, body));
        p.lower();
    }
}

#[test]
fn code_that_is_never_reached_is_harmless() {
    let mut p = Prog::new();
    let array = p.ty(TyKind::Array { elem: Ty::I32, len: 100 });
    for ty in [Ty::I64, Ty::STR, array] {
        let mut f = Fun::new();
        let (x, y) = (f.param(ty), f.local(ty));
        let gone = never_as(ret(f.get(x)), ty);
        let tuple = p.ty(TyKind::Tuple(vec![Ty::I64, ty, Ty::F64]));
        let pair = expr(
            ExprKind::Tuple(vec![int(1, Ty::I64), gone.clone(), never_as(ret(f.get(x)), Ty::F64)]),
            tuple,
        );
        let part = expr(ExprKind::Field { base: pair.into(), index: 1 }, ty);
        let looped = expr(ExprKind::Loop { id: LoopId(0), body: Box::new(block(vec![], None)) }, Ty::NEVER);
        let body = block(
            vec![
                bind(y, gone),
                stmt(if_else(int_true(), part.clone(), Some(part))),
                stmt(looped),
                stmt(print(f.get(y))),
            ],
            Some(f.get(y)),
        );
        p.add(f.end("dead", ty, body));
        p.lower();
    }
}

fn int_true() -> Expr {
    expr(ExprKind::Bool(true), Ty::BOOL)
}

#[test]
fn loops_give_values_of_any_size() {
    let mut p = Prog::new();
    let array = p.ty(TyKind::Array { elem: Ty::U16, len: 40 });
    for ty in [Ty::UNIT, Ty::I8, Ty::STR, array] {
        let mut f = Fun::new();
        let (x, c) = (f.param(ty), f.param(Ty::BOOL));
        let leave =
            |f: &Fun| expr(ExprKind::Break { target: LoopId(3), value: Some(f.get(x).into()) }, Ty::NEVER);
        let again = expr(ExprKind::Continue(LoopId(3)), Ty::NEVER);
        let body = block(vec![stmt(if_else(f.get(c), leave(&f), Some(again)))], None);
        let looped = expr(ExprKind::Loop { id: LoopId(3), body: body.into() }, ty);
        p.add(f.end("find", ty, looped));
        p.lower();
    }
}

#[test]
fn ranges_of_every_integer_type_compile() {
    for kind in IntTy::ALL {
        for inclusive in [false, true] {
            let mut p = Prog::new();
            let ty = p.program.types.int(kind);
            let mut f = Fun::new();
            let (hi, i) = (f.param(ty), f.borrowed(ty));
            let body = block(vec![stmt(print(f.get(i)))], None);
            let looped = ExprKind::ForRange {
                id: LoopId(0),
                local: i,
                lo: int(0, ty).into(),
                hi: f.get(hi).into(),
                inclusive,
                body: body.into(),
            };
            p.add(f.end("count", Ty::UNIT, block(vec![stmt(expr(looped, Ty::UNIT))], None)));
            p.lower();
        }
    }
}

#[test]
fn a_value_is_dropped_once_on_every_path() {
    let mut p = Prog::new();
    let guard = p.structure("Guard", &[Ty::I64], true);
    let mut f = Fun::new();
    let (c, g) = (f.param(Ty::BOOL), f.local(guard));
    let make = expr(ExprKind::Struct(vec![(0, int(1, Ty::I64))]), guard);
    let leave = ret(int(1, Ty::I64));
    let body = block(vec![bind(g, make), stmt(if_else(f.get(c), leave, None))], Some(int(2, Ty::I64)));
    p.add(f.end("early", Ty::I64, body));
    let code = p.clif("early");
    assert_eq!(count(&code, "call fn0"), 1, "one exit sequence drops for all paths:\n{code}");
}

#[test]
fn an_inner_value_is_dropped_at_each_way_out() {
    let mut p = Prog::new();
    let guard = p.structure("Guard", &[Ty::I64], true);
    let holder = p.structure("Holder", &[guard, Ty::STR, guard], false);
    let mut f = Fun::new();
    let (c, h) = (f.param(Ty::BOOL), f.local(holder));
    let make = || expr(ExprKind::Struct(vec![(0, int(1, Ty::I64))]), guard);
    let text = expr(ExprKind::Str("x".into()), Ty::STR);
    let held = expr(ExprKind::Struct(vec![(2, make()), (1, text), (0, make())]), holder);
    let leave = expr(ExprKind::Break { target: LoopId(0), value: None }, Ty::NEVER);
    let round = block(vec![bind(h, held), stmt(if_else(f.get(c), leave, None))], None);
    let looped = expr(ExprKind::Loop { id: LoopId(0), body: round.into() }, Ty::UNIT);
    p.add(f.end("rounds", Ty::UNIT, block(vec![stmt(looped)], None)));
    let code = p.clif("rounds");
    assert_eq!(count(&code, "call fn0"), 2, "{code}");
    let glue = p.clif("drop Holder");
    assert_eq!(count(&glue, "call fn0"), 2, "{glue}");
}

#[test]
fn a_moved_value_is_not_dropped() {
    let mut p = Prog::new();
    let guard = p.structure("Guard", &[Ty::I64], true);
    let mut take = Fun::new();
    take.param(guard);
    let take = p.add(take.end("take", Ty::UNIT, unit()));
    let mut f = Fun::new();
    let (c, g) = (f.param(Ty::BOOL), f.flagged(guard));
    let make = expr(ExprKind::Struct(vec![(0, int(1, Ty::I64))]), guard);
    let moved = expr(ExprKind::Move(f.get(g).into()), guard);
    let give = call(take, vec![moved], Ty::UNIT);
    let body = block(vec![bind(g, make), stmt(if_else(f.get(c), give, None))], None);
    p.add(f.end("maybe", Ty::UNIT, body));
    let code = p.clif("maybe");
    assert_eq!(count(&code, "brif"), 2, "the drop depends on a flag:\n{code}");
}

fn deferred(body: Expr, captures: Vec<Capture>, outermost: bool) -> Expr {
    expr(ExprKind::Defer(Box::new(Defer { body, captures, outermost })), Ty::UNIT)
}

#[test]
fn actions_outside_loops_need_no_records() {
    let mut p = Prog::new();
    let mut f = Fun::new();
    let (c, x, copy) = (f.param(Ty::BOOL), f.param(Ty::I64), f.local(Ty::I64));
    let captures = vec![Capture { from: x, to: copy }];
    let inner = block(vec![stmt(deferred(print(f.get(copy)), captures, false))], None);
    let body = block(
        vec![
            stmt(deferred(print(f.get(x)), vec![], true)),
            stmt(if_else(f.get(c), inner, None)),
            stmt(if_else(f.get(c), ret(int(1, Ty::I64)), None)),
        ],
        Some(int(2, Ty::I64)),
    );
    p.add(f.end("twice", Ty::I64, body));
    let (decls, functions) = p.lower();
    let push = decls.symbols.iter().position(|symbol| symbol.name == "vexrt_defer_push");
    let code = functions[0].display().to_string();
    assert!(!code.contains(&format!("u1:{} ", push.unwrap())), "{code}");
}

#[test]
fn actions_in_loops_leave_records() {
    let mut p = Prog::new();
    let array = p.ty(TyKind::Array { elem: Ty::U16, len: 40 });
    let mut f = Fun::new();
    let (n, i, copy) = (f.param(Ty::I64), f.local(Ty::I64), f.local(Ty::I64));
    let (a, b) = (f.local(array), f.local(array));
    let captures = vec![Capture { from: i, to: copy }, Capture { from: a, to: b }];
    let action = block(vec![stmt(print(f.get(copy))), stmt(print(f.get(b)))], None);
    let fill = expr(ExprKind::Repeat(int(7, Ty::U16).into()), array);
    let round = block(vec![bind(a, fill), stmt(deferred(action, captures, false))], None);
    let looped = ExprKind::ForRange {
        id: LoopId(0),
        local: i,
        lo: int(0, Ty::I64).into(),
        hi: f.get(n).into(),
        inclusive: false,
        body: round.into(),
    };
    let body = block(vec![stmt(expr(looped, Ty::UNIT))], None);
    p.add(f.end("many", Ty::UNIT, body));
    let (decls, functions) = p.lower();
    let push = decls.symbols.iter().position(|symbol| symbol.name == "vexrt_defer_push");
    let code = functions[0].display().to_string();
    assert!(code.contains(&format!("u1:{} ", push.unwrap())), "{code}");
}

#[test]
fn globals_strings_and_functions_are_data() {
    let mut p = Prog::new();
    let mut f = Fun::new();
    f.param(Ty::I64);
    let target = p.add(f.end("target", Ty::UNIT, unit()));
    let pointer = p.ty(TyKind::Fn { params: vec![Ty::I64], ret: Ty::UNIT });
    let tuple = p.ty(TyKind::Tuple(vec![Ty::STR, pointer]));
    let init = Const::Aggregate(vec![Const::Str("abc".into()), Const::Func(target)]);
    let used = p.global(tuple, Some(init));
    p.global(Ty::I64, Some(Const::Int(7)));
    let mut f = Fun::new();
    f.local(Ty::I64);
    let place = expr(ExprKind::Global(used), tuple);
    let part = expr(ExprKind::Field { base: place.clone().into(), index: 1 }, pointer);
    let callee = Callee::Pointer(part.into());
    let called = expr(ExprKind::Call { callee, args: vec![int(1, Ty::I64)] }, Ty::UNIT);
    p.add(f.end("main", Ty::UNIT, block(vec![stmt(print(place)), stmt(called)], None)));
    let (decls, _) = p.lower();
    let writable: Vec<_> = decls.data.iter().filter(|data| data.writable).collect();
    let [global] = writable[..] else { panic!("one reachable global") };
    assert_eq!((global.size, global.relocs.len()), (24, 2));
    assert_eq!(&*global.bytes, [0, 0, 0, 0, 0, 0, 0, 0, 3]);
    assert!(decls.data.iter().any(|data| &*data.bytes == b"value: > \0"), "neighbouring texts are joined");
    assert!(decls.instances.iter().any(|instance| instance.name == "target"));
}

#[test]
fn unused_functions_are_not_instances() {
    let mut p = Prog::new();
    p.add(Fun::new().end("unused", Ty::UNIT, unit()));
    let deep = p.add(Fun::new().end("deep", Ty::UNIT, unit()));
    p.add(Fun::new().end("main", Ty::UNIT, call(deep, vec![], Ty::UNIT)));
    let (decls, _) = p.lower();
    let names: Vec<_> = decls.instances.iter().map(|instance| instance.name.as_str()).collect();
    assert_eq!(names, ["main", "deep"]);
}

#[test]
fn casts_between_all_numbers_compile() {
    let mut p = Prog::new();
    let mut numbers: Vec<Ty> = IntTy::ALL.iter().map(|&int| p.program.types.int(int)).collect();
    numbers.extend([Ty::F32, Ty::F64]);
    for &from in &numbers {
        for &to in &numbers {
            let types = &p.program.types;
            let kind = match (types.is_float(from), types.is_float(to)) {
                (false, false) => CastKind::IntToInt,
                (false, true) => CastKind::IntToFloat,
                (true, false) => CastKind::FloatToInt,
                (true, true) => CastKind::FloatToFloat,
            };
            let mut f = Fun::new();
            let x = f.param(from);
            let value = expr(ExprKind::Cast { value: f.get(x).into(), kind }, to);
            let checked = print(value.clone());
            p.add(f.end("cast", to, block(vec![stmt(checked)], Some(value))));
            p.lower();
        }
    }
}

#[test]
fn operators_of_all_types_compile() {
    use BinaryOp::*;
    let mut p = Prog::new();
    let mut types: Vec<Ty> = IntTy::ALL.iter().map(|&int| p.program.types.int(int)).collect();
    types.extend([Ty::F32, Ty::F64, Ty::BOOL, Ty::PTR, Ty::STR]);
    for ty in types {
        let number = p.program.types.as_int(ty).is_some() || p.program.types.is_float(ty);
        let all = [Add, Sub, Mul, Div, Rem, Shl, Shr, BitAnd, BitXor, BitOr, Eq, Ne, Lt, Le, Gt, Ge];
        for op in all {
            let compares = matches!(op, Eq | Ne | Lt | Le | Gt | Ge);
            let bitwise = matches!(op, Shl | Shr | BitAnd | BitXor | BitOr);
            if !compares && (!number || (bitwise && p.program.types.is_float(ty))) {
                continue;
            }
            let mut f = Fun::new();
            let (a, b) = (f.param(ty), f.param(ty));
            let ret = if compares { Ty::BOOL } else { ty };
            p.add(f.end("op", ret, binary(op, f_get(a, ty), f_get(b, ty), ret)));
            p.lower();
        }
    }
}

fn f_get(id: LocalId, ty: Ty) -> Expr {
    expr(ExprKind::Local(id), ty)
}

#[test]
fn options_are_read_in_every_way() {
    let mut p = Prog::new();
    for kind in IntTy::ALL {
        let ty = p.program.types.int(kind);
        let option = crate::types::tests::option(&mut p.program.types, ty);
        for op in [BinaryOp::Add, BinaryOp::Sub, BinaryOp::Mul] {
            let mut f = Fun::new();
            let (a, b, o) = (f.param(ty), f.param(ty), f.local(option));
            let checked =
                expr(ExprKind::Checked { op, left: f.get(a).into(), right: f.get(b).into() }, option);
            let payload =
                |f: &Fun| expr(ExprKind::Payload { base: f.get(o).into(), variant: 1, index: 0 }, ty);
            let is_some = |f: &Fun| {
                let tag = expr(ExprKind::Tag(f.get(o).into()), Ty::I64);
                binary(BinaryOp::Eq, tag, int(1, Ty::I64), Ty::BOOL)
            };
            let expect = if_else(is_some(&f), payload(&f), Some(f.get(a)));
            let or = if_else(is_some(&f), payload(&f), Some(f.get(b)));
            let some = is_some(&f);
            let body = block(
                vec![bind(o, checked), stmt(print(f.get(o))), stmt(print(some))],
                Some(binary(BinaryOp::Add, expect, or, ty)),
            );
            p.add(f.end("options", ty, body));
            p.lower();
        }
    }
}

#[test]
fn the_heap_report_costs_nothing_unless_asked_for() {
    let mut p = Prog::new();
    let malloc = Function {
        body: FunctionBody::Extern("vex_malloc".into()),
        ..{
            let mut f = Fun::new();
            f.param(Ty::USIZE);
            f.end("vex_malloc", Ty::PTR, unit())
        }
    };
    let malloc = p.add(malloc);
    p.add(Fun::new().end(
        "main",
        Ty::UNIT,
        block(vec![stmt(call(malloc, vec![int(44, Ty::USIZE)], Ty::PTR))], None),
    ));
    let (_, without) = p.lower();
    let (_, with) = p.lower_with(|options| options.heap_report = true);
    let stores = |function: &cranelift_codegen::ir::Function| count(&function.display().to_string(), "store");
    assert_eq!((stores(&without[0]), stores(&with[0])), (0, 1));
}

#[test]
fn tiny_functions_are_put_in_place_and_remember_where_they_were_called() {
    let mut p = Prog::new();
    let mut f = Fun::new();
    let (a, b) = (f.param(Ty::I64), f.param(Ty::I64));
    let sum = binary(BinaryOp::Div, f.get(a), f.get(b), Ty::I64);
    let divide = p.add(f.end("divide", Ty::I64, sum));
    let mut f = Fun::new();
    let a = f.param(Ty::I64);
    let body = block(vec![stmt(ret(call(divide, vec![f.get(a), f.get(a)], Ty::I64)))], None);
    let middle = p.add(f.end("middle", Ty::I64, never_as(body, Ty::I64)));
    p.add(Fun::new().end("main", Ty::I64, call(middle, vec![int(7, Ty::I64)], Ty::I64)));
    let isa = isa();
    let options = crate::lower::LowerOptions { stack_check: false, ..crate::lower::LowerOptions::new(&*isa) };
    let decls = crate::lower::declare(&p.program, options);
    let main = crate::lower::function(&p.program, &decls, 0);
    let code = main.func.display().to_string();
    assert!(!code.contains("call") && code.contains("sdiv"), "{code}");
    let division = main.func.layout.blocks().flat_map(|block| main.func.layout.block_insts(block));
    let mut division = division.filter(|&inst| main.func.dfg.insts[inst].opcode().can_trap());
    let at = main.func.srcloc(division.next().unwrap()).bits() - crate::lower::INLINED;
    let innermost = main.inlined[at as usize];
    let name = |index: u32| decls.instances[index as usize].name.as_str();
    let outer = main.inlined[(innermost.call - crate::lower::INLINED) as usize];
    assert_eq!((name(innermost.instance), name(outer.instance), outer.call), ("divide", "middle", 10));
}

/// How often the code calls each of these symbols.
fn calls(decls: &crate::lower::Declarations, code: &str, symbols: [&str; 4]) -> [usize; 4] {
    symbols.map(|symbol| {
        let index = decls.symbols.iter().position(|known| known.name == symbol).expect("it is in the table");
        let name = format!("u{}:{index} ", crate::lower::namespace::SYMBOL);
        let Some(line) = code.lines().find(|line| format!("{line} ").contains(&name)) else { return 0 };
        let local = line.trim().split(' ').next().unwrap_or_default();
        count(code, &format!("call {local}("))
    })
}

#[test]
fn text_is_kept_in_a_block_and_values_print_themselves_elsewhere() {
    let mut p = Prog::new();
    let point = p.structure("Point", &[Ty::I64, Ty::I64], false);
    let reference = p.program.types.reference(point, false);
    let mut f = Fun::new();
    f.param(reference);
    let show = p.add(f.end("show", Ty::UNIT, unit()));
    p.program.shown.insert(point, show);
    let value = |x| expr(ExprKind::Struct(vec![(0, int(x, Ty::I64)), (1, int(2, Ty::I64))]), point);
    let wide = FormatSpec { width: 9, ..FormatSpec::default() };
    let pieces = [FormatSpec::default(), wide].map(|spec| Piece::Value { value: value(1), spec }).to_vec();
    let text = expr(ExprKind::Print { stream: Stream::Text, pieces }, Ty::STR);
    p.add(Fun::new().end("main", Ty::UNIT, block(vec![stmt(text)], None)));
    let (decls, functions) = p.lower();
    let of = |name: &str, symbols| {
        let named = decls.instances.iter().zip(&functions).filter(|(instance, _)| instance.name == name);
        let codes = named.map(|(_, function)| calls(&decls, &function.display().to_string(), symbols));
        codes.collect::<Vec<_>>()
    };
    let symbols = ["vexrt_capture_begin", "vexrt_capture_end", "vex_malloc", "vexrt_redirect"];
    assert_eq!(of("main", symbols), [[1, 1, 1, 0]]);
    let symbols = ["vexrt_redirect", "vexrt_redirect_back", "vexrt_capture_begin", "vexrt_capture_print"];
    // One for each format; the wider one is kept first.
    assert_eq!(of("print Point", symbols), [[1, 1, 0, 0], [1, 1, 1, 1]]);
}

#[test]
fn choosing_between_values_at_hand_takes_no_branch() {
    let mut p = Prog::new();
    let mut f = Fun::new();
    let (c, x, y) = (f.param(Ty::BOOL), f.param(Ty::I64), f.param(Ty::I64));
    let in_block = block(vec![], Some(f.get(y)));
    let chosen = if_else(f.get(c), f.get(x), Some(in_block));
    p.add(f.end("pick", Ty::I64, chosen));
    let code = p.clif("pick");
    assert_eq!((count(&code, "select"), count(&code, "brif")), (1, 0), "{code}");

    // What has to be computed is computed only when it is chosen.
    let mut f = Fun::new();
    let (c, x) = (f.param(Ty::BOOL), f.param(Ty::I64));
    let half = binary(BinaryOp::Div, f.get(x), int(2, Ty::I64), Ty::I64);
    let chosen = if_else(f.get(c), half, Some(f.get(x)));
    p.add(f.end("halve", Ty::I64, chosen));
    let code = p.clif("halve");
    assert_eq!((count(&code, "select"), count(&code, "brif")), (0, 1), "{code}");
}
