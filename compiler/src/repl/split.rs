//! Lines to inputs: where one input ends and the next begins.
//!
//! Lines are gathered until brackets and comments are closed and the last statement does not end too early. Whether
//! a statement is complete takes a parse, so it is asked only where the brackets allow a yes, and only about the last
//! statement: a long text is read once, not once for each of its lines.

use vex_syntax::lexer::{Lexeme, lex};
use vex_syntax::token::Token;
use vex_syntax::{Spelling, is_incomplete};

use crate::stack::on_deep_stack;

/// One whole input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    /// Its lines, without the last newline.
    pub text: String,
    /// The lines of comments before a `:command`, which is fed without them.
    pub comments: String,
    /// Whether it is a `:command`.
    pub command: bool,
    /// Whether a line of it was not text, so that it must not run.
    pub damaged: bool,
}

/// Gathers lines to inputs.
#[derive(Debug)]
pub(super) struct Splitter {
    spelling: Spelling,
    /// Whether a complete input waits for the next line, which may go on with it (`else`, `.method()`).
    look_ahead: bool,
    /// The lines so far.
    text: String,
    /// Where in `text` the last statement outside all brackets starts.
    statement: usize,
    open: Brackets,
    /// Block comments that are open; they nest.
    comments: u32,
    /// A string between three quotes is open.
    quoted: bool,
    /// The last token.
    last: Option<Token>,
    /// Whether the last line with anything on it was a `///` comment, which waits for its item.
    documented: bool,
    /// Length of the input in `text` that is complete unless the next line goes on with it.
    complete: Option<usize>,
    damaged: bool,
}

impl Splitter {
    /// For texts in this spelling. With `look_ahead`, an input is given out when the line after it is known.
    pub(super) fn new(spelling: Spelling, look_ahead: bool) -> Splitter {
        Splitter {
            spelling,
            look_ahead,
            text: String::new(),
            statement: 0,
            open: Brackets::default(),
            comments: 0,
            quoted: false,
            last: None,
            documented: false,
            complete: None,
            damaged: false,
        }
    }

    /// The spelling of the lines to come.
    pub(super) fn set_spelling(&mut self, spelling: Spelling) {
        self.spelling = spelling;
    }

    /// Forgets what was gathered.
    pub(super) fn clear(&mut self) {
        *self = Splitter::new(self.spelling, self.look_ahead);
    }

    /// Whether something has begun that only further lines can complete.
    pub(super) fn is_open(&self) -> bool {
        self.complete.is_none() && self.has_begun()
    }

    /// Whether an input has begun, complete or not. Comments alone are none, unless they are open or wait for what they
    /// describe.
    pub(super) fn has_begun(&self) -> bool {
        self.last.is_some() || self.comments > 0 || self.documented
    }

    /// Adds a line without its newline; `damaged` when it was not text and had to be made some. Returns the inputs
    /// that end before or with it.
    pub(super) fn push(&mut self, line: &str, damaged: bool) -> Vec<Input> {
        let mut done = Vec::new();
        let may_begin = self.comments == 0 && (self.last.is_none() || self.complete.is_some());
        if may_begin && line.trim_start().starts_with(':') {
            done.extend(self.take_complete());
            let comments = std::mem::take(&mut self.text);
            self.clear();
            done.push(Input { text: line.trim().into(), comments, command: true, damaged });
            return done;
        }
        self.drop_blank_lines();
        let before = (self.comments, self.open.depth, self.quoted);
        let tokens = self.read(line);
        if let Some(first) = tokens.first() {
            let goes_on = first.token.continues_statement();
            if self.complete.is_some() && !goes_on {
                done.extend(self.take_complete());
            }
            let ended = self.last.is_none_or(Token::can_end_statement);
            if before == (0, 0, false) && ended && !goes_on {
                self.statement = self.text.len();
            }
            self.complete = None;
        }
        self.add(line, &tokens, damaged);
        if self.complete.is_none() && self.ends_here(&tokens) {
            self.complete = Some(self.text.len());
            if !self.look_ahead {
                done.extend(self.take_complete());
            }
        }
        done
    }

