//! Types: interned, resolved, with C layout. Knows nothing of names, expressions or machine code.

mod display;
mod generic;
mod layout;
#[cfg(test)]
pub(crate) mod tests;

pub use generic::each_part;
use rustc_hash::FxHashMap;
use vex_syntax::{Span, Symbol};

/// An interned type; equal types are equal handles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Ty(u32);

impl Ty {
    /// Its position in the table, for side tables by type.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Index of a declared type in [`Types`]: a structure, a type with variants, or the captures of a closure.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct StructId(pub u32);

/// Index of a trait in the typed program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TraitId(pub u32);

/// Index of a function in the typed program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FuncId(pub u32);

/// The integer types.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum IntTy {
    I8,
    I16,
    I32,
    I64,
    Isize,
    U8,
    U16,
    U32,
    U64,
    Usize,
}

impl IntTy {
    /// All of them, signed first.
    pub const ALL: [IntTy; 10] = [
        IntTy::I8,
        IntTy::I16,
        IntTy::I32,
        IntTy::I64,
        IntTy::Isize,
        IntTy::U8,
        IntTy::U16,
        IntTy::U32,
        IntTy::U64,
        IntTy::Usize,
    ];

    /// Width in bits.
    pub fn bits(self) -> u32 {
        match self {
            IntTy::I8 | IntTy::U8 => 8,
            IntTy::I16 | IntTy::U16 => 16,
            IntTy::I32 | IntTy::U32 => 32,
            IntTy::I64 | IntTy::U64 | IntTy::Isize | IntTy::Usize => 64,
        }
    }

    /// Whether it has a sign.
    pub fn signed(self) -> bool {
        matches!(self, IntTy::I8 | IntTy::I16 | IntTy::I32 | IntTy::I64 | IntTy::Isize)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            IntTy::I8 => "i8",
            IntTy::I16 => "i16",
            IntTy::I32 => "i32",
            IntTy::I64 => "i64",
            IntTy::Isize => "isize",
            IntTy::U8 => "u8",
            IntTy::U16 => "u16",
            IntTy::U32 => "u32",
            IntTy::U64 => "u64",
            IntTy::Usize => "usize",
        }
    }

    /// Whether `value`, negated when `negative`, is one of its values.
    pub fn holds(self, value: u64, negative: bool) -> bool {
        let max =
            if self.signed() { (1u64 << (self.bits() - 1)) - 1 } else { u64::MAX >> (64 - self.bits()) };
        if negative { value == 0 || (self.signed() && value <= max + 1) } else { value <= max }
    }
}

/// What a type is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum TyKind {
    /// `()`
    Unit,
    /// `!`: of expressions that do not end.
    Never,
    /// `bool`, one byte, 0 or 1.
    Bool,
    /// An integer.
    Int(IntTy),
    /// `f32`
    F32,
    /// `f64`
    F64,
    /// `char`: a Unicode scalar value, 4 bytes.
    Char,
    /// `str`: pointer and length in bytes, 16 bytes.
    Str,
    /// `ptr`: an untyped raw pointer.
    Ptr,
    /// `*T`, `*T!`
    RawPtr {
        /// Whether it can be written through.
        mutable: bool,
        /// What it points at.
        pointee: Ty,
    },
    /// `&T`, `&T!`
    Ref {
        /// Whether it can be written through.
        mutable: bool,
        /// What it refers to.
        pointee: Ty,
    },
    /// `&[T]`, `&[T]!`: pointer and element count, 16 bytes.
    Slice {
        /// Whether it can be written through.
        mutable: bool,
        /// The element.
        elem: Ty,
    },
    /// `[T; N]`
    Array {
        /// The element.
        elem: Ty,
        /// Number of elements.
        len: u64,
    },
    /// `(A, B)` with at least one element; laid out like a structure.
    Tuple(Vec<Ty>),
    /// A declared type with its type arguments: a structure, a type with variants, or what a closure captured.
    Struct {
        /// Which.
        def: StructId,
        /// Type arguments; empty unless generic.
        args: Vec<Ty>,
    },
    /// `fn(A): R`: the address of a function.
    Fn {
        /// Parameters.
        params: Vec<Ty>,
        /// Result.
        ret: Ty,
    },
    /// A type parameter of the enclosing generic declaration.
    Param {
        /// Which, counted from the outermost declaration.
        index: u32,
        /// Its name.
        name: Symbol,
        /// Whether it is bound to types whose values are copied.
        copy: bool,
    },
    /// A type not yet known; only inside the checker, never in a typed program.
    Infer(u32),
    /// The type of an expression with an error; only inside the checker.
    Error,
}

