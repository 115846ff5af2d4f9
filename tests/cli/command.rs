//! Help, usage errors, files that cannot be read, and the small commands.

use vex_tests::Folder;

use super::vexc;

#[test]
fn the_version_is_that_of_the_crate() {
    let folder = Folder::new();
    let expected = format!("vexc {}\n", env!("CARGO_PKG_VERSION"));
    vexc(&folder).arg("--version").output().expect_status(0).expect_stdout(&expected);
}

#[test]
fn help_shows_examples_and_every_command() {
    let folder = Folder::new();
    let help = vexc(&folder).arg("--help").output().expect_status(0).stdout;
    for word in [
        "run",
        "check",
        "test",
        "fmt",
        "emit",
        "explain",
        "doc",
        "new",
        "completions",
        "vexc run hello.vx",
        ".vais",
    ] {
        assert!(help.contains(word), "no `{word}` in:\n{help}");
    }
    for command in ["run", "check", "test", "fmt", "emit", "explain", "repl", "doc", "new", "completions"] {
        let help = vexc(&folder).args([command, "--help"]).output().expect_status(0).stdout;
        assert!(help.contains("Example"), "`{command} --help` has no example:\n{help}");
        assert!(help.contains("--color"), "`{command} --help` lacks the common options:\n{help}");
    }
}

#[test]
fn usage_errors_have_status_2() {
    let folder = Folder::new();
    let run = |args: &[&str]| vexc(&folder).args(args).output().expect_status(2);
    run(&[]).expect_stderr("Usage");
    run(&["frobnicate"]).expect_stderr("frobnicate");
    run(&["rum", "x.vx"]).expect_stderr("'run'");
    run(&["run"]).expect_stderr("<FILE>");
    run(&["run", "--colour", "always", "x.vx"]).expect_stderr("--color");
    run(&["run", "--spelling", "basic", "x.vx"]).expect_stderr("vex, vera and vais");
    run(&["run", "--keep-going", "x.vx"]).expect_stderr("--checked");
    run(&["run", "--checked", "--leaks", "some", "x.vx"]).expect_stderr("all, lost, none");
    run(&["run", "--checked", "--allocator", "bump:1M", "x.vx"]).expect_stderr("checked heap");
    run(&["run", "--checked", "--heap-report", "x.vx"]).expect_stderr("leave out one of the two");
    run(&["emit", "x.vx"]).expect_stderr("--stage");
}

#[test]
fn a_program_in_place_of_a_command_gets_a_hint() {
    let folder = Folder::new();
    vexc(&folder).arg("hello.vx").output().expect_status(2).expect_stderr("`vexc run hello.vx`");
}

#[test]
fn allocator_mistakes_are_explained() {
    let folder = Folder::new();
    for (choice, part) in [
        ("bmp", "bump, "),
        ("heap:1M", "size"),
        ("bump:", "not a size"),
        ("bump:12X", "not a size"),
        ("bump:0", "not a size"),
        ("bump:99999999999999999999", "not a size"),
    ] {
        let run = vexc(&folder).args(["run", "--allocator", choice, "x.vx"]).output();
        run.expect_status(2).expect_stderr(part);
    }
}

#[test]
fn files_that_cannot_be_programs() {
    let folder = Folder::new();
    folder.file("hello.vx", "println(1)\n");
    folder.file("dir/only.vx", "println(1)\n");
    folder.file("notes.txt", "println(1)\n");
    folder.file("old.vex", "println(1)\n");
    folder.file("latin.vx", b"// ok\nprintln(\"caf\xe9\")\n");
    let run = |file: &str, status| vexc(&folder).args(["run", file]).output().expect_status(status);
    run("helo.vx", 1).expect_stderr("did you mean `hello.vx`?");
    run("hello", 1).expect_stderr("did you mean `hello.vx`?");
    run("hello.vera", 1).expect_stderr("did you mean `hello.vx`?");
    run("nothing/like/it.vx", 1).expect_stderr("there is no file `nothing/like/it.vx`");
    run("dir", 1).expect_stderr("dir/only.vx");
    run("notes.txt", 2).expect_stderr("--spelling");
    run("old.vex", 2).expect_stderr("`old.vx`");
    run("latin.vx", 1).expect_stderr("latin.vx:2:13: byte 0xe9 is not UTF-8");
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let path = folder.file("secret.vx", "println(1)\n");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).expect("permissions");
    if std::fs::read(&path).is_ok() {
        // The superuser reads everything.
        return;
    }
    let run = vexc(&folder).args(["run", "secret.vx"]).output().expect_status(1);
    run.expect_stderr("secret.vx").expect_stderr("ermission denied");
}

