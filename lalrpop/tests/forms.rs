//! Enumerations, patterns, traits, type parameters, closures and characters: their trees, in every spelling, and how
//! what looks alike is told apart.

use vex_syntax::{Spelling, is_incomplete, parse_file, print_ast};

fn tree(text: &str, spelling: Spelling) -> String {
    let (unit, errors) = parse_file(text, 1, spelling);
    assert!(errors.is_empty(), "{text}\n{errors:#?}");
    print_ast(&unit, None).trim_end().to_owned()
}

fn vex(text: &str) -> String {
    tree(text, Spelling::Vex)
}

/// The tree of a statement in each spelling, which must be the same.
fn same(vex: &str, vera: &str, vais: &str) -> String {
    let expected = tree(vex, Spelling::Vex);
    assert_eq!(tree(vera, Spelling::Vera), expected, "{vera}");
    assert_eq!(tree(vais, Spelling::Vais), expected, "{vais}");
    expected
}

fn codes(text: &str) -> Vec<&'static str> {
    parse_file(text, 1, Spelling::Vex).1.iter().map(|d| d.code.0).collect()
}

#[test]
fn one_program_in_three_spellings_is_one_tree() {
    let dump = same(
        include_str!("programs/forms.vx"),
        include_str!("programs/forms.vera"),
        include_str!("programs/forms.vais"),
    );
    assert_eq!(dump.lines().filter(|line| line.contains("arm ")).count(), 16);
}

#[test]
fn enumerations_have_variants_with_and_without_payloads() {
    assert_eq!(
        same(
            "enum Shape { Point, Circle(f64), Rect { w: f64, h: f64 } }",
            "enum Shape {\n Point\n Circle(f64)\n Rect {\n w: f64\n h: f64\n }\n}",
            "E Shape { Point, Circle(f64,), Rect { w: f64, h: f64, }, }"
        ),
        "enum Shape(variant Point, variant Circle(0: f64), variant Rect(w: f64, h: f64))"
    );
    assert_eq!(
        same(
            "enum Ee<T: Ord, U>: Eq + $Drop { A(T, fn(U): T) }",
            "pub enum Ee<T: Ord, U>: Eq, Drop { pub A(T, function(U) -> T) }",
            "P E Ee<T: Ord, U>: Eq + Drop, { P A(T, F(U) -> T) }"
        ),
        "enum Ee(generics(T: Ord, U), is Eq, is Drop, variant A(0: T, 1: fn(U): T))"
    );
    assert_eq!(vex("enum E {\n /// One.\n A\n /// Two.\n B { /// Three.\n x: i64 } }"), {
        "enum E(variant A(doc \"One.\"), variant B(doc \"Two.\", x: i64(doc \"Three.\")))"
    });
    assert_eq!(vex("enum Never { }\nfn f() { enum A { B } }"), "enum Never\nfn f(body(enum A(variant B)))");
}

#[test]
fn one_letter_names_of_types_and_variants_are_no_keywords() {
    assert_eq!(
        tree("E Op<E, F> {\n A, B(E), C(i64, F(F) -> i64)\n L\n P Q, M { x: S } }", Spelling::Vais),
        vex("enum Op<E, F> { A, B(E), C(i64, fn(F): i64), L, Q, M { x: S } }")
    );
    assert_eq!(
        tree("F f<U, E, F: F(U) -> E>(u: U, f: F, e: &E) -> E { I u { R e } E { x as U } }", Spelling::Vais),
        vex("fn f<U, E, F: fn(U): E>(u: U, f: F, e: &E): E { if u { return e } else { x as U } }")
    );
    assert_eq!(
        tree("F f(c: i64) -> i64 { c ? I x { 1 } E { 2 } : M c { _ => R 3 } }", Spelling::Vais),
        vex("fn f(c: i64): i64 { c ? if x { 1 } else { 2 } : match c { _ => return 3 } }")
    );
}

