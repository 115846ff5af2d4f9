//! How long the tests of the heap take: bounded, or with `VEX_LONG=1` as long as
//! it takes to be thorough.

/// `usual`, or `thorough` when the environment asks for the long form.
pub(crate) fn pick<T>(usual: T, thorough: T) -> T {
    if std::env::var_os("VEX_LONG").is_some_and(|value| value != "0") { thorough } else { usual }
}
