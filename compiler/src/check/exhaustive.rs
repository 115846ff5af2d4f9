//! Whether the arms of a `match` take every value, and whether an arm takes any that those before it left.
//!
//! Both are questions about a matrix of patterns, one row an arm and one column a part of the value: is there a value
//! that no row takes? The first column is split by what its patterns tell apart (variants, ranges of numbers, texts),
//! and the question is asked again of the rows that remain for each, with the parts of it as further columns. That may
//! take exponentially many steps, so the steps are counted, and a `match` that takes too many has to have a `_`.

use std::sync::Arc;

use super::literal::domain;
use crate::types::{StructId, Ty, TyKind, Types};

/// Most parts of a value that are looked at side by side; the search is as deep.
const MAX_COLUMNS: usize = 1_000;

/// Steps after which a `match` counts as too entangled to look through.
const MAX_STEPS: usize = 2_000_000;

/// What a pattern takes, with types and names left out.
#[derive(Clone, Debug)]
pub(super) enum Pat {
    /// Everything.
    Any,
    /// A variant with such a payload; an empty list says nothing of the payload.
    Variant(u32, Vec<Pat>),
    /// A tuple or structure of such parts.
    Parts(Vec<Pat>),
    /// Numbers, characters or booleans in these ranges, both ends included.
    Ints(Vec<(i128, i128)>),
    /// A text.
    Text(Arc<str>),
    /// A float with these bits.
    Number(u64),
    /// Something, and nobody knows what.
    Other,
    /// What one of these takes.
    Or(Vec<Pat>),
}

/// A value, as far as it matters, as it would be written in a pattern.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Witness {
    Any,
    Variant(StructId, u32, Vec<Witness>),
    Tuple(Vec<Witness>),
    Struct(StructId, Vec<Witness>),
    Ints(Ty, i128, i128),
}

/// The `match` is too entangled.
#[derive(Debug, PartialEq)]
pub(super) struct TooEntangled;

type Row<'p> = Vec<&'p Pat>;

/// Up to `limit` values of type `ty` that no pattern takes.
pub(super) fn missing(
    types: &mut Types,
    ty: Ty,
    pats: &[&Pat],
    limit: usize,
) -> Result<Vec<Witness>, TooEntangled> {
    // However many arms there are: with one for everything nothing is missing.
    if pats.iter().any(|pat| matches!(pat, Pat::Any)) {
        return Ok(Vec::new());
    }
    let mut search = Search { types, steps: 0, limit };
    let rows = pats.iter().map(|pat| vec![*pat]).collect();
    let found = search.missing(rows, &[ty])?;
    Ok(found.into_iter().map(|mut values| values.swap_remove(0)).collect())
}

/// Whether `pat` takes a value that none of `before` takes.
pub(super) fn is_useful(types: &mut Types, ty: Ty, before: &[&Pat], pat: &Pat) -> Result<bool, TooEntangled> {
    let mut search = Search { types, steps: 0, limit: 1 };
    let rows = before.iter().map(|pat| vec![*pat]).collect();
    search.useful(rows, vec![pat], &[ty])
}

struct Search<'t> {
    types: &'t mut Types,
    steps: usize,
    limit: usize,
}

/// What the values of a column are told apart by.
#[derive(Clone, Debug)]
enum Head {
    Variant(StructId, u32),
    /// A tuple (without) or structure (with its id).
    Parts(Option<StructId>),
    Ints(i128, i128),
    Text(Arc<str>),
    Number(u64),
}

static ANY: Pat = Pat::Any;

