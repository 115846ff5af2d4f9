//! The code of an interactive session: inputs are compiled one by one into memory they share, functions keep their
//! address when they are replaced, variables keep theirs for good.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use cranelift_codegen::isa::TargetIsa;
use rustc_hash::FxHashMap;
use vex_syntax::SourceMap;

pub use super::arena::Part;
use super::arena::{Arena, Taken};
use super::codemap::CodeMap;
use super::run::{self, Start};
use super::slots::{self, Slot, Slots};
use super::{EntryResult, JitError, JitOptions, Outcome, RunOptions, codegen, declare_with, link};
use crate::lower::{self, SymbolDecl};
use crate::typed::{FuncId, GlobalId, Placed, Program};

/// Bytes of variables that an input may always have.
const SMALL: usize = 64 << 10;

/// Prefix of the symbols that a session gives its functions and variables.
const PREFIX: &str = "session:";

/// A compiled input.
#[derive(Debug)]
struct Unit {
    taken: Taken,
    map: CodeMap,
    /// How many slots lead into its code, and one more while it runs or where addresses of it may be kept.
    uses: usize,
}

/// An input that was compiled and can be run once.
#[derive(Debug)]
pub struct Input {
    unit: usize,
    entry: *const u8,
    result: EntryResult,
    keeps: bool,
    /// Where the variables are that it declares.
    pub globals: Vec<(GlobalId, Placed)>,
}

/// All code of a session.
pub struct SessionCode {
    isa: Arc<dyn TargetIsa>,
    options: JitOptions,
    /// The lowest stack pointer with which its functions start; they read it at this address.
    stack_limit: Arc<AtomicUsize>,
    /// The heap of the thread that runs them; they read it at this address.
    heap: Arc<AtomicUsize>,
    arena: Arena,
    slots: Slots,
    units: Vec<Option<Unit>>,
    free_units: Vec<usize>,
    /// Bytes of variables.
    variable_bytes: u64,
    /// The slot of each symbol of a function, and the unit it leads into.
    functions: FxHashMap<Arc<str>, (Slot, Option<usize>)>,
    /// The addresses of variables and their flags.
    variables: FxHashMap<Arc<str>, *mut u8>,
}

impl std::fmt::Debug for SessionCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionCode").field("units", &self.units.len()).finish_non_exhaustive()
    }
}

impl SessionCode {
    /// Prepares a session.
    ///
    /// # Errors
    /// [`JitError::Host`]
    pub fn new(options: JitOptions) -> Result<SessionCode, JitError> {
        if options.heap_report {
            vex_runtime::report::enable(options.managed);
        }
        Ok(SessionCode {
            isa: super::target(&options)?,
            options,
            stack_limit: Arc::new(AtomicUsize::new(0)),
            heap: Arc::new(AtomicUsize::new(0)),
            arena: Arena::default(),
            slots: Slots::default(),
            units: Vec::new(),
            free_units: Vec::new(),
            variable_bytes: 0,
            functions: FxHashMap::default(),
            variables: FxHashMap::default(),
        })
    }

    /// How inputs are compiled.
    pub fn options(&self) -> &JitOptions {
        &self.options
    }

    /// Whether code compiled from now on records its allocations; what was the case before.
    pub fn record_allocations(&mut self, record: bool) -> bool {
        std::mem::replace(&mut self.options.heap_report, record)
    }

    /// A new symbol for a function that can be replaced.
    ///
    /// # Errors
    /// [`JitError::OutOfMemory`], [`JitError::Seal`].
    pub fn function_symbol(&mut self) -> Result<Arc<str>, JitError> {
        let slot = self.slots.make(&mut self.arena)?;
        let name: Arc<str> = format!("{PREFIX}f{}", self.functions.len()).into();
        self.functions.insert(name.clone(), (slot, None));
        Ok(name)
    }

    /// The address of a variable or its flag, by its symbol.
    pub fn variable(&self, symbol: &str) -> Option<*mut u8> {
        self.variables.get(symbol).copied()
    }

