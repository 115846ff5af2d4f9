//! The texts of values that a session shows, against what programs print of them: each program computes values, and
//! at its end tells where one lies and how `{:?}` prints it.

use std::sync::Mutex;

use vex_syntax::{Span, Spelling};
use vexc::check::CheckOptions;
use vexc::driver::{Input, Phases};
use vexc::jit::{JitOptions, Outcome, RunOptions};
use vexc::session::show::{Limits, Names, value};
use vexc::stack::on_deep_stack;

/// Knows no function.
struct Nameless;

impl Names for Nameless {
    fn function(&self, _: usize) -> Option<String> {
        None
    }

    fn is_library(&self, _: Span) -> bool {
        false
    }
}

/// The message of a panic is gathered in one place for the whole process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What the session shows of the global `subject` at the end of the program, and what the program itself prints.
fn both(program: &str, spelling: Spelling, limits: &Limits) -> (String, String) {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(|error| error.into_inner());
    let text = format!("{program}\npanic(\"{{}} {{:?}}\", &subject as ptr, subject)\n");
    let input = Input { name: "subject".into(), path: None, spelling, text };
    on_deep_stack(|| {
        let loaded = input.load(Phases::default()).expect("little text");
        let checked = loaded.check(CheckOptions { needs_entry: true });
        let program = checked.program.clone().unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
        let global = program.globals.iter().find(|g| g.name.as_str() == "subject").expect("a global");
        let compiled = checked.compile(&JitOptions::default()).expect("a program").expect("it compiles");
        let options = RunOptions { recover: true, ..RunOptions::default() };
        let outcome = compiled.code.run(&compiled.sources, &[], &options).expect("a stack");
        let Outcome::Failed(report) = outcome else { panic!("{outcome:?}") };
        let message = report.lines().next().and_then(|line| line.strip_prefix("panic: ")).expect("a message");
        let (address, printed) = message.split_once(' ').expect("an address and a value");
        let address = usize::from_str_radix(address.trim_start_matches("0x"), 16).expect("an address");
        let shown = value(&program.types, global.ty, address, limits, &Nameless);
        (shown, printed.to_string())
    })
}

/// Fails unless both texts of `subject` are the same, and this.
#[track_caller]
fn prints(program: &str, text: &str) {
    let (shown, printed) = both(program, Spelling::Vex, &Limits::default());
    assert_eq!(printed, text, "the program");
    assert_eq!(shown, text, "the session");
}

#[test]
fn integers_of_every_width() {
    for (value, ty) in [
        ("-128", "i8"),
        ("255", "u8"),
        ("-32768", "i16"),
        ("65535", "u16"),
        ("-2147483648", "i32"),
        ("4294967295", "u32"),
        ("-9223372036854775808", "i64"),
        ("18446744073709551615", "u64"),
        ("-1", "isize"),
        ("9223372036854775808", "usize"),
    ] {
        prints(&format!("let subject: {ty} = {value}"), value);
    }
}

#[test]
fn floats() {
    prints("let subject = 0.1", "0.1");
    prints("let subject = 0.1f32", "0.1");
    prints("let subject: f32 = 16777216.0", "16777216.0");
    prints("let subject = -0.0", "-0.0");
    prints("let subject = [1e15, 1e16, 1e-7, 0.0001]", "[1000000000000000.0, 1e16, 1e-7, 0.0001]");
    prints("let zero = 0.0\nlet subject = (1.0 / zero, -1.0 / zero)", "(inf, -inf)");
}

#[test]
fn strings() {
    prints(r#"let subject = "a \"b\" \\ \n\t\r\0 é \u{1} 😀""#, r#""a \"b\" \\ \n\t\r\0 é \u{1} 😀""#);
    prints(r#"let subject = """#, r#""""#);
    prints("let subject = \"a\".bytes()", "[97]");
}

#[test]
fn aggregates() {
    prints("let subject = ()", "()");
    prints("let subject = (1,)", "(1,)");
    prints("let subject = (1u8, \"b\", true, 2.5)", "(1, \"b\", true, 2.5)");
    prints("let subject = [[1u8, 2], [3, 4]]", "[[1, 2], [3, 4]]");
    prints("let subject = [(); 3]", "[(), (), ()]");
    prints("struct Empty { }\nlet subject = Empty { }", "Empty {}");
    prints(
        "struct Point { x: i8, y: f64 }\nstruct Line { from: Point, to: &Point, name: str }\n\
         let to = Point { x: 2, y: 4.0 }\n\
         let subject = Line { from: Point { x: -1, y: 0.5 }, to: &to, name: \"l\" }",
        "Line { from: Point { x: -1, y: 0.5 }, to: Point { x: 2, y: 4.0 }, name: \"l\" }",
    );
    prints("let subject = (checked_add(1, 2), 200u8.checked_add(100))", "(Some(3), None)");
}

#[test]
fn references_and_pointers() {
    prints("let n = 5\nlet r = &n\nlet subject = &r", "5");
    prints("let subject = null_ptr", "0x0");
    prints("let subject = 4660 as ptr as *i64", "0x1234");
    prints(
        "let list = [1, 2, 3]\nfn tail(s: &[i64]): &[i64] = s\nlet subject = (tail(&list), &list)",
        "([1, 2, 3], [1, 2, 3])",
    );
    let function = "fn double(x: i64): i64 = x * 2\nlet subject = (double, 1)";
    let (shown, printed) = both(function, Spelling::Vex, &Limits::default());
    assert_eq!(shown, printed);
    assert!(shown.starts_with("(0x"), "{shown}");
}

#[test]
fn vais_booleans() {
    let limits = Limits { bools_as_ints: true, ..Limits::default() };
    let (shown, printed) = both("subject := (true, false, \"t\")", Spelling::Vais, &limits);
    assert_eq!(shown, printed);
    assert_eq!(shown, "(1, 0, \"t\")");
}

#[test]
fn what_is_left_out_is_counted() {
    let limits = Limits { elements: 5, ..Limits::default() };
    let (shown, printed) = both("let subject = [7u16; 1000]", Spelling::Vex, &limits);
    assert_eq!(shown, "[7, 7, 7, 7, 7, … 995 more]");
    assert!(printed.len() > 2900);
}
