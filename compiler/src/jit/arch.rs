//! What is particular to the processor: getting onto the program's stack and off it again, and the registers a
//! signal handler finds.
//!
//! Generated code keeps the C convention, so entering it takes no more than saving what that convention says a
//! function preserves. Leaving early (after a report) restores the same registers and returns from [`enter`] as if
//! the program had returned; frames in between are forgotten, not unwound.

#[cfg(not(all(target_arch = "x86_64", any(target_os = "linux", target_os = "macos"))))]
compile_error!("entering and leaving generated code is written for x86-64 Linux and macOS only");

use std::arch::naked_asm;

use super::operand::General;

/// Restores what [`enter`] saved and returns from it.
macro_rules! epilogue {
    () => {
        concat!(
            "cld\n",
            "ldmxcsr [rsp]\n",
            "fldcw [rsp + 4]\n",
            "add rsp, 8\n",
            "pop r15\n",
            "pop r14\n",
            "pop r13\n",
            "pop r12\n",
            "pop rbx\n",
            "pop rbp\n",
            "ret"
        )
    };
}

/// Calls `code` on the stack that ends at `stack_top`, after storing at `*host` what [`leave`] needs. Returns what
/// the result register holds afterwards; after [`leave`] that is nothing of use.
///
/// # Safety
/// - `code` is a C function without arguments.
/// - `stack_top` is 16-aligned, with enough writable memory below it for the call.
/// - `host` stays valid until the call has ended.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn enter(code: *const u8, stack_top: *mut u8, host: *mut usize) -> i64 {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "stmxcsr [rsp]",
        "fnstcw [rsp + 4]",
        "mov [rdx], rsp",
        "mov rbx, rdx",
        "mov rsp, rsi",
        // Marks the end of the chain of frame pointers.
        "xor ebp, ebp",
        "call rdi",
        "mov rsp, [rbx]",
        epilogue!(),
    )
}

/// Ends the call of [`enter`] that stored `host`, from anywhere below it on the same thread.
///
/// # Safety
/// - That call has not ended.
/// - No frame between there and here needs to clean up, or the process is about to end.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn leave(host: usize) -> ! {
    naked_asm!("mov rsp, rdi", epilogue!())
}

/// The registers that matter to a report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registers {
    /// The instruction that was interrupted.
    pub pc: usize,
    /// The stack pointer.
    pub sp: usize,
    /// The frame pointer.
    pub fp: usize,
}

/// Reads the registers of the code a signal interrupted.
///
/// # Safety
/// `context` is the third argument of a handler installed with `SA_SIGINFO`.
#[cfg(target_os = "linux")]
pub(super) unsafe fn registers(context: *mut libc::c_void) -> Registers {
    // SAFETY: by the caller's word.
    let gregs = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let register = |index: libc::c_int| gregs[index as usize] as usize;
    Registers { pc: register(libc::REG_RIP), sp: register(libc::REG_RSP), fp: register(libc::REG_RBP) }
}

/// Reads the registers of the code a signal interrupted.
///
/// # Safety
/// `context` is the third argument of a handler installed with `SA_SIGINFO`.
#[cfg(target_os = "macos")]
pub(super) unsafe fn registers(context: *mut libc::c_void) -> Registers {
    // SAFETY: by the caller's word.
    let state = unsafe { &(*(*context.cast::<libc::ucontext_t>()).uc_mcontext).__ss };
    Registers { pc: state.__rip as usize, sp: state.__rsp as usize, fp: state.__rbp as usize }
}

/// All general registers as instructions number them.
///
/// # Safety
/// As for [`registers`].
#[cfg(target_os = "linux")]
pub(super) unsafe fn general(context: *mut libc::c_void) -> General {
    // SAFETY: by the caller's word.
    let gregs = unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    use libc::{REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    use libc::{REG_RAX, REG_RBP, REG_RBX, REG_RCX, REG_RDI, REG_RDX, REG_RSI, REG_RSP};
    let low = [REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI];
    let high = [REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15];
    std::array::from_fn(|index| {
        let register = if index < 8 { low[index] } else { high[index - 8] };
        gregs[register as usize] as u64
    })
}

/// All general registers as instructions number them.
///
/// # Safety
/// As for [`registers`].
#[cfg(target_os = "macos")]
pub(super) unsafe fn general(context: *mut libc::c_void) -> General {
    // SAFETY: by the caller's word.
    let state = unsafe { &(*(*context.cast::<libc::ucontext_t>()).uc_mcontext).__ss };
    [
        state.__rax,
        state.__rcx,
        state.__rdx,
        state.__rbx,
        state.__rsp,
        state.__rbp,
        state.__rsi,
        state.__rdi,
        state.__r8,
        state.__r9,
        state.__r10,
        state.__r11,
        state.__r12,
        state.__r13,
        state.__r14,
        state.__r15,
    ]
}

/// Whether `address` cannot be one: its upper bits are not copies of bit 47. The processor faults on such an address
/// without reporting it.
pub(super) fn impossible(address: u64) -> bool {
    let upper = (address as i64) >> 47;
    upper != 0 && upper != -1
}

/// Whether the bytes before a return address end in a call instruction.
pub(super) fn ends_in_call(before: &[u8]) -> bool {
    let at = |back: usize| before.len().checked_sub(back).map(|index| before[index]);
    // `FF /2`: an indirect call, whose length depends on how its operand is addressed.
    let indirect = |back: usize, modes: &[u8]| {
        at(back) == Some(0xff)
            && at(back - 1).is_some_and(|modrm| modrm & 0x38 == 0x10 && modes.contains(&(modrm >> 6)))
    };
    at(5) == Some(0xe8)
        || indirect(2, &[0, 3])
        || indirect(3, &[0, 1])
        || indirect(4, &[1])
        || indirect(6, &[0, 2])
        || indirect(7, &[0, 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    static mut SEEN: usize = 0;

    extern "C" fn seven() -> i64 {
        7
    }

    extern "C" fn leaves() -> i64 {
        // SAFETY: `enter`, below, has stored it; the frames in between hold nothing.
        unsafe { leave(SEEN) }
    }

    #[test]
    fn a_call_returns_or_is_left() {
        let mut stack = vec![0u128; 64 * 1024];
        let top = stack.as_mut_ptr_range().end.cast::<u8>();
        let mut host = 0;
        // SAFETY: a function without arguments, an aligned stack of a megabyte, a local that outlives the call.
        assert_eq!(unsafe { enter(seven as *const u8, top, &mut host) }, 7);
        // SAFETY: as above; no other test uses the static.
        unsafe { enter(leaves as *const u8, top, &raw mut SEEN) };
        // SAFETY: as above.
        assert_ne!(unsafe { SEEN }, 0);
    }

    #[test]
    fn calls_are_told_from_other_instructions() {
        assert!(ends_in_call(&[0xe8, 1, 2, 3, 4]));
        assert!(ends_in_call(&[0xff, 0xd0]));
        assert!(ends_in_call(&[0x41, 0xff, 0xd3]));
        assert!(ends_in_call(&[0xff, 0x50, 8]));
        assert!(!ends_in_call(&[0x48, 0x89, 0xc3, 0x90, 0x90]));
        assert!(!ends_in_call(&[]));
        assert!(impossible(0xdead_beef_dead_beef) && !impossible(0x7fff_0000_0000) && !impossible(u64::MAX));
    }
}