    /// The name of the function whose address this is.
    pub fn function_at(&self, address: usize) -> Option<&str> {
        let slot = self.functions.values().find(|(slot, _)| slot.entry.addr() == address);
        let code = slot.and_then(|(slot, _)| slot.code()).unwrap_or(address);
        let maps = self.units.iter().flatten().map(|unit| &unit.map);
        let found = maps.filter_map(|map| map.find(code)).find(|location| location.start == code)?;
        Some(found.function)
    }

    /// The function whose code an address is in, and its address as the program knows it: where it is called.
    pub fn code_at(&self, address: usize) -> Option<(&str, usize)> {
        let at_slot = self.functions.values().map(|(slot, _)| slot.entry.addr());
        let slot = at_slot.into_iter().find(|start| (*start..start + slots::JUMP).contains(&address));
        if let Some(start) = slot {
            return self.function_at(start).map(|name| (name, start));
        }
        let mut maps = self.units.iter().flatten().map(|unit| &unit.map);
        maps.find_map(|map| map.find(address)).map(|location| (location.function, location.start))
    }

    /// The calls that return addresses stand for, in their order.
    pub fn calls_of(&self, returns: &[usize]) -> Vec<super::Call> {
        let maps: Vec<&CodeMap> = self.units.iter().flatten().map(|unit| &unit.map).collect();
        super::calls::calls_in(&maps, returns)
    }

    /// What an address of the session's memory is for; `None` when it is elsewhere.
    pub fn part_at(&self, address: usize) -> Option<Part> {
        self.arena.part_at(address)
    }

    /// Bytes of machine code held.
    pub fn code_bytes(&self) -> usize {
        self.arena.code_bytes()
    }

    /// Compiles an input and lets the symbols of its functions lead to it.
    ///
    /// # Errors
    /// See [`JitError`]; then nothing has changed.
    pub fn add(&mut self, program: &Program) -> Result<Input, JitError> {
        let decls = declare_with(program, &*self.isa, &self.options, true);
        let job = codegen::Job {
            isa: &*self.isa,
            count: decls.instances.len(),
            optional: &|index| decls.is_optional(index),
            build: &|index| lower::function(program, &decls, index),
            head: &|index| decls.instances[index as usize].span.lo,
            threads: self.options.threads,
        };
        let batches = job.run()?;
        let layout = link::DataLayout::new(&decls.data).ok_or(JitError::OutOfMemory)?;
        let sizes = link::sizes(&batches, &layout);
        self.within_limit(sizes.variables)?;
        let taken = self.arena.take(sizes)?;
        self.variable_bytes += sizes.variables as u64;
        let place = self.arena.place(&taken);
        let name = |index: u32| &*decls.instances[index as usize].name;
        let resolve = |symbol: &SymbolDecl| self.resolve(&symbol.name);
        let parts = link::Parts {
            functions: decls.instances.len(),
            name: &name,
            symbols: &decls.symbols,
            data: &decls.data,
            resolve: &resolve,
        };
        let linked = link::link(self.isa.clone(), batches, &parts, &layout, &place);
        // Whatever was written: pages of others must be sealed again.
        self.arena.seal(&taken)?;
        let linked = match linked {
            Ok(linked) => linked,
            Err(error) => {
                self.arena.free_code(&taken);
                return Err(error);
            }
        };
        let entry = linked.functions[decls.entry as usize];
        let result = EntryResult::of(&decls.instances[decls.entry as usize]);
        let unit = self.insert(Unit { taken, map: linked.map, uses: 1 });
        self.bind(program, &decls, &linked.functions, unit);
        let globals = self.place_globals(program, &decls, &linked.data);
        // What was allocated is explained by the code that did it.
        let keeps = decls.escapes || self.options.checked;
        Ok(Input { unit, entry, result, keeps, globals })
    }

    /// Whether there is room for further variables: they count like what the program allocates.
    fn within_limit(&self, variables: usize) -> Result<(), JitError> {
        let Some(limit) = vex_runtime::process::memory_limit() else { return Ok(()) };
        let held = vex_runtime::process::memory_held() + self.variable_bytes;
        // Small ones always fit, so that a full session can still be looked at.
        let fits = variables <= SMALL || held + variables as u64 <= limit;
        if fits { Ok(()) } else { Err(JitError::MemoryLimit(limit)) }
    }

