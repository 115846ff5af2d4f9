//! Sessions saved as programs: a program prints what its session printed.

use vex_syntax::Spelling;
use vex_tests::{Folder, Run};
use vexc::session::save::{SaveError, SavedInput, Shown, program};

/// An input, and the type that the session shows its value with; `@` before it if the session only looks at the value.
type Line = (&'static str, &'static str);

fn saved(spelling: Spelling, lines: &[Line]) -> Vec<SavedInput> {
    let input = |(text, shown): &Line| {
        let moved = !shown.starts_with('@');
        let ty = shown.trim_start_matches('@').to_string();
        let show = (!shown.is_empty()).then_some(Shown { ty, moved });
        SavedInput { text: text.to_string(), spelling, show, unsafe_on: false, earlier: Vec::new() }
    };
    lines.iter().map(input).collect()
}

/// Runs the inputs in a session and the program made of them, and fails unless both print this.
#[track_caller]
fn same_in(spelling: Spelling, lines: &[Line], expected: &str) -> String {
    let (folder, vexc) = (Folder::new(), env!("CARGO_BIN_EXE_vexc-under-test"));
    folder.file(
        "shapes.vx",
        "struct Square { side: i64 }\nfn area(s: &Square): i64 { return s.side * s.side }\n",
    );
    let text = program(&saved(spelling, lines)).expect("a program");
    let file = format!("saved.{}", spelling.extension());
    folder.file(&file, &text);
    let run = Run::new(vexc, folder.path()).args(["run", &file]).output();
    assert_eq!((run.status, &*run.stdout, &*run.stderr), (0, expected, ""), "the program:\n{text}");
    let inputs: String = lines.iter().map(|(text, _)| format!("{text}\n")).collect();
    let session = || Run::new(vexc, folder.path()).args(["repl", "--spelling", spelling.extension()]);
    session().input(inputs.clone()).output().expect_status(0).expect_stdout(expected);
    // And as people do it, with what the session itself knows of its inputs.
    session().input(inputs + ":save own\n").output().expect_status(0);
    let file = format!("own.{}", spelling.extension());
    let run = Run::new(vexc, folder.path()).args(["run", &file]).output();
    assert_eq!(
        (run.status, &*run.stdout, &*run.stderr),
        (0, expected, ""),
        "`:save`:\n{}",
        folder.read(&file)
    );
    text
}

#[track_caller]
fn same(lines: &[Line], expected: &str) -> String {
    same_in(Spelling::Vex, lines, expected)
}

#[test]
fn values_are_printed_as_they_were_shown() {
    let text = same(
        &[
            ("let x = 41 // the answer, nearly", ""),
            ("x + 1 // why", "i64"),
            ("_ * 2", "i64"),
            ("struct P { x: i64, name: str }", ""),
            ("P { x, name: \"{}\" }", "P"),
            ("_.name", "str"),
            ("x;", ""),
            ("println(\"{x} {_}\")", ""),
            ("if x > 1 { \"large\" } else { \"small\" }", "str"),
            ("x; x", "i64"),
            ("(x)", "i64"),
            ("fn last(): i64 = _", ""),
            ("last()", "i64"),
            ("_ = last()", ""),
            ("[1, 2, 3]", "[i64; 3]"),
            ("_[(x) - 40] + 10 *\n  2", "i64"),
        ],
        ": i64 = 42\n: i64 = 84\n: P = P { x: 41, name: \"{}\" }\n: str = \"{}\"\n41 {}\n: str = \"large\"\n\
         : i64 = 41\n: i64 = 41\n: i64 = 41\n: [i64; 3] = [1, 2, 3]\n: i64 = 22\n",
    );
    assert!(text.contains("let x = 41 // the answer, nearly\n"), "{text}");
}

#[test]
fn variables_keep_what_functions_saw() {
    let text = same(
        &[
            ("let x = 1", ""),
            ("fn seen(): i64 = x", ""),
            ("let x = x + 10", ""),
            ("seen() * 100 + x", "i64"),
            ("let! x = \"text\"", ""),
            ("fn later(y: i64): i64 { let x = y\n return x + seen() }", ""),
            ("println(\"{x} {seen()} {later(5)}\")", ""),
            ("x = \"other\"", ""),
            ("let (x, y) = (x, 2)", ""),
            ("(x, y)", "(str, i64)"),
            ("for x in 0..2 { print(\"{x}{y} \") }", ""),
            ("println(x)", ""),
        ],
        ": i64 = 111\ntext 1 6\n: (str, i64) = (\"other\", 2)\n02 12 other\n",
    );
    assert!(text.contains("fn seen(): i64 = x_1\nlet x_2 = x_1 + 10\n"), "{text}");
}

