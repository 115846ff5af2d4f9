//! Values that are too large, not there, or not what their type says. That whole values look as the language prints
//! them is tested with programs, in the crate of tests.

use vex_syntax::{Span, Symbol};

use super::*;
use crate::types::{Field, StructDef, StructId, Variant};

/// Where the library's structures are declared.
const LIBRARY: u32 = 7;

/// Knows one function.
struct OneName;

impl Names for OneName {
    fn function(&self, address: usize) -> Option<String> {
        (address == 0x1234).then(|| "double".to_string())
    }

    fn is_library(&self, span: Span) -> bool {
        span.lo == LIBRARY
    }
}

/// The text of what lies in a variable of the test.
fn shown<T>(types: &Types, ty: Ty, memory: &T, limits: Limits) -> String {
    value(types, ty, std::ptr::from_ref(memory) as usize, &limits, &OneName)
}

/// A structure with these fields.
fn structure(types: &mut Types, name: &str, fields: &[(&str, Ty)]) -> Ty {
    let span = Span::new(1, 1);
    let field = |(name, ty): &(&str, Ty)| Field { name: Symbol::new(name), ty: *ty, span };
    let id = StructId(types.structs.len() as u32);
    types.structs.push(StructDef {
        fields: fields.iter().map(field).collect(),
        declares_drop: false,
        ..StructDef::new(Symbol::new(name), span)
    });
    types.intern(TyKind::Struct { def: id, args: Vec::new() })
}

fn array(types: &mut Types, elem: Ty, len: u64) -> Ty {
    types.intern(TyKind::Array { elem, len })
}

/// A string or slice as it lies in memory.
fn fat(bytes: &[u8]) -> [usize; 2] {
    [bytes.as_ptr() as usize, bytes.len()]
}

const ALL: Limits = Limits {
    bytes: usize::MAX,
    elements: usize::MAX,
    depth: usize::MAX,
    str_bytes: usize::MAX,
    bools_as_ints: false,
};

#[test]
fn long_arrays_say_how_much_is_missing() {
    let mut types = Types::new();
    let ty = array(&mut types, Ty::I64, 1000);
    let memory: [i64; 1000] = std::array::from_fn(|i| i as i64);
    let text = shown(&types, ty, &memory, Limits { elements: 3, ..ALL });
    assert_eq!(text, "[0, 1, 2, … 997 more]");
    assert_eq!(shown(&types, ty, &memory, Limits { elements: 0, ..ALL }), "[… 1000 more]");
    assert_eq!(shown(&types, ty, &memory, Limits { bytes: 5, ..ALL }), "[0, 1, … 998 more]");
    let empty = array(&mut types, Ty::I64, 0);
    assert_eq!(shown(&types, empty, &(), Limits { elements: 0, ..ALL }), "[]");
    let whole = shown(&types, ty, &memory, Limits { elements: 1000, ..ALL });
    assert!(whole.ends_with(", 998, 999]"));
}

#[test]
fn the_cost_is_that_of_what_is_shown() {
    let mut types = Types::new();
    // Nothing of this size exists; only what is shown is looked at.
    let slice = types.intern(TyKind::Slice { mutable: false, elem: Ty::U8 });
    let memory = [b"abc".as_ptr() as usize, 1 << 62];
    let limits = Limits { elements: 2, ..Limits::default() };
    assert_eq!(shown(&types, slice, &memory, limits), "[97, 98, … 4611686018427387902 more]");
    let units = array(&mut types, Ty::UNIT, u64::MAX);
    assert_eq!(shown(&types, units, &(), limits), "[(), (), … 18446744073709551613 more]");
    // Arrays of arrays of arrays multiply; the bytes of text bound them together.
    let mut ty = Ty::UNIT;
    for _ in 0..10 {
        ty = array(&mut types, ty, 1 << 40);
    }
    let text = shown(&types, ty, &(), Limits::default());
    assert!(text.len() < 5000, "{}", text.len());
}

#[test]
fn strings_are_cut_between_characters() {
    let types = Types::new();
    let memory = "aäöü".as_bytes();
    let cut = |str_bytes| shown(&types, Ty::STR, &fat(memory), Limits { str_bytes, ..ALL });
    assert_eq!(cut(7), "\"aäöü\"");
    assert_eq!(cut(6), "\"aäö\"… 2 more bytes");
    assert_eq!(cut(5), "\"aäö\"… 2 more bytes");
    assert_eq!(cut(2), "\"a\"… 6 more bytes");
    assert_eq!(cut(0), "\"\"… 7 more bytes");
    // A byte that begins no character is not cut off as one.
    assert_eq!(
        shown(&types, Ty::STR, &fat(b"ab\xff\xff\xc3"), Limits { str_bytes: 3, ..ALL }),
        "\"ab\\xff\"… 2 more bytes"
    );
    assert_eq!(shown(&types, Ty::STR, &fat(b"ab\xff\xc3"), ALL), "\"ab\\xff\\xc3\"");
}

