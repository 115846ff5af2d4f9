//! Programs made by chance, of all forms of the language, in three spellings: each parses without an error, all three
//! to the same tree, and laying them out anew changes nothing.

use proptest::prelude::*;
use vex_syntax::format::{FormatError, format};
use vex_syntax::{Spelling, is_incomplete, parse_file, print_ast};

/// One piece of a program in each spelling, in the order of [`Spelling::ALL`].
#[derive(Clone, Debug)]
struct Text([String; 3]);

/// The piece that the three templates give, with `$0`, `$1` … replaced by the parts.
fn form(vex: &str, vera: &str, vais: &str, parts: &[&Text]) -> Text {
    let fill = |template: &str, spelling: usize| {
        let mut text = template.to_owned();
        for (i, part) in parts.iter().enumerate() {
            text = text.replace(&format!("${i}"), &part.0[spelling]);
        }
        text
    };
    Text([fill(vex, 0), fill(vera, 1), fill(vais, 2)])
}

/// The piece that is written the same everywhere.
fn all(template: &str, parts: &[&Text]) -> Text {
    form(template, template, template, parts)
}

/// Pieces joined by a separator of each spelling.
fn joined(items: &[Text], separators: [&str; 3]) -> Text {
    let join = |i: usize| items.iter().map(|t| t.0[i].as_str()).collect::<Vec<_>>().join(separators[i]);
    Text([join(0), join(1), join(2)])
}

type Piece = BoxedStrategy<Text>;

fn word(words: &'static [&'static str]) -> Piece {
    prop::sample::select(words).prop_map(|w| all(w, &[])).boxed()
}

fn name() -> Piece {
    word(&["a", "b", "count", "x1", "größe", "from", "op", "self"])
}

fn type_name() -> Piece {
    word(&["i64", "Shape", "str", "Self", "m.Point", "T"])
}

/// The name of a variant, as in a path of two names.
fn path() -> Piece {
    prop_oneof![
        word(&["Some", "Ok"]),
        word(&["Shape.Circle", "m.Shape.Rect"]),
        Just(form("Sh::A", "Sh.A", "Sh::A", &[]))
    ]
    .boxed()
}

fn types() -> Piece {
    type_name()
        .prop_recursive(3, 12, 3, |inner| {
            let one = inner.clone();
            prop_oneof![
                one.clone().prop_map(|t| all("&($0)", &[&t])),
                one.clone().prop_map(|t| all("*($0)!", &[&t])),
                one.clone().prop_map(|t| all("[$0; 4]", &[&t])),
                one.clone().prop_map(|t| all("Vec<$0>", &[&t])),
                (one.clone(), one.clone()).prop_map(|(a, b)| all("Map<$0, Box<$1>>", &[&a, &b])),
                (one.clone(), one.clone()).prop_map(|(a, b)| all("($0, $1)", &[&a, &b])),
                (one.clone(), one).prop_map(|(a, b)| form(
                    "fn($0): $1",
                    "function($0) -> $1",
                    "F($0) -> $1",
                    &[&a, &b]
                )),
            ]
        })
        .boxed()
}

fn literal() -> Piece {
    word(&["0", "7u8", "1.5", "\"a{x}\"", "'a'", "'\\''", "'\\u{1F600}'", "true", "null"])
}

fn pattern() -> Piece {
    let leaf = prop_oneof![
        3 => name(),
        1 => word(&["_"]),
        2 => literal(),
        2 => word(&["-1", "1..", "..=9", "1..5", "'a'..='z'", "-5..=-1", "LOW..m.HIGH", "Sh.A"]),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        let one = inner.clone();
        prop_oneof![
            (path(), one.clone()).prop_map(|(p, a)| all("$0($1)", &[&p, &a])),
            (one.clone(), one.clone()).prop_map(|(a, b)| all("($0, $1)", &[&a, &b])),
            (one.clone(), one.clone()).prop_map(|(a, b)| all("($0 | $1)", &[&a, &b])),
            (path(), name(), one.clone()).prop_map(|(p, n, a)| all("$0 { $1, y: $2, .. }", &[&p, &n, &a])),
            (name(), one).prop_map(|(n, a)| all("($0 @ (Some($1)))", &[&n, &a])),
        ]
    })
    .boxed()
}

