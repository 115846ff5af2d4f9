//! Source as HTML: words and signs by their kind, names of types as links.

use vex_syntax::Spelling;
use vex_syntax::lexer::lex;
use vex_syntax::token::Token;

/// A text with the characters that mean something in HTML replaced, also inside quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // No document may hold these.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

/// The class of a token; `None` for one that looks like nothing special.
fn class(token: Token, text: &str) -> Option<&'static str> {
    Some(match token {
        Token::Str | Token::Char => "s",
        Token::Int | Token::Float | Token::True | Token::False | Token::Null => "n",
        Token::Builtin => "b",
        Token::Name | Token::Error => return None,
        // What is left of the words are those that mean something.
        _ if text.starts_with(|c: char| c.is_alphabetic()) => "k",
        _ => return None,
    })
}

/// The text with its tokens marked; `link` says where a name leads.
pub(super) fn highlight(text: &str, spelling: Spelling, link: &dyn Fn(&str) -> Option<String>) -> String {
    let lexed = lex(text, 0, spelling);
    let comments = lexed.comments.iter().map(|comment| (comment.span.lo, comment.span.hi, None));
    let tokens = lexed.tokens.iter().map(|token| (token.lo, token.hi, Some(token.token)));
    let mut pieces: Vec<(u32, u32, Option<Token>)> = comments.chain(tokens).collect();
    pieces.sort_by_key(|piece| piece.0);
    let (mut out, mut at) = (String::with_capacity(text.len() * 2), 0);
    for (lo, hi, token) in pieces {
        let (lo, hi) = (lo as usize, hi as usize);
        out.push_str(&escape(&text[at..lo]));
        let piece = &text[lo..hi];
        let shown = escape(piece);
        let class = token.map_or(Some("c"), |token| class(token, piece));
        match (class, token) {
            (Some(class), _) => out.push_str(&format!("<span class=\"{class}\">{shown}</span>")),
            (None, Some(Token::Name)) => match link(piece) {
                Some(href) => out.push_str(&format!("<a href=\"{}\">{shown}</a>", escape(&href))),
                None => out.push_str(&shown),
            },
            (None, _) => out.push_str(&shown),
        }
        at = hi;
    }
    out.push_str(&escape(&text[at..]));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_marked_and_names_lead_somewhere() {
        let link = |name: &str| (name == "Vec").then(|| "std.vec.html#Vec".to_owned());
        let html = |text: &str| highlight(text, Spelling::Vex, &link);
        assert_eq!(
            html("fn f(v: &Vec<T>) // <b>"),
            "<span class=\"k\">fn</span> f(v: &amp;<a href=\"std.vec.html#Vec\">Vec</a>&lt;T&gt;) \
             <span class=\"c\">// &lt;b&gt;</span>"
        );
        assert_eq!(html("\"<&'\""), "<span class=\"s\">&quot;&lt;&amp;&#39;&quot;</span>");
        assert_eq!(html("a\u{1b} ü"), "a\u{FFFD} ü");
    }
}
