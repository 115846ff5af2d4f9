//! What is known about printed text before code exists: which pieces of fixed text a print consists of, and how a
//! format is stored.

use std::borrow::Cow;

use crate::typed::{Align, Expr, FormatSpec, FormatStyle, Piece, Program};
use crate::types::{FuncId, Ty, TyKind, Types, Variant};

/// A piece with neighbouring texts joined.
pub(super) enum Part<'p> {
    /// Fixed text, never empty.
    Text(Cow<'p, str>),
    /// A value.
    Value(&'p Expr, FormatSpec),
}

/// The parts of `prefix` followed by `pieces`.
pub(super) fn parts<'p>(prefix: &'p str, pieces: &'p [Piece]) -> Vec<Part<'p>> {
    let mut parts = Vec::with_capacity(pieces.len() + 1);
    push_text(&mut parts, prefix);
    for piece in pieces {
        match piece {
            Piece::Text(text) => push_text(&mut parts, text),
            Piece::Value { value, spec } => parts.push(Part::Value(value, *spec)),
        }
    }
    parts
}

fn push_text<'p>(parts: &mut Vec<Part<'p>>, text: &'p str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Text(before)) => before.to_mut().push_str(text),
        _ => parts.push(Part::Text(Cow::Borrowed(text))),
    }
}

/// The text before a failed assertion's own message.
pub(super) fn assert_prefix(pieces: &[Piece]) -> &'static str {
    if pieces.is_empty() { "assertion failed" } else { "assertion failed: " }
}

/// The texts of a failed `assert_eq`: before the left value, before the right one, after it (before the program's
/// own message, if there is one).
pub(super) const ASSERT_EQ: [&str; 2] = ["assertion failed: left == right (left: ", ", right: "];

/// What follows the values of a failed `assert_eq`.
pub(super) fn assert_eq_suffix(pieces: &[Piece]) -> &'static str {
    if pieces.is_empty() { ")" } else { "): " }
}

/// The texts around the parts of an aggregate's printed form: one more than it has parts, except for arrays and
/// slices (opening, separator, closing) and options (`Some(`, `)`, `None`).
pub(super) fn aggregate_texts(types: &Types, ty: Ty) -> Vec<Cow<'static, str>> {
    match types.kind(ty) {
        TyKind::Struct { def, .. } => {
            let def = &types.structs[def.0 as usize];
            if let Some(variants) = &def.variants {
                return variants.iter().flat_map(variant_texts).collect();
            }
            if def.fields.is_empty() {
                return vec![format!("{} {{}}", def.name).into()];
            }
            let mut texts: Vec<Cow<'static, str>> = Vec::with_capacity(def.fields.len() + 1);
            for (index, field) in def.fields.iter().enumerate() {
                let text = match index {
                    0 => format!("{} {{ {}: ", def.name, field.name),
                    _ => format!(", {}: ", field.name),
                };
                texts.push(text.into());
            }
            texts.push(" }".into());
            texts
        }
        TyKind::Tuple(elems) => {
            let mut texts = vec![Cow::Borrowed("(")];
            texts.resize(elems.len(), Cow::Borrowed(", "));
            texts.push(if elems.len() == 1 { ",)" } else { ")" }.into());
            texts
        }
        TyKind::Array { .. } | TyKind::Slice { .. } => vec!["[".into(), ", ".into(), "]".into()],
        _ => Vec::new(),
    }
}

/// The texts around the parts of a variant's payload: one more than it has parts.
fn variant_texts(variant: &Variant) -> Vec<Cow<'static, str>> {
    let name = variant.name.as_str();
    let (open, close) = if variant.named { (" { ", " }") } else { ("(", ")") };
    let mut texts: Vec<Cow<'static, str>> = Vec::with_capacity(variant.fields.len() + 1);
    for (index, field) in variant.fields.iter().enumerate() {
        let label = if variant.named { format!("{}: ", field.name) } else { String::new() };
        texts.push(match index {
            0 => format!("{name}{open}{label}").into(),
            _ => format!(", {label}").into(),
        });
    }
    texts.push(if variant.fields.is_empty() { name.to_string().into() } else { close.into() });
    texts
}

