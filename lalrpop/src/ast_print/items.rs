//! Declarations and types.

use super::{Node, exprs};
use crate::ast::*;
use crate::span::Span;

pub(super) fn item(item: &Item) -> Node {
    let mut node = match &item.kind {
        ItemKind::Fn(f) => return function(f, item.span),
        ItemKind::Struct(s) => structure(s, item.span),
        ItemKind::Enum(e) => enumeration(e, item.span),
        ItemKind::Trait(t) => contract(t, item.span),
        ItemKind::Impl(i) => implementation(i, item.span),
        ItemKind::Const(c) => constant("const", c, item.span),
        ItemKind::Global(c) => constant("global", c, item.span),
        ItemKind::Extern(e) => {
            let functions = e.functions.iter().map(|f| function(f, f.head)).collect();
            Node::new(format!("extern {:?}", e.abi), item.span, functions)
        }
        ItemKind::Import(i) => import(i, item.span),
    };
    if let Some(doc) = doc(&item.doc) {
        node = Node::new(node.head, node.span, std::iter::once(doc).chain(node.parts).collect());
    }
    node
}

fn doc(text: &str) -> Option<Node> {
    (!text.is_empty()).then(|| Node::leaf(format!("doc {text:?}"), Span::NONE))
}

fn function(f: &FnDecl, span: Span) -> Node {
    let mut head = String::from("fn ");
    if let Some(owner) = &f.owner {
        head += &format!("{}.", type_text(owner));
    }
    head += f.name.name.as_str();
    if f.mutating {
        head.push('!');
    }
    let mut parts: Vec<Node> = doc(&f.doc).into_iter().collect();
    parts.extend(generics(&f.generics));
    if let Some(receiver) = &f.self_param {
        parts.push(Node::leaf(self_text(receiver), receiver.span));
    }
    if !f.params.is_empty() {
        parts.push(Node::group("params", f.params.iter().map(param).collect()));
    }
    if let Some(ret) = &f.ret {
        parts.push(Node::leaf(format!("returns {}", type_text(ret)), ret.span));
    }
    if let Some(body) = &f.body {
        parts.push(exprs::block("body", body));
    }
    Node::new(head, span, parts)
}

fn self_text(receiver: &SelfParam) -> String {
    match &receiver.ty {
        Some(ty) => format!("self: {}", type_text(ty)),
        None => {
            let (by_ref, mutable) =
                (if receiver.by_ref { "&" } else { "" }, if receiver.mutable { "!" } else { "" });
            format!("{by_ref}self{mutable}")
        }
    }
}

fn param(p: &Param) -> Node {
    let mark = if p.mutable { "!" } else { "" };
    let head = format!("{}{mark}: {}", p.name.name, type_text(&p.ty));
    let default = p.default.as_ref().map(|d| Node::group("default", vec![exprs::expr(d)]));
    Node::new(head, p.name.span, default.into_iter().collect())
}

fn generics(params: &[GenericParam]) -> Option<Node> {
    let one = |p: &GenericParam| {
        let bounds: Vec<String> = p.bounds.iter().map(type_text).collect();
        let bounds = if bounds.is_empty() { String::new() } else { format!(": {}", bounds.join(" + ")) };
        Node::leaf(format!("{}{bounds}", p.name.name), p.name.span)
    };
    (!params.is_empty()).then(|| Node::group("generics", params.iter().map(one).collect()))
}

fn structure(s: &StructDecl, span: Span) -> Node {
    let mut parts: Vec<Node> = generics(&s.generics).into_iter().collect();
    parts.extend(s.contracts.iter().map(|c| Node::leaf(format!("is {}", type_text(c)), c.span)));
    parts.extend(s.fields.iter().map(field));
    Node::new(format!("struct {}", s.name.name), span, parts)
}

fn field(f: &FieldDecl) -> Node {
    let head = format!("{}: {}", f.name.name, type_text(&f.ty));
    Node::new(head, f.name.span, doc(&f.doc).into_iter().collect())
}

