//! What a function names outside of itself: functions of the program and of the runtime, data.

use cranelift_codegen::ir::{
    self, ExtFuncData, ExternalName, FuncRef, GlobalValueData, InstBuilder, Signature, UserExternalName,
};

use super::abi;
use super::decl::{Body, namespace};
use super::func::{Leaves, Lower};
use super::rt::Rt;

impl<'a> Lower<'a> {
    /// A function that machine code can call by name.
    pub(super) fn callee(&mut self, namespace: u32, index: u32, sig: impl FnOnce() -> Signature) -> FuncRef {
        if let Some(&known) = self.functions.get(&(namespace, index)) {
            return known;
        }
        let func = self.import(namespace, index, sig());
        self.functions.insert((namespace, index), func);
        func
    }

    /// As [`Lower::callee`], for a symbol that may be called with several types.
    pub(super) fn import(&mut self, space: u32, index: u32, sig: Signature) -> FuncRef {
        let signature = self.b.import_signature(sig);
        let name = self.b.func.declare_imported_user_function(UserExternalName::new(space, index));
        self.b.import_function(ExtFuncData {
            name: ExternalName::user(name),
            signature,
            colocated: space == namespace::INSTANCE,
            patchable: false,
        })
    }

    /// An instance, to be called or pointed at.
    pub(super) fn instance(&mut self, index: u32) -> FuncRef {
        let decls = self.decls;
        self.callee(namespace::INSTANCE, index, || decls.instances[index as usize].sig.clone())
    }

    /// What is called or pointed at for an instance: its code, or the symbol through which it can be replaced. A
    /// function that calls itself means its own code.
    pub(super) fn reference(&mut self, body: &Body) -> FuncRef {
        if let Body::Function { func, .. } = body {
            let (decls, function) = (self.decls, &self.program.functions[func.0 as usize]);
            let itself = self.function.is_some_and(|this| std::ptr::eq(this, function));
            if let (Some(symbol), false) = (&function.via, itself) {
                let params = function.params.iter().map(|local| function.locals[local.0 as usize].ty);
                let index = decls.symbol_index[&**symbol];
                return self.callee(namespace::SYMBOL, index, || {
                    abi::own_signature(&decls.types, &decls.options, params, function.ret)
                });
            }
        }
        self.instance(self.decls.instance(body))
    }

    /// The address of a data object or of a symbol that is data.
    pub(super) fn data_addr(&mut self, space: u32, index: u32) -> ir::Value {
        let value = match self.data.get(&(space, index)) {
            Some(&known) => known,
            None => {
                let name = self.b.func.declare_imported_user_function(UserExternalName::new(space, index));
                let value = self.b.create_global_value(GlobalValueData::Symbol {
                    name: ExternalName::user(name),
                    offset: 0.into(),
                    colocated: space == namespace::DATA,
                    tls: false,
                });
                self.data.insert((space, index), value);
                value
            }
        };
        self.b.ins().symbol_value(self.ptr, value)
    }

    /// Calls a runtime function. After one that never returns, code is unreachable.
    pub(super) fn rt(&mut self, rt: Rt, args: &[ir::Value]) -> Leaves {
        let decls = self.decls;
        let func = self.callee(namespace::SYMBOL, rt.index(), || rt.signature(&decls.options));
        let plain;
        let args = if decls.options.checked && !rt.is_check() {
            if !rt.is_quiet() {
                self.checks.forget();
            }
            plain = self.for_runtime(rt, args);
            &plain[..]
        } else {
            args
        };
        let call = self.b.ins().call(func, args);
        let results = self.b.inst_results(call).iter().copied().collect();
        self.calls |= !rt.diverges();
        if rt.diverges() {
            self.b.ins().trap(super::traps::Trap::Returned.code());
            self.unreachable();
        }
        results
    }
}
