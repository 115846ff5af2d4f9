//! Jumps past branches that they decide.

use cranelift_codegen::dominator_tree::DominatorTree;
use cranelift_codegen::flowgraph::ControlFlowGraph;
use cranelift_codegen::ir::{Function as Clif, Opcode};

use super::build::{Fun, Prog, binary, bind, block, call, expr, if_else, int, never_as, ret, stmt};
use crate::typed::*;

/// How many branches that can be reached ask for something that their block was entered with.
fn branches_on_parameters(func: &Clif) -> usize {
    let cfg = ControlFlowGraph::with_function(func);
    let tree = DominatorTree::with_function(func, &cfg);
    let blocks = func.layout.blocks().filter(|&block| tree.is_reachable(block));
    blocks
        .filter(|&block| {
            let last = func.layout.last_inst(block).expect("a block ends");
            let condition = func.dfg.inst_args(last).first().map(|&value| func.dfg.resolve_aliases(value));
            func.dfg.insts[last].opcode() == Opcode::Brif
                && condition.is_some_and(|value| func.dfg.block_params(block).contains(&value))
        })
        .count()
}

/// A loop that takes values of `next` until there are none, and then `rest`.
fn iterating(rest: impl FnOnce(&Fun, LocalId) -> Vec<Stmt>) -> Clif {
    let mut p = Prog::new();
    let state = p.structure("State", &[Ty::I64, Ty::I64], false);
    let reference = p.program.types.reference(state, true);
    let found = p.ty(TyKind::Tuple(vec![Ty::BOOL, Ty::I64]));
    let field = |base: Expr, index, ty| expr(ExprKind::Field { base: base.into(), index }, ty);
    let tuple = |some, value| expr(ExprKind::Tuple(vec![expr(ExprKind::Bool(some), Ty::BOOL), value]), found);

    let mut f = Fun::new();
    let it = f.param(reference);
    let at = |f: &Fun, index| field(expr(ExprKind::Deref(f.get(it).into()), state), index, Ty::I64);
    let is_end = binary(BinaryOp::Eq, at(&f, 0), at(&f, 1), Ty::BOOL);
    let none = block(vec![stmt(ret(tuple(false, int(0, Ty::I64))))], None);
    let more = binary(BinaryOp::Add, at(&f, 0), int(1, Ty::I64), Ty::I64);
    let step = ExprKind::Assign { place: at(&f, 0).into(), value: more.into(), drop_old: false };
    let body = vec![
        stmt(if_else(is_end, never_as(none, Ty::UNIT), None)),
        stmt(expr(step, Ty::UNIT)),
        stmt(ret(tuple(true, at(&f, 0)))),
    ];
    let next = p.add(f.end("next", found, never_as(block(body, None), found)));

    let mut f = Fun::new();
    let (n, it, o) = (f.param(Ty::I64), f.borrowed(state), f.local(found));
    let sum = f.local(Ty::I64);
    let start = expr(ExprKind::Struct(vec![(0, int(0, Ty::I64)), (1, f.get(n))]), state);
    let borrow = expr(ExprKind::Borrow(f.get(it).into()), reference);
    let some = field(f.get(o), 0, Ty::BOOL);
    let leave = expr(ExprKind::Break { target: LoopId(0), value: None }, Ty::NEVER);
    let stop = block(vec![stmt(leave)], None);
    let mut round = vec![
        bind(o, call(next, vec![borrow], found)),
        stmt(if_else(expr(ExprKind::Not(some.into()), Ty::BOOL), never_as(stop, Ty::UNIT), None)),
    ];
    round.extend(rest(&f, o));
    let plus = binary(BinaryOp::Add, f.get(sum), field(f.get(o), 1, Ty::I64), Ty::I64);
    let add = ExprKind::Assign { place: f.get(sum).into(), value: plus.into(), drop_old: false };
    round.push(stmt(expr(add, Ty::UNIT)));
    let body = block(round, None);
    let each = expr(ExprKind::Loop { id: LoopId(0), body: body.into() }, Ty::UNIT);
    let stmts = vec![bind(it, start), bind(sum, int(0, Ty::I64)), stmt(each), stmt(ret(f.get(sum)))];
    let all = p.add(f.end("all", Ty::I64, never_as(block(stmts, None), Ty::I64)));
    p.add(Fun::new().end("main", Ty::I64, call(all, vec![int(9, Ty::I64)], Ty::I64)));
    let (decls, functions) = p.lower_with(|options| options.stack_check = false);
    let index = decls.instances.iter().position(|instance| instance.name == "all");
    functions[index.expect("it is called")].clone()
}

#[test]
fn a_loop_over_an_iterator_asks_once_whether_there_is_more() {
    let code = iterating(|_, _| Vec::new());
    assert_eq!(branches_on_parameters(&code), 0, "{}", code.display());
    assert!(!code.display().to_string().contains("call"), "{}", code.display());
}

#[test]
fn what_is_asked_twice_is_known_the_second_time() {
    let code = iterating(|f, o| {
        let some = ExprKind::Field { base: f.get(o).into(), index: 0 };
        let fails = block(vec![stmt(expr(ExprKind::Panic { pieces: Vec::new() }, Ty::NEVER))], None);
        let not = expr(ExprKind::Not(expr(some, Ty::BOOL).into()), Ty::BOOL);
        vec![stmt(if_else(not, never_as(fails, Ty::UNIT), None))]
    });
    assert_eq!(branches_on_parameters(&code), 0, "{}", code.display());
}
