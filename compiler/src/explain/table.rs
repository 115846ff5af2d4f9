//! The pages, one line each, sorted by code.

macro_rules! pages {
    ($($code:ident)*) => {
        &[$((stringify!($code), include_str!(concat!("../../../docs/errors/", stringify!($code), ".md")))),*]
    };
}

/// Codes and the text of their pages.
pub(super) static PAGES: &[(&str, &str)] = pages! {};
