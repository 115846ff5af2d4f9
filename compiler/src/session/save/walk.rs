//! Walks the trees of an input and notes for every name which declaration it means.

use std::fmt::Write;

use vex_syntax::ast::{self, Block, Expr, ExprKind, ItemKind, StmtKind, Top, TypeExpr, TypeKind};
use vex_syntax::lexer::lex;
use vex_syntax::token::Token;
use vex_syntax::{FormatPiece, Span, Symbol, parse_format};

use super::names::Space;
use super::replace::borrows_are_mutable;
use super::resolve::{Resolver, Value, bound};
use super::{BASE, Piece};

impl<'a> Resolver<'a> {
    /// The declarations of an input.
    pub(super) fn items(&mut self, unit: &'a ast::SourceUnit) {
        for top in &unit.top {
            let Top::Item(item) = top else { continue };
            match &item.kind {
                ItemKind::Fn(decl) => self.fn_decl(decl),
                ItemKind::Struct(decl) => self.with_params(&decl.generics, |it| {
                    decl.contracts.iter().for_each(|ty| it.ty(ty));
                    decl.fields.iter().for_each(|field| it.ty(&field.ty));
                }),
                ItemKind::Enum(decl) => self.with_params(&decl.generics, |it| {
                    decl.contracts.iter().for_each(|ty| it.ty(ty));
                    let fields = decl.variants.iter().flat_map(|variant| &variant.fields);
                    fields.for_each(|field| it.ty(&field.ty));
                }),
                ItemKind::Trait(decl) => self.with_params(&decl.generics, |it| {
                    decl.supers.iter().for_each(|ty| it.ty(ty));
                    decl.functions.iter().for_each(|decl| it.fn_decl(decl));
                }),
                ItemKind::Impl(block) => self.with_params(&block.generics, |it| {
                    block.contract.iter().for_each(|ty| it.ty(ty));
                    it.ty(&block.ty);
                    block.functions.iter().for_each(|decl| it.fn_decl(decl));
                }),
                ItemKind::Const(decl) | ItemKind::Global(decl) => {
                    decl.ty.iter().for_each(|ty| self.ty(ty));
                    self.expr(&decl.value);
                }
                ItemKind::Extern(block) => block.functions.iter().for_each(|decl| self.fn_decl(decl)),
                ItemKind::Import(_) => {}
            }
        }
    }

    /// Does something where type parameters are known.
    fn with_params(&mut self, params: &[ast::GenericParam], work: impl FnOnce(&mut Self)) {
        let mark = self.params.len();
        self.params.extend(params.iter().map(|param| param.name.name));
        params.iter().flat_map(|param| &param.bounds).for_each(|bound| self.ty(bound));
        work(self);
        self.params.truncate(mark);
    }

    fn fn_decl(&mut self, decl: &ast::FnDecl) {
        self.with_params(&decl.generics, |it| it.function_parts(decl));
    }

    fn function_parts(&mut self, decl: &ast::FnDecl) {
        decl.owner.iter().for_each(|ty| self.ty(ty));
        decl.self_param.iter().filter_map(|param| param.ty.as_ref()).for_each(|ty| self.ty(ty));
        for param in &decl.params {
            self.ty(&param.ty);
            param.default.iter().for_each(|default| self.expr(default));
        }
        decl.ret.iter().for_each(|ty| self.ty(ty));
        let mark = self.locals.len();
        let outside = std::mem::replace(&mut self.in_function, true);
        self.locals.push(Symbol::new("self"));
        self.locals
            .extend(decl.params.iter().map(|param| param.name.name).filter(|name| name.as_str() != "_"));
        decl.body.iter().for_each(|body| {
            self.allow_body(body);
            self.block(body);
        });
        self.in_function = outside;
        self.locals.truncate(mark);
    }

    /// A block, in a scope of its own.
    fn block(&mut self, block: &Block) {
        let mark = self.locals.len();
        for stmt in &block.stmts {
            match &stmt.kind {
                StmtKind::Let { pattern, ty, value, .. } => {
                    ty.iter().for_each(|ty| self.ty(ty));
                    value.iter().for_each(|value| self.expr(value));
                    bound(pattern, &mut |ident| self.locals.push(ident.name));
                }
                StmtKind::Expr(expr) => self.expr(expr),
                // No program has any.
                StmtKind::Item(_) => {}
            }
        }
        self.locals.truncate(mark);
    }

