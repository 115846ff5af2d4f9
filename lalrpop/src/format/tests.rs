//! What the formatter makes of texts.

use super::{FormatError, format};
use crate::spelling::Spelling;

fn formatted(text: &str, spelling: Spelling) -> String {
    let once = match format(text, 1, spelling) {
        Ok(once) => once,
        Err(error) => panic!("{error:?}\n{text}"),
    };
    match format(&once, 1, spelling) {
        Ok(twice) => assert_eq!(once, twice, "formatting again changes it"),
        Err(error) => panic!("{error:?}\n{once}"),
    }
    once
}

fn vex(text: &str) -> String {
    formatted(text, Spelling::Vex)
}

#[test]
fn blanks_stand_where_they_belong() {
    let text = "fn   f( a:i64 ,b : & T! )->*i64!{ let!x=- a+b [ 1 ]*~ c ; return & x! }\n";
    assert_eq!(vex(text), "fn f(a: i64, b: &T!) -> *i64! { let! x = -a + b[1] * ~c; return &x! }\n");
    assert_eq!(vex("fn(self:&T!)m!<A:B+C>(){ }"), "fn (self: &T!) m!<A: B + C>() { }\n");
    assert_eq!(vex("let f:fn( i64 ):i64=g"), "let f: fn(i64): i64 = g\n");
    assert_eq!(vex("let a=c?-1:b [0 .. n]"), "let a = c ? -1 : b[0..n]\n");
    assert_eq!(vex("let a=& &b\nlet c=t .0 .1"), "let a = & &b\nlet c = t.0.1\n");
    assert_eq!(
        vex("p( Map<i64,Vec<T>> .new ( ) ,a<b , c >> 2,[ ],{ } )"),
        "p(Map<i64, Vec<T>>.new(), a < b, c >> 2, [], { })\n"
    );
    assert_eq!(vex("let x:! =$panic ( \"a\" )"), "let x: ! = $panic(\"a\")\n");
    assert_eq!(vex("import{a as b,c}from \"m\""), "import { a as b, c } from \"m\"\n");
    let vais =
        formatted("U std / allocator\nF  f( n:i64)->i64=I n<2{ n }E{@( n-1 )+@ . m()}", Spelling::Vais);
    assert_eq!(vais, "U std/allocator\nF f(n: i64) -> i64 = I n < 2 { n } E { @(n - 1) + @.m() }\n");
}

#[test]
fn statements_get_lines_of_their_own() {
    assert_eq!(
        vex("fn f() {\na; b;\n\n\n\nc; }\nfn g() { a; b }"),
        "fn f() {\n    a\n    b\n\n    c;\n}\nfn g() { a; b }\n"
    );
    assert_eq!(vex("\n\n a;\n b ;; c;\n\n"), "a\nb\nc\n");
    assert_eq!(vex("if a { b }\nelse { c }"), "if a { b }\n    else { c }\n");
    assert_eq!(vex("if a {\nb }\nelif c { d } \n else\n{ e }").lines().count(), 3);
    // The line after the `;` would go on with the statement.
    assert_eq!(vex("fn f() {\n  g();\n  -x\n}"), "fn f() {\n    g()\n    -x\n}\n");
}

#[test]
fn comments_stay_at_odd_places() {
    let text = "// first\n\n\n/* a */ fn /* b */ f( // c\n  a: i64, // d\n  // e\n  b: i64 /* f */, /* g */\n): /* h */ i64 { // i\n\
        \n  // j\n  a + // k\n  // l\n  b // m\n  // n\n\n  // o\n} // p\n// q\n\n\n// r";
    let expected = "// first\n\n/* a */ fn /* b */ f( // c\n    a: i64, // d\n    // e\n    b: i64, /* f */ /* g */\n): /* h */ i64 { // i\n\
        \x20   // j\n    a + // k\n        // l\n        b // m\n    // n\n\n    // o\n} // p\n// q\n\n// r\n";
    assert_eq!(vex(text), expected);
    assert_eq!(vex("f(a, // x\n b)"), "f(\n    a, // x\n    b,\n)\n");
    assert_eq!(vex("/* a\n     b */\nx /*c*/"), "/* a\n     b */\nx /*c*/\n");
    assert_eq!(vex("#!/usr/bin/env vexc\n//! m\nx"), "#!/usr/bin/env vexc\n//! m\nx\n");
    assert_eq!(
        vex("struct S { // a\n x: i64, // b\n\n /// c\n y: i64 }"),
        "struct S { // a\n    x: i64, // b\n\n    /// c\n    y: i64,\n}\n"
    );
    assert_eq!(
        vex("fn f() { /* nothing */ }\nfn g() {\n// nothing\n}"),
        "fn f() { /* nothing */ }\nfn g() {\n    // nothing\n}\n"
    );
    assert_eq!(formatted("x # a\n\n# b\ny", Spelling::Vais), "x # a\n\n# b\ny\n");
    assert_eq!(vex("// only"), "// only\n");
    assert_eq!(vex(""), "");
}

#[test]
fn long_lines_are_broken() {
    let long = "a_rather_long_name_of_something";
    let call = vex(&format!("let x = f({long}, {long}, {long}, {long})"));
    assert_eq!(call, format!("let x = f(\n{}\n)\n", vec![format!("    {long},"); 4].join("\n")));
    let either = vex(&format!("if {long} || {long} && {long} || {long} {{ b }}"));
    assert_eq!(either, format!("if {long}\n    || {long} && {long}\n    || {long} {{ b }}\n"));
    let sum = vex(&format!("let x = {long} - {long} - {long} + {long}"));
    assert_eq!(sum, format!("let x = {long} -\n    {long} -\n    {long}\n    + {long}\n"));
    let block = vex(&format!("fn f({long}: i64): i64 {{ return {long} + {long} }}"));
    assert_eq!(block, format!("fn f({long}: i64): i64 {{\n    return {long} + {long}\n}}\n"));
    let numbers = vex(&format!("let x = [{}]", ["123456"; 30].join(",")));
    assert_eq!(numbers.lines().count(), 5);
    // Nothing can be done about a string.
    let text = format!("println(\"{}\")\n", long.repeat(4));
    assert_eq!(vex(&text), text);
}

