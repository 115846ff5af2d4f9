//! The C header, printed from the export table.
//!
//! `include/vex_memory.h` is checked in, so that C programs need no Rust to read
//! it; a test fails when it is not what [`render`] prints. Running the tests
//! with `VEX_BLESS=1` writes it anew (and refuses where `CI` is set, so that a
//! stale header cannot bless itself there).

use crate::abi::{self, AbiTy, Export, Group, VexStr};
use crate::alloc::{bump, free_list, pool, stack};
use crate::embed::{heaps, info};
use crate::heap::figures::{ClassFigures, HeapLine};
use crate::heap::inline::{ClassFacts, FastPath};
use crate::{fault, layout};
use core::mem::offset_of;
use std::collections::BTreeSet;
use std::fmt::Write;

/// A struct that crosses the ABI, as the header declares it.
pub struct CStruct {
    /// Its name at the ABI; C's has `Vex` in front.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Its size in bytes.
    pub size: usize,
    /// Fields: name, type, offset in bytes.
    pub fields: &'static [(&'static str, AbiTy, usize)],
}

macro_rules! c_structs {
    ($($rust:ty as $name:literal, $doc:literal { $($field:ident: $ty:ident),* })*) => {
        &[$(CStruct {
            name: $name,
            doc: $doc,
            size: size_of::<$rust>(),
            fields: &[$((stringify!($field), AbiTy::$ty, offset_of!($rust, $field))),*],
        }),*]
    };
}

/// Every struct of the header.
pub static STRUCTS: &[CStruct] = c_structs! {
    VexStr as "Str", "A string of the language: bytes and their count." { ptr: ConstPtr, len: Usize }
    layout::Layout as "Layout", "A memory requirement: bytes, and an alignment that is a power of two." { size: I64, align: I64 }
    layout::Allocation as "Allocation", "The result of an allocation: {0, 0} when it failed." { ptr: I64, size: I64 }
    bump::BumpAllocator as "BumpAllocator", "Allocates linearly from a buffer; freed all at once."
        { buffer: I64, capacity: I64, offset: I64, allocated: I64 }
    pool::PoolAllocator as "PoolAllocator", "Allocates blocks of one size."
        { buffer: I64, capacity: I64, block_size: I64, free_list: I64, num_blocks: I64, num_free: I64 }
    free_list::FreeListAllocator as "FreeListAllocator", "Allocates blocks of any size, first fit."
        { buffer: I64, capacity: I64, free_list: I64, allocated: I64 }
    stack::StackAllocator as "StackAllocator", "Allocates last in, first out."
        { buffer: I64, capacity: I64, offset: I64, prev_offset: I64 }
    heaps::HeapFigures as "HeapFigures", "What a heap holds: bytes, and a count of live blocks. total is used and free."
        { used: Usize, free: Usize, total: Usize, blocks: Usize }
    info::MemoryFigures as "Figures",
        "Where the process's memory is: bytes, and a count of live blocks. held is used, free and overhead."
        { held: Usize, peak: Usize, reserved: Usize, used: Usize, blocks: Usize, free: Usize, overhead: Usize, limit: Usize, returned: Usize }
    HeapLine as "HeapLine",
        "A heap among others: its address, who uses it (0 a thread, 1 and 2 nobody, 3 lost in a fork, 4 the program itself),\n * \
         blocks of size classes it gave less those it took back, and their bytes; free blocks it keeps, and their bytes."
        { heap: Usize, state: I64, blocks: I64, bytes: I64, cached: Usize, cached_bytes: Usize }
    ClassFigures as "ClassFigures", "A size class: bytes of a block, live blocks, free ones that are kept at hand."
        { block_size: Usize, live: Usize, cached: Usize }
    FastPath as "FastPath",
        "Taking and giving blocks without a call: offsets in bytes, see heap::inline of the Rust crate for what to do with them."
        {
            version: U32, bin_size: U32, bin_count: U32, bin_limit: U32, bin_first: U32, slot_mark: U32, free_mark: Usize,
            bin_mask: U32, bin_inverse: U32, bin_end: U32, bins_size: U32, slice: Usize, map_start: Usize, map_slices: Usize, map: Usize
        }
    ClassFacts as "ClassFacts",
        "What code that knows a block's class need not load: bytes of a block, bytes of a page less one, the class's inverse,\n * \
         bytes of a page that are slots, the number of slots its bin must not reach, and where the bin's stack is in a heap."
        { size: Usize, mask: Usize, inverse: U64, end: Usize, limit: U32, stack: Usize }
};

/// Structs whose fields are nobody's business: name, description.
const OPAQUE: &[(&str, &str)] = &[("Heap", "A heap of the program's own.")];