#[test]
fn nothing_is_read_that_is_not_there() {
    let mut types = Types::new();
    let at = |types: &Types, ty, address| value(types, ty, address, &ALL, &OneName);
    let one_of_each = [Ty::BOOL, Ty::I8, Ty::U64, Ty::F32, Ty::F64, Ty::STR, Ty::PTR];
    for ty in one_of_each {
        assert_eq!(at(&types, ty, 8), "<unreadable: 0x8>");
        let reference = types.reference(ty, false);
        assert_eq!(shown(&types, reference, &usize::MAX, ALL), "<unreadable: 0xffffffffffffffff>");
        assert_eq!(shown(&types, reference, &0usize, ALL), "<unreadable: 0x0>");
    }
    let slice = types.intern(TyKind::Slice { mutable: true, elem: Ty::I64 });
    assert_eq!(shown(&types, slice, &[16usize, 5], ALL), "[<unreadable: 0x10>, … 4 more]");
    assert_eq!(shown(&types, slice, &[16usize, 1], ALL), "[<unreadable: 0x10>]");
    assert_eq!(shown(&types, slice, &[16usize, 0], ALL), "[]");
    assert_eq!(shown(&types, Ty::STR, &[16usize, usize::MAX], ALL), "<unreadable: 0x10>");
    assert_eq!(shown(&types, Ty::STR, &[16usize, 0], ALL), "\"\"");
    let broken = structure(&mut types, "Broken", &[("name", Ty::STR), ("list", slice), ("n", Ty::I64)]);
    assert_eq!(
        shown(&types, broken, &[1usize, 2, 3, 4, 5], ALL),
        "Broken { name: <unreadable: 0x1>, list: [<unreadable: 0x3>, … 3 more], n: 5 }"
    );
    assert_eq!(at(&types, broken, 24), "<unreadable: 0x18>");
    // What takes no memory is everywhere.
    assert_eq!(at(&types, Ty::UNIT, 0), "()");
}

#[test]
fn a_string_ends_where_the_memory_does() {
    // A static buffer may be followed by anything; a mapping of one's own has an end.
    let length = 1 << 16;
    // SAFETY: fresh memory anywhere.
    let base = unsafe {
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANON);
        libc::mmap(std::ptr::null_mut(), 2 * length, protection, flags, -1, 0)
    };
    assert_ne!(base, libc::MAP_FAILED);
    // SAFETY: the mapping just made, written to in its first half before the second is taken away.
    unsafe {
        base.write_bytes(b'x', length);
        libc::mprotect(base.byte_add(length), length, libc::PROT_NONE);
    }
    let end = base as usize + length;
    let text = shown(&Types::new(), Ty::STR, &[end - 3, 100], ALL);
    assert_eq!(text, format!("\"xxx\"<unreadable: {end:#x}>"));
    // SAFETY: the whole mapping, which nothing refers to any more.
    unsafe { libc::munmap(base, 2 * length) };
}

#[test]
fn bytes_that_no_value_has_are_named() {
    let mut types = Types::new();
    assert_eq!(shown(&types, Ty::BOOL, &7u8, ALL), "<invalid bool 7>");
    let option = crate::types::tests::option(&mut types, Ty::U8);
    assert_eq!(shown(&types, option, &[2u8, 5], ALL), "<invalid Option 2>");
    assert_eq!(shown(&types, option, &[1u8, 5], ALL), "Some(5)");
    let ints = Limits { bools_as_ints: true, ..ALL };
    assert_eq!(shown(&types, Ty::BOOL, &1u8, ints), "1");
    assert_eq!(shown(&types, Ty::BOOL, &2u8, ints), "<invalid bool 2>");
}

