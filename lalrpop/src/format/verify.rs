//! Whether formatting changed anything but blanks.

use crate::ast::SourceUnit;
use crate::ast_print::print_ast;
use crate::lexer::{Lexed, lex};
use crate::parse::parse_file;
use crate::spelling::Spelling;
use crate::token::Token;

/// Position of the first byte of the texts that are compared.
const BASE: u32 = 1;

/// Compares tokens, comments and tree of two texts; `unit` is the tree of the first.
pub(super) fn same(before: &str, after: &str, spelling: Spelling, unit: &SourceUnit) -> Result<(), String> {
    let (old, new) = (lex(before, BASE, spelling), lex(after, BASE, spelling));
    differ("token", &words(before, &old), &words(after, &new))?;
    differ("comment", &comments(before, &old), &comments(after, &new))?;
    let (formatted, errors) = parse_file(after, BASE, spelling);
    if let Some(error) = errors.first() {
        return Err(format!("the formatted text does not parse: {}", error.title));
    }
    // Blanks at the ends of lines are part of a doc comment's text, and go all the same.
    let trimmed = trimmed(before, &old);
    let old = match trimmed == before {
        true => print_ast(unit, None),
        false => print_ast(&parse_file(&trimmed, BASE, spelling).0, None),
    };
    let new = print_ast(&formatted, None);
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    differ("part of the syntax tree", &lines(&old), &lines(&new))
}

fn differ(what: &str, before: &[String], after: &[String]) -> Result<(), String> {
    let common = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let show = |list: &[String]| list.get(common).map_or("nothing".to_owned(), |text| format!("`{text}`"));
    if common == before.len() && common == after.len() {
        return Ok(());
    }
    Err(format!("{what} {} was {} and would be {}", common + 1, show(before), show(after)))
}

/// The tokens but `;` and the commas before closing brackets, which the tree shows where they mean something.
fn words(text: &str, lexed: &Lexed) -> Vec<String> {
    let slice = |lo: u32, hi: u32| text.get((lo - BASE) as usize..(hi - BASE) as usize).unwrap_or("");
    let tokens = &lexed.tokens;
    let means = |index: usize| match tokens[index].token {
        Token::Semi => false,
        Token::Comma => !tokens.get(index + 1).is_some_and(|next| next.token.is_closer()),
        _ => true,
    };
    let word =
        |index: usize| format!("{:?} {}", tokens[index].token, slice(tokens[index].lo, tokens[index].hi));
    (0..tokens.len()).filter(|index| means(*index)).map(word).collect()
}

/// The text without the blanks at the ends of lines, but for those in strings over several lines.
fn trimmed(text: &str, lexed: &Lexed) -> String {
    let strings = lexed.tokens.iter().filter(|token| token.token == Token::Str);
    let ranges = strings.map(|token| ((token.lo - BASE) as usize, (token.hi - BASE) as usize));
    let several: Vec<(usize, usize)> = ranges.filter(|(lo, hi)| text[*lo..*hi].contains('\n')).collect();
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for line in text.split_inclusive('\n') {
        let end = at + line.trim_end_matches('\n').len();
        let next = several.partition_point(|(_, hi)| *hi <= end);
        let kept = several.get(next).is_some_and(|(lo, _)| *lo < end);
        out.push_str(if kept { &text[at..end] } else { text[at..end].trim_end() });
        out.push_str(&line[end - at..]);
        at += line.len();
    }
    out
}

fn comments(text: &str, lexed: &Lexed) -> Vec<String> {
    let lines = |comment: &str| comment.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let slice = |lo: u32, hi: u32| text.get((lo - BASE) as usize..(hi - BASE) as usize).unwrap_or("");
    lexed.comments.iter().map(|comment| lines(slice(comment.span.lo, comment.span.hi))).collect()
}
