//! Tests of the table of types.

use super::*;

#[test]
fn layout_is_that_of_c() {
    let mut types = Types::new();
    let mixed = types.intern(TyKind::Tuple(vec![Ty::U8, Ty::I32, Ty::U8, Ty::I64, Ty::U16]));
    assert_eq!(types.layout(mixed), Layout { size: 32, align: 8 });
    assert_eq!(types.field_offsets(mixed), [0, 4, 8, 16, 24]);
    let array = types.intern(TyKind::Array { elem: mixed, len: 3 });
    assert_eq!(types.layout(array).size, 96);
    assert_eq!(types.display(array), "[(u8, i32, u8, i64, u16); 3]");
}

#[test]
fn types_of_too_many_parts_are_refused() {
    let mut types = Types::new();
    let mut ty = Ty::I64;
    for _ in 0..12 {
        ty = types.intern(TyKind::Tuple(vec![ty, ty]));
    }
    assert!(!types.too_large && types.display(ty).len() < 300);
    ty = types.intern(TyKind::Tuple(vec![ty, ty]));
    assert!(types.too_large && ty == Ty::ERROR);
}

#[test]
fn a_complete_structure_is_not_walked_again() {
    let mut types = Types::new();
    let mut field = Ty::U8;
    // Without the note each step would double the work.
    for id in 0..64 {
        let one = Field { name: Symbol::new("f"), ty: field, span: Span::NONE };
        types.structs.push(StructDef {
            fields: vec![one.clone(), one],
            declares_drop: false,
            ..StructDef::new(Symbol::new("S"), Span::NONE)
        });
        types.complete(StructId(id));
        field = types.intern(TyKind::Struct { def: StructId(id), args: Vec::new() });
    }
    assert_eq!(types.layout(field).size, u64::MAX);
    assert!(!types.needs_drop(field));
}

#[test]
fn integer_ranges_end_where_they_should() {
    assert!(IntTy::I8.holds(128, true) && !IntTy::I8.holds(129, true) && !IntTy::I8.holds(128, false));
    assert!(IntTy::U8.holds(255, false) && !IntTy::U8.holds(256, false) && !IntTy::U8.holds(1, true));
    assert!(IntTy::I64.holds(1 << 63, true) && IntTy::U64.holds(u64::MAX, false));
}

/// A type with the variants `None` and `Some(value)`.
pub(crate) fn option(types: &mut Types, value: Ty) -> Ty {
    let (id, span) = (StructId(types.structs.len() as u32), Span::NONE);
    let payload = Field { name: Symbol::new("0"), ty: value, span };
    let variant = |name: &str, fields| Variant { name: Symbol::new(name), span, fields, named: false };
    let variants = vec![variant("None", Vec::new()), variant("Some", vec![payload])];
    types.structs.push(StructDef { variants: Some(variants), ..StructDef::new(Symbol::new("Option"), span) });
    types.complete(id);
    types.intern(TyKind::Struct { def: id, args: Vec::new() })
}
