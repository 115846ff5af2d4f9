//! Code that was made of generic functions, of traits' functions and of closures.
//!
//! Generic functions keep their bodies: each input that calls one has instances of its own, made for it in a copy of the
//! program. So when such a function is declared again, code that holds instances of the earlier one is out of date.
//! The bodies of the functions with such code are kept, too, and are compiled again with the input that made them old.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use vex_syntax::{Diagnostic, Symbol};

use super::Session;
use crate::check::CheckedInput;
use crate::jit::{Input, JitError, SessionCode};
use crate::mono::{self, Expanded};
use crate::typed::{Callee, Expr, ExprKind, FuncId, Function, FunctionBody, GlobalId, Local, Program, walk};
use crate::types::{StructId, Ty, TyKind, each_part};

/// The body of a function whose code has instances in it.
#[derive(Debug)]
struct Body {
    code: Expr,
    locals: Vec<Local>,
    /// What there may be instances of.
    made_of: Rc<FxHashSet<FuncId>>,
}

/// What a session knows of instances.
#[derive(Debug, Default)]
pub(super) struct Instances {
    bodies: FxHashMap<FuncId, Body>,
    /// The earlier functions that a generic function took the place of.
    earlier: FxHashMap<FuncId, Vec<FuncId>>,
    /// What the input that is being compiled has instances of.
    made_of: Rc<FxHashSet<FuncId>>,
}

/// Why an input was not compiled.
#[derive(Debug)]
pub(super) enum NotCompiled {
    /// There are instances without end.
    Endless(Box<Diagnostic>),
    Code(JitError),
}

impl NotCompiled {
    /// What is wrong, in a line.
    pub fn title(&self) -> String {
        match self {
            NotCompiled::Endless(diagnostic) => diagnostic.title.clone(),
            NotCompiled::Code(error) => error.to_string(),
        }
    }
}

impl From<JitError> for NotCompiled {
    fn from(error: JitError) -> NotCompiled {
        NotCompiled::Code(error)
    }
}

impl Session {
    /// Compiles a checked input, and with it the functions that it makes old.
    ///
    /// # Errors
    /// Why it cannot be; nothing has changed then, but that the input is still to be forgotten.
    pub(super) fn compile(&mut self, checked: &CheckedInput) -> Result<Input, NotCompiled> {
        self.name_functions(checked, SessionCode::function_symbol)?;
        let before = self.renew(checked);
        let added = match before.is_empty() && !self.needs_instances(checked) {
            true => self
                .code
                .add(&self.program)
                .map_err(NotCompiled::Code)
                .map(|input| (input, FxHashSet::default())),
            false => self.add_code(),
        };
        match added {
            Ok((input, made_of)) => {
                self.note_replaced(checked);
                self.instances.made_of = Rc::new(made_of);
                Ok(input)
            }
            Err(error) => {
                for (id, function) in before.into_iter().rev() {
                    self.program.functions[id.0 as usize] = function;
                }
                Err(error)
            }
        }
    }

    /// Whether an input has to be expanded.
    fn needs_instances(&self, checked: &CheckedInput) -> bool {
        let program = &self.program;
        let with_traits =
            program.contracts.impls.iter().filter_map(|known| match program.types.kind(known.ty) {
                TyKind::Struct { def, .. } => Some(*def),
                _ => None,
            });
        let mut look = Look {
            program,
            closures: self.closures(),
            with_traits: with_traits.collect(),
            types: FxHashSet::default(),
            functions: FxHashSet::default(),
            waiting: Vec::new(),
        };
        look.input(checked.first_func, checked.first_global)
    }

    /// Compiles the program's entry, and whatever of it is to be kept.
    ///
    /// # Errors
    /// Why it cannot be.
    pub(super) fn add_code(&mut self) -> Result<(Input, FxHashSet<FuncId>), NotCompiled> {
        let Expanded { program, made_of } = self.expanded()?;
        Ok((self.code.add(&program)?, made_of))
    }

    /// A copy of the program without type parameters.
    ///
    /// # Errors
    /// [`NotCompiled::Endless`]
    pub(super) fn expanded(&self) -> Result<Expanded, NotCompiled> {
        mono::expand_input(self.program.clone()).map_err(NotCompiled::Endless)
    }

    /// Reports why an input was not compiled.
    pub(super) fn tell(&mut self, error: NotCompiled) {
        match error {
            NotCompiled::Endless(diagnostic) => self.diagnostics(&[*diagnostic]),
            NotCompiled::Code(error) => self.error(&error.to_string(), None),
        }
    }

