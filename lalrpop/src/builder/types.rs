//! Written types.

use super::{Builder, Deep, Items};
use crate::ast::*;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::parse::foreign_word;
use crate::span::Span;
use crate::spelling_table::foreign;
use crate::symbol::Symbol;

impl Builder<'_> {
    fn type_node(&self, kind: TypeKind, span: Span, below: u32) -> Deep<TypeExpr> {
        if below < MAX_DEPTH {
            return Deep::new(TypeExpr { kind, span }, below + 1);
        }
        self.report_too_deep(span);
        Deep::new(TypeExpr { kind: TypeKind::Error, span }, 1)
    }

    /// `*T`, `*T!`
    pub fn raw_type(&self, t: Deep<TypeExpr>, mutable: bool, l: u32, r: u32) -> Deep<TypeExpr> {
        self.type_node(TypeKind::RawPtr { mutable, pointee: Box::new(t.node) }, Span::new(l, r), t.depth)
    }

    /// `&T`, `&T!`
    pub fn ref_type(&self, t: Deep<TypeExpr>, mutable: bool, l: u32, r: u32) -> Deep<TypeExpr> {
        self.type_node(TypeKind::Ref { mutable, pointee: Box::new(t.node) }, Span::new(l, r), t.depth)
    }

    /// `m.T<A, B>`; `_` is to be inferred.
    pub fn path_type(
        &self,
        names: Vec<Ident>,
        args: Option<Vec<Deep<TypeExpr>>>,
        l: u32,
        r: u32,
    ) -> Deep<TypeExpr> {
        let (args, depth) = Deep::part(args.unwrap_or_default());
        let kind = match names.as_slice() {
            [only] if only.name == self.wild && args.is_empty() => TypeKind::Infer,
            _ => TypeKind::Path { names, args },
        };
        self.type_node(kind, Span::new(l, r), depth)
    }

    /// A name alone.
    pub fn name_type(&self, name: Ident) -> Deep<TypeExpr> {
        self.path_type(vec![name], None, name.span.lo, name.span.hi)
    }

    /// `$Drop`, stored as `Drop`.
    pub fn builtin_type(&self, l: u32, r: u32) -> Deep<TypeExpr> {
        let name = Ident { name: Symbol::new(self.slice(l + 1, r)), span: Span::new(l, r) };
        self.name_type(name)
    }

    /// `[T; N]`
    pub fn array_type(&self, elem: Deep<TypeExpr>, len: Expr, l: u32, r: u32) -> Deep<TypeExpr> {
        let depth = elem.depth.max(len.depth);
        let kind = TypeKind::Array { elem: Box::new(elem.node), len: Box::new(len) };
        self.type_node(kind, Span::new(l, r), depth)
    }

    /// `[T]`
    pub fn slice_type(&self, elem: Deep<TypeExpr>, l: u32, r: u32) -> Deep<TypeExpr> {
        self.type_node(TypeKind::Slice(Box::new(elem.node)), Span::new(l, r), elem.depth)
    }

    /// `(A, B)`, `()`, and `(T)`, which is `T`.
    pub fn tuple_type(&self, list: Items<Deep<TypeExpr>>, l: u32, r: u32) -> Deep<TypeExpr> {
        let single = list.items.len() == 1 && !list.trailing_comma;
        let (mut items, depth) = Deep::part(list.items);
        if let Some(inner) = items.pop_if(|_| single) {
            return Deep::new(inner, depth);
        }
        self.type_node(TypeKind::Tuple(items), Span::new(l, r), depth)
    }

    /// `fn(A, B): R`
    pub fn fn_type(
        &self,
        params: Vec<Deep<TypeExpr>>,
        ret: Option<Deep<TypeExpr>>,
        l: u32,
        r: u32,
    ) -> Deep<TypeExpr> {
        let (params, below) = Deep::part(params);
        let depth = below.max(ret.as_ref().map_or(0, |t| t.depth));
        self.type_node(TypeKind::Fn { params, ret: ret.map(|t| Box::new(t.node)) }, Span::new(l, r), depth)
    }

    /// `!`
    pub fn never_type(&self, l: u32, r: u32) -> Deep<TypeExpr> {
        self.type_node(TypeKind::Never, Span::new(l, r), 0)
    }

    /// The type that was read as an expression: what stands before the `{` of a structure literal.
    pub(super) fn type_of(&self, e: Expr) -> TypeExpr {
        let span = e.span;
        let (base, args) = match e.kind {
            ExprKind::Generic { base, args } => (*base, args),
            _ => (e, Vec::new()),
        };
        let mut names = Vec::new();
        let mut next = base;
        let kind = loop {
            match next.kind {
                ExprKind::Name(name) => {
                    names.push(Ident { name, span: next.span });
                    names.reverse();
                    break TypeKind::Path { names, args };
                }
                ExprKind::Field { base, name } => {
                    names.push(name);
                    next = *base;
                }
                ExprKind::Error => break TypeKind::Error,
                kind => {
                    if let Some(message) = self.foreign_call(&kind) {
                        self.report(message);
                        break TypeKind::Error;
                    }
                    let message = Diagnostic::error(
                        codes::UNEXPECTED_TOKEN,
                        span,
                        "this is no structure's name",
                    )
                    .at("`{` cannot follow this")
                    .help("a structure literal is `Name { field: value }`; a block starts a line of its own");
                    self.report(message);
                    break TypeKind::Error;
                }
            }
        };
        TypeExpr { kind, span }
    }

    /// The message about `while (c) { … }` where `while` is a word of another spelling and was read as a function.
    fn foreign_call(&self, kind: &ExprKind) -> Option<Diagnostic> {
        let ExprKind::Call { callee, .. } = kind else { return None };
        let ExprKind::Name(name) = callee.kind else { return None };
        let known = foreign(name.as_str(), self.spelling)?;
        Some(foreign_word(name.as_str(), &known, callee.span, self.spelling))
    }
}
