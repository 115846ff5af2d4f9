//! Checks of declarations by themselves: structures, signatures, `$Drop`, `main`, `extern` functions.

use std::cell::OnceCell;

use vex_runtime::abi::{self, AbiTy};
use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Symbol};

use super::generics::Head;
use super::{Checker, Signature, Value, codes, suggest};
use crate::typed::GlobalId;
use crate::types::{FuncId, StructId, Ty, TyKind};

/// Expressions that are not in any module's tree (those of format strings); they live as long as the check.
#[derive(Default)]
pub(super) struct Kept {
    expr: Option<ast::Expr>,
    next: OnceCell<Box<Kept>>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        // One by one: a chain dropped by recursion would need a stack frame a link.
        let mut next = self.next.take();
        while let Some(mut node) = next {
            next = node.next.take();
        }
    }
}

impl<'a> Checker<'a> {
    /// Keeps an expression for as long as the check runs.
    pub(super) fn keep(&mut self, expr: ast::Expr) -> &'a ast::Expr {
        let node: &'a Kept =
            self.kept.next.get_or_init(|| Box::new(Kept { expr: Some(expr), next: OnceCell::new() }));
        self.kept = node;
        node.expr.as_ref().expect("just put in")
    }

    /// Checks every declaration.
    /// Without `whole`, those of the library's functions wait until they are needed.
    pub(super) fn check_declarations(&mut self, whole: bool) {
        let known = self.counts();
        for index in known.structs..self.structs.len() {
            self.ensure_struct(StructId(index as u32));
        }
        for index in known.consts..self.consts.len() {
            self.ensure_const(index as u32);
        }
        for index in known.globals..self.globals.len() {
            self.ensure_global(GlobalId(index as u32));
        }
        for index in known.funcs..self.funcs.len() {
            let id = FuncId(index as u32);
            if self.is_of_library(id) && !whole {
                continue;
            }
            let signature = self.signature(id);
            self.check_receiver(id, &signature);
        }
        self.settle_asked();
        self.complete_impls();
        self.check_derived();
        self.check_copies();
        for index in known.structs..self.structs.len() {
            self.check_drop(StructId(index as u32));
        }
        // In a session the method may come after the structure, and again.
        for index in 0..known.structs {
            if self.types.structs[index].declares_drop {
                self.check_drop(StructId(index as u32));
            }
        }
    }

    /// Checks the types that say they are copied.
    fn check_copies(&mut self) {
        for (ty, at) in std::mem::take(&mut self.asks_for_copies) {
            let def = self.types.struct_of(ty).expect("a declared type");
            let parts = def.fields.iter().chain(def.variants.iter().flatten().flat_map(|v| &v.fields));
            let owner = parts.into_iter().find(|field| {
                !matches!(self.types.kind(field.ty), TyKind::Param { .. }) && self.types.needs_drop(field.ty)
            });
            let (name, declares, owner) = (def.name, def.declares_drop, owner.map(|field| field.span));
            if declares || owner.is_some() {
                let title = format!("`{name}` cannot be `Copy`: its values have one owner");
                let mut d = Diagnostic::error(codes::CONTRACT, at, title);
                if let Some(field) = owner {
                    d = d.label(field, "because of this field");
                }
                self.error(d);
            }
        }
    }

    fn check_receiver(&mut self, id: FuncId, signature: &Signature) {
        let info = &self.funcs[id.0 as usize];
        let ident = info.ident;
        if info.decl.is_some_and(|decl| decl.mutating) {
            let receiver = signature.params.first().filter(|_| signature.has_self);
            let mutable = receiver.is_some_and(|&ty| {
                matches!(
                    self.types.kind(ty),
                    TyKind::Ref { mutable: true, .. } | TyKind::RawPtr { mutable: true, .. } | TyKind::Error
                )
            });
            if !mutable {
                let title =
                    format!("`{}!` is marked as mutating, but its receiver cannot be changed", ident.name);
                let d = Diagnostic::error(codes::MISPLACED, ident.span, title);
                self.error(d.help("take `self: &T!`, or leave out the `!`"));
            }
        }
    }

    fn check_drop(&mut self, id: StructId) {
        let def = &self.types.structs[id.0 as usize];
        if !def.declares_drop {
            return;
        }
        let (name, span) = (def.name, def.span);
        let Some(&func) = self.methods.get(&(Head::Declared(id), Symbol::new("drop"))) else {
            let help = format!("add `fn (self: &{name}!) drop() {{ … }}`");
            if self.session.is_some() {
                if id.0 as usize >= self.counts().structs {
                    let title = format!("`{name}` declares `$Drop` but has no `drop` method yet");
                    self.diags.push(Diagnostic::warning(codes::DROP, span, title).help(help));
                }
                return;
            }
            let title = format!("`{name}` declares `$Drop` but has no `drop` method");
            return self.error(Diagnostic::error(codes::DROP, span, title).help(help));
        };
        if (func.0 as usize) < self.counts().funcs {
            return;
        }
        let signature = self.signature(func);
        let by_reference =
            signature.params.first().is_some_and(|&p| matches!(self.types.kind(p), TyKind::Ref { .. }));
        let plain = signature.ret == Ty::UNIT || signature.ret == Ty::ERROR;
        if !signature.has_self || signature.params.len() != 1 || !by_reference || !plain {
            let title = "`drop` takes its receiver by reference, nothing else, and returns nothing";
            let at = self.funcs[func.0 as usize].head;
            let d = Diagnostic::error(codes::DROP, at, title);
            return self.error(d.help(format!("declare it as `fn (self: &{name}!) drop()`")));
        }
        // One that is declared anew is called through the symbol of the first.
        self.types.structs[id.0 as usize].drop_fn.get_or_insert(func);
    }

    /// The function the program starts with.
    pub(super) fn check_entry(&mut self, needed: bool) -> Option<FuncId> {
        if let Some(script) = &self.script {
            return Some(script.func);
        }
        let main = self.loaded.main();
        match self.modules[main.0 as usize].values.get(&Symbol::new("main")) {
            Some(&Value::Func(func)) => {
                self.check_main(func);
                Some(func)
            }
            _ => {
                if needed && self.errors == 0 {
                    let span = self.sources.file(self.loaded.module(main).file).span();
                    let at = Span::new(span.lo, span.lo);
                    let title = "this file has nothing to run: no `main` and no statements";
                    let d = Diagnostic::error(codes::ENTRY, at, title);
                    self.error(d.help("add a function `main`, or statements at the top level"));
                }
                None
            }
        }
    }

    fn check_main(&mut self, func: FuncId) {
        let signature = self.signature(func);
        let Some(decl) = self.funcs[func.0 as usize].decl else { return };
        if let Some(param) = decl.params.first() {
            let d = Diagnostic::error(codes::MAIN_SIGNATURE, param.name.span, "`main` takes no parameters");
            self.error(d.help("the program's arguments are in `args()`"));
        }
        if ![Ty::UNIT, Ty::I32, Ty::I64, Ty::NEVER, Ty::ERROR].contains(&signature.ret) {
            let shown = self.show(signature.ret);
            let span = decl.ret.as_ref().map_or(decl.name.span, |ty| ty.span);
            let title = format!("`main` returns nothing, an `i32` or an `i64`, not a `{shown}`");
            let d = Diagnostic::error(codes::MAIN_SIGNATURE, span, title);
            self.error(d.note("its result is the exit status of the program"));
        }
    }

    /// Checks that an `extern` function exists, and that one of the runtime's has the types of the runtime's table.
    pub(super) fn check_extern(&mut self, decl: &ast::FnDecl, signature: &Signature) {
        let name = decl.name.name.as_str();
        if signature.params.contains(&Ty::ERROR) || signature.ret == Ty::ERROR {
            return;
        }
        if let Some(&ty) =
            signature.params.iter().chain([&signature.ret]).find(|&&ty| self.types.needs_drop(ty))
        {
            let title = format!("{} needs dropping and cannot pass through C", self.a(ty));
            return self.error(Diagnostic::error(codes::EXTERN, decl.head, title));
        }
        let Some(row) = abi::find(name) else {
            if let Some(ty) = self.not_in_c(signature) {
                let title = format!("C has no type like {}", self.a(ty));
                let d = Diagnostic::error(codes::EXTERN, decl.head, title);
                return self.error(d.help("pass a pointer, and a length where one is needed"));
            }
            if !(self.resolve_symbol)(name) {
                let title = format!("there is no C function `{name}` in the runtime or the process");
                let mut d = Diagnostic::error(codes::EXTERN, decl.name.span, title);
                if let Some(near) = suggest::nearest(name, abi::exports().map(|row| row.symbol)) {
                    d = d.fix(format!("did you mean `{near}`?"), decl.name.span, near);
                }
                self.error(d.note("functions of the C library and of the runtime can be declared"));
            }
            return;
        };
        let same = row.params.len() == signature.params.len()
            && row.params.iter().zip(&signature.params).all(|((_, abi), &ty)| self.fits_abi(*abi, ty))
            && self.fits_abi(row.ret, signature.ret);
        if !same {
            let shown = |ty: AbiTy| match (super::builtins::abi_type(ty), ty) {
                (_, AbiTy::Struct(name)) => name.to_string(),
                (known, _) => self.show(known.unwrap_or(Ty::ERROR)),
            };
            let params: Vec<String> =
                row.params.iter().map(|(name, ty)| format!("{name}: {}", shown(*ty))).collect();
            let result = if row.ret == AbiTy::Unit { String::new() } else { format!(": {}", shown(row.ret)) };
            let title = format!("`{name}` is declared with other types than the runtime's");
            let note = format!("the runtime's is `{name}({}){result}`", params.join(", "));
            self.error(Diagnostic::error(codes::EXTERN, decl.head, title).note(note));
        }
    }

    /// A type of the signature that no C function takes or gives.
    fn not_in_c(&self, signature: &Signature) -> Option<Ty> {
        let has = |ty: Ty, result: bool| match self.types.kind(ty) {
            TyKind::Unit | TyKind::Never => result,
            TyKind::Str | TyKind::Slice { .. } | TyKind::Array { .. } | TyKind::Tuple(_) => false,
            TyKind::Struct { def, .. } if self.is_enum(*def) => false,
            _ => true,
        };
        let params = signature.params.iter().map(|&ty| (ty, false));
        params.chain([(signature.ret, true)]).find(|&(ty, result)| !has(ty, result)).map(|(ty, _)| ty)
    }

    /// Whether a type of the language is passed as the runtime's table says.
    fn fits_abi(&self, abi: AbiTy, ty: Ty) -> bool {
        match (abi, self.types.kind(ty)) {
            (AbiTy::Ptr | AbiTy::ConstPtr | AbiTy::CStr | AbiTy::PtrTo(_) | AbiTy::Callback(_), kind) => {
                matches!(kind, TyKind::Ptr | TyKind::RawPtr { .. } | TyKind::Ref { .. } | TyKind::Fn { .. })
            }
            (AbiTy::Struct(name), TyKind::Struct { .. }) => {
                self.types.struct_of(ty).is_some_and(|def| def.name.as_str() == name)
            }
            (abi, _) => super::builtins::abi_type(abi) == Some(ty),
        }
    }
}