    fn insert(&mut self, unit: Unit) -> usize {
        match self.free_units.pop() {
            Some(index) => {
                self.units[index] = Some(unit);
                index
            }
            None => {
                self.units.push(Some(unit));
                self.units.len() - 1
            }
        }
    }

    /// Lets the symbols of the input's functions lead to their code.
    fn bind(&mut self, program: &Program, decls: &lower::Declarations, code: &[*const u8], unit: usize) {
        for (index, function) in program.functions.iter().enumerate() {
            let (Some(symbol), Some(instance)) = (&function.via, decls.index_of(FuncId(index as u32))) else {
                continue;
            };
            let Some((slot, owner)) = self.functions.get_mut(symbol) else { continue };
            slot.set(code[instance as usize]);
            let before = owner.replace(unit);
            if let Some(unit) = &mut self.units[unit] {
                unit.uses += 1;
            }
            before.into_iter().for_each(|unit| self.release(unit));
        }
    }

    fn place_globals(
        &mut self,
        program: &Program,
        decls: &lower::Declarations,
        data: &[*mut u8],
    ) -> Vec<(GlobalId, Placed)> {
        let mut placed = Vec::new();
        let new = program.globals.iter().enumerate().filter(|(_, global)| global.at.is_none());
        for (index, _) in new {
            let id = GlobalId(index as u32);
            let Some((value, flag)) = decls.data_of(id) else { continue };
            let symbols = Placed {
                value: format!("{PREFIX}v{index}").into(),
                flag: format!("{PREFIX}set{index}").into(),
            };
            self.variables.insert(symbols.value.clone(), data[value as usize]);
            self.variables.insert(symbols.flag.clone(), data[flag as usize]);
            placed.push((id, symbols));
        }
        placed
    }

    fn resolve(&self, name: &str) -> Option<*const u8> {
        if name.starts_with(PREFIX) {
            let function = self.functions.get(name).map(|(slot, _)| slot.entry);
            return function.or_else(|| self.variables.get(name).map(|address| address.cast_const()));
        }
        match name {
            "vexrt_stack_limit" => Some(self.stack_limit.as_ptr().cast_const().cast()),
            "vexrt_thread_heap" => Some(self.heap.as_ptr().cast_const().cast()),
            "vexrt_page_map" => Some(super::page_map()),
            "vex_report_site" => Some(vex_runtime::report::site_cell().cast_const().cast()),
            super::LOWEST_STACK_TAG => Some(vex_runtime::checked::lowest_stack_tag_cell().cast()),
            name => super::resolve_with(name, &self.options),
        }
    }

    /// Runs an input, and gives its code back unless something can still call it.
    ///
    /// # Errors
    /// [`JitError::Stack`]
    pub fn run(
        &mut self,
        input: &Input,
        sources: &SourceMap,
        options: &RunOptions,
    ) -> Result<Outcome, JitError> {
        let maps: Vec<&CodeMap> = self.units.iter().flatten().map(|unit| &unit.map).collect();
        let variables = self.arena.variables();
        let start = Start {
            entry: input.entry,
            result: input.result,
            maps: &maps,
            limits: &[&self.stack_limit],
            heaps: &[&self.heap],
            variables: &variables,
        };
        let outcome = run::run(&start, sources, options);
        self.discard(input);
        outcome
    }

    /// Gives back the code of an input that need not run.
    pub fn discard(&mut self, input: &Input) {
        if !input.keeps {
            self.release(input.unit);
        }
    }

    /// One use of a unit's code ends.
    fn release(&mut self, index: usize) {
        let Some(unit) = &mut self.units[index] else { return };
        unit.uses -= 1;
        if unit.uses == 0 {
            self.arena.free_code(&unit.taken);
            self.units[index] = None;
            self.free_units.push(index);
        }
    }
}
