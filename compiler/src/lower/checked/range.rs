//! Whole values: copies, and memory that is tested at once because somebody else then reads or writes it.

use cranelift_codegen::ir::{self, types};

use super::access::Access;
use crate::lower::addr::{Addr, Kind};
use crate::lower::func::Lower;
use crate::lower::rt::Rt;
use crate::lower::value::TypeInfo;

impl Lower<'_> {
    /// Memory that is to be written by code that tests nothing: tested here, and from now on taken as written.
    pub(in crate::lower) fn settled(&mut self, addr: Addr, info: &TypeInfo) -> Addr {
        if !self.is_guarded(&addr) || info.size == 0 {
            return addr;
        }
        self.tested(addr, info.size, info.align, true)
    }

    /// `size` bytes that are read or written without further tests, and may be read though they were never written.
    pub(in crate::lower) fn tested(&mut self, addr: Addr, size: u64, align: u64, write: bool) -> Addr {
        let size = self.int(types::I64, size as i64);
        let start = self.tested_range(addr, size, align, write, true);
        Addr::value(start, Kind::Shared)
    }

    /// As [`Lower::tested`], for a number of bytes known at run time only; the address without a tag.
    pub(in crate::lower) fn tested_range(
        &mut self,
        addr: Addr,
        size: ir::Value,
        align: u64,
        write: bool,
        unwritten: bool,
    ) -> ir::Value {
        let what = self.what_of(addr, align, write, unwritten);
        let start = self.address(addr);
        self.rt(Rt::CheckedRange, &[start, size, what])[0]
    }

    fn what_of(&mut self, addr: Addr, align: u64, write: bool, unwritten: bool) -> ir::Value {
        let align = if matches!(addr.kind(), Kind::Bytes) { 1 } else { align.max(1) as u32 };
        let integer = addr.kind() == Kind::Integer;
        let what = Access { size: 0, align, write, unwritten, integer }.what();
        self.int(types::I64, what)
    }

    /// Copies a value that is not flat, of which one side at least is tested.
    pub(in crate::lower) fn copy_tested(&mut self, dst: Addr, src: Addr, size: u64, align: u64) {
        if size == 0 {
            return;
        }
        match (self.is_guarded(&dst), self.is_guarded(&src)) {
            (true, true) => {
                let what = self.what_of(dst, align, true, true);
                let (dst, src) = (self.address(dst), self.address(src));
                let size = self.int(types::I64, size as i64);
                self.rt(Rt::CheckedCopy, &[dst, src, size, what]);
            }
            (true, false) => {
                let dst = self.tested(dst, size, align, true);
                self.copy_bytes(dst, src, size);
            }
            (_, guarded) => {
                let src = if guarded { self.tested(src, size, align, false) } else { src };
                self.copy_bytes(dst, src, size);
            }
        }
    }
}