/// A pattern that is written the same before `:=`.
fn binding() -> Piece {
    name()
        .prop_recursive(2, 6, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| all("($0, $1)", &[&a, &b])),
                (path(), inner.clone()).prop_map(|(p, a)| all("$0($1)", &[&p, &a])),
                (name(), inner).prop_map(|(n, a)| all("Point { $0, y: $1 }", &[&n, &a])),
            ]
        })
        .boxed()
}

/// Expressions that need no parentheses as operands.
fn operand(inner: Piece) -> Piece {
    let list = prop::collection::vec(inner.clone(), 0..3).prop_map(|items| joined(&items, [", "; 3])).boxed();
    prop_oneof![
        (name(), list.clone()).prop_map(|(f, a)| all("$0($1)", &[&f, &a])),
        (name(), name(), list.clone()).prop_map(|(f, m, a)| all("$0.$1!($2)?", &[&f, &m, &a])),
        (types(), list.clone()).prop_map(|(t, a)| form(
            "Vec.of<$0>($1)",
            "Vec.of<$0>($1)",
            "Vec::of<$0>($1)",
            &[&t, &a]
        )),
        (name(), inner.clone()).prop_map(|(a, i)| all("$0[$1]?", &[&a, &i])),
        (name(), inner.clone()).prop_map(|(f, e)| all("Pt { $0: $1, x }", &[&f, &e])),
        list.prop_map(|a| all("[$0]", &[&a])),
        inner.clone().prop_map(|e| all("($0)", &[&e])),
        inner.prop_map(|e| all("(unsafe { $0 })", &[&e])),
    ]
    .boxed()
}

/// A condition of an `if` or a `while`.
fn condition(inner: Piece) -> Piece {
    prop_oneof![
        inner.clone().prop_map(|e| all("($0)", &[&e])),
        (pattern(), inner.clone()).prop_map(|(p, e)| all("let $0 = ($1)", &[&p, &e])),
        (pattern(), inner.clone(), inner).prop_map(|(p, e, c)| all("let $0 = f($1)? && ($2)", &[&p, &e, &c])),
    ]
    .boxed()
}

fn arms(inner: Piece) -> Piece {
    let guard = prop::option::of(condition(inner.clone()));
    let body = prop_oneof![
        inner.clone(),
        inner.clone().prop_map(|e| all("{ $0 }", &[&e])),
        inner.clone().prop_map(|e| all("x = $0", &[&e])),
        inner.prop_map(|e| form("return $0", "return $0", "R $0", &[&e])),
        Just(form("break", "break", "B", &[])),
    ];
    let arm = (pattern(), guard, body).prop_map(|(p, guard, body)| match guard {
        Some(g) => form("$0 if $1 => $2", "$0 if $1 => $2", "$0 I $1 => $2", &[&p, &g, &body]),
        None => form("$0 => $1", "| $0 => $1", "$0\n=> $1", &[&p, &body]),
    });
    prop::collection::vec(arm, 0..4).prop_map(|arms| joined(&arms, [", ", "\n", ",\n"])).boxed()
}

fn closure(inner: Piece) -> Piece {
    prop_oneof![
        inner.clone().prop_map(|e| all("|| $0", &[&e])),
        (name(), inner.clone()).prop_map(|(a, e)| all("move |$0!, _| $1", &[&a, &e])),
        (binding(), name(), types(), inner.clone())
            .prop_map(|(p, n, t, e)| all("|$0, $1: $2| $3", &[&p, &n, &t, &e])),
        (name(), types(), inner).prop_map(|(n, t, e)| form(
            "|mut $0|: $1 { $2 }",
            "|$0!| -> $1 { $2 }",
            "|mut $0| -> $1 { $2 }",
            &[&n, &t, &e]
        )),
    ]
    .boxed()
}