#[test]
fn a_match_has_arms_of_every_form() {
    let arms = "match(name e, arm int 0(name a), arm int 1 | int 2(name b), arm _(return))";
    assert_eq!(
        same(
            "match e { 0 => a, 1 | 2 => b, _ => return, }",
            "match e {\n 0 => a\n | 1\n | 2 => b\n _ => return\n}",
            "M e { 0 => a, 1 | 2 => b\n _ => R }",
        ),
        arms
    );
    let arm = |text: &str| {
        let dump = vex(&format!("match e {{ {text} }}"));
        let inside = dump.strip_prefix("match(name e, ").and_then(|d| d.strip_suffix(')')).map(str::to_owned);
        inside.unwrap_or(dump)
    };
    assert_eq!(arm("-1 => a, -2.5 => b"), "arm unary -(int 1)(name a), arm unary -(float 2.5)(name b)");
    assert_eq!(arm("3..5 => a, 'a'..='z' => b"), "arm int 3..int 5(name a), arm char 'a'..=char 'z'(name b)");
    assert_eq!(
        arm("1.. => a, ..=9 => b, ..A.B => c"),
        "arm int 1..(name a), arm ..=int 9(name b), arm ..field B(name A)(name c)"
    );
    assert_eq!(arm("x if x > 9 => a"), "arm x(if(binary >(name x, int 9)), name a)");
    assert_eq!(arm("Some(v) => v, m.Shape::Point => 1"), "arm Some(v)(name v), arm m.Shape.Point(int 1)");
    assert_eq!(arm("Rect { w, h: 0, .. } => w"), "arm Rect { w: w, h: int 0, .. }(name w)");
    assert_eq!(arm("P {} => 1, A.B { .. } => 2"), "arm P {  }(int 1), arm A.B { .. }(int 2)");
    assert_eq!(
        arm("(a, _) => a, (1 | 2) => b, (c,) => c"),
        "arm (a, _)(name a), arm int 1 | int 2(name b), arm (c)(name c)"
    );
    assert_eq!(arm("n @ 1..=9 => n"), "arm n @ int 1..=int 9(name n)");
    assert_eq!(
        arm("\"a\" => 1, true => 2, null => 3"),
        "arm str \"a\"(int 1), arm bool true(int 2), arm null(int 3)"
    );
    assert_eq!(arm("Some((A(_) | B)) => 1"), "arm Some(A(_) | B)(int 1)");
}

#[test]
fn the_value_of_an_arm_is_any_expression() {
    let values = |text: &str| {
        let dump = vex(&format!("match e {{ {text} }}"));
        dump.replace("match(name e, ", "").replace("arm _", "")
    };
    assert_eq!(
        values("_ => x = 1, _ => { y }, _ => break 2"),
        "(assign =(name x, int 1)), (block(name y)), (break(int 2)))"
    );
    assert_eq!(values("_ => { a } _ => { b }\n_ => c"), "(block(name a)), (block(name b)), (name c))");
    assert_eq!(values("_ => { a }\n_ => P { x: 1 }"), "(block(name a)), (literal P(x(int 1))))");
    assert_eq!(values("_ => unsafe { a } + 1"), "(binary +(unsafe(name a), int 1)))");
    assert_eq!(
        values("_ => if a { 1 } else { 2 }\n_ => 3"),
        "(if(name a, then(int 1), else(int 2))), (int 3))"
    );
    assert_eq!(values("_ => |x| x, _ => a |> b"), "(closure(x, name x)), (pipe(name a, name b)))");
    assert_eq!(values("_ => match a { _ => 1 }.b"), "(field b(match(name a, (int 1)))))");
    assert_eq!(vex("let m = match a { _ => 1 } + 2"), "let m(binary +(match(name a, arm _(int 1)), int 2))");
    assert_eq!(
        vex("fn f() { match a { }\n-b }\nfn g() { match a { }.b() }"),
        "fn f(body(match(name a), unary -(name b)))\nfn g(body(call(field b(match(name a)))))"
    );
    assert_eq!(vex("if match a { _ => b } { c }"), "if(match(name a, arm _(name b)), then(name c))");
    assert_eq!(codes("match P { x: 1 } { _ => 1 }"), ["E0015"]);
}

