//! Declarations, statements and types that have another form in another spelling.

use super::Rewriter;
use crate::ast::Top;
use crate::ast::visit::{self, Visitor};
use crate::ast::{
    ConstDecl, Expr, FnDecl, ImplDecl, ImportDecl, Item, ItemKind, Pattern, SelfParam, SourceUnit, Stmt,
    StmtKind, TypeExpr, TypeKind,
};
use crate::span::Span;
use crate::spelling::Spelling;
use crate::spelling_table::{contextual, keyword};
use crate::symbol::Symbol;
use crate::token::Token;

impl Visitor for Rewriter<'_> {
    fn item(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::Global(decl) => self.global(item.span, decl),
            ItemKind::Import(decl) => self.import(decl),
            ItemKind::Impl(decl) => return self.implementation(decl),
            ItemKind::Fn(_) | ItemKind::Struct(_) | ItemKind::Enum(_) | ItemKind::Trait(_) => {}
            ItemKind::Const(_) | ItemKind::Extern(_) => {}
        }
        visit::walk_item(self, item);
    }

    fn function(&mut self, function: &FnDecl) {
        let receiver = function.self_param.as_ref().and_then(|param| param.ty.as_ref());
        let own = receiver.map(|ty| match &ty.kind {
            TypeKind::Ref { pointee, .. } => pointee,
            _ => ty,
        });
        let own = own.and_then(last_name);
        if let Some(marks) = self.wanted(function, None, own.as_deref()) {
            return self.function_of_trait(function, marks);
        }
        self.head(function);
        visit::walk_function(self, function);
    }

    fn stmt(&mut self, stmt: &Stmt) {
        if let StmtKind::Let { pattern, mutable, ty, value } = &stmt.kind {
            self.binding(stmt.span, pattern, *mutable, ty.as_deref(), value.as_ref());
        }
        visit::walk_stmt(self, stmt);
    }

    fn expr(&mut self, expr: &Expr) {
        self.value(expr);
    }

    fn ty(&mut self, ty: &TypeExpr) {
        match &ty.kind {
            TypeKind::Ref { mutable, pointee } => self.reference(ty.span, *mutable, pointee),
            TypeKind::Fn { ret: Some(ret), .. } if self.to != Spelling::Vex => self.result_mark(ret),
            _ => {}
        }
        visit::walk_type(self, ty);
    }
}

impl<'a> Rewriter<'a> {
    /// `G n: T = e` where there are only bindings.
    fn global(&mut self, span: Span, decl: &ConstDecl) {
        for token in self.between(span.lo, decl.name.span.lo) {
            match token.token {
                Token::Global => {
                    let words = self.binding_words(true);
                    if self.to != Spelling::Vais {
                        self.replace(token, words);
                    }
                }
                Token::Pub if self.to != Spelling::Vais => self.replace(token, ""),
                _ => {}
            }
        }
    }

    /// The words before what is bound; none in `.vais`.
    pub(super) fn binding_words(&self, mutable: bool) -> String {
        match self.to {
            Spelling::Vex if mutable => format!("{}!", self.word(Token::Let)),
            Spelling::Vera if mutable => self.word(Token::Var).to_owned(),
            Spelling::Vex | Spelling::Vera => self.word(Token::Let).to_owned(),
            Spelling::Vais => String::new(),
        }
    }

    fn binding(
        &mut self,
        span: Span,
        pattern: &Pattern,
        mutable: bool,
        ty: Option<&TypeExpr>,
        value: Option<&Expr>,
    ) {
        let mutable = mutable || (self.leaves_vais() && self.is_changed(pattern));
        let late = value.is_none() && ty.and_then(default_of).is_none();
        let apart = self.to == Spelling::Vais && (needs_word(pattern) || late);
        let words = if apart { contextual::LET.to_owned() } else { self.binding_words(mutable) };
        let before = self.between(span.lo, pattern.span().lo);
        match before.split_first() {
            Some((first, others)) => {
                self.replace(*first, words);
                others.iter().for_each(|token| self.replace(*token, ""));
            }
            None if !words.is_empty() => self.edits.before(span.lo, format!("{words} ")),
            None => {}
        }
        match (value, ty) {
            (Some(_), _) if apart => {}
            (Some(value), _) => self.initial(pattern, mutable, ty, value),
            (None, Some(ty)) if self.to == Spelling::Vais && !apart => self.without_value(ty),
            (None, _) => {}
        }
    }

