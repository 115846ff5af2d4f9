//! What the linker must know about the library.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    let arguments = [
        // Blocks, hooks of ending threads and handlers of `fork` outlive a `dlclose`.
        "-Wl,-z,nodelete",
        // No lazy binding: the first call of a function of libc would enter the
        // dynamic linker from inside `malloc`.
        "-Wl,-z,now",
        // The runtime's own C functions (`allocate`, `panic`, …) are not for every
        // program this library is loaded into.
        "-Wl,--exclude-libs,ALL",
        "-Wl,--gc-sections",
    ];
    for argument in arguments {
        println!("cargo:rustc-cdylib-link-arg={argument}");
    }
}
