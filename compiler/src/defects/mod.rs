//! Memory errors as users see them: what `--checked` found, as text for people and as JSON for tools.
//!
//! | file | what |
//! | --- | --- |
//! | `kind` | the kinds by name |

pub mod kind;
