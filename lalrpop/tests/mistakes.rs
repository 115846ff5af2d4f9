//! Mistakes in enumerations, patterns, traits, closures and characters are explained in the words of the file.

use vex_syntax::{Spelling, parse_file};

/// What is said about the only mistake of a text: the title, then the first help.
fn said(text: &str, spelling: Spelling) -> String {
    let (_, errors) = parse_file(text, 1, spelling);
    assert_eq!(errors.len(), 1, "{text}\n{errors:#?}");
    let help = errors[0].helps.first().map(|help| format!("; {}", help.text)).unwrap_or_default();
    format!("{}{help}", errors[0].title)
}

/// Checks what is said about each text.
#[track_caller]
fn all(spelling: Spelling, table: &[(&str, &str)]) {
    for (text, expected) in table {
        assert_eq!(said(text, spelling), *expected, "{text}");
    }
}

#[test]
fn what_was_expected_is_named() {
    all(
        Spelling::Vex,
        &[
            ("enum Shape { Point Circle }", "expected `,` or `}`, found `Circle`"),
            ("enum Shape { 1 }", "expected a name or `}`, found `1`"),
            ("enum { A }", "expected a name, found `{`"),
            ("enum E: { A }", "expected a trait, found `{`"),
            ("match x { 0 -> a }", "expected `=>` or `if`, found `->`; an arm is `pattern => value`"),
            ("match x { 0: a }", "expected `=>` or `if`, found `:`; an arm is `pattern => value`"),
            ("match x { 0 => a 1 => b }", "expected `,` or the end of the line, found `1`"),
            ("match x { 0 => a; 1 => b }", {
                "expected `,` or the end of the line, found `;`; arms are separated by `,`"
            }),
            ("match x { 0 => , }", "expected an expression, found `,`"),
            ("match x { => 3 }", "expected a pattern or `}`, found `=>`"),
            ("match x { case 0 => 1 }", "expected `=>` or `if`, found `0`; an arm begins with its pattern"),
            ("match x { a: 1, b: 2 }", "expected `=>` or `if`, found `:`; an arm is `pattern => value`"),
            ("if let P { a: + } = b { }", "expected a pattern, found `+`"),
            ("match P { x: 1 } { _ => 1 }", {
                "a structure literal cannot stand directly in the head of an `if`, a `match` or a loop; put it in parentheses"
            }),
            ("match { 0 => 1 }", "expected an expression, found `{`"),
            ("match x", "expected `{`, found the end of the text"),
            ("match x { P { .., a } => 1 }", {
                "expected `}`, found `,`; `..` stands last: it leaves the other fields out"
            }),
            ("match x { 1..= => 1 }", "this range has no end; a range without an end is written `a..`"),
            ("if let Some(x) { }", "expected `=`, found `{`"),
            ("if let = y { }", "expected a pattern, found `=`"),
            ("let = y", "expected a name, found `=`"),
            ("if Some(x) = y { }", {
                "expected `{`, found `=`; `==` compares; to look whether a pattern takes a value, write `let` before the pattern"
            }),
            ("let f = |x, x + 1", "expected `,` or `|`, found `+`"),
            ("let f = |x|", "expected an expression, found the end of the text"),
            ("fn f() { let g = |x|: i64 { x }(3) }", "expected the end of the statement, found `(`"),
            ("let f = |x: | 3", "expected a type, found `|`"),
            ("let f = |x|: i64 x", "expected `{`, found `x`"),
            ("let f = fn(x: i64) { x }", {
                "expected an expression, found `fn`; a function without a name is a closure: `|x| x + 1`"
            }),
            ("trait T { a }", "expected `(`, found `}`"),
            ("trait T { let x = 3 }", "expected a function or `}`, found `let`"),
            ("fn op<(o: i64) { }", {
                "expected `(`, found `<`; there are `op==` and, for the order, `op<=>`"
            }),
            ("fn plus+(o: i64) { }", {
                "`plus` is followed by an operator; the function for an operator is called `op+`"
            }),
            ("impl<T: > V<T> { }", {
                "expected a type, found `<`; a list of types is closed by `>` and its items are separated by `,`: `<A, B>`"
            }),
            ("let y = c ? 1", "expected `:`, found the end of the text"),
            ("outer: loop { break }", {
                "expected a type, found `loop`; loops have no labels; put them into a function and return from it"
            }),
            ("switch x { 0 => 1 }", "expected the end of the statement, found `x`; write `match`"),
            ("interface A { }", "expected the end of the statement, found `A`; write `trait`"),
        ],
    );
}

