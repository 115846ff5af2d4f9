//! Memory errors as users see them: what `--checked` found, as text for people and as JSON for tools.
//!
//! | file | what |
//! | --- | --- |
//! | `kind` | the kinds by name |
//! | `model` | a memory error as plain data, its calls found in the sources |
//! | `words` | what it is in plain words |
//! | `help` | what to do about it |
//! | `picture` | the bytes around an address |
//! | `text` | the report for people |
//! | `json` | the report for tools |

pub mod help;
pub mod json;
pub mod kind;
pub mod model;
pub mod picture;
pub mod text;
pub mod words;

#[cfg(test)]
mod tests;
