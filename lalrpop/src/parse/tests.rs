//! Tests of the parser; in a file of their own for length.

use super::*;
use crate::ast_print::print_ast;

fn dump(text: &str, spelling: Spelling) -> String {
    let (unit, errors) = parse_file(text, 1, spelling);
    assert!(errors.is_empty(), "{text}\n{errors:#?}");
    print_ast(&unit, None)
}

/// The tree of one statement.
fn vex(text: &str) -> String {
    dump(text, Spelling::Vex).trim_end().to_owned()
}

fn codes(text: &str) -> Vec<&'static str> {
    parse_file(text, 1, Spelling::Vex).1.iter().map(|d| d.code.0).collect()
}

#[test]
fn operators_bind_by_precedence_and_to_the_left() {
    assert_eq!(vex("a + b * c"), "binary +(name a, binary *(name b, name c))");
    assert_eq!(vex("a - b - c"), "binary -(binary -(name a, name b), name c)");
    assert_eq!(vex("a & m == 0"), "binary ==(binary &(name a, name m), int 0)");
    assert_eq!(vex("a | b ^ c & d"), "binary |(name a, binary ^(name b, binary &(name c, name d)))");
    assert_eq!(vex("a < b && c || d"), "binary ||(binary &&(binary <(name a, name b), name c), name d)");
    assert_eq!(vex("a << 1 + 2"), "binary <<(name a, binary +(int 1, int 2))");
    assert_eq!(vex("-x as u32 * 2"), "binary *(cast u32(unary -(name x)), int 2)");
    assert_eq!(vex("!a.b(c)[0]"), "unary !(index(call(field b(name a), name c), int 0))");
    assert_eq!(vex("0..n + 1"), "range ..(int 0, binary +(name n, int 1))");
    assert_eq!(
        vex("a = b ? c : d |> f"),
        "assign =(name a, pipe(if(name b, then(name c), else(name d)), name f))"
    );
    assert_eq!(
        vex("a ? b : c ? d : e"),
        "if(name a, then(name b), else(if(name c, then(name d), else(name e))))"
    );
    assert_eq!(vex("x >>= a >> 1"), "assign >>=(name x, binary >>(name a, int 1))");
    assert_eq!(vex("a = b = c"), "assign =(name a, assign =(name b, name c))");
}

#[test]
fn suffix_marks_become_borrows_calls_or_stay() {
    assert_eq!(vex("&x! as *i32!"), "cast *i32!(borrow!(name x))");
    assert_eq!(vex("&r.name!"), "borrow!(field name(name r))");
    assert_eq!(vex("v.push!(1)"), "call!(field push(name v), int 1)");
    assert_eq!(vex("sizeof(*u8!)"), "call(name sizeof, unary *(bang(name u8)))");
    assert_eq!(vex("sizeof(&T!)"), "call(name sizeof, borrow!(name T))");
    assert_eq!(vex("sizeof([T; 4])"), "call(name sizeof, repeat(name T, int 4))");
    assert_eq!(vex("sizeof((A, B))"), "call(name sizeof, tuple(name A, name B))");
    assert_eq!(vex("sizeof(Vec<i64>)"), "call(name sizeof, generic(name Vec, i64))");
    assert_eq!(vex("#sizeof<T>()"), "call(generic(builtin sizeof, T))");
}

#[test]
fn bindings_have_all_their_forms() {
    assert_eq!(vex("let x: i64 = 1"), "let x: i64(int 1)");
    assert_eq!(vex("let! x"), "let! x");
    assert_eq!(vex("x := mut 1"), "let! x(int 1)");
    assert_eq!(vex("x: i64 = 1"), "let x: i64(int 1)");
    assert_eq!(vex("let (a, (b, _)) = t"), "let (a, (b, _))(name t)");
    assert_eq!(vex("(a, b) := t"), "let (a, b)(name t)");
    assert_eq!(dump("var x = 1", Spelling::Vera), "let! x(int 1)\n");
    assert_eq!(
        dump("C N: i64 = 1\nG n: i64 = 2", Spelling::Vais),
        "const N: i64(int 1)\nglobal n: i64(int 2)\n"
    );
}

