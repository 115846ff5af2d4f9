//! The table of twins against the export table.

use super::*;
use crate::abi::{self, AbiTy};

/// Exported functions with pointers that need no twin, and why.
const WITHOUT: &[(&str, &str)] = &[
    ("vexrt_print_ptr", "prints an address, which lowering strips"),
    ("vexrt_format_ptr", "prints an address; the format is a constant"),
    ("vexrt_format_int", "the format is a constant"),
    ("vexrt_format_f64", "the format is a constant"),
    ("vexrt_format_char", "the format is a constant"),
    ("vexrt_format_bool", "the format is a constant"),
    ("vexrt_capture_print", "the format is a constant"),
    ("vex_layout_array", "computes with layouts"),
    ("vex_layout_extend", "computes with layouts"),
    ("vex_layout_new", "computes with layouts"),
    ("vex_heap_new", "what it returns is nothing of the program's"),
    ("vex_heap_collect", "takes a heap, which is nothing of the program's"),
    ("vex_thread_heap", "what it returns is nothing of the program's"),
    ("vex_version", "returns a constant"),
    ("vex_set_fault_handler", "the pointer is handed on as it is"),
    ("vex_symbols", "the pointer is handed on as it is"),
];

fn is_pointer(ty: &AbiTy) -> bool {
    matches!(ty, AbiTy::Ptr | AbiTy::ConstPtr | AbiTy::CStr | AbiTy::Str | AbiTy::PtrTo(_) | AbiTy::Struct(_))
}

#[test]
fn each_twin_has_the_signature_of_its_function() {
    let mut exported = 0;
    for twin in all() {
        let Some(export) = abi::find(twin.symbol) else { continue };
        let types: Vec<_> = export.params.iter().map(|(_, ty)| *ty).collect();
        assert_eq!((&types[..], export.ret), twin.signature, "{}", twin.symbol);
        exported += 1;
    }
    assert!(exported > 70, "{exported}");
}

#[test]
fn the_other_twins_are_functions_of_the_c_library() {
    for twin in all().filter(|twin| abi::find(twin.symbol).is_none()) {
        let name = std::ffi::CString::new(twin.symbol).expect("a name");
        // SAFETY: a C string; the whole process is searched.
        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        assert!(!found.is_null(), "{}", twin.symbol);
    }
}

#[test]
fn every_function_with_pointers_has_a_twin_or_a_reason() {
    for export in abi::exports().filter(|export| !export.symbol.starts_with("vexrt_checked_")) {
        let pointers = is_pointer(&export.ret) || export.params.iter().any(|(_, ty)| is_pointer(ty));
        let excused = WITHOUT.iter().any(|(symbol, _)| *symbol == export.symbol);
        let has = twin(export.symbol).is_some();
        let test = export.symbol.starts_with("vex_abi_test");
        assert!(test || has != excused || !(pointers || excused), "{} {has} {excused}", export.symbol);
    }
}

#[test]
fn no_twin_is_there_twice() {
    let mut seen = std::collections::HashSet::new();
    assert!(all().all(|twin| seen.insert(twin.symbol)));
}
