//! The types that random programs use, and where their values come from by chance.

use std::fmt::Write as _;

/// Numbers that look like chance and are the same for the same seed (splitmix64).
pub struct Chance(u64);

impl Chance {
    /// The numbers of this seed.
    pub fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66_D1CE_CAFE)
    }

    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of these, which are some.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// An integer type: its width in bits and whether it has a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int {
    pub bits: u32,
    pub signed: bool,
}

impl Int {
    /// The type of most numbers.
    pub const I64: Int = Int { bits: 64, signed: true };

    /// Any of the eight.
    pub fn any(chance: &mut Chance) -> Int {
        Int { bits: *chance.pick(&[8, 16, 32, 64]), signed: !chance.one_in(3) }
    }

    /// Its name, which is the suffix of its literals, too.
    pub fn name(self) -> String {
        format!("{}{}", if self.signed { 'i' } else { 'u' }, self.bits)
    }

    /// A number of the type, often one at an end of it.
    pub fn value(self, chance: &mut Chance) -> i128 {
        let top = 1i128 << (self.bits - u32::from(self.signed));
        let low = if self.signed { -top } else { 0 };
        match chance.below(6) {
            0 => top - 1 - chance.below(2) as i128,
            1 => low + chance.below(2) as i128,
            2 => low + (i128::from(chance.next()) % (top - low)),
            _ => chance.below(20) as i128 - if self.signed { 9 } else { 0 },
        }
    }
}

/// A type whose values are copied.
#[derive(Clone, Debug, PartialEq)]
pub enum Ty {
    Bool,
    Char,
    Str,
    Int(Int),
    F32,
    F64,
    Tuple(Vec<Ty>),
    Array(Box<Ty>, usize),
    Struct(usize),
    Enum(usize),
    Option(Box<Ty>),
    Result(Box<Ty>),
    /// `Pair<A, B>`, a generic structure of each program.
    Pair(Box<Ty>, Box<Ty>),
}

impl Ty {
    /// As it is written in a program.
    pub fn name(&self) -> String {
        match self {
            Ty::Bool => "bool".into(),
            Ty::Char => "char".into(),
            Ty::Str => "str".into(),
            Ty::Int(int) => int.name(),
            Ty::F32 => "f32".into(),
            Ty::F64 => "f64".into(),
            Ty::Tuple(parts) => format!("({})", parts.iter().map(Ty::name).collect::<Vec<_>>().join(", ")),
            Ty::Array(element, n) => format!("[{}; {n}]", element.name()),
            Ty::Struct(i) => format!("Data{i}"),
            Ty::Enum(i) => format!("Kind{i}"),
            Ty::Option(inner) => format!("Option<{}>", inner.name()),
            Ty::Result(inner) => format!("Result<{}, str>", inner.name()),
            Ty::Pair(a, b) => format!("Pair<{}, {}>", a.name(), b.name()),
        }
    }

    /// Whether `<` and the like are known for it, in this program.
    pub fn is_ordered(&self) -> bool {
        matches!(self, Ty::Bool | Ty::Char | Ty::Str | Ty::Int(_) | Ty::F32 | Ty::F64)
    }

    /// Whether `==` is known for it, in this program.
    pub fn has_eq(&self, items: &Shapes) -> bool {
        match self {
            Ty::Tuple(parts) => parts.iter().all(|p| p.has_eq(items)),
            Ty::Array(element, _) => element.has_eq(items),
            Ty::Struct(i) => items.structs[*i].eq,
            Ty::Enum(i) => items.enums[*i].eq,
            Ty::Option(_) | Ty::Result(_) | Ty::Pair(..) => false,
            _ => true,
        }
    }
}

/// The structures and enumerations of a program.
#[derive(Default)]
pub struct Shapes {
    pub structs: Vec<Struct>,
    pub enums: Vec<Enum>,
}