#[test]
fn block_like_expressions_end_their_statement() {
    let body = |text: &str| vex(&format!("fn f() {{\n{text}\n}}"));
    assert_eq!(body("if c { a }\n(b).d()"), "fn f(body(if(name c, then(name a)), call(field d(name b))))");
    assert_eq!(body("if c { a } -b"), "fn f(body(if(name c, then(name a)), unary -(name b)))");
    assert_eq!(body("{ a } *p = 1"), "fn f(body(block(name a), assign =(unary *(name p), int 1)))");
    assert_eq!(body("unsafe { p }.x"), "fn f(body(field x(unsafe(name p))))");
    assert_eq!(
        body("let x = if c { 1 } else { 2 } - 3"),
        "fn f(body(let x(binary -(if(name c, then(int 1), else(int 2)), int 3))))"
    );
    assert_eq!(body("while a { } loop { break } b"), "fn f(body(while(name a, body), loop(break), name b))");
    assert_eq!(
        body("if unsafe { x } > 0 { y }"),
        "fn f(body(if(binary >(unsafe(name x), int 0), then(name y))))"
    );
}

#[test]
fn a_semicolon_drops_a_blocks_value() {
    assert_eq!(vex("fn f() { a }"), "fn f(body(name a))");
    assert_eq!(vex("fn f() { a; }"), "fn f(body(name a, ;))");
    assert_eq!(vex("fn f() { ; a\n; b }"), "fn f(body(name a, name b))");
    assert_eq!(vex("fn f() = { a }"), "fn f(body(block(name a)))");
}

#[test]
fn jumps_take_what_follows_on_their_line() {
    assert_eq!(vex("fn f() { return\na }"), "fn f(body(return, name a))");
    assert_eq!(vex("fn f() { return a + b }"), "fn f(body(return(binary +(name a, name b))))");
    assert_eq!(vex("loop { break x = 1 }"), "loop(break(assign =(name x, int 1)))");
    assert_eq!(vex("defer { a }"), "defer(block(name a))");
    assert_eq!(vex("let x = c ? return 1 : 2"), "let x(if(name c, then(return(int 1)), else(int 2)))");
}

#[test]
fn structure_literals_stand_everywhere_but_in_heads() {
    assert_eq!(vex("P { x: 1, y }"), "literal P(x(int 1), y(name y))");
    assert_eq!(vex("m.P<i64> {}"), "literal m.P<i64>");
    assert_eq!(vex("if p { x }"), "if(name p, then(name x))");
    assert_eq!(vex("if (p == P { x: 1 }) { y }"), "if(binary ==(name p, literal P(x(int 1))), then(name y))");
    assert_eq!(vex("for i in f(P { a: 1 }) { }"), "for i(call(name f, literal P(a(int 1))), body)");
    assert_eq!(codes("if p == P { x: 1 } { y }\nok()"), ["E0015"]);
    assert_eq!(
        codes("fn f() {\n if p.x == P { x: 1, y: 2 }.x {\n  y(1)\n }\n while P { x: 1 }.m() { z(2) }\n}"),
        ["E0015"; 2]
    );
}

#[test]
fn functions_have_all_their_forms() {
    assert_eq!(
        vex("fn (self: &T!) name!(a!: i64, b: str = \"x\"): (A, B) { }"),
        "fn name!(self: &T!, params(a!: i64, b: str(default(str \"x\"))), returns (A, B), body)"
    );
    assert_eq!(
        vex("fn T.new(a: fn(i64): i64) -> T = a"),
        "fn T.new(params(a: fn(i64): i64), returns T, body(name a))"
    );
    assert_eq!(vex("fn Vec<T>.new<U>() { }"), "fn Vec<T>.new(generics(U), body)");
    assert_eq!(
        vex("fn f<T: Ord + Copy, U>(v: &Vec<T>) { }"),
        "fn f(generics(T: Ord + Copy, U), params(v: &Vec<T>), body)"
    );
    assert_eq!(
        vex("fn f(mut a: *(*T)!, b: [[u8; 2]], c: !, d: *&T!) { }"),
        "fn f(params(a!: *(*T)!, b: [[u8; int 2]], c: !, d: *(&T!)), body)"
    );
    let method = |text| vex(&format!("impl T {{ fn m({text}) {{ }} }}"));
    assert_eq!(method("&self!"), "impl T(fn m(&self!, body))");
    assert_eq!(method("self"), "impl T(fn m(self, body))");
    assert_eq!(method("self: &T, a: i64,"), "impl T(fn m(self: &T, params(a: i64), body))");
}

