//! Programs of hand-written functions.

use std::sync::Arc;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    AbiParam, Block, ExtFuncData, ExternalName, FuncRef, Function, GlobalValueData, InstBuilder,
    MemFlagsData, Signature, SourceLoc, TrapCode, Type, UserExternalName, UserFuncName, Value,
    immediates::Imm64, types::I64,
};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use vex_syntax::{SourceMap, Span, Spelling};

use crate::jit::{self, CompiledProgram, JitError, JitOptions, Outcome, RunOptions, Unit};
use crate::lower::{Body, DataDecl, InstanceDecl, SymbolDecl, namespace};
use crate::typed::FuncId;

/// A program under construction.
pub struct Maker {
    pub isa: Arc<dyn TargetIsa>,
    pub sources: SourceMap,
    pub instances: Vec<InstanceDecl>,
    pub functions: Vec<Function>,
    pub symbols: Vec<SymbolDecl>,
    pub data: Vec<DataDecl>,
    pub options: JitOptions,
}

impl Maker {
    /// A program whose one file, `test.vx`, has this text.
    pub fn new(text: &str) -> Maker {
        let options = JitOptions { verify: true, ..JitOptions::default() };
        let mut sources = SourceMap::new();
        sources.add("test.vx", None, Spelling::Vex, text, false).unwrap();
        Maker {
            isa: jit::target(&options).unwrap(),
            sources,
            instances: Vec::new(),
            functions: Vec::new(),
            symbols: Vec::new(),
            data: Vec::new(),
            options,
        }
    }

    /// The position of the first place where a file says `needle`.
    pub fn position(&self, needle: &str) -> u32 {
        let hit =
            |file: &vex_syntax::span::SourceFile| file.text.find(needle).map(|at| file.base + at as u32);
        self.sources.files().iter().find_map(hit).unwrap()
    }

    /// Index of a symbol from outside.
    pub fn symbol(&mut self, name: &str, data: bool) -> u32 {
        if let Some(index) = self.symbols.iter().position(|symbol| symbol.name == name) {
            return index as u32;
        }
        self.symbols.push(SymbolDecl { name: name.to_string(), data });
        self.symbols.len() as u32 - 1
    }

    /// The signature of a function of `params` integers that returns one.
    pub fn sig(&self, params: usize) -> Signature {
        let mut sig = Signature::new(self.isa.default_call_conv());
        sig.params = vec![AbiParam::new(I64); params];
        sig.returns = vec![AbiParam::new(I64)];
        sig
    }

    /// Adds a function of `params` integers that returns one; its index.
    pub fn function(
        &mut self,
        name: &str,
        head: u32,
        params: usize,
        body: impl FnOnce(&mut Code<'_>) -> Value,
    ) -> u32 {
        let index = self.instances.len() as u32;
        let sig = self.sig(params);
        self.instances.push(InstanceDecl {
            body: Body::Function { func: FuncId(index), args: Vec::new() },
            name: name.to_string(),
            sig: sig.clone(),
            span: Span::new(head, head),
            library: false,
        });
        self.functions.push(Function::new());
        let mut function = Function::with_name_signature(UserFuncName::user(0, index), sig);
        let mut context = FunctionBuilderContext::new();
        let mut builder = FunctionBuilder::new(&mut function, &mut context);
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        let mut code = Code { b: builder, maker: self, entry };
        let value = body(&mut code);
        code.b.ins().return_(&[value]);
        code.b.seal_all_blocks();
        let config = code.maker.isa.frontend_config();
        code.b.finalize(config);
        self.functions[index as usize] = function;
        index
    }

    /// Compiles it; the last function is the entry.
    pub fn compile(&self) -> Result<CompiledProgram, JitError> {
        let build = |index: u32| self.functions[index as usize].clone().into();
        let unit = Unit {
            instances: &self.instances,
            symbols: &self.symbols,
            data: &self.data,
            entry: self.instances.len() as u32 - 1,
            build: &build,
            optional: &|_| false,
        };
        jit::compile_unit(self.isa.clone(), &unit, &self.options)
    }

    /// Compiles and runs it, coming back from whatever happens.
    pub fn outcome(&self) -> Outcome {
        let options = RunOptions { recover: true, stack_size: 1 << 20, ..RunOptions::default() };
        self.compile().unwrap().run(&self.sources, &[], &options).unwrap()
    }

    /// The report of a program that fails.
    pub fn report(&self) -> String {
        match self.outcome() {
            Outcome::Failed(report) => report,
            other => panic!("the program did not fail: {other:?}"),
        }
    }
}

/// The body of a function under construction.
pub struct Code<'a> {
    pub b: FunctionBuilder<'a>,
    pub maker: &'a mut Maker,
    entry: Block,
}