/// Types of functions that are called back: description, declaration.
const CALLBACKS: &[(&str, &str)] = &[
    (
        "Is given a block, its usable bytes, and the caller's pointer; false ends the walk.",
        "typedef bool (*VexVisitBlock)(void *block, size_t size, void *user);",
    ),
    (
        "Is given what kind of fault it is (VEX_FAULT_*), one line of text, the address it is about or null, and the\n\
         caller's pointer.",
        "typedef void (*VexFaultHandler)(int32_t kind, const char *message, const void *address, void *user);",
    ),
    (
        "Is given a function's name, its address, its signature, and the caller's pointer.",
        "typedef void (*VexVisitSymbol)(const char *name, const void *address, const char *signature, void *user);",
    ),
];

/// The header's parts, in order: group, heading.
const SECTIONS: &[(Group, &str)] = &[
    (Group::MemPrelude, "The Mem prelude: general-purpose allocation and memory operations."),
    (Group::VeraPrimitive, "The primitives of vera:memory."),
    (Group::Vera, "vera:memory."),
    (Group::Allocator, "std/allocator: layouts and five allocation strategies. Blocks are named by address."),
    (
        Group::Kmem,
        "kmem: one fixed buffer, a reason for every allocation. See vex_kmem.h for optional reasons.",
    ),
    (Group::Embed, "For programs that embed the heap: heaps of their own, figures, limits, faults, symbols."),
    (Group::Xila, "Xila: memory by capability. xila_memory_* keep the layout in front of the block."),
];

/// The C spelling of a type, ending where a name may follow.
fn c_type(ty: AbiTy) -> String {
    let plain = match ty {
        AbiTy::Unit | AbiTy::Never => "void ",
        AbiTy::Bool => "bool ",
        AbiTy::I8 => "int8_t ",
        AbiTy::I16 => "int16_t ",
        AbiTy::I32 => "int32_t ",
        AbiTy::I64 => "int64_t ",
        AbiTy::U8 => "uint8_t ",
        AbiTy::U16 => "uint16_t ",
        AbiTy::U32 => "uint32_t ",
        AbiTy::U64 => "uint64_t ",
        AbiTy::Isize => "ptrdiff_t ",
        AbiTy::Usize => "size_t ",
        AbiTy::F32 => "float ",
        AbiTy::F64 => "double ",
        AbiTy::Ptr => "void *",
        AbiTy::ConstPtr => "const void *",
        AbiTy::CStr => "const char *",
        AbiTy::Str => "VexStr ",
        AbiTy::Struct(name) => return format!("Vex{name} "),
        // A C type already, such as the pointer of a pointer.
        AbiTy::PtrTo(name) if name.ends_with('*') => return format!("{name}*"),
        AbiTy::PtrTo(name) => return format!("Vex{name} *"),
        AbiTy::Callback(name) => return format!("Vex{name} "),
    };
    plain.to_owned()
}

/// A parameter's name in C and C++: not a keyword of either.
fn c_name(name: &str) -> &str {
    match name {
        "this" => "self",
        "class" => "class_",
        "new" => "new_",
        "default" => "default_",
        other => other,
    }
}

/// `text`, without its Markdown, as a comment.
fn write_comment(out: &mut String, text: &str) {
    let text = text.trim().replace('`', "");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let body = lines.join("\n * ").replace("\n * \n", "\n *\n");
    let _ = if lines.len() == 1 { writeln!(out, "/* {body} */") } else { writeln!(out, "/* {body}\n */") };
}

fn write_struct(out: &mut String, item: &CStruct) {
    let _ = writeln!(out, "/* {} */\ntypedef struct Vex{} {{", item.doc, item.name);
    for (name, ty, _) in item.fields {
        let _ = writeln!(out, "    {}{name};", c_type(*ty));
    }
    let _ = writeln!(out, "}} Vex{};\n", item.name);
}

fn write_function(out: &mut String, export: &Export) {
    write_comment(out, export.doc);
    if export.ret == AbiTy::Never {
        out.push_str("VEX_NORETURN ");
    }
    let params: Vec<String> =
        export.params.iter().map(|(name, ty)| format!("{}{}", c_type(*ty), c_name(name))).collect();
    let params = if params.is_empty() { "void".to_owned() } else { params.join(", ") };
    let _ = writeln!(out, "{}{}({params});\n", c_type(export.ret), export.symbol);
}

