//! Which code frees nothing, so that what was found out of pointers before it still holds after it.

use rustc_hash::FxHashSet;

use crate::lower::decl::{Body, Declarations};
use crate::lower::func::Lower;
use crate::lower::value::TypeTable;
use crate::typed::{Callee, Expr, ExprKind, FuncId, FunctionBody, Piece, Program, walk};
use crate::types::{Ty, TyKind};

/// Functions from outside that take no memory from anybody.
const QUIET: [&str; 12] = [
    "vex_malloc",
    "vex_calloc",
    "vex_memcpy",
    "vex_memmove",
    "vex_memset",
    "vex_memcmp",
    "memcpy",
    "memmove",
    "memset",
    "memcmp",
    "strlen",
    "malloc",
];

/// Whether a function from outside frees nothing.
pub(in crate::lower) fn is_quiet_symbol(symbol: &str) -> bool {
    QUIET.contains(&symbol)
}

/// Whether an expression only says where a value is.
fn is_place(expr: &Expr) -> bool {
    use ExprKind::*;
    matches!(expr.kind, Local(_) | Global(_) | Field { .. } | Payload { .. } | Index { .. } | Deref(_))
}

/// Whether evaluating an expression frees nothing, if the functions that `callee` accepts do not.
fn is_quiet(
    program: &Program,
    table: &TypeTable,
    expr: &Expr,
    callee: &mut dyn FnMut(FuncId, bool) -> bool,
) -> bool {
    let quiet = match &expr.kind {
        _ if table.get(expr.ty).needs_drop && !is_place(expr) => false,
        ExprKind::Call { callee: Callee::Func { func, args }, .. } => {
            let function = &program.functions[func.0 as usize];
            match &function.body {
                FunctionBody::Extern(symbol) => is_quiet_symbol(symbol),
                FunctionBody::Code(_) => function.via.is_none() && callee(*func, args.is_empty()),
                _ => false,
            }
        }
        ExprKind::Call { callee: Callee::Runtime(symbol), .. } => is_quiet_symbol(symbol),
        ExprKind::Call { .. } | ExprKind::Defer(_) => false,
        ExprKind::Print { pieces, .. } => pieces.iter().all(|piece| match piece {
            Piece::Value { value, .. } => is_printed_by_runtime(program, value.ty),
            Piece::Text(_) => true,
        }),
        _ => true,
    };
    let mut all = quiet;
    walk::children(expr, &mut |part| all = all && is_quiet(program, table, part, callee));
    all
}

/// Whether printing a value of a type calls nothing but the runtime.
fn is_printed_by_runtime(program: &Program, ty: Ty) -> bool {
    let kind = program.types.kind(ty);
    matches!(kind, TyKind::Int(_) | TyKind::F32 | TyKind::F64 | TyKind::Bool | TyKind::Char | TyKind::Str)
        && !program.shown.contains_key(&ty)
        && !program.debugged.contains_key(&ty)
}

/// The functions that free nothing.
pub(in crate::lower) fn quiet_functions(program: &Program, decls: &Declarations) -> FxHashSet<u32> {
    let mut callees: Vec<(u32, Vec<u32>)> = Vec::new();
    for (index, instance) in (0..).zip(&decls.instances) {
        let Body::Function { func, .. } = instance.body else { continue };
        let function = &program.functions[func.0 as usize];
        let FunctionBody::Code(body) = &function.body else { continue };
        let drops = function.locals.iter().any(|local| decls.types.get(local.ty).needs_drop);
        let mut called = Vec::new();
        let mut callee = |func: FuncId, plain: bool| {
            let index = decls.index_of(func).filter(|_| plain);
            called.extend(index);
            index.is_some()
        };
        if !drops && is_quiet(program, &decls.types, body, &mut callee) {
            callees.push((index, called));
        }
    }
    let mut quiet: FxHashSet<u32> = callees.iter().map(|(index, _)| *index).collect();
    loop {
        let before = quiet.len();
        for (index, called) in &callees {
            if !called.iter().all(|callee| quiet.contains(callee)) {
                quiet.remove(index);
            }
        }
        if quiet.len() == before {
            return quiet;
        }
    }
}

impl Lower<'_> {
    /// Whether evaluating an expression frees nothing.
    pub(super) fn is_quiet(&self, expr: &Expr) -> bool {
        let decls = self.decls;
        let mut callee = |func: FuncId, plain: bool| {
            plain && decls.index_of(func).is_some_and(|index| decls.quiet.contains(&index))
        };
        is_quiet(self.program, &decls.types, expr, &mut callee)
    }
}
