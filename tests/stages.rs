//! What `vexc emit` prints of a few programs, stage by stage, against files beside them.
//!
//! `NAME.EXT.tokens`, `NAME.ast`, `NAME.EXT.typed` and `NAME.EXT.clif` hold what is expected, where they exist. The tree
//! has one file for all spellings of a program: they must not differ in it. `VEX_BLESS=1` writes the files that exist
//! (and refuses where `CI` is set).

use std::fs;
use std::path::{Path, PathBuf};

use vex_tests::{Run, root};
use vexc::golden::unified;

/// The programs of the folder, by path.
fn programs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder of programs");
    let mut programs: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension().is_some_and(|e| ["vx", "vera", "vais"].iter().any(|known| e == *known))
        })
        .collect();
    programs.sort();
    assert!(programs.len() > 3, "{} holds the programs", folder.display());
    programs
}

/// Compares a stage of every program with its file.
fn compare(stage: &str) {
    let folder = root().join("tests/cases/stages");
    let mut report = String::new();
    let mut compared = 0;
    for program in programs(&folder) {
        let name = program.file_name().and_then(|name| name.to_str()).expect("a plain name").to_owned();
        let file = match stage {
            "ast" => program.with_extension("ast"),
            _ => folder.join(format!("{name}.{stage}")),
        };
        if !file.exists() {
            continue;
        }
        compared += 1;
        let run =
            Run::new(env!("CARGO_BIN_EXE_vexc-under-test"), &folder).args(["emit", "--stage", stage, &name]);
        let printed = run.output().expect_status(0).stdout;
        if std::env::var_os("VEX_BLESS").is_some() {
            assert!(std::env::var_os("CI").is_none(), "blessing is for people, not for CI");
            fs::write(&file, &printed).expect("the expected text's file");
        }
        let expected = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let shown = file.file_name().unwrap_or_default().to_string_lossy();
        if let Some(diff) = unified(&expected, printed.as_bytes(), (&shown, &name), false) {
            report.push_str(&diff);
        }
    }
    assert!(compared > 0 && report.is_empty(), "{compared} compared\n{report}");
}

#[test]
fn tokens() {
    compare("tokens");
}

#[test]
fn trees() {
    compare("ast");
}

#[test]
fn typed_programs() {
    compare("typed");
}

/// Cranelift's text names the calling convention, so it is that of one kind of machine.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[test]
fn intermediate_representation() {
    compare("clif");
}
