//! Whether types have traits: of known types at once, of types that are still inferred as soon as they are known.

use vex_syntax::ast;
use vex_syntax::{Diagnostic, Span, Symbol};

use super::function::FnCx;
use super::generics::{Bound, Need};
use super::infer::VarKind;
use super::{Checker, codes};
use crate::types::{FuncId, TraitId, Ty, TyKind};

/// How deep a proof goes that a type has a trait.
const DEEPEST: u32 = 64;

/// Something a type that is being inferred has to be able to do.
#[derive(Clone, Debug)]
pub(super) struct Obligation {
    pub(super) ty: Ty,
    pub(super) need: Need,
    /// Who asks for it.
    pub(super) func: Option<FuncId>,
    /// Where.
    pub(super) span: Span,
    pub(super) depth: u32,
}

/// What is known of an obligation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    Yes,
    No,
    /// Not before more is known of the type.
    Later,
}

impl Checker<'_> {
    /// Whether a type of known parts can do something, where these bounds hold.
    pub(super) fn has(&mut self, ty: Ty, need: &Need, bounds: &[Bound], depth: u32) -> bool {
        let Need::Trait(of, _) = need else { return *need != Need::Copy || !self.types.needs_drop(ty) };
        if ty == Ty::ERROR || depth > DEEPEST {
            return true;
        }
        if self.bound_to(ty, *of, bounds, depth).is_some() || self.is_shown(*of) {
            return true;
        }
        if let Some(info) = self.impl_of(*of, self.head(ty)) {
            let (pattern, needs) = (info.ty, info.bounds.clone());
            let mut args = vec![Ty::ERROR; info.generics.params.len()];
            return self.matches(pattern, ty, &mut args)
                && needs.iter().all(|bound| {
                    let ty = self.types.subst(bound.ty, &args);
                    self.has(ty, &bound.what, bounds, depth + 1)
                });
        }
        match self.built_in_parts(ty, *of) {
            Some(parts) => parts.into_iter().all(|part| self.has(part, need, bounds, depth + 1)),
            None => false,
        }
    }

    /// Whether everything that can be printed has this trait, which is everything.
    pub(super) fn is_shown(&self, of: TraitId) -> bool {
        self.core_trait("Display") == Some(of)
    }

    /// The arguments of a trait that a type has by one of these bounds.
    fn bound_to(&mut self, ty: Ty, of: TraitId, bounds: &[Bound], depth: u32) -> Option<Vec<Ty>> {
        if depth > DEEPEST {
            return None;
        }
        let own = bounds.iter().filter(|bound| bound.ty == ty).cloned();
        for bound in own.collect::<Vec<_>>() {
            let Need::Trait(known, args) = bound.what else { continue };
            if known == of {
                return Some(args);
            }
            let put: Vec<Ty> = [ty].into_iter().chain(args).collect();
            for up in self.traits[known.0 as usize].supers.clone() {
                let Need::Trait(id, args) = up.what else { continue };
                let args: Vec<Ty> = args.into_iter().map(|arg| self.types.subst(arg, &put)).collect();
                let bound = Bound { ty, what: Need::Trait(id, args), span: up.span };
                if let Some(found) = self.bound_to(ty, of, &[bound], depth + 1) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// The types that need a trait for a type of the language to have it; `None` when it never has.
    fn built_in_parts(&self, ty: Ty, of: TraitId) -> Option<Vec<Ty>> {
        let is = |name| self.core_trait(name) == Some(of);
        if is("Clone") && !self.types.needs_drop(ty) {
            return Some(Vec::new());
        }
        let number = matches!(self.types.kind(ty), TyKind::Int(_) | TyKind::F32 | TyKind::F64);
        if number && super::overload::NUMERIC.iter().any(|name| is(name)) {
            return Some(Vec::new());
        }
        if !(is("Eq") || is("Ord") || is("Hash") || is("Clone")) {
            return None;
        }
        match self.types.kind(ty) {
            TyKind::Tuple(parts) => Some(parts.clone()),
            TyKind::Array { elem, .. } => Some(vec![*elem]),
            TyKind::Slice { elem, .. } if !is("Clone") => Some(vec![*elem]),
            TyKind::Ref { pointee, .. } if !is("Clone") => Some(vec![*pointee]),
            TyKind::Unit => Some(Vec::new()),
            TyKind::Ptr | TyKind::RawPtr { .. } | TyKind::Fn { .. } if is("Eq") => Some(Vec::new()),
            TyKind::F32 | TyKind::F64 if is("Eq") || is("Ord") => Some(Vec::new()),
            TyKind::Str if !is("Hash") => Some(Vec::new()),
            TyKind::Int(_) | TyKind::Bool | TyKind::Char => Some(Vec::new()),
            _ => None,
        }
    }

    /// Whether `ty` is of the form of `pattern`; notes what its type parameters stand for.
    pub(super) fn matches(&self, pattern: Ty, ty: Ty, args: &mut [Ty]) -> bool {
        self.types.matches(pattern, ty, args)
    }
}

impl<'a> FnCx<'_, 'a> {
    /// Notes what the arguments of a generic function have to be able to do, and looks at what is known already.
    pub(super) fn oblige(&mut self, func: FuncId, args: &[Ty], span: Span) {
        for bound in self.cx.bounds(func).iter() {
            let ty = self.cx.types.subst(bound.ty, args);
            let need = self.put(&bound.what, args);
            self.obligations.push(Obligation { ty, need, func: Some(func), span, depth: 0 });
        }
    }

    /// Looks at every obligation whose type is known; `last`: nothing more will be known.
    pub(super) fn solve(&mut self, last: bool) {
        loop {
            let mut progress = false;
            for obligation in std::mem::take(&mut self.obligations) {
                match self.answer(&obligation, last) {
                    Answer::Yes => progress = true,
                    Answer::No => self.unmet(&obligation),
                    Answer::Later => self.obligations.push(obligation),
                }
            }
            if !progress || self.obligations.is_empty() {
                return;
            }
        }
    }

    fn answer(&mut self, obligation: &Obligation, last: bool) -> Answer {
        let ty = self.shallow(obligation.ty);
        if ty == Ty::ERROR || obligation.depth > DEEPEST {
            return Answer::Yes;
        }
        let ty = match self.var_kind(ty) {
            Some(_) if !last => return Answer::Later,
            // What cannot be inferred is reported where it is.
            Some(VarKind::General) => return Answer::Later,
            Some(VarKind::Int) => Ty::I64,
            Some(VarKind::Float) => Ty::F64,
            None => ty,
        };
        match &obligation.need {
            Need::Copy => {
                let known = self.known(ty);
                match self.cx.types.has_infer(known) && !last {
                    true => Answer::Later,
                    false if self.cx.types.needs_drop(known) => Answer::No,
                    false => Answer::Yes,
                }
            }
            Need::Call(params, ret) => self.answer_call(ty, params, *ret),
            Need::Trait(of, args) => self.answer_trait(ty, *of, args, obligation),
        }
    }

    fn answer_call(&mut self, ty: Ty, params: &[Ty], ret: Ty) -> Answer {
        let Some((known, result)) = self.callable(ty) else { return Answer::No };
        let same = known.len() == params.len()
            && known.iter().zip(params).all(|(&a, &b)| self.unify(a, b))
            && (self.unify(result, ret) || self.shallow(ret) == Ty::UNIT);
        if same { Answer::Yes } else { Answer::No }
    }

    /// What a value of this type is called with, and what it gives.
    pub(super) fn callable(&mut self, ty: Ty) -> Option<(Vec<Ty>, Ty)> {
        match self.cx.types.kind(ty).clone() {
            TyKind::Fn { params, ret } => Some((params, ret)),
            TyKind::Ref { pointee, .. } => {
                let pointee = self.shallow(pointee);
                self.callable(pointee)
            }
            TyKind::Param { .. } => self.bounds.iter().find_map(|bound| match &bound.what {
                Need::Call(params, ret) if bound.ty == ty => Some((params.clone(), *ret)),
                _ => None,
            }),
            TyKind::Struct { def, args } => {
                let func = self.cx.types.structs[def.0 as usize].closure?;
                let (params, ret) = self.closures.get(&func).cloned().or_else(|| {
                    let signature = self.cx.funcs[func.0 as usize].signature.clone()?;
                    Some((signature.params[1..].to_vec(), signature.ret))
                })?;
                let types = &mut self.cx.types;
                let params = params.into_iter().map(|param| types.subst(param, &args)).collect();
                Some((params, types.subst(ret, &args)))
            }
            _ => None,
        }
    }

    /// Whether values of this type can be called.
    pub(super) fn is_callable(&mut self, ty: Ty) -> bool {
        let ty = self.shallow(ty);
        self.callable(ty).is_some()
    }

    fn answer_trait(&mut self, ty: Ty, of: TraitId, args: &[Ty], obligation: &Obligation) -> Answer {
        let bounds = self.bounds.clone();
        if let Some(known) = self.cx.bound_to(ty, of, &bounds, 0) {
            return self.same_args(&known, args);
        }
        if self.cx.is_shown(of) {
            return Answer::Yes;
        }
        let head = self.cx.head(ty);
        if let Some(info) = self.cx.impl_of(of, head).cloned() {
            let fresh: Vec<Ty> =
                info.generics.params.iter().map(|_| self.fresh(VarKind::General, obligation.span)).collect();
            let pattern = self.cx.types.subst(info.ty, &fresh);
            if !self.unify(pattern, ty) {
                return Answer::No;
            }
            let known: Vec<Ty> = info.args.iter().map(|&arg| self.cx.types.subst(arg, &fresh)).collect();
            for bound in &info.bounds {
                let ty = self.cx.types.subst(bound.ty, &fresh);
                let need = self.put(&bound.what, &fresh);
                let depth = obligation.depth + 1;
                self.obligations.push(Obligation { ty, need, depth, ..obligation.clone() });
            }
            return self.same_args(&known, args);
        }
        let known = self.known(ty);
        match self.cx.built_in_parts(known, of) {
            Some(parts) => {
                for ty in parts {
                    let depth = obligation.depth + 1;
                    self.obligations.push(Obligation { ty, depth, ..obligation.clone() });
                }
                Answer::Yes
            }
            None => Answer::No,
        }
    }

    fn same_args(&mut self, known: &[Ty], wanted: &[Ty]) -> Answer {
        let same = known.len() == wanted.len() && known.iter().zip(wanted).all(|(&a, &b)| self.unify(a, b));
        if same { Answer::Yes } else { Answer::No }
    }

    /// Reports something that a type cannot do.
    fn unmet(&mut self, obligation: &Obligation) {
        let ty = obligation.ty;
        let who = obligation.func.map(|func| self.cx.funcs[func.0 as usize].name.clone());
        let shown = self.a(ty);
        let what = match &obligation.need {
            Need::Copy => "copied: it has one owner".to_string(),
            Need::Call(params, ret) => {
                let (params, ret) = (params.clone(), *ret);
                let params: Vec<String> = params.iter().map(|&ty| self.show(ty)).collect();
                let ret = if self.shallow(ret) == Ty::UNIT {
                    String::new()
                } else {
                    format!(": {}", self.show(ret))
                };
                format!("called as `fn({}){ret}`", params.join(", "))
            }
            Need::Trait(of, _) => {
                let name = self.cx.traits[of.0 as usize].name;
                return self.unmet_trait(obligation, &shown, name, who);
            }
        };
        let title = format!("{shown} cannot be {what}");
        let mut d = Diagnostic::error(codes::BOUND, obligation.span, title);
        if let Some(who) = who {
            d = d.note(format!("`{who}` asks for it"));
        }
        self.error(d);
    }

    fn unmet_trait(&mut self, obligation: &Obligation, shown: &str, name: Symbol, who: Option<String>) {
        let mut d = Diagnostic::error(codes::BOUND, obligation.span, format!("{shown} has no `{name}`"));
        if let Some(who) = who {
            d = d.note(format!("`{who}` asks for it"));
        }
        let ty = self.shallow(obligation.ty);
        d = match self.cx.types.kind(ty) {
            TyKind::Param { name: param, .. } => {
                d.help(format!("bind the type parameter: `{param}: {name}`"))
            }
            TyKind::Struct { def, .. } => {
                let def = &self.cx.types.structs[def.0 as usize];
                let word = if def.variants.is_some() { "enum" } else { "struct" };
                d.help(format!("declare it: `{word} {}: {name}`", def.name))
            }
            _ => d,
        };
        self.error(d);
    }

    /// The function of a trait that a type has by a bound, or that comes with a trait of its own; with the arguments
    /// that the trait's parameters have.
    pub(super) fn trait_method(&mut self, ty: Ty, name: ast::Ident) -> Option<(FuncId, Vec<Ty>)> {
        // What is called on a reference is a method of what it refers to, even where references have the trait, too.
        if let TyKind::Ref { .. } = self.cx.types.kind(ty) {
            return None;
        }
        let candidates = self.cx.trait_functions.get(&name.name)?.clone();
        for (of, func) in candidates {
            let bounds = self.bounds.clone();
            if let Some(args) = self.cx.bound_to(ty, of, &bounds, 0) {
                return Some((func, [ty].into_iter().chain(args).collect()));
            }
            if let TyKind::Param { .. } = self.cx.types.kind(ty) {
                continue;
            }
            let head = self.cx.head(ty);
            let known = self.cx.impl_of(of, head).is_some() || self.cx.built_in_parts(ty, of).is_some();
            if !known {
                continue;
            }
            let count = self.cx.traits[of.0 as usize].generics.params.len() - 1;
            let args: Vec<Ty> = (0..count).map(|_| self.fresh(VarKind::General, name.span)).collect();
            let need = Need::Trait(of, args.clone());
            self.obligations.push(Obligation { ty, need, func: None, span: name.span, depth: 0 });
            self.solve(false);
            return Some((func, [ty].into_iter().chain(args).collect()));
        }
        None
    }
}