#[test]
fn conditions_take_values_apart() {
    let tree = same(
        "if let Some(x) = e && x > 3 { a } elif let None = f(e) { } else { b }",
        "if let Some(x) = e && x > 3 { a } else if let None = f(e) { } else { b }",
        "I let Some(x) = e && x > 3 { a } E I let None = f(e) { } E { b }",
    );
    assert_eq!(
        tree,
        "if\n  binary &&(is Some(x)(name e), binary >(name x, int 3))\n  then(name a)\n  \
         else(if(is None(call(name f, name e)), then, else(name b)))"
    );
    assert_eq!(
        same("while let Some(x) = v { }", "while let Some(x) = v { }", "LW let Some(x) = v { }"),
        "while(is Some(x)(name v), body)"
    );
    assert_eq!(vex("while a && let P(1 | 2) = b == c && d { }"), {
        "while(binary &&(binary &&(name a, is P(int 1 | int 2)(binary ==(name b, name c))), name d), body)"
    });
    assert_eq!(vex("if let A(x) = v |> f(2) { }"), "if(is A(x)(pipe(name v, call(name f, int 2))), then)");
    assert_eq!(
        vex("if a && let A(x) = v |> f { }"),
        "if(binary &&(name a, is A(x)(pipe(name v, name f))), then)"
    );
    for wrong in ["if a || let B = c { }", "if let B = c || d { }", "if a |> let B = c { }"] {
        assert_eq!(codes(wrong), ["E0017"], "{wrong}");
    }
    // Elsewhere the word is a name in the spelling that binds with `:=`.
    assert_eq!(vex("let_ = 1"), "assign =(name let_, int 1)");
    assert_eq!(
        self::tree("let := 1\nI let > 0 { }", Spelling::Vais),
        "let let(int 1)\nif(binary >(name let, int 0), then)"
    );
}

#[test]
fn names_in_patterns_may_change() {
    let dump = "match(name x, arm Some(n!)(tuple), arm (a!, b) | Point { a: a!, b: b }(tuple))";
    let marks = [
        "Some(n!) => (), (a!, b) | Point { a!, b } => ()",
        "Some(mut n) => (), (mut a, b) | Point { mut a, b } => ()",
    ];
    for arms in marks {
        let (long, short) = (format!("match x {{ {arms} }}"), format!("M x {{ {arms} }}"));
        assert_eq!(same(&long, &long, &short).replace('\n', ""), dump, "{arms}");
    }
    assert_eq!(vex("let (a!, _!) = p"), "let (a!, _)(name p)");
    assert_eq!(vex("for (i, n!) in m { }"), "for (i, n!)(name m, body)");
    assert_eq!(codes("match x { A(b)! => 1 }"), ["E0001"]);
}

#[test]
fn let_begins_bindings_that_colon_equals_cannot_write() {
    for text in [
        "let Point { a, .. } = p",
        "let Point { a!, b: (c, _) } = p",
        "let (Point { a, .. }, c) = p",
        "let x: Point",
        "let m.Point { a } = p",
    ] {
        same(text, text, text);
    }
    let vais = |text: &str| tree(text, Spelling::Vais);
    assert_eq!(vais("let(a, b)\nlet (a)\nx = let\nlet.a = 1"), {
        "call(name let, name a, name b)\ncall(name let, name a)\nassign =(name x, name let)\nassign =(field a(name let), int 1)"
    });
    assert_eq!(vais("let = 2"), "assign =(name let, int 2)");
    let (_, errors) = parse_file("let x = 2", 1, Spelling::Vais);
    assert_eq!(errors.iter().map(|d| d.code.0).collect::<Vec<_>>(), ["E0011"]);
}