#[test]
fn keywords_are_those_of_the_file() {
    all(
        Spelling::Vais,
        &[
            ("M x { 0 -> 1 }", "expected `=>` or `I`, found `->`; an arm is `pattern => value`"),
            ("match x { 0 => a }", "`match` is spelled `M` in .vais files; write `M`"),
            ("enum Shape { Point, Circle(f64) }", "`enum` is spelled `E` in .vais files; write `E`"),
            ("trait T { F a(&self) }", "`trait` is spelled `W` in .vais files; write `W`"),
            ("M x { v if v > 3 => 1 }", "`if` is spelled `I` in .vais files; write `I`"),
            ("if let Some(x) = y { }", "`if` is spelled `I` in .vais files; write `I`"),
            ("while let Some(x) = y { }", "`while` is spelled `L` in .vais files; write `L`"),
            ("x => 3", {
                "expected the end of the statement, found `=>`; `=>` stands in the arms of a `M` only; a function with one \
             expression is `= expression`, a closure `|x| expression`"
            }),
        ],
    );
    all(
        Spelling::Vex,
        &[
            ("M x { 0 => 1 }", "`M` is spelled `match` in .vx files; write `match`"),
            ("E Shape { A, B }", "`E` is spelled `enum` in .vx files; write `enum`"),
            ("W T { }", "`W` is spelled `trait` in .vx files; write `trait`"),
            ("C N: i64 = 1", "`C` is spelled `const` in .vx files; write `const`"),
            ("match x { P { x: } => 1 }", "expected a pattern, found `}`"),
        ],
    );
    all(
        Spelling::Vera,
        &[
            ("contract C { }", "`contract` is spelled `trait` in .vera files; write `trait`"),
            ("trait T { fn a(&self) }", "`fn` is spelled `function` in .vera files; write `function`"),
            ("M x { 0 => 1 }", "`M` is spelled `match` in .vera files; write `match`"),
        ],
    );
}

#[test]
fn characters_that_are_none_are_explained() {
    all(
        Spelling::Vex,
        &[
            ("let c = 'ab'", "a character literal holds one character; strings are quoted with `\"`"),
            ("let c = ''", "a character literal without a character; an empty string is quoted with `\"`"),
            ("let c = 'a", "this character literal has no closing quote; close it"),
            ("let c = '\\n", "this character literal has no closing quote; close it"),
            ("let c = '''", "a quote between quotes needs a backslash; escape it"),
            ("let c = '", "unexpected character `'`; strings are quoted with `\"`, characters with `'`"),
            ("'outer: loop { }", {
                "`'outer` is no label; to leave several loops at once, put them into a function and return from it"
            }),
        ],
    );
}

#[test]
fn an_open_quote_is_one_mistake() {
    let open = "this string has no closing quote on its line";
    let close = format!("{open}; close it with `\"`; `\\n` stands for a newline inside a string");
    let several = format!(
        "{open}; text over several lines stands between `\"\"\"` and `\"\"\"`, each at the end or the start of a line"
    );
    let block = "this string has no closing `\"\"\"`; close it with `\"\"\"` on a line of its own";
    let rows = "1,Ada ( [ {\n2,\u{201c}Bob\u{201d} fn let\n".repeat(100);
    let table: &[(&str, &str)] = &[
        ("f(\"a)", &close),
        ("fn f() { if a == \"b { g() } }", &close),
        ("fn f() {\n  g([\"a, 2])\n  h()\n}\nfn g() { \"closed\" }", &close),
        ("if a == \"b {\n  c\n}\nf(\"closed\")", &close),
        ("f(\"a\ng(\"b\")", &close),
        (&format!("const A: str = \"id,name\n{rows}\"\nfn f() {{ }}"), &several),
        (&format!("f(\"id\n{rows}\", \"b\")\ng()"), &several),
        (&format!("fn f() {{\n  g(\"\"\"\n{rows}\n}}\n"), block),
        (
            "f(\"\"\"a\"\"\")",
            "the text begins on the line after `\"\"\"`; a text on one line stands between `\"` and `\"`",
        ),
        ("f(\"\"\"\n  a\n b\n  \"\"\")", {
            "this line is indented less than the closing `\"\"\"`; indent it, or move the closing `\"\"\"` to the left"
        }),
        ("f(\"\"\"\n  a\"\"\")", {
            "the closing `\"\"\"` stands on a line of its own; its indentation is removed from every line; \
             `\\\"\"\"` is three quotes in the text"
        }),
        ("f(\"\"\"\n  a\\q\n  \"\"\")", {
            "unknown escape `\\q`; strings know \\n \\t \\r \\0 \\\\ \\\" \\' \\xHH \\u{…}"
        }),
    ];
    all(Spelling::Vex, table);
}
