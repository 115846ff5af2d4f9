//! `vexc fmt`, as users run it on their own trees.

use std::fs;

use vex_tests::{Folder, root};

use super::vexc;

const UGLY: &str = "fn main(){ // here\n println( 1+2 );\n\n\n}\n";
const NEAT: &str = "fn main() { // here\n    println(1 + 2);\n}\n";

fn read(folder: &Folder, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).expect("a file of the test")
}

#[test]
fn folders_are_formatted_in_place_each_file_in_its_spelling() {
    let folder = Folder::new();
    folder.file("t/a.vx", UGLY);
    folder.file("t/deep/b.vais", "F main()->i64{ I 1<2{ R 0 }\n1 } # c\n");
    folder.file("t/c.txt", UGLY);
    folder.file("t/.hidden/d.vx", UGLY);
    vexc(&folder).args(["fmt", "t"]).output().expect_status(0).expect_stdout("");
    assert_eq!(read(&folder, "t/a.vx"), NEAT);
    assert_eq!(read(&folder, "t/deep/b.vais"), "F main() -> i64 {\n    I 1 < 2 { R 0 }\n    1\n} # c\n");
    assert_eq!(read(&folder, "t/c.txt"), UGLY);
    assert_eq!(read(&folder, "t/.hidden/d.vx"), UGLY);
    vexc(&folder).args(["fmt", "--check", "t"]).output().expect_status(0).expect_stdout("");
}

#[test]
fn check_lists_what_would_change_and_changes_nothing() {
    let folder = Folder::new();
    folder.file("a.vx", UGLY);
    folder.file("b.vx", NEAT);
    let run = vexc(&folder).args(["fmt", "--check", "b.vx", "a.vx"]).output().expect_status(1);
    run.expect_stdout("a.vx\n");
    assert_eq!(read(&folder, "a.vx"), UGLY);
}

#[test]
fn standard_input_goes_to_standard_output() {
    let folder = Folder::new();
    vexc(&folder).args(["fmt", "-"]).input(UGLY).output().expect_status(0).expect_stdout(NEAT);
    let vais = vexc(&folder).args(["fmt", "--spelling", "vais", "-"]).input("x:=1 # one\n").output();
    vais.expect_status(0).expect_stdout("x := 1 # one\n");
    vexc(&folder)
        .args(["fmt", "--check", "-"])
        .input(UGLY)
        .output()
        .expect_status(1)
        .expect_stdout("<stdin>\n");
}

#[test]
fn what_does_not_parse_stays_and_the_rest_is_formatted() {
    let folder = Folder::new();
    folder.file("t/a.vx", "fn main( {\n");
    folder.file("t/b.vx", UGLY);
    let run = vexc(&folder).args(["fmt", "t"]).output().expect_status(1);
    run.expect_stderr("E0003").expect_stderr("`t/a.vx` does not parse and is left as it is");
    assert_eq!(read(&folder, "t/a.vx"), "fn main( {\n");
    assert_eq!(read(&folder, "t/b.vx"), NEAT);
    vexc(&folder).args(["fmt", "missing.vx"]).output().expect_status(1).expect_stderr("there is no file");
    folder.file("empty/readme.txt", "");
    vexc(&folder).args(["fmt", "empty"]).output().expect_status(2).expect_stderr("no program");
}

#[test]
fn the_programs_of_the_project_are_formatted() {
    let folder = Folder::new();
    let paths = ["examples", "stdlib"].map(|name| root().join(name));
    let run = vexc(&folder).args(["fmt", "--check"]).args(paths).output();
    assert_eq!(run.stdout, "", "run `vexc fmt` on these");
    run.expect_status(0);
}
