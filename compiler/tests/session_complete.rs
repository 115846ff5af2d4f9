//! Completion in a session. A session takes its process over, so this is a process of its own with one test.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use vexc::session::Engine;

mod support;

#[test]
fn members_follow_type_arguments_and_traits() {
    let mut session = support::session();
    for input in [
        "trait Area { fn area(self: &Self): i64  fn twice(self: &Self): i64 { self.area() * 2 } }",
        "struct Square { side: i64 }",
        "impl Area for Square { fn area(self: &Square): i64 { self.side } }",
        "struct Pair<A, B> { left: A, right: B }",
        "fn (self: &Pair<A, B>) second(): &B { &self.right }",
        "fn (self: &Pair<A, B>) count(): i64 { 2 }",
        "enum Shape { Round { radius: f64 }, Point }",
        "let p = Pair { left: Square { side: 3 }, right: 'c' }",
        "let q = Pair { left: 1, right: p }",
    ] {
        assert!(session.feed(input).ok, "{input}");
    }
    let mut complete = |text: &str| {
        let found = session.complete(text, text.len()).candidates;
        found.into_iter().map(|candidate| (candidate.text, candidate.detail)).collect::<Vec<_>>()
    };
    let names = |found: Vec<(String, String)>| found.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let row = |name: &str, detail: &str| (name.to_string(), detail.to_string());
    assert_eq!(names(complete("p.")), ["count", "left", "right", "second"]);
    assert_eq!(complete("p.le"), [row("left", "Square")]);
    // Through a field, and through what a method gives.
    assert_eq!(names(complete("p.left.")), ["area", "side", "twice"]);
    assert_eq!(complete("q.right.ri"), [row("right", "char")]);
    assert_eq!(complete("q.second().ri"), [row("right", "char")]);
    assert_eq!(names(complete("Shape.")), ["Point", "Round"]);
    assert_eq!(complete("Shape.Ro"), [row("Round", "Round { radius: f64 }")]);
    // The fields of literals and patterns, and no others where a value or a statement stands.
    assert_eq!(names(complete("let Pair { ")), ["left", "right"]);
    assert_eq!(complete("match q { Pair { left: 1, ri"), [row("right", "B")]);
    assert_eq!(complete("match s { Point => 0, Round { ra"), [row("radius", "f64")]);
    assert_eq!(complete("if let Shape.Round { "), [row("radius", "f64")]);
    assert_eq!(complete("Square { si"), [row("side", "i64")]);
    assert!(complete("Pair { left: ri").is_empty() && complete("f(p, ri").is_empty());
    assert_eq!(complete("if true { Squ"), [row("Square", "struct")]);
    assert_eq!(complete("fn f<T: Are"), [row("Area", "trait")]);
    assert!(complete("p.left.t")[0].1.contains("Area.twice(self: &Self): i64"));
}
