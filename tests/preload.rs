//! Test support: C programs, with the drop-in `malloc` preloaded into them or linked to them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use crate::{build_library, root};

/// The drop-in library, built once per run with the profile of the tests.
pub fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let library = build_library("vex-malloc", "libvexmalloc.so");
        // The dynamic linker ignores, with a line of its own, what it cannot load.
        assert!(library.is_absolute() && library.exists(), "{}", library.display());
        library
    })
}

/// A folder of one test's own, empty, in the target folder.
pub fn scratch(name: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("the test knows where it is");
    let target = exe.ancestors().nth(3).expect("the target folder");
    let folder = target.join("tmp/dropin").join(name);
    // It need not exist.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

/// Compiles `tests/dropin/NAME` into `folder`, with these arguments as well.
pub fn compile(compiler: &str, name: &str, arguments: &[&str], folder: &Path, output: &str) -> PathBuf {
    let program = folder.join(output);
    let mut command = Command::new(compiler);
    // The compiler knows what `malloc` does, and would leave calls out, or warn of what is meant here.
    command.args(["-O1", "-g", "-fno-builtin", "-w", "-pthread"]).arg(root().join("tests/dropin").join(name));
    let output = command.args(arguments).arg("-o").arg(&program).output().expect("the compiler runs");
    assert!(output.status.success(), "{name}:\n{}", String::from_utf8_lossy(&output.stderr));
    program
}

/// Runs a command with the library preloaded, or without.
pub fn run(command: &mut Command, preloaded: bool) -> Output {
    command.env_remove("LD_PRELOAD").env_remove("VEX_MALLOC_REPORT").stdin(Stdio::null());
    if preloaded {
        command.env("LD_PRELOAD", library());
    }
    command.output().expect("the program runs")
}

/// Runs a command preloaded, which must succeed and say nothing on standard error; its output.
#[track_caller]
pub fn succeed(command: &mut Command) -> String {
    clean(run(command, true))
}

/// The standard output of a program that succeeded and said nothing on standard error.
#[track_caller]
pub fn clean(output: Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{:?}\n{}\n{stderr}", output.status, text(&output));
    text(&output)
}

/// Standard output.
pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A number for a test of the heap: `usual`, or `thorough` where the environment asks for the long form with
/// `VEX_LONG=1`.
pub fn count(usual: u32, thorough: u32) -> String {
    let long = std::env::var_os("VEX_LONG").is_some_and(|value| value != "0");
    if long { thorough } else { usual }.to_string()
}