#[test]
fn replaced_functions_reach_their_callers() {
    let text = same(
        &[
            ("fn step(n: i64): i64 = n + 1", ""),
            ("fn twice(n: i64): i64 = step(step(n))", ""),
            ("let held = twice", ""),
            ("let direct = step", ""),
            ("twice(10)", "i64"),
            ("fn step(_: i64): i64 { return 7 }", ""),
            ("(twice(10), held(20), direct(30))", "(i64, i64, i64)"),
            ("fn step(n: i64) -> i64 { if n > 100 { return n }\n return step(n * 2) }", ""),
            ("(twice(10), held(20), direct(30), step(99))", "(i64, i64, i64, i64)"),
        ],
        ": i64 = 12\n: (i64, i64, i64) = (7, 7, 7)\n: (i64, i64, i64, i64) = (160, 160, 120, 198)\n",
    );
    assert!(text.contains("step_now_1 = 2\n"), "{text}");
}

#[test]
fn functions_of_other_types_leave_old_callers_alone() {
    same(
        &[
            ("fn f(n: i64): i64 = n", ""),
            ("fn g(): i64 = f(1)", ""),
            ("fn f(s: str): str = s", ""),
            ("println(g(), f(\"two\"))", ""),
            ("fn h(): str = f(\"h\")", ""),
            ("fn f(s: str): str = \"new\"", ""),
            ("println(g(), f(\"two\"), h())", ""),
            ("let f = 3", ""),
            ("println(g(), f, h())", ""),
        ],
        "1 two\n1 new new\n1 3 new\n",
    );
}

#[test]
fn defaults_are_the_callers() {
    same(
        &[
            ("fn f(n: i64 = 1): i64 = n", ""),
            ("fn old(): i64 = f()", ""),
            ("fn f(n: i64 = 20): i64 = n * 2", ""),
            ("(old(), f())", "(i64, i64)"),
            ("fn f(m: i64 = 20): i64 = m * 3", ""),
            ("(old(), f(), f(m_1()))", "(i64, i64, i64)"),
        ]
        .map(|(text, shown)| (if text.contains("m_1") { "(old(), f(), f(1))" } else { text }, shown)),
        ": (i64, i64) = (2, 40)\n: (i64, i64, i64) = (3, 60, 3)\n",
    );
}

#[test]
fn structures_and_constants_are_the_ones_of_their_time() {
    same(
        &[
            ("const N = 2", ""),
            ("struct S { a: [i64; N] }", ""),
            ("fn S(n: i64): S = S { a: [n; N] }", ""),
            ("fn (self: &S) sum(): i64 = self.a[0] + self.a[1]", ""),
            ("let old = S(4)", ""),
            ("fn total(s: &S): i64 = s.sum() + offsetof(S, a)", ""),
            ("const N = 1", ""),
            ("struct S { a: str }", ""),
            ("impl S { fn sum(&self): str = self.a\n fn new(a: str): S = S { a } }", ""),
            ("let a = S.new(\"b\")", ""),
            ("println(total(&old), old.sum(), a.sum(), N, sizeof(S), S::new(\"c\"))", ""),
            ("let x = 1", ""),
            ("let a = S { a: \"d\" }.a", ""),
            ("S { a }", "S"),
        ],
        "8 8 b 1 16 S { a: \"c\" }\n: S = S { a: \"d\" }\n",
    );
}

