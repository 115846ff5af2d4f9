//! `vexc new`: a small project that runs and tests itself.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use vex_syntax::Spelling;

use super::args::{Common, NewArgs};
use super::{FAILED, Messages, OK, USAGE};

/// The longest name, in bytes; file systems take no more than 255 with what is added.
const LONGEST: usize = 64;

/// What stands in the templates for the project's name, and for the ending of its files.
const NAME: &str = "PROJECT";
const EXTENSION: &str = "EXT";

/// The programs of a spelling: main file, module and test, without their endings.
fn programs(spelling: Spelling) -> [(&'static str, &'static str); 3] {
    macro_rules! templates {
        ($folder:literal, $extension:literal) => {
            [
                ("main", include_str!(concat!("../../templates/", $folder, "/main.", $extension))),
                ("numbers", include_str!(concat!("../../templates/", $folder, "/numbers.", $extension))),
                (
                    "numbers_test",
                    include_str!(concat!("../../templates/", $folder, "/numbers_test.", $extension)),
                ),
            ]
        };
    }
    match spelling {
        Spelling::Vex => templates!("vex", "vx"),
        Spelling::Vera => templates!("vera", "vera"),
        Spelling::Vais => templates!("vais", "vais"),
    }
}

/// The files that are the same in all spellings but for names.
const OTHERS: [(&str, &str); 4] = [
    ("main.out", include_str!("../../templates/main.out")),
    ("numbers_test.out", include_str!("../../templates/numbers_test.out")),
    ("README.md", include_str!("../../templates/README.md")),
    (".gitignore", include_str!("../../templates/gitignore")),
];

/// Makes the project in the current folder and says how to go on.
pub(super) fn new(args: &NewArgs, common: &Common, messages: &Messages) -> u8 {
    let name = args.name.as_str();
    if let Err((title, help)) = check_name(name) {
        return messages.fail_with_help(USAGE, &title, Some(&help));
    }
    let target = Path::new(name);
    // Links that lead nowhere are there, too.
    if fs::symlink_metadata(target).is_ok() {
        let help = "take another name, or move what is there away";
        return messages.fail_with_help(FAILED, &format!("`{name}` exists already"), Some(help));
    }
    let spelling = common.spelling.unwrap_or(Spelling::Vex);
    if let Err(error) = make(target, name, spelling) {
        return messages.fail(FAILED, &format!("cannot make the project `{name}`: {error}"));
    }
    let main = format!("{name}/main.{}", spelling.extension());
    let text = format!("made {name}/\n\n  vexc run {main}\n  vexc test {name}\n");
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => OK,
        Err(error) => messages.fail(FAILED, &format!("cannot write to standard output: {error}")),
    }
}

/// What is wrong with a project's name, and what to do about it.
fn check_name(name: &str) -> Result<(), (String, String)> {
    if name.contains(['/', '\\']) || matches!(name, "." | "..") {
        let help = match name.rsplit(['/', '\\']).find(|part| !part.is_empty()) {
            Some(last) if last != name && check_name(last).is_ok() => {
                format!("go to the folder it should lie in, and say `vexc new {last}` there")
            }
            _ => "the project's folder is made in the current one: give it a name of its own".into(),
        };
        return Err((format!("`{name}` is a path, not a name"), help));
    }
    let help = "names start with a letter; letters from a to z, digits, `-` and `_` follow".to_owned();
    if name.is_empty() {
        return Err(("a project needs a name".into(), help));
    }
    if name.len() > LONGEST {
        return Err((format!("the name has more than {LONGEST} letters"), "take a shorter one".into()));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if let Some(wrong) = name.chars().find(|c| !allowed(*c)) {
        return Err((format!("a project's name cannot hold {wrong:?}"), help));
    }
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err((format!("a project's name cannot start as `{name}` does"), help));
    }
    Ok(())
}

/// Makes the folder with all files, or nothing: they are written under another name first.
fn make(target: &Path, name: &str, spelling: Spelling) -> io::Result<()> {
    let building = PathBuf::from(format!(".{name}.{}", std::process::id()));
    fs::create_dir(&building)?;
    let made = fill(&building, name, spelling).and_then(|()| fs::rename(&building, target));
    if made.is_err() {
        // What went wrong is what is reported, not that there may be a rest of it.
        let _ = fs::remove_dir_all(&building);
    }
    made
}

fn fill(folder: &Path, name: &str, spelling: Spelling) -> io::Result<()> {
    let extension = spelling.extension();
    let programs = programs(spelling).map(|(stem, text)| (format!("{stem}.{extension}"), text));
    let others = OTHERS.map(|(name, text)| (name.to_owned(), text));
    for (file, text) in programs.into_iter().chain(others) {
        let text = text.replace(EXTENSION, extension).replace(NAME, name);
        let mut file = OpenOptions::new().write(true).create_new(true).open(folder.join(file))?;
        file.write_all(text.as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for name in ["a", "hello", "Hello-2_x", &"a".repeat(LONGEST)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in
            ["", ".", "..", "a/b", "/a", "../a", "a\\b", "a b", "2a", "-a", "_a", ".a", "é", "a\n", "{a}"]
        {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name(&"a".repeat(LONGEST + 1)).is_err());
        assert!(check_name("sub/app").expect_err("a path").1.contains("`vexc new app`"));
    }

    #[test]
    fn templates_hold_the_words_that_are_replaced_and_no_others_by_chance() {
        for spelling in Spelling::ALL {
            let [(_, main), (_, numbers), (_, test)] = programs(spelling);
            assert!(main.contains(NAME));
            assert!([numbers, test].iter().all(|text| !text.contains(NAME) && !text.contains(EXTENSION)));
        }
    }
}