#[test]
fn bindings_take_values_apart() {
    assert_eq!(
        same(
            "let Point { x, y: (a, _) } = p",
            "let Point { x, y: (a, _) } = p",
            "Point { x, y: (a, _) } := p"
        ),
        "let Point { x: x, y: (a, _) }(name p)"
    );
    assert_eq!(
        same("for (i, (k, _)) in m { }", "for (i, (k, _)) in m { }", "L (i, (k, _)): m { }"),
        "for (i, (k, _))(name m, body)"
    );
    assert_eq!(
        same("for Q { x } in m { }", "for Q { x } in m { }", "LF Q { x }: m { }"),
        "for Q { x: x }(name m, body)"
    );
    assert_eq!(tree("Pair(a, m.B(_)) := e", Spelling::Vais), "let Pair(a, m.B(_))(name e)");
}

#[test]
fn a_question_mark_tries_or_chooses() {
    for (text, expected) in [
        ("a?b:c", "if(name a, then(name b), else(name c))"),
        ("c? 1 : 2", "if(name c, then(int 1), else(int 2))"),
        ("c ? -1 : -2", "if(name c, then(unary -(int 1)), else(unary -(int 2)))"),
        ("c? -1 : 2", "if(name c, then(unary -(int 1)), else(int 2))"),
        ("c? { 1 } : { 2 }", "if(name c, then(block(int 1)), else(block(int 2)))"),
        ("c ? (a, b) : [d]", "if(name c, then(tuple(name a, name b)), else(array(name d)))"),
        ("c\n? f(a ? b : d)\n: d", {
            "if(name c, then(call(name f, if(name a, then(name b), else(name d)))), else(name d))"
        }),
        ("f()?", "try(call(name f))"),
        ("f()?.g()?", "try(call(field g(try(call(name f)))))"),
        ("x? + 1", "binary +(try(name x), int 1)"),
        ("x? - 1", "binary -(try(name x), int 1)"),
        ("x? * y? & z", "binary &(binary *(try(name x), try(name y)), name z)"),
        ("x? && y?", "binary &&(try(name x), try(name y))"),
        ("x?-1", "binary -(try(name x), int 1)"),
        ("x??", "try(try(name x))"),
        ("x?[0]?", "try(index(try(name x), int 0))"),
        ("x?(y)", "call(try(name x), name y)"),
        ("S { a: f()?, b: 1 }", "literal S(a(try(call(name f))), b(int 1))"),
        ("f(a?, b?)", "call(name f, try(name a), try(name b))"),
        ("match f()? { _ => 1 }", "match(try(call(name f)), arm _(int 1))"),
        ("if f()? { a } else { b }", "if(try(call(name f)), then(name a), else(name b))"),
        ("c ? x? : y?", "if(name c, then(try(name x)), else(try(name y)))"),
        ("c ? x? - 1 : 2", "if(name c, then(binary -(try(name x), int 1)), else(int 2))"),
        ("a ? b ? 1 : 2 : 3", "if(name a, then(if(name b, then(int 1), else(int 2))), else(int 3))"),
        ("f()? as i64", "cast i64(try(call(name f)))"),
        ("x? == y?", "binary ==(try(name x), try(name y))"),
        ("x? |> f", "pipe(try(name x), name f)"),
        ("a[i]?", "try(index(name a, name i))"),
        ("return x?", "return(try(name x))"),
        ("a = b?", "assign =(name a, try(name b))"),
        ("a?\nb ? c : d", "try(name a)\nif(name b, then(name c), else(name d))"),
        ("f(x?\n)", "call(name f, try(name x))"),
        ("\"{}\"?", "try(str \"{}\")"),
    ] {
        assert_eq!(vex(text), expected, "{text}");
    }
    for text in ["x ?", "c ? 1", "c ? 1 :", "f()?.", "a? +"] {
        assert!(is_incomplete(text, Spelling::Vex), "{text}");
    }
    assert!(!is_incomplete("f()?", Spelling::Vex));
    assert_eq!(codes("x ? y\nz"), ["E0002"]);
}

