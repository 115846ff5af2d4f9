//! Calls: of the program's own functions, of C functions, through pointers.

use cranelift_codegen::ir::{self, Block, FuncRef, InstBuilder, types};
use smallvec::SmallVec;

use super::abi::{self, CPass};
use super::addr::{Addr, Kind};
use super::checked::{Outside, is_quiet_symbol};
use super::control::Held;
use super::decl::{Body, namespace};
use super::func::{Leaves, Lower};
use super::kept::KeptPart;
use super::rt::Rt;
use crate::typed::{self, Callee, Expr, FunctionBody};
use crate::types::{Ty, TyKind};

/// An evaluated argument.
enum Arg {
    /// A flat value.
    Leaves(Leaves),
    /// Anything else, in memory of its own.
    Memory(Addr),
    /// A reference to a variable that is in memory for the call only.
    Kept(KeptPart),
}

type Args = SmallVec<[Arg; 6]>;
type Words = SmallVec<[ir::Value; 8]>;

/// What to jump to.
enum Target {
    Direct(FuncRef),
    Pointer(ir::SigRef, ir::Value),
}

impl<'a> Lower<'a> {
    /// A call. The result goes to `dest` if its type needs memory.
    pub(super) fn call(
        &mut self,
        callee: &'a Callee,
        args: &'a [Expr],
        expr: &'a Expr,
        dest: Option<Addr>,
    ) -> Leaves {
        match callee {
            Callee::Func { func, args: type_args } => {
                let function = &self.program.functions[func.0 as usize];
                if let FunctionBody::Extern(symbol) = &function.body {
                    return self.call_symbol(symbol, args, expr, dest);
                }
                if let Some(leaves) = self.expand_library(function, args, expr) {
                    return leaves;
                }
                if let Some(leaves) = self.call_method(callee, args, expr) {
                    return leaves;
                }
                let body = Body::Function { func: *func, args: type_args.clone() };
                if function.via.is_none()
                    && let instance = self.decls.instance(&body)
                    && let Some(leaves) = self.call_in_place(function, instance, args, expr, dest)
                {
                    return leaves;
                }
                let values = self.args(args);
                let target = self.reference(&body);
                if function.library {
                    self.mark_site(expr);
                }
                let quiet = function.via.is_none() && self.decls.quiet.contains(&self.decls.instance(&body));
                self.call_own(Target::Direct(target), values, expr, dest, quiet)
            }
            Callee::Runtime(symbol) => self.call_symbol(symbol, args, expr, dest),
            Callee::Pointer(pointer) => {
                let address = self.scalar(pointer);
                let values = self.args(args);
                let TyKind::Fn { params, ret } = self.types.kind(pointer.ty) else {
                    unreachable!("only functions are called")
                };
                let sig =
                    abi::own_signature(&self.decls.types, &self.decls.options, params.iter().copied(), *ret);
                let sig = self.b.import_signature(sig);
                self.call_own(Target::Pointer(sig, address), values, expr, dest, false)
            }
        }
    }

    fn args(&mut self, args: &'a [Expr]) -> Args {
        let parts = self.begin_parts(args);
        let mut values = Args::new();
        for arg in args {
            if let Some(reference) = self.kept_reference(arg) {
                values.push(match reference {
                    Ok(part) => Arg::Kept(part),
                    Err(address) => Arg::Leaves(super::expr::one(address)),
                });
            } else if self.flat(arg.ty) {
                let leaves = self.value(arg);
                self.hold(&parts, arg.ty, || Held::Leaves(arg.ty, leaves.clone()));
                values.push(Arg::Leaves(leaves));
            } else {
                let temp = self.temp(arg.ty);
                self.into(arg, temp);
                self.hold(&parts, arg.ty, || Held::Memory(arg.ty, temp));
                values.push(Arg::Memory(temp));
            }
        }
        self.end_parts(parts);
        values
    }

    fn call_symbol(&mut self, symbol: &str, args: &'a [Expr], expr: &'a Expr, dest: Option<Addr>) -> Leaves {
        if let Some(leaves) = self.expand_symbol(symbol, args, expr) {
            return leaves;
        }
        let values = self.args(args);
        let types: SmallVec<[Ty; 6]> = args.iter().map(|arg| arg.ty).collect();
        self.mark_site(expr);
        self.at(expr.span);
        let leaves = self.call_c(symbol, &types, values, expr.ty, dest);
        if expr.ty == Ty::NEVER {
            self.never_returns();
        }
        leaves
    }

    /// Calls a C function with values that were computed already; all of them and the result are flat.
    pub(super) fn call_symbol_with(
        &mut self,
        symbol: &str,
        params: &[Ty],
        args: impl IntoIterator<Item = Leaves>,
        ret: Ty,
    ) -> Leaves {
        self.call_c(symbol, params, args.into_iter().map(Arg::Leaves).collect(), ret, None)
    }

