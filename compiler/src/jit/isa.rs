//! The machine to compile for and how: the host, with the settings that were measured to be best.

use std::sync::Arc;

use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::settings::{self, Configurable, Flags};

use super::{JitError, cpu};

/// How much effort goes into the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OptLevel {
    /// As little as possible; for looking at the code.
    None,
    /// Optimise for speed.
    #[default]
    Speed,
}

/// The host as a target, with the project's settings.
///
/// # Errors
/// [`JitError::Host`] when the code generator does not support this machine.
pub fn host(opt: OptLevel, verify: bool) -> Result<Arc<dyn TargetIsa>, JitError> {
    let mut flags = settings::builder();
    let level = match opt {
        OptLevel::None => "none",
        OptLevel::Speed => "speed",
    };
    let chosen = [
        ("opt_level", level),
        ("regalloc_algorithm", "backtracking"),
        // Costs about half the compile time; the tests and a debug option turn it on.
        ("enable_verifier", if verify { "true" } else { "false" }),
        // The JIT resolves addresses itself and can reach anything.
        ("use_colocated_libcalls", "false"),
        ("is_pic", "false"),
        // Backtraces follow the chain of frame pointers.
        ("preserve_frame_pointers", "true"),
        ("unwind_info", "false"),
        // A frame larger than the guard zone touches every page on its way down, so it cannot step over the zone.
        ("enable_probestack", "true"),
        ("probestack_strategy", "inline"),
    ];
    for (name, value) in chosen {
        flags.set(name, value).map_err(|error| JitError::Host(format!("setting {name}: {error}")))?;
    }
    let unsupported = |reason: &str| JitError::Host(reason.to_string());
    let mut builder = cranelift_native::builder_with_options(false).map_err(unsupported)?;
    if !cpu::enable_features(&mut builder) {
        builder = cranelift_native::builder().map_err(unsupported)?;
    }
    builder.finish(Flags::new(flags)).map_err(|error| JitError::Host(error.to_string()))
}
