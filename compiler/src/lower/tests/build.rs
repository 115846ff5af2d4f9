//! Building typed programs by hand, and checking what they are lowered to.

use cranelift_codegen::ir::Function as Clif;
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use vex_syntax::{Span, Symbol};

use crate::lower::{self, Declarations, LowerOptions};
use crate::typed::*;

/// The host, as code is compiled for it.
pub(in crate::lower) fn isa() -> OwnedTargetIsa {
    let mut flags = settings::builder();
    for (name, value) in [
        ("opt_level", "speed"),
        ("is_pic", "false"),
        ("use_colocated_libcalls", "false"),
        ("preserve_frame_pointers", "true"),
        ("enable_verifier", "true"),
    ] {
        flags.set(name, value).expect("the setting exists");
    }
    cranelift_native::builder()
        .expect("the host is supported")
        .finish(settings::Flags::new(flags))
        .expect("the settings fit the host")
}

/// A function under construction.
pub(super) struct Fun {
    pub locals: Vec<Local>,
    pub params: Vec<LocalId>,
}

impl Fun {
    pub(super) fn new() -> Fun {
        Fun { locals: Vec::new(), params: Vec::new() }
    }

    pub(super) fn local(&mut self, ty: Ty) -> LocalId {
        let name = Symbol::new(&format!("v{}", self.locals.len()));
        self.locals.push(Local { name, ty, span: Span::NONE, borrowed: false, flagged: false });
        LocalId(self.locals.len() as u32 - 1)
    }

    pub(super) fn param(&mut self, ty: Ty) -> LocalId {
        let id = self.local(ty);
        self.params.push(id);
        id
    }

    pub(super) fn borrowed(&mut self, ty: Ty) -> LocalId {
        let id = self.local(ty);
        self.locals[id.0 as usize].borrowed = true;
        id
    }

    pub(super) fn flagged(&mut self, ty: Ty) -> LocalId {
        let id = self.local(ty);
        self.locals[id.0 as usize].flagged = true;
        id
    }

    pub(super) fn get(&self, id: LocalId) -> Expr {
        expr(ExprKind::Local(id), self.locals[id.0 as usize].ty)
    }

    pub(super) fn end(self, name: &str, ret: Ty, body: Expr) -> Function {
        Function {
            name: name.into(),
            span: Span::new(1, 2),
            generics: 0,
            callables: 0,
            owner: None,
            params: self.params,
            locals: self.locals,
            ret,
            body: FunctionBody::Code(body),
            library: false,
            via: None,
        }
    }
}

/// A program whose entry is the function added last.
pub(super) struct Prog {
    pub program: Program,
}

impl Prog {
    pub(super) fn new() -> Prog {
        let program = Program {
            types: Types::new(),
            functions: Vec::new(),
            globals: Vec::new(),
            entry: FuncId(0),
            lifetime: Lifetime::Program,
            contracts: Default::default(),
            shown: Default::default(),
            debugged: Default::default(),
        };
        Prog { program }
    }

    pub(super) fn ty(&mut self, kind: TyKind) -> Ty {
        self.program.types.intern(kind)
    }

    pub(super) fn add(&mut self, function: Function) -> FuncId {
        self.program.functions.push(function);
        self.program.entry = FuncId(self.program.functions.len() as u32 - 1);
        self.program.entry
    }

    /// A function from outside with these parameters.
    pub(super) fn foreign(&mut self, symbol: &str, params: &[Ty], ret: Ty) -> FuncId {
        let mut f = Fun::new();
        for &ty in params {
            f.param(ty);
        }
        let mut function = f.end(symbol, ret, unit());
        function.body = FunctionBody::Extern(symbol.into());
        self.add(function)
    }

    pub(super) fn global(&mut self, ty: Ty, init: Option<Const>) -> GlobalId {
        self.program.globals.push(Global { name: Symbol::new("g"), ty, span: Span::NONE, init, at: None });
        GlobalId(self.program.globals.len() as u32 - 1)
    }

