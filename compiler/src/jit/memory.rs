//! The memory a program's code and data live in: one block from the manager with the capability to execute, cut into
//! code, constants and variables, so that any part reaches any other with a 32-bit offset.
//!
//! Never writable and executable at once: the block is written, then all but the variables is sealed.

use std::io;
use std::ops::Range;
use std::ptr::NonNull;

use cranelift_jit::{BranchProtection, JITMemoryKind, JITMemoryProvider};
use cranelift_module::ModuleResult;
use vex_runtime::checked;
use vex_runtime::manager::executable;
use vex_runtime::os;

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

/// Alignment of the constants, and so the largest one of them can ask for.
const CONSTANTS_ALIGN: usize = 64;

/// The block. It is freed when this is dropped.
#[derive(Debug)]
pub(super) struct ProgramMemory {
    base: NonNull<u8>,
    /// Bytes of code.
    code: usize,
    /// Bytes before the constants.
    constants: usize,
    /// Bytes before the variables, in whole OS pages.
    variables: usize,
    /// Bytes of the block.
    total: usize,
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
        let layout = || {
            let constants = sizes.code.checked_next_multiple_of(CONSTANTS_ALIGN)?;
            let variables = os::round_to_pages(constants.checked_add(sizes.constants)?)?;
            let total = variables.checked_add(sizes.variables)?;
            // A 32-bit offset has to reach from one end to the other.
            (total < 1 << 31).then_some((constants, variables, total))
        };
        let (constants, variables, total) = layout().ok_or(JitError::OutOfMemory)?;
        // Checked code has all that it points at where the addresses leave room for tags.
        let base = match checked::is_enabled() {
            true => checked::program_area(total),
            false => executable::allocate(total),
        };
        let base = base.ok_or(JitError::OutOfMemory)?;
        Ok(ProgramMemory { base, code: sizes.code, constants, variables, total })
    }

    /// First byte of the code.
    pub fn code(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// First byte of the constants.
    pub fn constants(&self) -> *mut u8 {
        self.code().wrapping_add(self.constants)
    }

    /// First byte of the variables.
    pub fn variables(&self) -> *mut u8 {
        self.code().wrapping_add(self.variables)
    }

    /// Addresses of the variables.
    pub fn variables_range(&self) -> Range<usize> {
        let start = self.variables().addr();
        start..start + (self.total - self.variables)
    }

    /// Where its parts are.
    pub fn place(&self) -> Place {
        Place {
            code: self.code(),
            code_size: self.code,
            constants: self.constants(),
            variables: self.variables(),
        }
    }

    /// Makes the code executable; it and the constants can no longer be written.
    ///
    /// # Errors
    /// [`JitError::Seal`] when the OS refuses.
    pub fn seal(&self) -> Result<(), JitError> {
        // SAFETY: the start of this value's own block, up to a page's end; nobody writes there after linking.
        if unsafe { executable::seal(self.base, self.variables) } {
            Ok(())
        } else {
            Err(JitError::Seal(io::Error::last_os_error()))
        }
    }
}

impl Drop for ProgramMemory {
    fn drop(&mut self) {
        if !checked::is_enabled() {
            // SAFETY: exactly the block allocated in `new`; the program it belongs to is being dropped, so it is not
            // running.
            return unsafe { executable::free(self.base, self.total) };
        }
        // SAFETY: as above: `new` had the block from there, since the checked mode is never switched off.
        unsafe {
            if executable::unseal(self.base, self.variables) {
                checked::program_area_free(self.base, self.total);
            }
        }
    }
}

/// Where a program goes: memory that is writable until it is sealed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// First byte of the code.
    pub code: *mut u8,
    /// Bytes of code.
    pub code_size: usize,
    /// First byte of the constants.
    pub constants: *mut u8,
    /// First byte of the variables.
    pub variables: *mut u8,
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
    /// A provider of the code part of `place`, which must outlive whatever is placed there.
    pub fn new(place: &Place) -> CodeProvider {
        CodeProvider { start: place.code, used: 0, size: place.code_size }
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