    fn is_changed(&self, pattern: &Pattern) -> bool {
        match pattern {
            Pattern::Name(ident) => self.uses.changed.contains(&ident.span),
            Pattern::Tuple(items, _) | Pattern::Or(items, _) => {
                items.iter().any(|item| self.is_changed(item))
            }
            Pattern::Variant(variant) => variant.args.iter().flatten().any(|item| self.is_changed(item)),
            Pattern::Struct(decl) => decl.fields.iter().any(|(_, item)| self.is_changed(item)),
            Pattern::At(at) => self.uses.changed.contains(&at.name.span) || self.is_changed(&at.pattern),
            Pattern::Mut(_) | Pattern::Wild(_) | Pattern::Literal(_) | Pattern::Range(_) => false,
        }
    }

    /// What stands between a binding's names and its value.
    fn initial(&mut self, pattern: &Pattern, mutable: bool, ty: Option<&TypeExpr>, value: &Expr) {
        let names_end = pattern.span().hi;
        let mut typed = ty.is_some();
        if self.to == Spelling::Vais
            && let Some(ty) = ty
            && !matches!(pattern, Pattern::Name(_))
        {
            // Only a name can have a type.
            if !matches!(pattern, Pattern::Wild(_)) {
                let title = "a pattern with a type has no form in .vais files";
                self.problem(ty.span, title, "leave the type out, or give the value one with `as`");
            }
            for token in self.between(names_end, ty.span.hi) {
                self.replace(token, "");
            }
            typed = false;
        }
        let start = ty.map_or(names_end, |ty| ty.span.hi);
        for token in self.between(start, value.span.lo) {
            match token.token {
                Token::Eq | Token::ColonEq => {
                    let mark = if self.to == Spelling::Vais && !typed { ":=" } else { "=" };
                    let word = if self.to == Spelling::Vais && mutable { self.word(Token::Mut) } else { "" };
                    self.replace(token, format!("{mark} {word}"));
                }
                Token::Mut => self.replace(token, ""),
                _ => {}
            }
        }
    }

    /// A variable that gets its value later gets a first one, where there is one that is nothing special.
    fn without_value(&mut self, ty: &TypeExpr) {
        if let Some(value) = default_of(ty) {
            let word = self.word(Token::Mut);
            self.edits.after(ty.span.hi, format!(" = {word} {value}"));
        }
    }

    fn import(&mut self, decl: &ImportDecl) {
        let quoted = self.token_at(decl.path_span.lo, Token::Str);
        match (self.to, quoted) {
            (Spelling::Vais, Some(token)) if decl.names.is_none() && is_bare(&decl.path, self.to) => {
                self.replace(token, decl.path.clone());
            }
            (Spelling::Vex | Spelling::Vera, None) => {
                let tokens = self.between(decl.path_span.lo, decl.path_span.hi);
                self.done.extend(tokens.iter().map(|token| token.lo));
                self.edits.replace(decl.path_span.lo, decl.path_span.hi, format!("\"{}\"", decl.path));
            }
            _ => {}
        }
    }

    /// `impl C for T` and `X T: C`; what is inside.
    fn implementation(&mut self, decl: &ImplDecl) {
        if let Some(contract) = &decl.contract {
            let (first, second) = if contract.span.lo < decl.ty.span.lo {
                (contract.span, decl.ty.span)
            } else {
                (decl.ty.span, contract.span)
            };
            let with_for = self.between(first.hi, second.lo).iter().any(|token| token.token == Token::For);
            let (first, second) = ((first.lo, first.hi), (second.lo, second.hi));
            if self.to == Spelling::Vais && with_for {
                self.edits.swap(first, second, ": ".to_owned());
            } else if self.to != Spelling::Vais && !with_for {
                let word = self.word(Token::For);
                self.edits.swap(first, second, format!(" {word} "));
            }
            self.ty(contract);
        }
        decl.generics.iter().flat_map(|param| &param.bounds).for_each(|bound| self.ty(bound));
        self.ty(&decl.ty);
        let contract = decl.contract.as_ref().and_then(last_name);
        let own = last_name(&decl.ty);
        for function in &decl.functions {
            match self.wanted(function, contract.as_deref(), own.as_deref()) {
                Some(marks) => self.function_of_trait(function, marks),
                None => {
                    self.head(function);
                    visit::walk_function(self, function);
                }
            }
        }
    }