#[test]
fn circles_end() {
    let mut types = Types::new();
    // struct Node { id: i64, next: &Node, other: &Node }
    let node = structure(&mut types, "Node", &[]);
    let reference = types.reference(node, false);
    let span = Span::new(1, 1);
    for (name, ty) in [("id", Ty::I64), ("next", reference), ("other", reference)] {
        types.structs[0].fields.push(Field { name: Symbol::new(name), ty, span });
    }
    types.complete(StructId(0));
    let mut memory = [7usize, 0, 0];
    memory[1] = memory.as_ptr() as usize;
    memory[2] = memory[1];
    let text = shown(&types, node, &memory, Limits { depth: 4, ..ALL });
    let inner = "Node { id: 7, next: …, other: … }";
    assert_eq!(text, format!("Node {{ id: 7, next: {inner}, other: {inner} }}"));
    // Without a limit on depth that helps, the bytes are one.
    let text = shown(&types, node, &memory, Limits { depth: 1000, bytes: 200, ..ALL });
    assert!(text.starts_with("Node { id: 7, next: Node { id: 7, next: Node {"));
    assert!(text.contains("… 1 more }") && text.len() < 700, "{text}");
}

#[test]
fn functions_have_names() {
    let mut types = Types::new();
    let ty = types.intern(TyKind::Fn { params: vec![Ty::I64], ret: Ty::I64 });
    assert_eq!(shown(&types, ty, &0x1234usize, ALL), "double");
    assert_eq!(shown(&types, ty, &0x1235usize, ALL), "0x1235");
    assert_eq!(shown(&types, Ty::PTR, &0x1234usize, ALL), "0x1234");
}

#[test]
fn variants_are_told_apart_by_their_tags() {
    let mut types = Types::new();
    let span = Span::new(1, 1);
    let field = |name: &str, ty| Field { name: Symbol::new(name), ty, span };
    let variant =
        |name: &str, fields: Vec<Field>, named| Variant { name: Symbol::new(name), span, fields, named };
    let variants = vec![
        variant("Empty", Vec::new(), false),
        variant("One", vec![field("0", Ty::I16)], false),
        variant("Two", vec![field("a", Ty::U8), field("b", Ty::CHAR)], true),
    ];
    let id = StructId(types.structs.len() as u32);
    types.structs.push(StructDef { variants: Some(variants), ..StructDef::new(Symbol::new("Shape"), span) });
    let ty = types.intern(TyKind::Struct { def: id, args: Vec::new() });
    assert_eq!(types.layout(ty).size, 8);
    assert_eq!(shown(&types, ty, &[0u32, 9], ALL), "Empty");
    assert_eq!(shown(&types, ty, &[0x0007_0001u32, 9], ALL), "One(7)");
    assert_eq!(shown(&types, ty, &[0x0502u32, u32::from('x')], ALL), "Two { a: 5, b: 'x' }");
    assert_eq!(shown(&types, ty, &[0x0502u32, 0xD800], ALL), "Two { a: 5, b: <invalid char 0xd800> }");
    assert_eq!(shown(&types, ty, &[3u32, 0], ALL), "<invalid Shape 3>");
    let text = value(&types, ty, 16, &ALL, &OneName);
    assert_eq!(text, "<unreadable: 0x10>");
}

#[test]
fn containers_of_the_library_show_what_is_in_them() {
    let mut types = Types::new();
    let [wide, byte] = [Ty::I32, Ty::U8].map(|ty| types.raw_ptr(ty, true));
    let list = |types: &mut Types, name, data| {
        structure(types, name, &[("data", data), ("length", Ty::USIZE), ("room", Ty::USIZE)])
    };
    let [vec, bytes] = [wide, byte].map(|data| list(&mut types, "Vec", data));
    let boxed = structure(&mut types, "Box", &[("raw", wide)]);
    let text = structure(&mut types, "String", &[("bytes", bytes)]);
    let elements = [1i32, 2, 3];
    let memory = [elements.as_ptr() as usize, 3, 8];
    // A program's own structure of the name is shown as it is.
    assert!(shown(&types, vec, &memory, ALL).starts_with("Vec { data: 0x"));
    for def in &mut types.structs {
        def.span = Span::new(LIBRARY, LIBRARY);
    }
    assert_eq!(shown(&types, vec, &memory, ALL), "[1, 2, 3]");
    assert_eq!(shown(&types, vec, &memory, Limits { elements: 1, ..ALL }), "[1, … 2 more]");
    assert_eq!(shown(&types, vec, &[0usize, 0, 0], ALL), "[]");
    assert_eq!(shown(&types, vec, &[16usize, 2, 2], ALL), "[<unreadable: 0x10>, … 1 more]");
    assert_eq!(shown(&types, boxed, &memory, ALL), "1");
    let [start, len] = fat(b"a \"word\"");
    assert_eq!(shown(&types, text, &[start, len, 16], ALL), r#""a \"word\"""#);
    let moved = structure(&mut types, "Vec", &[("first", wide)]);
    types.structs.last_mut().expect("it").span = Span::new(LIBRARY, LIBRARY);
    assert!(shown(&types, moved, &memory, ALL).starts_with("Vec { first: 0x"));
}
