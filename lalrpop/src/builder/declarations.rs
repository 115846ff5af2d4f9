//! Declarations.

use super::{Builder, Deep};
use crate::ast::*;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::literal;
use crate::span::Span;
use crate::spelling_table::contextual;
use crate::symbol::Symbol;

/// Something between the `<` and `>` after a declared name: a type parameter, or the argument of an owner.
#[derive(Debug)]
pub struct AngleItem {
    ty: TypeExpr,
    bounds: Vec<TypeExpr>,
    depth: u32,
}

impl AngleItem {
    /// `ty: bounds`
    pub fn new(ty: Deep<TypeExpr>, bounds: Vec<Deep<TypeExpr>>) -> AngleItem {
        let (bounds, depth) = Deep::part(bounds);
        AngleItem { ty: ty.node, bounds, depth: depth.max(ty.depth) }
    }
}

/// A parameter as written; which forms are allowed depends on its position. Boxed to keep the parser's stack small.
#[derive(Debug)]
pub struct RawParam(Box<ParamParts>);

#[derive(Debug)]
struct ParamParts {
    span: Span,
    name: Ident,
    mutable: bool,
    by_ref: bool,
    ty: Option<Deep<TypeExpr>>,
    default: Option<Expr>,
}

impl RawParam {
    /// `name!: ty = default`
    pub fn new(
        span: Span,
        name: Ident,
        mutable: bool,
        ty: Option<Deep<TypeExpr>>,
        default: Option<Expr>,
    ) -> RawParam {
        RawParam(Box::new(ParamParts { span, name, mutable, by_ref: false, ty, default }))
    }

    /// `&name`
    pub fn by_ref(mut self) -> RawParam {
        self.0.by_ref = true;
        self
    }

    fn depth(&self) -> u32 {
        let ty = self.0.ty.as_ref().map_or(0, |t| t.depth);
        ty.max(self.0.default.as_ref().map_or(0, |d| d.depth))
    }
}