#[test]
fn closures_take_the_rest_of_the_expression() {
    assert_eq!(
        same("let f = |x| x + 1", "let f = |x| x + 1", "f := |x| x + 1"),
        "let f(closure(x, binary +(name x, int 1)))"
    );
    assert_eq!(
        same(
            "g(|a: i64, b| { a }, || 5, move |x| x, |x: i64|: i64 { x })",
            "g(|a: i64, b,| { a }, || 5, move |x| x, |x: i64| -> i64 { x })",
            "g(|a: i64, b| { a }, || 5, move |x| x, |x: i64| -> i64 { x },)"
        ),
        "call\n  name g\n  closure(a: i64, b, block(name a))\n  closure(int 5)\n  closure move(x, name x)\n  \
         closure(x: i64, returns i64, block(name x))"
    );
    assert_eq!(vex("f(|_, (a, _), b!, mut c| a)"), "call(name f, closure(_, (a, _), b!, c!, name a))");
    assert_eq!(vex("x = |a| a = b"), "assign =(name x, closure(a, assign =(name a, name b)))");
    assert_eq!(vex("f(|a| |b| a || b)"), "call(name f, closure(a, closure(b, binary ||(name a, name b))))");
    assert_eq!(vex("f(&|a| a)"), "call(name f, borrow(closure(a, name a)))");
    assert_eq!(vex("f(|| { a } - 1)"), "call(name f, closure(binary -(block(name a), int 1)))");
    assert_eq!(vex("c ? |a| a : |b| b"), "if(name c, then(closure(a, name a)), else(closure(b, name b)))");
    assert_eq!(vex("f(|a| return a, |b| P { b })"), {
        "call(name f, closure(a, return(name a)), closure(b, literal P(b(name b))))"
    });
    assert_eq!(vex("v |> |x| x"), "pipe(name v, closure(x, name x))");
    assert_eq!(
        vex("let f = |v: &Vec<T>, w: Vec<Vec<T>>| v"),
        "let f(closure(v: &Vec<T>, w: Vec<Vec<T>>, name v))"
    );
    assert_eq!(vex("a | b || c | d"), "binary ||(binary |(name a, name b), binary |(name c, name d))");
    assert_eq!(
        vex("move = move + move.move"),
        "assign =(name move, binary +(name move, field move(name move)))"
    );
    assert_eq!(vex("a\n|b| c"), "name a\nclosure(b, name c)");
    assert_eq!(vex("|a| move |b| a"), "closure(a, closure move(b, name a))");
}

