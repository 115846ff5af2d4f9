//! Calls that leave every register as it was.
//!
//! What generated code does in place ends, where it must, in a call that hardly ever happens. Were that an ordinary
//! call, all that the code around it keeps in registers would have to survive it, in the few registers that calls
//! preserve or on the stack, in every round of a loop that never makes it. So these save everything themselves, before
//! they call the runtime. A result goes where the last parameter says, because registers cannot bring it.

/// The function for a symbol of this file.
pub(super) fn resolve(symbol: &str) -> Option<*const u8> {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    return match symbol {
        "vexrt_kept_malloc" => Some(x64::malloc as *const u8),
        "vexrt_kept_calloc" => Some(x64::calloc as *const u8),
        "vexrt_kept_free" => Some(x64::free as *const u8),
        _ => None,
    };
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    return None;
}

/// Whether there are such functions for this machine.
pub(super) const AVAILABLE: bool = cfg!(all(target_arch = "x86_64", target_os = "linux"));

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod x64 {
    use core::arch::global_asm;

    /// A function that saves all registers, calls another one, and does one more thing before it restores them: there
    /// `rax` is the result, and the parameters are at `[rbp - 40]`, `[rbp - 32]` and `[rbp - 24]`.
    macro_rules! kept {
        ($(#[doc = $doc:literal])* $name:ident = $symbol:literal, $target:path, $finish:literal) => {
            unsafe extern "C" {
                $(#[doc = $doc])*
                #[link_name = $symbol]
                pub(super) fn $name();
            }

            global_asm!(
                ".pushsection .text",
                ".balign 16",
                concat!(".globl ", $symbol),
                concat!(".hidden ", $symbol),
                concat!(".type ", $symbol, ",@function"),
                concat!($symbol, ":"),
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
                "movups [rsp], xmm0",
                "movups [rsp + 16], xmm1",
                "movups [rsp + 32], xmm2",
                "movups [rsp + 48], xmm3",
                "movups [rsp + 64], xmm4",
                "movups [rsp + 80], xmm5",
                "movups [rsp + 96], xmm6",
                "movups [rsp + 112], xmm7",
                "movups [rsp + 128], xmm8",
                "movups [rsp + 144], xmm9",
                "movups [rsp + 160], xmm10",
                "movups [rsp + 176], xmm11",
                "movups [rsp + 192], xmm12",
                "movups [rsp + 208], xmm13",
                "movups [rsp + 224], xmm14",
                "movups [rsp + 240], xmm15",
                "call {target}",
                $finish,
                "movups xmm0, [rsp]",
                "movups xmm1, [rsp + 16]",
                "movups xmm2, [rsp + 32]",
                "movups xmm3, [rsp + 48]",
                "movups xmm4, [rsp + 64]",
                "movups xmm5, [rsp + 80]",
                "movups xmm6, [rsp + 96]",
                "movups xmm7, [rsp + 112]",
                "movups xmm8, [rsp + 128]",
                "movups xmm9, [rsp + 144]",
                "movups xmm10, [rsp + 160]",
                "movups xmm11, [rsp + 176]",
                "movups xmm12, [rsp + 192]",
                "movups xmm13, [rsp + 208]",
                "movups xmm14, [rsp + 224]",
                "movups xmm15, [rsp + 240]",
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
                concat!(".size ", $symbol, ", . - ", $symbol),
                ".popsection",
                target = sym $target,
            );
        };
    }

    kept! {
        /// `vex_malloc(size)`, stored to the second parameter.
        malloc = "vexc_kept_malloc", vex_runtime::prelude::alloc::vex_malloc, "mov rcx, [rbp - 32]\nmov [rcx], rax"
    }
    kept! {
        /// `vex_calloc(count, size)`, stored to the third parameter.
        calloc = "vexc_kept_calloc", vex_runtime::prelude::alloc::vex_calloc, "mov rcx, [rbp - 24]\nmov [rcx], rax"
    }
    kept! {
        /// `vex_free(block)`.
        free = "vexc_kept_free", vex_runtime::prelude::alloc::vex_free, ""
    }
}