fn expr() -> Piece {
    prop_oneof![name(), literal()]
        .prop_recursive(4, 40, 4, |inner| {
            let operand = operand(inner.clone());
            let (a, b) = (operand.clone(), operand.clone());
            let block = inner.clone();
            prop_oneof![
                3 => operand.clone(),
                2 => (a.clone(), word(&["+", "- -", "*", "&", "|", "==", "<", "&&", "||", ">>", ".."]), b.clone())
                    .prop_map(|(a, op, b)| all("$0 $1 $2", &[&a, &op, &b])),
                1 => (a.clone(), b.clone()).prop_map(|(a, b)| all("$0? - $1?", &[&a, &b])),
                1 => (a.clone(), b.clone(), operand.clone()).prop_map(|(a, b, c)| form(
                    "$0 ? $1? : $2",
                    "$0 ? $1?\n: $2",
                    "$0\n? $1? : $2",
                    &[&a, &b, &c]
                )),
                1 => (a.clone(), types()).prop_map(|(a, t)| all("$0 as ($1)", &[&a, &t])),
                1 => (a.clone(), closure(inner.clone())).prop_map(|(a, c)| all("$0 |> ($1)", &[&a, &c])),
                1 => closure(inner.clone()).prop_map(|c| all("f($0)", &[&c])),
                2 => (a.clone(), arms(inner.clone())).prop_map(|(a, arms)| form(
                    "match ($0) { $1 }",
                    "match ($0) {\n$1\n}",
                    "M ($0) { $1 }",
                    &[&a, &arms]
                )),
                1 => (condition(inner.clone()), block.clone(), block).prop_map(|(c, a, b)| form(
                    "if $0 { $1 } else { $2 }",
                    "if $0 { $1 }\nelse { $2 }",
                    "I $0 { $1 } E { $2 }",
                    &[&c, &a, &b]
                )),
            ]
        })
        .boxed()
}

fn statement() -> Piece {
    prop_oneof![
        (binding(), expr()).prop_map(|(p, e)| form("let $0 = $1", "let $0 = $1", "$0 := $1", &[&p, &e])),
        (name(), types(), expr()).prop_map(|(n, t, e)| form(
            "let! $0: $1 = $2",
            "var $0: $1 = $2",
            "$0: $1 = mut $2",
            &[&n, &t, &e]
        )),
        (name(), closure(expr())).prop_map(|(n, c)| all("$0 = $1", &[&n, &c])),
        (binding(), expr(), expr()).prop_map(|(p, e, b)| form(
            "for $0 in ($1) { $2 }",
            "for $0 in ($1) { $2 }",
            "LF $0: ($1) { $2 }",
            &[&p, &e, &b]
        )),
        (condition(expr()), expr()).prop_map(|(c, e)| form(
            "while $0 { $1 }",
            "while $0 { $1 }",
            "LW $0 { $1 }",
            &[&c, &e]
        )),
        expr().prop_map(|e| form("defer g($0)", "defer g($0)", "D g($0)", &[&e])),
        expr().prop_map(|e| form("return $0", "return $0", "R $0", &[&e])),
    ]
    .boxed()
}

fn body() -> Piece {
    prop::collection::vec(statement(), 0..4)
        .prop_map(|s| all("{\n$0\n}", &[&joined(&s, ["\n", ";\n", "\n"])]))
        .boxed()
}

fn generics() -> Piece {
    prop_oneof![
        Just(all("", &[])),
        word(&["<T>", "<T: Ord>", "<T: Eq + Hash, K>"]),
        types().prop_map(|t| form(
            "<T, G: fn($0): T>",
            "<T, G: function($0) -> T>",
            "<T, G: F($0) -> T>",
            &[&t]
        )),
    ]
    .boxed()
}

fn variant() -> Piece {
    let named = Just(all("Name", &[]));
    prop_oneof![
        named.clone(),
        types().prop_map(|t| all("Name($0)", &[&t])),
        (types(), types()).prop_map(|(a, b)| all("Name($0, $1)", &[&a, &b])),
        (types(), types()).prop_map(|(a, b)| form(
            "Name { x: $0, y: $1 }",
            "Name {\nx: $0\ny: $1 }",
            "Name { x: $0, y: $1, }",
            &[&a, &b]
        )),
    ]
    .boxed()
}

fn function() -> Piece {
    (generics(), types(), types(), body())
        .prop_map(|(g, a, r, b)| {
            form(
                "fn name$0(&self, a: $1): $2 $3",
                "function name$0(&self, a: $1) -> $2 $3",
                "F name$0(&self, a: $1) -> $2 $3",
                &[&g, &a, &r, &b],
            )
        })
        .boxed()
}

