//! Colours for what is being typed: words and signs by their kind, and the brackets that belong to the cursor.

use std::ops::Range;

use vex_syntax::Spelling;
use vex_syntax::lexer::{Lexeme, lex};
use vex_syntax::token::Token;

const COMMAND: &str = "\x1b[1m";
const KEYWORD: &str = "\x1b[35m";
const STRING: &str = "\x1b[32m";
const NUMBER: &str = "\x1b[36m";
const BUILTIN: &str = "\x1b[33m";
const COMMENT: &str = "\x1b[90m";
const WRONG: &str = "\x1b[31m";
const BRACKET: &str = "\x1b[1;4;33m";
const RESET: &str = "\x1b[0m";

/// The text with escape sequences for colours put in, and nothing else changed. The cursor, where there is one, is at
/// byte `cursor`; the bracket there and its partner stand out.
pub(super) fn highlight(text: &str, cursor: Option<usize>, spelling: Spelling) -> String {
    let (command, tokens, comments) = read(text, spelling);
    let mut spans: Vec<(Range<usize>, &str)> = Vec::with_capacity(tokens.len() + comments.len() + 1);
    spans.extend((command > 0).then_some((0..command, COMMAND)));
    spans.extend(comments.into_iter().map(|range| (range, COMMENT)));
    spans.extend(tokens.iter().filter_map(|lexeme| Some((range(lexeme), style(lexeme.token)?))));
    if let Some(pair) = cursor.and_then(|cursor| pair_at(&tokens, cursor)) {
        spans.extend(pair.map(|range| (range, BRACKET)));
    }
    spans.sort_by_key(|(range, _)| range.start);
    let mut out = String::with_capacity(text.len() + spans.len() * 10);
    let mut at = 0;
    for (range, style) in spans {
        out.push_str(&text[at..range.start]);
        out.push_str(style);
        out.push_str(&text[range.clone()]);
        out.push_str(RESET);
        at = range.end;
    }
    out.push_str(&text[at..]);
    out
}

/// The bracket at the cursor, or just before it, and its partner, if there are both.
pub(super) fn brackets_at(text: &str, cursor: usize, spelling: Spelling) -> Option<[Range<usize>; 2]> {
    pair_at(&read(text, spelling).1, cursor)
}

/// The length of a command's name, then the tokens and the comments after it.
fn read(text: &str, spelling: Spelling) -> (usize, Vec<Lexeme>, Vec<Range<usize>>) {
    let command = match text.trim_start().starts_with(':') {
        true => {
            let name = text.len() - text.trim_start().len();
            name + text[name..].find(char::is_whitespace).unwrap_or(text.len() - name)
        }
        false => 0,
    };
    // Positions become those in the whole text.
    let mut lexed = lex(&text[command..], 1, spelling);
    for lexeme in &mut lexed.tokens {
        (lexeme.lo, lexeme.hi) = (lexeme.lo - 1 + command as u32, lexeme.hi - 1 + command as u32);
    }
    let comments = lexed.comments.iter().map(|comment| {
        let (lo, hi) = (comment.span.lo as usize, comment.span.hi as usize);
        lo - 1 + command..hi - 1 + command
    });
    (command, lexed.tokens, comments.collect())
}

fn range(lexeme: &Lexeme) -> Range<usize> {
    lexeme.lo as usize..lexeme.hi as usize
}

fn pair_at(tokens: &[Lexeme], cursor: usize) -> Option<[Range<usize>; 2]> {
    let bracket = |lexeme: &Lexeme| lexeme.token.closer().is_some() || lexeme.token.is_closer();
    // Under the cursor if there is one, else before it.
    let after = tokens.partition_point(|lexeme| (lexeme.lo as usize) < cursor);
    let under = (after < tokens.len() && tokens[after].lo as usize == cursor).then_some(after);
    let before = after.checked_sub(1).filter(|index| tokens[*index].hi as usize == cursor);
    let at = [under, before].into_iter().flatten().find(|index| bracket(&tokens[*index]))?;
    let opens = tokens[at].token.closer().is_some();
    let mut depth = 0usize;
    let mut matches = |index: &usize| {
        let token = tokens[*index].token;
        if token.closer().is_some() == opens && bracket(&tokens[*index]) {
            depth += 1;
        } else if bracket(&tokens[*index]) {
            depth -= 1;
        }
        depth == 0
    };
    let partner =
        if opens { (at..tokens.len()).find(&mut matches) } else { (0..=at).rev().find(&mut matches) }?;
    let (opener, closer) = (tokens[at.min(partner)].token, tokens[at.max(partner)].token);
    (opener.closer() == Some(closer)).then(|| [range(&tokens[at]), range(&tokens[partner])])
}

