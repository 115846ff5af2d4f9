//! Calls that leave every register as it was.
//!
//! What generated code does in place ends, where it must, in a call that hardly ever happens. Were that an ordinary
//! call, all that the code around it keeps in registers would have to survive it, in the few registers that calls
//! preserve or on the stack, in every round of a loop that never makes it. So these save everything themselves, before
//! they call the runtime. Parameters come in vector registers, which code about memory has hardly any use for, so that
//! none of its values has to make room for them. A result goes where the last parameter says, because registers cannot
//! bring it.

/// Begins the symbols of this file; the name of a function of the runtime without its `vex_` or `vexrt_` follows.
const PREFIX: &str = "vexrt_kept_";

/// The function for a symbol of this file.
pub(super) fn resolve(symbol: &str) -> Option<*const u8> {
    let name = symbol.strip_prefix(PREFIX)?;
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    return x64::function(name);
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    return None;
}

/// Whether there are such functions for this machine.
pub(super) const AVAILABLE: bool = cfg!(all(target_arch = "x86_64", target_os = "linux"));

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod x64 {
    use std::arch::naked_asm;

    use vex_runtime::alloc::{bump, pool, stack};
    use vex_runtime::checked::access;
    use vex_runtime::prelude::alloc as heap;

    /// A function that saves all registers, calls another one, and does one more thing before it restores them: there
    /// `rax` and `rdx` are the result, and the parameters are at `[rsp]`, `[rsp + 16]` and so on.
    macro_rules! kept {
        ($name:ident, $target:path, $finish:literal) => {
            #[unsafe(naked)]
            extern "C" fn $name() {
                naked_asm!(
                    ".cfi_startproc",
                    "push rbp",
                    ".cfi_def_cfa_offset 16",
                    ".cfi_offset rbp, -16",
                    "mov rbp, rsp",
                    ".cfi_def_cfa_register rbp",
                    "push rax",
                    "push rcx",
                    "push rdx",
                    "push rsi",
                    "push rdi",
                    "push r8",
                    "push r9",
                    "push r10",
                    "push r11",
                    // Sixteen registers, and eight bytes that keep the stack aligned.
                    "sub rsp, 264",
                    "movaps [rsp], xmm0",
                    "movaps [rsp + 16], xmm1",
                    "movaps [rsp + 32], xmm2",
                    "movaps [rsp + 48], xmm3",
                    "movaps [rsp + 64], xmm4",
                    "movaps [rsp + 80], xmm5",
                    "movaps [rsp + 96], xmm6",
                    "movaps [rsp + 112], xmm7",
                    "movaps [rsp + 128], xmm8",
                    "movaps [rsp + 144], xmm9",
                    "movaps [rsp + 160], xmm10",
                    "movaps [rsp + 176], xmm11",
                    "movaps [rsp + 192], xmm12",
                    "movaps [rsp + 208], xmm13",
                    "movaps [rsp + 224], xmm14",
                    "movaps [rsp + 240], xmm15",
                    "movq rdi, xmm0",
                    "movq rsi, xmm1",
                    "movq rdx, xmm2",
                    "call {target}",
                    $finish,
                    "movaps xmm0, [rsp]",
                    "movaps xmm1, [rsp + 16]",
                    "movaps xmm2, [rsp + 32]",
                    "movaps xmm3, [rsp + 48]",
                    "movaps xmm4, [rsp + 64]",
                    "movaps xmm5, [rsp + 80]",
                    "movaps xmm6, [rsp + 96]",
                    "movaps xmm7, [rsp + 112]",
                    "movaps xmm8, [rsp + 128]",
                    "movaps xmm9, [rsp + 144]",
                    "movaps xmm10, [rsp + 160]",
                    "movaps xmm11, [rsp + 176]",
                    "movaps xmm12, [rsp + 192]",
                    "movaps xmm13, [rsp + 208]",
                    "movaps xmm14, [rsp + 224]",
                    "movaps xmm15, [rsp + 240]",
                    "add rsp, 264",
                    "pop r11",
                    "pop r10",
                    "pop r9",
                    "pop r8",
                    "pop rdi",
                    "pop rsi",
                    "pop rdx",
                    "pop rcx",
                    "pop rax",
                    "pop rbp",
                    ".cfi_def_cfa rsp, 8",
                    "ret",
                    ".cfi_endproc",
                    target = sym $target,
                )
            }
        };
    }

    /// The table: `name(number of parameters -> number of results) = function`.
    macro_rules! table {
        ($($name:ident($params:tt -> $results:tt) = $target:path;)*) => {
            $(table!(@ $params $results $name, $target);)*

            /// The function of a name.
            pub(super) fn function(name: &str) -> Option<*const u8> {
                match name {
                    $(stringify!($name) => Some($name as *const u8),)*
                    _ => None,
                }
            }
        };
        (@ 1 0 $name:ident, $target:path) => { kept!($name, $target, ""); };
        (@ 1 1 $name:ident, $target:path) => { kept!($name, $target, "mov rcx, [rsp + 16]\nmov [rcx], rax"); };
        (@ 2 1 $name:ident, $target:path) => { kept!($name, $target, "mov rcx, [rsp + 32]\nmov [rcx], rax"); };
        (@ 3 1 $name:ident, $target:path) => { kept!($name, $target, "mov rcx, [rsp + 48]\nmov [rcx], rax"); };
        (@ 3 2 $name:ident, $target:path) => {
            kept!($name, $target, "mov rcx, [rsp + 48]\nmov [rcx], rax\nmov [rcx + 8], rdx");
        };
    }

    table! {
        malloc(1 -> 1) = heap::vex_malloc;
        calloc(2 -> 1) = heap::vex_calloc;
        free(1 -> 0) = heap::vex_free;
        bump_alloc(3 -> 2) = bump::vex_bump_alloc;
        bump_alloc_zeroed(3 -> 2) = bump::vex_bump_alloc_zeroed;
        bump_drop(1 -> 1) = bump::vex_bump_drop;
        stack_alloc(3 -> 2) = stack::vex_stack_alloc;
        stack_pop(1 -> 1) = stack::vex_stack_pop;
        stack_drop(1 -> 1) = stack::vex_stack_drop;
        pool_alloc(1 -> 1) = pool::vex_pool_alloc;
        pool_dealloc(2 -> 1) = pool::vex_pool_dealloc;
        pool_drop(1 -> 1) = pool::vex_pool_drop;
        checked_access(3 -> 1) = access::vexrt_checked_access;
        checked_leave(1 -> 0) = access::vexrt_checked_leave;
    }
}
