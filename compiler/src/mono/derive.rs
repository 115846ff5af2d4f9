//! Functions of traits that are made from the parts of a type: `Eq`, `Ord`, `Hash` and `Clone` of structures and types
//! with variants that ask for them, of tuples, arrays, slices and references; and `Display` of all types.

use std::sync::Arc;

use vex_syntax::{Span, Symbol};

use super::Mono;
use crate::typed::{
    Arm, BinaryOp, Block, Callee, CastKind, Expr, ExprKind, FormatSpec, Function, FunctionBody, Local,
    LocalId, LoopId, Pattern, Piece, Stmt, StmtKind, Stream, Test,
};
use crate::types::{FuncId, TraitId, Ty, TyKind};

/// An odd number with bits all over: the golden ratio of 2^64.
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

/// The parts of a value that count, as places: of one value, or side by side of two.
type Parts = Vec<(Expr, Option<Expr>)>;

/// A function being made.
struct Maker<'m> {
    mono: &'m mut Mono,
    /// The function of the trait, which is called for each part.
    func: FuncId,
    locals: Vec<Local>,
    span: Span,
}

impl Mono {
    /// The function of a trait that is made from the parts of `this`.
    pub(super) fn derived(&mut self, of: TraitId, func: FuncId, this: Ty) -> FuncId {
        let key = (func, Arc::from([this]));
        if let Some(&known) = self.instances.get(&key) {
            return known;
        }
        self.waiting.push(this);
        while let Some(ty) = self.waiting.pop() {
            self.look_at(ty);
        }
        let declared = &self.program.functions[func.0 as usize];
        let (span, ret, count) = (declared.span, declared.ret, declared.params.len());
        let reference = self.program.types.reference(this, false);
        let local = |name: &str| Local {
            name: Symbol::new(name),
            ty: reference,
            span,
            borrowed: false,
            flagged: false,
        };
        let locals: Vec<Local> = ["self", "other"].into_iter().take(count).map(local).collect();
        let ret = self.program.types.subst(ret, &[this]);
        let contracts = &self.program.contracts;
        let is = |known: Option<TraitId>| known == Some(of);
        let (eq, ord, hash) = (is(contracts.eq), is(contracts.ord), is(contracts.hash));
        let operator = contracts.arithmetic.get(&of).copied();
        let display = is(contracts.display);
        let mut maker = Maker { mono: self, func, locals, span };
        let body = match () {
            () if operator.is_some() => maker.arithmetic(operator.flatten(), this),
            () if eq => maker.eq(this),
            () if ord => maker.cmp(this),
            () if hash => maker.hash(this),
            () if display => maker.show(this),
            () => maker.clone(this),
        };
        let locals = maker.locals;
        let name = self.program.functions[func.0 as usize].name.rsplit('.').next().unwrap_or("").to_string();
        let function = Function {
            name: format!("{}.{name}", self.program.types.display(this)),
            span,
            generics: 0,
            callables: 0,
            owner: None,
            params: (0..count as u32).map(LocalId).collect(),
            locals,
            ret,
            body: FunctionBody::Code(body),
            library: true,
            via: None,
        };
        let depth = self.depth + 1;
        self.add(key, function, depth)
    }
}