impl Builder<'_> {
    /// A declaration as a statement.
    pub fn item_stmt(&self, kind: Box<Deep<ItemKind>>, l: u32, r: u32) -> Box<Deep<Stmt>> {
        let Deep { node: mut kind, depth } = *kind;
        let (span, doc) = (Span::new(l, r), self.doc(l));
        if let ItemKind::Fn(function) = &mut kind {
            function.doc.clone_from(&doc);
        }
        Box::new(Deep::new(Stmt { kind: StmtKind::Item(Box::new(Item { kind, span, doc })), span }, depth))
    }

    /// Reports a declaration that cannot be inside a block.
    pub(super) fn check_local_item(&self, item: &Item) {
        let what = match &item.kind {
            ItemKind::Fn(f) if f.self_param.is_none() && f.owner.is_none() => return,
            ItemKind::Struct(_) | ItemKind::Enum(_) | ItemKind::Const(_) => return,
            ItemKind::Trait(_) => "a trait",
            ItemKind::Fn(_) => "a method",
            ItemKind::Impl(_) => "an implementation",
            ItemKind::Global(_) => "a global",
            ItemKind::Extern(_) => "a block of extern functions",
            ItemKind::Import(_) => "an import",
        };
        let title = format!("{what} cannot be declared inside a block");
        let message = Diagnostic::error(codes::MISPLACED_ITEM, item.span, title)
            .at("only outside all functions")
            .help("move it to the top level of the file");
        self.report(message);
    }

    // ---- Functions ----

    /// Everything of a function before its body.
    #[allow(clippy::too_many_arguments)]
    pub fn fn_head(
        &self,
        l: u32,
        r: u32,
        owner: Option<(Ident, Option<Vec<AngleItem>>)>,
        name: Ident,
        mutating: bool,
        receiver: Option<RawParam>,
        generics: Option<Vec<AngleItem>>,
        params: Vec<RawParam>,
        ret: Option<Deep<TypeExpr>>,
    ) -> Box<Deep<FnDecl>> {
        self.check_declared(name);
        let name = self.negation(name, &params);
        let mut depth = params.iter().chain(&receiver).map(|p| p.depth()).max().unwrap_or(0);
        depth = depth.max(ret.as_ref().map_or(0, |t| t.depth));
        let owner = owner.map(|(name, args)| {
            let args = args.unwrap_or_default();
            depth = depth.max(args.iter().map(|a| a.depth).max().unwrap_or(0));
            self.owner_type(name, args)
        });
        let (generics, below) = self.generics(generics);
        depth = depth.max(below);
        let (self_param, params) = self.params(receiver, params);
        let decl = FnDecl {
            name,
            mutating,
            owner,
            self_param,
            generics,
            params,
            ret: ret.map(|t| t.node),
            body: None,
            head: Span::new(l, r),
            doc: String::new(),
        };
        Box::new(Deep::new(decl, depth))
    }

    /// The name of the function that gives an operator its meaning; the word and the operator are at `l..r`.
    pub fn operator_name(&self, name: &str, l: u32, r: u32) -> Ident {
        let span = Span::new(l, r);
        let text = self.slice(l, r);
        let word = text.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_');
        if word != contextual::OPERATOR {
            let title = format!("`{word}` is followed by an operator");
            let (message, op) =
                (Diagnostic::error(codes::UNEXPECTED_TOKEN, span, title), text[word.len()..].trim());
            let right = format!("{}{op}", contextual::OPERATOR);
            self.report(message.at("no function's name").fix(
                format!("the function for an operator is called `{right}`"),
                span,
                right.clone(),
            ));
        }
        Ident { name: Symbol::new(name), span }
    }

    /// `op-` without a parameter is the negation, not the difference.
    fn negation(&self, name: Ident, params: &[RawParam]) -> Ident {
        let minus = self.slice(name.span.lo, name.span.hi).ends_with('-');
        if minus && params.iter().all(|p| p.0.name.name == self.self_name) {
            return Ident { name: Symbol::new("neg"), ..name };
        }
        name
    }

    /// A function in the short form of a contract: its receiver is `&self`, or `&self!` with the mark, unless one is
    /// written.
    pub fn short_head(&self, mut head: Box<Deep<FnDecl>>) -> Box<Deep<FnDecl>> {
        let decl = &mut head.node;
        if decl.self_param.is_none() {
            let span = decl.name.span;
            decl.self_param = Some(SelfParam { ty: None, by_ref: true, mutable: decl.mutating, span });
        }
        head
    }

    /// The `T<A>` of `fn T<A>.name`.
    fn owner_type(&self, name: Ident, args: Vec<AngleItem>) -> TypeExpr {
        let span = args.last().map_or(name.span, |last| name.span.to(last.ty.span));
        for bound in args.iter().filter_map(|a| a.bounds.first()) {
            let title = "a bound cannot stand in the name of a method's type";
            let message = Diagnostic::error(codes::BAD_PARAMETER, bound.span, title).at("not here");
            self.report(
                message.help("declare the method in an implementation: `impl<T: Bound> Name<T> { … }`"),
            );
        }
        let args = args.into_iter().map(|a| a.ty).collect();
        TypeExpr { kind: TypeKind::Path { names: vec![name], args }, span }
    }

    fn generics(&self, items: Option<Vec<AngleItem>>) -> (Vec<GenericParam>, u32) {
        let items = items.unwrap_or_default();
        let depth = items.iter().map(|i| i.depth).max().unwrap_or(0);
        let params = items.into_iter().filter_map(|item| match item.ty.kind {
            TypeKind::Path { names, args } if names.len() == 1 && args.is_empty() => {
                Some(GenericParam { name: names[0], bounds: item.bounds })
            }
            TypeKind::Error => None,
            _ => {
                let title = "a type parameter is a name";
                let message = Diagnostic::error(codes::BAD_PARAMETER, item.ty.span, title).at("not a name");
                self.report(message.help("write a name here and use it as a type in the declaration"));
                None
            }
        });
        (params.collect(), depth)
    }

    /// Parts the receiver from the other parameters.
    fn params(&self, receiver: Option<RawParam>, list: Vec<RawParam>) -> (Option<SelfParam>, Vec<Param>) {
        let mut self_param = None;
        if let Some(RawParam(receiver)) = receiver {
            if receiver.name.name != self.self_name {
                let title = format!("the receiver is called `{}`", contextual::SELF);
                let message = Diagnostic::error(codes::BAD_PARAMETER, receiver.name.span, title);
                self.report(message.at("not the receiver's name").fix(
                    "rename it",
                    receiver.name.span,
                    contextual::SELF,
                ));
            }
            self_param = Some(self_of(*receiver));
        }
        let mut params = Vec::with_capacity(list.len());
        for (i, RawParam(raw)) in list.into_iter().enumerate() {
            if raw.name.name != self.self_name {
                params.push(self.param(*raw));
            } else if i == 0 && self_param.is_none() {
                self_param = Some(self_of(*raw));
            } else {
                let title = format!("`{}` is the first parameter or none", contextual::SELF);
                let message = Diagnostic::error(codes::BAD_PARAMETER, raw.span, title).at("not first");
                self.report(message.help("move it to the front, and name it once"));
            }
        }
        (self_param, params)
    }

    fn param(&self, raw: ParamParts) -> Param {
        let ParamParts { span, name, mutable, by_ref, ty, default } = raw;
        if let Some(ty) = ty {
            return Param { name, mutable, ty: ty.node, default };
        }
        let title = format!("parameter `{}` has no type", name.name);
        let message = Diagnostic::error(codes::BAD_PARAMETER, span, title).at("a type is missing");
        let help =
            if by_ref { "the `&` belongs to the type: `name: &T`" } else { "give it one: `name: i64`" };
        self.report(message.help(help));
        Param { name, mutable, ty: TypeExpr { kind: TypeKind::Error, span }, default }
    }

    /// The function with its body.
    pub fn with_body(&self, mut head: Box<Deep<FnDecl>>, body: Deep<Block>) -> Box<Deep<FnDecl>> {
        head.depth = head.depth.max(body.depth);
        head.node.body = Some(body.node);
        head
    }

    /// The function with the body `= e`.
    pub fn with_value(&self, head: Box<Deep<FnDecl>>, e: Expr) -> Box<Deep<FnDecl>> {
        let (span, depth) = (e.span, e.depth);
        let stmts = vec![Stmt { kind: StmtKind::Expr(e), span }];
        self.with_body(head, Deep::new(Block { stmts, ends_with_semicolon: false, span }, depth))
    }

    /// The function with the `///` comments before position `l`.
    pub fn with_doc(&self, mut head: Box<Deep<FnDecl>>, l: u32) -> Box<Deep<FnDecl>> {
        head.node.doc = self.doc(l);
        head
    }

    /// `fn … { … }`
    pub fn function(&self, head: Box<Deep<FnDecl>>, body: Deep<Block>) -> Box<Deep<ItemKind>> {
        let decl = *self.with_body(head, body);
        Box::new(Deep::new(ItemKind::Fn(decl.node), decl.depth))
    }

    /// `fn … = e`
    pub fn short_function(&self, head: Box<Deep<FnDecl>>, e: Expr) -> Box<Deep<ItemKind>> {
        let decl = *self.with_value(head, e);
        Box::new(Deep::new(ItemKind::Fn(decl.node), decl.depth))
    }

    // ---- Other declarations ----

    /// `name: T` of a structure.
    pub fn field(&self, l: u32, name: Ident, ty: Deep<TypeExpr>) -> Deep<FieldDecl> {
        Deep::new(FieldDecl { name, ty: ty.node, doc: self.doc(l) }, ty.depth)
    }

    /// `struct S<T>: $Drop { … }`
    pub fn structure(
        &self,
        name: Ident,
        generics: Option<Vec<AngleItem>>,
        contracts: Vec<Deep<TypeExpr>>,
        mut fields: Vec<Deep<FieldDecl>>,
        last: Option<Deep<FieldDecl>>,
    ) -> Box<Deep<ItemKind>> {
        self.check_declared(name);
        fields.extend(last);
        let (fields, below) = Deep::part(fields);
        let (contracts, of_contracts) = Deep::part(contracts);
        let (generics, of_generics) = self.generics(generics);
        let depth = below.max(of_contracts).max(of_generics);
        Box::new(Deep::new(ItemKind::Struct(StructDecl { name, generics, contracts, fields }), depth))
    }

    /// `enum E<T>: Eq { … }`
    pub fn enumeration(
        &self,
        name: Ident,
        generics: Option<Vec<AngleItem>>,
        contracts: Vec<Deep<TypeExpr>>,
        mut variants: Vec<Deep<VariantDecl>>,
        last: Option<Deep<VariantDecl>>,
    ) -> Box<Deep<ItemKind>> {
        self.check_declared(name);
        variants.extend(last);
        let (variants, below) = Deep::part(variants);
        let (contracts, of_contracts) = Deep::part(contracts);
        let (generics, of_generics) = self.generics(generics);
        let depth = below.max(of_contracts).max(of_generics);
        Box::new(Deep::new(ItemKind::Enum(EnumDecl { name, generics, contracts, variants }), depth))
    }

    /// A variant of an enumeration; `named`: whether its fields stand in braces.
    pub fn variant(
        &self,
        l: u32,
        name: Ident,
        fields: Vec<Deep<FieldDecl>>,
        named: bool,
    ) -> Deep<VariantDecl> {
        self.check_declared(name);
        let (fields, depth) = Deep::part(fields);
        Deep::new(VariantDecl { name, fields, named, doc: self.doc(l) }, depth)
    }

    /// `Circle(f64)`: the fields are named by their position.
    pub fn tuple_variant(&self, l: u32, name: Ident, types: Vec<Deep<TypeExpr>>) -> Deep<VariantDecl> {
        let field = |(i, ty): (usize, Deep<TypeExpr>)| {
            let name = Ident { name: Symbol::new(&i.to_string()), span: ty.node.span };
            Deep::new(FieldDecl { name, ty: ty.node, doc: String::new() }, ty.depth)
        };
        self.variant(l, name, types.into_iter().enumerate().map(field).collect(), false)
    }

    /// `trait T<A>: Eq { … }`
    pub fn contract(
        &self,
        name: Ident,
        generics: Option<Vec<AngleItem>>,
        supers: Vec<Deep<TypeExpr>>,
        functions: Vec<Deep<FnDecl>>,
    ) -> Box<Deep<ItemKind>> {
        self.check_declared(name);
        let (functions, below) = Deep::part(functions);
        let (supers, of_supers) = Deep::part(supers);
        let (generics, of_generics) = self.generics(generics);
        let depth = below.max(of_supers).max(of_generics);
        Box::new(Deep::new(ItemKind::Trait(TraitDecl { name, generics, supers, functions }), depth))
    }

    /// `impl T`, `impl C for T`, `X T: C`; `second` says which of the last two with its first part.
    pub fn implementation(
        &self,
        generics: Option<Vec<AngleItem>>,
        first: Deep<TypeExpr>,
        second: Option<(bool, Deep<TypeExpr>)>,
        methods: Vec<Deep<FnDecl>>,
    ) -> Box<Deep<ItemKind>> {
        let (contract, ty) = match second {
            None => (None, first),
            Some((true, ty)) => (Some(first), ty),
            Some((false, contract)) => (Some(contract), first),
        };
        let (generics, mut depth) = self.generics(generics);
        depth = depth.max(ty.depth).max(contract.as_ref().map_or(0, |c| c.depth));
        let (functions, below) = Deep::part(methods);
        for function in functions.iter().filter(|f| f.body.is_none()) {
            let title = format!("function `{}` has no body", function.name.name);
            let message = Diagnostic::error(codes::UNEXPECTED_END, function.head.after(), title);
            self.report(message.at("`{` is missing").help("only extern functions have no body"));
        }
        let decl = ImplDecl { generics, contract: contract.map(|c| c.node), ty: ty.node, functions };
        Box::new(Deep::new(ItemKind::Impl(decl), depth.max(below)))
    }

    /// `extern "C" { … }`; the ABI, if `written`, is at `l..r`.
    pub fn externs(&self, written: bool, l: u32, r: u32, methods: Vec<Deep<FnDecl>>) -> Box<Deep<ItemKind>> {
        let abi = if written {
            literal::string_value(self.slice(l, r))
        } else {
            contextual::DEFAULT_ABI.to_owned()
        };
        let (functions, depth) = Deep::part(methods);
        for function in &functions {
            if let Some(body) = &function.body {
                let title = format!("extern function `{}` has a body", function.name.name);
                let message = Diagnostic::error(codes::MISPLACED_ITEM, body.span, title).at("not here");
                self.report(message.help("an extern function is declared here and defined elsewhere"));
            }
        }
        let decl = ExternDecl { abi, abi_span: Span::new(l, r), functions };
        Box::new(Deep::new(ItemKind::Extern(decl), depth))
    }

    /// `const N: T = e`, `G n: T = e`
    pub fn constant(
        &self,
        name: Ident,
        ty: Option<Deep<TypeExpr>>,
        value: Expr,
        make: fn(ConstDecl) -> ItemKind,
    ) -> Box<Deep<ItemKind>> {
        self.check_declared(name);
        let depth = value.depth.max(ty.as_ref().map_or(0, |t| t.depth));
        Box::new(Deep::new(make(ConstDecl { name, ty: ty.map(|t| t.node), value }), depth))
    }

    /// Reports a declaration whose name is `_`, by which nothing could ever be used.
    fn check_declared(&self, name: Ident) {
        if name.name == self.wild {
            let title = "`_` is no name for a declaration";
            let d = Diagnostic::error(codes::KEYWORD_AS_NAME, name.span, title).at("give it a name");
            self.report(d.note("`_` stands for a value that is thrown away"));
        }
    }

    /// An import of the module written at `l..r`, as a string or as bare words.
    pub fn import(
        &self,
        l: u32,
        r: u32,
        names: Option<Vec<ImportName>>,
        alias: Option<Ident>,
    ) -> Box<Deep<ItemKind>> {
        let renamed = names.iter().flatten().filter_map(|name| name.alias);
        renamed.chain(alias).for_each(|name| self.check_declared(name));
        let written = self.slice(l, r);
        let path = if written.starts_with('"') {
            literal::string_value(written)
        } else {
            written.split_whitespace().collect()
        };
        let decl = ImportDecl { path, path_span: Span::new(l, r), names, alias };
        Box::new(Deep::new(ItemKind::Import(decl), 0))
    }
}

fn self_of(raw: ParamParts) -> SelfParam {
    let ParamParts { span, mutable, by_ref, ty, .. } = raw;
    SelfParam { ty: ty.map(|t| t.node), by_ref, mutable, span }
}