    /// Ends the text: returns what is left, complete or not.
    pub(super) fn finish(&mut self) -> Option<Input> {
        let rest = match self.complete {
            Some(_) => self.take_complete(),
            None if self.last.is_none() && self.comments == 0 => None,
            None => Some(self.input(self.text.trim_end())),
        };
        self.clear();
        rest
    }

    fn input(&self, text: &str) -> Input {
        Input { text: text.into(), comments: String::new(), command: false, damaged: self.damaged }
    }

    /// Takes the complete input out; comments after it stay.
    fn take_complete(&mut self) -> Option<Input> {
        let end = self.complete.take()?;
        let input = self.input(self.text[..end].trim_end());
        self.text.drain(..end);
        self.drop_blank_lines();
        self.statement = 0;
        self.last = None;
        self.damaged = false;
        Some(input)
    }

    /// An input starts with its first line that holds something.
    fn drop_blank_lines(&mut self) {
        if self.text.trim_start().is_empty() {
            self.text.clear();
        }
    }

    /// The tokens of a line, after what belongs to comments and strings from before; follows both.
    fn read(&mut self, line: &str) -> Vec<Lexeme> {
        let start = match self.comments {
            0 if self.quoted => match quotes_end(line) {
                Some(end) => end,
                None => return Vec::new(),
            },
            0 => 0,
            open => {
                let (end, open) = skip_comments(line, open);
                self.comments = open;
                end
            }
        };
        let rest = &line[start..];
        let mut lexed = lex(rest, 1, self.spelling);
        self.quoted = lexed.tokens.last().is_some_and(|last| {
            let text = &rest[last.lo as usize - 1..last.hi as usize - 1];
            text.strip_prefix(QUOTES).is_some_and(|inside| quotes_end(inside).is_none())
        });
        if let Some(comment) = lexed.comments.last() {
            self.documented = comment.doc && lexed.tokens.is_empty();
            let lo = comment.span.lo as usize - 1;
            if rest[lo..].starts_with("/*") {
                self.comments = skip_comments(&rest[lo..], 0).1;
            }
        } else if !lexed.tokens.is_empty() {
            self.documented = false;
        }
        std::mem::take(&mut lexed.tokens)
    }

    fn add(&mut self, line: &str, tokens: &[Lexeme], damaged: bool) {
        self.text.push_str(line);
        self.text.push('\n');
        self.damaged |= damaged;
        for lexeme in tokens {
            self.open.step(lexeme.token);
            self.last = Some(lexeme.token);
        }
    }

    /// Whether the text so far is a whole input, given the tokens of its last line.
    fn ends_here(&self, tokens: &[Lexeme]) -> bool {
        if self.comments > 0 || self.quoted || self.open.depth > 0 || self.last.is_none() {
            return false;
        }
        // Nothing that ends with a brace wants more, and that is how long inputs end.
        let closed = tokens.last().is_some_and(|last| last.token == Token::RBrace);
        closed || on_deep_stack(|| !is_incomplete(&self.text[self.statement..], self.spelling))
    }
}

/// What stands at both ends of a string over several lines.
const QUOTES: &str = "\"\"\"";

/// Behind the quotes that close a string over several lines which reaches into `line`.
fn quotes_end(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    let mut at = 0;
    loop {
        match bytes.get(at..)? {
            [b'"', b'"', b'"', ..] => return Some(at + QUOTES.len()),
            [b'\\', b'"' | b'\\', ..] => at += 2,
            [_, ..] => at += 1,
            [] => return None,
        }
    }
}

/// Where the `open` comments that reach into `text` end, and how many are open after that. With none open, `text`
/// starts with one.
fn skip_comments(text: &str, mut open: u32) -> (usize, u32) {
    let (bytes, mut at) = (text.as_bytes(), 0);
    loop {
        match bytes.get(at..) {
            Some([b'*', b'/', ..]) => (at, open) = (at + 2, open - 1),
            Some([b'/', b'*', ..]) => (at, open) = (at + 2, open + 1),
            Some([_, ..]) => at += 1,
            _ => return (text.len(), open),
        }
        if open == 0 {
            return (at, 0);
        }
    }
}