/// Whether a value of this type is printed by a function of its own.
pub(super) fn is_aggregate(types: &Types, ty: Ty) -> bool {
    use TyKind::*;
    matches!(types.kind(ty), Struct { .. } | Tuple(_) | Array { .. } | Slice { .. })
}

/// The function of the program that prints a value of this type with this format.
pub(super) fn own_print(program: &Program, ty: Ty, spec: &FormatSpec) -> Option<FuncId> {
    match spec.style {
        FormatStyle::Display => program.shown.get(&ty).copied(),
        FormatStyle::Debug => program.debugged.get(&ty).copied(),
        _ => None,
    }
}

/// The format that a value is really printed with, and whether strings are quoted: `inside` of other values, those
/// that have a function for `{:?}` are printed by it.
pub(super) fn printed_as(program: &Program, ty: Ty, spec: &FormatSpec, inside: bool) -> (FormatSpec, bool) {
    let shown = spec.style == FormatStyle::Display;
    let inside = inside || spec.alternate && shown;
    let style =
        if inside && shown && program.debugged.contains_key(&ty) { FormatStyle::Debug } else { spec.style };
    (FormatSpec { style, ..*spec }, inside)
}

/// Whether what a value prints of itself is cut, or filled up.
pub(super) fn is_padded(spec: &FormatSpec) -> bool {
    spec.width > 0 || spec.precision.is_some()
}

/// The format of the parts of a structure, a variant or a tuple that is printed as a whole in a width, and the format of
/// the whole; `None` where the parts have the format themselves. Those of arrays do, as columns of a table, and zeros fill
/// numbers only.
pub(super) fn padded_whole(types: &Types, ty: Ty, spec: &FormatSpec) -> Option<(FormatSpec, FormatSpec)> {
    let whole = matches!(types.kind(ty), TyKind::Struct { .. } | TyKind::Tuple(_));
    if !whole || spec.width == 0 || spec.zero {
        return None;
    }
    let FormatSpec { width, align, fill, .. } = *spec;
    let parts = FormatSpec { width: 0, align: None, fill: FormatSpec::default().fill, ..*spec };
    Some((parts, FormatSpec { width, align, fill, ..FormatSpec::default() }))
}

/// The type of what is printed for a value of type `ty`: references print what they refer to.
pub(super) fn printed_type(types: &Types, mut ty: Ty) -> Ty {
    while let TyKind::Ref { pointee, .. } = types.kind(ty) {
        ty = *pointee;
    }
    ty
}

/// Whether a format asks for nothing but quotes or numbers for booleans.
pub(super) fn is_plain(spec: &FormatSpec) -> bool {
    let shown = matches!(spec.style, FormatStyle::Display | FormatStyle::Debug);
    shown && spec.precision.is_none() && spec.width == 0 && !spec.alternate && !spec.plus && !spec.zero
}

/// A format as the runtime's `PrintSpec` has it: style, flags, precision, width, fill, alignment. `quoted` asks for
/// strings in quotes.
pub(super) fn spec_words(spec: &FormatSpec, quoted: bool) -> [u32; 6] {
    let style = match spec.style {
        FormatStyle::Display if quoted => 1,
        FormatStyle::Display => 0,
        FormatStyle::Debug => 1,
        FormatStyle::Hex => 2,
        FormatStyle::UpperHex => 3,
        FormatStyle::Binary => 4,
        FormatStyle::Octal => 5,
        FormatStyle::Exp => 6,
        FormatStyle::Char => 7,
    };
    let flags = u32::from(spec.alternate) | u32::from(spec.plus) << 1 | u32::from(spec.zero) << 2;
    let precision = spec.precision.map_or(u32::MAX, |digits| digits.min(i32::MAX as u32));
    let align = match spec.align {
        None => 0,
        Some(Align::Left) => 1,
        Some(Align::Center) => 2,
        Some(Align::Right) => 3,
    };
    [style, flags, precision, spec.width, spec.fill as u32, align]
}