    /// As [`Lower::rt`], for calls that hardly ever happen in code that often runs: what is around them keeps its
    /// registers.
    pub(super) fn rt_rarely(&mut self, rt: Rt, args: &[ir::Value]) -> Leaves {
        self.rt_rarely_to(rt, args, None)
    }

    /// As [`Lower::rt_rarely`], with the address of [`Lower::kept_result`] where that is in a register anyway.
    pub(super) fn rt_rarely_to(&mut self, rt: Rt, args: &[ir::Value], at: Option<ir::Value>) -> Leaves {
        let decls = self.decls;
        let Some(kept) = rt.kept().filter(|_| decls.options.kept_calls) else {
            return self.rt(rt, args);
        };
        let mut words: Words = args.into();
        let results: SmallVec<[ir::Type; 2]> = rt.results(&decls.options).collect();
        if !results.is_empty() {
            let result = self.kept_result();
            words.push(at.unwrap_or_else(|| self.address(result)));
        }
        for word in &mut words {
            if self.b.func.dfg.value_type(*word) != types::F64 {
                *word = self.b.ins().bitcast(types::F64, ir::MemFlagsData::new(), *word);
            }
        }
        self.rt(kept, &words);
        let result = self.kept_result();
        results.iter().zip((0..).step_by(8)).map(|(&ty, offset)| self.load(ty, result.plus(offset))).collect()
    }

    /// Where the results of such calls go.
    pub(super) fn kept_result(&mut self) -> Addr {
        let slot = match self.kept_result {
            Some(slot) => slot,
            None => self.slot(16, 8),
        };
        self.kept_result = Some(slot);
        // A region of its own would be more precise, but rare code may be slow.
        Addr::slot(slot, Kind::Shared)
    }

    /// For the heap report: notes where user code calls something that may allocate.
    pub(super) fn mark_site(&mut self, expr: &'a Expr) {
        if !self.report {
            return;
        }
        let cell = self.data_addr(namespace::SYMBOL, Rt::ReportSite.index());
        let site = self.int(types::I32, i64::from(expr.span.lo));
        self.store(site, Addr::value(cell, Kind::Shared));
    }

    /// A call with the program's own convention; of a quiet function it is known that it frees nothing.
    fn call_own(
        &mut self,
        target: Target,
        args: Args,
        expr: &'a Expr,
        dest: Option<Addr>,
        quiet: bool,
    ) -> Leaves {
        let info = self.info(expr.ty);
        let mut words = Words::new();
        let mut result = None;
        let mut kept = SmallVec::<[usize; 2]>::new();
        if abi::returns_through_memory(info) {
            let memory = match dest {
                Some(dest) => self.settled(dest, info),
                None => self.temp(expr.ty),
            };
            words.push(self.address(memory));
            result = Some(memory);
        }
        for arg in args {
            match arg {
                Arg::Leaves(leaves) => words.extend(leaves),
                Arg::Memory(addr) => words.push(self.address(addr)),
                Arg::Kept(part) => {
                    if !kept.contains(&part.variable) {
                        kept.push(part.variable);
                    }
                    words.push(self.kept_address(part));
                }
            }
        }
        kept.iter().for_each(|&variable| self.spill_kept(variable));
        self.at(expr.span);
        let call = self.emit_call(&target, &words);
        if !quiet {
            self.checks.forget();
        }
        if expr.ty == Ty::NEVER {
            self.never_returns();
            return Leaves::new();
        }
        kept.iter().for_each(|&variable| self.reload_kept(variable));
        match result {
            None => self.b.inst_results(call).iter().copied().collect(),
            Some(memory) if info.flat && dest.is_none() => self.load_leaves(memory, info),
            Some(_) => Leaves::new(),
        }
    }

    /// After a call that does not come back.
    fn never_returns(&mut self) {
        self.b.ins().trap(super::traps::Trap::Returned.code());
        self.unreachable();
    }

    fn emit_call(&mut self, target: &Target, words: &[ir::Value]) -> ir::Inst {
        self.calls = true;
        match target {
            Target::Direct(func) => self.b.ins().call(*func, words),
            Target::Pointer(sig, address) => self.b.ins().call_indirect(*sig, *address, words),
        }
    }

    /// A call with C's convention.
    fn call_c(&mut self, symbol: &str, params: &[Ty], args: Args, ret: Ty, dest: Option<Addr>) -> Leaves {
        let decls = self.decls;
        let c = abi::c_signature(self.types, &decls.types, &decls.options, params.iter().copied(), ret);
        let func = self.import(namespace::SYMBOL, decls.symbol_index[symbol], c.sig.clone());
        let mut words = Words::new();
        let result = match c.ret {
            CPass::Memory(_) => {
                let memory = match dest {
                    Some(dest) => self.settled(dest, self.info(ret)),
                    None => self.temp(ret),
                };
                words.push(self.address(memory));
                Some(memory)
            }
            _ => None,
        };
        let to = if decls.options.checked { self.outside(symbol) } else { Outside::Twin };
        for ((arg, pass), &ty) in args.into_iter().zip(&c.params).zip(params) {
            let arg = match arg {
                Arg::Leaves(leaves) => Arg::Leaves(self.handed_out(leaves, ty, to)),
                arg => arg,
            };
            self.pass_c(arg, pass, ty, &mut words);
        }
        self.calls = true;
        if !is_quiet_symbol(symbol) {
            self.checks.forget();
        }
        let call = self.b.ins().call(func, &words);
        let mut results: Leaves = self.b.inst_results(call).iter().copied().collect();
        if decls.options.checked {
            results = self.taken_in(symbol, ret, results);
        }
        self.result_c(&c.ret, ret, results, result, dest)
    }

