//! `vexc new`: projects run and test themselves at once, and nothing is left of one that cannot be made.

use std::fs;

use vex_tests::Folder;

use super::vexc;

/// What lies in a folder, sorted.
fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a readable folder");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<String> = entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_project_runs_and_tests_itself_in_every_spelling() {
    for (spelling, extension) in [("vex", "vx"), ("vera", "vera"), ("vais", "vais")] {
        let folder = Folder::new();
        let made = vexc(&folder).args(["new", "my-app", "--spelling", spelling]).output().expect_status(0);
        assert_eq!(made.stderr, "");
        let main = format!("my-app/main.{extension}");
        assert!(made.stdout.contains(&format!("vexc run {main}\n")), "{}", made.stdout);
        assert!(made.stdout.contains("vexc test my-app\n"), "{}", made.stdout);

        let run = vexc(&folder).args(["run", &main]).output().expect_status(0);
        run.expect_stdout(&folder.read("my-app/main.out"));
        let test = vexc(&folder).args(["test", "my-app"]).output().expect_status(0);
        assert!(test.stdout.ends_with("\n2 passed, 0 failed, 1 skipped\n"), "{}", test.stdout);
        let files = ["main", "numbers", "numbers_test"].map(|stem| format!("my-app/{stem}.{extension}"));
        let check = vexc(&folder).arg("check").args(&files).output().expect_status(0);
        assert_eq!(check.stderr, "", "no warnings in {spelling}");

        let readme = folder.read("my-app/README.md");
        assert!(readme.starts_with("# my-app\n"), "{readme}");
        assert!(readme.contains(&format!("vexc run main.{extension}\nvexc test .\n")), "{readme}");
        assert_eq!(names(&folder.path().join("my-app")).len(), 7);
        assert_eq!(names(folder.path()), ["my-app"], "nothing lies beside it");

        // The test is one: it fails when the module is wrong.
        let module = format!("my-app/numbers.{extension}");
        let text = folder.read(&module).replace("divisor != 0", "divisor > 1");
        folder.file(&module, text);
        vexc(&folder).args(["test", "my-app"]).output().expect_status(1);
    }
}

#[test]
fn names_that_are_none_are_refused() {
    let folder = Folder::new();
    for (name, part) in [
        ("", "needs a name"),
        (".", "is a path"),
        ("..", "is a path"),
        ("../outside", "`vexc new outside`"),
        ("/absolute/path", "is a path"),
        ("sub/app", "`vexc new app`"),
        ("sub\\app/", "`vexc new app`"),
        ("\\", "is a path"),
        ("a b", "' '"),
        ("2nd", "letter"),
        ("_x", "letter"),
        ("a\"b", "'\"'"),
        ("naïve", "'ï'"),
        (&"a".repeat(100), "64"),
    ] {
        vexc(&folder).args(["new", "--", name]).output().expect_status(2).expect_stderr(part);
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn what_is_there_stays_as_it_is() {
    let folder = Folder::new();
    folder.file("app/notes.txt", "mine");
    folder.file("file", "mine");
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    for name in ["app", "file", "empty"] {
        let run = vexc(&folder).args(["new", name]).output().expect_status(1).expect_stdout("");
        run.expect_stderr(&format!("`{name}` exists already"));
    }
    assert_eq!(names(folder.path()), ["app", "empty", "file"]);
    assert_eq!(names(&folder.path().join("app")), ["notes.txt"]);
    assert!(names(&folder.path().join("empty")).is_empty());
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_to_is_named_and_links_are_not_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::new();
    symlink("nowhere", folder.path().join("dangling")).expect("a link");
    vexc(&folder).args(["new", "dangling"]).output().expect_status(1).expect_stderr("exists already");
    let locked = Folder::new();
    fs::set_permissions(locked.path(), fs::Permissions::from_mode(0o555)).expect("permissions");
    if fs::write(locked.path().join("probe"), "").is_err() {
        // The superuser writes everywhere.
        vexc(&locked).args(["new", "app"]).output().expect_status(1).expect_stderr("cannot make the project");
        assert!(names(locked.path()).is_empty());
    }
    fs::set_permissions(locked.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
}