    /// The references that a trait of another module wants of a function: of this trait, or of one that the type has.
    fn wanted(&self, function: &FnDecl, contract: Option<&str>, own: Option<&str>) -> Option<&'a [bool]> {
        if !self.leaves_vais() {
            return None;
        }
        let of_type = own.and_then(|own| self.contracts.get(own)).into_iter().flatten();
        let find = |name: &str| self.traits.get(&(name.to_owned(), function.name.name.to_string()));
        let mut names = contract.into_iter().chain(of_type.map(String::as_str));
        names.find_map(find).map(Vec::as_slice)
    }

    /// Notes which traits the types of a file have.
    pub(super) fn contracts(&mut self, unit: &SourceUnit) {
        for top in &unit.top {
            let Top::Item(item) = top else { continue };
            let (name, contracts): (Option<String>, Vec<&TypeExpr>) = match &item.kind {
                ItemKind::Struct(decl) => (Some(decl.name.name.to_string()), decl.contracts.iter().collect()),
                ItemKind::Enum(decl) => (Some(decl.name.name.to_string()), decl.contracts.iter().collect()),
                ItemKind::Impl(decl) => (last_name(&decl.ty), decl.contract.iter().collect()),
                _ => continue,
            };
            let contracts = contracts.into_iter().filter_map(last_name);
            self.contracts.entry(name.unwrap_or_default()).or_default().extend(contracts);
        }
    }

    /// A function that a trait of another module wants, whose references are as that has them.
    fn function_of_trait(&mut self, function: &FnDecl, marks: &[bool]) {
        let (mut all, mut rest) = (marks.iter().copied(), function.clone());
        let is_ref = |ty: &TypeExpr| matches!(ty.kind, TypeKind::Ref { .. });
        self.keep_references = true;
        if let Some(param) = &function.self_param
            && (param.by_ref || param.ty.as_ref().is_some_and(is_ref))
        {
            self.marked(param.span, Symbol::new(contextual::SELF), all.next() == Some(true));
        }
        for param in &function.params {
            let mutable = all.next() == Some(true);
            if is_ref(&param.ty) {
                self.marked(param.ty.span, param.name.name, mutable);
            }
        }
        if let Some(ret) = function.ret.as_ref().filter(|ret| is_ref(ret)) {
            self.marked(ret.span, Symbol::new(contextual::WILD), all.next() == Some(true));
        }
        self.head(function);
        self.keep_references = false;
        // The types of the head are done; what is left is the body.
        rest.self_param = None;
        rest.params.clear();
        rest.ret = None;
        visit::walk_function(self, &rest);
        self.read_only.clear();
    }

    /// A reference that a trait says the kind of.
    fn marked(&mut self, span: Span, name: Symbol, mutable: bool) {
        if mutable {
            self.edits.behind(span.hi, "!".to_owned());
        } else {
            self.read_only.insert(name);
        }
    }

    fn head(&mut self, function: &FnDecl) {
        if let Some(ret) = &function.ret {
            self.result_mark(ret);
        }
        let declared = self.between(function.head.lo, function.name.span.lo);
        let short = !declared.iter().any(|token| token.token == Token::Fn);
        if self.to == Spelling::Vais && function.mutating && !short {
            self.drop_bang(function.name.span.hi);
        }
        if self.leaves_vais() && short && !function.mutating && !self.keep_references {
            // The receiver that goes without saying can be changed there.
            self.edits.behind(function.name.span.hi, "!".to_owned());
        }
        if let Some(param) = &function.self_param {
            self.receiver(param);
        }
        for param in &function.params {
            if self.leaves_vais() && !param.mutable && self.uses.changed.contains(&param.name.span) {
                self.edits.behind(param.name.span.hi, "!".to_owned());
            }
        }
    }

    fn receiver(&mut self, param: &SelfParam) {
        if param.ty.is_some() || !param.by_ref || self.keep_references {
            return;
        }
        // The receiver that goes without saying has no place.
        if self.between(param.span.lo, param.span.hi).first().is_none_or(|token| token.token != Token::Amp) {
            return;
        }
        if self.leaves_vais() && !param.mutable {
            self.edits.behind(param.span.hi, "!".to_owned());
        } else if self.to == Spelling::Vais && param.mutable {
            self.drop_bang(param.span.hi - 1);
        }
    }

    /// The mark before a result type.
    pub(super) fn result_mark(&mut self, ret: &TypeExpr) {
        let mut index = self.index(ret.span.lo);
        while index > 0 && self.tokens[index - 1].token == Token::LParen {
            index -= 1;
        }
        let Some(mark) = index.checked_sub(1).map(|index| self.tokens[index]) else { return };
        match mark.token {
            Token::Colon if self.to != Spelling::Vex => self.replace(mark, " -> "),
            Token::Arrow if self.to == Spelling::Vex => self.replace(mark, ":"),
            _ => {}
        }
    }

    /// Leaves out the `!` at a place, if there is one.
    pub(super) fn drop_bang(&mut self, at: u32) {
        if let Some(bang) = self.token_at(at, Token::SuffixBang) {
            self.replace(bang, "");
        }
    }

    /// `&T` of `.vais` is `&T!` elsewhere.
    fn reference(&mut self, span: Span, mutable: bool, pointee: &TypeExpr) {
        if self.leaves_vais() && !mutable && !self.keep_references {
            match pointee.kind {
                TypeKind::RawPtr { .. } | TypeKind::Ref { .. } | TypeKind::Fn { .. } => {
                    self.edits.wrap(pointee.span.lo, pointee.span.hi, "(".to_owned(), ")!".to_owned(), 0);
                }
                _ => self.edits.behind(span.hi, "!".to_owned()),
            }
        } else if self.to == Spelling::Vais && mutable {
            self.drop_bang(span.hi - 1);
        }
    }
}