    fn pass_c(&mut self, arg: Arg, pass: &CPass, ty: Ty, words: &mut Words) {
        let info = self.info(ty);
        match (pass, arg) {
            (CPass::Leaf, Arg::Leaves(leaves)) => words.extend(leaves),
            (CPass::Words(parts), Arg::Leaves(leaves)) if parts.iter().all(|word| word.leaf.is_some()) => {
                words.extend(parts.iter().filter_map(|word| word.leaf).map(|leaf| leaves[leaf as usize]));
            }
            (CPass::Words(parts), arg) => {
                let image = self.image(&arg, ty);
                for (index, word) in parts.iter().enumerate() {
                    words.push(self.load(word.ty, image.plus(8 * index as i64)));
                }
            }
            (CPass::Memory(size), arg) => {
                let image = if size % 8 == 0 && matches!(arg, Arg::Memory(_)) {
                    let Arg::Memory(addr) = arg else { unreachable!("just matched") };
                    addr
                } else {
                    self.image(&arg, ty)
                };
                words.push(self.address(image));
            }
            (CPass::Leaf, Arg::Memory(_) | Arg::Kept(_)) => debug_assert_eq!(info.size, 0),
        }
    }

    /// A copy of a value in memory, padded to whole words.
    fn image(&mut self, arg: &Arg, ty: Ty) -> Addr {
        let info = self.info(ty);
        let slot = self.slot(info.size.next_multiple_of(8), info.align.max(8));
        let image = Addr::slot(slot, Kind::Private);
        match arg {
            Arg::Leaves(leaves) => self.store_leaves(image, info, leaves),
            Arg::Memory(addr) => self.copy(image, *addr, info),
            Arg::Kept(_) => unreachable!("a reference that a C function gets is not tame"),
        }
        image
    }

    /// Takes a C function's result apart.
    fn result_c(
        &mut self,
        pass: &CPass,
        ret: Ty,
        results: Leaves,
        memory: Option<Addr>,
        dest: Option<Addr>,
    ) -> Leaves {
        let info = self.info(ret);
        let memory = match pass {
            CPass::Leaf => return results,
            CPass::Words(words) if info.flat && words.iter().all(|word| word.leaf.is_some()) => {
                return results;
            }
            CPass::Words(_) => {
                let slot = self.slot(info.size.next_multiple_of(8), info.align.max(8));
                let image = Addr::slot(slot, Kind::Private);
                for (index, &word) in results.iter().enumerate() {
                    self.store(word, image.plus(8 * index as i64));
                }
                image
            }
            CPass::Memory(_) => memory.expect("the caller made memory for it"),
        };
        match dest {
            _ if info.flat => self.load_leaves(memory, info),
            Some(dest) => {
                if matches!(pass, CPass::Words(_)) {
                    self.copy(dest, memory, info);
                }
                Leaves::new()
            }
            None => Leaves::new(),
        }
    }

    /// A function with the program's own convention that calls a C function.
    pub(super) fn thunk(&mut self, entry: Block, function: &typed::Function) {
        let FunctionBody::Extern(symbol) = &function.body else { unreachable!("a C function") };
        let params: SmallVec<[Ty; 6]> =
            function.params.iter().map(|local| function.locals[local.0 as usize].ty).collect();
        let words: Words = self.b.block_params(entry).iter().copied().collect();
        let mut words = words.into_iter();
        let mut next = || words.next().expect("the signature was made from these parameters");
        let result = self.info(function.ret);
        let dest =
            abi::returns_through_memory(result).then(&mut next).map(|at| Addr::value(at, Kind::Shared));
        let args = params
            .iter()
            .map(|&ty| {
                let info = self.decls.types.get(ty);
                if info.flat {
                    Arg::Leaves(info.leaves.iter().map(|_| next()).collect())
                } else {
                    Arg::Memory(Addr::value(next(), Kind::Shared))
                }
            })
            .collect();
        let leaves = self.call_c(symbol, &params, args, function.ret, dest.filter(|_| !result.flat));
        match dest {
            Some(dest) if result.flat => {
                self.store_leaves(dest, result, &leaves);
                self.b.ins().return_(&[]);
            }
            Some(_) => {
                self.b.ins().return_(&[]);
            }
            None => {
                self.b.ins().return_(&leaves);
            }
        }
    }
}