    /// A written type.
    pub(super) fn ty(&mut self, ty: &TypeExpr) {
        match &ty.kind {
            TypeKind::Path { names, args } => {
                names.first().into_iter().for_each(|first| self.type_name(*first));
                args.iter().for_each(|arg| self.ty(arg));
            }
            TypeKind::RawPtr { pointee, .. } | TypeKind::Ref { pointee, .. } => self.ty(pointee),
            TypeKind::Array { elem, len } => {
                self.ty(elem);
                self.expr(len);
            }
            TypeKind::Slice(elem) => self.ty(elem),
            TypeKind::Tuple(elems) => elems.iter().for_each(|elem| self.ty(elem)),
            TypeKind::Fn { params, ret } => {
                params.iter().for_each(|param| self.ty(param));
                ret.iter().for_each(|ret| self.ty(ret));
            }
            TypeKind::Never | TypeKind::Infer | TypeKind::Error => {}
        }
    }

    /// The name of a type or a trait, before which a `$` may stand.
    fn type_name(&mut self, ident: ast::Ident) {
        let name = Symbol::new(ident.name.as_str().trim_start_matches('$'));
        if self.params.contains(&name) {
            return;
        }
        match self.types.get(&name) {
            Some(&slot) => {
                let mark = (ident.name.as_str().len() - name.as_str().len()) as u32;
                self.edit(Span::new(ident.span.lo + mark, ident.span.hi), Piece::Name(slot));
            }
            None => drop(self.free.insert((Space::Type, name))),
        }
    }

