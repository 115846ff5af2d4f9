//! Puts compiled batches and data at their final addresses.
//!
//! Each batch is one object of the JIT module, whatever the number of functions in it, and a function is an offset
//! in its batch: the module's cost is one a batch. Data is laid out here: constants in one run, variables in another.

use std::sync::Arc;

use cranelift_codegen::ir::{LibCall, Signature};
use cranelift_codegen::isa::TargetIsa;
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{DataId, FuncId, Linkage, Module, ModuleReloc, ModuleRelocTarget};

use super::codegen::{Batch, Target};
use super::codemap::CodeMap;
use super::memory::{CodeProvider, Place, Sizes};
use super::{JitError, symbols};
use crate::lower::{DataDecl, DataTarget, SymbolDecl, namespace};

/// Alignment of batches, and so the largest a function can ask for.
const BATCH_ALIGN: u64 = 64;

/// What a program consists of besides its code.
pub(super) struct Parts<'a> {
    /// How many functions it has.
    pub functions: usize,
    /// Their names.
    pub name: &'a dyn Fn(u32) -> &'a str,
    /// What it needs from outside.
    pub symbols: &'a [SymbolDecl],
    /// Its data objects.
    pub data: &'a [DataDecl],
    /// Finds the address of what it needs from outside.
    pub resolve: &'a dyn Fn(&SymbolDecl) -> Option<*const u8>,
}

/// A program in memory, ready to run once that is sealed.
#[derive(Debug)]
pub(super) struct Linked {
    /// What is where in its code.
    pub map: CodeMap,
    /// Address of each function, by index; null for those that nothing needs.
    pub functions: Vec<*const u8>,
    /// Address of each data object, by index.
    pub data: Vec<*mut u8>,
}

/// Where the data objects go.
pub(super) struct DataLayout {
    offsets: Vec<usize>,
    constants: usize,
    variables: usize,
}

impl DataLayout {
    /// Gives each object its offset in its part; `None` when they exceed what can be addressed.
    pub fn new(data: &[DataDecl]) -> Option<DataLayout> {
        let mut layout = DataLayout { offsets: Vec::with_capacity(data.len()), constants: 0, variables: 0 };
        for object in data {
            let end = if object.writable { &mut layout.variables } else { &mut layout.constants };
            let start = end.checked_next_multiple_of(object.align as usize)?;
            *end = start.checked_add(object.size as usize)?;
            layout.offsets.push(start);
        }
        Some(layout)
    }
}

/// The memory that batches and data need.
pub(super) fn sizes(batches: &[Batch], layout: &DataLayout) -> Sizes {
    let code = batches.iter().map(|batch| batch.code.len().next_multiple_of(BATCH_ALIGN as usize)).sum();
    Sizes { code, constants: layout.constants, variables: layout.variables }
}

/// Links everything into memory of at least [`sizes`] bytes, zeroed and writable.
///
/// # Errors
/// [`JitError::UnknownSymbol`], [`JitError::OutOfMemory`].
pub(super) fn link(
    isa: Arc<dyn TargetIsa>,
    batches: Vec<Batch>,
    parts: &Parts<'_>,
    layout: &DataLayout,
    memory: &Place,
) -> Result<Linked, JitError> {
    let mut linker = Linker::new(isa, memory, &batches, parts)?;
    let mut starts = Vec::with_capacity(batches.len());
    for (index, batch) in batches.iter().enumerate() {
        starts.push(linker.define(index, batch, parts, layout)?);
    }
    linker.module.finalize_definitions().map_err(|_| JitError::OutOfMemory)?;

    let base = memory.code.cast_const();
    let mut map = CodeMap::named((0..parts.functions as u32).map(parts.name));
    let mut functions = vec![std::ptr::null(); parts.functions];
    for (index, batch) in batches.into_iter().enumerate() {
        let mut rows = 0;
        for function in &batch.functions {
            let address = starts[index].wrapping_add(function.offset as usize);
            let offset = address.addr() - base.addr();
            map.add(function.index, offset as u32, &batch.rows[rows..function.rows_end as usize]);
            rows = function.rows_end as usize;
            functions[function.index as usize] = address;
        }
    }
    map.place(base, memory.code_size);
    let data = write_data(memory, parts, layout, &functions)?;
    Ok(Linked { map, functions, data })
}

/// The JIT module with everything declared.
struct Linker {
    module: JITModule,
    batches: Vec<FuncId>,
    /// By function: its batch and its offset in that.
    places: Vec<(u32, u32)>,
    symbols: Vec<ModuleRelocTarget>,
    constants: DataId,
    variables: DataId,
}

/// Name under which a helper of the code generator is registered.
fn libcall_name(call: LibCall) -> String {
    format!("libcall:{call}")
}

