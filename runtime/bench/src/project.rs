//! Where the project is, and what builds it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the project's sources, if they are still where this was built.
pub fn root() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = folder.canonicalize().ok().filter(|folder| folder.join("Cargo.lock").is_file());
    folder.ok_or_else(|| "the project's sources are not here".to_string())
}

/// The cargo that runs this, or the one that is installed.
pub fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Builds the drop-in library in the profile of this very program; its file.
///
/// # Errors
///
/// When this program lies in no folder of cargo's, or cargo fails.
pub fn build_dropin() -> Result<PathBuf, String> {
    let exe = env::current_exe().map_err(|error| error.to_string())?;
    let folder = exe.parent().ok_or("this program lies in no folder")?;
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") => "dev",
        Some("release") => "release",
        _ => return Err("not in a folder of cargo's; name the library with --library".to_string()),
    };
    let target = folder.parent().ok_or("this program lies in no folder of cargo's")?;
    let mut command = Command::new(cargo());
    command.args(["build", "--quiet", "-p", "vex-malloc", "--profile", profile, "--target-dir"]).arg(target);
    let status = command.current_dir(root()?).status().map_err(|error| format!("cargo: {error}"))?;
    let library = folder.join("libvexmalloc.so");
    match status.success() && library.is_file() {
        true => Ok(library),
        false => Err("libvexmalloc.so cannot be built".to_string()),
    }
}