impl Search<'_> {
    fn step(&mut self, rows: usize) -> Result<(), TooEntangled> {
        self.steps += 1 + rows;
        if self.steps > MAX_STEPS { Err(TooEntangled) } else { Ok(()) }
    }

    /// What patterns of the type look at: what references refer to.
    fn referred(&self, mut ty: Ty) -> Ty {
        while let TyKind::Ref { pointee, .. } = *self.types.kind(ty) {
            ty = pointee;
        }
        ty
    }

    /// Whether a type has variants, but none.
    fn is_void(&self, ty: Ty) -> bool {
        self.types.struct_of(ty).and_then(|def| def.variants.as_ref()).is_some_and(Vec::is_empty)
    }

    /// The types of the parts of a value with this head.
    fn parts(&mut self, ty: Ty, head: &Head) -> Vec<Ty> {
        match head {
            Head::Variant(_, variant) => {
                let all = self.types.variants_of(ty).unwrap_or_default();
                all.get(*variant as usize).map_or(Vec::new(), |v| v.fields.iter().map(|f| f.ty).collect())
            }
            Head::Parts(None) => match self.types.kind(ty) {
                TyKind::Tuple(elems) => elems.clone(),
                _ => Vec::new(),
            },
            Head::Parts(Some(_)) => self.types.fields_of(ty).iter().map(|field| field.ty).collect(),
            _ => Vec::new(),
        }
    }

    /// The heads that a column's values are split into, and whether they are all there are.
    fn heads(&mut self, ty: Ty, rows: &[Row]) -> (Vec<Head>, bool) {
        let column: Vec<&Pat> = rows.iter().flat_map(|row| alternatives(row[0])).collect();
        if let Some((lo, hi)) = domain(self.types, ty) {
            return (intervals(&column, *self.types.kind(ty) == TyKind::Char, lo, hi), true);
        }
        match self.types.kind(ty) {
            TyKind::Struct { def, .. } => {
                let def = *def;
                match &self.types.structs[def.0 as usize].variants {
                    Some(all) => {
                        ((0..all.len() as u32).map(|index| Head::Variant(def, index)).collect(), true)
                    }
                    None => (vec![Head::Parts(Some(def))], true),
                }
            }
            TyKind::Tuple(_) => (vec![Head::Parts(None)], true),
            _ => (literals(&column), false),
        }
    }

    /// The rows that take values with this head, with its parts as columns in place of the first.
    fn specialised<'p>(
        &mut self,
        rows: &[Row<'p>],
        head: &Head,
        parts: usize,
    ) -> Result<Vec<Row<'p>>, TooEntangled> {
        let mut out = Vec::new();
        for row in rows {
            for pat in alternatives(row[0]) {
                self.step(parts)?;
                if let Some(mut columns) = columns_of(pat, head, parts) {
                    columns.extend(&row[1..]);
                    out.push(columns);
                }
            }
        }
        Ok(out)
    }

    /// The rows that take values whose head no pattern of the first column names, without that column.
    fn defaults<'p>(rows: &[Row<'p>]) -> Vec<Row<'p>> {
        let mut out = Vec::new();
        for row in rows {
            for pat in alternatives(row[0]) {
                if let Pat::Any = pat {
                    out.push(row[1..].to_vec());
                }
            }
        }
        out
    }

    fn missing(&mut self, rows: Vec<Row>, types: &[Ty]) -> Result<Vec<Vec<Witness>>, TooEntangled> {
        self.step(rows.len() + types.len() / MAX_COLUMNS * MAX_STEPS)?;
        let Some((&first, rest)) = types.split_first() else {
            return Ok(if rows.is_empty() { vec![Vec::new()] } else { Vec::new() });
        };
        let ty = self.referred(first);
        let plain = rows.iter().all(|row| matches!(row[0], Pat::Any | Pat::Other));
        let (heads, all) = if plain { (Vec::new(), self.is_void(ty)) } else { self.heads(ty, &rows) };
        let mut found = Vec::new();
        for head in &heads {
            if found.len() >= self.limit {
                return Ok(found);
            }
            let parts = self.parts(ty, head);
            let inner = self.specialised(&rows, head, parts.len())?;
            let columns: Vec<Ty> = parts.iter().chain(rest).copied().collect();
            for mut values in self.missing(inner, &columns)? {
                let others = values.split_off(parts.len());
                let whole = witness(head, ty, values);
                found.push(std::iter::once(whole).chain(others).collect());
            }
        }
        if !all {
            for others in self.missing(Self::defaults(&rows), rest)? {
                found.push(std::iter::once(Witness::Any).chain(others).collect());
            }
        }
        found.truncate(self.limit);
        Ok(found)
    }

    fn useful(&mut self, rows: Vec<Row>, row: Row, types: &[Ty]) -> Result<bool, TooEntangled> {
        self.step(rows.len() + types.len() / MAX_COLUMNS * MAX_STEPS)?;
        let Some((&first, rest)) = types.split_first() else { return Ok(rows.is_empty()) };
        let ty = self.referred(first);
        if matches!(row[0], Pat::Other) {
            return Ok(true);
        }
        let plain = rows.iter().chain([&row]).all(|row| matches!(row[0], Pat::Any | Pat::Other));
        let mut with_row = rows.clone();
        with_row.push(row.clone());
        let (heads, all) = if plain { (Vec::new(), false) } else { self.heads(ty, &with_row) };
        for head in &heads {
            let parts = self.parts(ty, head);
            let columns: Vec<Ty> = parts.iter().chain(rest).copied().collect();
            for candidate in self.specialised(std::slice::from_ref(&row), head, parts.len())? {
                let inner = self.specialised(&rows, head, parts.len())?;
                if self.useful(inner, candidate, &columns)? {
                    return Ok(true);
                }
            }
        }
        if !all {
            for candidate in Self::defaults(std::slice::from_ref(&row)) {
                if self.useful(Self::defaults(&rows), candidate, rest)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// The patterns of which a value has to fit one.
fn alternatives(pat: &Pat) -> Vec<&Pat> {
    match pat {
        Pat::Or(parts) => parts.iter().flat_map(alternatives).collect(),
        pat => vec![pat],
    }
}

/// The patterns for the parts of a value with this head; `None` where the pattern does not take it.
fn columns_of<'p>(pat: &'p Pat, head: &Head, parts: usize) -> Option<Row<'p>> {
    let filled = |inner: &'p [Pat]| {
        let given = inner.iter();
        given.chain(std::iter::repeat(&ANY)).take(parts).collect()
    };
    match (pat, head) {
        (Pat::Any, _) => Some(filled(&[])),
        (Pat::Variant(variant, inner), Head::Variant(_, of)) => (variant == of).then(|| filled(inner)),
        (Pat::Parts(inner), Head::Parts(_)) => Some(filled(inner)),
        // The heads are cut at the ends of all ranges.
        (Pat::Ints(ranges), Head::Ints(lo, hi)) => {
            ranges.iter().any(|(first, last)| first <= lo && hi <= last).then(Vec::new)
        }
        (Pat::Text(text), Head::Text(of)) => (text == of).then(Vec::new),
        (Pat::Number(bits), Head::Number(of)) => (bits == of).then(Vec::new),
        _ => None,
    }
}

