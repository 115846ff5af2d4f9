//! The formatter: every program of the project, comments at odd places, and programs that are laid out by chance.

use std::path::{Path, PathBuf};

use vex_syntax::Spelling;
use vex_syntax::format::{FormatError, format};

/// The files below a folder that are written in the language.
fn programs(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("a folder of the project");
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            programs(&path, found);
        } else if spelling_of(&path).is_some() {
            found.push(path);
        }
    }
}

fn spelling_of(path: &Path) -> Option<Spelling> {
    path.extension().and_then(|e| e.to_str()).and_then(Spelling::from_extension)
}

/// Formats a text; `None` when it does not parse.
fn formatted(text: &str, spelling: Spelling, name: &str) -> Option<String> {
    match format(text, 1, spelling) {
        Ok(text) => Some(text),
        Err(FormatError::Syntax(_)) => None,
        Err(FormatError::Changed(what)) => panic!("{name}: {what}\n{text}"),
    }
}

#[test]
fn every_program_keeps_its_meaning_and_is_formatted_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project's folder");
    let mut files = Vec::new();
    for folder in ["examples", "stdlib", "tests/cases", "benches", "lalrpop/tests/programs"] {
        programs(&root.join(folder), &mut files);
    }
    let mut count = 0;
    for path in files {
        let name = path.display().to_string();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let Some(once) = formatted(&text, spelling_of(&path).expect("chosen by it"), &name) else { continue };
        if let Ok(dir) = std::env::var("FMT_OUT") {
            let to = Path::new(&dir).join(path.strip_prefix(root).unwrap());
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::write(to, &once).unwrap();
        }
        let twice = formatted(&once, spelling_of(&path).expect("chosen by it"), &name).expect("it parses");
        assert_eq!(once, twice, "{name}");
        count += 1;
    }
    assert!(count > 150, "only {count} files were formatted");
}