/// Size and alignment in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Size in bytes, a multiple of `align`.
    pub size: u64,
    /// Alignment in bytes, a power of two.
    pub align: u64,
}

/// A field of a structure.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: Symbol,
    /// Its type.
    pub ty: Ty,
    /// Where it is declared.
    pub span: Span,
}

/// A variant of a type with variants.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its name.
    pub name: Symbol,
    /// Where it is declared.
    pub span: Span,
    /// Its payload; fields without a written name are named `0`, `1` and so on.
    pub fields: Vec<Field>,
    /// Whether the fields were written with names.
    pub named: bool,
}

/// A structure, a type with variants, or what a closure captured.
#[derive(Clone, Debug)]
pub struct StructDef {
    /// Its name.
    pub name: Symbol,
    /// Where it is declared.
    pub span: Span,
    /// Fields in declaration order, which is memory order.
    pub fields: Vec<Field>,
    /// The variants of a type that has them, which then has no fields.
    pub variants: Option<Vec<Variant>>,
    /// Whether it declares `$Drop`.
    pub declares_drop: bool,
    /// Its `drop` method; set when `declares_drop`.
    pub drop_fn: Option<FuncId>,
    /// The names of its type parameters.
    pub generics: Vec<Symbol>,
    /// Of a closure: the function that is its code.
    pub closure: Option<FuncId>,
}

impl StructDef {
    /// A structure without fields or type parameters.
    pub fn new(name: Symbol, span: Span) -> StructDef {
        StructDef {
            name,
            span,
            fields: Vec::new(),
            variants: None,
            declares_drop: false,
            drop_fn: None,
            generics: Vec::new(),
            closure: None,
        }
    }
}

/// What follows from a type's declaration and its arguments, once all of it is known.
#[derive(Clone, Debug)]
struct Completed {
    layout: Layout,
    needs_drop: bool,
    /// Of a structure: the types of its fields. Of a type with variants: those of each payload.
    parts: Vec<Vec<Ty>>,
    /// The function that drops a value before its parts are, with the type's arguments.
    drop_fn: Option<FuncId>,
}

/// What a type is made of that is not known yet.
#[derive(Clone, Copy, Default, Debug)]
struct Open {
    /// Type parameters.
    params: bool,
    /// Variables of inference.
    infer: bool,
}

/// A state of [`Types`] to go back to.
#[derive(Clone, Copy, Debug)]
pub struct TypesMark {
    kinds: usize,
    structs: usize,
}

/// Most types that one type may be made of. A few lines of `let b = (a, a)` write a type that no pass could walk.
const MAX_PARTS: u32 = 10_000;

/// All types of a program.
#[derive(Clone, Debug)]
pub struct Types {
    kinds: Vec<TyKind>,
    /// How many types each is made of, itself included; structures count as one.
    parts: Vec<u32>,
    /// What is open in each.
    open: Vec<Open>,
    ids: FxHashMap<TyKind, Ty>,
    /// The structures.
    pub structs: Vec<StructDef>,
    /// What [`Types::complete`] found out about declared types without arguments.
    completed: Vec<Option<Completed>>,
    /// The same, of types with arguments.
    instances: FxHashMap<Ty, Completed>,
    /// Whether a type was asked for that is made of too many others; [`Ty::ERROR`] stands for it.
    pub too_large: bool,
}

macro_rules! fixed {
    ($($name:ident = $index:expr, $kind:expr;)*) => {
        #[allow(missing_docs)]
        impl Ty { $(pub const $name: Ty = Ty($index);)* }
        const FIXED: &[(u32, TyKind)] = &[$(($index, $kind)),*];
    };
}

fixed! {
    UNIT = 0, TyKind::Unit;
    NEVER = 1, TyKind::Never;
    BOOL = 2, TyKind::Bool;
    I8 = 3, TyKind::Int(IntTy::I8);
    I16 = 4, TyKind::Int(IntTy::I16);
    I32 = 5, TyKind::Int(IntTy::I32);
    I64 = 6, TyKind::Int(IntTy::I64);
    ISIZE = 7, TyKind::Int(IntTy::Isize);
    U8 = 8, TyKind::Int(IntTy::U8);
    U16 = 9, TyKind::Int(IntTy::U16);
    U32 = 10, TyKind::Int(IntTy::U32);
    U64 = 11, TyKind::Int(IntTy::U64);
    USIZE = 12, TyKind::Int(IntTy::Usize);
    F32 = 13, TyKind::F32;
    F64 = 14, TyKind::F64;
    STR = 15, TyKind::Str;
    PTR = 16, TyKind::Ptr;
    ERROR = 17, TyKind::Error;
    CHAR = 18, TyKind::Char;
}