impl Maker<'_> {
    /// What `print` does with a value.
    fn show(&mut self, this: Ty) -> Expr {
        let value = self.param(0, this);
        let pieces = vec![Piece::Value { value, spec: FormatSpec::default() }];
        self.at(ExprKind::Print { stream: Stream::Stdout, pieces }, Ty::UNIT)
    }

    fn at(&self, kind: ExprKind, ty: Ty) -> Expr {
        Expr { kind, ty, span: self.span }
    }

    fn int(&self, value: i64, ty: Ty) -> Expr {
        self.at(ExprKind::Int(value as u64), ty)
    }

    fn binary(&self, op: BinaryOp, left: Expr, right: Expr) -> Expr {
        use BinaryOp::*;
        let ty = if matches!(op, Eq | Ne | Lt | Le | Gt | Ge) { Ty::BOOL } else { left.ty };
        self.at(ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) }, ty)
    }

    fn local(&mut self, name: &str, ty: Ty) -> LocalId {
        let id = LocalId(self.locals.len() as u32);
        let (name, span) = (Symbol::new(name), self.span);
        self.locals.push(Local { name, ty, span, borrowed: false, flagged: false });
        id
    }

    fn read(&self, id: LocalId) -> Expr {
        self.at(ExprKind::Local(id), self.locals[id.0 as usize].ty)
    }

    /// What a parameter refers to.
    fn param(&self, index: u32, this: Ty) -> Expr {
        self.at(ExprKind::Deref(Box::new(self.read(LocalId(index)))), this)
    }

    fn borrow(&mut self, place: Expr) -> Expr {
        let ty = self.mono.program.types.reference(place.ty, false);
        match place.kind {
            ExprKind::Deref(pointer) if pointer.ty == ty => *pointer,
            kind => {
                let place = Expr { kind, ..place };
                self.at(ExprKind::Borrow(Box::new(place)), ty)
            }
        }
    }

    /// The trait's function of a part.
    fn call(&mut self, part: Expr, other: Option<Expr>, ret: Ty) -> Expr {
        let own = vec![part.ty];
        let args = [Some(part), other].into_iter().flatten().map(|place| self.borrow(place)).collect();
        self.at(ExprKind::Call { callee: Callee::Func { func: self.func, args: own }, args }, ret)
    }

    fn block(&self, stmts: Vec<Expr>, value: Option<Expr>, ty: Ty) -> Expr {
        let stmts = stmts.into_iter().map(|e| Stmt { span: self.span, kind: StmtKind::Expr(e) }).collect();
        self.at(ExprKind::Block(Block { stmts, value: value.map(Box::new) }), ty)
    }

    fn if_else(&self, cond: Expr, then: Expr, els: Option<Expr>) -> Expr {
        let ty = els.as_ref().map_or(Ty::UNIT, |els| els.ty);
        self.at(ExprKind::If { cond: Box::new(cond), then: Box::new(then), els: els.map(Box::new) }, ty)
    }

    fn leave(&self, value: Expr) -> Expr {
        let leave = self.at(ExprKind::Return(Some(Box::new(value))), Ty::NEVER);
        self.at(ExprKind::Cast { value: Box::new(leave), kind: CastKind::Never }, Ty::UNIT)
    }

    /// The fields of a structure or tuple.
    fn fields(&mut self, this: Ty, two: bool) -> Parts {
        let types = self.mono.program.types.field_types(this);
        let field = |maker: &Self, param: u32, index: usize, ty: Ty| {
            let base = Box::new(maker.param(param, this));
            maker.at(ExprKind::Field { base, index: index as u32 }, ty)
        };
        types
            .into_iter()
            .enumerate()
            .map(|(index, ty)| (field(self, 0, index, ty), two.then(|| field(self, 1, index, ty))))
            .collect()
    }

    /// The payload of a variant.
    fn payload(&mut self, this: Ty, variant: usize, two: bool) -> Parts {
        let types = self.mono.program.types.variant_types(this, variant);
        let part = |maker: &Self, param: u32, index: usize, ty: Ty| {
            let base = Box::new(maker.param(param, this));
            maker.at(ExprKind::Payload { base, variant: variant as u32, index: index as u32 }, ty)
        };
        types
            .into_iter()
            .enumerate()
            .map(|(index, ty)| (part(self, 0, index, ty), two.then(|| part(self, 1, index, ty))))
            .collect()
    }

    /// A `match` on the variant of the first parameter, each arm made by `arm`.
    fn by_variant(&mut self, this: Ty, ret: Ty, mut arm: impl FnMut(&mut Self, usize) -> Expr) -> Expr {
        let count = self.variants(this).unwrap_or(0);
        let mut arms = Vec::new();
        for variant in 0..count {
            let body = arm(self, variant);
            let test = match variant + 1 == count {
                true => Test::Any,
                false => Test::Variant { place: self.param(0, this), variant: variant as u32 },
            };
            arms.push(Arm { test, bindings: Vec::new(), guard: None, body });
        }
        self.at(ExprKind::Match { value: Box::new(self.param(0, this)), arms }, ret)
    }

    fn variants(&self, this: Ty) -> Option<usize> {
        Some(self.mono.program.types.struct_of(this)?.variants.as_ref()?.len())
    }

    fn tag(&self, param: u32, this: Ty) -> Expr {
        self.at(ExprKind::Tag(Box::new(self.param(param, this))), Ty::I64)
    }

    /// The element type of what has elements, and the length of what a parameter refers to.
    fn sequence(&self, param: u32, this: Ty) -> Option<(Ty, Expr)> {
        match *self.mono.program.types.kind(this) {
            TyKind::Array { elem, len } => Some((elem, self.int(len as i64, Ty::USIZE))),
            TyKind::Slice { elem, .. } => {
                Some((elem, self.at(ExprKind::Len(Box::new(self.param(param, this))), Ty::USIZE)))
            }
            _ => None,
        }
    }

    fn element(&self, param: u32, this: Ty, elem: Ty, index: LocalId) -> Expr {
        let (base, index) = (Box::new(self.param(param, this)), Box::new(self.read(index)));
        self.at(ExprKind::Index { base, index }, elem)
    }

    fn each(&self, index: LocalId, len: Expr, body: Expr) -> Expr {
        let (id, lo) = (LoopId(0), Box::new(self.int(0, Ty::USIZE)));
        let (hi, body) = (Box::new(len), Box::new(body));
        self.at(ExprKind::ForRange { id, local: index, lo, hi, inclusive: false, body }, Ty::UNIT)
    }

    /// What a reference, a tuple or a structure is made of.
    fn simple_parts(&mut self, this: Ty, two: bool) -> Parts {
        match *self.mono.program.types.kind(this) {
            TyKind::Ref { pointee, .. } => {
                let target = |maker: &Self, param| {
                    maker.at(ExprKind::Deref(Box::new(maker.param(param, this))), pointee)
                };
                vec![(target(self, 0), two.then(|| target(self, 1)))]
            }
            _ => self.fields(this, two),
        }
    }

    fn is_scalar(&self, this: Ty) -> bool {
        !matches!(
            self.mono.program.types.kind(this),
            TyKind::Struct { .. }
                | TyKind::Tuple(_)
                | TyKind::Ref { .. }
                | TyKind::Array { .. }
                | TyKind::Slice { .. }
                | TyKind::Unit
        )
    }

    fn all_equal(&mut self, parts: Parts) -> Expr {
        let mut all: Option<Expr> = None;
        for (a, b) in parts {
            let one = self.call(a, b, Ty::BOOL);
            all = Some(match all {
                None => one,
                Some(before) => {
                    let (left, right) = (Box::new(before), Box::new(one));
                    self.at(ExprKind::Logic { and: true, left, right }, Ty::BOOL)
                }
            });
        }
        all.unwrap_or_else(|| self.at(ExprKind::Bool(true), Ty::BOOL))
    }

    /// An operator of the machine.
    fn arithmetic(&self, op: Option<BinaryOp>, this: Ty) -> Expr {
        match op {
            Some(op) => self.binary(op, self.param(0, this), self.param(1, this)),
            None => self.at(ExprKind::Neg(Box::new(self.param(0, this))), this),
        }
    }

    fn eq(&mut self, this: Ty) -> Expr {
        if self.is_scalar(this) {
            let (a, b) = (self.param(0, this), self.param(1, this));
            return self.binary(BinaryOp::Eq, a, b);
        }
        if let Some((elem, len)) = self.sequence(0, this) {
            return self.eq_elements(this, elem, len);
        }
        if self.variants(this).is_none() {
            let parts = self.simple_parts(this, true);
            return self.all_equal(parts);
        }
        let same = self.binary(BinaryOp::Eq, self.tag(0, this), self.tag(1, this));
        let payloads = self.by_variant(this, Ty::BOOL, |maker, variant| {
            let parts = maker.payload(this, variant, true);
            maker.all_equal(parts)
        });
        let (left, right) = (Box::new(same), Box::new(payloads));
        self.at(ExprKind::Logic { and: true, left, right }, Ty::BOOL)
    }

    fn eq_elements(&mut self, this: Ty, elem: Ty, len: Expr) -> Expr {
        let bool = |maker: &Self, value| maker.at(ExprKind::Bool(value), Ty::BOOL);
        let other = self.sequence(1, this).map_or_else(|| len.clone(), |(_, len)| len);
        let index = self.local("index", Ty::USIZE);
        let (a, b) = (self.element(0, this, elem, index), self.element(1, this, elem, index));
        let same = self.call(a, Some(b), Ty::BOOL);
        let differs = self.at(ExprKind::Not(Box::new(same)), Ty::BOOL);
        let leave = self.leave(bool(self, false));
        let step = self.if_else(differs, leave, None);
        let walk = self.each(index, len.clone(), step);
        let lengths = self.binary(BinaryOp::Ne, len, other);
        let leave = self.leave(bool(self, false));
        let early = self.if_else(lengths, leave, None);
        let end = bool(self, true);
        self.block(vec![early, walk], Some(end), Ty::BOOL)
    }

    /// Leaves with the order of two parts unless they are equal.
    fn order_of(&mut self, (a, b): (Expr, Option<Expr>)) -> Expr {
        let order = self.call(a, b, Ty::I32);
        let local = self.local("order", Ty::I32);
        let unequal = self.binary(BinaryOp::Ne, self.read(local), self.int(0, Ty::I32));
        let leave = self.leave(self.read(local));
        let test = self.if_else(unequal, leave, None);
        let bind = StmtKind::Let { pattern: Pattern::Local(local), init: Some(order) };
        let span = self.span;
        let stmts = vec![Stmt { kind: bind, span }, Stmt { kind: StmtKind::Expr(test), span }];
        self.at(ExprKind::Block(Block { stmts, value: None }), Ty::UNIT)
    }

    fn ordered(&mut self, parts: Parts) -> Expr {
        let steps = parts.into_iter().map(|part| self.order_of(part)).collect();
        let same = self.int(0, Ty::I32);
        self.block(steps, Some(same), Ty::I32)
    }

    /// -1 or 1 for two numbers that differ.
    fn less(&self, a: Expr, b: Expr) -> Expr {
        let less = self.binary(BinaryOp::Lt, a, b);
        self.if_else(less, self.int(-1, Ty::I32), Some(self.int(1, Ty::I32)))
    }

    fn cmp(&mut self, this: Ty) -> Expr {
        if self.is_scalar(this) {
            let (a, b) = (self.param(0, this), self.param(1, this));
            let same = self.binary(BinaryOp::Eq, a.clone(), b.clone());
            let order = self.less(a, b);
            return self.if_else(same, self.int(0, Ty::I32), Some(order));
        }
        if let Some((elem, len)) = self.sequence(0, this) {
            return self.cmp_elements(this, elem, len);
        }
        if self.variants(this).is_none() {
            let parts = self.simple_parts(this, true);
            return self.ordered(parts);
        }
        let differ = self.binary(BinaryOp::Ne, self.tag(0, this), self.tag(1, this));
        let order = self.less(self.tag(0, this), self.tag(1, this));
        let leave = self.leave(order);
        let early = self.if_else(differ, leave, None);
        let payloads = self.by_variant(this, Ty::I32, |maker, variant| {
            let parts = maker.payload(this, variant, true);
            maker.ordered(parts)
        });
        self.block(vec![early], Some(payloads), Ty::I32)
    }

    fn cmp_elements(&mut self, this: Ty, elem: Ty, len: Expr) -> Expr {
        let other = self.sequence(1, this).map_or_else(|| len.clone(), |(_, len)| len);
        let index = self.local("index", Ty::USIZE);
        let parts = (self.element(0, this, elem, index), Some(self.element(1, this, elem, index)));
        let step = self.order_of(parts);
        let shorter = self.binary(BinaryOp::Lt, len.clone(), other.clone());
        let shortest = self.if_else(shorter, len.clone(), Some(other.clone()));
        let walk = self.each(index, shortest, step);
        let same = self.binary(BinaryOp::Eq, len.clone(), other.clone());
        let order = self.less(len, other);
        let end = self.if_else(same, self.int(0, Ty::I32), Some(order));
        self.block(vec![walk], Some(end), Ty::I32)
    }

    /// `hash = (hash ^ more) * MIX`, shuffled.
    fn mix(&self, hash: LocalId, more: Expr) -> Expr {
        let xor = self.binary(BinaryOp::BitXor, self.read(hash), more);
        let product = self.binary(BinaryOp::Mul, xor, self.at(ExprKind::Int(MIX), Ty::U64));
        let temp = self.at(ExprKind::Local(hash), Ty::U64);
        let set = |value: Expr| {
            let (place, value) = (Box::new(temp.clone()), Box::new(value));
            self.at(ExprKind::Assign { place, value, drop_old: false }, Ty::UNIT)
        };
        let high = self.binary(BinaryOp::Shr, self.read(hash), self.int(29, Ty::U64));
        let shuffled = self.binary(BinaryOp::BitXor, self.read(hash), high);
        self.block(vec![set(product), set(shuffled)], None, Ty::UNIT)
    }

    fn hash(&mut self, this: Ty) -> Expr {
        if self.is_scalar(this) {
            let value = self.param(0, this);
            let kind = CastKind::IntToInt;
            return self.at(ExprKind::Cast { value: Box::new(value), kind }, Ty::U64);
        }
        // Of a reference it is that of what it refers to, as the two are equal, too.
        if let TyKind::Ref { .. } = self.mono.program.types.kind(this) {
            let (target, _) = self.simple_parts(this, false).remove(0);
            return self.call(target, None, Ty::U64);
        }
        let hash = self.local("hash", Ty::U64);
        let start = Stmt {
            kind: StmtKind::Let { pattern: Pattern::Local(hash), init: Some(self.int(0, Ty::U64)) },
            span: self.span,
        };
        let steps = match self.sequence(0, this) {
            Some((elem, len)) => {
                let index = self.local("index", Ty::USIZE);
                let part = self.element(0, this, elem, index);
                let one = self.call(part, None, Ty::U64);
                let step = self.mix(hash, one);
                vec![self.each(index, len, step)]
            }
            None if self.variants(this).is_none() => {
                let parts = self.simple_parts(this, false);
                self.mix_all(hash, parts)
            }
            None => {
                let tag = self.at(ExprKind::Tag(Box::new(self.param(0, this))), Ty::U64);
                let first = self.mix(hash, tag);
                let rest = self.by_variant(this, Ty::UNIT, |maker, variant| {
                    let parts = maker.payload(this, variant, false);
                    let steps = maker.mix_all(hash, parts);
                    maker.block(steps, None, Ty::UNIT)
                });
                vec![first, rest]
            }
        };
        let span = self.span;
        let steps = steps.into_iter().map(|e| Stmt { kind: StmtKind::Expr(e), span });
        let stmts = [start].into_iter().chain(steps).collect();
        let value = Some(Box::new(self.read(hash)));
        self.at(ExprKind::Block(Block { stmts, value }), Ty::U64)
    }

    fn mix_all(&mut self, hash: LocalId, parts: Parts) -> Vec<Expr> {
        let mut steps = Vec::new();
        for (part, _) in parts {
            let one = self.call(part, None, Ty::U64);
            steps.push(self.mix(hash, one));
        }
        steps
    }

    fn clone(&mut self, this: Ty) -> Expr {
        if !self.mono.program.types.needs_drop(this) {
            return self.param(0, this);
        }
        if self.variants(this).is_some() {
            return self.by_variant(this, this, |maker, variant| {
                let fields = maker.cloned(|maker| maker.payload(this, variant, false));
                maker.at(ExprKind::Variant { variant: variant as u32, fields }, this)
            });
        }
        let fields = self.cloned(|maker| maker.fields(this, false));
        match self.mono.program.types.kind(this) {
            TyKind::Tuple(_) => {
                let parts = fields.into_iter().map(|(_, part)| part).collect();
                self.at(ExprKind::Tuple(parts), this)
            }
            _ => self.at(ExprKind::Struct(fields), this),
        }
    }

    fn cloned(&mut self, parts: impl FnOnce(&mut Self) -> Parts) -> Vec<(u32, Expr)> {
        let mut fields = Vec::new();
        for (index, (part, _)) in parts(self).into_iter().enumerate() {
            let ty = part.ty;
            fields.push((index as u32, self.call(part, None, ty)));
        }
        fields
    }
}
