//! Calling conventions: that of the program's own functions, and C's for everything outside.
//!
//! **Own functions.** A flat value is passed as its leaves, any other by the address of a copy that belongs to the
//! callee. At most two leaves come back in registers; a result with more is written to memory whose address is the
//! first argument. On scalars this agrees with C, so a function of scalars can be called from C.
//!
//! **C** (System V x86-64). A structure of up to 16 bytes travels as words of 8 bytes, each in an integer or float
//! register by what lies in it, all of them on the stack when the registers run short; a bigger one is copied to the
//! stack. Results of up to 16 bytes come back in registers, bigger ones through an address passed first.

use cranelift_codegen::ir::{AbiParam, ArgumentPurpose, Signature, Type, types};
use smallvec::SmallVec;

use super::decl::LowerOptions;
use super::value::{TypeInfo, TypeTable};
use crate::types::{Ty, TyKind, Types};

/// Results with more leaves than this go through memory.
const MAX_RETURNED: usize = 2;

/// Integer and float argument registers of System V.
const INT_REGS: usize = 6;
const FLOAT_REGS: usize = 8;

/// Whether a result of this type is written through an address that the caller passes first.
pub(super) fn returns_through_memory(info: &TypeInfo) -> bool {
    !info.flat || info.len() > MAX_RETURNED
}

/// The signature of one of the program's own functions.
pub(super) fn own_signature(
    table: &TypeTable,
    options: &LowerOptions,
    params: impl Iterator<Item = Ty>,
    ret: Ty,
) -> Signature {
    let mut sig = Signature::new(options.call_conv);
    let result = table.get(ret);
    if returns_through_memory(result) {
        sig.params.push(AbiParam::new(options.pointer));
    } else {
        sig.returns.extend(result.leaves.iter().map(|leaf| AbiParam::new(leaf.ty)));
    }
    for ty in params {
        let info = table.get(ty);
        if info.flat {
            sig.params.extend(info.leaves.iter().map(|leaf| AbiParam::new(leaf.ty)));
        } else {
            sig.params.push(AbiParam::new(options.pointer));
        }
    }
    sig
}

/// Eight bytes of a structure, as they travel in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// The register's type.
    pub ty: Type,
    /// The only leaf in it, if it starts where the word starts.
    pub leaf: Option<u32>,
}

/// How C passes a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CPass {
    /// A scalar in a register or on the stack; zero-sized values take nothing.
    Leaf,
    /// A structure in registers.
    Words(SmallVec<[Word; 2]>),
    /// Copied to memory: to the stack as an argument, through an address as a result. The size in bytes.
    Memory(u32),
}

/// A C function's type.
#[derive(Clone, Debug)]
pub(super) struct CSignature {
    /// For the machine.
    pub sig: Signature,
    /// How each parameter is passed.
    pub params: SmallVec<[CPass; 6]>,
    /// How the result comes back.
    pub ret: CPass,
}

/// The type of a C function for these parameters and this result.
pub(super) fn c_signature(
    types: &Types,
    table: &TypeTable,
    options: &LowerOptions,
    params: impl Iterator<Item = Ty>,
    ret: Ty,
) -> CSignature {
    let mut sig = Signature::new(options.call_conv);
    let (mut ints, mut floats) = (0, 0);
    let result = classify(types, table, ret);
    match &result {
        CPass::Leaf => sig.returns.extend(table.get(ret).leaves.iter().map(|leaf| AbiParam::new(leaf.ty))),
        CPass::Words(words) => sig.returns.extend(words.iter().map(|word| AbiParam::new(word.ty))),
        CPass::Memory(_) => {
            sig.params.push(AbiParam::special(options.pointer, ArgumentPurpose::StructReturn));
            ints += 1;
        }
    }
    let mut passes = SmallVec::new();
    for ty in params {
        let mut pass = classify(types, table, ty);
        if let CPass::Words(words) = &pass {
            let float = words.iter().filter(|word| word.ty.is_float()).count();
            if ints + words.len() - float > INT_REGS || floats + float > FLOAT_REGS {
                pass = CPass::Memory(table.get(ty).size as u32);
            }
        }
        let mut register = |param: AbiParam, count: bool| {
            if count {
                *(if param.value_type.is_float() { &mut floats } else { &mut ints }) += 1;
            }
            sig.params.push(param);
        };
        match &pass {
            CPass::Leaf => {
                for leaf in &table.get(ty).leaves {
                    register(extended(types, ty, leaf.ty), true);
                }
            }
            CPass::Words(words) => words.iter().for_each(|word| register(AbiParam::new(word.ty), true)),
            CPass::Memory(size) => {
                let purpose = ArgumentPurpose::StructArgument(size.next_multiple_of(8));
                register(AbiParam::special(options.pointer, purpose), false);
            }
        }
        passes.push(pass);
    }
    CSignature { sig, params: passes, ret: result }
}