#[test]
fn declarations_have_all_their_forms() {
    assert_eq!(
        vex("struct S<T>: $Drop, Ord { a: T, b: i64 }"),
        "struct S(generics(T), is Drop, is Ord, a: T, b: i64)"
    );
    assert_eq!(vex("struct S {\n a: i64\n b: i64\n}"), "struct S(a: i64, b: i64)");
    assert_eq!(vex("impl Drop for S { fn drop(&self) { } }"), "impl S(is Drop, fn drop(&self, body))");
    assert_eq!(
        dump("X Sq: Drop { F a() = 1\nF b() { } F c() { } }", Spelling::Vais),
        "impl Sq(is Drop, fn a(body(int 1)), fn b(body), fn c(body))\n"
    );
    assert_eq!(
        vex("extern \"C\" { fn abs(x: i32): i32\nfn f() }"),
        "extern \"C\"(fn abs(params(x: i32), returns i32), fn f)"
    );
    assert_eq!(vex("extern { fn f(); }"), "extern \"C\"(fn f)");
    assert_eq!(vex("import { a, b as c } from \"m\""), "import \"m\"(a, b as c)");
    assert_eq!(vex("import \"std/x\" as n"), "import \"std/x\" as n");
    assert_eq!(
        dump("U std/allocator\nU vera:memory", Spelling::Vais),
        "import \"std/allocator\"\nimport \"vera:memory\"\n"
    );
    assert_eq!(vex("pub fn f() { }\npub const A = 1"), "fn f(body)\nconst A(int 1)");
    assert_eq!(vex("struct A { } struct B { } f()"), "struct A\nstruct B\ncall(name f)");
}

#[test]
fn doc_comments_reach_items_methods_and_fields() {
    let text = "/// One.\nstruct S {\n/// Two.\na: i64 }\n/// Three.\npub fn f() { }\nimpl S {\n/// Four.\nfn g() { } }";
    let expected = "struct S(doc \"One.\", a: i64(doc \"Two.\"))\nfn f(doc \"Three.\", body)\n\
        impl S(fn g(doc \"Four.\", body))";
    assert_eq!(vex(text), expected);
}

#[test]
fn each_broken_chunk_and_statement_gives_its_own_error() {
    let text = "fn a() {\n let = 1\n b()\n f(1 2)\n}\nfn c(: i64) { }\nfn ok() { }\nstruct {}\n";
    let (unit, errors) = parse_file(text, 1, Spelling::Vex);
    assert_eq!(errors.iter().map(|d| d.code.0).collect::<Vec<_>>(), ["E0001"; 4]);
    assert_eq!(print_ast(&unit, None), "fn a(body(error, call(name b), error))\nfn ok(body)\n");
}

#[test]
fn errors_inside_nested_blocks_keep_the_rest() {
    let text = "fn a() {\n while x {\n  let y = \n  z()\n  w() v\n }\n last()\n}";
    let (unit, errors) = parse_file(text, 1, Spelling::Vex);
    assert_eq!(errors.len(), 1, "{errors:?}");
    let tree = "fn a(body(while(name x, body(let y(call(name z)), error)), call(name last)))\n";
    assert_eq!(print_ast(&unit, None), tree);
}

#[test]
fn words_of_another_spelling_are_reported_once_and_understood() {
    let text = "fn f() -> i64 { if a { 1 } else { 2 } }\nfn g() -> i64 { if a { 1 } else { 2 } }\n";
    let (unit, errors) = parse_file(text, 1, Spelling::Vais);
    let words: Vec<_> = errors.iter().map(|d| (d.code.0, &*d.title)).collect();
    assert_eq!(
        words,
        [
            ("E0011", "`fn` is spelled `F` in .vais files"),
            ("E0011", "`if` is spelled `I` in .vais files"),
            ("E0011", "`else` is spelled `E` in .vais files"),
        ]
    );
    assert_eq!(unit.top.len(), 2);
}

