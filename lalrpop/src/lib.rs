//! Source text to tokens to syntax tree. Knows no types, no files and no code generator.

pub mod ast;
pub mod diagnostic;
pub mod span;
pub mod spelling;
pub mod symbol;

pub use diagnostic::{Code, Diagnostic, Severity};
pub use span::{FileId, SourceMap, Span};
pub use spelling::Spelling;
pub use symbol::Symbol;
