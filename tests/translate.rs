//! Programs in other spellings: every example, and the programs of the test cases, print the same in each.

use std::fs;
use std::path::{Path, PathBuf};

use vex_syntax::Spelling;
use vex_tests::{Folder, Output, Run, root};

/// Programs that have no form in a spelling and why, or do not print the same.
const NO_FORM: &[(&str, Spelling, &str)] = &[
    // What they keep is lent for reading, and a written reference can be changed through there.
    ("check/good/moved-about.vx", Spelling::Vais, "expected `&Node!`, found `&Node`"),
    ("check/good/copied-out.vx", Spelling::Vais, "expected `&Node!`, found `&Node`"),
    // They print names of types and variants that are words there.
    ("lower/aggregates.vx", Spelling::Vais, ""),
    ("enums/nested.vx", Spelling::Vais, ""),
    ("check/good/spelling.vais", Spelling::Vex, "format of `printf`"),
    ("check/good/spelling.vais", Spelling::Vera, "format of `printf`"),
];

fn vexc(folder: &Path) -> Run {
    Run::new(env!("CARGO_BIN_EXE_vexc-under-test"), folder)
}

fn spelling_of(path: &Path) -> Option<Spelling> {
    path.extension().and_then(|extension| extension.to_str()).and_then(Spelling::from_extension)
}

/// The files of the language below a folder.
fn programs(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            programs(&path, found);
        } else if spelling_of(&path).is_some() {
            found.push(path);
        }
    }
    found.sort();
}

/// Translates a program; the output of the command.
fn translate(file: &Path, to: Spelling, into: &Path) -> Output {
    let run = vexc(file.parent().expect("in a folder"));
    run.args(["translate", "--to", to.name(), "-o"]).arg(into).arg(file.file_name().expect("a name")).output()
}

/// Translates the programs of a folder that say what they print, runs them with `vexc test`, and returns how many ran.
fn print_the_same(name: &str, to: Spelling) -> usize {
    let from = root().join(name);
    let (mut files, folder, mut count) = (Vec::new(), Folder::new(), 0);
    programs(&from, &mut files);
    for file in &files {
        let short = file.strip_prefix(&from).expect("below it").to_string_lossy().into_owned();
        let text = fs::read_to_string(file).unwrap_or_default();
        let new = folder.path().join(&short);
        fs::create_dir_all(new.parent().expect("in a folder")).expect("a folder");
        if !file.with_extension("out").is_file() {
            // A module, for those that import it.
            let skipped = if text.contains("@ skip") { text } else { format!("//@ skip: a module\n{text}") };
            fs::write(&new, skipped).expect("written");
            continue;
        }
        // It imports from above its own folder, which is right for the folder that is run as a whole only.
        if short == "modules/up.vx" {
            continue;
        }
        // Programs that differ in their extension alone stay apart.
        let stem = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let extension = spelling_of(file).expect("chosen by it").extension();
        let new = new.with_file_name(format!("{stem}_{extension}.{}", to.extension()));
        let run = translate(file, to, &new);
        if let Some((.., why)) = NO_FORM.iter().find(|(name, spelling, _)| *name == short && *spelling == to)
        {
            let status = i32::from(!why.is_empty());
            run.expect_status(status).expect_stderr(why);
            continue;
        }
        run.expect_status(0);
        // Lines differ, and so do the places in messages.
        let text = fs::read_to_string(&new).expect("written");
        let lines = text.lines().filter(|line| !line.contains("@ stderr:"));
        fs::write(&new, lines.collect::<Vec<_>>().join("\n") + "\n").expect("written");
        for kind in ["out", "in"].into_iter().filter(|kind| file.with_extension(kind).is_file()) {
            fs::copy(file.with_extension(kind), new.with_extension(kind)).expect("copied");
        }
        count += 1;
    }
    vexc(folder.path()).args(["test", "."]).output().expect_status(0);
    count
}

#[test]
fn examples_print_the_same_in_vex() {
    assert!(print_the_same("examples", Spelling::Vex) >= 35);
}

#[test]
fn examples_print_the_same_in_vera() {
    assert!(print_the_same("examples", Spelling::Vera) >= 35);
}

#[test]
fn examples_print_the_same_in_vais() {
    assert!(print_the_same("examples", Spelling::Vais) >= 35);
}

#[test]
fn cases_print_the_same_in_every_spelling() {
    for to in Spelling::ALL {
        assert!(print_the_same("tests/cases", to) >= 30);
    }
}

/// From any spelling to any other and on.
#[test]
fn translations_can_be_translated() {
    for name in ["output/spellings.vx", "generics/first.vx", "generics/callable-fields.vx"] {
        let folder = Folder::new();
        let original = root().join("tests/cases").join(name);
        let expected = fs::read_to_string(original.with_extension("out")).expect("its output");
        for first in Spelling::ALL {
            let once = folder.path().join(format!("once.{}", first.extension()));
            translate(&original, first, &once).expect_status(0);
            for second in Spelling::ALL {
                let twice = folder.path().join(format!("twice.{}", second.extension()));
                translate(&once, second, &twice).expect_status(0);
                let run = vexc(folder.path()).arg("run").arg(&twice).output();
                run.expect_status(0).expect_stdout(&expected);
            }
        }
    }
}