impl Default for Types {
    fn default() -> Self {
        Types::new()
    }
}

impl Types {
    /// The table with the scalar types.
    pub fn new() -> Types {
        let mut types = Types {
            kinds: Vec::new(),
            parts: Vec::new(),
            open: Vec::new(),
            ids: FxHashMap::default(),
            structs: Vec::new(),
            completed: Vec::new(),
            instances: FxHashMap::default(),
            too_large: false,
        };
        for (index, kind) in FIXED {
            let ty = types.intern(kind.clone());
            debug_assert_eq!(ty.0, *index);
        }
        types
    }

    /// The handle of `kind`.
    pub fn intern(&mut self, kind: TyKind) -> Ty {
        if let Some(&ty) = self.ids.get(&kind) {
            return ty;
        }
        let parts = self.parts_of(&kind);
        if parts > MAX_PARTS {
            self.too_large = true;
            return Ty::ERROR;
        }
        let ty = Ty(self.kinds.len() as u32);
        self.kinds.push(kind.clone());
        self.parts.push(parts);
        self.open.push(self.open_of(&kind));
        self.ids.insert(kind, ty);
        ty
    }

    /// How much there is, for [`Types::truncate`].
    pub fn mark(&self) -> TypesMark {
        TypesMark { kinds: self.kinds.len(), structs: self.structs.len() }
    }

    /// Forgets the types and structures that came after `mark`, which nothing refers to.
    pub fn truncate(&mut self, mark: TypesMark) {
        for kind in self.kinds.drain(mark.kinds..) {
            self.ids.remove(&kind);
        }
        self.parts.truncate(mark.kinds);
        self.open.truncate(mark.kinds);
        self.instances.retain(|ty, _| ty.index() < mark.kinds);
        self.structs.truncate(mark.structs);
        self.completed.truncate(mark.structs);
    }

    /// Every type in the table, in the order of [`Ty::index`].
    pub fn all(&self) -> impl Iterator<Item = Ty> + use<> {
        (0..self.kinds.len() as u32).map(Ty)
    }

    /// What `ty` is.
    pub fn kind(&self, ty: Ty) -> &TyKind {
        &self.kinds[ty.0 as usize]
    }

    /// `*T` or `*T!`.
    pub fn raw_ptr(&mut self, pointee: Ty, mutable: bool) -> Ty {
        self.intern(TyKind::RawPtr { mutable, pointee })
    }

    /// `&T` or `&T!`.
    pub fn reference(&mut self, pointee: Ty, mutable: bool) -> Ty {
        self.intern(TyKind::Ref { mutable, pointee })
    }

    /// The integer type of `int`.
    pub fn int(&self, int: IntTy) -> Ty {
        match int {
            IntTy::I8 => Ty::I8,
            IntTy::I16 => Ty::I16,
            IntTy::I32 => Ty::I32,
            IntTy::I64 => Ty::I64,
            IntTy::Isize => Ty::ISIZE,
            IntTy::U8 => Ty::U8,
            IntTy::U16 => Ty::U16,
            IntTy::U32 => Ty::U32,
            IntTy::U64 => Ty::U64,
            IntTy::Usize => Ty::USIZE,
        }
    }

    /// The structure of a structure type.
    pub fn struct_of(&self, ty: Ty) -> Option<&StructDef> {
        match self.kind(ty) {
            TyKind::Struct { def, .. } => Some(&self.structs[def.0 as usize]),
            _ => None,
        }
    }

    /// Whether it is an integer type.
    pub fn as_int(&self, ty: Ty) -> Option<IntTy> {
        match self.kind(ty) {
            TyKind::Int(int) => Some(*int),
            _ => None,
        }
    }

    /// Whether it is `f32` or `f64`.
    pub fn is_float(&self, ty: Ty) -> bool {
        matches!(self.kind(ty), TyKind::F32 | TyKind::F64)
    }

    /// Whether it is `ptr`, `*T` or `*T!`.
    pub fn is_raw_ptr(&self, ty: Ty) -> bool {
        matches!(self.kind(ty), TyKind::Ptr | TyKind::RawPtr { .. })
    }
}
