//! Walks over the tree: a visitor overrides what it wants to see and calls `walk_…` to see what is below it.
//!
//! Children come in the order they are written, names of declarations and members aside. The matches name every kind
//! of node, so a new kind cannot be forgotten here.

use super::*;

/// Sees the nodes of a tree. Every method walks on by default.
pub trait Visitor {
    /// A declaration, at the top level or in a block.
    fn item(&mut self, item: &Item) {
        walk_item(self, item);
    }

    /// A function, method or extern declaration.
    fn function(&mut self, function: &FnDecl) {
        walk_function(self, function);
    }

    /// A statement.
    fn stmt(&mut self, stmt: &Stmt) {
        walk_stmt(self, stmt);
    }

    /// A block, those of `= e` bodies and of `c ? a : b` included; see [`Block::is_written`].
    fn block(&mut self, block: &Block) {
        walk_block(self, block);
    }

    /// An expression.
    fn expr(&mut self, expr: &Expr) {
        walk_expr(self, expr);
    }

    /// A written type.
    fn ty(&mut self, ty: &TypeExpr) {
        walk_type(self, ty);
    }

    /// What a binding binds.
    fn pattern(&mut self, pattern: &Pattern) {
        walk_pattern(self, pattern);
    }
}

impl Block {
    /// Whether the block stands in the text with its braces. The body `= e` of a function and the branches of
    /// `c ? a : b` do not.
    pub fn is_written(&self) -> bool {
        !matches!(self.stmts.as_slice(), [only] if only.span == self.span)
    }
}

/// Everything in a file.
pub fn walk_unit<V: Visitor + ?Sized>(v: &mut V, unit: &SourceUnit) {
    for top in &unit.top {
        match top {
            Top::Item(item) => v.item(item),
            Top::Stmt(stmt) => v.stmt(stmt),
        }
    }
}

/// What is below a declaration.
pub fn walk_item<V: Visitor + ?Sized>(v: &mut V, item: &Item) {
    match &item.kind {
        ItemKind::Fn(decl) => v.function(decl),
        ItemKind::Struct(decl) => {
            generics(v, &decl.generics);
            decl.contracts.iter().for_each(|t| v.ty(t));
            decl.fields.iter().for_each(|f| v.ty(&f.ty));
        }
        ItemKind::Enum(decl) => {
            generics(v, &decl.generics);
            decl.contracts.iter().for_each(|t| v.ty(t));
            decl.variants.iter().flat_map(|variant| &variant.fields).for_each(|f| v.ty(&f.ty));
        }
        ItemKind::Trait(decl) => {
            generics(v, &decl.generics);
            decl.supers.iter().for_each(|t| v.ty(t));
            decl.functions.iter().for_each(|f| v.function(f));
        }
        ItemKind::Impl(decl) => {
            generics(v, &decl.generics);
            decl.contract.iter().for_each(|t| v.ty(t));
            v.ty(&decl.ty);
            decl.functions.iter().for_each(|f| v.function(f));
        }
        ItemKind::Const(decl) | ItemKind::Global(decl) => {
            decl.ty.iter().for_each(|t| v.ty(t));
            v.expr(&decl.value);
        }
        ItemKind::Extern(decl) => decl.functions.iter().for_each(|f| v.function(f)),
        ItemKind::Import(_) => {}
    }
}

fn generics<V: Visitor + ?Sized>(v: &mut V, params: &[GenericParam]) {
    params.iter().flat_map(|p| &p.bounds).for_each(|bound| v.ty(bound));
}

/// What is below a function: the types of its head, then its body.
pub fn walk_function<V: Visitor + ?Sized>(v: &mut V, f: &FnDecl) {
    f.owner.iter().for_each(|t| v.ty(t));
    f.self_param.iter().filter_map(|s| s.ty.as_ref()).for_each(|t| v.ty(t));
    generics(v, &f.generics);
    for param in &f.params {
        v.ty(&param.ty);
        param.default.iter().for_each(|e| v.expr(e));
    }
    f.ret.iter().for_each(|t| v.ty(t));
    f.body.iter().for_each(|b| v.block(b));
}

/// What is below a statement.
pub fn walk_stmt<V: Visitor + ?Sized>(v: &mut V, stmt: &Stmt) {
    match &stmt.kind {
        StmtKind::Let { pattern, mutable: _, ty, value } => {
            v.pattern(pattern);
            ty.iter().for_each(|t| v.ty(t));
            value.iter().for_each(|e| v.expr(e));
        }
        StmtKind::Item(item) => v.item(item),
        StmtKind::Expr(expr) => v.expr(expr),
    }
}

/// The statements of a block.
pub fn walk_block<V: Visitor + ?Sized>(v: &mut V, block: &Block) {
    block.stmts.iter().for_each(|s| v.stmt(s));
}