/// Callees may rely on narrow integers being extended to 32 bits.
fn extended(types: &Types, ty: Ty, machine: Type) -> AbiParam {
    let param = AbiParam::new(machine);
    match types.kind(ty) {
        TyKind::Bool => param.uext(),
        TyKind::Int(int) if int.bits() < 32 => {
            if int.signed() {
                param.sext()
            } else {
                param.uext()
            }
        }
        _ => param,
    }
}

fn classify(types: &Types, table: &TypeTable, ty: Ty) -> CPass {
    let info = table.get(ty);
    let aggregate = matches!(
        types.kind(ty),
        TyKind::Struct { .. } | TyKind::Tuple(_) | TyKind::Array { .. } | TyKind::Str | TyKind::Slice { .. }
    );
    if !aggregate || info.size == 0 {
        return CPass::Leaf;
    }
    if info.size > 16 {
        return CPass::Memory(info.size as u32);
    }
    let mut scalars = Vec::new();
    collect_scalars(types, table, ty, 0, &mut scalars);
    let words = (0..info.size.div_ceil(8)).map(|word| {
        let inside: SmallVec<[(usize, u64, Type); 8]> = scalars
            .iter()
            .enumerate()
            .filter(|(_, (offset, _))| offset / 8 == word)
            .map(|(index, &(offset, ty))| (index, offset, ty))
            .collect();
        match inside[..] {
            [(index, offset, ty)] if offset % 8 == 0 => Word { ty, leaf: info.flat.then_some(index as u32) },
            _ => {
                let float = !inside.is_empty() && inside.iter().all(|(_, _, ty)| ty.is_float());
                Word { ty: if float { types::F64 } else { types::I64 }, leaf: None }
            }
        }
    });
    CPass::Words(words.collect())
}

/// Every scalar in a value of type `ty` that starts at `base`, in memory order.
fn collect_scalars(types: &Types, table: &TypeTable, ty: Ty, base: u64, out: &mut Vec<(u64, Type)>) {
    let info = table.get(ty);
    if info.flat {
        out.extend(info.leaves.iter().map(|leaf| (base + u64::from(leaf.offset), leaf.ty)));
        return;
    }
    if let TyKind::Array { elem, len } = types.kind(ty) {
        let size = table.get(*elem).size;
        for index in 0..*len {
            collect_scalars(types, table, *elem, base + index * size, out);
        }
    }
    for field in &info.fields {
        collect_scalars(types, table, field.ty, base + field.offset, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> LowerOptions {
        LowerOptions::new(&*crate::lower::tests::build::isa())
    }

    #[test]
    fn structures_travel_as_c_says() {
        let mut all = Types::new();
        let mut tuple = |elems: &[Ty]| all.intern(TyKind::Tuple(elems.to_vec()));
        let two_ints = tuple(&[Ty::I32, Ty::I32]);
        let mixed = tuple(&[Ty::I64, Ty::F64]);
        let floats = tuple(&[Ty::F32, Ty::F32, Ty::F32]);
        let big = tuple(&[Ty::I64, Ty::I64, Ty::I8]);
        let bytes = all.intern(TyKind::Array { elem: Ty::U8, len: 12 });
        let table = TypeTable::new(&all, types::I64);
        let words = |ty| match classify(&all, &table, ty) {
            CPass::Words(words) => words.iter().map(|w| (w.ty, w.leaf)).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(words(two_ints), [(types::I64, None)]);
        assert_eq!(words(mixed), [(types::I64, Some(0)), (types::F64, Some(1))]);
        assert_eq!(words(floats), [(types::F64, None), (types::F32, Some(2))]);
        assert_eq!(words(bytes), [(types::I64, None), (types::I64, None)]);
        assert_eq!(classify(&all, &table, big), CPass::Memory(24));
        assert_eq!(classify(&all, &table, Ty::U8), CPass::Leaf);
    }

    #[test]
    fn a_structure_never_straddles_the_last_register() {
        let all = Types::new();
        let table = TypeTable::new(&all, types::I64);
        let params = [Ty::I64, Ty::I64, Ty::I64, Ty::I64, Ty::I64, Ty::STR, Ty::I64];
        let c = c_signature(&all, &table, &options(), params.into_iter(), Ty::STR);
        assert_eq!(c.params[5], CPass::Memory(16));
        assert_eq!(c.sig.params[5].purpose, ArgumentPurpose::StructArgument(16));
        assert_eq!(c.sig.params.len(), 7);
        assert_eq!(c.sig.returns.len(), 2);
    }

    #[test]
    fn own_functions_return_two_leaves_at_most() {
        let mut all = Types::new();
        let three = all.intern(TyKind::Tuple(vec![Ty::I64, Ty::I64, Ty::I64]));
        let table = TypeTable::new(&all, types::I64);
        let sig = own_signature(&table, &options(), [Ty::STR, three].into_iter(), three);
        assert_eq!((sig.params.len(), sig.returns.len()), (6, 0));
        let sig = own_signature(&table, &options(), [Ty::UNIT].into_iter(), Ty::STR);
        assert_eq!((sig.params.len(), sig.returns.len()), (0, 2));
    }
}