#[test]
fn values_print_under_the_name_their_structure_had() {
    same(
        &[
            ("struct In { a: i64 }", ""),
            ("struct Out { list: [In; 2], both: (In, str), one: (i64,), from: &In, n: i64 }", ""),
            ("struct Empty { }", ""),
            ("let i = In { a: 1 }", ""),
            ("i", "In"),
            ("let o = Out { list: [i, i], both: (i, \"{\"), one: (2,), from: &i, n: 3 }", ""),
            ("[o; 2]", "[Out; 2]"),
            ("Empty { }", "Empty"),
            ("&i", "&In"),
            ("struct G: $Drop { i: In } fn (self: &G!) drop() { println(\"drop\") }", ""),
            ("let g = G { i }", ""),
            ("g", "@G"),
            ("struct In { b: i64 }", ""),
            ("struct Empty { a: i64 }", ""),
            ("In { b: 2 }", "In"),
            ("o.both.0", "In"),
            ("(i, [&i; 1])", "(In, [&In; 1])"),
            ("o.both.1", "str"),
        ],
        ": In = In { a: 1 }\n\
         : [Out; 2] = [Out { list: [In { a: 1 }, In { a: 1 }], both: (In { a: 1 }, \"{\"), one: (2,), from: In { a: 1 }, \
         n: 3 }, Out { list: [In { a: 1 }, In { a: 1 }], both: (In { a: 1 }, \"{\"), one: (2,), from: In { a: 1 }, \
         n: 3 }]\n: Empty = Empty {}\n: &In = In { a: 1 }\n: G = G { i: In { a: 1 } }\n: In = In { b: 2 }\n\
         : In = In { a: 1 }\n: (In, [&In; 1]) = (In { a: 1 }, [In { a: 1 }])\n\
         : str = \"{\"\ndrop\n",
    );
    same_in(
        Spelling::Vais,
        &[("S Q { a: bool }", ""), ("[Q { a: true }; 2]", "[Q; 2]"), ("S Q { a: i64 }", "")],
        ": [Q; 2] = [Q { a: 1 }, Q { a: 1 }]\n",
    );
}

#[test]
fn methods_are_replaced() {
    same(
        &[
            ("struct C { n: i64 }", ""),
            ("fn (self: &C!) add!(n: i64) { self.n += n }", ""),
            ("impl C { fn get(&self): i64 = self.n\n fn make(n: i64): C = C { n } }", ""),
            ("fn run(): i64 { let! c = C.make(1)\n c.add!(2)\n return c.get() }", ""),
            ("run()", "i64"),
            ("fn (self: &C!) add!(m: i64) { self.n += m * 10 }", ""),
            ("run()", "i64"),
            ("impl C { fn get(&self): i64 = -self.n\n fn make(n: i64): C = C { n: n + 100 } }", ""),
            ("run()", "i64"),
        ],
        ": i64 = 3\n: i64 = 21\n: i64 = -121\n",
    );
}

#[test]
fn values_with_an_owner_stay_where_they_are() {
    same(
        &[
            ("struct G: $Drop { id: i64 } fn (self: &G!) drop() { println(\"drop {}\", self.id) }", ""),
            ("let g = G { id: 1 }", ""),
            ("g", "@G"),
            ("_.id", "i64"),
            ("fn take(g: G): i64 { return g.id }", ""),
            ("take(g)", "i64"),
        ],
        ": G = G { id: 1 }\n: i64 = 1\ndrop 1\n: i64 = 1\n",
    );
}

#[test]
fn imports_come_first_and_hide_nothing_earlier() {
    let text = same(
        &[
            ("max(1, 2)", "i64"),
            ("import \"shapes\"", ""),
            ("let s = Square { side: 3 }; area(&s)", "i64"),
            ("fn max(a: i64, b: i64): i64 = a * b", ""),
            ("max(3, 4)", "i64"),
            ("import \"shapes\" // again", ""),
            ("struct Square { a: i64 }", ""),
            ("Square { a: 1 }.a", "i64"),
            ("import \"shapes\" as m", ""),
            ("m.area(&s)", "i64"),
        ],
        ": i64 = 2\n: i64 = 9\n: i64 = 12\n: i64 = 1\n: i64 = 9\n",
    );
    assert!(text.starts_with("import \"shapes\"\nimport \"shapes\" as m\nlet _1 = max(1, 2)\n"), "{text}");
}

#[test]
fn a_session_may_start_with_an_import() {
    same(
        &[
            ("import \"shapes\"", ""),
            ("let s = Square { side: 3 }", ""),
            ("area(&s)", "i64"),
            ("import { kmem_in_use as used } from \"std/kmem\"", ""),
            ("used() + area(&s)", "i64"),
        ],
        ": i64 = 9\n: i64 = 9\n",
    );
}

