//! The runtime functions that generated code calls by itself, with their types for the machine.

use cranelift_codegen::ir::{AbiParam, Signature, Type, types};
use cranelift_codegen::isa::CallConv;

use super::decl::LowerOptions;

/// A parameter or result of a runtime function.
#[derive(Clone, Copy)]
enum Slot {
    /// A byte that is 0 or 1.
    Bool,
    /// 32 bits.
    W,
    /// 64 bits.
    L,
    /// `f32`
    F,
    /// `f64`
    D,
    /// A pointer.
    P,
}

macro_rules! runtime {
    ($($(#[doc = $doc:literal])* $name:ident = $symbol:literal, [$($param:ident)*], [$($ret:ident)*];)*) => {
        /// A function or cell of the runtime or of libc.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub(super) enum Rt { $($(#[doc = $doc])* $name),* }

        const TABLE: &[(&str, &[Slot], &[Slot])] =
            &[$(($symbol, &[$(Slot::$param),*], &[$(Slot::$ret),*])),*];
    };
}

runtime! {
    /// Print a `str` as it is.
    PrintStr = "vexrt_print_str", [W P L], [];
    /// Print a `str` in quotes.
    PrintQuoted = "vexrt_print_quoted", [W P L], [];
    /// Print a signed integer.
    PrintI64 = "vexrt_print_i64", [W L], [];
    /// Print an unsigned integer.
    PrintU64 = "vexrt_print_u64", [W L], [];
    /// Print an `f64`.
    PrintF64 = "vexrt_print_f64", [W D], [];
    /// Print an `f32`.
    PrintF32 = "vexrt_print_f32", [W F], [];
    /// Print a boolean.
    PrintBool = "vexrt_print_bool", [W Bool], [];
    /// Print a character.
    PrintChar = "vexrt_print_char", [W W], [];
    /// Print a character in quotes.
    PrintQuotedChar = "vexrt_print_quoted_char", [W W], [];
    /// Print a character with a format.
    FormatChar = "vexrt_format_char", [W W P], [];
    /// Print an address.
    PrintPtr = "vexrt_print_ptr", [W P], [];
    /// End a print whose text need not end in a newline.
    PrintEnd = "vexrt_print_end", [W], [];
    /// Print an integer with a format.
    FormatInt = "vexrt_format_int", [W L W P], [];
    /// Print a float with a format.
    FormatF64 = "vexrt_format_f64", [W D W P], [];
    /// Print a `str` with a format.
    FormatStr = "vexrt_format_str", [W P L P], [];
    /// Print a boolean with a format.
    FormatBool = "vexrt_format_bool", [W Bool P], [];
    /// Print an address with a format.
    FormatPtr = "vexrt_format_ptr", [W P P], [];
    /// Panic with what was printed to the panic stream.
    Panic = "vexrt_panic", [], [];
    /// Panic: signed index, length.
    PanicIndex = "vexrt_panic_index", [L L], [];
    /// Panic: unsigned index, length.
    PanicIndexUnsigned = "vexrt_panic_index_unsigned", [L L], [];
    /// Panic: shift amount, width.
    PanicShift = "vexrt_panic_shift", [L W], [];
    /// Whether two `str` are equal.
    StrEq = "vexrt_str_eq", [P L P L], [Bool];
    /// Order of two `str`.
    StrCmp = "vexrt_str_cmp", [P L P L], [W];
    /// Remainder of two `f64`.
    Fmod = "vexrt_fmod", [D D], [D];
    /// Remainder of two `f32`.
    FmodF32 = "vexrt_fmodf", [F F], [F];
    /// Make a record of a deferred action.
    DeferPush = "vexrt_defer_push", [P W L], [P];
    /// Take the latest record.
    DeferPop = "vexrt_defer_pop", [P], [P];
    /// Copy bytes that do not overlap.
    Memcpy = "memcpy", [P P L], [P];
    /// Copy bytes that may overlap.
    Memmove = "memmove", [P P L], [P];
    /// Fill bytes.
    Memset = "memset", [P W L], [P];
    /// The `u32` that holds the source position of the current call, for the heap report. Data.
    ReportSite = "vex_report_site", [], [];
    /// The lowest stack address a function may start at. Data.
    StackLimit = "vexrt_stack_limit", [], [];
    /// The address of the heap of the thread that runs the program. Data.
    ThreadHeap = "vexrt_thread_heap", [], [];
    /// The words of the heap's page map. Data.
    PageMap = "vexrt_page_map", [], [];
    /// Allocate.
    Malloc = "vex_malloc", [L], [P];
    /// Allocate zeroed memory.
    Calloc = "vex_calloc", [L L], [P];
    /// Free.
    Free = "vex_free", [P], [];
    /// Allocate from a bump allocator.
    BumpAlloc = "vex_bump_alloc", [P L L], [L L];
    /// Allocate zeroed memory from a bump allocator.
    BumpAllocZeroed = "vex_bump_alloc_zeroed", [P L L], [L L];
    /// Free a bump allocator's buffer.
    BumpDrop = "vex_bump_drop", [P], [L];
    /// Allocate from a stack allocator.
    StackAlloc = "vex_stack_alloc", [P L L], [L L];
    /// Give the top block of a stack allocator back.
    StackPop = "vex_stack_pop", [P], [L];
    /// Free a stack allocator's buffer.
    StackDrop = "vex_stack_drop", [P], [L];
    /// Take a block of a pool.
    PoolAlloc = "vex_pool_alloc", [P], [L];
    /// Give a block back to a pool.
    PoolDealloc = "vex_pool_dealloc", [P L], [L];
    /// Free a pool's buffer.
    PoolDrop = "vex_pool_drop", [P], [L];
    /// Allocate; the result goes to the address, and every register keeps what it has.
    KeptMalloc = "vexrt_kept_malloc", [L P], [];
    /// Allocate zeroed memory, likewise.
    KeptCalloc = "vexrt_kept_calloc", [L L P], [];
    /// Free; every register keeps what it has.
    KeptFree = "vexrt_kept_free", [P], [];
    /// As [`Rt::BumpAlloc`], as the others that are kept.
    KeptBumpAlloc = "vexrt_kept_bump_alloc", [P L L P], [];
    /// As [`Rt::BumpAllocZeroed`], likewise.
    KeptBumpAllocZeroed = "vexrt_kept_bump_alloc_zeroed", [P L L P], [];
    /// As [`Rt::BumpDrop`], likewise.
    KeptBumpDrop = "vexrt_kept_bump_drop", [P P], [];
    /// As [`Rt::StackAlloc`], likewise.
    KeptStackAlloc = "vexrt_kept_stack_alloc", [P L L P], [];
    /// As [`Rt::StackPop`], likewise.
    KeptStackPop = "vexrt_kept_stack_pop", [P P], [];
    /// As [`Rt::StackDrop`], likewise.
    KeptStackDrop = "vexrt_kept_stack_drop", [P P], [];
    /// As [`Rt::PoolAlloc`], likewise.
    KeptPoolAlloc = "vexrt_kept_pool_alloc", [P P], [];
    /// As [`Rt::PoolDealloc`], likewise.
    KeptPoolDealloc = "vexrt_kept_pool_dealloc", [P L P], [];
    /// As [`Rt::PoolDrop`], likewise.
    KeptPoolDrop = "vexrt_kept_pool_drop", [P P], [];
    /// An access that the tests in the code did not allow: address, pointer with the tag, what; the address to use.
    CheckedAccess = "vexrt_checked_access", [P P L], [P];
    /// Test a range: start, bytes, what; the address to use.
    CheckedRange = "vexrt_checked_range", [P L L], [P];
    /// Copy bytes with what the shadow says of them: to, from, bytes, what.
    CheckedCopy = "vexrt_checked_copy", [P P L L], [];
    /// A pointer to a part of what a pointer points to: so many bytes from it on.
    CheckedNarrow = "vexrt_checked_narrow", [P L], [P];
    /// The pointer that an integer becomes.
    CheckedAdopt = "vexrt_checked_adopt", [L], [P];
    /// The address of a pointer for code that nobody checks.
    CheckedExpose = "vexrt_checked_expose", [P], [P];
    /// The frame that ends here is left: pointers to variables below are dead.
    CheckedLeave = "vexrt_checked_leave", [P], [];
    /// The block of a variable ends: its start, its bytes.
    CheckedEnd = "vexrt_checked_end", [P L], [];
    /// The lowest address of a variable that a pointer has a tag for. Data.
    CheckedLowest = "vexrt_checked_lowest_stack_tag", [], [];
    /// As [`Rt::CheckedAccess`]; every register keeps what it has.
    KeptCheckedAccess = "vexrt_kept_checked_access", [P P L P], [];
    /// As [`Rt::CheckedLeave`], likewise.
    KeptCheckedLeave = "vexrt_kept_checked_leave", [P], [];
    /// Have standard output lead to another stream; where it led before.
    Redirect = "vexrt_redirect", [W], [W];
    /// Have it lead there again.
    RedirectBack = "vexrt_redirect_back", [W], [];
    /// Begin to keep what is printed to the stream for that.
    CaptureBegin = "vexrt_capture_begin", [], [];
    /// How many bytes were kept.
    CaptureLen = "vexrt_capture_len", [], [L];
    /// End it and copy the text to a block.
    CaptureEnd = "vexrt_capture_end", [P], [P L];
    /// End it and print the text with a format.
    CapturePrint = "vexrt_capture_print", [W P], [];
}

impl Rt {
    /// Its index among the program's symbols: they start with this table.
    pub(super) fn index(self) -> u32 {
        self as u32
    }

    /// Whether it never returns.
    pub(super) fn diverges(self) -> bool {
        matches!(self, Rt::Panic | Rt::PanicIndex | Rt::PanicIndexUnsigned | Rt::PanicShift)
    }

    /// The types of its results.
    pub(super) fn results(self, options: &LowerOptions) -> impl Iterator<Item = Type> {
        TABLE[self as usize].2.iter().map(|slot| abi(*slot, options.pointer).value_type)
    }

    /// The symbol.
    pub(super) fn symbol(self) -> &'static str {
        TABLE[self as usize].0
    }

    /// Which of its parameters are pointers.
    pub(super) fn pointers(self) -> impl Iterator<Item = bool> {
        TABLE[self as usize].1.iter().map(|slot| matches!(slot, Slot::P))
    }

    /// Whether it frees nothing that the program has.
    pub(super) fn is_quiet(self) -> bool {
        let prefixes = ["vexrt_print_", "vexrt_format_", "vexrt_panic", "vexrt_str_", "vexrt_fmod", "mem"];
        prefixes.iter().any(|prefix| self.symbol().starts_with(prefix))
    }

    /// Whether it is a part of the checked mode, which takes pointers with their tags and frees nothing.
    pub(super) fn is_check(self) -> bool {
        self.symbol().starts_with("vexrt_checked_")
            || matches!(self, Rt::KeptCheckedAccess | Rt::KeptCheckedLeave)
    }

    /// Whether it leaves every register as it was; its parameters are passed in vector registers.
    pub(super) fn is_kept(self) -> bool {
        TABLE[self as usize].0.starts_with(KEPT)
    }

    /// Its type.
    pub(super) fn signature(self, options: &LowerOptions) -> Signature {
        let (_, params, rets) = TABLE[self as usize];
        if self.is_kept() {
            let params = vec![AbiParam::new(types::F64); params.len()];
            return Signature { params, returns: Vec::new(), call_conv: CallConv::PreserveAll };
        }
        let param = |slot: &Slot| abi(*slot, options.pointer);
        Signature {
            params: params.iter().map(param).collect(),
            returns: rets.iter().map(param).collect(),
            call_conv: options.call_conv,
        }
    }

    /// The function that does the same and leaves every register as it was, its result where one more parameter says.
    pub(super) fn kept(self) -> Option<Rt> {
        Some(match self {
            Rt::Malloc => Rt::KeptMalloc,
            Rt::Calloc => Rt::KeptCalloc,
            Rt::Free => Rt::KeptFree,
            Rt::BumpAlloc => Rt::KeptBumpAlloc,
            Rt::BumpAllocZeroed => Rt::KeptBumpAllocZeroed,
            Rt::BumpDrop => Rt::KeptBumpDrop,
            Rt::StackAlloc => Rt::KeptStackAlloc,
            Rt::StackPop => Rt::KeptStackPop,
            Rt::StackDrop => Rt::KeptStackDrop,
            Rt::PoolAlloc => Rt::KeptPoolAlloc,
            Rt::PoolDealloc => Rt::KeptPoolDealloc,
            Rt::PoolDrop => Rt::KeptPoolDrop,
            Rt::CheckedAccess => Rt::KeptCheckedAccess,
            Rt::CheckedLeave => Rt::KeptCheckedLeave,
            _ => return None,
        })
    }
}

/// Begins the symbols of functions that leave every register as it was.
const KEPT: &str = "vexrt_kept_";

/// Every symbol of the table, in order; the second part says whether it is data.
pub(super) fn symbols() -> impl Iterator<Item = (&'static str, bool)> {
    let data = [Rt::ReportSite, Rt::StackLimit, Rt::ThreadHeap, Rt::PageMap, Rt::CheckedLowest]
        .map(|rt| rt as usize);
    TABLE.iter().enumerate().map(move |(index, row)| (row.0, data.contains(&index)))
}

fn abi(slot: Slot, pointer: Type) -> AbiParam {
    match slot {
        Slot::Bool => AbiParam::new(types::I8).uext(),
        Slot::W => AbiParam::new(types::I32),
        Slot::L => AbiParam::new(types::I64),
        Slot::F => AbiParam::new(types::F32),
        Slot::D => AbiParam::new(types::F64),
        Slot::P => AbiParam::new(pointer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vex_runtime::abi::{self, AbiTy};

    fn slots(ty: AbiTy) -> String {
        match ty {
            AbiTy::Unit | AbiTy::Never => "",
            AbiTy::Bool => "b",
            AbiTy::I32 | AbiTy::U32 => "w",
            AbiTy::F32 => "f",
            AbiTy::F64 => "d",
            AbiTy::Str => "ll",
            _ => "l",
        }
        .to_string()
    }

    #[test]
    fn the_table_agrees_with_the_runtime() {
        let letter = |slot: &Slot| match slot {
            Slot::Bool => "b",
            Slot::W => "w",
            Slot::L | Slot::P => "l",
            Slot::F => "f",
            Slot::D => "d",
        };
        for (symbol, params, rets) in TABLE.iter().filter(|row| row.0.starts_with("vexrt_")) {
            let data = [
                "vexrt_stack_limit",
                "vexrt_thread_heap",
                "vexrt_page_map",
                "vexrt_checked_lowest_stack_tag",
            ];
            let data = data.contains(symbol);
            if data || symbol.starts_with(KEPT) {
                continue;
            }
            let row = abi::find(symbol).unwrap_or_else(|| panic!("{symbol} is not exported"));
            let ours: String = params.iter().map(letter).collect();
            let theirs: String = row.params.iter().map(|&(_, ty)| slots(ty)).collect();
            assert_eq!(ours, theirs, "parameters of {symbol}");
            assert_eq!(rets.iter().map(letter).collect::<String>(), slots(row.ret), "result of {symbol}");
        }
    }
}
