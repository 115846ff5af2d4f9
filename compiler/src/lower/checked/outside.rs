//! Arguments and results of functions that are not the program's own.

use cranelift_codegen::ir;

use crate::lower::func::{Leaves, Lower};
use crate::lower::rt::Rt;
use crate::types::{Ty, TyKind};

/// What a function from outside knows of tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::lower) enum Outside {
    /// It has a checked twin, which takes tagged pointers.
    Twin,
    /// It is the runtime's and takes plain addresses.
    Runtime,
    /// It may do anything with what it gets.
    Foreign,
}

impl Lower<'_> {
    /// What a function knows of tags; the program says that it calls it.
    pub(in crate::lower) fn outside(&self, symbol: &str) -> Outside {
        if vex_runtime::checked::twin(symbol).is_some() {
            Outside::Twin
        } else if vex_runtime::abi::find(symbol).is_some() {
            Outside::Runtime
        } else {
            Outside::Foreign
        }
    }

    /// The leaves of an argument as a function from outside gets them.
    pub(in crate::lower) fn handed_out(&mut self, leaves: Leaves, ty: Ty, to: Outside) -> Leaves {
        if to == Outside::Twin {
            return leaves;
        }
        let mut pointers = vec![false; leaves.len()];
        self.mark_pointers(ty, 0, &mut pointers);
        leaves
            .into_iter()
            .zip(pointers)
            .map(|(leaf, pointer)| match to {
                Outside::Foreign if pointer && !self.has_no_tag(leaf) => {
                    self.rt(Rt::CheckedExpose, &[leaf])[0]
                }
                _ if pointer => self.stripped(leaf),
                _ => leaf,
            })
            .collect()
    }

    /// Which leaves of a flat type are pointers. Types with variants do not cross.
    fn mark_pointers(&self, ty: Ty, first: usize, pointers: &mut [bool]) {
        let info = self.info(ty);
        match self.types.kind(ty) {
            TyKind::Ptr | TyKind::RawPtr { .. } | TyKind::Ref { .. } | TyKind::Str | TyKind::Slice { .. } => {
                pointers[first] = true;
            }
            _ if info.flat => {
                for field in &info.fields {
                    self.mark_pointers(field.ty, first + field.leaf as usize, pointers);
                }
            }
            _ => {}
        }
    }

    /// The result of a function from outside that the program declares as an integer: addresses come without a tag.
    pub(in crate::lower) fn taken_in(&mut self, symbol: &str, ret: Ty, results: Leaves) -> Leaves {
        use vex_runtime::abi::{AbiTy, find};
        let is_pointer = |row: &vex_runtime::abi::Export| {
            matches!(row.ret, AbiTy::Ptr | AbiTy::ConstPtr | AbiTy::CStr | AbiTy::PtrTo(_))
        };
        let wide = self.types.as_int(ret).is_some_and(|int| int.bits() == 64);
        if !wide || !find(symbol).is_none_or(is_pointer) {
            return results;
        }
        results.into_iter().map(|leaf| self.stripped(leaf)).collect()
    }

    /// Arguments of a function of the runtime that the code calls by itself.
    pub(in crate::lower) fn for_runtime(&mut self, rt: Rt, args: &[ir::Value]) -> Leaves {
        if self.outside(rt.symbol()) == Outside::Twin {
            return args.into();
        }
        args.iter()
            .zip(rt.pointers())
            .map(|(&arg, pointer)| if pointer { self.stripped(arg) } else { arg })
            .collect()
    }
}
