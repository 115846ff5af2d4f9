//! Statements and expressions.

use super::Node;
use super::items::{item, type_text};
use crate::ast::*;

pub(super) fn stmt(s: &Stmt) -> Node {
    match &s.kind {
        StmtKind::Let { pattern, mutable, ty, value } => {
            let word = if *mutable { "let!" } else { "let" };
            let ty = ty.as_ref().map(|t| format!(": {}", type_text(t))).unwrap_or_default();
            let head = format!("{word} {}{ty}", pattern_text(pattern));
            Node::new(head, s.span, value.iter().map(expr).collect())
        }
        StmtKind::Item(i) => item(i),
        StmtKind::Expr(e) => expr(e),
    }
}

/// A pattern in the notation of `.vx` files.
fn pattern_text(pattern: &Pattern) -> String {
    let list = |items: &[Pattern]| items.iter().map(pattern_text).collect::<Vec<_>>().join(", ");
    let path = |names: &[Ident]| names.iter().map(|n| n.name.as_str()).collect::<Vec<_>>().join(".");
    let line = |e: &Expr| {
        let mut text = String::new();
        expr(e).write_line(&mut text);
        text
    };
    match pattern {
        Pattern::Name(ident) => ident.name.to_string(),
        Pattern::Mut(ident) => format!("{}!", ident.name),
        Pattern::Wild(_) => "_".to_owned(),
        Pattern::Tuple(items, _) => format!("({})", list(items)),
        Pattern::Literal(value) => line(value),
        Pattern::Range(range) => {
            let end = |e: &Option<Expr>| e.as_ref().map(line).unwrap_or_default();
            let dots = if range.inclusive { "..=" } else { ".." };
            format!("{}{dots}{}", end(&range.lo), end(&range.hi))
        }
        Pattern::Variant(variant) => match &variant.args {
            Some(args) => format!("{}({})", path(&variant.path), list(args)),
            None => path(&variant.path),
        },
        Pattern::Struct(structure) => {
            let mut parts: Vec<String> = structure
                .fields
                .iter()
                .map(|(name, pattern)| format!("{}: {}", name.name, pattern_text(pattern)))
                .collect();
            parts.extend(structure.rest.then(|| "..".to_owned()));
            format!("{} {{ {} }}", path(&structure.path), parts.join(", "))
        }
        Pattern::Or(items, _) => items.iter().map(pattern_text).collect::<Vec<_>>().join(" | "),
        Pattern::At(at) => format!("{} @ {}", at.name.name, pattern_text(&at.pattern)),
    }
}

/// A block under the name of its part in the whole. A `;` at its end, which drops its value, is shown as such.
pub(super) fn block(head: &str, b: &Block) -> Node {
    let mut parts: Vec<Node> = b.stmts.iter().map(stmt).collect();
    let drops_value =
        matches!(b.stmts.last(), Some(Stmt { kind: StmtKind::Expr(_), .. })) && b.ends_with_semicolon;
    if drops_value {
        parts.push(Node::group(";", Vec::new()));
    }
    Node::new(head, b.span, parts)
}

pub(super) fn expr(e: &Expr) -> Node {
    let leaf = |head: String| Node::leaf(head, e.span);
    let node = |head: &str, parts: Vec<Node>| Node::new(head, e.span, parts);
    let all = |items: &[Expr]| items.iter().map(expr).collect::<Vec<_>>();
    let suffix = |s: &Option<Ident>| s.map(|s| s.name.as_str()).unwrap_or_default();
    match &e.kind {
        ExprKind::Int { value, suffix: s } => leaf(format!("int {value}{}", suffix(s))),
        ExprKind::Float { value, suffix: s } => leaf(format!("float {value:?}{}", suffix(s))),
        ExprKind::Str(text) => leaf(format!("str {text:?}")),
        ExprKind::Char(value) => leaf(format!("char {value:?}")),
        ExprKind::Bool(value) => leaf(format!("bool {value}")),
        ExprKind::Null => leaf("null".to_owned()),
        ExprKind::Name(name) => leaf(format!("name {name}")),
        ExprKind::Builtin(name) => leaf(format!("builtin {name}")),
        ExprKind::Continue => leaf("continue".to_owned()),
        ExprKind::Error => leaf("error".to_owned()),
        ExprKind::Recur(args) => node("recur", all(args)),
        ExprKind::Tuple(items) => node("tuple", all(items)),
        ExprKind::Array(items) => node("array", all(items)),
        ExprKind::Block(b) => Node { span: e.span, ..block("block", b) },
        ExprKind::Unsafe(b) => Node { span: e.span, ..block("unsafe", b) },
        ExprKind::Loop(b) => Node { span: e.span, ..block("loop", b) },
        ExprKind::Return(value) => node("return", value.iter().map(|v| expr(v)).collect()),
        ExprKind::Break(value) => node("break", value.iter().map(|v| expr(v)).collect()),
        ExprKind::Defer(value) => node("defer", vec![expr(value)]),
        ExprKind::Bang(value) => node("bang", vec![expr(value)]),
        ExprKind::Try(value) => node("try", vec![expr(value)]),
        ExprKind::If { .. }
        | ExprKind::While { .. }
        | ExprKind::For { .. }
        | ExprKind::Match { .. }
        | ExprKind::Let { .. }
        | ExprKind::Closure(_) => control(e),
        _ => compound(e),
    }
}