#[test]
fn other_spellings() {
    same_in(
        Spelling::Vais,
        &[
            ("x := mut 3", ""),
            ("F f(n: i64) -> i64 = I n < 2 { n } E { @(n - 1) + x }", ""),
            ("f(3)", "i64"),
            ("x = 4 # a comment", ""),
            ("x := \"text\"", ""),
            ("F f(n: i64) -> i64 = n", ""),
            ("F g() -> i64 = f(5)", ""),
            ("F f(n: i64) -> i64 = -n", ""),
            ("(x, g(), 1 < 2)", "(str, i64, bool)"),
            ("S Pt { a: i64 } X Pt { F inc(&self) -> () { @.a += 1 } }", ""),
            ("p := mut Pt { a: 1 }", ""),
            ("X Pt { F inc(&self) -> () { @.a += 10 } }", ""),
            ("p.inc(); p", "Pt"),
        ],
        ": i64 = 7\n: (str, i64, bool) = (\"text\", -5, 1)\n: Pt = Pt { a: 11 }\n",
    );
    same_in(
        Spelling::Vera,
        &[
            ("var n = 1", ""),
            ("function f() -> i64 { return n }", ""),
            ("n += 1; f()", "i64"),
            ("var n = 7", ""),
            ("function f() -> i64 { return n * 2 }", ""),
            ("f()", "i64"),
        ],
        ": i64 = 2\n: i64 = 14\n",
    );
}

#[test]
fn early_ends_end_their_input_only() {
    same(
        &[
            ("let! n = 1", ""),
            ("if n == 1 { n = 5; return }; println(\"not so\")", ""),
            ("defer println(\"deferred\"); println(\"first\")", ""),
            ("n", "i64"),
        ],
        "first\ndeferred\n: i64 = 5\n",
    );
}

#[test]
fn declarations_alone_are_a_program_too() {
    let text = same(&[("fn main() { println(\"never\") }", ""), ("fn f() { main() }", "")], "");
    assert!(text.contains("fn main_1()"), "{text}");
    same(&[("fn main() { println(\"called\") }", ""), ("main()", ""), ("let n = 1", "")], "called\n");
    same_in(Spelling::Vais, &[("F f() -> i64 = 1", "")], "");
}

#[test]
fn c_functions_are_declared_once() {
    same(
        &[
            ("extern \"C\" fn labs(n: i64): i64", ""),
            ("unsafe { labs(-3) }", "i64"),
            ("extern \"C\" {\n fn labs(n: i64): i64\n fn llabs(n: i64): i64\n}", ""),
            ("unsafe { labs(-4) + llabs(-5) }", "i64"),
        ],
        ": i64 = 3\n: i64 = 9\n",
    );
}

#[test]
fn unsafe_blocks_are_added_where_the_session_needed_none() {
    let lines = [
        ("let p = vex_malloc(16) as *i64!", ""),
        ("*p = 5", ""),
        ("p[1] = 6 // six", ""),
        ("fn read(q: *i64): i64 { let r = q\n *(r + 1) // r[1]\n}", ""),
        ("fn short(q: *i64): i64 = *q", ""),
        ("read(p) + short(p) * 10 + p[0]", "i64"),
        ("p[1]", "i64"),
        ("vex_free(p)", ""),
        ("let local = 3", ""),
    ];
    let mut inputs = saved(Spelling::Vex, &lines);
    inputs.iter_mut().for_each(|input| input.unsafe_on = true);
    let (folder, text) = (Folder::new(), program(&inputs).expect("a program"));
    folder.file("saved.vx", &text);
    let run =
        Run::new(env!("CARGO_BIN_EXE_vexc-under-test"), folder.path()).args(["run", "saved.vx"]).output();
    assert_eq!((run.status, &*run.stdout, &*run.stderr), (0, ": i64 = 61\n: i64 = 6\n", ""), "{text}");
    assert!(text.contains("\nlet local = 3\n"), "{text}");
}

#[test]
fn what_no_program_can_be_is_said() {
    let fails = |lines: &[Line]| program(&saved(Spelling::Vex, lines)).expect_err("no program");
    assert_eq!(program(&[]), Err(SaveError::Empty));
    let mut mixed = saved(Spelling::Vex, &[("1", "i64")]);
    mixed.extend(saved(Spelling::Vera, &[("2", "i64")]));
    assert_eq!(program(&mixed), Err(SaveError::Spellings(Spelling::Vex, Spelling::Vera)));
    assert_eq!(
        program(&mixed).unwrap_err().to_string(),
        "the session has inputs for .vx and for .vera; a program has one spelling"
    );
    let method = "struct S { }\nfn (self: &S) m() { }";
    assert_eq!(fails(&[(method, ""), ("fn (self: &S) m(n: i64) { }", "")]), SaveError::Method("m".into()));
    assert_eq!(fails(&[("let x = 1", ""), ("let y = 2\nreturn", "")]), SaveError::Leaves(1));
    assert!(matches!(fails(&[("let = 1", "")]), SaveError::Syntax(0, _)));
}