#[test]
fn check_reads_several_files_and_reports_each() {
    let folder = Folder::new();
    folder.file("good.vx", "println(1)\n");
    folder.file("module.vx", "fn f(): i64 { return 1 }\n");
    folder.file("bad.vx", "println(missing)\n");
    vexc(&folder).args(["check", "good.vx", "module.vx"]).output().expect_status(0).expect_stdout("");
    let run = vexc(&folder).args(["check", "good.vx", "bad.vx", "gone.vx"]).output().expect_status(1);
    run.expect_stderr("bad.vx:1:9").expect_stderr("gone.vx").expect_stdout("");
}

#[test]
fn check_prints_warnings_and_run_does_not() {
    let folder = Folder::new();
    folder.file("a.vx", "fn main() {\n    let unused = 1\n    println(2)\n}\n");
    vexc(&folder).args(["check", "a.vx"]).output().expect_status(0).expect_stderr("warning[W0001]");
    let run = vexc(&folder).args(["run", "a.vx"]).output().expect_status(0).expect_stdout("2\n");
    assert_eq!(run.stderr, "");
}

#[test]
fn json_messages_are_objects_with_one_shape() {
    let folder = Folder::new();
    folder.file("bad.vx", "fn main() {\n    println(missing)\n    let x: i64 = \"text\"\n}\n");
    let json = ["--message-format", "json"];
    let lines = |file: &str| {
        let run = vexc(&folder).arg("check").args(json).arg(file).output().expect_status(1);
        run.stderr.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect(line)).collect()
    };
    let errors: Vec<serde_json::Value> = lines("bad.vx");
    assert!(errors.len() >= 2, "{errors:?}");
    assert!(errors[0]["code"].is_string() && errors[0]["spans"][0]["line"] == 2, "{errors:?}");
    let missing: Vec<serde_json::Value> = lines("gone.vx");
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    assert_eq!(keys(&errors[0]), keys(&missing[0]));
}

#[test]
fn colour_follows_the_option_then_the_environment() {
    let folder = Folder::new();
    folder.file("bad.vx", "println(missing)\n");
    let coloured = |args: &[&str], env: &[(&str, &str)]| {
        let run = vexc(&folder).args(["check", "bad.vx"]).args(args);
        let run = env.iter().fold(run, |run, (name, value)| run.env(name, value));
        run.output().expect_status(1).stderr.contains('\x1b')
    };
    assert!(!coloured(&[], &[]), "not a terminal");
    assert!(coloured(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(coloured(&[], &[("FORCE_COLOR", "1")]));
    assert!(coloured(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "")]));
    assert!(!coloured(&[], &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")]));
    assert!(!coloured(&["--color", "never"], &[("FORCE_COLOR", "1")]));
}

#[test]
fn explain_knows_codes_and_lists_them() {
    let folder = Folder::new();
    let page = vexc(&folder).args(["explain", "e0003"]).output().expect_status(0).stdout;
    assert!(page.starts_with("E0003: ") && page.contains("Wrong:") && page.contains("Right:"), "{page}");
    assert!(!page.contains("```") && !page.contains('\x1b'), "{page}");
    let list = vexc(&folder).arg("explain").output().expect_status(0).stdout;
    assert!(list.lines().count() > 10 && list.contains("E0003  "), "{list}");
    vexc(&folder).args(["explain", "E9999"]).output().expect_status(1).expect_stderr("E9999");
    vexc(&folder).args(["explain", "nonsense"]).output().expect_status(1);
}

#[test]
fn completions_and_the_manual_know_the_commands() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = vexc(&folder).args(["completions", shell]).output().expect_status(0).stdout;
        assert!(script.contains("heap-report") && script.contains("explain"), "{shell}");
    }
    vexc(&folder).args(["completions", "cmd"]).output().expect_status(2);
    let page = vexc(&folder).arg("man").output().expect_status(0).stdout;
    assert!(page.contains(".TH") && page.contains("heap\\-report"), "{page}");
}