fn enumeration(e: &EnumDecl, span: Span) -> Node {
    let mut parts: Vec<Node> = generics(&e.generics).into_iter().collect();
    parts.extend(e.contracts.iter().map(|c| Node::leaf(format!("is {}", type_text(c)), c.span)));
    parts.extend(e.variants.iter().map(|v| {
        let parts = doc(&v.doc).into_iter().chain(v.fields.iter().map(field)).collect();
        Node::new(format!("variant {}", v.name.name), v.name.span, parts)
    }));
    Node::new(format!("enum {}", e.name.name), span, parts)
}

fn contract(t: &TraitDecl, span: Span) -> Node {
    let mut parts: Vec<Node> = generics(&t.generics).into_iter().collect();
    parts.extend(t.supers.iter().map(|c| Node::leaf(format!("is {}", type_text(c)), c.span)));
    parts.extend(t.functions.iter().map(|f| function(f, f.head)));
    Node::new(format!("trait {}", t.name.name), span, parts)
}

fn implementation(i: &ImplDecl, span: Span) -> Node {
    let mut parts: Vec<Node> = generics(&i.generics).into_iter().collect();
    parts.extend(i.contract.as_ref().map(|c| Node::leaf(format!("is {}", type_text(c)), c.span)));
    parts.extend(i.functions.iter().map(|f| function(f, f.head)));
    Node::new(format!("impl {}", type_text(&i.ty)), span, parts)
}

fn constant(word: &str, c: &ConstDecl, span: Span) -> Node {
    let ty = c.ty.as_ref().map(|t| format!(": {}", type_text(t))).unwrap_or_default();
    Node::new(format!("{word} {}{ty}", c.name.name), span, vec![exprs::expr(&c.value)])
}

fn import(i: &ImportDecl, span: Span) -> Node {
    let alias = i.alias.map(|a| format!(" as {}", a.name)).unwrap_or_default();
    let one = |n: &ImportName| {
        let alias = n.alias.map(|a| format!(" as {}", a.name)).unwrap_or_default();
        Node::leaf(format!("{}{alias}", n.name.name), n.name.span)
    };
    let names = i.names.iter().flatten().map(one).collect();
    Node::new(format!("import {:?}{alias}", i.path), span, names)
}

/// A type in the notation of `.vx` files.
pub(super) fn type_text(ty: &TypeExpr) -> String {
    let list = |types: &[TypeExpr]| types.iter().map(type_text).collect::<Vec<_>>().join(", ");
    let mark = |mutable: &bool| if *mutable { "!" } else { "" };
    match &ty.kind {
        TypeKind::Path { names, args } => {
            let path = names.iter().map(|n| n.name.as_str()).collect::<Vec<_>>().join(".");
            if args.is_empty() { path } else { format!("{path}<{}>", list(args)) }
        }
        TypeKind::RawPtr { mutable, pointee } => format!("*{}{}", pointee_text(pointee), mark(mutable)),
        TypeKind::Ref { mutable, pointee } => format!("&{}{}", pointee_text(pointee), mark(mutable)),
        TypeKind::Array { elem, len } => {
            let mut text = String::new();
            exprs::expr(len).write_line(&mut text);
            format!("[{}; {text}]", type_text(elem))
        }
        TypeKind::Slice(elem) => format!("[{}]", type_text(elem)),
        TypeKind::Tuple(items) => format!("({})", list(items)),
        TypeKind::Fn { params, ret } => {
            let ret = ret.as_ref().map(|r| format!(": {}", type_text(r))).unwrap_or_default();
            format!("fn({}){ret}", list(params))
        }
        TypeKind::Never => "!".to_owned(),
        TypeKind::Infer => "_".to_owned(),
        TypeKind::Error => "<error>".to_owned(),
    }
}

/// What a pointer points at; in parentheses where a `!` after it would be ambiguous.
fn pointee_text(ty: &TypeExpr) -> String {
    match &ty.kind {
        TypeKind::RawPtr { .. } | TypeKind::Ref { .. } | TypeKind::Fn { .. } => {
            format!("({})", type_text(ty))
        }
        _ => type_text(ty),
    }
}