#[test]
fn lists_keep_to_one_line_or_one_item_a_line() {
    assert_eq!(vex("f(\n a,\n b)"), "f(a, b)\n");
    assert_eq!(vex("f(a, b,\n)"), "f(\n    a,\n    b,\n)\n");
    assert_eq!(vex("let t = (a,)"), "let t = (a,)\n");
    assert_eq!(vex("let s = S {\n a: 1, b }"), "let s = S {\n    a: 1,\n    b,\n}\n");
    assert_eq!(vex("let s = S { a: 1, b, }"), "let s = S { a: 1, b }\n");
    assert_eq!(vex("f(a, S {\n a: 1 })"), "f(a, S {\n    a: 1\n})\n");
}

#[test]
fn what_does_not_parse_is_left_alone() {
    assert!(
        matches!(format("let = 5", 1, Spelling::Vex), Err(FormatError::Syntax(errors)) if errors.len() == 1)
    );
}

#[test]
fn enums_and_patterns() {
    let text = "enum  Shape<T> :Eq{ Point,Circle ( f64 ) , Box{ w:T,h : T }\n}\n\
        fn area(s:&Shape)->f64{ match s{\nShape.Point=>0.0\n Shape.Circle( r )if r>1.0 => { r }\n| Shape.Box{w,..}\n| Other(..5 , n@1..=9,_) => w*w , 'a'|-1|2.. =>{ 3 } _=>  f( ) ?\n } }";
    let expected = "enum Shape<T>: Eq {
    Point,
    Circle(f64),
    Box { w: T, h: T },
}
fn area(s: &Shape) -> f64 {
    match s {
        Shape.Point => 0.0
        Shape.Circle(r) if r > 1.0 => { r }
        | Shape.Box { w, .. }
            | Other(..5, n @ 1..=9, _) => w * w,
        'a' | -1 | 2.. => { 3 }
        _ => f()?,
    }
}
";
    assert_eq!(vex(text), expected);
    assert_eq!(vex("if let Some( x )=f( )?&&x>1{ }"), "if let Some(x) = f()? && x > 1 { }\n");
    assert_eq!(vex("let a=match b{A=>1,B=>2,}"), "let a = match b { A => 1, B => 2 }\n");
    let vais = formatted("M e{\nSome( x )=>x,_=>{ R 1 } }\nE Opt<T>{Some(T),None}", Spelling::Vais);
    assert_eq!(vais, "M e {\n    Some(x) => x,\n    _ => { R 1 }\n}\nE Opt<T> { Some(T), None }\n");
}

#[test]
fn traits_and_closures() {
    let text = "contract Add<T>:Copy+Eq{ op+ ( o:T ) : T\n name!( ):i64;\nfn f(&self)->T; }\ncontract One{f():T;}\nfn (self:&V)op[ ](i:usize):T{ self.a[ i ] }";
    let expected = "contract Add<T>: Copy + Eq {
    op+(o: T): T
    name!(): i64
    fn f(&self) -> T
}
contract One { f(): T }
fn (self: &V) op[](i: usize): T { self.a[i] }
";
    assert_eq!(vex(text), expected);
    assert_eq!(
        vex("let f=|a,b :i64|a|b\nlet g=move||{ 1 }\nv.map(| x |x*2,|(a,b)|a)"),
        "let f = |a, b: i64| a | b\nlet g = move || { 1 }\nv.map(|x| x * 2, |(a, b)| a)\n"
    );
    assert_eq!(vex("v.each(1, |x| {\n f(x) })"), "v.each(1, |x| {\n    f(x)\n})\n");
    let long = "a_rather_long_name_of_something";
    let chain = vex(&format!("let x = v.{long}(|a| a).{long}(|b| b).{long}(|c| c + d)"));
    assert_eq!(chain, format!("let x = v\n    .{long}(|a| a)\n    .{long}(|b| b)\n    .{long}(|c| c + d)\n"));
}

#[test]
fn texts_over_several_lines_are_kept_byte_for_byte() {
    let block = "\"\"\"\n  a  \n\n    {b +   c}\n\t\n  \"\"\"";
    assert_eq!(vex(&format!("let  x={block}\nlet y = 1  \n")), format!("let x = {block}\nlet y = 1\n"));
    assert_eq!(vex(&format!("f( a,{block} ,b )")), format!("f(a, {block}, b)\n"));
    // What a line holds besides is as long as its first and last line.
    let long = format!("\"\"\"\n    {}\n    \"\"\"", "word ".repeat(40));
    assert_eq!(
        vex(&format!("fn f() {{\nprint({long},1)\n}}")),
        format!("fn f() {{\n    print({long}, 1)\n}}\n")
    );
    let wide = format!("f(\"{}\", {long})", "x".repeat(100));
    assert!(vex(&wide).contains(&format!(",\n    {long},\n)")), "{}", vex(&wide));
    assert_eq!(
        formatted(&format!("F main(){{x:={block}}}"), Spelling::Vais),
        format!("F main() {{ x := {block} }}\n")
    );
}
