//! What programs can call that they do not define: the runtime's table, the code generator's helpers, and what the
//! process has loaded (libc).

use std::ffi::CString;

use cranelift_codegen::ir::LibCall;

/// The address of a function that an `extern "C"` declaration names: the runtime's, else one of the process's own
/// (libc and whatever else is loaded). `None` when there is none.
///
/// With `managed` the runtime's memory functions are those that go through the selected process manager.
pub fn resolve_symbol(name: &str, managed: bool) -> Option<*const u8> {
    vex_runtime::abi::address(name, managed)
        .or_else(|| super::kept::resolve(name))
        .or_else(|| in_process(name))
}

/// Looks a symbol up in everything the process has loaded.
pub(super) fn in_process(name: &str) -> Option<*const u8> {
    let name = CString::new(name).ok()?;
    // SAFETY: a NUL-terminated name; `RTLD_DEFAULT` is the global search order.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found.cast_const().cast())
}

/// The address of a helper that generated code calls where the machine lacks an instruction.
pub(super) fn libcall(call: LibCall) -> Option<*const u8> {
    // The rounding functions live in a library that need not be loaded, so ours stand in.
    let helper = match call {
        LibCall::CeilF32 => ceil32 as *const u8,
        LibCall::CeilF64 => ceil64 as *const u8,
        LibCall::FloorF32 => floor32 as *const u8,
        LibCall::FloorF64 => floor64 as *const u8,
        LibCall::TruncF32 => trunc32 as *const u8,
        LibCall::TruncF64 => trunc64 as *const u8,
        LibCall::NearestF32 => nearest32 as *const u8,
        LibCall::NearestF64 => nearest64 as *const u8,
        LibCall::FmaF32 => fma32 as *const u8,
        LibCall::FmaF64 => fma64 as *const u8,
        LibCall::Memcpy => libc::memcpy as *const u8,
        LibCall::Memset => libc::memset as *const u8,
        LibCall::Memmove => libc::memmove as *const u8,
        LibCall::Memcmp => libc::memcmp as *const u8,
        _ => return None,
    };
    Some(helper)
}

macro_rules! float_helpers {
    ($($name:ident($($param:ident),*) -> $ty:ty = $value:expr;)*) => {
        $(extern "C" fn $name($($param: $ty),*) -> $ty {
            $value
        })*
    };
}

float_helpers! {
    ceil32(x) -> f32 = x.ceil();
    ceil64(x) -> f64 = x.ceil();
    floor32(x) -> f32 = x.floor();
    floor64(x) -> f64 = x.floor();
    trunc32(x) -> f32 = x.trunc();
    trunc64(x) -> f64 = x.trunc();
    nearest32(x) -> f32 = x.round_ties_even();
    nearest64(x) -> f64 = x.round_ties_even();
    fma32(x, y, z) -> f32 = x.mul_add(y, z);
    fma64(x, y, z) -> f64 = x.mul_add(y, z);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_comes_first_then_the_process() {
        assert_eq!(resolve_symbol("vexrt_exit", false), vex_runtime::abi::address("vexrt_exit", false));
        assert!(resolve_symbol("vexrt_exit", false).is_some());
        assert!(resolve_symbol("getenv", false).is_some());
        assert_eq!(resolve_symbol("no_such_function_anywhere", false), None);
        assert_eq!(resolve_symbol("nul\0inside", false), None);
    }
}
