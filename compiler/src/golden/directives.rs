//! Directives: what a program's comments say about how to run it.

use std::time::Duration;

use vex_syntax::Spelling;

use super::defects::Expected;

/// What a program asks of the runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directives {
    /// The exit status it should end with; 0, or 1 when it should not compile, or 99 when it has memory errors.
    pub exit: i32,
    /// Arguments the program gets.
    pub args: Vec<String>,
    /// Options of `vexc run`.
    pub flags: Vec<String>,
    /// Codes of the errors the compiler should report, no others.
    pub errors: Vec<String>,
    /// Memory errors that `--checked` should report, no others.
    pub defects: Vec<Expected>,
    /// Texts that should appear on standard error.
    pub stderr: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// Why it should not be run.
    pub skip: Option<String>,
}

/// Seconds a program may take unless it says otherwise.
const TIMEOUT: u64 = 60;

impl Directives {
    /// Reads the directives of a program's source.
    ///
    /// # Errors
    ///
    /// One message a directive that is unknown or wrong, with its line.
    pub fn parse(source: &str, spelling: Spelling) -> Result<Directives, Vec<String>> {
        let mut found = Directives {
            exit: 0,
            args: Vec::new(),
            flags: Vec::new(),
            errors: Vec::new(),
            defects: Vec::new(),
            stderr: Vec::new(),
            timeout: Duration::from_secs(TIMEOUT),
            skip: None,
        };
        let mut exit = None;
        let mut wrong = Vec::new();
        for (number, line) in source.lines().enumerate() {
            let rest = match spelling {
                Spelling::Vais => line.strip_prefix("#@").or_else(|| line.strip_prefix("//@")),
                Spelling::Vex | Spelling::Vera => line.strip_prefix("//@"),
            };
            if let Some(rest) = rest
                && let Err(message) = found.apply(rest.trim(), &mut exit)
            {
                wrong.push(format!("line {}: {message}", number + 1));
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        found.exit = exit.unwrap_or(match (found.errors.is_empty(), found.defects.is_empty()) {
            (true, true) => 0,
            (true, false) => 99,
            (false, _) => 1,
        });
        Ok(found)
    }

    /// Takes one directive, `key: value`.
    fn apply(&mut self, text: &str, exit: &mut Option<i32>) -> Result<(), String> {
        let Some((key, value)) = text.split_once(':') else {
            return Err(format!("`{text}` is not a directive; they look like `exit: 3`"));
        };
        let (key, value) = (key.trim(), value.trim());
        if value.is_empty() {
            return Err(format!("the directive `{key}` needs a value"));
        }
        match key {
            "exit" => {
                let status =
                    value.parse::<u8>().map_err(|_| format!("`{value}` is not an exit status, 0 to 255"))?;
                if exit.replace(status.into()).is_some() {
                    return Err("the exit status is given twice".into());
                }
            }
            "args" => self.args.append(&mut words(value)?),
            "flags" => self.flags.append(&mut words(value)?),
            "error" => {
                self.errors.extend(value.split([',', ' ']).filter(|c| !c.is_empty()).map(String::from))
            }
            "defect" => self.defects.push(Expected::parse(value)?),
            "stderr" => self.stderr.push(value.into()),
            "timeout" => {
                let seconds = value.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
                self.timeout = seconds.ok_or_else(|| format!("`{value}` is not a number of seconds"))?;
            }
            "skip" => self.skip = Some(value.into()),
            _ => {
                return Err(format!(
                    "there is no directive `{key}`; there are exit, args, flags, error, defect, stderr, timeout and skip"
                ));
            }
        }
        Ok(())
    }
}

/// Splits into words at spaces; quotes of either kind keep spaces.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => word.get_or_insert_default().push(c),
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(format!("a quote is not closed in `{text}`"));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vex(source: &str) -> Result<Directives, Vec<String>> {
        Directives::parse(source, Spelling::Vex)
    }

    #[test]
    fn all_kinds_are_read() {
        let source = "//@ exit: 3\n//@args: a 'b c' \"\"\n//@ flags: --opt none\nfn main() {}\n//@ stderr: one: two\n\
                      //@ timeout: 0.5\n//@ skip: too slow\n  //@ indented: ignored\n#@ exit: 9";
        let found = vex(source).expect("all known");
        assert_eq!(found.exit, 3);
        assert_eq!(found.args, ["a", "b c", ""]);
        assert_eq!(found.flags, ["--opt", "none"]);
        assert_eq!(found.stderr, ["one: two"]);
        assert_eq!(found.timeout, Duration::from_millis(500));
        assert_eq!(found.skip.as_deref(), Some("too slow"));
        assert_eq!(Directives::parse("#@ exit: 9", Spelling::Vais).expect("known").exit, 9);
    }

    #[test]
    fn an_expected_error_changes_the_default_status() {
        let found = vex("//@ error: E0101, E0102\n//@ error: E0300").expect("known");
        assert_eq!(found.errors, ["E0101", "E0102", "E0300"]);
        assert_eq!(found.exit, 1);
    }

    #[test]
    fn an_expected_defect_changes_the_default_status() {
        let found = vex("//@ defect: double-free 9 freed 7\n//@ defect: leak 3").expect("known");
        assert_eq!(found.defects.len(), 2);
        assert_eq!(found.exit, 99);
        assert_eq!(vex("//@ defect: leak 3\n//@ exit: 101").expect("known").exit, 101);
    }

    #[test]
    fn mistakes_name_their_line() {
        for (source, part) in [
            ("\n//@ exti: 1", "line 2: there is no directive `exti`"),
            ("//@ exit: 256", "not an exit status"),
            ("//@ exit: 1\n//@ exit: 2", "given twice"),
            ("//@ exit", "is not a directive"),
            ("//@ skip:", "needs a value"),
            ("//@ timeout: -1", "not a number of seconds"),
            ("//@ defect: leak", "a line is missing"),
            ("//@ args: 'a", "quote is not closed"),
        ] {
            let wrong = vex(source).expect_err(source);
            assert!(wrong[0].contains(part), "{source:?}: {wrong:?}");
        }
    }
}