#[test]
fn every_code_of_the_parser_is_reachable() {
    for (text, code) in [
        ("let x = )", "E0004"),
        ("fn f() { g(1 2) }", "E0001"),
        ("let x =", "E0002"),
        ("fn f() {", "E0003"),
        ("function f() { }", "E0011"),
        ("let enum = 1", "E0012"),
        ("if a == P { x: 1 } { }", "E0015"),
        ("a < b < c", "E0016"),
        ("1 := 2", "E0017"),
        ("fn f(a) { }", "E0018"),
        ("fn f() { import \"m\" }", "E0019"),
    ] {
        assert_eq!(codes(text).last(), Some(&code), "{text}");
    }
}

#[test]
fn nesting_is_limited_and_safe() {
    let deep = 10_000;
    let nested: Vec<String> = vec![
        "(".repeat(deep) + "x" + &")".repeat(deep),
        "{".repeat(deep) + &"}".repeat(deep),
        "-".repeat(deep) + "x",
        "!".repeat(deep) + "x",
        "1".to_owned() + &" + 1".repeat(deep),
        "x".to_owned() + &".a".repeat(deep),
        "x".to_owned() + &" as i64".repeat(deep),
        "f".to_owned() + &"()".repeat(deep),
        "a ? b : ".repeat(deep) + "c",
        "if a { } else ".repeat(deep) + "{ }",
        "a = ".repeat(deep) + "b",
        "return ".repeat(deep),
        "let x: ".to_owned() + &"*".repeat(deep) + "T = 1",
        "let x: ".to_owned() + &"fn() -> ".repeat(deep) + "T = 1",
        "struct S { a: ".to_owned() + &"&".repeat(deep) + "T }",
        "x".to_owned() + &" |> f".repeat(deep),
    ];
    for text in nested {
        let errors = codes(&text);
        assert_eq!(errors, ["E0013"], "{}…", &text[..40]);
    }
    let edge = MAX_DEPTH as usize - 2;
    assert_eq!(codes(&("-".repeat(edge) + "x")), [""; 0]);
    assert_eq!(codes(&("{".repeat(edge) + "x" + &"}".repeat(edge))), [""; 0]);
}

#[test]
fn unfinished_input_is_told_from_wrong_input() {
    let open = [
        "fn f() {",
        "f(1,",
        "let x =",
        "a +",
        "/* open",
        "if a { } else",
        "fn f()",
        "[1, 2",
        "if x {",
        "if x",
        "fn f() {\n\n",
        "foo(",
        "foo(\n\n",
        "a &&\n",
        "a |>",
        "x ? 1 :",
        "p as",
        "a.",
        "let x: [i64;",
        "{ (",
        "-",
        "if a { } elif b",
        "if a {\n} else {\n",
        "struct S {\n a: i64,",
        "impl S {\n fn a() {\n }",
        "for i in",
        "while",
        "unsafe {",
        "import { a }",
        "extern \"C\"",
        "let p = P {",
        "f(/* a */",
        "a + // more",
        "x =",
        "a; b +",
        "a /* b\n",
        "return (",
        "const",
        "fn f(a: i64): ",
        "\"a\" +",
    ];
    for text in open {
        assert!(is_incomplete(text, Spelling::Vex), "{text}");
    }
    let whole = [
        "",
        "a",
        "fn f() { }",
        "let = 1",
        "f(1))",
        "\"abc",
        "let x",
        "if a { }",
        "a\n\n",
        "x + 1\n",
        "return",
        "a;",
        "if a { } else { }",
        "f(\"abc)",
        "let s = \"open {",
        "{ \"open",
        "// comment",
        "fn f() {\n}\n",
        "_",
        "_ + 1",
        "}",
        "a b",
        "1 +* 2",
        "p as *u8!",
        "struct S { a: i64 }\n",
        "let x = '",
    ];
    for text in whole {
        assert!(!is_incomplete(text, Spelling::Vex), "{text}");
    }
    for (text, spelling) in [
        ("F f(n: i64) -> i64 {", Spelling::Vais),
        ("F f(n: i64) -> i64 = I n < 2 { n } E", Spelling::Vais),
        ("F f(n: i64) -> i64 = I n < 2 { n } E { @(n - 1) +", Spelling::Vais),
        ("F f(n: i64) -> i64 = @(n", Spelling::Vais),
        ("x :=", Spelling::Vais),
        ("x := mut", Spelling::Vais),
        ("L i: 0..3 {", Spelling::Vais),
        ("L {", Spelling::Vais),
        ("X S {", Spelling::Vais),
        ("f(1, # comment )", Spelling::Vais),
        ("U std/", Spelling::Vais),
        ("function f()", Spelling::Vera),
        ("var x: i64 =", Spelling::Vera),
    ] {
        assert!(is_incomplete(text, spelling), "{text}");
    }
    for (text, spelling) in [
        ("x := 1", Spelling::Vais),
        ("L i: 0..3 { }", Spelling::Vais),
        ("F f(n: i64) -> i64 = @(n - 1)", Spelling::Vais),
        ("U std/allocator", Spelling::Vais),
        ("R", Spelling::Vais),
        ("# (", Spelling::Vais),
        ("fn f() {", Spelling::Vera),
        ("var x = 1", Spelling::Vera),
    ] {
        let unfinished = is_incomplete(text, spelling);
        assert_eq!(unfinished, text.ends_with('{'), "{text}");
    }
}

