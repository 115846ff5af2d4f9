//! The editor grammars: well formed, and they know the words of the spellings.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use vex_syntax::Spelling;
use vex_syntax::spelling_table::keyword;
use vex_tests::root;

fn extension() -> PathBuf {
    root().join("editors/vscode")
}

fn json(path: PathBuf) -> Value {
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The grammars the package lists: scope and content.
fn grammars() -> Vec<(String, Value)> {
    let package = json(extension().join("package.json"));
    let listed = package["contributes"]["grammars"].as_array().expect("a list of grammars");
    let grammar = |entry: &Value| {
        let path = entry["path"].as_str().expect("a path");
        (entry["scopeName"].as_str().expect("a scope").to_owned(), json(extension().join(path)))
    };
    listed.iter().map(grammar).collect()
}

/// Every string under the keys `key` in a value.
fn strings<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == key => found.push(text),
                    _ => strings(value, key, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, key, found)),
        _ => {}
    }
}

#[test]
fn the_package_names_files_that_exist() {
    let package = json(extension().join("package.json"));
    let languages = package["contributes"]["languages"].as_array().expect("a list of languages");
    let extensions: BTreeSet<&str> =
        languages.iter().filter_map(|language| language["extensions"][0].as_str()).collect();
    let expected: BTreeSet<String> = Spelling::ALL.iter().map(|s| format!(".{}", s.extension())).collect();
    assert_eq!(extensions, expected.iter().map(String::as_str).collect());
    for language in languages {
        json(extension().join(language["configuration"].as_str().expect("a path")));
    }
    for (scope, grammar) in grammars() {
        assert_eq!(grammar["scopeName"], scope.as_str());
    }
}

#[test]
fn every_include_leads_somewhere() {
    let grammars = grammars();
    for (scope, grammar) in &grammars {
        let mut includes = Vec::new();
        strings(grammar, "include", &mut includes);
        assert!(!includes.is_empty());
        for include in includes {
            let (target, part) = include.split_once('#').unwrap_or((include, ""));
            let target = if target.is_empty() || target == "$self" { scope } else { target };
            let (_, grammar) = grammars
                .iter()
                .find(|(scope, _)| scope == target)
                .unwrap_or_else(|| panic!("{scope}: {include}"));
            assert!(part.is_empty() || grammar["repository"][part].is_object(), "{scope}: {include}");
        }
    }
}

/// The words a grammar gives a colour by listing them: `\b(?:one|two)\b`.
fn listed(grammar: &Value) -> BTreeSet<&str> {
    let mut patterns = Vec::new();
    strings(grammar, "match", &mut patterns);
    let lists = patterns.iter().filter_map(|p| p.strip_prefix("\\b(?:")?.strip_suffix(")\\b"));
    lists.flat_map(|list| list.split('|')).collect()
}

#[test]
fn keywords_are_those_of_the_spelling() {
    // Every word of every table; the tables themselves are not public.
    let table = fs::read_to_string(root().join("lalrpop/src/spelling_table.rs")).expect("the tables");
    let words: BTreeSet<&str> = table
        .lines()
        .flat_map(|line| line.split("(\"").skip(1))
        .filter(|rest| rest.contains("\", Token::"))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(words.len() > 40, "{words:?}");
    let grammars = grammars();
    let grammar = |scope: &str| &grammars.iter().find(|(s, _)| s == scope).expect("listed").1;
    let shared = listed(grammar("source.vex.common"));
    for spelling in Spelling::ALL {
        let own = listed(grammar(&format!("source.{}", spelling.name())));
        // A function's word is in a pattern of its own, with the name after it.
        let function = ["fn", "function", "F"];
        for word in &words {
            let known = own.contains(word) || shared.contains(word) || function.contains(word);
            assert!(
                known || keyword(word, spelling).is_none(),
                "{}: `{word}` has no colour",
                spelling.name()
            );
        }
        for word in own.iter().filter(|word| !["from", "as"].contains(word)) {
            assert!(keyword(word, spelling).is_some(), "{}: `{word}` is no keyword", spelling.name());
        }
    }
}
