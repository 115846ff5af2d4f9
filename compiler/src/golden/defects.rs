//! The directive `defect`: which memory errors a program should be reported for, and at which lines.
//!
//! What was reported is read off the JSON of `--checked`, one object a line on standard error.

use serde_json::Value;

use crate::defects::kind;

/// A line of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's name or the end of its path; the program itself without one.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: u32,
}

/// A memory error that a program should be reported for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Its kind's name; `leak` for any kind of leak.
    pub kind: String,
    /// Where it happens; where a leaked block was allocated.
    pub at: Place,
    /// Where else, by the word of the directive: `allocated`, `freed`, `reallocated`.
    pub also: Vec<(&'static str, Place)>,
}

/// The words before further places.
const WORDS: [&str; 3] = ["allocated", "freed", "reallocated"];

impl Expected {
    /// Reads what stands behind `defect:`, such as `use-after-free 12 allocated 9 freed 11`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Expected, String> {
        let mut words = text.split([' ', ',', ';']).filter(|word| !word.is_empty() && *word != "at");
        let kind = words.next().unwrap_or_default();
        if !kind::is_known(kind) {
            let known: Vec<&str> = kind::KINDS.iter().map(|(kind, _)| *kind).collect();
            return Err(format!("there is no kind of defect `{kind}`; there are leak, {}", known.join(", ")));
        }
        let mut place = |after: &str| match words.next() {
            Some(word) => Place::parse(word),
            None => Err(format!("a line is missing after `{after}`, as in `defect: double-free 9 freed 7`")),
        };
        let at = place(kind)?;
        let mut also = Vec::new();
        while let Some(word) = words.next() {
            let Some(word) = WORDS.into_iter().find(|known| *known == word) else {
                return Err(format!("`{word}` is none of {}", WORDS.join(", ")));
            };
            let Some(line) = words.next() else {
                return Err(format!("a line is missing after `{word}`"));
            };
            also.push((word, Place::parse(line)?));
        }
        Ok(Expected { kind: kind.to_owned(), at, also })
    }
}

impl Place {
    fn parse(word: &str) -> Result<Place, String> {
        let (file, line) = match word.rsplit_once(':') {
            Some((file, line)) => (Some(file.to_owned()), line),
            None => (None, word),
        };
        match line.parse() {
            Ok(line) if line > 0 => Ok(Place { file, line }),
            _ => Err(format!("`{word}` is no line; write `12`, or `module.vx:12`")),
        }
    }

    /// Whether an object with `file` and `line` is this place. `program` is the name of the program's file.
    fn is(&self, object: &Value, program: &str) -> bool {
        let file = object["file"].as_str().unwrap_or_default();
        let wanted = self.file.as_deref().unwrap_or(program);
        let same = file.strip_suffix(wanted).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
        same && object["line"].as_u64() == Some(self.line.into())
    }

    fn show(&self, program: &str) -> String {
        format!("{}:{}", self.file.as_deref().unwrap_or(program), self.line)
    }
}

/// What a program was reported for, and what people would have read.
pub(super) struct Reported {
    /// The objects of the defects.
    defects: Vec<Value>,
    /// Standard error as it is without JSON.
    pub text: String,
}

impl Reported {
    /// Takes the objects out of what was written to standard error.
    pub(super) fn read(stderr: &str) -> Reported {
        let mut reported = Reported { defects: Vec::new(), text: String::new() };
        for line in stderr.split_inclusive('\n') {
            let object = if line.starts_with('{') { serde_json::from_str::<Value>(line).ok() } else { None };
            match object.as_ref().and_then(|object| object["rendered"].as_str()) {
                Some(rendered) => reported.text.push_str(rendered),
                None => reported.text.push_str(line),
            }
            let is_defect = |object: &Value| object["kind"].as_str().is_some_and(kind::is_known);
            reported.defects.extend(object.filter(is_defect));
        }
        reported
    }

