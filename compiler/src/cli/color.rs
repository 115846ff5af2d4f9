//! Whether to use colours on a stream.

use std::env;
use std::io::IsTerminal;

use super::args::ColorWhen;

/// Whether text for this stream should be coloured.
///
/// In order: the option; `NO_COLOR`; `CLICOLOR_FORCE` and `FORCE_COLOR`; a dumb
/// terminal; whether the stream is a terminal at all. A variable counts when it
/// is not empty, and to force colours also when it is not `0`.
pub fn wanted(when: ColorWhen, stream: &impl IsTerminal) -> bool {
    let set = |name: &str| {
        env::var_os(name).is_some_and(|value| !value.is_empty() && (name == "NO_COLOR" || value != "0"))
    };
    decide(when, set, || env::var_os("TERM").is_none_or(|term| term != "dumb") && stream.is_terminal())
}

fn decide(when: ColorWhen, set: impl Fn(&str) -> bool, terminal: impl Fn() -> bool) -> bool {
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto if set("NO_COLOR") => false,
        ColorWhen::Auto => set("CLICOLOR_FORCE") || set("FORCE_COLOR") || terminal(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_beats_the_environment_beats_the_terminal() {
        let none = |_: &str| false;
        assert!(decide(ColorWhen::Auto, none, || true));
        assert!(!decide(ColorWhen::Auto, none, || false));
        assert!(!decide(ColorWhen::Auto, |name| name == "NO_COLOR", || true));
        assert!(decide(ColorWhen::Auto, |name| name == "FORCE_COLOR", || false));
        assert!(decide(ColorWhen::Auto, |name| name == "CLICOLOR_FORCE", || false));
        assert!(!decide(ColorWhen::Auto, |name| name != "TERM", || true));
        assert!(decide(ColorWhen::Always, |name| name == "NO_COLOR", || false));
        assert!(!decide(ColorWhen::Never, |name| name == "FORCE_COLOR", || true));
    }
}