    /// A structure with these field types; with `drop`, a function that drops it.
    pub(super) fn structure(&mut self, name: &str, fields: &[Ty], drop: bool) -> Ty {
        let id = StructId(self.program.types.structs.len() as u32);
        let fields = fields
            .iter()
            .enumerate()
            .map(|(index, &ty)| crate::types::Field {
                name: Symbol::new(&format!("f{index}")),
                ty,
                span: Span::NONE,
            })
            .collect();
        self.program.types.structs.push(crate::types::StructDef {
            fields,
            declares_drop: drop,
            ..crate::types::StructDef::new(Symbol::new(name), Span::NONE)
        });
        let ty = self.ty(TyKind::Struct { def: id, args: Vec::new() });
        if drop {
            let reference = self.program.types.reference(ty, true);
            let mut f = Fun::new();
            f.param(reference);
            let func = self.add(f.end(&format!("{name}.drop"), Ty::UNIT, unit()));
            self.program.types.structs[id.0 as usize].drop_fn = Some(func);
        }
        ty
    }

    /// Lowers everything, verifies it, compiles it, and returns it.
    pub(super) fn lower(&self) -> (Declarations, Vec<Clif>) {
        self.lower_with(|_| {})
    }

    pub(super) fn lower_with(&self, change: impl FnOnce(&mut LowerOptions)) -> (Declarations, Vec<Clif>) {
        let isa = isa();
        let mut options = LowerOptions::new(&*isa);
        change(&mut options);
        let decls = lower::declare(&self.program, options);
        let functions: Vec<Clif> = (0..decls.instances.len() as u32)
            .map(|index| lower::function(&self.program, &decls, index).func)
            .collect();
        for (function, instance) in functions.iter().zip(&decls.instances) {
            let mut context = cranelift_codegen::Context::for_function(function.clone());
            if let Err(error) = context.compile(&*isa, &mut Default::default()) {
                panic!("{}: {:?}\n{}", instance.name, error.inner, function.display());
            }
        }
        (decls, functions)
    }

    /// The code of the function with this name.
    pub(super) fn clif(&self, name: &str) -> String {
        self.clif_with(name, |options| {
            options.stack_check = false;
            options.inline = false;
        })
    }

    /// The code of the function with this name, with other options.
    pub(super) fn clif_with(&self, name: &str, change: impl FnOnce(&mut LowerOptions)) -> String {
        let (decls, functions) = self.lower_with(change);
        let index = decls.instances.iter().position(|instance| instance.name == name);
        functions[index.expect("the function is reachable")].display().to_string()
    }
}

pub(super) fn expr(kind: ExprKind, ty: Ty) -> Expr {
    Expr { kind, ty, span: Span::new(10, 20) }
}

pub(super) fn unit() -> Expr {
    expr(ExprKind::Unit, Ty::UNIT)
}

pub(super) fn int(value: i64, ty: Ty) -> Expr {
    expr(ExprKind::Int(value as u64), ty)
}

pub(super) fn binary(op: BinaryOp, left: Expr, right: Expr, ty: Ty) -> Expr {
    expr(ExprKind::Binary { op, left: left.into(), right: right.into() }, ty)
}

pub(super) fn call(func: FuncId, args: Vec<Expr>, ty: Ty) -> Expr {
    expr(ExprKind::Call { callee: Callee::Func { func, args: Vec::new() }, args }, ty)
}

pub(super) fn stmt(expr: Expr) -> Stmt {
    Stmt { span: expr.span, kind: StmtKind::Expr(expr) }
}

pub(super) fn bind(local: LocalId, init: Expr) -> Stmt {
    Stmt { span: init.span, kind: StmtKind::Let { pattern: Pattern::Local(local), init: Some(init) } }
}

pub(super) fn block(stmts: Vec<Stmt>, value: Option<Expr>) -> Expr {
    let ty = value.as_ref().map_or(Ty::UNIT, |value| value.ty);
    expr(ExprKind::Block(Block { stmts, value: value.map(Box::new) }), ty)
}

pub(super) fn ret(value: Expr) -> Expr {
    expr(ExprKind::Return(Some(value.into())), Ty::NEVER)
}

pub(super) fn never_as(value: Expr, ty: Ty) -> Expr {
    expr(ExprKind::Cast { value: value.into(), kind: CastKind::Never }, ty)
}

pub(super) fn if_else(cond: Expr, then: Expr, els: Option<Expr>) -> Expr {
    let ty = if els.is_some() { then.ty } else { Ty::UNIT };
    expr(ExprKind::If { cond: cond.into(), then: then.into(), els: els.map(Box::new) }, ty)
}

pub(super) fn print(value: Expr) -> Expr {
    let pieces = vec![
        Piece::Text("value: ".into()),
        Piece::Text("> ".into()),
        Piece::Value { value, spec: FormatSpec::default() },
        Piece::Text("\n".into()),
    ];
    expr(ExprKind::Print { stream: Stream::Stdout, pieces }, Ty::UNIT)
}
