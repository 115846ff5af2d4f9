//! Functions that can be replaced: each has an address of its own that never changes, a jump through a word of memory
//! that says where its code is now. Calls and function pointers know only the former.

use super::JitError;
use super::arena::Arena;
use super::memory::Sizes;

/// Bytes of a jump: `jmp [rip + disp32]`, and two that trap.
pub(super) const JUMP: usize = 8;

/// Functions in a table.
const TABLE: usize = 512;

/// A jump and the word it goes through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// What is called.
    pub entry: *const u8,
    /// Where the code is.
    target: *mut *const u8,
}

impl Slot {
    /// Where it leads; `None` for one that leads nowhere yet.
    pub fn code(&self) -> Option<usize> {
        // SAFETY: as for `set`.
        let code = unsafe { self.target.read_volatile() };
        (!code.is_null()).then(|| code.addr())
    }

    /// Lets the slot lead to `code` from now on.
    pub fn set(&self, code: *const u8) {
        // SAFETY: a word of a table's variables, which live as long as the session; only this thread, which is not
        // running code of the session meanwhile, writes it.
        unsafe { self.target.write_volatile(code) }
    }
}

/// The tables of a session.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// Slots of the last table that nobody has yet.
    free: Vec<Slot>,
}

impl Slots {
    /// A slot that leads nowhere yet.
    ///
    /// # Errors
    /// Those of [`Arena::take`].
    pub fn make(&mut self, arena: &mut Arena) -> Result<Slot, JitError> {
        if self.free.is_empty() {
            self.table(arena)?;
        }
        self.free.pop().ok_or(JitError::OutOfMemory)
    }

    fn table(&mut self, arena: &mut Arena) -> Result<(), JitError> {
        let size = TABLE * JUMP;
        let taken = arena.take(Sizes { code: size, constants: 0, variables: size })?;
        let place = arena.place(&taken);
        for index in (0..TABLE).rev() {
            let (entry, target) =
                (place.code.wrapping_add(index * JUMP), place.variables.wrapping_add(index * JUMP));
            // Counted from the end of the six bytes; one block of memory is never larger than 2 GiB.
            let offset = target.addr().wrapping_sub(entry.addr() + 6) as i32;
            let [a, b, c, d] = offset.to_le_bytes();
            // SAFETY: the bytes were taken above and are open for writing until the seal below.
            unsafe { entry.cast::<[u8; JUMP]>().write([0xff, 0x25, a, b, c, d, 0xcc, 0xcc]) };
            self.free.push(Slot { entry, target: target.cast() });
        }
        arena.seal(&taken)
    }
}
