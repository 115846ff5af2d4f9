//! Tests of what a `match` leaves out.

use vex_syntax::{Span, Symbol};

use super::*;
use crate::types::{Field, StructDef, Variant};

fn field(name: &str, ty: Ty) -> Field {
    Field { name: Symbol::new(name), ty, span: Span::NONE }
}

/// `enum Shape { Point, Circle(f64), Rect { w: bool, h: u8 } }`.
fn shapes(types: &mut Types) -> Ty {
    let variant = |name: &str, fields: Vec<Field>, named: bool| Variant {
        name: Symbol::new(name),
        span: Span::NONE,
        fields,
        named,
    };
    let variants = vec![
        variant("Point", Vec::new(), false),
        variant("Circle", vec![field("0", Ty::F64)], false),
        variant("Rect", vec![field("w", Ty::BOOL), field("h", Ty::U8)], true),
    ];
    let id = StructId(types.structs.len() as u32);
    types
        .structs
        .push(StructDef { variants: Some(variants), ..StructDef::new(Symbol::new("Shape"), Span::NONE) });
    types.intern(TyKind::Struct { def: id, args: Vec::new() })
}

fn left_out(types: &mut Types, ty: Ty, pats: &[Pat]) -> Vec<String> {
    let pats: Vec<&Pat> = pats.iter().collect();
    let found = missing(types, ty, &pats, 3).expect("few steps");
    found.iter().map(|witness| witness.show(types)).collect()
}

fn int(lo: i128, hi: i128) -> Pat {
    Pat::Ints(vec![(lo, hi)])
}

#[test]
fn numbers_are_covered_range_by_range() {
    let mut types = Types::new();
    assert_eq!(left_out(&mut types, Ty::U8, &[int(0, 4), int(10, 255)]), ["5..=9"]);
    assert!(left_out(&mut types, Ty::U8, &[int(0, 4), int(3, 255)]).is_empty());
    assert_eq!(left_out(&mut types, Ty::I64, &[int(0, i128::MAX)]), ["..=-1"]);
    assert_eq!(left_out(&mut types, Ty::I64, &[int(7, 7)]), ["..=6", "8.."]);
    assert_eq!(left_out(&mut types, Ty::BOOL, &[int(1, 1)]), ["false"]);
    assert_eq!(left_out(&mut types, Ty::U64, &[]), ["_"]);
    let chars = [int(0, 0x60), int(0x7b, 0xD7FF), int(0xE000, i128::MAX)];
    assert_eq!(left_out(&mut types, Ty::CHAR, &chars), ["'a'..='z'"]);
}

#[test]
fn variants_and_parts_are_named_as_they_are_written() {
    let mut types = Types::new();
    let shape = shapes(&mut types);
    let point = Pat::Variant(0, Vec::new());
    assert_eq!(
        left_out(&mut types, shape, std::slice::from_ref(&point)),
        ["Shape.Circle(_)", "Shape.Rect { .. }"]
    );
    let rect = Pat::Variant(2, vec![int(1, 1), Pat::Any]);
    let circle = Pat::Variant(1, vec![Pat::Any]);
    assert_eq!(left_out(&mut types, shape, &[point, circle, rect]), ["Shape.Rect { w: false, .. }"]);
    let pair = types.intern(TyKind::Tuple(vec![Ty::BOOL, shape]));
    let yes = Pat::Parts(vec![int(1, 1), Pat::Any]);
    let no_point = Pat::Parts(vec![int(0, 0), Pat::Variant(0, Vec::new())]);
    assert_eq!(
        left_out(&mut types, pair, &[yes, no_point]),
        ["(false, Shape.Circle(_))", "(false, Shape.Rect { .. })"]
    );
    let reference = types.reference(shape, false);
    assert_eq!(left_out(&mut types, reference, &[]), ["_"]);
}

#[test]
fn texts_and_floats_never_end() {
    let mut types = Types::new();
    let on = Pat::Text("on".into());
    assert_eq!(left_out(&mut types, Ty::STR, std::slice::from_ref(&on)), ["_"]);
    assert!(left_out(&mut types, Ty::STR, &[on, Pat::Any]).is_empty());
    assert_eq!(left_out(&mut types, Ty::F64, &[Pat::Number(0), Pat::Other]), ["_"]);
}

#[test]
fn an_arm_after_its_values_are_taken_is_useless() {
    let mut types = Types::new();
    let shape = shapes(&mut types);
    let (point, circle) = (Pat::Variant(0, Vec::new()), Pat::Variant(1, vec![Pat::Any]));
    let both = Pat::Or(vec![point.clone(), circle.clone()]);
    let mut useful =
        |before: &[&Pat], pat: &Pat| is_useful(&mut types, shape, before, pat).expect("few steps");
    assert!(useful(&[&point], &both) && useful(&[&both], &Pat::Any));
    assert!(!useful(&[&both], &circle) && !useful(&[&Pat::Any], &point));
    assert!(useful(&[&Pat::Other], &Pat::Any) && useful(&[&Pat::Any], &Pat::Other));
}

#[test]
fn entangled_patterns_are_given_up_on() {
    let mut types = Types::new();
    let wide = types.intern(TyKind::Tuple(vec![Ty::BOOL; 40]));
    // Row `i` says something of column `i` only: each column doubles what there is to look at.
    let rows: Vec<Pat> = (0..40)
        .flat_map(|at| {
            [0, 1].map(|value| {
                let column =
                    |c: usize| if c == at || c == (at + 1) % 40 { int(value, value) } else { Pat::Any };
                Pat::Parts((0..40).map(column).collect())
            })
        })
        .collect();
    let rows: Vec<&Pat> = rows.iter().collect();
    // Either it is found quickly or it is given up; it comes back.
    let _ = missing(&mut types, wide, &rows, 3);
}
