//! Jumps that know where the block they go to will go on: where a block does nothing but to branch on what it was entered
//! with, and a jump to it passes a constant, the jump leads to the branch's target at once. So a loop over an iterator that
//! was put in place, which returns whether there is a value, does not look at that again.

use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::dominator_tree::DominatorTree;
use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::flowgraph::ControlFlowGraph;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    Block, BlockArg, BlockCall, Function, Inst, InstructionData, Opcode, Value, ValueDef,
};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

/// How many instructions a block may have before its branch.
const MOST: usize = 6;

/// How often the function is looked at: a jump that goes further may reach the next such block.
const ROUNDS: usize = 3;

/// A block that branches on its parameters.
struct Candidate {
    block: Block,
    branch: Inst,
    /// Its successors, when the condition holds and when it does not.
    targets: [Block; 2],
    /// Whether the block is the only predecessor of a successor: then what is defined in it can be handed over.
    single: [bool; 2],
    /// The edges to it that are known to go on to a successor: a branch, the number of its target, which successor.
    edges: SmallVec<[(Inst, usize, usize); 4]>,
    /// By successor and parameter: the parameter of the successor that stands for it from there on.
    renamed: [SmallVec<[Option<Value>; 4]>; 2],
    /// By successor and parameter: whether it is needed there.
    used: [SmallVec<[bool; 4]>; 2],
    dead: bool,
}

/// Leads jumps past blocks whose branch they decide.
pub(super) fn thread(func: &mut Function) {
    for _ in 0..ROUNDS {
        if !round(func) {
            return;
        }
    }
}

fn round(func: &mut Function) -> bool {
    let mut candidates = candidates(func);
    if candidates.is_empty() {
        return false;
    }
    find_edges(func, &mut candidates);
    candidates.retain(|candidate| !candidate.edges.is_empty());
    // A branch of one of them is changed itself; the next round looks at it again.
    let branches: FxHashSet<Inst> = candidates.iter().map(|candidate| candidate.branch).collect();
    candidates.iter_mut().for_each(|candidate| candidate.edges.retain(|edge| !branches.contains(&edge.0)));
    candidates.retain(|candidate| !candidate.edges.is_empty());
    if candidates.is_empty() {
        return false;
    }
    let cfg = ControlFlowGraph::with_function(func);
    let tree = DominatorTree::with_function(func, &cfg);
    for candidate in &mut candidates {
        let block = candidate.block;
        // A loop must not get a second entry.
        let loops = cfg.pred_iter(block).any(|pred| tree.block_dominates(block, pred.block));
        candidate.dead = loops || !tree.is_reachable(block);
        for (single, &target) in candidate.single.iter_mut().zip(&candidate.targets) {
            *single = cfg.pred_iter(target).count() == 1;
        }
    }
    look_at_uses(func, &tree, &mut candidates);
    candidates.retain(|candidate| !candidate.dead);
    for candidate in &mut candidates {
        lead_past(func, candidate);
    }
    rename(func, &tree, &candidates);
    !candidates.is_empty()
}

/// The blocks that have parameters and do nothing but to branch.
fn candidates(func: &Function) -> Vec<Candidate> {
    let mut found = Vec::new();
    for block in func.layout.blocks() {
        let params = func.dfg.num_block_params(block);
        let Some(branch) = func.layout.last_inst(block).filter(|_| params > 0) else { continue };
        let InstructionData::Brif { blocks, .. } = func.dfg.insts[branch] else { continue };
        let targets = blocks.map(|call| call.block(&func.dfg.value_lists));
        let short = func.layout.block_insts(block).take(MOST + 2).count() <= MOST + 1;
        let plain = |inst: Inst| inst == branch || is_plain(func.dfg.insts[inst].opcode());
        if targets[0] == targets[1]
            || targets.contains(&block)
            || !short
            || !func.layout.block_insts(block).all(plain)
        {
            continue;
        }
        found.push(Candidate {
            block,
            branch,
            targets,
            single: [false; 2],
            edges: SmallVec::new(),
            renamed: [SmallVec::from_elem(None, params), SmallVec::from_elem(None, params)],
            used: [SmallVec::from_elem(false, params), SmallVec::from_elem(false, params)],
            dead: false,
        });
    }
    found
}

/// Whether [`constant`] knows what an instruction does.
fn is_plain(opcode: Opcode) -> bool {
    use Opcode::*;
    matches!(opcode, Iconst | Icmp | Bxor | Band | Uextend)
}