impl Code<'_> {
    /// What follows comes from the place where the source says `needle`.
    pub fn at(&mut self, needle: &str) {
        let position = self.maker.position(needle);
        self.b.set_srcloc(SourceLoc::new(position));
    }

    pub fn param(&self, index: usize) -> Value {
        self.b.block_params(self.entry)[index]
    }

    pub fn int(&mut self, value: i64) -> Value {
        self.b.ins().iconst(I64, value)
    }

    fn import(&mut self, namespace: u32, index: u32, params: usize) -> FuncRef {
        let signature = self.maker.sig(params);
        let signature = self.b.import_signature(signature);
        let name = self.b.func.declare_imported_user_function(UserExternalName { namespace, index });
        self.b.import_function(ExtFuncData {
            name: ExternalName::user(name),
            signature,
            colocated: namespace == namespace::INSTANCE,
            patchable: false,
        })
    }

    /// Calls a function of the program.
    pub fn call(&mut self, index: u32, args: &[Value]) -> Value {
        let callee = self.import(namespace::INSTANCE, index, args.len());
        let call = self.b.ins().call(callee, args);
        self.b.inst_results(call)[0]
    }

    /// Calls a function of the runtime or libc.
    pub fn call_symbol(&mut self, name: &str, args: &[Value]) -> Value {
        let index = self.maker.symbol(name, false);
        let callee = self.import(namespace::SYMBOL, index, args.len());
        let call = self.b.ins().call(callee, args);
        self.b.inst_results(call)[0]
    }

    /// The address of a function of the program.
    pub fn function_address(&mut self, index: u32, params: usize) -> Value {
        let function = self.import(namespace::INSTANCE, index, params);
        self.b.ins().func_addr(I64, function)
    }

    /// The address of a data object.
    pub fn data_address(&mut self, namespace: u32, index: u32) -> Value {
        let name = self.b.func.declare_imported_user_function(UserExternalName { namespace, index });
        let global = self.b.func.create_global_value(GlobalValueData::Symbol {
            name: ExternalName::user(name),
            offset: Imm64::new(0),
            colocated: namespace == namespace::DATA,
            tls: false,
        });
        self.b.ins().symbol_value(I64, global)
    }

    pub fn load(&mut self, ty: Type, address: Value) -> Value {
        self.b.ins().load(ty, MemFlagsData::new(), address, 0)
    }

    pub fn store(&mut self, value: Value, address: Value) {
        self.b.ins().store(MemFlagsData::new(), value, address, 0);
    }

    /// The check that lowering puts at the start of functions.
    pub fn stack_check(&mut self) {
        let index = self.maker.symbol("vexrt_stack_limit", true);
        let cell = self.data_address(namespace::SYMBOL, index);
        let limit = self.load(I64, cell);
        let sp = self.b.ins().get_stack_pointer(I64);
        let below = self.b.ins().icmp(IntCC::UnsignedLessThan, sp, limit);
        self.b.ins().trapnz(below, TrapCode::STACK_OVERFLOW);
    }

    /// A loop that never ends and calls nothing.
    pub fn forever(&mut self) -> Value {
        let head = self.b.create_block();
        let after = self.b.create_block();
        self.b.ins().jump(head, &[]);
        self.b.switch_to_block(head);
        self.b.ins().jump(head, &[]);
        self.b.switch_to_block(after);
        self.int(0)
    }
}