#[test]
fn generic_code_is_saved_with_what_it_stood_for() {
    let text = same(
        &[
            ("trait Area { fn area(self: &Self): i64 }", ""),
            ("struct Square { side: i64 }", ""),
            ("impl Area for Square { fn area(self: &Square): i64 { self.side * self.side } }", ""),
            ("fn double<T: Area>(t: &T): i64 { t.area() * 2 }", ""),
            ("fn calls(): i64 { double(&Square { side: 3 }) }", ""),
            ("calls()", "i64"),
            ("fn double<T: Area>(t: &T): i64 { t.area() * 200 }", ""),
            ("calls()", "i64"),
            ("struct Pair<A, B> { a: A, b: B }", ""),
            ("fn swap<Square, B>(a: Square, b: B): Pair<B, Square> { Pair { a: b, b: a } }", ""),
            ("swap(1, \"x\")", "Pair<str, i64>"),
            ("struct Square { side: i64, name: str }", ""),
            ("impl Area for Square { fn area(self: &Square): i64 { 5 } }", ""),
            ("double(&Square { side: 5, name: \"s\" })", "i64"),
            ("impl Area for Square { fn area(self: &Square): i64 { 6 } }", ""),
            ("double(&Square { side: 5, name: \"s\" })", "i64"),
            ("struct Pair<A, B> { first: A, second: B }", ""),
            ("Pair { first: _, second: 'c' }", "Pair<i64, char>"),
        ],
        ": i64 = 18\n: i64 = 1800\n: Pair<str, i64> = Pair { a: \"x\", b: 1 }\n: i64 = 1000\n: i64 = 1200\n\
         : Pair<i64, char> = Pair { first: 1200, second: 'c' }\n",
    );
    assert!(text.contains("impl Area for Square_1 {"), "{text}");
}

#[test]
fn patterns_and_closures_are_saved() {
    let text = same(
        &[
            ("const LIMIT = 3", ""),
            ("const LIMIT = 4", ""),
            ("enum Shape { Circle(i64), Rect { w: i64, h: i64 }, Empty }", ""),
            (
                "fn size(s: &Shape): i64 { match s { Shape.Circle(r) => *r, Shape.Rect { w, h } if *w > 0 => *w * *h, _ => -1 } }",
                "",
            ),
            (
                "(size(&Shape.Circle(7)), size(&Shape.Rect { w: 2, h: 3 }), size(&Shape.Empty))",
                "(i64, i64, i64)",
            ),
            ("let w = 10", ""),
            ("let r = 20", ""),
            (
                "fn limit(n: i64): str { match n { LIMIT => \"limit\", 0..10 => \"small\", _ => \"large\" } }",
                "",
            ),
            ("(limit(4), limit(3), limit(100))", "(str, str, str)"),
            ("let add = |n: i64| n + w", ""),
            ("let w = 1000", ""),
            ("let LIMIT = 1", ""),
            ("add(1)", "i64"),
            ("enum Shape { Point, Circle(str) }", ""),
            ("let s = Shape.Circle(\"round\")", ""),
            ("if let Shape.Circle(r) = s { println(r) } else { println(\"other\") }", ""),
            ("match s { Shape.Circle(w) => w, Shape.Point => \"none\" }", "str"),
            ("let r = |w: i64| { if w > 3 { return 1 }\n w * 2 }", ""),
            ("(r(2), r(5))", "(i64, i64)"),
            ("s", "@Shape"),
        ],
        ": (i64, i64, i64) = (7, 6, -1)\n: (str, str, str) = (\"limit\", \"small\", \"large\")\n: i64 = 11\nround\n\
         : str = \"round\"\n: (i64, i64) = (4, 1)\n: Shape = Circle(\"round\")\n",
    );
    assert!(text.contains("match s { Shape_1.Circle(r) => *r, Shape_1.Rect { w, h } if *w > 0"), "{text}");
    assert!(text.contains("let add = |n: i64| n + w_1"), "{text}");
}
