//! Code memory of a session. A session takes its process over, so this is a process of its own with one test.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use vexc::session::Engine;

mod support;

#[test]
fn code_that_nobody_can_call_any_more_is_used_again() {
    let mut session = support::session();
    let mut feed = |input: &str| {
        assert!(session.feed(input).ok, "{input}");
        session.code_bytes()
    };
    feed("let! total: i64 = 0");
    feed("fn f(n: i64): i64 { n }");
    feed("fn caller(): i64 { f(1) }");
    let before = feed("let held = f");
    for round in 0..300 {
        feed(&format!("fn f(n: i64): i64 {{ n * {round} + {round} }}"));
        feed("total += caller() + held(2)");
    }
    let after = feed(";");
    assert!(after <= before + 256, "{before} bytes of code became {after}");
    // Each function that stays takes its place, but no page.
    for round in 0..300 {
        feed(&format!("fn g{round}(n: i64): i64 {{ n + {round} }}"));
    }
    let grown = feed(";") - after;
    assert!((300 * 8..300 * 256).contains(&grown), "{grown} bytes for 300 functions");
    feed("assert_eq(total, 5 * 299 * 300 / 2)");
}