/// A structure with the types of its fields `f0`, `f1` …
pub struct Struct {
    pub fields: Vec<Ty>,
    pub eq: bool,
}

/// An enumeration.
pub struct Enum {
    pub variants: Vec<Variant>,
    pub eq: bool,
}

/// A variant `V` with the numbers of the enumeration and its own, and what it holds, with names `f0` … or without.
pub struct Variant {
    pub payload: Vec<Ty>,
    pub named: bool,
}

impl Shapes {
    /// Makes some up.
    pub fn any(chance: &mut Chance) -> Shapes {
        let mut shapes = Shapes::default();
        for _ in 0..1 + chance.below(3) {
            let fields = (0..1 + chance.below(4)).map(|_| shapes.any_type(chance, 2)).collect::<Vec<_>>();
            let eq = fields.iter().all(|f| f.has_eq(&shapes)) && chance.one_in(2);
            shapes.structs.push(Struct { fields, eq });
            let variants: Vec<_> = (0..2 + chance.below(4)).map(|_| shapes.any_variant(chance)).collect();
            let eq = variants.iter().flat_map(|v| &v.payload).all(|f| f.has_eq(&shapes)) && chance.one_in(2);
            shapes.enums.push(Enum { variants, eq });
        }
        shapes
    }

    fn any_variant(&self, chance: &mut Chance) -> Variant {
        let payload: Vec<_> = (0..chance.below(4)).map(|_| self.any_type(chance, 1)).collect();
        let named = !payload.is_empty() && chance.one_in(3);
        Variant { payload, named }
    }

    /// Any type, of types inside of each other at most `depth` deep.
    pub fn any_type(&self, chance: &mut Chance, depth: usize) -> Ty {
        let deep = depth.saturating_sub(1);
        let inner = |chance: &mut Chance| Box::new(self.any_type(chance, deep));
        match chance.below(if depth == 0 { 10 } else { 17 }) {
            0 => Ty::Bool,
            1 => Ty::Char,
            2 => Ty::Str,
            3 => Ty::F32,
            4 => Ty::F64,
            5..10 => Ty::Int(Int::any(chance)),
            10 => Ty::Tuple((0..2 + chance.below(2)).map(|_| self.any_type(chance, deep)).collect()),
            11 => Ty::Array(inner(chance), 1 << chance.below(3)),
            12 if !self.structs.is_empty() => Ty::Struct(chance.below(self.structs.len())),
            13 if !self.enums.is_empty() => Ty::Enum(chance.below(self.enums.len())),
            14 => Ty::Option(inner(chance)),
            15 => Ty::Result(inner(chance)),
            16 => Ty::Pair(inner(chance), inner(chance)),
            _ => Ty::Int(Int::I64),
        }
    }

    /// The declarations.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (i, s) in self.structs.iter().enumerate() {
            let fields: Vec<_> =
                s.fields.iter().enumerate().map(|(n, f)| format!("f{n}: {}", f.name())).collect();
            let eq = if s.eq { ", Eq" } else { "" };
            let _ = writeln!(out, "struct Data{i}: Score{eq} {{ {} }}", fields.join(", "));
        }
        for (i, e) in self.enums.iter().enumerate() {
            let _ = writeln!(out, "enum Kind{i}{} {{", if e.eq { ": Eq" } else { "" });
            for (n, v) in e.variants.iter().enumerate() {
                let part = |(k, t): (usize, &Ty)| match v.named {
                    true => format!("f{k}: {}", t.name()),
                    false => t.name(),
                };
                let parts: Vec<_> = v.payload.iter().enumerate().map(part).collect();
                let _ = match (parts.is_empty(), v.named) {
                    (true, _) => writeln!(out, "V{i}{n},"),
                    (_, true) => writeln!(out, "V{i}{n} {{ {} }},", parts.join(", ")),
                    (_, false) => writeln!(out, "V{i}{n}({}),", parts.join(", ")),
                };
            }
            out.push_str("}\n");
        }
        out
    }
}
