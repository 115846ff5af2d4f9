//! Layout of values, and what dropping them means.

use super::{Completed, FuncId, IntTy, Layout, StructDef, StructId, Ty, TyKind, Types};

/// How deep declared types are looked into; deeper ones are of a type that grows without end, which is reported where
/// it is declared.
const DEEPEST: u32 = 64;

/// The arguments of the declared type whose parts are being looked at.
#[derive(Clone, Copy)]
struct Env<'e> {
    args: &'e [Ty],
    outer: Option<&'e Env<'e>>,
    depth: u32,
}

impl<'e> Env<'e> {
    fn new(args: &'e [Ty], outer: Option<&'e Env<'e>>) -> Env<'e> {
        Env { args, outer, depth: outer.map_or(0, |env| env.depth + 1) }
    }
}

impl Types {
    /// Says that everything about a declared type without arguments is known: its fields, those of the types in them,
    /// and which of them declare `$Drop`. What follows from that is computed now and not again.
    pub fn complete(&mut self, id: StructId) {
        let ty = self.intern(TyKind::Struct { def: id, args: Vec::new() });
        let drop_fn = self.structs[id.0 as usize].drop_fn;
        let known = self.complete_parts(ty, drop_fn);
        let index = id.0 as usize;
        if self.completed.len() <= index {
            self.completed.resize(index + 1, None);
        }
        self.completed[index] = Some(known);
    }

    /// The same for a declared type with arguments; `drop_fn` is its `drop` with them.
    pub fn complete_instance(&mut self, ty: Ty, drop_fn: Option<FuncId>) {
        let known = self.complete_parts(ty, drop_fn);
        self.instances.insert(ty, known);
    }

    /// Whether [`Types::complete_instance`] was told of a type, or need not be.
    pub fn is_completed(&self, ty: Ty) -> bool {
        match self.kind(ty) {
            TyKind::Struct { args, .. } if !args.is_empty() => self.instances.contains_key(&ty),
            _ => true,
        }
    }

    fn complete_parts(&mut self, ty: Ty, drop_fn: Option<FuncId>) -> Completed {
        let TyKind::Struct { def, args } = self.kind(ty).clone() else { unreachable!("a declared type") };
        let parts = self.declared_parts(def);
        let parts = parts.into_iter().map(|part| part.iter().map(|&ty| self.subst(ty, &args)).collect());
        let parts = parts.collect();
        Completed { layout: self.layout_in(ty, None), needs_drop: self.drops(ty, None), parts, drop_fn }
    }

    /// The types of a structure's fields or of each variant's payload, as declared.
    fn declared_parts(&self, id: StructId) -> Vec<Vec<Ty>> {
        let def = &self.structs[id.0 as usize];
        match &def.variants {
            Some(variants) => {
                variants.iter().map(|variant| variant.fields.iter().map(|field| field.ty).collect()).collect()
            }
            None => vec![def.fields.iter().map(|field| field.ty).collect()],
        }
    }

    fn completed(&self, ty: Ty) -> Option<&Completed> {
        match self.kind(ty) {
            TyKind::Struct { def, args } if args.is_empty() => self.completed.get(def.0 as usize)?.as_ref(),
            TyKind::Struct { .. } => self.instances.get(&ty),
            _ => None,
        }
    }

    /// The `drop` of a declared type, which runs before its parts are dropped.
    pub fn drop_fn(&self, ty: Ty) -> Option<FuncId> {
        match self.kind(ty) {
            TyKind::Struct { def, args } if args.is_empty() => self.structs[def.0 as usize].drop_fn,
            TyKind::Struct { .. } => self.instances.get(&ty)?.drop_fn,
            _ => None,
        }
    }

    /// The types of a structure's or tuple's fields in memory order; empty for other types. Of a structure with
    /// arguments only once it is completed.
    pub fn field_types(&self, ty: Ty) -> Vec<Ty> {
        match self.kind(ty) {
            TyKind::Struct { def, .. } if self.structs[def.0 as usize].variants.is_none() => {
                match self.completed(ty) {
                    Some(known) => known.parts[0].clone(),
                    None => self.structs[def.0 as usize].fields.iter().map(|field| field.ty).collect(),
                }
            }
            TyKind::Tuple(elems) => elems.clone(),
            _ => Vec::new(),
        }
    }

    /// The types of the payload of a variant, by its index. Of a type with arguments only once it is completed.
    pub fn variant_types(&self, ty: Ty, variant: usize) -> Vec<Ty> {
        match (self.completed(ty), self.struct_of(ty).and_then(|def| def.variants.as_ref())) {
            (Some(known), _) => known.parts[variant].clone(),
            (None, Some(variants)) => variants[variant].fields.iter().map(|field| field.ty).collect(),
            (None, None) => Vec::new(),
        }
    }

    /// Byte offsets of the payload of a variant. Every payload starts after the tag.
    pub fn variant_offsets(&self, ty: Ty, variant: usize) -> Vec<u64> {
        let tag = self.tag(ty).map_or(Ty::UNIT, |tag| self.int(tag));
        let parts = [tag].into_iter().chain(self.variant_types(ty, variant));
        self.sequence(parts, None).1.split_off(1)
    }

