//! What a value can refer to, by its type: an `&i64` never refers to memory in which there are only texts. What is read
//! off bodies says of a container's element that it may come from the container's memory; of a reference that was copied
//! out of there that is not so, and the types tell.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::flow::Flow;
use super::holds::raw_like;
use super::loan::{Loan, Loans, Root};
use crate::types::{IntTy, StructDef, StructId, Ty, TyKind, Types};

/// The outside of a type; what is inside of references, tuples and type arguments does not count.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Head {
    Declared(StructId),
    Int(IntTy),
    /// Any other, by the number of its kind.
    Other(std::mem::Discriminant<TyKind>),
}

/// Types of memory.
#[derive(Default, Debug)]
struct Kinds {
    /// Whether nothing is known.
    any: bool,
    heads: FxHashSet<Head>,
}

/// Answers that were found already.
#[derive(Default)]
pub(super) struct Reach {
    /// To what values of a type refer.
    pointees: FxHashMap<Ty, Rc<Kinds>>,
    /// What is in the memory that values of a type own by raw pointers.
    owned: FxHashMap<Ty, Rc<Kinds>>,
}

/// What the type parameters of a declaration stand for.
#[derive(Clone, Copy)]
struct Env<'e> {
    args: &'e [Ty],
    outer: Option<&'e Env<'e>>,
}

impl<'c> Flow<'_, 'c, '_> {
    /// Leaves out what a value of this type cannot refer to.
    pub(super) fn only_reachable(&mut self, value: &mut Loans, ty: Ty) {
        if !value.iter().any(|loan| loan.deep && !loan.far) {
            return;
        }
        let types = &self.program.cx.types;
        let Reach { pointees, owned } = &mut self.program.reach;
        let wanted = pointees.entry(ty).or_insert_with(|| Rc::new(Walk::pointees(types, ty))).clone();
        if wanted.any {
            return;
        }
        let (function, globals) = (self.function, &self.program.cx.globals);
        let owner = |loan: &Loan| match loan.root {
            Root::Local(id) => function.locals[id.0 as usize].ty,
            Root::Global(id) => globals[id.0 as usize].ty,
            Root::Param(index) => {
                let local = &function.locals[function.params[index as usize].0 as usize];
                match *types.kind(local.ty) {
                    TyKind::Ref { pointee, .. } => pointee,
                    _ => Ty::ERROR,
                }
            }
        };
        value.retain(|loan| {
            let ty = if loan.deep && !loan.far { owner(loan) } else { Ty::ERROR };
            if ty == Ty::ERROR {
                return true;
            }
            let there = owned.entry(ty).or_insert_with(|| Rc::new(Walk::owned(types, ty)));
            there.any || there.heads.is_empty() || !there.heads.is_disjoint(&wanted.heads)
        });
    }
}

/// What is called on a part of a declared type: the declaration, the part's type, and what type parameters in it mean.
type See<'s, 't> = &'s mut dyn FnMut(&mut Walk<'t>, &StructDef, Ty, Option<&Env>);

/// A walk over a type.
struct Walk<'t> {
    types: &'t Types,
    found: Kinds,
    seen: FxHashSet<(Ty, bool)>,
    /// Declared types around the current one, if their arguments depend on type parameters.
    around: Vec<StructId>,
}