    /// An expression.
    pub(super) fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Name(name) => self.name(*name, expr.span, false),
            ExprKind::Field { base, .. } => self.base(base),
            ExprKind::Call { callee, args, .. } => self.call(callee, args),
            ExprKind::Generic { base, args } => {
                self.expr(base);
                args.iter().for_each(|arg| self.ty(arg));
            }
            ExprKind::Cast { value, ty } => {
                self.expr(value);
                self.ty(ty);
            }
            ExprKind::Struct { ty, fields } => self.literal(ty, fields),
            ExprKind::Assign { op, place, value } => {
                // `_ = e` throws the value away.
                let thrown =
                    op.is_none() && matches!(&place.kind, ExprKind::Name(name) if name.as_str() == "_");
                if !thrown {
                    self.expr(place);
                }
                self.expr(value);
            }
            ExprKind::If { cond, then, els } => {
                // What a pattern in the condition binds is known in the block.
                self.scope(|it| {
                    it.expr(cond);
                    it.block(then);
                });
                els.iter().for_each(|els| self.expr(els));
            }
            ExprKind::Let { pattern, value } => {
                self.expr(value);
                self.pattern(pattern);
            }
            ExprKind::Match { value, arms } => {
                self.expr(value);
                for arm in arms {
                    self.scope(|it| {
                        it.pattern(&arm.pattern);
                        arm.guard.iter().for_each(|guard| it.expr(guard));
                        it.expr(&arm.body);
                    });
                }
            }
            ExprKind::Closure(closure) => self.closure(closure),
            ExprKind::Block(block) | ExprKind::Unsafe(block) | ExprKind::Loop(block) => self.block(block),
            ExprKind::While { cond, body } => self.scope(|it| {
                it.expr(cond);
                it.block(body);
            }),
            ExprKind::For { pattern, iter, body } => {
                self.expr(iter);
                self.scope(|it| {
                    it.pattern(pattern);
                    it.block(body);
                });
            }
            ExprKind::Try(value) => {
                self.leaves |= !self.in_function;
                self.expr(value);
            }
            ExprKind::Return(value) => {
                self.leaves |= !self.in_function;
                value.iter().for_each(|value| self.expr(value));
            }
            ExprKind::Defer(action) => {
                self.leaves |= !self.in_function;
                self.expr(action);
            }
            other => children(other, &mut |child| self.expr(child)),
        }
    }

    fn scope(&mut self, work: impl FnOnce(&mut Self)) {
        let mark = self.locals.len();
        work(self);
        self.locals.truncate(mark);
    }

    fn closure(&mut self, closure: &ast::Closure) {
        let outside = std::mem::replace(&mut self.in_function, true);
        self.scope(|it| {
            for param in &closure.params {
                param.ty.iter().for_each(|ty| it.ty(ty));
                it.pattern(&param.pattern);
            }
            closure.ret.iter().for_each(|ty| it.ty(ty));
            it.expr(&closure.body);
        });
        self.in_function = outside;
    }

    /// What a pattern binds is known from here on; the types and constants in it are uses of them.
    fn pattern(&mut self, pattern: &ast::Pattern) {
        use ast::Pattern::*;
        match pattern {
            Name(ident) if ident.name.as_str() == "_" => {}
            Name(ident) => match self.values.get(&ident.name).map(Value::slot) {
                Some(slot) if self.constants.contains(&slot) && !self.locals.contains(&ident.name) => {
                    self.edit(ident.span, Piece::Name(slot));
                }
                _ => self.locals.push(ident.name),
            },
            Mut(ident) => self.locals.push(ident.name),
            Wild(_) => {}
            Tuple(parts, _) => parts.iter().for_each(|part| self.pattern(part)),
            Literal(value) => self.expr(value),
            Range(range) => range.lo.iter().chain(&range.hi).for_each(|end| self.expr(end)),
            Variant(variant) => {
                // One name alone is that of a variant.
                if let [first, _, ..] = variant.path[..] {
                    self.type_name(first);
                }
                variant.args.iter().flatten().for_each(|part| self.pattern(part));
            }
            Struct(structure) => {
                structure.path.first().into_iter().for_each(|first| self.type_name(*first));
                structure.fields.iter().for_each(|(_, part)| self.pattern(part));
            }
            Or(parts, _) => parts.iter().for_each(|part| self.pattern(part)),
            At(at) => {
                self.locals.push(at.name.name);
                self.pattern(&at.pattern);
            }
        }
    }

    /// A name; before a dot, when `is_base`, types come before functions.
    fn name(&mut self, name: Symbol, span: Span, is_base: bool) {
        if self.locals.contains(&name) {
            return;
        }
        let value = self.values.get(&name).cloned();
        let ty = self.types.get(&name).copied();
        let slot = match (&value, ty) {
            _ if name.as_str() == "_" => self.last,
            (Some(Value::Function(..) | Value::Extern(..)), Some(ty)) if is_base => Some(ty),
            (Some(value), _) => Some(value.slot()),
            (None, ty) => ty,
        };
        match slot {
            Some(slot) => {
                let span = self.word(name, span);
                self.edit(span, Piece::Name(slot));
            }
            None => {
                self.free.insert((Space::Value, name));
                self.free.insert((Space::Type, name));
            }
        }
    }

    /// Where a name stands in an expression that is just the name, perhaps in parentheses.
    fn word(&self, name: Symbol, span: Span) -> Span {
        if (span.hi - span.lo) as usize == name.as_str().len() {
            return span;
        }
        let text = &self.text()[(span.lo - BASE) as usize..(span.hi - BASE) as usize];
        let tokens = lex(text, span.lo, self.spelling()).tokens;
        tokens.iter().find(|lexeme| lexeme.token == Token::Name).map_or(span, |lexeme| lexeme.span())
    }

    fn base(&mut self, base: &Expr) {
        match &base.kind {
            ExprKind::Name(name) => self.name(*name, base.span, true),
            _ => self.expr(base),
        }
    }

    fn call(&mut self, callee: &Expr, args: &[Expr]) {
        self.expr(callee);
        let builtin = match &callee.kind {
            ExprKind::Name(name) if !self.locals.contains(name) && !self.values.contains_key(name) => {
                name.as_str()
            }
            ExprKind::Builtin(name) => name.as_str(),
            _ => "",
        };
        let format = match builtin {
            "print" | "println" | "eprint" | "eprintln" | "panic" => Some(0),
            "assert" => Some(1),
            "assert_eq" | "assertEq" => Some(2),
            _ => None,
        };
        for (index, arg) in args.iter().enumerate() {
            match &arg.kind {
                // The second argument is a field's name.
                _ if builtin == "offsetof" && index == 1 => {}
                ExprKind::Str(_) if format == Some(index) => self.format(arg.span),
                _ => self.expr(arg),
            }
        }
    }

    /// The expressions in a format string.
    fn format(&mut self, span: Span) {
        let raw = &self.text()[(span.lo - BASE) as usize..(span.hi - BASE) as usize];
        for piece in parse_format(raw, span.lo, self.spelling()).unwrap_or_default() {
            if let FormatPiece::Arg { expr: Some(expr), .. } = piece {
                self.expr(&expr);
            }
        }
    }

    fn literal(&mut self, ty: &TypeExpr, fields: &[ast::FieldInit]) {
        self.ty(ty);
        for field in fields {
            match &field.value.kind {
                ExprKind::Name(name) if field.value.span == field.name.span => {
                    let value = self.values.get(name).map(Value::slot);
                    if let Some(slot) = value.filter(|_| !self.locals.contains(name)) {
                        self.edit(field.name.span, Piece::Field(slot));
                    }
                }
                _ => self.expr(&field.value),
            }
        }
    }

    /// The type that a function belongs to, as text that is equal for equal types.
    pub(super) fn owner(&self, decl: &ast::FnDecl, block: Option<&ast::ImplDecl>) -> Option<String> {
        let receiver = decl.self_param.as_ref().and_then(|param| param.ty.as_ref());
        let mut ty = block.map(|block| &block.ty).or(decl.owner.as_ref()).or(receiver)?;
        while let TypeKind::Ref { pointee, .. } = &ty.kind {
            ty = pointee;
        }
        Some(self.type_text(ty))
    }

    /// What a function takes and gives, as text that is equal for equal types.
    pub(super) fn signature(&self, decl: &ast::FnDecl, owner: Option<&str>) -> String {
        let mut text = String::new();
        for param in &decl.generics {
            let bounds: Vec<String> = param.bounds.iter().map(|bound| self.type_text(bound)).collect();
            let _ = write!(text, "<{}:{}>", param.name.name, bounds.join("+"));
        }
        let free = borrows_are_mutable(self.spelling());
        if let Some(param) = &decl.self_param {
            let receiver = match &param.ty {
                Some(ty) => self.type_text(ty),
                None => {
                    let (borrow, mark) =
                        (if param.by_ref { "&" } else { "" }, if param.mutable { "!" } else { "" });
                    format!("{borrow}{}{mark}", owner.unwrap_or_default())
                }
            };
            text += if free { receiver.trim_end_matches('!') } else { &receiver };
        }
        for param in &decl.params {
            text.push(',');
            text += &self.type_text(&param.ty);
        }
        let ret = decl.ret.as_ref().map_or_else(|| "()".to_string(), |ty| self.type_text(ty));
        text + ":" + &ret
    }

    /// A type as text that is equal for equal types: structures by their declaration, lengths as written.
    fn type_text(&self, ty: &TypeExpr) -> String {
        let list = |tys: &[TypeExpr]| tys.iter().map(|ty| self.type_text(ty)).collect::<Vec<_>>().join(",");
        let bang = |mutable: bool| if mutable { "!" } else { "" };
        match &ty.kind {
            TypeKind::Path { names, args } => {
                let mut text = String::new();
                for (index, ident) in names.iter().enumerate() {
                    match self.types.get(&ident.name).filter(|_| index == 0) {
                        Some(slot) => drop(write!(text, "#{}", slot.0)),
                        None => drop(write!(text, ".{}", ident.name)),
                    }
                }
                if args.is_empty() { text } else { format!("{text}<{}>", list(args)) }
            }
            TypeKind::RawPtr { mutable, pointee } => {
                format!("*{}{}", self.type_text(pointee), bang(*mutable))
            }
            TypeKind::Ref { mutable, pointee } => format!("&{}{}", self.type_text(pointee), bang(*mutable)),
            TypeKind::Array { elem, len } => {
                let written = &self.text()[(len.span.lo - BASE) as usize..(len.span.hi - BASE) as usize];
                let constant = match &len.kind {
                    ExprKind::Name(name) => self.values.get(name).map(|value| value.slot().0),
                    _ => None,
                };
                format!("[{};{written}{constant:?}]", self.type_text(elem))
            }
            TypeKind::Slice(elem) => format!("[{}]", self.type_text(elem)),
            TypeKind::Tuple(elems) => format!("({})", list(elems)),
            TypeKind::Fn { params, ret } => {
                let ret = ret.as_ref().map_or_else(|| "()".to_string(), |ret| self.type_text(ret));
                format!("fn({}):{ret}", list(params))
            }
            TypeKind::Never => "!".into(),
            TypeKind::Infer | TypeKind::Error => "_".into(),
        }
    }
}

/// The parts of an expression that needs no care of its own.
pub(super) fn children(kind: &ExprKind, see: &mut dyn FnMut(&Expr)) {
    match kind {
        ExprKind::TupleField { base, .. } => see(base),
        ExprKind::Index { base, index } => [base, index].into_iter().for_each(|part| see(part)),
        ExprKind::Unary { value, .. } | ExprKind::Bang(value) => see(value),
        ExprKind::Borrow { place, .. } => see(place),
        ExprKind::Binary { left, right, .. } => [left, right].into_iter().for_each(|part| see(part)),
        ExprKind::Range { lo, hi, .. } => [lo, hi].into_iter().for_each(|part| see(part)),
        ExprKind::Pipe { value, func } => [value, func].into_iter().for_each(|part| see(part)),
        ExprKind::Repeat { value, count } => [value, count].into_iter().for_each(|part| see(part)),
        ExprKind::Break(value) => value.iter().for_each(|value| see(value)),
        ExprKind::Recur(parts) | ExprKind::Tuple(parts) | ExprKind::Array(parts) => {
            parts.iter().for_each(see)
        }
        // Those with names, types or scopes are dealt with before; the rest has no parts.
        _ => {}
    }
}
