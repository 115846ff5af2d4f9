//! The operators `new` and `delete` of C++, under their mangled names (64 bits).
//!
//! When memory runs out, `new` must call the program's new-handler again and
//! again, and without one throw `std::bad_alloc`. Both may unwind through `new`,
//! which Rust code that aborts on panics does not let happen. So on x86-64 the
//! frame in between is assembly. The functions to call are C++'s own, looked up
//! when they are needed; a program in which they cannot be found ends with a
//! message. `new (std::nothrow)` returns null without asking the handler, which
//! it would have to guard against exceptions.

#![allow(non_snake_case, reason = "mangled names")]

use core::ffi::{CStr, c_void};
use vex_runtime::{fault, heap, size};

/// The alignment of blocks that ask for none.
const ALIGN: usize = 16;

/// Allocates; null when there is no memory.
extern "C" fn try_new(size: usize, align: usize) -> *mut u8 {
    match size::is_alignment(align) {
        true => heap::allocate(size, align.max(ALIGN)),
        false => core::ptr::null_mut(),
    }
}

/// As [`try_new`], for ordinary alignments.
#[cfg(target_arch = "x86_64")]
extern "C" fn try_plain_new(size: usize) -> *mut u8 {
    heap::allocate(size, ALIGN)
}

/// A function without arguments, or null.
type Function = *const c_void;

/// What to call now that memory ran out: the program's new-handler, after which
/// one tries again, or something that does not return.
extern "C" fn when_out_of_memory() -> Function {
    let get_handler = find(c"_ZSt15get_new_handlerv");
    if !get_handler.is_null() {
        // SAFETY: the symbol is `std::new_handler std::get_new_handler() noexcept`.
        let get_handler =
            unsafe { core::mem::transmute::<Function, extern "C" fn() -> Function>(get_handler) };
        let handler = get_handler();
        if !handler.is_null() {
            return handler;
        }
    }
    let throw = find(c"_ZSt17__throw_bad_allocv");
    if throw.is_null() { give_up as *const c_void } else { throw }
}

/// The program's symbol of this name, or null.
fn find(name: &CStr) -> Function {
    // SAFETY: the name ends with a zero.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
}

/// Ends a program that cannot be told otherwise.
extern "C" fn give_up() -> ! {
    fault!(System, "out of memory: operator new has no memory, and no std::bad_alloc to throw")
}

/// Throwing forms of `new` for ordinary alignments: allocating is a call, and
/// what follows when that fails is left to [`retry`], in tail position.
macro_rules! plain_new {
    ($($name:ident;)*) => {$(
        /// The operator `new` of this name; throws when there is no memory.
        #[cfg(target_arch = "x86_64")]
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(_size: usize) -> *mut u8 {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "push rdi",
                ".cfi_adjust_cfa_offset 8",
                "call {allocate}",
                "pop rdi",
                ".cfi_adjust_cfa_offset -8",
                "test rax, rax",
                "jz 2f",
                "ret",
                "2:",
                "mov esi, 16",
                "jmp {retry}",
                ".cfi_endproc",
                allocate = sym try_plain_new,
                retry = sym retry,
            )
        }

        /// The operator `new` of this name; when there is no memory, it ends the
        /// program with a message.
        #[cfg(not(target_arch = "x86_64"))]
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(size: usize) -> *mut u8 {
            retry(size, ALIGN)
        }
    )*};
}

plain_new! {
    _Znwm;
    _Znam;
}

/// The throwing forms of `new` for alignments of the caller's.
macro_rules! aligned_new {
    ($($name:ident;)*) => {$(
        /// The operator `new` of this name; throws when there is no memory.
        #[cfg(target_arch = "x86_64")]
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(_size: usize, _align: usize) -> *mut u8 {
            core::arch::naked_asm!(".cfi_startproc", "jmp {retry}", ".cfi_endproc", retry = sym retry)
        }

        /// The operator `new` of this name; when there is no memory, it ends the
        /// program with a message.
        #[cfg(not(target_arch = "x86_64"))]
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(size: usize, align: usize) -> *mut u8 {
            retry(size, align)
        }
    )*};
}

aligned_new! {
    _ZnwmSt11align_val_t;
    _ZnamSt11align_val_t;
}

/// Allocates, and asks the program's new-handler until there is memory; exceptions
/// pass through here.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
extern "C" fn retry(_size: usize, _align: usize) -> *mut u8 {
    // Two saved registers and 8 bytes keep the stack aligned for calls.
    core::arch::naked_asm!(
        ".cfi_startproc",
        "push rbx",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_rel_offset rbx, 0",
        "push r12",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_rel_offset r12, 0",
        "sub rsp, 8",
        ".cfi_adjust_cfa_offset 8",
        "mov rbx, rdi",
        "mov r12, rsi",
        "2:",
        "mov rdi, rbx",
        "mov rsi, r12",
        "call {allocate}",
        "test rax, rax",
        "jz 3f",
        ".cfi_remember_state",
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        "pop r12",
        ".cfi_adjust_cfa_offset -8",
        ".cfi_restore r12",
        "pop rbx",
        ".cfi_adjust_cfa_offset -8",
        ".cfi_restore rbx",
        "ret",
        ".cfi_restore_state",
        "3:",
        "call {next}",
        "call rax",
        "jmp 2b",
        ".cfi_endproc",
        allocate = sym try_new,
        next = sym when_out_of_memory,
    )
}

/// Allocates, or ends the program with a message.
#[cfg(not(target_arch = "x86_64"))]
extern "C" fn retry(size: usize, align: usize) -> *mut u8 {
    let block = try_new(size, align);
    if block.is_null() { give_up() } else { block }
}

/// Forms of `new` that return null when there is no memory.
macro_rules! nothrow_new {
    ($($name:ident($size:ident $(, $align:ident)?);)*) => {$(
        /// The operator `new` of this name; null when there is no memory.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($size: usize $(, $align: usize)?, _nothrow: *const c_void) -> *mut u8 {
            let align = ALIGN;
            $(let align = align.max($align);)?
            try_new($size, align)
        }
    )*};
}

nothrow_new! {
    _ZnwmRKSt9nothrow_t(size);
    _ZnamRKSt9nothrow_t(size);
    _ZnwmSt11align_val_tRKSt9nothrow_t(size, align);
    _ZnamSt11align_val_tRKSt9nothrow_t(size, align);
}

/// Forms of `delete`: all of them free the block.
macro_rules! delete {
    ($($name:ident($($argument:ident),*);)*) => {$(
        /// The operator `delete` of this name.
        ///
        /// # Safety
        ///
        /// `block` is null or a live block, which nobody uses any more.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(block: *mut u8 $(, $argument: usize)*) {
            // SAFETY: the caller's word.
            unsafe { heap::deallocate(block) }
        }
    )*};
}

delete! {
    _ZdlPv();
    _ZdaPv();
    _ZdlPvm(_size);
    _ZdaPvm(_size);
    _ZdlPvRKSt9nothrow_t(_nothrow);
    _ZdaPvRKSt9nothrow_t(_nothrow);
    _ZdlPvSt11align_val_t(_align);
    _ZdaPvSt11align_val_t(_align);
    _ZdlPvmSt11align_val_t(_size, _align);
    _ZdaPvmSt11align_val_t(_size, _align);
    _ZdlPvSt11align_val_tRKSt9nothrow_t(_align, _nothrow);
    _ZdaPvSt11align_val_tRKSt9nothrow_t(_align, _nothrow);
}