/// The brackets that are open, by the rules that the parser repairs them by.
#[derive(Debug, Default)]
struct Brackets {
    /// What closes each of them, the innermost last.
    closers: Vec<Token>,
    /// How many `closers` there are.
    depth: usize,
    /// How many of each kind, by [`kind`].
    counts: [usize; 3],
}

impl Brackets {
    fn step(&mut self, token: Token) {
        if let Some(closer) = token.closer() {
            self.closers.push(closer);
            self.counts[kind(closer)] += 1;
        } else if token.is_closer() {
            self.close(token);
        }
        self.depth = self.closers.len();
    }

    fn close(&mut self, token: Token) {
        if self.counts[kind(token)] > 0 {
            // Those inside it that miss their closer end with it.
            while let Some(closer) = self.pop() {
                if closer == token {
                    break;
                }
            }
        } else if self.closers.last().is_some_and(|last| *last != Token::RBrace) {
            // The wrong closer for this bracket. Without any, it closes nothing.
            self.pop();
        }
    }

    fn pop(&mut self) -> Option<Token> {
        let closer = self.closers.pop()?;
        self.counts[kind(closer)] -= 1;
        Some(closer)
    }
}

fn kind(closer: Token) -> usize {
    match closer {
        Token::RParen => 0,
        Token::RBracket => 1,
        _ => 2,
    }
}

/// Whether an entry needs more lines.
pub(super) fn wants_more(entry: &str, spelling: Spelling) -> bool {
    let mut splitter = Splitter::new(spelling, true);
    for line in entry.lines() {
        splitter.push(line, false);
    }
    splitter.is_open()
}