/// The value that `value`, which belongs to `block`, has when the block is entered with `args`.
fn constant(func: &Function, block: Block, args: &[BlockArg], value: Value) -> Option<u64> {
    let value = func.dfg.resolve_aliases(value);
    let inst = match func.dfg.value_def(value) {
        ValueDef::Param(at, index) if at == block => {
            let arg = func.dfg.resolve_aliases(args[index].as_value()?);
            // What it was passed stands outside of the block, so there are no arguments to look at.
            return literal(func, arg);
        }
        ValueDef::Result(inst, 0) => inst,
        _ => return None,
    };
    if let Some(value) = literal(func, value) {
        return Some(value);
    }
    if func.layout.inst_block(inst) != Some(block) {
        return None;
    }
    let bits = func.dfg.value_type(value).bits();
    let parts = func.dfg.inst_args(inst).iter().map(|&arg| constant(func, block, args, arg));
    let parts: SmallVec<[u64; 2]> = parts.collect::<Option<_>>()?;
    let result = match func.dfg.insts[inst] {
        InstructionData::IntCompare { cond, args, .. } => {
            u64::from(compare(cond, parts[0], parts[1], func.dfg.value_type(args[0]).bits())?)
        }
        InstructionData::Binary { opcode: Opcode::Bxor, .. } => parts[0] ^ parts[1],
        InstructionData::Binary { opcode: Opcode::Band, .. } => parts[0] & parts[1],
        InstructionData::Unary { opcode: Opcode::Uextend, .. } => parts[0],
        _ => return None,
    };
    Some(truncated(result, bits))
}

/// An integer constant, without sign.
fn literal(func: &Function, value: Value) -> Option<u64> {
    let ValueDef::Result(inst, 0) = func.dfg.value_def(value) else { return None };
    match func.dfg.insts[inst] {
        InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => {
            Some(truncated(imm.bits() as u64, func.dfg.value_type(value).bits()))
        }
        _ => None,
    }
}

fn truncated(value: u64, bits: u32) -> u64 {
    if bits < 64 { value & ((1 << bits) - 1) } else { value }
}

fn compare(cond: IntCC, a: u64, b: u64, bits: u32) -> Option<bool> {
    let signed = |value: u64| (value << (64 - bits)) as i64 >> (64 - bits);
    if bits > 64 {
        return None;
    }
    Some(match cond {
        IntCC::Equal => a == b,
        IntCC::NotEqual => a != b,
        IntCC::UnsignedLessThan => a < b,
        IntCC::UnsignedLessThanOrEqual => a <= b,
        IntCC::UnsignedGreaterThan => a > b,
        IntCC::UnsignedGreaterThanOrEqual => a >= b,
        IntCC::SignedLessThan => signed(a) < signed(b),
        IntCC::SignedLessThanOrEqual => signed(a) <= signed(b),
        IntCC::SignedGreaterThan => signed(a) > signed(b),
        IntCC::SignedGreaterThanOrEqual => signed(a) >= signed(b),
    })
}

fn destinations(func: &Function, inst: Inst) -> &[BlockCall] {
    func.dfg.insts[inst].branch_destination(&func.dfg.jump_tables, &func.dfg.exception_tables)
}

/// Finds the edges to candidates that decide their branch.
fn find_edges(func: &Function, candidates: &mut [Candidate]) {
    let numbers = (0..).zip(candidates.iter()).map(|(number, candidate)| (candidate.block, number));
    let numbers: FxHashMap<Block, usize> = numbers.collect();
    for block in func.layout.blocks() {
        let Some(inst) = func.layout.last_inst(block) else { continue };
        for (at, call) in destinations(func, inst).iter().enumerate() {
            let Some(&number) = numbers.get(&call.block(&func.dfg.value_lists)) else { continue };
            let candidate = &mut candidates[number];
            let args: SmallVec<[BlockArg; 4]> = call.args(&func.dfg.value_lists).collect();
            let condition = func.dfg.inst_args(candidate.branch)[0];
            if let Some(value) = constant(func, candidate.block, &args, condition) {
                candidate.edges.push((inst, at, usize::from(value == 0)));
            }
        }
    }
}

/// Which candidate defines a value, and as which parameter; `None` for results of its instructions.
type Owners = SecondaryMap<Value, Option<(u32, Option<u32>)>>;

fn owners(func: &Function, candidates: &[Candidate]) -> Owners {
    let mut owners = Owners::new();
    for (number, candidate) in (0..).zip(candidates) {
        for (index, &param) in (0..).zip(func.dfg.block_params(candidate.block)) {
            owners[param] = Some((number, Some(index)));
        }
        for inst in func.layout.block_insts(candidate.block) {
            // Constants can be moved to where everybody sees them.
            let constant = func.dfg.insts[inst].opcode() == Opcode::Iconst;
            for &result in func.dfg.inst_results(inst).iter().filter(|_| !constant) {
                owners[result] = Some((number, None));
            }
        }
    }
    owners
}

