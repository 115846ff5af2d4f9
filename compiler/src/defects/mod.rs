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
//! | `leaks` | blocks that were never freed |
//! | `resolve` | from what the runtime knows to that data |
//! | `reporter` | who is told of errors while a program runs, and what happens then |

pub mod help;
pub mod json;
pub mod kind;
pub mod leaks;
pub mod model;
pub mod picture;
pub mod reporter;
pub mod resolve;
pub mod text;
pub mod words;

#[cfg(test)]
mod tests;