/// The length of the first part of an entry that is fed by itself: a command, or all lines before the next one.
pub(super) fn first_part(entry: &str, spelling: Spelling) -> usize {
    let mut splitter = Splitter::new(spelling, true);
    let mut end = 0;
    for line in entry.split_inclusive('\n') {
        let command = splitter.push(line.trim_end_matches('\n'), false).iter().any(|input| input.command);
        if command && !entry[..end].trim().is_empty() {
            return end;
        }
        end += line.len();
        if command {
            return end;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn split(text: &str, look_ahead: bool) -> Vec<String> {
        let mut splitter = Splitter::new(Spelling::Vex, look_ahead);
        let mut inputs: Vec<Input> = text.lines().flat_map(|line| splitter.push(line, false)).collect();
        inputs.extend(splitter.finish());
        inputs.into_iter().map(|input| input.text).collect()
    }

    #[test]
    fn lines_make_inputs() {
        assert_eq!(split("a\n\nb", false), ["a", "b"]);
        assert_eq!(split("fn f() {\n\n  1\n}\nf()", false), ["fn f() {\n\n  1\n}", "f()"]);
        assert_eq!(split("let x =\n1\nx +\n2", false), ["let x =\n1", "x +\n2"]);
        assert_eq!(split("f(\")\",\n1)\ng", false), ["f(\")\",\n1)", "g"]);
        assert_eq!(split("fn f()\n{ }\ng", false), ["fn f()\n{ }", "g"]);
        assert_eq!(split("[1, // ]\n2]\na]\nb", false), ["[1, // ]\n2]", "a]", "b"]);
        assert_eq!(split("(a\n]\nb", false), ["(a\n]", "b"]);
        assert_eq!(split("{ (a\n}\nb", false), ["{ (a\n}", "b"]);
        assert_eq!(split("fn f() {", false), ["fn f() {"]);
        assert_eq!(split("= =\nb", false), ["= =", "b"]);
        assert_eq!(split("\"open\nb", false), ["\"open", "b"]);
        assert_eq!(split("f(\"\"\"\n:a (\n\n\"\"\", 1)\nb", false), ["f(\"\"\"\n:a (\n\n\"\"\", 1)", "b"]);
        assert_eq!(
            split("x = \"\"\"\n\\\"\"\" //\n\"\"\"\nb", true),
            ["x = \"\"\"\n\\\"\"\" //\n\"\"\"", "b"]
        );
        assert_eq!(split("impl S {\nfn a() {\n}\n}\nb", false), ["impl S {\nfn a() {\n}\n}", "b"]);
    }

    #[test]
    fn commands_take_their_line() {
        assert_eq!(split(":type (\n a", false), [":type (", " a"]);
        assert_eq!(split("a\n  :help\nb", true), ["a", ":help", "b"]);
        assert_eq!(split("f(a\n:b)", false), ["f(a\n:b)"]);
        assert_eq!(split("// only words\n:help", false), [":help"]);
        assert_eq!(split("x ?\n1\n: 2", false), ["x ?\n1\n: 2"]);
    }

    #[test]
    fn comments_stay_with_what_follows() {
        assert_eq!(split("/// What\nfn f() { }\n", true), ["/// What\nfn f() { }"]);
        assert_eq!(split("a\n/// What\nfn f() { }\n// end", true), ["a", "/// What\nfn f() { }"]);
        assert_eq!(split("/* a /* b\n*/ {\n*/ c\nd", false), ["/* a /* b\n*/ {\n*/ c", "d"]);
        assert_eq!(split("a /* b\n*/ + c\nd", true), ["a /* b\n*/ + c", "d"]);
        assert_eq!(split("/* never closed\na", false), ["/* never closed\na"]);
        assert!(split("// nothing\n\n/* at all */", false).is_empty());
    }

    #[test]
    fn the_next_line_may_go_on_when_it_is_known() {
        let text = "if a { }\n\nelse { }\nb\n  .c()\n+ d\ne";
        assert_eq!(split(text, true), ["if a { }\n\nelse { }", "b\n  .c()\n+ d", "e"]);
        assert_eq!(split("a\n.b", false), ["a", ".b"]);
    }

    #[test]
    fn entries_want_more_until_they_are_whole() {
        for open in [
            "fn f() {",
            "f(\n\n",
            "let x =",
            "/* a",
            "/// doc",
            "a\nfn f() {",
            ":help\nfn f() {",
            "x = \"\"\"\na",
        ] {
            assert!(wants_more(open, Spelling::Vex), "{open}");
        }
        for whole in ["", " ", "a", ":type (", "fn f() {\n}", "// a", "a\n:help", "= ="] {
            assert!(!wants_more(whole, Spelling::Vex), "{whole}");
        }
        assert!(!wants_more("# a (", Spelling::Vais));
    }

    #[test]
    fn entries_come_apart_at_commands_only() {
        let parts = |entry: &str| {
            let (mut parts, mut rest) = (Vec::new(), entry.to_owned());
            while !rest.is_empty() {
                let after = rest.split_off(first_part(&rest, Spelling::Vex));
                parts.push(std::mem::replace(&mut rest, after));
            }
            parts
        };
        assert_eq!(parts("a\nb\n:help\n:vars\nc\nd"), ["a\nb\n", ":help\n", ":vars\n", "c\nd"]);
        assert_eq!(parts("\n:help"), ["\n:help"]);
        assert_eq!(parts("f(a\n:b)"), ["f(a\n:b)"]);
    }

    #[test]
    fn a_line_that_is_no_text_damages_its_whole_input() {
        let mut splitter = Splitter::new(Spelling::Vex, false);
        assert!(splitter.push("fn f() { \u{FFFD}", true).is_empty());
        let inputs = splitter.push("}", false);
        assert!(inputs[0].damaged && inputs.len() == 1);
        assert!(!splitter.push("a", false)[0].damaged);
    }

    #[test]
    fn a_long_paste_takes_linear_time() {
        let function = format!("fn f() {{\n{}}}\n", "    let value = f(1, [2])\n".repeat(40_000));
        let array = format!("let a = [\n{}]\n", "    1, 2, 3, 4,\n".repeat(60_000));
        let heads = "fn f()\n".repeat(20_000);
        let start = Instant::now();
        assert_eq!(split(&function, false).len(), 1);
        assert_eq!(split(&array, true).len(), 1);
        assert_eq!(split(&heads, true).len(), 1);
        assert_eq!(split(&("/* */\n".repeat(50_000) + "/*\n" + &"/* */\n".repeat(50_000)), false).len(), 1);
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}
