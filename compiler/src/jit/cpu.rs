//! What the processor can do, as the C library has already found out.
//!
//! Asking the processor itself takes an instruction that virtual machines intercept: a dozen of them are a tenth of
//! the time that a small program takes from start to end. The C library asks at process start in any case and lends
//! out its answers.

use cranelift_codegen::settings::Configurable;

/// One of the processor's answers (`struct cpuid_feature` of glibc): EAX, EBX, ECX, EDX.
#[repr(C)]
struct Leaf {
    /// What the processor has.
    present: [u32; 4],
    /// What the processor has and the system supports.
    active: [u32; 4],
}

/// Index of EAX, EBX and ECX in an answer.
const EAX: usize = 0;
const EBX: usize = 1;
const ECX: usize = 2;

/// The settings of the code generator, each with glibc's number of the answer it is in, the register and the bit.
const FEATURES: [(&str, u32, usize, u32); 18] = [
    ("has_sse3", 0, ECX, 0),
    ("has_ssse3", 0, ECX, 9),
    ("has_fma", 0, ECX, 12),
    ("has_cmpxchg16b", 0, ECX, 13),
    ("has_sse41", 0, ECX, 19),
    ("has_sse42", 0, ECX, 20),
    ("has_popcnt", 0, ECX, 23),
    ("has_avx", 0, ECX, 28),
    ("has_bmi1", 1, EBX, 3),
    ("has_avx2", 1, EBX, 5),
    ("has_bmi2", 1, EBX, 8),
    ("has_avx512f", 1, EBX, 16),
    ("has_avx512dq", 1, EBX, 17),
    ("has_avx512vl", 1, EBX, 31),
    ("has_avx512vbmi", 1, ECX, 1),
    ("has_avx512vnni", 1, ECX, 11),
    ("has_avx512bitalg", 1, ECX, 12),
    ("has_lzcnt", 2, ECX, 5),
];

/// The same for the answer that came with a later glibc.
const AVX_VNNI: (&str, u32, usize, u32) = ("has_avx_vnni", 6, EAX, 4);

/// Enables what the processor has. False when the C library does not say, or the processor lacks what every one of
/// the last fifteen years has, which is then to be looked at more closely.
pub(super) fn enable_features(isa: &mut dyn Configurable) -> bool {
    let Some(found) = super::symbols::in_process("__x86_get_cpuid_feature_leaf") else { return false };
    // SAFETY: the function of this name, documented in <sys/platform/x86.h>, has this type.
    let leaf = unsafe { std::mem::transmute::<*const u8, unsafe extern "C" fn(u32) -> *const Leaf>(found) };
    let active = |(_, index, register, bit): (&str, u32, usize, u32)| {
        // SAFETY: takes any number; what comes back is null or lives as long as the process.
        let leaf = unsafe { leaf(index).as_ref() };
        leaf.is_some_and(|leaf| (leaf.active[register] & leaf.present[register]) >> bit & 1 == 1)
    };
    if !active(FEATURES[4]) {
        return false;
    }
    FEATURES.into_iter().chain([AVX_VNNI]).all(|feature| !active(feature) || isa.enable(feature.0).is_ok())
}

#[cfg(test)]
mod tests {
    use cranelift_codegen::settings::{self, Flags};

    #[test]
    fn the_c_library_and_the_processor_agree() {
        let flags = || Flags::new(settings::builder());
        let mut ours = cranelift_native::builder_with_options(false).unwrap();
        if !super::enable_features(&mut ours) {
            // A C library without the function: nothing to compare.
            return;
        }
        let native = cranelift_native::builder().unwrap().finish(flags()).unwrap();
        let ours = ours.finish(flags()).unwrap();
        let text = |isa: &dyn cranelift_codegen::isa::TargetIsa| {
            isa.isa_flags().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(text(&*ours), text(&*native));
    }
}