/// What is below a pattern.
pub fn walk_pattern<V: Visitor + ?Sized>(v: &mut V, pattern: &Pattern) {
    match pattern {
        Pattern::Name(_) | Pattern::Mut(_) | Pattern::Wild(_) => {}
        Pattern::Tuple(items, _) | Pattern::Or(items, _) => items.iter().for_each(|p| v.pattern(p)),
        Pattern::Literal(value) => v.expr(value),
        Pattern::Range(range) => range.lo.iter().chain(&range.hi).for_each(|e| v.expr(e)),
        Pattern::Variant(variant) => variant.args.iter().flatten().for_each(|p| v.pattern(p)),
        Pattern::Struct(decl) => decl.fields.iter().for_each(|(_, p)| v.pattern(p)),
        Pattern::At(at) => v.pattern(&at.pattern),
    }
}

/// What is below an expression.
pub fn walk_expr<V: Visitor + ?Sized>(v: &mut V, expr: &Expr) {
    use ExprKind::*;
    match &expr.kind {
        Int { .. }
        | Float { .. }
        | Str(_)
        | Char(_)
        | Bool(_)
        | Null
        | Name(_)
        | Builtin(_)
        | Continue
        | Error => {}
        Field { base: e, name: _ }
        | TupleField { base: e, .. }
        | Unary { op: _, value: e }
        | Borrow { mutable: _, place: e }
        | Bang(e)
        | Try(e)
        | Defer(e) => v.expr(e),
        Index { base: a, index: b }
        | Binary { op: _, left: a, right: b }
        | Assign { op: _, place: a, value: b }
        | Range { lo: a, hi: b, inclusive: _ }
        | Pipe { value: a, func: b }
        | Repeat { value: a, count: b } => {
            v.expr(a);
            v.expr(b);
        }
        Call { callee, mutating: _, args } => {
            v.expr(callee);
            args.iter().for_each(|e| v.expr(e));
        }
        Recur(items) | Tuple(items) | Array(items) => items.iter().for_each(|e| v.expr(e)),
        Generic { base, args } => {
            v.expr(base);
            args.iter().for_each(|t| v.ty(t));
        }
        Cast { value, ty } => {
            v.expr(value);
            v.ty(ty);
        }
        Struct { ty, fields } => {
            v.ty(ty);
            fields.iter().for_each(|f| v.expr(&f.value));
        }
        Return(value) | Break(value) => value.iter().for_each(|e| v.expr(e)),
        If { .. }
        | Block(_)
        | Unsafe(_)
        | While { .. }
        | Loop(_)
        | For { .. }
        | Match { .. }
        | Let { .. }
        | Closure(_) => walk_control(v, expr),
    }
}

fn walk_control<V: Visitor + ?Sized>(v: &mut V, expr: &Expr) {
    match &expr.kind {
        ExprKind::If { cond, then, els } => {
            v.expr(cond);
            v.block(then);
            els.iter().for_each(|e| v.expr(e));
        }
        ExprKind::Block(block) | ExprKind::Unsafe(block) | ExprKind::Loop(block) => v.block(block),
        ExprKind::While { cond, body } => {
            v.expr(cond);
            v.block(body);
        }
        ExprKind::For { pattern, iter, body } => {
            v.pattern(pattern);
            v.expr(iter);
            v.block(body);
        }
        ExprKind::Match { value, arms } => {
            v.expr(value);
            for arm in arms {
                v.pattern(&arm.pattern);
                arm.guard.iter().for_each(|e| v.expr(e));
                v.expr(&arm.body);
            }
        }
        ExprKind::Let { pattern, value } => {
            v.pattern(pattern);
            v.expr(value);
        }
        ExprKind::Closure(closure) => {
            for param in &closure.params {
                v.pattern(&param.pattern);
                param.ty.iter().for_each(|t| v.ty(t));
            }
            closure.ret.iter().for_each(|t| v.ty(t));
            v.expr(&closure.body);
        }
        // The caller has dealt with the others.
        _ => {}
    }
}

/// What is below a written type.
pub fn walk_type<V: Visitor + ?Sized>(v: &mut V, ty: &TypeExpr) {
    match &ty.kind {
        TypeKind::Path { names: _, args } => args.iter().for_each(|t| v.ty(t)),
        TypeKind::RawPtr { mutable: _, pointee: t } | TypeKind::Ref { mutable: _, pointee: t } => v.ty(t),
        TypeKind::Slice(t) => v.ty(t),
        TypeKind::Array { elem, len } => {
            v.ty(elem);
            v.expr(len);
        }
        TypeKind::Tuple(items) => items.iter().for_each(|t| v.ty(t)),
        TypeKind::Fn { params, ret } => {
            params.iter().for_each(|t| v.ty(t));
            ret.iter().for_each(|t| v.ty(t));
        }
        TypeKind::Never | TypeKind::Infer | TypeKind::Error => {}
    }
}