fn witness(head: &Head, ty: Ty, parts: Vec<Witness>) -> Witness {
    match head {
        Head::Variant(def, variant) => Witness::Variant(*def, *variant, parts),
        Head::Parts(None) => Witness::Tuple(parts),
        Head::Parts(Some(def)) => Witness::Struct(*def, parts),
        Head::Ints(lo, hi) => Witness::Ints(ty, *lo, *hi),
        Head::Text(_) | Head::Number(_) => Witness::Any,
    }
}

/// The values of a type from `lo` to `hi`, cut where a range of the column begins or ends.
fn intervals(column: &[&Pat], is_char: bool, lo: i128, hi: i128) -> Vec<Head> {
    let mut starts = vec![lo];
    for pat in column {
        let Pat::Ints(ranges) = pat else { continue };
        for &(first, last) in ranges {
            starts.push(first.clamp(lo, hi + 1));
            starts.push(last.clamp(lo - 1, hi) + 1);
        }
    }
    if is_char {
        // Surrogates are no characters.
        starts.extend([0xD800, 0xE000]);
    }
    starts.push(hi + 1);
    starts.sort_unstable();
    starts.dedup();
    let pairs = starts.windows(2).map(|pair| (pair[0], pair[1] - 1));
    pairs.filter(|pair| !is_char || *pair != (0xD800, 0xDFFF)).map(|(lo, hi)| Head::Ints(lo, hi)).collect()
}

