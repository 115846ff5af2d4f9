//! One program in three spellings is one tree, and mistakes are explained in the file's own words.

use vex_syntax::{SourceMap, Spelling, parse_file, print_ast, render};

const VEX: &str = r#"
import "std/allocator"

struct Point { x: i64, y: i64 }

impl Point {
    fn shift(&self, dx: i64) { self.x = self.x + dx }
    fn norm1(&self): i64 = self.x + self.y
}

const LIMIT: i64 = 10

extern "C" { fn labs(x: i64): i64 }

fn sum(n: i64): i64 {
    let! total = 0
    for i in 0..n {
        if i == 7 { break } else if i % 2 == 0 { continue } else { total += i }
    }
    while total > 100 { total = total - 1 }
    loop { return total }
}

fn main(): i64 {
    let p = Point { x: 1, y: 2 }
    defer p.shift(10)
    println("{} {}", p.norm1(), sum(LIMIT))
    3
}
"#;

const VERA: &str = r#"
import "std/allocator"

struct Point { x: i64, y: i64 }

impl Point {
    function shift(&self, dx: i64) { self.x = self.x + dx }
    function norm1(&self) -> i64 = self.x + self.y
}

const LIMIT: i64 = 10

extern "C" { function labs(x: i64) -> i64 }

function sum(n: i64) -> i64 {
    var total = 0
    for i in 0..n {
        if i == 7 { break }
        else if i % 2 == 0 { continue }
        else { total += i }
    }
    while total > 100 { total = total - 1 }
    loop { return total }
}

function main() -> i64 {
    let p = Point { x: 1, y: 2 }
    defer p.shift(10)
    println("{} {}", p.norm1(), sum(LIMIT))
    3
}
"#;

const VAIS: &str = r#"
U std/allocator # the module

S Point { x: i64, y: i64 }

X Point {
    F shift(&self, dx: i64) { self.x = self.x + dx }
    F norm1(&self) -> i64 = self.x + self.y
}

C LIMIT: i64 = 10

N "C" { F labs(x: i64) -> i64 }

F sum(n: i64) -> i64 {
    total := mut 0
    L i: 0..n {
        I i == 7 { B } E I i % 2 == 0 { C } EL { total += i }
    }
    L total > 100 { total = total - 1 }
    L { R total }
}

F main() -> i64 {
    p := Point { x: 1, y: 2 }
    D p.shift(10)
    println("{} {}", p.norm1(), sum(LIMIT))
    3
}
"#;

fn tree(text: &str, spelling: Spelling) -> String {
    let (unit, errors) = parse_file(text, 1, spelling);
    assert!(errors.is_empty(), "{errors:#?}");
    print_ast(&unit, None)
}

#[test]
fn one_program_in_three_spellings_is_one_tree() {
    let expected = r#"import "std/allocator"
struct Point(x: i64, y: i64)
impl Point
  fn shift
    &self
    params(dx: i64)
    body(assign =(field x(name self), binary +(field x(name self), name dx)))
  fn norm1(&self, returns i64, body(binary +(field x(name self), field y(name self))))
const LIMIT: i64(int 10)
extern "C"(fn labs(params(x: i64), returns i64))
fn sum
  params(n: i64)
  returns i64
  body
    let! total(int 0)
    for i
      range ..(int 0, name n)
      body
        if
          binary ==(name i, int 7)
          then(break)
          else
            if
              binary ==(binary %(name i, int 2), int 0)
              then(continue)
              else(assign +=(name total, name i))
    while(binary >(name total, int 100), body(assign =(name total, binary -(name total, int 1))))
    loop(return(name total))
fn main
  returns i64
  body
    let p(literal Point(x(int 1), y(int 2)))
    defer(call(field shift(name p), int 10))
    call(name println, str "{} {}", call(field norm1(name p)), call(name sum, name LIMIT))
    int 3
"#;
    assert_eq!(tree(VEX, Spelling::Vex), expected);
    assert_eq!(tree(VERA, Spelling::Vera), expected);
    assert_eq!(tree(VAIS, Spelling::Vais), expected);
}

/// All messages about a text, rendered.
fn messages(text: &str, spelling: Spelling) -> String {
    let mut map = SourceMap::new();
    let name = format!("a.{}", spelling.extension());
    let id = map.add(name, None, spelling, text, false).expect("room");
    let (_, errors) = parse_file(text, map.file(id).base, spelling);
    errors.iter().map(|e| render(e, &map, false)).collect::<Vec<_>>().join("\n")
}

#[test]
fn words_of_another_spelling_get_the_right_word_and_an_edit() {
    let expected = "\
error[E0011]: `function` is spelled `fn` in .vx files
 --> a.vx:1:1
  |
1 | function f() { }
  | ^^^^^^^^ the spelling of .vera files
  |
help: write `fn`
  |
1 - function f() { }
1 + fn f() { }
  |
";
    assert_eq!(messages("function f() { }", Spelling::Vex), expected);
}

#[test]
fn one_letter_words_say_what_they_mean() {
    let expected = "\
error[E0012]: `S` is a keyword and cannot be a name
 --> a.vais:1:14
  |
1 | F f() -> i64 { S := 1 }
  |                ^ not a name
  |
  = note: `S` means `struct` in .vais files
help: choose another name
  |
1 - F f() -> i64 { S := 1 }
1 + F f() -> i64 { s := 1 }
  |
";
    let text = messages("F f() -> i64 { S := 1 }", Spelling::Vais);
    assert_eq!(text, expected.replace("1:14", "1:16"));
}

#[test]
fn a_missing_parenthesis_is_wanted_where_the_line_ends() {
    let expected = "\
error[E0003]: this `(` is never closed
 --> a.vx:2:12
  |
2 |     println(\"a\"
  |            ^   - `)` is missing here
  |            |
  |            opened here
  |
help: add `)`
  |
2 |     println(\"a\")
  |                +
";
    assert_eq!(messages("fn f() {\n    println(\"a\"\n    let b = 3\n    g()\n}\n", Spelling::Vex), expected);
}

#[test]
fn what_was_wanted_is_named_in_the_words_of_the_file() {
    let title = |text, spelling| messages(text, spelling).lines().next().unwrap_or_default().to_owned();
    let vex = |text| title(text, Spelling::Vex);
    assert_eq!(vex("let = 5"), "error[E0001]: expected a name, found `=`");
    assert_eq!(vex("f(1 2)"), "error[E0001]: expected `,` or `)`, found `2`");
    assert_eq!(vex("let x: = 5"), "error[E0001]: expected a type, found `=`");
    assert_eq!(vex("x = )"), "error[E0004]: this `)` closes nothing");
    assert_eq!(vex("fn f(: i64) { }"), "error[E0001]: expected a name or `)`, found `:`");
    assert_eq!(vex("for i 0..3 { }"), "error[E0001]: expected `in`, found `0`");
    assert_eq!(title("LF i 0..3 { }", Spelling::Vais), "error[E0001]: expected `:`, found `0`");
    assert_eq!(vex("if x = 1 { }"), "error[E0001]: expected `{`, found `=`");
    assert_eq!(vex("a b"), "error[E0001]: expected the end of the statement, found `b`");
    assert_eq!(vex("let x ="), "error[E0002]: expected an expression, found the end of the text");
    assert_eq!(vex("fn f() { x + }"), "error[E0001]: expected an expression, found `}`");
}