#[test]
fn type_parameters_stand_everywhere() {
    for (text, expected) in [
        ("fn f<T: Ord + Copy, F: fn(T): bool>(f: F) { }", {
            "fn f(generics(T: Ord + Copy, F: fn(T): bool), params(f: F), body)"
        }),
        ("impl<T: Ord> Vec<T> { }", "impl Vec<T>(generics(T: Ord))"),
        ("impl<T> Iterator<T> for VecIter<T> { }", "impl VecIter<T>(generics(T), is Iterator<T>)"),
        ("impl Display for Point { }", "impl Point(is Display)"),
        ("fn Vec<T>.new(): Vec<T> { }", "fn Vec<T>.new(returns Vec<T>, body)"),
        ("fn (self: &Vec<T>!) push!(v: T) { }", "fn push!(self: &Vec<T>!, params(v: T), body)"),
        ("fn (self: &V) map<U, F: fn(&T): U>(f: F): Vec<U> { }", {
            "fn map(generics(U, F: fn(&T): U), self: &V, params(f: F), returns Vec<U>, body)"
        }),
        ("let m: Map<str, Vec<i64>> = n", "let m: Map<str, Vec<i64>>(name n)"),
        ("let m: A<B<C<D>>> = n", "let m: A<B<C<D>>>(name n)"),
        ("Vec.new<i64>()", "call(generic(field new(name Vec), i64))"),
        ("Vec<Vec<i64>>.new()", "call(field new(generic(name Vec, Vec<i64>)))"),
        ("f<fn(A): B, &T!, Self>(x)", "call(generic(name f, fn(A): B, &T!, Self), name x)"),
        ("sizeof<T>()", "call(generic(name sizeof, T))"),
        ("a < b && c > (d)", "binary &&(binary <(name a, name b), binary >(name c, name d))"),
        ("f(a < b, c > d)", "call(name f, binary <(name a, name b), binary >(name c, name d))"),
        ("match x { A if b<c => d }", "match(name x, arm A(if(binary <(name b, name c)), name d))"),
        ("|x| x<y", "closure(x, binary <(name x, name y))"),
    ] {
        assert_eq!(vex(text), expected, "{text}");
    }
    assert_eq!(
        same(
            "impl<T: Ord> Ord for Vec<T> { fn a(&self): Self { } }",
            "impl<T: Ord> Ord for Vec<T> { function a(&self) -> Self { } }",
            "X<T: Ord> Vec<T>: Ord { F a(&self) -> Self { } }"
        ),
        "impl Vec<T>(generics(T: Ord), is Ord, fn a(&self, returns Self, body))"
    );
    assert_eq!(codes("fn Vec<T: Ord>.sort() { }"), ["E0018"]);
}

#[test]
fn traits_have_long_and_short_functions() {
    assert_eq!(
        same(
            "trait T<A>: Eq, Ord { fn a(&self): f64 fn b(&self): str { \"?\" } fn (self: &Self!) c!(by: A) }",
            "trait T<A>: Eq + Ord {\n function a(&self) -> f64\n pub function b(&self) -> str { \"?\" }\n\n \
             function (self: &Self!) c!(by: A)\n}",
            "W T<A>: Eq, Ord { F a(&self) -> f64; F b(&self) -> str = \"?\"; F (self: &Self!) c!(by: A) }"
        ),
        "trait T\n  generics(A)\n  is Eq\n  is Ord\n  fn a(&self, returns f64)\n  \
         fn b(&self, returns str, body(str \"?\"))\n  fn c!(self: &Self!, params(by: A))"
    );
    assert_eq!(
        vex("contract C { m(): T; mut()!; op+(o: Self): Self; }"),
        "trait C(fn m(&self, returns T), fn mut!(&self!), fn add(&self, params(o: Self), returns Self))"
    );
    assert_eq!(
        same(
            "contract Cc { a(): T { b }\n n!(x: i64) = 3\n /// Doc.\n c(self: Self) }",
            "trait Cc { a() -> T { b } n(x: i64)! = 3; /// Doc.\n c(self: Self); }",
            "W Cc { a() -> T = b\n n!(x: i64) { 3 } /// Doc.\n c(self: Self) }"
        ),
        "trait Cc\n  fn a(&self, returns T, body(name b))\n  fn n!(&self!, params(x: i64), body(int 3))\n  \
         fn c(doc \"Doc.\", self: Self)"
    );
    let names: Vec<_> = ["+", "-", "*", "/", "%", "==", "<=>", "[]"]
        .iter()
        .map(|op| {
            vex(&format!("fn (self: &V) op{op}(o: &V): V {{ }}"))
                .replace("(self: &V, params(o: &V), returns V, body)", "")
        })
        .collect();
    assert_eq!(names, ["fn add", "fn sub", "fn mul", "fn div", "fn rem", "fn eq", "fn cmp", "fn index"]);
    assert_eq!(vex("impl V { fn op-(&self): V { }\nfn op-(&self, o: V): V { } }"), {
        "impl V(fn neg(&self, returns V, body), fn sub(&self, params(o: V), returns V, body))"
    });
    assert_eq!(vex("fn op(a: i64) { op - 1 }"), "fn op(params(a: i64), body(binary -(name op, int 1)))");
    assert_eq!(codes("fn plus+(a: i64) { }"), ["E0001"]);
}

