//! The memory a program's code and data live in: one block from the manager with the capability to execute, cut into
//! code, constants and variables, so that any part reaches any other with a 32-bit offset.
//!
//! Never writable and executable at once: the block is written, then sealed.

use std::io;

use cranelift_jit::{BranchProtection, JITMemoryKind, JITMemoryProvider};
use cranelift_module::ModuleResult;

use super::JitError;

/// Bytes that each part of a program needs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sizes {
    /// Machine code.
    pub code: usize,
    /// Data that is not written.
    pub constants: usize,
    /// Data that may be written.
    pub variables: usize,
}

/// The block. It is freed when this is dropped.
#[derive(Debug)]
pub(super) struct ProgramMemory {
    base: *mut u8,
    /// Bytes of each part, in whole OS pages.
    sizes: Sizes,
}

// SAFETY: the block belongs to this value alone, as a `Box` would; what is shared of it is read-only or synchronised
// by whoever runs the program.
unsafe impl Send for ProgramMemory {}
// SAFETY: as above: through a shared reference only addresses can be had.
unsafe impl Sync for ProgramMemory {}

impl ProgramMemory {
    /// Gets a block with room for `sizes`, zeroed, readable and writable.
    ///
    /// # Errors
    /// [`JitError::OutOfMemory`]
    pub fn new(sizes: Sizes) -> Result<ProgramMemory, JitError> {
        // A page for each part even when it is empty, so that every part has an address of its own.
        let page = page_size();
        let pages = |bytes: usize| bytes.max(1).checked_next_multiple_of(page);
        let parts = (pages(sizes.code), pages(sizes.constants), pages(sizes.variables));
        let (Some(code), Some(constants), Some(variables)) = parts else { return Err(JitError::OutOfMemory) };
        let sizes = Sizes { code, constants, variables };
        let total = total(sizes).filter(|&total| total < 1 << 31).ok_or(JitError::OutOfMemory)?;
        let base = map(total).ok_or(JitError::OutOfMemory)?;
        Ok(ProgramMemory { base, sizes })
    }

    /// First byte of the code.
    pub fn code(&self) -> *mut u8 {
        self.base
    }

    /// First byte of the constants.
    pub fn constants(&self) -> *mut u8 {
        self.base.wrapping_add(self.sizes.code)
    }

    /// First byte of the variables.
    pub fn variables(&self) -> *mut u8 {
        self.constants().wrapping_add(self.sizes.constants)
    }

    /// Makes the code executable and the constants read-only; neither can be written again.
    ///
    /// # Errors
    /// [`JitError::Seal`] when the OS refuses.
    pub fn seal(&self) -> Result<(), JitError> {
        let parts = [
            (self.code(), self.sizes.code, libc::PROT_READ | libc::PROT_EXEC),
            (self.constants(), self.sizes.constants, libc::PROT_READ),
        ];
        for (start, size, protection) in parts {
            // SAFETY: whole pages of this value's own block, which nobody is running or writing yet.
            if unsafe { libc::mprotect(start.cast(), size, protection) } != 0 {
                return Err(JitError::Seal(io::Error::last_os_error()));
            }
        }
        Ok(())
    }
}

impl Drop for ProgramMemory {
    fn drop(&mut self) {
        let total = total(self.sizes).unwrap_or(0);
        // SAFETY: exactly the mapping made in `new`; the program it belongs to is being dropped, so it is not running.
        unsafe { libc::munmap(self.base.cast(), total) };
    }
}

fn total(sizes: Sizes) -> Option<usize> {
    sizes.code.checked_add(sizes.constants)?.checked_add(sizes.variables)
}

fn page_size() -> usize {
    // SAFETY: asks for a number.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

fn map(size: usize) -> Option<*mut u8> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping at an address of the kernel's choice.
    let base =
        unsafe { libc::mmap(std::ptr::null_mut(), size, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
    (base != libc::MAP_FAILED).then_some(base.cast())
}

/// Hands the code part of a block to the JIT module, from its start to its end.
#[derive(Debug)]
pub(super) struct CodeProvider {
    start: *mut u8,
    used: usize,
    size: usize,
}

// SAFETY: it hands out parts of a block that nobody else writes while the module is being made.
unsafe impl Send for CodeProvider {}

impl CodeProvider {
    /// A provider of the code part of `memory`, which must outlive whatever is placed there.
    pub fn new(memory: &ProgramMemory) -> CodeProvider {
        CodeProvider { start: memory.code(), used: 0, size: memory.sizes.code }
    }
}

impl JITMemoryProvider for CodeProvider {
    fn allocate(&mut self, size: usize, align: u64, kind: JITMemoryKind) -> io::Result<*mut u8> {
        if !matches!(kind, JITMemoryKind::Executable) {
            return Err(io::Error::other("the linker places data itself"));
        }
        let start = self.used.next_multiple_of(align as usize);
        let end = start.checked_add(size).filter(|&end| end <= self.size);
        self.used = end.ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        Ok(self.start.wrapping_add(start))
    }

    /// Does nothing: the block belongs to the program, not to the module.
    unsafe fn free_memory(&mut self) {}

    /// Does nothing: the linker seals the block once the data is in place too.
    fn finalize(&mut self, _protection: BranchProtection) -> ModuleResult<()> {
        Ok(())
    }
}
