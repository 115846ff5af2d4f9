//! Decides which `<` open type arguments.
//!
//! A `<` directly after a name opens type arguments when what follows reads as a list of types up to its `>`, and the
//! token after the `>` shows that no comparison was meant: `(`, `.`, `{`, `::`, or one that cannot start an operand.

use crate::lexer::Lexeme;
use crate::spelling::Spelling;
use crate::spelling_table::{contextual, keyword};
use crate::token::Token;

/// How far a list of type arguments is looked for; keeps the scan linear whatever the text.
const LONGEST_LIST: usize = 256;
/// Deepest nesting of type arguments.
const DEEPEST: u32 = 48;

/// Marks the brackets of the type arguments that open at `tokens[at]`, a `<`, if it opens any. `declares`: whether it
/// stands where no comparison can, whatever follows.
pub(crate) fn mark(
    tokens: &mut [Lexeme],
    at: usize,
    declares: bool,
    text: &str,
    base: u32,
    spelling: Spelling,
) {
    let end = tokens.len().min(at + LONGEST_LIST);
    let mut scan =
        Scan { tokens: &tokens[..end], text, base, spelling, at, marks: Vec::new(), outer_comma: false };
    if scan.list(0).is_none() {
        return;
    }
    let (close, marks, comma) = (scan.at - 1, std::mem::take(&mut scan.marks), scan.outer_comma);
    if declares || closes_types(tokens, close, comma, text, base, spelling) {
        for (index, token) in marks {
            tokens[index].token = token;
        }
    }
}

/// Whether the token after the `>` at `close` allows it to close type arguments.
fn closes_types(
    tokens: &[Lexeme],
    close: usize,
    comma: bool,
    text: &str,
    base: u32,
    spelling: Spelling,
) -> bool {
    use Token::*;
    let Some(next) = tokens.get(close + 1) else { return true };
    if next.newline_before {
        return true;
    }
    let adjacent = next.lo == tokens[close].hi;
    match next.token {
        Name => {
            let word = &text[(next.lo - base) as usize..(next.hi - base) as usize];
            word == contextual::AS || matches!(keyword(word, spelling), Some(For | In | If | Else))
        }
        Bang | Gt | Ge => adjacent && next.token == Bang,
        Int | Float | Str | Char | At | Builtin | LBracket | Tilde => false,
        Minus | Star | Amp => !comma,
        _ => true,
    }
}

struct Scan<'a> {
    tokens: &'a [Lexeme],
    text: &'a str,
    base: u32,
    spelling: Spelling,
    at: usize,
    marks: Vec<(usize, Token)>,
    outer_comma: bool,
}

impl Scan<'_> {
    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).map(|t| t.token)
    }

    fn eat(&mut self, token: Token) -> Option<()> {
        (self.peek()? == token).then(|| self.at += 1)
    }

    /// `<` items `>`; the scan stands at the `<`.
    fn list(&mut self, depth: u32) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        self.marks.push((self.at, Token::LAngle));
        self.at += 1;
        loop {
            self.ty(depth)?;
            if self.eat(Token::Colon).is_some() {
                self.ty(depth)?;
                while self.eat(Token::Plus).is_some() {
                    self.ty(depth)?;
                }
            }
            if self.eat(Token::Comma).is_some() {
                self.outer_comma |= depth == 0;
                if self.peek()? != Token::Gt {
                    continue;
                }
            }
            self.marks.push((self.at, Token::RAngle));
            return self.eat(Token::Gt);
        }
    }

    fn ty(&mut self, depth: u32) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        while matches!(self.peek()?, Token::Star | Token::Amp | Token::AndAnd) {
            self.at += 1;
        }
        match self.peek()? {
            Token::Name if self.word_is(Token::Fn) && self.opens_parameters() => {
                self.at += 1;
                self.parenthesised(depth)?;
                if matches!(self.peek()?, Token::Colon | Token::Arrow) {
                    self.at += 1;
                    self.ty(depth + 1)?;
                }
            }
            Token::Name => self.path(depth)?,
            Token::LBracket => {
                self.at += 1;
                self.ty(depth + 1)?;
                if self.eat(Token::Semi).is_some() {
                    while matches!(
                        self.peek()?,
                        Token::Int | Token::Name | Token::Star | Token::Plus | Token::Minus
                    ) {
                        self.at += 1;
                    }
                }
                self.eat(Token::RBracket)?;
            }
            Token::LParen => self.parenthesised(depth)?,
            Token::Builtin | Token::Bang => self.at += 1,
            _ => return None,
        }
        let _ = self.eat(Token::Bang);
        Some(())
    }

    fn path(&mut self, depth: u32) -> Option<()> {
        self.eat(Token::Name)?;
        while matches!(self.peek()?, Token::Dot | Token::ColonColon) {
            self.at += 1;
            self.eat(Token::Name)?;
        }
        if self.peek()? == Token::Lt {
            self.list(depth + 1)?;
        }
        Some(())
    }

    fn parenthesised(&mut self, depth: u32) -> Option<()> {
        self.eat(Token::LParen)?;
        while self.peek()? != Token::RParen {
            self.ty(depth + 1)?;
            if self.eat(Token::Comma).is_none() {
                break;
            }
        }
        self.eat(Token::RParen)
    }

    /// Whether a `(` follows; without one, the word of a function's type can be the name of a type.
    fn opens_parameters(&self) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|t| t.token == Token::LParen)
    }

    fn word_is(&self, token: Token) -> bool {
        let t = &self.tokens[self.at];
        let word = &self.text[(t.lo - self.base) as usize..(t.hi - self.base) as usize];
        keyword(word, self.spelling) == Some(token)
    }
}