impl<'t> Walk<'t> {
    fn new(types: &'t Types) -> Walk<'t> {
        Walk { types, found: Kinds::default(), seen: FxHashSet::default(), around: Vec::new() }
    }

    fn pointees(types: &'t Types, ty: Ty) -> Kinds {
        let mut walk = Walk::new(types);
        walk.refers(ty, None);
        walk.found
    }

    fn owned(types: &'t Types, ty: Ty) -> Kinds {
        let mut walk = Walk::new(types);
        walk.contains(ty, None, false);
        walk.found
    }

    /// Adds the outside of a type.
    fn head(&mut self, ty: Ty, env: Option<&Env>) {
        let head = match *self.types.kind(ty) {
            TyKind::Param { index, .. } => {
                return match env.and_then(|env| Some((*env.args.get(index as usize)?, env.outer))) {
                    Some((ty, outer)) => self.head(ty, outer),
                    None => self.found.any = true,
                };
            }
            TyKind::Ptr => return self.found.any = true,
            TyKind::Struct { def, .. } => Head::Declared(def),
            TyKind::Int(int) => Head::Int(int),
            ref kind => Head::Other(std::mem::discriminant(kind)),
        };
        self.found.heads.insert(head);
    }

    /// Whether a type is looked at for the first time.
    fn first(&mut self, ty: Ty, behind: bool) -> bool {
        self.types.has_params(ty) || self.seen.insert((ty, behind))
    }

    /// Calls `see` on the types of the parts of a declared type.
    fn parts(&mut self, def: StructId, env: &Env, see: See<'_, 't>) {
        let types = self.types;
        for &arg in env.args {
            see(self, &types.structs[def.0 as usize], arg, env.outer);
        }
        let open = env.outer.is_some() && env.args.iter().any(|&arg| types.has_params(arg));
        if open && self.around.contains(&def) {
            return;
        }
        self.around.push(def);
        let structure = &types.structs[def.0 as usize];
        let payloads = structure.variants.iter().flatten().flat_map(|variant| &variant.fields);
        for field in structure.fields.iter().chain(payloads) {
            see(self, structure, field.ty, Some(env));
        }
        self.around.pop();
    }

    /// What values of a type refer to.
    fn refers(&mut self, ty: Ty, env: Option<&Env>) {
        if !self.first(ty, false) {
            return;
        }
        match self.types.kind(ty) {
            TyKind::Ref { pointee, .. } => self.head(*pointee, env),
            TyKind::Slice { elem, .. } => self.head(*elem, env),
            TyKind::Str => self.head(Ty::U8, None),
            TyKind::RawPtr { pointee, .. } => match *pointee {
                Ty::U8 | Ty::I8 | Ty::UNIT => self.found.any = true,
                pointee => self.head(pointee, env),
            },
            TyKind::Ptr => self.found.any = true,
            TyKind::Array { elem, .. } => self.refers(*elem, env),
            TyKind::Tuple(elems) => elems.iter().for_each(|&elem| self.refers(elem, env)),
            TyKind::Struct { def, args } => {
                self.parts(*def, &Env { args, outer: env }, &mut |walk, structure, part, env| {
                    if !(structure.declares_drop && raw_like(walk.types, part)) {
                        walk.refers(part, env);
                    }
                });
            }
            TyKind::Param { index, .. } => {
                match env.and_then(|env| Some((*env.args.get(*index as usize)?, env.outer))) {
                    Some((ty, outer)) => self.refers(ty, outer),
                    None => self.found.any = true,
                }
            }
            _ => {}
        }
    }

    /// What is in the memory of a value, `behind` a raw pointer or to be found behind one.
    fn contains(&mut self, ty: Ty, env: Option<&Env>, behind: bool) {
        if !self.first(ty, behind) {
            return;
        }
        if behind && !matches!(self.types.kind(ty), TyKind::Param { .. }) {
            self.head(ty, env);
        }
        match self.types.kind(ty) {
            TyKind::RawPtr { pointee, .. } => match *pointee {
                Ty::U8 | Ty::I8 | Ty::UNIT => self.found.any = true,
                pointee => self.contains(pointee, env, true),
            },
            TyKind::Ptr => self.found.any = true,
            TyKind::Array { elem, .. } => self.contains(*elem, env, behind),
            TyKind::Tuple(elems) => elems.iter().for_each(|&elem| self.contains(elem, env, behind)),
            TyKind::Struct { def, args } => {
                let structure = &self.types.structs[def.0 as usize];
                // An untyped pointer beside a function is the function's: how containers reach their allocator.
                let is_fn = |ty| matches!(self.types.kind(ty), TyKind::Fn { .. });
                if behind && structure.fields.iter().any(|field| is_fn(field.ty)) {
                    return;
                }
                self.parts(*def, &Env { args, outer: env }, &mut |walk, _, part, env| {
                    walk.contains(part, env, behind);
                });
            }
            TyKind::Param { index, .. } => {
                match env.and_then(|env| Some((*env.args.get(*index as usize)?, env.outer))) {
                    Some((ty, outer)) => self.contains(ty, outer, behind),
                    None => self.found.any = true,
                }
            }
            _ => {}
        }
    }
}
