//! The language's own modules, embedded in the compiler.

use vex_syntax::Spelling;

/// An embedded module.
#[derive(Clone, Copy, Debug)]
pub struct LibraryModule {
    /// The name programs import it by.
    pub name: &'static str,
    /// The name its file has in messages.
    pub file: &'static str,
    /// Its spelling.
    pub spelling: Spelling,
    /// Its text.
    pub text: &'static str,
}

macro_rules! modules {
    ($($name:literal = $file:literal, $spelling:ident;)*) => {
        static MODULES: &[LibraryModule] = &[$(LibraryModule {
            name: $name,
            file: concat!("<", $name, ">"),
            spelling: Spelling::$spelling,
            text: include_str!(concat!("../../stdlib/", $file)),
        }),*];
    };
}

modules! {
    "std/allocator" = "std/allocator.vais", Vais;
    "std/kmem" = "std/kmem.vx", Vex;
    "vera:memory" = "vera/memory.vera", Vera;
    "xila/memory" = "xila/memory.vx", Vex;
}

/// Whether a module name is the language's own, so no file of the user's can take it.
pub fn is_reserved(path: &str) -> bool {
    path.starts_with("std/") || path.starts_with("vera:") || path.starts_with("xila/")
}

/// The embedded module of this name. `vera/memory` and `std:kmem` find theirs too.
pub fn find(path: &str) -> Option<&'static LibraryModule> {
    let normal = |name: &str| name.replace(':', "/");
    MODULES.iter().find(|m| m.name == path || normal(m.name) == normal(path))
}

/// The names of all embedded modules.
pub fn names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|m| m.name)
}

/// All embedded modules.
pub fn modules() -> &'static [LibraryModule] {
    MODULES
}