    /// The integer at offset 0 of a type with variants that says which one a value is, by its index.
    pub fn tag(&self, ty: Ty) -> Option<IntTy> {
        let variants = self.struct_of(ty)?.variants.as_ref()?;
        Some(tag_for(variants.len()))
    }

    /// Size and alignment of a value of this type. Zero-sized: `()`, `!`, empty arrays and structures.
    pub fn layout(&self, ty: Ty) -> Layout {
        match self.completed(ty) {
            Some(known) => known.layout,
            None => self.layout_in(ty, None),
        }
    }

    fn layout_in(&self, ty: Ty, env: Option<&Env>) -> Layout {
        let scalar = |size: u64| Layout { size, align: size };
        match self.kind(ty) {
            TyKind::Unit | TyKind::Never => Layout { size: 0, align: 1 },
            TyKind::Bool => scalar(1),
            TyKind::Int(int) => scalar(u64::from(int.bits() / 8)),
            TyKind::F32 | TyKind::Char => scalar(4),
            TyKind::F64 | TyKind::Ptr | TyKind::RawPtr { .. } | TyKind::Ref { .. } | TyKind::Fn { .. } => {
                scalar(8)
            }
            TyKind::Str | TyKind::Slice { .. } => Layout { size: 16, align: 8 },
            TyKind::Array { elem, len } => {
                let elem = self.layout_in(*elem, env);
                Layout { size: elem.size.saturating_mul(*len), align: elem.align }
            }
            TyKind::Tuple(elems) => self.sequence(elems.iter().copied(), env).0,
            TyKind::Struct { def, args } => match self.completed(ty) {
                Some(known) => known.layout,
                None => self.declared_layout(&self.structs[def.0 as usize], &Env::new(args, env)),
            },
            TyKind::Param { index, .. } => {
                match env.and_then(|env| Some((env.args.get(*index as usize)?, env.outer))) {
                    Some((&ty, outer)) => self.layout_in(ty, outer),
                    None => scalar(8),
                }
            }
            TyKind::Infer(_) | TyKind::Error => scalar(8),
        }
    }

    fn declared_layout(&self, def: &StructDef, env: &Env) -> Layout {
        if env.depth > DEEPEST {
            return Layout { size: 0, align: 1 };
        }
        let Some(variants) = &def.variants else {
            return self.sequence(def.fields.iter().map(|field| field.ty), Some(env)).0;
        };
        let tag = self.int(tag_for(variants.len()));
        let mut whole = self.layout(tag);
        for variant in variants {
            let parts = [tag].into_iter().chain(variant.fields.iter().map(|field| field.ty));
            let layout = self.sequence(parts, Some(env)).0;
            whole = Layout { size: whole.size.max(layout.size), align: whole.align.max(layout.align) };
        }
        Layout { size: round_up(whole.size, whole.align), align: whole.align }
    }

    /// Byte offsets of the fields of a structure or tuple.
    pub fn field_offsets(&self, ty: Ty) -> Vec<u64> {
        self.sequence(self.field_types(ty).into_iter(), None).1
    }

    fn sequence(&self, elems: impl Iterator<Item = Ty>, env: Option<&Env>) -> (Layout, Vec<u64>) {
        let (mut size, mut align, mut offsets) = (0u64, 1u64, Vec::new());
        for elem in elems {
            let layout = self.layout_in(elem, env);
            let start = round_up(size, layout.align);
            offsets.push(start);
            size = start.saturating_add(layout.size);
            align = align.max(layout.align);
        }
        (Layout { size: round_up(size, align), align }, offsets)
    }

    /// Whether dropping a value of this type does anything; exactly these types are moved instead of copied. A type
    /// parameter may stand for such a type, unless it is bound to those that are copied.
    pub fn needs_drop(&self, ty: Ty) -> bool {
        match self.completed(ty) {
            Some(known) => known.needs_drop,
            None => self.drops(ty, None),
        }
    }

    fn drops(&self, ty: Ty, env: Option<&Env>) -> bool {
        match self.kind(ty) {
            TyKind::Array { elem, len } => *len > 0 && self.drops(*elem, env),
            TyKind::Tuple(elems) => elems.iter().any(|&elem| self.drops(elem, env)),
            TyKind::Param { index, copy, .. } => {
                match env.and_then(|env| Some((env.args.get(*index as usize)?, env.outer))) {
                    Some((&ty, outer)) => self.drops(ty, outer),
                    None => !copy,
                }
            }
            TyKind::Struct { def, args } => match self.completed(ty) {
                Some(known) => known.needs_drop,
                None => self.declared_drops(&self.structs[def.0 as usize], &Env::new(args, env)),
            },
            _ => false,
        }
    }

    fn declared_drops(&self, def: &StructDef, env: &Env) -> bool {
        let fields =
            def.fields.iter().chain(def.variants.iter().flatten().flat_map(|variant| &variant.fields));
        def.declares_drop || (env.depth <= DEEPEST && fields.into_iter().any(|f| self.drops(f.ty, Some(env))))
    }
}

/// The tag of a type with this many variants.
fn tag_for(variants: usize) -> IntTy {
    match variants {
        0..=0x100 => IntTy::U8,
        0x101..=0x1_0000 => IntTy::U16,
        _ => IntTy::U32,
    }
}

fn round_up(size: u64, align: u64) -> u64 {
    size.saturating_add(align - 1) & !(align - 1)
}