/// Translates a text and checks what comes out, and that it prints what the original prints.
#[track_caller]
fn becomes(from: Spelling, text: &str, to: Spelling, expected: &str) {
    let folder = Folder::new();
    let file = folder.file(&format!("a.{}", from.extension()), text);
    let translated = folder.path().join(format!("b.{}", to.extension()));
    translate(&file, to, &translated).expect_status(0);
    let new = fs::read_to_string(&translated).expect("written");
    assert_eq!(new, expected);
    let run = |file: &Path| vexc(folder.path()).arg("run").arg(file).output().expect_status(0).stdout;
    assert_eq!(run(&file), run(&translated), "{new}");
}

#[test]
fn defaults_of_vais_are_written_out() {
    let text = "F bump(v: &[i64; 2]) -> () { v[0] += 1 }
F main() -> i64 {
    n := 3 # changed below
    n += 1
    v := [1, 2]
    bump(&v)
    p := malloc(16)
    store_i64(p, 7)
    I n & 1 { puts(\"odd\") } E I !n { puts(\"zero\") }
    L n && load_i64(p) > 0 { n = n - 4 }
    println(\"{} {n == 0} {:>3}\", v[0] < 3, n != 0)
    println(n == 0, v)
    free(p)
    0
}
";
    let expected = "fn bump(v: &[i64; 2]!): () { v[0] += 1 }
fn main(): i64 {
    let! n = 3 // changed below
    n += 1
    let! v = [1, 2]
    bump(&v!)
    let p = unsafe { vex_malloc(16) as i64 }
    unsafe { store_i64(p, 7) }
    if n & 1 != 0 { println(\"odd\") } else if (n == 0) { println(\"zero\") }
    while unsafe { n != 0 && load_i64(p) > 0 } { n = n - 4 }
    println(\"{:d} {n == 0:d} {:>3d}\", v[0] < 3, n != 0)
    println((n == 0) as i64, v)
    unsafe { vex_free(p as ptr) }
    0
}
";
    becomes(Spelling::Vais, text, Spelling::Vex, expected);
}

#[test]
fn booleans_print_as_words_in_vais() {
    let text = "//! Truth.
fn main() {
    let! on: bool
    on = 1 < 2
    let S = 5
    if !S != 0 && on { println(\"{on} {} {on:>6} {S}\", !on) } elif on { println(on, \"x\") }
    for i in 0..2 { while on { break } }
    assert(on, \"{on:?}\")
}
";
    let expected = "//! Truth.
F main() {
    on: bool = mut false
    on = 1 < 2
    S_ := 5
    I ~S_ != 0 && on {
        println(\"{on:t} {:t} {on:>6t} {S_}\", !on)
    } E I on {
        println(on ? \"true\" : \"false\", \"x\")
    }
    L i: 0..2 { L on { B } }
    assert(on, \"{on:t?}\")
}
";
    becomes(Spelling::Vex, text, Spelling::Vais, expected);
}

/// Where names are bound by `:=`, what takes a value apart and what has no value yet stand after a word.
#[test]
fn bindings_that_are_more_than_a_name_have_a_form() {
    let vex = "struct Point { a: i64, b: i64 }\nfn main() {\n    let Point { a, .. } = Point { a: 1, b: 2 }\n    let p: Point\n    \
               p = Point { a, b: 3 }\n    let (c!, d) = (p, a)\n    c.a += d\n    println(c)\n}\n";
    let vais = "S Point { a: i64, b: i64 }\nF main() {\n    let Point { a, .. } = Point { a: 1, b: 2 }\n    let p: Point\n    \
                p = Point { a, b: 3 }\n    let (c!, d) = (p, a)\n    c.a += d\n    println(c)\n}\n";
    becomes(Spelling::Vex, vex, Spelling::Vais, vais);
    becomes(Spelling::Vais, vais, Spelling::Vex, vex);
}

#[test]
fn what_has_no_form_is_said() {
    let folder = Folder::new();
    folder.file("a.vais", "F main() {\n    printf(\"%c\", 65)\n}\n");
    let run = |args: &[&str]| vexc(folder.path()).arg("translate").args(args).output();
    run(&["--to", "vex", "a.vais"])
        .expect_status(1)
        .expect_stderr("a.vais:2:12: this format of `printf` has no form in other spellings");
    run(&["--to", "vais", "a.vais"]).expect_status(0);
    folder.file("b.vx", "let S = 1\nprintln(S)\n");
    let named = run(&["--to", "vais", "b.vx"]).expect_status(0).expect_stderr("`S` is a word of .vais files");
    named.expect_stdout("S_ := 1\nprintln(S_)\n");
    folder.file("c.vx", "println(missing)\n");
    run(&["--to", "vera", "c.vx"]).expect_status(1).expect_stderr("E0101");
    run(&["--to", "basic", "c.vx"]).expect_status(2).expect_stderr("vex, vera and vais");
}
