//! The pages, sorted by code.

macro_rules! pages {
    ($($code:ident)*) => {
        &[$((stringify!($code), include_str!(concat!("../../../docs/errors/", stringify!($code), ".md")))),*]
    };
}

/// Codes and the text of their pages.
pub(super) static PAGES: &[(&str, &str)] = pages! {
    E0001 E0002 E0003 E0004 E0005 E0006 E0007 E0008 E0009 E0010 E0011 E0012 E0013 E0015 E0016
    E0017 E0018 E0019 E0020 E0021 E0022 E0101 E0102 E0103 E0104 E0105 E0106 E0107 E0108 E0109 E0110 E0111
    E0112 E0113 E0201 E0202 E0203 E0204 E0205 E0206 E0207 E0208 E0209 E0210 E0211 E0212 E0213 E0214
    E0215 E0216 E0217 E0218 E0219 E0220 E0221 E0222 E0223 E0224 E0301 E0302 E0303 E0304 E0305 E0306
    E0307 E0308 E0309 E0310 E0311 E0312 E0401 E0402 W0001 W0002 W0003
};