impl Linker {
    fn new(
        isa: Arc<dyn TargetIsa>,
        memory: &Place,
        batches: &[Batch],
        parts: &Parts<'_>,
    ) -> Result<Linker, JitError> {
        let call_conv = isa.default_call_conv();
        let mut builder = JITBuilder::with_isa(isa, Box::new(libcall_name));
        builder.memory_provider(Box::new(CodeProvider::new(memory)));
        builder.symbol("data:constants", memory.constants);
        builder.symbol("data:variables", memory.variables);
        for reloc in batches.iter().flat_map(|batch| &batch.relocs) {
            if let Target::LibCall(call) = reloc.target {
                let name = libcall_name(call);
                let helper =
                    symbols::libcall(call).ok_or_else(|| JitError::UnknownSymbol(call.to_string()))?;
                builder.symbol(name, helper);
            }
        }
        for symbol in parts.symbols {
            let address =
                (parts.resolve)(symbol).ok_or_else(|| JitError::UnknownSymbol(symbol.name.clone()))?;
            builder.symbol(symbol.name.clone(), address);
        }
        let mut module = JITModule::new(builder);
        // Calls carry their own signatures, so that of the declaration does not matter.
        let signature = Signature::new(call_conv);
        let mut symbols = Vec::with_capacity(parts.symbols.len());
        for symbol in parts.symbols {
            symbols.push(if symbol.data {
                module.declare_data(&symbol.name, Linkage::Import, true, false).map_err(internal)?.into()
            } else {
                module.declare_function(&symbol.name, Linkage::Import, &signature).map_err(internal)?.into()
            });
        }
        let constants =
            module.declare_data("data:constants", Linkage::Import, false, false).map_err(internal)?;
        let variables =
            module.declare_data("data:variables", Linkage::Import, true, false).map_err(internal)?;
        let mut places = vec![(u32::MAX, 0); parts.functions];
        for (number, batch) in (0..).zip(batches) {
            for function in &batch.functions {
                places[function.index as usize] = (number, function.offset);
            }
        }
        let batches = batches
            .iter()
            .map(|_| module.declare_anonymous_function(&signature).map_err(internal))
            .collect::<Result<_, _>>()?;
        Ok(Linker { module, batches, places, symbols, constants, variables })
    }

    /// Copies a batch to its place, which comes back.
    fn define(
        &mut self,
        index: usize,
        batch: &Batch,
        parts: &Parts<'_>,
        layout: &DataLayout,
    ) -> Result<*const u8, JitError> {
        let target = |target: Target| match target {
            Target::User { namespace: namespace::INSTANCE, index } => {
                let (batch, offset) = self.places[index as usize];
                (ModuleRelocTarget::FunctionOffset(self.batches[batch as usize], offset), 0)
            }
            Target::User { namespace: namespace::SYMBOL, index } => (self.symbols[index as usize].clone(), 0),
            Target::User { namespace: namespace::DATA, index } => {
                let index = index as usize;
                let part = if parts.data[index].writable { self.variables } else { self.constants };
                (part.into(), layout.offsets[index] as i64)
            }
            Target::User { namespace, .. } => unreachable!("lowered code uses namespace {namespace}"),
            Target::LibCall(call) => (ModuleRelocTarget::LibCall(call), 0),
            Target::Here(offset) => (ModuleRelocTarget::FunctionOffset(self.batches[index], offset), 0),
        };
        let relocs: Vec<ModuleReloc> = batch
            .relocs
            .iter()
            .map(|reloc| {
                let (name, plus) = target(reloc.target);
                ModuleReloc { offset: reloc.offset, kind: reloc.kind, name, addend: reloc.addend + plus }
            })
            .collect();
        let id = self.batches[index];
        self.module.define_function_bytes(id, BATCH_ALIGN, &batch.code, &relocs).map_err(internal)?;
        Ok(self.module.get_address(&ModuleRelocTarget::FunctionOffset(id, 0)))
    }
}

/// The module refuses only what a bug of ours could ask for, or memory, of which there is exactly enough.
fn internal(error: cranelift_module::ModuleError) -> JitError {
    JitError::Link(error.to_string())
}

/// Writes the data objects and the addresses in them; where they are.
fn write_data(
    memory: &Place,
    parts: &Parts<'_>,
    layout: &DataLayout,
    functions: &[*const u8],
) -> Result<Vec<*mut u8>, JitError> {
    let data = parts.data;
    let place = |index: usize| {
        let part = if data[index].writable { memory.variables } else { memory.constants };
        part.wrapping_add(layout.offsets[index])
    };
    for (index, object) in data.iter().enumerate() {
        let start = place(index);
        debug_assert!(object.bytes.len() as u64 <= object.size);
        // SAFETY: `layout` gave the object `size` bytes of its part, and `bytes` is no longer than that; the memory
        // is zeroed and not sealed yet.
        unsafe { std::ptr::copy_nonoverlapping(object.bytes.as_ptr(), start, object.bytes.len()) };
        for &(offset, target) in &object.relocs {
            let address = match target {
                DataTarget::Instance(index) => functions[index as usize],
                DataTarget::Data(index) => place(index as usize).cast_const(),
                DataTarget::Symbol(index) => {
                    let symbol = &parts.symbols[index as usize];
                    (parts.resolve)(symbol).ok_or_else(|| JitError::UnknownSymbol(symbol.name.clone()))?
                }
            };
            debug_assert!(u64::from(offset) + 8 <= object.size);
            // SAFETY: the word lies inside the object, see above.
            unsafe { start.add(offset as usize).cast::<*const u8>().write_unaligned(address) };
        }
    }
    Ok((0..data.len()).map(place).collect())
}