/// Versions, kinds of faults, opaque structs and the types of callbacks.
fn write_names(out: &mut String) {
    let (text, number) = (env!("CARGO_PKG_VERSION"), info::VERSION_NUMBER);
    write_comment(out, "The version this header is of; the library's is `vex_version`.");
    let _ = writeln!(out, "#define VEX_VERSION \"{text}\"\n#define VEX_VERSION_NUMBER {number}\n");
    write_comment(out, "Kinds of faults, see `vex_set_fault_handler`.");
    out.push_str("enum {\n");
    for (kind, name, doc) in fault::KINDS {
        let _ = writeln!(out, "    VEX_FAULT_{name} = {}, /* {doc} */", kind.code());
    }
    out.push_str("};\n\n");
    for (name, doc) in OPAQUE {
        let _ = writeln!(out, "/* {doc} */\ntypedef struct Vex{name} Vex{name};\n");
    }
    for (doc, declaration) in CALLBACKS {
        write_comment(out, doc);
        let _ = writeln!(out, "{declaration}\n");
    }
}

/// The whole header.
pub fn render() -> String {
    let mut out = String::from(
        "/* The Vex memory runtime for C and C++.\n \
         *\n \
         * Printed from the runtime's export table; edits are lost. Functions never\n \
         * unwind. Sizes are bytes. A failed allocation returns null or {0, 0}.\n \
         */\n\
         #ifndef VEX_MEMORY_H\n#define VEX_MEMORY_H\n\n\
         #include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n\n\
         #if defined(__cplusplus)\n#define VEX_NORETURN [[noreturn]]\n\
         #else\n#define VEX_NORETURN _Noreturn\n#endif\n\n\
         #ifdef __cplusplus\nextern \"C\" {\n#endif\n\n",
    );
    write_names(&mut out);
    STRUCTS.iter().for_each(|item| write_struct(&mut out, item));
    for (group, heading) in SECTIONS {
        let _ = writeln!(out, "/* ---- {heading} ---- */\n");
        abi::exports()
            .filter(|export| export.group == *group)
            .for_each(|export| write_function(&mut out, export));
    }
    out.push_str("#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    out
}

/// Names of structs that exported signatures mention and [`STRUCTS`] lacks.
pub fn undeclared_structs() -> BTreeSet<&'static str> {
    let types = abi::exports()
        .filter(|export| export.group.in_header())
        .flat_map(|export| export.params.iter().map(|(_, ty)| *ty).chain([export.ret]));
    types
        .filter_map(|ty| match ty {
            AbiTy::Struct(name) => Some(name),
            AbiTy::PtrTo(name) if !name.ends_with('*') => Some(name),
            _ => None,
        })
        .filter(|name| STRUCTS.iter().all(|item| item.name != *name))
        .filter(|name| OPAQUE.iter().all(|(opaque, _)| opaque != name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::symbols::words;
    use std::collections::HashSet;
    use std::{env, fs};

    #[test]
    fn the_checked_in_header_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/include/vex_memory.h");
        let current = render();
        if env::var_os("VEX_BLESS").is_some_and(|value| value == "1") {
            assert!(env::var_os("CI").is_none(), "blessing is for people, not for CI");
            fs::write(path, current).expect("the header can be written");
            return;
        }
        let stored = fs::read_to_string(path).unwrap_or_default().replace("\r\n", "\n");
        if stored != current {
            let line = stored.lines().zip(current.lines()).position(|(old, new)| old != new);
            let line = line.unwrap_or_else(|| stored.lines().count().min(current.lines().count()));
            panic!(
                "include/vex_memory.h is stale from line {}: it has {:?}, the export table {:?}; run the tests with VEX_BLESS=1",
                line + 1,
                stored.lines().nth(line),
                current.lines().nth(line)
            );
        }
    }

    #[test]
    fn the_header_declares_every_function_and_struct_once() {
        assert_eq!(undeclared_structs(), BTreeSet::new());
        let text = render();
        let names: Vec<&str> = text
            .lines()
            .filter(|line| line.ends_with(");") && !line.starts_with("typedef"))
            .filter_map(|line| line.split('(').next()?.rsplit([' ', '*']).next())
            .collect();
        for export in abi::exports() {
            let declared = names.iter().filter(|name| **name == export.symbol).count();
            assert_eq!(declared, usize::from(export.group.in_header()), "{}", export.symbol);
        }
        let groups: HashSet<_> = SECTIONS.iter().map(|(group, _)| *group).collect();
        assert_eq!(groups.len(), SECTIONS.len());
        assert!(abi::exports().all(|export| groups.contains(&export.group) == export.group.in_header()));
    }

    #[test]
    fn structs_have_no_hidden_fields() {
        for item in STRUCTS {
            // Where C puts the fields: one after the other, at multiples of their sizes.
            let mut end = 0usize;
            for (field, ty, offset) in item.fields {
                let bytes: usize = words(*ty).iter().map(|word| word.bytes()).sum();
                end = end.next_multiple_of(bytes);
                assert_eq!(*offset, end, "{}.{field}", item.name);
                end += bytes;
            }
            assert_eq!(item.size, end.next_multiple_of(8), "{}", item.name);
        }
    }
}