    /// Says what of the defects wanted is missing, and what was reported beyond them.
    pub(super) fn compare(&self, wanted: &[Expected], program: &str, wrong: &mut Vec<String>) {
        let mut left: Vec<&Value> = self.defects.iter().collect();
        for expected in wanted {
            let place = |object: &&Value| {
                let kind = object["kind"].as_str().unwrap_or_default();
                kind::matches(&expected.kind, kind) && expected.at.is(object, program)
            };
            let same = |object: &&Value| place(object) && missing(expected, object, program).is_empty();
            let found = left.iter().position(same).or_else(|| left.iter().position(place));
            let Some(found) = found else {
                wrong.push(format!("no {} at {}", expected.kind, expected.at.show(program)));
                continue;
            };
            wrong.extend(missing(expected, left.remove(found), program));
        }
        wrong.extend(left.into_iter().map(|object| format!("unexpected {}", show(object))));
    }
}

/// The further places that the report of a defect lacks.
fn missing(expected: &Expected, object: &Value, program: &str) -> Vec<String> {
    let block = &object["block"];
    let lacks = |(word, place): &&(&str, Place)| match *word {
        "reallocated" => {
            !block["reallocated"].as_array().into_iter().flatten().any(|site| place.is(site, program))
        }
        word => !place.is(&block[word], program),
    };
    let missing = expected.also.iter().filter(lacks);
    let said = |word: &str| match &block[word] {
        Value::Object(site) => format!(", but at {}", line(&Value::Object(site.clone()))),
        _ => String::new(),
    };
    missing
        .map(|(word, place)| format!("{}: not {word} at {}{}", show(object), place.show(program), said(word)))
        .collect()
}

/// A defect in a few words.
fn show(object: &Value) -> String {
    format!("{} at {}", object["kind"].as_str().unwrap_or_default(), line(object))
}

/// `file:line` of an object that has them.
fn line(object: &Value) -> String {
    match (object["file"].as_str(), object["line"].as_u64()) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        _ => "an unknown line".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STDERR: &str = concat!(
        "text\n",
        r#"{"kind":"use-after-free","file":"a.vx","line":12,"block":{"allocated":{"file":"a.vx","line":9},"freed":{"file":"lib/m.vx","line":3}},"rendered":"one\n"}"#,
        "\n",
        r#"{"kind":"leak-lost","file":"a.vx","line":5,"block":{"allocated":{"file":"a.vx","line":5}},"rendered":"two\n"}"#,
        "\n",
        r#"{"kind":"summary","rendered":"three\n"}"#,
        "\n{ no object\n",
    );

    fn compare(wanted: &[&str]) -> Vec<String> {
        let wanted: Vec<Expected> =
            wanted.iter().map(|text| Expected::parse(text).expect("a defect")).collect();
        let mut wrong = Vec::new();
        Reported::read(STDERR).compare(&wanted, "a.vx", &mut wrong);
        wrong
    }

    #[test]
    fn people_s_text_comes_back() {
        assert_eq!(Reported::read(STDERR).text, "text\none\ntwo\nthree\n{ no object\n");
    }

    #[test]
    fn exactly_the_wanted_lines_are_right() {
        assert!(compare(&["use-after-free 12 allocated 9 freed m.vx:3", "leak 5"]).is_empty());
        assert!(compare(&["leak-lost at 5; allocated 5", "use-after-free at a.vx:12"]).is_empty());
        assert_eq!(compare(&["leak 5"]), ["unexpected use-after-free at a.vx:12"]);
        let wrong =
            compare(&["use-after-free 12 allocated 8 freed lib/m.vx:3 reallocated 1", "leak-cyclic 5"]);
        assert_eq!(
            wrong,
            [
                "use-after-free at a.vx:12: not allocated at a.vx:8, but at a.vx:9",
                "use-after-free at a.vx:12: not reallocated at a.vx:1",
                "no leak-cyclic at a.vx:5",
                "unexpected leak-lost at a.vx:5",
            ]
        );
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, part) in [
            ("use-after-fre 1", "no kind of defect `use-after-fre`"),
            ("null", "a line is missing after `null`"),
            ("null x", "`x` is no line"),
            ("null 0", "`0` is no line"),
            ("null 1 allocatd 2", "`allocatd` is none of"),
            ("null 1 freed", "a line is missing after `freed`"),
        ] {
            let message = Expected::parse(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