    /// Puts generic functions that an input declares in the place of the earlier ones, and gives back their bodies to the
    /// functions that this makes old; what all these were before.
    fn renew(&mut self, checked: &CheckedInput) -> Vec<(FuncId, Function)> {
        let mut before = Vec::new();
        let mut old = FxHashSet::default();
        for &(id, new) in &checked.replaced {
            if self.program.functions[new.0 as usize].generics == 0 {
                continue;
            }
            for id in self.instances.earlier.get(&id).into_iter().flatten().copied().chain([id]) {
                let function = self.program.functions[new.0 as usize].clone();
                old.insert(id);
                before.push((id, std::mem::replace(&mut self.program.functions[id.0 as usize], function)));
            }
        }
        for of in &checked.given_again {
            old.extend(self.program.contracts.declared[of.0 as usize].iter().map(|(_, id)| *id));
        }
        for (&id, body) in &self.instances.bodies {
            if body.made_of.is_disjoint(&old) || self.is_renewed(checked, id) {
                continue;
            }
            let function = &mut self.program.functions[id.0 as usize];
            before.push((id, function.clone()));
            function.body = FunctionBody::Code(body.code.clone());
            function.locals.clone_from(&body.locals);
        }
        before
    }

    /// Whether the symbol of a function leads to a later one, or is about to.
    fn is_renewed(&self, checked: &CheckedInput, id: FuncId) -> bool {
        checked.replaced.iter().any(|(old, _)| {
            let via = |id: FuncId| &self.program.functions[id.0 as usize].via;
            *old == id || (via(id).is_some() && via(*old) == via(id))
        })
    }

    /// Notes which functions have been replaced.
    fn note_replaced(&mut self, checked: &CheckedInput) {
        for &(old, new) in &checked.replaced {
            // Its code is gone, so nobody compiles it again.
            self.instances.bodies.remove(&old);
            if self.program.functions[new.0 as usize].generics > 0 {
                let mut all = self.instances.earlier.remove(&old).unwrap_or_default();
                all.push(old);
                self.instances.earlier.insert(new, all);
            }
        }
    }

    /// Keeps the bodies of the functions that were compiled just now, which are about to be forgotten.
    pub(super) fn keep_bodies(&mut self) {
        if self.instances.made_of.is_empty() {
            return;
        }
        for (index, function) in self.program.functions.iter_mut().enumerate() {
            let (Some(_), FunctionBody::Code(_)) = (&function.via, &function.body) else { continue };
            if let FunctionBody::Code(code) = std::mem::replace(&mut function.body, FunctionBody::Elsewhere) {
                let (locals, made_of) = (function.locals.clone(), self.instances.made_of.clone());
                self.instances.bodies.insert(FuncId(index as u32), Body { code, locals, made_of });
            }
            crate::check::seal(function);
        }
    }

    /// The functions that are the code of closures.
    pub(super) fn closures(&self) -> FxHashSet<FuncId> {
        self.program.types.structs.iter().filter_map(|def| def.closure).collect()
    }

    /// The variables that a function's body uses, with the closures in it.
    pub(super) fn used_variables(&self, id: FuncId) -> Vec<GlobalId> {
        let (mut used, mut seen, mut waiting) = (Vec::new(), FxHashSet::default(), vec![id]);
        while let Some(id) = waiting.pop() {
            if let (true, FunctionBody::Code(body)) =
                (seen.insert(id), &self.program.functions[id.0 as usize].body)
            {
                self.collect_variables(body, &mut used, &mut waiting);
            }
        }
        used
    }

    fn collect_variables(&self, expr: &Expr, used: &mut Vec<GlobalId>, closures: &mut Vec<FuncId>) {
        match expr.kind {
            ExprKind::Global(id) if !used.contains(&id) => used.push(id),
            ExprKind::Struct(_) => {
                closures.extend(self.program.types.struct_of(expr.ty).and_then(|def| def.closure));
            }
            _ => {}
        }
        walk::children(expr, &mut |child| self.collect_variables(child, used, closures));
    }

    /// Whether a type of the program's own that says how it is shown may be in values of this type.
    pub(super) fn shows_itself(&self, ty: Ty) -> bool {
        let (types, contracts) = (&self.program.types, &self.program.contracts);
        let own = contracts.impls.iter().filter(|known| {
            let place = types.struct_of(known.ty).and_then(|def| self.sources.locate(def.span.lo));
            Some(known.of) == contracts.display
                && known.functions.contains_key(&Symbol::new("debug"))
                && place.is_some_and(|(file, _)| !file.library)
        });
        let own: Vec<(Ty, u32)> = own.map(|known| (known.ty, known.generics)).collect();
        if own.is_empty() {
            return false;
        }
        let (mut seen, mut waiting) = (FxHashSet::default(), vec![ty]);
        while let Some(ty) = waiting.pop() {
            if !seen.insert(ty) {
                continue;
            }
            let is_it =
                |(of, params): &(Ty, u32)| types.matches(*of, ty, &mut vec![Ty::ERROR; *params as usize]);
            if own.iter().any(is_it) {
                return true;
            }
            self.parts(ty, &mut waiting);
        }
        false
    }