/// Which of its successors a block belongs to.
fn side(tree: &DominatorTree, candidate: &Candidate, block: Block) -> Option<usize> {
    (0..2).find(|&side| candidate.single[side] && tree.block_dominates(candidate.targets[side], block))
}

/// Notes which values are needed behind which successor, and gives up candidates whose values are needed elsewhere.
fn look_at_uses(func: &Function, tree: &DominatorTree, candidates: &mut [Candidate]) {
    let owners = owners(func, candidates);
    for block in func.layout.blocks().filter(|&block| tree.is_reachable(block)) {
        for inst in func.layout.block_insts(block) {
            for value in func.dfg.inst_values(inst) {
                let Some((number, param)) = owners[func.dfg.resolve_aliases(value)] else { continue };
                let candidate = &mut candidates[number as usize];
                if candidate.block == block {
                    // The branch may hand on parameters only.
                    let condition = func.dfg.inst_args(inst).contains(&value);
                    candidate.dead |= inst == candidate.branch && param.is_none() && !condition;
                    continue;
                }
                match (param, side(tree, candidate, block)) {
                    (Some(param), Some(side)) => candidate.used[side][param as usize] = true,
                    _ => candidate.dead = true,
                }
            }
        }
    }
}

/// Leads the known edges past a candidate.
fn lead_past(func: &mut Function, candidate: &mut Candidate) {
    let entry = func.layout.entry_block().expect("the function has code");
    let insts: SmallVec<[Inst; MOST]> = func.layout.block_insts(candidate.block).collect();
    for inst in insts {
        if func.dfg.insts[inst].opcode() == Opcode::Iconst && entry != candidate.block {
            func.layout.remove_inst(inst);
            FuncCursor::new(func).at_first_insertion_point(entry).insert_inst(inst);
        }
    }
    let params: SmallVec<[Value; 4]> = func.dfg.block_params(candidate.block).into();
    let mut passed: [Vec<BlockArg>; 2] = [0, 1].map(|side| {
        let call = destinations(func, candidate.branch)[side];
        call.args(&func.dfg.value_lists).collect()
    });
    for (side, passed) in passed.iter_mut().enumerate() {
        for (index, &param) in params.iter().enumerate().filter(|&(index, _)| candidate.used[side][index]) {
            let ty = func.dfg.value_type(param);
            let new = func.dfg.append_block_param(candidate.targets[side], ty);
            candidate.renamed[side][index] = Some(new);
            passed.push(param.into());
        }
        set_destination(func, candidate.branch, side, candidate.targets[side], passed);
    }
    for &(inst, at, side) in &candidate.edges {
        let args: SmallVec<[BlockArg; 4]> =
            destinations(func, inst)[at].args(&func.dfg.value_lists).collect();
        let args: Vec<BlockArg> = passed[side]
            .iter()
            .map(|arg| {
                let value = arg.as_value().map(|value| func.dfg.resolve_aliases(value));
                match params.iter().position(|&param| Some(param) == value) {
                    Some(index) => args[index],
                    None => *arg,
                }
            })
            .collect();
        set_destination(func, inst, at, candidate.targets[side], &args);
    }
}

fn set_destination(func: &mut Function, inst: Inst, at: usize, block: Block, args: &[BlockArg]) {
    let call = func.dfg.block_call(block, args);
    let dfg = &mut func.dfg;
    dfg.insts[inst].branch_destination_mut(&mut dfg.jump_tables, &mut dfg.exception_tables)[at] = call;
}

/// Behind a successor, its own parameters stand for the candidate's.
fn rename(func: &mut Function, tree: &DominatorTree, candidates: &[Candidate]) {
    if candidates.is_empty() {
        return;
    }
    let owners = owners(func, candidates);
    let mut next = func.layout.entry_block();
    while let Some(block) = next {
        next = func.layout.next_block(block);
        let mut at = if tree.is_reachable(block) { func.layout.first_inst(block) } else { None };
        while let Some(inst) = at {
            at = func.layout.next_inst(inst);
            let renames =
                func.dfg.inst_values(inst).any(|value| owners[func.dfg.resolve_aliases(value)].is_some());
            if !renames {
                continue;
            }
            let new = |value: Value, func: &Function| {
                let (number, param) = owners[func.dfg.resolve_aliases(value)]?;
                let candidate = &candidates[number as usize];
                let side = if candidate.block == block { None } else { side(tree, candidate, block) };
                candidate.renamed[side?][param? as usize]
            };
            let values: SmallVec<[Value; 8]> = func.dfg.inst_values(inst).collect();
            let values: SmallVec<[Value; 8]> =
                values.iter().map(|&value| new(value, func).unwrap_or(value)).collect();
            let mut values = values.into_iter();
            func.dfg.map_inst_values(inst, |value| values.next().unwrap_or(value));
        }
    }
}
