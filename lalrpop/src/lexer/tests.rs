//! Tests of the lexer; in a file of their own for length.

use super::*;
use Token::*;

fn run(text: &str, spelling: Spelling) -> Lexed {
    lex(text, 1, spelling)
}

fn kinds(text: &str, spelling: Spelling) -> Vec<Token> {
    let lexed = run(text, spelling);
    assert!(lexed.diagnostics.is_empty(), "{:?}", lexed.diagnostics);
    lexed.tokens.iter().map(|t| t.token).collect()
}

fn vex(text: &str) -> Vec<Token> {
    kinds(text, Spelling::Vex)
}

fn codes(text: &str) -> Vec<&'static str> {
    run(text, Spelling::Vex).diagnostics.iter().map(|d| d.code.0).collect()
}

#[test]
fn words_are_keywords_of_their_spelling_only() {
    assert_eq!(vex("fn function F"), [Fn, Name, Name]);
    assert_eq!(kinds("fn function F", Spelling::Vera), [Name, Fn, Name]);
    assert_eq!(kinds("fn function F", Spelling::Vais), [Name, Name, Fn]);
    assert_eq!(vex("a.fn T::let"), [Name, Dot, Name, Name, ColonColon, Name]);
}

#[test]
fn e_and_c_follow_what_comes_after_them() {
    let vais = |text| kinds(text, Spelling::Vais);
    assert_eq!(vais("E { E I x E Color"), [Else, LBrace, Else, If, Name, Enum, Name]);
    assert_eq!(vais("C N C } C\nx C 1"), [Const, Name, Continue, RBrace, Continue, Name, Continue, Int]);
}

#[test]
fn n_is_extern_before_an_abi_only() {
    assert_eq!(
        kinds("N \"C\" { F f() } C N: i64 = N", Spelling::Vais),
        [Extern, Str, LBrace, Fn, Name, LParen, RParen, RBrace, Const, Name, Colon, Name, Eq, Name]
    );
}

#[test]
fn as_and_from_are_names_where_they_mean_nothing() {
    assert_eq!(vex("x as i64"), [Name, As, Name]);
    assert_eq!(vex("let as = from"), [Let, Name, Eq, Name]);
    assert_eq!(vex("import { a as b } from \"m\""), [Import, LBrace, Name, As, Name, RBrace, From, Str]);
    assert_eq!(vex("as + from.as"), [Name, Plus, Name, Dot, Name]);
}

#[test]
fn a_bang_is_a_suffix_directly_after_what_it_marks() {
    assert_eq!(vex("let! x"), [Let, SuffixBang, Name]);
    assert_eq!(vex("a! !a a != b"), [Name, SuffixBang, Bang, Name, Name, Ne, Name]);
    assert_eq!(
        vex("*[T]! (x)! t.0!"),
        [
            Star, LBracket, Name, RBracket, SuffixBang, LParen, Name, RParen, SuffixBang, Name, Dot, Int,
            SuffixBang
        ]
    );
    assert_eq!(vex("return!x"), [Return, Bang, Name]);
}

#[test]
fn a_question_mark_is_a_suffix_where_nothing_can_be_chosen() {
    assert_eq!(
        vex("a?; a? .b; a ? b : c"),
        [
            Name,
            SuffixQuestion,
            Semi,
            Name,
            SuffixQuestion,
            Dot,
            Name,
            Semi,
            Name,
            Question,
            Name,
            Colon,
            Name
        ]
    );
    assert_eq!(
        vex("a?b:c a?(b):c"),
        [Name, Question, Name, Colon, Name, Name, Question, LParen, Name, RParen, Colon, Name]
    );
    assert_eq!(vex("? a"), [Question, Name]);
    let text = "a ? ".repeat(20_000) + "b";
    assert_eq!(run(&text, Spelling::Vex).tokens.len(), 40_001);
    let text = "a? (".repeat(20_000);
    assert_eq!(run(&text, Spelling::Vex).tokens.len(), 60_000);
}

#[test]
fn words_of_closures_and_conditions_are_names_elsewhere() {
    assert_eq!(vex("move |x| move || move.a"), [Move, Pipe, Name, Pipe, Move, OrOr, Name, Dot, Name]);
    assert_eq!(vex("move + move"), [Name, Plus, Name]);
    assert_eq!(
        kinds("I let x LW let (a let 1", Spelling::Vais),
        [If, Let, Name, While, Let, LParen, Name, Name, Int]
    );
    assert_eq!(
        kinds("I let - 1 I let { I a && let -1", Spelling::Vais),
        [If, Name, Minus, Int, If, Name, LBrace, If, Name, AndAnd, Let, Minus, Int]
    );
}