/// How a token looks, unless it looks like nothing special.
fn style(token: Token) -> Option<&'static str> {
    use Token::*;
    Some(match token {
        Str | Char => STRING,
        Int | Float | True | False | Null => NUMBER,
        Builtin => BUILTIN,
        Error => WRONG,
        Fn | Struct | Enum | Match | Trait | Impl | Let | Var | Const | Global | Mut | Move | Pub | If
        | Elif | Else | While | For | In | Loop | AnyLoop | Return | Break | Continue | Defer | Unsafe
        | Import | From | As | Extern | ElseOrEnum | ConstOrContinue => KEYWORD,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// The coloured text with the escape sequences as marks.
    fn marked(text: &str, cursor: Option<usize>) -> String {
        let mut out = highlight(text, cursor, Spelling::Vex);
        for (code, mark) in [
            (COMMAND, "<:"),
            (KEYWORD, "<k"),
            (STRING, "<s"),
            (NUMBER, "<n"),
            (BUILTIN, "<b"),
            (COMMENT, "<c"),
            (WRONG, "<w"),
            (BRACKET, "<("),
            (RESET, ">"),
        ] {
            out = out.replace(code, mark);
        }
        out
    }

    #[test]
    fn words_and_signs_look_by_their_kind() {
        assert_eq!(marked("let a = f(1, \"b\") // c", None), "<klet> a = f(<n1>, <s\"b\">) <c// c>");
        assert_eq!(marked(":type let", None), "<::type> <klet>");
        assert_eq!(marked("$panic(/* a\nb */ true)", None), "<b$panic>(<c/* a\nb */> <ntrue>)");
        assert_eq!(marked("\"open", None), "<s\"open>");
        assert_eq!(marked("", Some(0)), "");
    }

    #[test]
    fn brackets_show_their_partner() {
        assert_eq!(marked("f(a[1])", Some(1)), "f<((>a[<n1>]<()>");
        assert_eq!(marked("f(a[1])", Some(7)), "f<((>a[<n1>]<()>");
        assert_eq!(marked("f(a[1])", Some(6)), "f<((>a[<n1>]<()>");
        assert_eq!(marked("f(a[1])", Some(3)), "f(a<([><n1><(]>)");
        assert_eq!(marked("f(\")\")", Some(1)), "f<((><s\")\"><()>");
        for (text, cursor) in [("f(a]", 1), ("(", 0), (")", 0), ("a b", 1), ("f(ab)", 3)] {
            assert!(!marked(text, Some(cursor)).contains("<("), "{text}");
        }
    }

    #[test]
    fn any_text_keeps_its_characters() {
        let texts = [
            "\0\u{1b}]'\"\\",
            "“ü” − \u{FEFF}#!x\n\t",
            ":",
            ": \n:",
            "((((]]]]",
            "/* /* */",
            "1..=2 t.0.1",
            ">>= a<b<c>>",
        ];
        for text in texts {
            for cursor in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                for spelling in Spelling::ALL {
                    let mut out = highlight(text, Some(cursor), spelling);
                    for code in [COMMAND, KEYWORD, STRING, NUMBER, BUILTIN, COMMENT, WRONG, BRACKET, RESET] {
                        out = out.replace(code, "");
                    }
                    assert_eq!(out, text);
                }
            }
        }
    }

    #[test]
    fn long_texts_take_linear_time() {
        let text = "(".repeat(250_000) + &"let a = [1] ".repeat(20_000) + &")".repeat(250_000);
        let start = Instant::now();
        assert!(brackets_at(&text, 0, Spelling::Vex).is_some());
        assert!(highlight(&text, Some(text.len()), Spelling::Vex).len() > text.len());
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}