    /// The types that values of a completed type are directly made of, or refer to.
    fn parts(&self, ty: Ty, out: &mut Vec<Ty>) {
        let types = &self.program.types;
        each_part(types.kind(ty), &mut |part| out.push(part));
        let variants = types.struct_of(ty).and_then(|def| def.variants.as_ref()).map_or(0, Vec::len);
        out.extend(types.field_types(ty));
        out.extend((0..variants).flat_map(|variant| types.variant_types(ty, variant)));
    }

    /// Sees to it that the parts of a type's values are known, so that they can be shown.
    pub(super) fn complete_type(&mut self, ty: Ty) {
        let (mut seen, mut waiting) = (FxHashSet::default(), vec![ty]);
        while let Some(ty) = waiting.pop() {
            if !seen.insert(ty) {
                continue;
            }
            let types = &mut self.program.types;
            if !types.args_of(ty).is_empty() && !types.is_completed(ty) && !types.has_params(ty) {
                // What drops its values is found anew for each input.
                types.complete_instance(ty, None);
            }
            self.parts(ty, &mut waiting);
        }
    }
}

/// Whether an input has anything that [`mono::expand_input`] would change: most have not, and copying the program of a
/// long session for each would take its time.
struct Look<'p> {
    program: &'p Program,
    closures: FxHashSet<FuncId>,
    /// The declared types that have traits.
    with_traits: FxHashSet<StructId>,
    types: FxHashSet<Ty>,
    functions: FxHashSet<FuncId>,
    waiting: Vec<FuncId>,
}

impl Look<'_> {
    fn input(&mut self, first_func: usize, first_global: usize) -> bool {
        if self.closures.iter().any(|id| id.0 as usize >= first_func) {
            return true;
        }
        if self.program.globals[first_global..].iter().any(|global| self.ty(global.ty)) {
            return true;
        }
        let new = (first_func..self.program.functions.len()).map(|index| FuncId(index as u32));
        self.waiting.extend(new.filter(|id| self.program.functions[id.0 as usize].generics == 0));
        while let Some(id) = self.waiting.pop() {
            let program = self.program;
            let function = &program.functions[id.0 as usize];
            if !self.functions.insert(id) {
                continue;
            }
            if function.locals.iter().any(|local| self.ty(local.ty)) {
                return true;
            }
            if let FunctionBody::Code(body) = &function.body
                && self.expr(body)
            {
                return true;
            }
        }
        false
    }

    fn expr(&mut self, expr: &Expr) -> bool {
        let found = match &expr.kind {
            ExprKind::Call { callee: Callee::Func { func, args }, .. } | ExprKind::Func { func, args } => {
                self.waiting.push(*func);
                !args.is_empty() || self.stands_for_others(*func)
            }
            _ => false,
        };
        let mut found = found || self.ty(expr.ty);
        walk::children(expr, &mut |child| found = found || self.expr(child));
        found
    }

    /// Whether a function has no code as it is.
    fn stands_for_others(&self, id: FuncId) -> bool {
        let of_trait = self.program.contracts.functions.contains_key(&id);
        of_trait || self.closures.contains(&id) || self.program.functions[id.0 as usize].generics > 0
    }

    /// Whether values of a type are dropped, printed or called in a way that only instances know.
    fn ty(&mut self, ty: Ty) -> bool {
        if !self.types.insert(ty) {
            return false;
        }
        let types = &self.program.types;
        let mut parts = Vec::new();
        each_part(types.kind(ty), &mut |part| parts.push(part));
        if let TyKind::Struct { def: id, args } = types.kind(ty) {
            let def = &types.structs[id.0 as usize];
            if !args.is_empty() || def.closure.is_some() || self.with_traits.contains(id) {
                return true;
            }
            self.waiting.extend(def.drop_fn);
            let variants = def.variants.as_ref().map_or(0, Vec::len);
            parts.extend(types.field_types(ty));
            parts.extend((0..variants).flat_map(|variant| types.variant_types(ty, variant)));
        }
        parts.into_iter().any(|part| self.ty(part))
    }
}
