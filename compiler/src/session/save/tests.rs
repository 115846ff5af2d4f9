//! The text of the program. What programs do is tested with sessions, in the crate of tests.

use super::*;

fn saved(spelling: Spelling, lines: &[&str]) -> String {
    let input = |text: &&str| SavedInput {
        text: text.to_string(),
        spelling,
        show: None,
        unsafe_on: false,
        earlier: Vec::new(),
    };
    program(&lines.iter().map(input).collect::<Vec<_>>()).expect("a program")
}

#[test]
fn new_names_meet_no_old_ones() {
    let text = saved(Spelling::Vex, &["let x = 1", "let x_1 = x", "let s = \"x_2\"", "let x = x + x_1"]);
    assert_eq!(text, "let x_3 = 1\nlet x_1 = x_3\nlet s = \"x_2\"\nlet x = x_3 + x_1\n");
}

#[test]
fn locals_fields_and_methods_are_left_alone() {
    let lines = [
        "let x = 1",
        "fn f(x: i64, p: P): i64 { for y in 0..x { let x = y; g(x) }\n return p.x + x.x() }",
        "let p = P { x: x, y: P { x } }",
        "let x = 2",
    ];
    let expected = "let x_1 = 1\n\
        fn f(x: i64, p: P): i64 { for y in 0..x { let x = y; g(x) }\n return p.x + x.x() }\n\
        let p = P { x: x_1, y: P { x: x_1 } }\n\
        let x = 2\n";
    assert_eq!(saved(Spelling::Vex, &lines), expected);
}

#[test]
fn format_strings_are_read() {
    let lines =
        ["let x = 1", "println(\"{x} {{x}} {x:>4} {f(\\\"x\\\", x)}\", x)", "g(\"{x}\")", "let x = 2"];
    let expected =
        "let x_1 = 1\nprintln(\"{x_1} {{x}} {x_1:>4} {f(\\\"x\\\", x_1)}\", x_1)\ng(\"{x}\")\nlet x = 2\n";
    assert_eq!(saved(Spelling::Vex, &lines), expected);
}

#[test]
fn a_replaced_function_is_chosen_by_a_variable() {
    let lines = [
        "/// Doubles.\nfn f(n: i64, _: str = \"a\"): i64 = n * 2 // yes",
        "f(1)",
        "fn f(m: i64, s: str = \"a\") -> i64 { m }",
    ];
    let expected = "let! f_now_1 = 1\n\
        /// Doubles.\nfn f_1(n: i64, _: str = \"a\"): i64 = n * 2 // yes\n\
        fn f(n: i64, argument_2: str = \"a\"): i64 { if f_now_1 == 2 { return f_2(n, argument_2) } f_1(n, argument_2) }\n\
        f(1)\n\
        f_now_1 = 2\n\
        fn f_2(m: i64, s: str = \"a\") -> i64 { m }\n";
    assert_eq!(saved(Spelling::Vex, &lines), expected);
}

#[test]
fn imports_leave_their_line() {
    let lines = [
        "// first\nimport \"a\"; // second\nf()",
        "import \"a\"\nimport { b } from \"c\"; g()",
        "pub fn f() { }",
    ];
    let expected =
        "import \"a\"\nimport { b } from \"c\"\n// first\n; // second\nf()\n; g()\npub fn f_1() { }\n";
    assert_eq!(saved(Spelling::Vex, &lines), expected);
}

#[test]
fn keywords_are_those_of_the_spelling() {
    let lines = [
        "x := 1",
        "F f() -> i64 = x",
        "x := mut 2",
        "F f() -> i64 = 3",
        "S T { a: i64 }\nX T { F m(&self) = 1 }",
        "X T { F m(&self) = 2 }",
    ];
    let expected = "f_now_1 := mut 1\nm_now_1 := mut 1\n\
        x_1 := 1\n\
        F f_1() -> i64 = x_1\nF f() -> i64 { I f_now_1 == 2 { R f_2() } f_1() }\n\
        x := mut 2\n\
        f_now_1 = 2\nF f_2() -> i64 = 3\n\
        S T { a: i64 }\nX T { F m_1(&self) = 1 }\nX T { F m(&self) { I m_now_1 == 2 { R self.m_2() } self.m_1() } }\n\
        m_now_1 = 2\nX T { F m_2(&self) = 2 }\n";
    assert_eq!(saved(Spelling::Vais, &lines), expected);
}

#[test]
fn long_sessions_take_linear_time() {
    let mut lines: Vec<String> = (0..2_500).map(|i| format!("let v{i} = {i}")).collect();
    lines.extend((0..2_500).map(|i| format!("fn f(n: i64): i64 = n + v{i}")));
    lines.extend((0..2_500).map(|i| format!("let x = f({i}) + v{i}")));
    lines.extend((0..2_500).map(|i| format!("struct S {{ a: i64 }} fn (self: &S) m{i}(): S = S {{ a: x }}")));
    let start = std::time::Instant::now();
    let text = saved(Spelling::Vex, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(
        text.len() > 500_000 && start.elapsed() < std::time::Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn functions_that_were_compiled_again_keep_their_variables() {
    let input = |text: &str, earlier: &[(&str, usize)]| SavedInput {
        text: text.to_string(),
        spelling: Spelling::Vex,
        show: None,
        unsafe_on: false,
        earlier: earlier.iter().map(|(name, input)| (Symbol::new(name), *input)).collect(),
    };
    let inputs = [
        input("let x = 1", &[]),
        input("let x = 2", &[]),
        input("const K = 3", &[]),
        input("fn sum(): i64 { x + K }", &[("x", 0)]),
        input("let y = x + sum()", &[]),
    ];
    let expected = "let x_1 = 1\nlet x = 2\nconst K = 3\nfn sum(): i64 { x_1 + K }\nlet y = x + sum()\n";
    assert_eq!(program(&inputs).expect("a program"), expected);
}