#[test]
fn characters_are_one_character() {
    for (text, value) in [
        ("'a'", 'a'),
        (r"'\n'", '\n'),
        (r"'\''", '\''),
        (r"'\\'", '\\'),
        ("'\"'", '"'),
        (r"'\x41'", 'A'),
        (r"'\u{1F600}'", '\u{1F600}'),
        ("'é'", 'é'),
        ("' '", ' '),
        ("'😀'", '😀'),
    ] {
        assert_eq!(vex(text), format!("char {value:?}"), "{text}");
    }
    assert_eq!(vex("f('a','b')"), "call(name f, char 'a', char 'b')");
    assert_eq!(vex("\"\\u{1F600}'\""), "str \"😀'\"");
    for wrong in ["''", "'ab'", "'", "'a", r"'\", "'e\u{301}'", "'''", "'a: loop { }", "loop { break 'a }"] {
        assert!(matches!(codes(wrong)[..], ["E0021" | "E0007"]), "{wrong}: {:?}", codes(wrong));
    }
    assert_eq!(codes(r"'\q'"), ["E0008"]);
    assert_eq!(codes("fn f() { let c = 'ab'\n let d = 1 2\n}"), ["E0021", "E0001"]);
}

#[test]
fn one_mistake_does_not_spoil_the_rest() {
    let text = "fn f() {\n match x {\n  0 => a,\n  1 => b c,\n  2 => d,\n }\n last()\n}\nenum E { A B }\nfn g() { }\n";
    let (unit, errors) = parse_file(text, 1, Spelling::Vex);
    assert_eq!(errors.len(), 2, "{errors:#?}");
    let dump = print_ast(&unit, None);
    assert_eq!(
        dump,
        "fn f(body(match(name x, arm int 0(name a), arm _(error), arm int 2(name d)), call(name last)))\nfn g(body)\n"
    );
    let text = "match x {\n 0 -> a\n 1 => { b c }\n 2 => c\n}\nd e\n";
    assert_eq!(codes(text), ["E0001"; 3]);
    assert_eq!(codes("match x {\n 1 => { b( }\n 2 => c\n}\nd e\n"), ["E0003", "E0001"]);
}

#[test]
fn patterns_and_closures_nest_within_bounds() {
    let deep = 10_000;
    for text in [
        "|x| ".repeat(deep) + "x",
        "|| ".repeat(deep) + "x",
        "move || ".repeat(deep) + "x",
        "match x { _ => ".repeat(2_000) + "1" + &" }".repeat(2_000),
        "match x { ".to_owned() + &"A(".repeat(deep) + "x" + &")".repeat(deep) + " => 1 }",
        "let ".to_owned() + &"(".repeat(deep) + "x" + &",)".repeat(deep) + " = y",
        "x".to_owned() + &"?".repeat(deep),
        "match x { _ if ".repeat(deep),
        "if let A = ".to_owned() + &"x + ".repeat(deep) + "y { }",
        "let f: ".to_owned() + &"fn(".repeat(deep) + &")".repeat(deep),
        "enum E { A".to_owned() + &"(A".repeat(deep) + &")".repeat(deep) + "}",
        "a ? ".repeat(deep) + "b",
        "x ? {".repeat(deep),
    ] {
        let errors = codes(&text);
        assert!(errors.len() <= 3, "{}…: {errors:?}", &text[..40]);
        assert!(!is_incomplete(&text, Spelling::Vex) || text.ends_with(['b', ' ', '{']), "{}…", &text[..40]);
    }
    // A pattern may be as long as it likes.
    let long = "match x { 0".to_owned() + &" | 1".repeat(deep) + " => a }";
    assert_eq!(codes(&long), [""; 0]);
    assert_eq!(codes(&("|x| ".repeat(1_000) + "x")), [""; 0]);
}