fn control(e: &Expr) -> Node {
    match &e.kind {
        ExprKind::If { cond, then, els } => {
            let mut parts = vec![expr(cond), block("then", then)];
            parts.extend(els.as_ref().map(|els| match &els.kind {
                ExprKind::Block(b) => block("else", b),
                _ => Node::group("else", vec![expr(els)]),
            }));
            Node::new("if", e.span, parts)
        }
        ExprKind::While { cond, body } => Node::new("while", e.span, vec![expr(cond), block("body", body)]),
        ExprKind::For { pattern, iter, body } => {
            let head = format!("for {}", pattern_text(pattern));
            Node::new(head, e.span, vec![expr(iter), block("body", body)])
        }
        ExprKind::Match { value, arms } => {
            let arm = |arm: &MatchArm| {
                let guard = arm.guard.as_ref().map(|guard| Node::group("if", vec![expr(guard)]));
                let parts = guard.into_iter().chain([expr(&arm.body)]).collect();
                Node::new(format!("arm {}", pattern_text(&arm.pattern)), arm.pattern.span(), parts)
            };
            Node::new("match", e.span, std::iter::once(expr(value)).chain(arms.iter().map(arm)).collect())
        }
        ExprKind::Let { pattern, value } => {
            Node::new(format!("is {}", pattern_text(pattern)), e.span, vec![expr(value)])
        }
        ExprKind::Closure(closure) => {
            let param = |p: &ClosureParam| {
                let mark = if p.mutable { "!" } else { "" };
                let ty = p.ty.as_ref().map(|ty| format!(": {}", type_text(ty))).unwrap_or_default();
                Node::leaf(format!("{}{mark}{ty}", pattern_text(&p.pattern)), p.pattern.span())
            };
            let head = if closure.moves { "closure move" } else { "closure" };
            let mut parts: Vec<Node> = closure.params.iter().map(param).collect();
            parts.extend(
                closure.ret.as_ref().map(|ret| Node::leaf(format!("returns {}", type_text(ret)), ret.span)),
            );
            parts.push(expr(&closure.body));
            Node::new(head, e.span, parts)
        }
        _ => Node::leaf("error", e.span),
    }
}

/// Expressions made of others.
fn compound(e: &Expr) -> Node {
    let node = |head: String, parts: Vec<Node>| Node::new(head, e.span, parts);
    let types =
        |types: &[TypeExpr]| types.iter().map(|t| Node::leaf(type_text(t), t.span)).collect::<Vec<_>>();
    match &e.kind {
        ExprKind::Field { base, name } => node(format!("field {}", name.name), vec![expr(base)]),
        ExprKind::TupleField { base, index, .. } => node(format!("field {index}"), vec![expr(base)]),
        ExprKind::Index { base, index } => node("index".to_owned(), vec![expr(base), expr(index)]),
        ExprKind::Call { callee, mutating, args } => {
            let head = if *mutating { "call!" } else { "call" };
            node(head.to_owned(), std::iter::once(&**callee).chain(args).map(expr).collect())
        }
        ExprKind::Generic { base, args } => {
            node("generic".to_owned(), std::iter::once(expr(base)).chain(types(args)).collect())
        }
        ExprKind::Unary { op, value } => {
            let op = match op {
                UnaryOp::Neg => "-",
                UnaryOp::Not => "!",
                UnaryOp::BitNot => "~",
                UnaryOp::Deref => "*",
            };
            node(format!("unary {op}"), vec![expr(value)])
        }
        ExprKind::Borrow { mutable, place } => {
            node(if *mutable { "borrow!" } else { "borrow" }.to_owned(), vec![expr(place)])
        }
        ExprKind::Binary { op, left, right } => {
            node(format!("binary {}", op.as_str()), vec![expr(left), expr(right)])
        }
        ExprKind::Assign { op, place, value } => {
            let op = op.map(BinaryOp::as_str).unwrap_or_default();
            node(format!("assign {op}="), vec![expr(place), expr(value)])
        }
        ExprKind::Cast { value, ty } => node(format!("cast {}", type_text(ty)), vec![expr(value)]),
        ExprKind::Range { lo, hi, inclusive } => {
            node(if *inclusive { "range ..=" } else { "range .." }.to_owned(), vec![expr(lo), expr(hi)])
        }
        ExprKind::Pipe { value, func } => node("pipe".to_owned(), vec![expr(value), expr(func)]),
        ExprKind::Repeat { value, count } => node("repeat".to_owned(), vec![expr(value), expr(count)]),
        ExprKind::Struct { ty, fields } => {
            let one = |f: &FieldInit| Node::new(f.name.name.as_str(), f.name.span, vec![expr(&f.value)]);
            node(format!("literal {}", type_text(ty)), fields.iter().map(one).collect())
        }
        _ => Node::leaf("error", e.span),
    }
}