fn literals(column: &[&Pat]) -> Vec<Head> {
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    for pat in column {
        match pat {
            Pat::Text(text) => texts.push(text.clone()),
            Pat::Number(bits) => numbers.push(*bits),
            _ => {}
        }
    }
    texts.sort_unstable();
    texts.dedup();
    numbers.sort_unstable();
    numbers.dedup();
    texts.into_iter().map(Head::Text).chain(numbers.into_iter().map(Head::Number)).collect()
}

impl Witness {
    /// The value as a pattern in the source.
    pub(super) fn show(&self, types: &Types) -> String {
        let list =
            |parts: &[Witness]| parts.iter().map(|part| part.show(types)).collect::<Vec<_>>().join(", ");
        match self {
            Witness::Any => "_".into(),
            Witness::Tuple(parts) if parts.len() == 1 => format!("({},)", parts[0].show(types)),
            Witness::Tuple(parts) => format!("({})", list(parts)),
            Witness::Struct(def, parts) => {
                let def = &types.structs[def.0 as usize];
                let names = def.fields.iter().map(|field| field.name.as_str());
                format!("{} {}", def.name, braces(names, parts, types))
            }
            Witness::Variant(def, variant, parts) => {
                let def = &types.structs[def.0 as usize];
                let Some(variant) = def.variants.as_ref().and_then(|all| all.get(*variant as usize)) else {
                    return "_".into();
                };
                let path = match def.name.as_str() {
                    "Option" | "Result" => variant.name.to_string(),
                    of => format!("{of}.{}", variant.name),
                };
                match &parts[..] {
                    [] => path,
                    parts if variant.named => {
                        let names = variant.fields.iter().map(|field| field.name.as_str());
                        format!("{path} {}", braces(names, parts, types))
                    }
                    parts => format!("{path}({})", list(parts)),
                }
            }
            Witness::Ints(ty, lo, hi) => range(types, *ty, *lo, *hi),
        }
    }
}

fn braces<'n>(names: impl Iterator<Item = &'n str>, parts: &[Witness], types: &Types) -> String {
    let shown: Vec<String> = names
        .zip(parts)
        .filter(|(_, part)| **part != Witness::Any)
        .map(|(name, part)| format!("{name}: {}", part.show(types)))
        .collect();
    match shown.len() {
        0 => "{ .. }".into(),
        count if count == parts.len() => format!("{{ {} }}", shown.join(", ")),
        _ => format!("{{ {}, .. }}", shown.join(", ")),
    }
}

fn range(types: &Types, ty: Ty, lo: i128, hi: i128) -> String {
    let number = |value: i128| match types.kind(ty) {
        TyKind::Bool => (if value == 0 { "false" } else { "true" }).to_string(),
        TyKind::Char => match u32::try_from(value).ok().and_then(char::from_u32) {
            Some(c) => format!("{c:?}"),
            None => "_".into(),
        },
        _ => value.to_string(),
    };
    let wide = types.as_int(ty).is_some_and(|int| int.bits() == 64);
    match domain(types, ty) {
        _ if lo == hi => number(lo),
        Some((least, most)) if lo == least && hi == most => "_".into(),
        Some((least, _)) if wide && lo == least => format!("..={}", number(hi)),
        Some((_, most)) if wide && hi == most => format!("{}..", number(lo)),
        _ => format!("{}..={}", number(lo), number(hi)),
    }
}

#[cfg(test)]
mod tests;
