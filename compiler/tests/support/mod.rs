//! A session for tests of it.

use vex_syntax::Spelling;
use vexc::jit::OptLevel;
use vexc::session::{Session, SessionOptions};

/// A session in Vex, without a terminal.
///
/// # Panics
///
/// Where sessions do not run.
pub fn session() -> Session {
    let options = SessionOptions {
        spelling: Spelling::Vex,
        opt: OptLevel::Speed,
        checked: false,
        memory_limit: None,
        color: false,
        color_errors: false,
        interactive: false,
        folder: ".".into(),
    };
    Session::new(options).expect("this machine is supported")
}