fn signature() -> Piece {
    prop_oneof![
        types().prop_map(|t| form("fn a(&self): $0", "function a(&self) -> $0", "F a(&self) -> $0", &[&t])),
        types().prop_map(|t| form("b!(o: Self): $0", "b!(o: Self) -> $0", "b(o: Self)! -> $0", &[&t])),
        word(&["op+(o: Self)", "op-()", "op<=>(o: &Self)", "op[](i: usize)"]),
        function(),
    ]
    .boxed()
}

fn item() -> Piece {
    let contracts = word(&["", ": Eq", ": Eq + $Drop", ": Eq, Hash"]);
    prop_oneof![
        (generics(), contracts.clone(), prop::collection::vec(variant(), 0..4)).prop_map(|(g, c, v)| form(
            "enum Name$0$1 { $2 }",
            "enum Name$0$1 {\n$2\n}",
            "E Name$0$1 { $2 }",
            &[&g, &c, &joined(&v, [", ", "\n", ",\n"])]
        )),
        (generics(), contracts, types()).prop_map(|(g, c, t)| form(
            "struct Name$0$1 { a: $2 }",
            "struct Name$0$1 { a: $2, }",
            "S Name$0$1 {\na: $2\n}",
            &[&g, &c, &t]
        )),
        (generics(), prop::collection::vec(signature(), 0..4)).prop_map(|(g, s)| form(
            "contract Name$0 { $1 }",
            "trait Name$0 {\n$1\n}",
            "W Name$0 { $1 }",
            &[&g, &joined(&s, ["; ", "\n", "\n"])]
        )),
        (generics(), prop::collection::vec(function(), 0..3)).prop_map(|(g, f)| form(
            "impl$0 Show for Vec<T> { $1 }",
            "impl$0 Show for Vec<T> {\n$1\n}",
            "X$0 Vec<T>: Show { $1 }",
            &[&g, &joined(&f, ["\n", "\n", " "])]
        )),
        (generics(), types(), body()).prop_map(|(g, t, b)| form(
            "fn free$0(a: $1) $2",
            "function free$0(a: $1) $2",
            "F free$0(a: $1) $2",
            &[&g, &t, &b]
        )),
    ]
    .boxed()
}

fn program() -> impl Strategy<Value = Text> {
    prop::collection::vec(item(), 1..5).prop_map(|items| joined(&items, ["\n"; 3]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_program_in_three_spellings_is_one_tree(program in program()) {
        let mut trees = Vec::new();
        for (text, spelling) in program.0.iter().zip(Spelling::ALL) {
            let (unit, errors) = parse_file(text, 1, spelling);
            prop_assert!(errors.is_empty(), "{spelling:?}\n{text}\n{errors:#?}");
            prop_assert!(!is_incomplete(text, spelling), "{text}");
            trees.push(print_ast(&unit, None));
        }
        prop_assert_eq!(&trees[0], &trees[1], "{}\n{}", program.0[0], program.0[1]);
        prop_assert_eq!(&trees[0], &trees[2], "{}\n{}", program.0[0], program.0[2]);
    }

    #[test]
    fn a_program_laid_out_anew_is_the_same_tree(program in program()) {
        for (text, spelling) in program.0.iter().zip(Spelling::ALL) {
            match format(text, 1, spelling) {
                Ok(once) => {
                    let tree = |text: &str| print_ast(&parse_file(text, 1, spelling).0, None);
                    prop_assert_eq!(tree(text), tree(&once), "{}", once);
                }
                Err(FormatError::Syntax(errors)) => prop_assert!(false, "{text}\n{errors:#?}"),
                Err(FormatError::Changed(what)) => prop_assert!(false, "{what}\n{text}"),
            }
        }
    }

    #[test]
    fn a_program_cut_short_is_survived(program in program(), at in any::<prop::sample::Index>()) {
        for (text, spelling) in program.0.iter().zip(Spelling::ALL) {
            let ends: Vec<usize> = text.char_indices().map(|(i, _)| i).collect();
            let start = &text[..ends.get(at.index(ends.len())).copied().unwrap_or(0)];
            let (unit, errors) = parse_file(start, 1, spelling);
            prop_assert!(errors.iter().all(|e| e.span().hi as usize <= start.len() + 1));
            let _ = (print_ast(&unit, None), is_incomplete(start, spelling));
        }
    }
}