/// Whether a pattern stands after a word also where other names are bound by `:=`: there is a `..` in it, or the mark of
/// a name that may change.
fn needs_word(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Mut(_) => true,
        Pattern::Struct(decl) => decl.rest || decl.fields.iter().any(|(_, field)| needs_word(field)),
        Pattern::Tuple(items, _) => items.iter().any(needs_word),
        _ => false,
    }
}

/// A value that a variable of this type can have before its own.
fn default_of(ty: &TypeExpr) -> Option<String> {
    match &ty.kind {
        TypeKind::RawPtr { .. } => Some("null".to_owned()),
        TypeKind::Tuple(items) if items.is_empty() => Some("()".to_owned()),
        TypeKind::Tuple(items) => {
            let items: Option<Vec<String>> = items.iter().map(default_of).collect();
            Some(format!("({},)", items?.join(", "))).map(|text| text.replace(",,", ","))
        }
        TypeKind::Path { names, args } if names.len() == 1 && args.is_empty() => {
            let value = match names[0].name.as_str() {
                "bool" => "false",
                "str" => "\"\"",
                "ptr" => "null",
                "f32" | "f64" => "0.0",
                "i8" | "i16" | "i32" | "i64" | "isize" | "u8" | "u16" | "u32" | "u64" | "usize" => "0",
                _ => return None,
            };
            Some(value.to_owned())
        }
        _ => None,
    }
}

/// Whether a module's name can stand without quotes.
fn is_bare(path: &str, spelling: Spelling) -> bool {
    let word = |part: &str| {
        !part.is_empty()
            && part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && keyword(part, spelling).is_none()
    };
    path.split(['/', ':']).all(word)
}

/// The last name of a path.
fn last_name(ty: &TypeExpr) -> Option<String> {
    match &ty.kind {
        TypeKind::Path { names, .. } => names.last().map(|name| name.name.to_string()),
        _ => None,
    }
}