#[test]
fn type_arguments_are_told_from_comparisons() {
    let angles = |text| vex(text).iter().filter(|t| matches!(t, LAngle | RAngle)).count();
    for types in [
        "f<T>(x)",
        "Vec.new<i64>()",
        "Ptr<i64>.allocN(4)",
        "S<T> { a: 1 }",
        "A<B>::c",
        "x: Vec<i64> = 1",
        "fn f<T: Ord + Copy>(v: &Vec<T>)",
        "sizeof(Vec<i64>)",
        "(a: Box<i64>, b: i64)",
        "p as *Vec<i64>\nq",
        "struct S<T>: $Drop {",
        "f<*u8!>(x)",
        "f<fn(A, B): C>(x)",
        "f<[i64; 4]>(x)",
        "x as Vec<i64> as T",
        "impl<T> Vec<T> {",
        "impl Drop<T> for S {",
        "impl<T> V {",
        "impl<T: A + B, U> V {",
        "|x: Vec<T>| x",
        "f<T: fn(A): B>(x)",
    ] {
        assert!(angles(types) >= 2, "{types}");
    }
    assert_eq!(vex("a: Vec<Vec<i64>>"), [Name, Colon, Name, LAngle, Name, LAngle, Name, RAngle, RAngle]);
    assert_eq!(vex("*Vec<i64>!"), [Star, Name, LAngle, Name, RAngle, SuffixBang]);
    for compares in [
        "a<b",
        "a < b > (c)",
        "i<n && j>(k)",
        "f(a<b, c>d)",
        "a<b>c",
        "i<n { x > (y) }",
        "a<1>(b)",
        "a[i<n]>(c)",
        "a<b>>c",
        "a<b>-c<d, e>-f",
    ] {
        let found = if compares.starts_with("a<b>-c") { 2 } else { 0 };
        assert_eq!(angles(compares), found, "{compares}");
    }
    assert_eq!(vex("a >> b >>= c >= d"), [Name, Shr, Name, ShrEq, Name, Ge, Name]);
}

#[test]
fn many_less_than_signs_take_linear_time() {
    let text = "a<".repeat(20_000);
    assert_eq!(run(&text, Spelling::Vex).tokens.len(), 40_000);
}

#[test]
fn comments_are_set_aside_and_docs_belong_to_the_next_token() {
    let text = "// one\nfn /* two */ f\n/// Adds.\n///\n/// Twice.\nfn g //// no doc\nlet";
    let lexed = run(text, Spelling::Vex);
    let comments: Vec<(&str, bool, bool)> = lexed
        .comments
        .iter()
        .map(|c| (&text[c.span.lo as usize - 1..c.span.hi as usize - 1], c.doc, c.own_line))
        .collect();
    assert_eq!(
        comments,
        [
            ("// one", false, true),
            ("/* two */", false, false),
            ("/// Adds.", true, true),
            ("///", true, true),
            ("/// Twice.", true, true),
            ("//// no doc", false, false),
        ]
    );
    let at = text.find("fn g").unwrap() as u32 + 1;
    assert_eq!(lexed.docs, [(at, "Adds.\n\nTwice.".to_owned())]);
}

#[test]
fn hash_is_a_comment_in_vais_and_a_builtin_elsewhere() {
    assert_eq!(kinds("a # b\n#[c]\nd", Spelling::Vais), [Name, Name]);
    assert_eq!(vex("#sizeof<T>()"), [Builtin, LAngle, Name, RAngle, LParen, RParen]);
    assert_eq!(vex("$panic(\"x\")"), [Builtin, LParen, Str, RParen]);
    assert_eq!(codes("a # b"), ["E0007"]);
}

#[test]
fn a_shebang_line_and_a_byte_order_mark_are_skipped() {
    assert_eq!(vex("#!/usr/bin/env vexc run\nx"), [Name]);
    assert_eq!(vex("\u{FEFF}x"), [Name]);
    assert_eq!(run("#!/bin/x", Spelling::Vais).tokens.len(), 0);
}

#[test]
fn fields_of_fields_are_no_floats() {
    assert_eq!(vex("t.0.1 + 0.1"), [Name, Dot, Int, Dot, Int, Plus, Float]);
    assert_eq!(vex("0..10"), [Int, DotDot, Int]);
}

#[test]
fn what_is_no_token_is_reported() {
    assert_eq!(codes("\"abc\nx"), ["E0005"]);
    assert_eq!(codes("/* a /* b */"), ["E0006"]);
    assert_eq!(codes("a \0 b"), ["E0007"]);
    assert_eq!(codes("“a”"), ["E0007"]);
    assert_eq!(codes("println('hello', 'x')"), ["E0021"]);
    assert_eq!(codes(r"'' ''' 'ab' '\q' 'a"), ["E0021", "E0021", "E0021", "E0008", "E0021"]);
    assert_eq!(codes("'outer: loop { break 'outer }"), ["E0021"; 2]);
    let lone = run("(don't)", Spelling::Vex);
    assert_eq!(lone.diagnostics.len(), 1);
    assert_eq!(lone.tokens.iter().map(|t| t.token).collect::<Vec<_>>(), [LParen, Name, Name, RParen]);
    assert_eq!(codes(r#""\q" "\x1" "\u{}" "\xFF""#), ["E0008"; 4]);
    assert_eq!(codes("1abc 0b2 0x"), ["E0009"; 3]);
    assert_eq!(codes("18446744073709551616"), ["E0010"]);
    assert!(codes(&"\u{1}".repeat(1000)).len() <= MOST_ERRORS);
}

#[test]
fn names_may_use_letters_of_any_script() {
    assert_eq!(vex("größe := 変数 + é1"), [Name, ColonEq, Name, Plus, Name]);
    assert_eq!(codes("a→b"), ["E0007"]);
}