#[test]
fn whole_files_and_their_starts_take_linear_time() {
    let lines = 30_000;
    let function = format!("fn f() {{\n{}}}\n", "    let value = f(1, [2]) + 3\n".repeat(lines));
    let statements = "let value = f(1, [2]) + 3\n".repeat(lines);
    let start = std::time::Instant::now();
    for text in [&function, &statements] {
        assert!(!is_incomplete(text, Spelling::Vex));
        let (unit, errors) = parse_file(text, 1, Spelling::Vex);
        assert!(errors.is_empty() && (unit.top.len() == 1 || unit.top.len() == lines));
    }
    assert!(is_incomplete(&function[..function.len() - 2], Spelling::Vex));
    // What takes a second and more in a debug build would take a minute if each line cost more than the one before.
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn a_wildcard_is_a_name_in_expressions_and_none_in_declarations() {
    assert_eq!(vex("_ + 1"), "binary +(name _, int 1)");
    assert_eq!(vex("f(_, _.x)[_]"), "index(call(name f, name _, field x(name _)), name _)");
    assert_eq!(vex("_"), "name _");
    assert_eq!(vex("_ = f()"), "assign =(name _, call(name f))");
    assert_eq!(vex("let _ = 1_000"), "let _(int 1000)");
    assert_eq!(vex("let (_, a) = b"), "let (_, a)(name b)");
    assert_eq!(vex("for _ in a { }"), "for _(name a, body)");
    assert_eq!(vex("fn f(_: i64) { }"), "fn f(params(_: i64), body)");
    for text in
        ["fn _() { }", "struct _ { }", "const _ = 1", "import { a as _ } from \"m\"", "import \"m\" as _"]
    {
        assert_eq!(codes(text), ["E0012"], "{text}");
    }
}

#[test]
fn a_last_semicolon_is_known() {
    let ends = |text| parse_file(text, 1, Spelling::Vex).0.ends_with_semicolon;
    for text in ["a;", "a; ", "a;\n\n", "a ; // why", "a\n; /* b */", "a; b;", "let x = 1;", "fn f() { };"] {
        assert!(ends(text), "{text}");
    }
    for text in ["", "a", "a; b", "fn f() { a; }", "f(\";\")", "a // ;", ";a"] {
        assert!(!ends(text), "{text}");
    }
}

#[test]
fn expressions_parse_alone() {
    let expr = |text| parse_expr(text, 7, Spelling::Vex);
    assert_eq!(expr(" a.b ").unwrap().span, crate::span::Span::new(8, 11));
    assert!(expr("").is_err());
    assert!(expr("a b").is_err());
    assert!(expr("let x = 1").is_err());
    assert!(expr("\"a").is_err());
}

#[test]
fn a_function_too_long_to_recover_still_gives_its_first_error() {
    let text = format!("fn f() {{\n{}}}", "let a = b c\n".repeat(RECOVERY_BUDGET / 5));
    assert_eq!(codes(&text), ["E0001"]);
}

#[test]
fn an_error_inside_a_literal_costs_its_statement_only() {
    let text = "fn a() {\n let p = P { x 1 }\n b()\n let q = f(P { y: = })\n c()\n}\n";
    let (unit, errors) = parse_file(text, 1, Spelling::Vex);
    assert_eq!(errors.len(), 2, "{errors:#?}");
    assert_eq!(print_ast(&unit, None), "fn a(body(error, call(name b), error, call(name c)))\n");
}
