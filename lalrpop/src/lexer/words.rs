//! The second pass over the tokens: words become keywords, `!` and `?` suffixes, `<` a bracket, `>` `>` a shift.

use super::Lexeme;
use crate::angle;
use crate::spelling::Spelling;
use crate::spelling_table::{self, contextual, keyword};
use crate::token::Token;

/// How far the `:` that belongs to a `?` is looked for; keeps the pass linear whatever the text.
const LONGEST_CHOICE: usize = 256;

/// Where the pass stands with respect to the variants of an enumeration.
#[derive(Clone, Copy)]
enum Variants {
    Elsewhere,
    /// Before the brace.
    Head,
    /// Between the braces, with as many brackets open.
    Body(u32),
}

impl Variants {
    fn pass(&mut self, token: Token) {
        *self = match (*self, token) {
            (_, Token::Enum) => Variants::Head,
            (Variants::Elsewhere, _) => return,
            (Variants::Head, Token::LBrace) => Variants::Body(1),
            (Variants::Head, Token::Semi | Token::RBrace | Token::Eq) => Variants::Elsewhere,
            (Variants::Body(open), token) if token.closer().is_some() => Variants::Body(open + 1),
            (Variants::Body(1), token) if token.is_closer() => Variants::Elsewhere,
            (Variants::Body(open), token) if token.is_closer() => Variants::Body(open - 1),
            (same, _) => same,
        };
    }

    /// Whether a keyword of one letter is the name of a variant.
    fn are_named(self, lexeme: Lexeme, before: Option<Lexeme>, next: Option<&Lexeme>) -> bool {
        if !matches!(self, Variants::Body(1)) || lexeme.hi - lexeme.lo != 1 {
            return false;
        }
        let begins = before.is_some_and(|b| matches!(b.token, Token::LBrace | Token::Comma));
        let word = !matches!(lexeme.token, Token::Name) && lexeme.token.is_word();
        let named = next.is_some_and(|n| n.token == Token::Name && !n.newline_before);
        word && (begins || lexeme.newline_before) && !named
    }
}

/// Gives the tokens of a text their meaning in its spelling.
pub(super) struct Words<'a> {
    pub(super) text: &'a str,
    pub(super) base: u32,
    pub(super) spelling: Spelling,
}

impl Words<'_> {
    fn word(&self, lexeme: &Lexeme) -> &str {
        &self.text[(lexeme.lo - self.base) as usize..(lexeme.hi - self.base) as usize]
    }

    /// Rewrites the tokens in place; joined ones make the list shorter, never longer.
    pub(super) fn resolve(&self, tokens: &mut Vec<Lexeme>) {
        let (mut read, mut write) = (0usize, 0usize);
        // How many lists of type arguments are open.
        let mut lists = 0u32;
        let mut variants = Variants::Elsewhere;
        while read < tokens.len() {
            let before = write.checked_sub(1).map(|w| tokens[w]);
            let mut lexeme = tokens[read];
            match lexeme.token {
                Token::Name if lists > 0 || before.is_some_and(|b| before_type(b.token)) => {
                    let after = &tokens[read + 1..];
                    let token = self.name(&lexeme, before, after);
                    let names = self.names_type(&lexeme, token, before, after, lists > 0);
                    lexeme.token = if names { Token::Name } else { token };
                }
                Token::Name => lexeme.token = self.name(&lexeme, before, &tokens[read + 1..]),
                Token::Bang if before.is_some_and(|b| b.hi == lexeme.lo && takes_suffix(b.token)) => {
                    lexeme.token = Token::SuffixBang;
                }
                Token::Lt if before.is_some_and(|b| b.hi == lexeme.lo && takes_types(b.token)) => {
                    let declares = before.is_some_and(|b| b.token == Token::Impl);
                    angle::mark(tokens, read, declares, self.text, self.base, self.spelling);
                    lexeme.token = tokens[read].token;
                    lists += u32::from(lexeme.token == Token::LAngle);
                }
                Token::LAngle => lists += 1,
                Token::RAngle => lists = lists.saturating_sub(1),
                Token::Question if before.is_some_and(|b| self.tries(lexeme, b, &tokens[read + 1..])) => {
                    lexeme.token = Token::SuffixQuestion;
                }
                Token::Gt => {
                    if let Some(next) = tokens.get(read + 1).filter(|n| n.lo == lexeme.hi) {
                        let joined = match next.token {
                            Token::Gt => Some(Token::Shr),
                            Token::Ge => Some(Token::ShrEq),
                            _ => None,
                        };
                        if let Some(token) = joined {
                            (lexeme.token, lexeme.hi) = (token, next.hi);
                            read += 1;
                        }
                    }
                }
                _ => {}
            }
            if !matches!(variants, Variants::Elsewhere) || lexeme.token == Token::Enum {
                if variants.are_named(lexeme, before, tokens.get(read + 1)) {
                    lexeme.token = Token::Name;
                }
                variants.pass(lexeme.token);
            }
            tokens[write] = lexeme;
            (read, write) = (read + 1, write + 1);
        }
        tokens.truncate(write);
    }

    fn name(&self, lexeme: &Lexeme, before: Option<Lexeme>, after: &[Lexeme]) -> Token {
        let word = self.word(lexeme);
        if word.len() > spelling_table::LONGEST {
            return Token::Name;
        }
        if before.is_some_and(|b| matches!(b.token, Token::Dot | Token::ColonColon)) {
            // After a dot every word is a member's name.
            return Token::Name;
        }
        match keyword(word, self.spelling) {
            Some(Token::ElseOrEnum) => match after.first() {
                Some(next) if next.token == Token::Name && self.keyword_of(next) != Some(Token::If) => {
                    Token::Enum
                }
                _ => Token::Else,
            },
            Some(Token::ConstOrContinue) => match after.first() {
                Some(next) if next.token == Token::Name && !next.newline_before => Token::Const,
                _ => Token::Continue,
            },
            // One letter is too good a name to be taken everywhere: it is `extern` only before an ABI or a block.
            Some(Token::Extern) if word.len() == 1 => match after.first() {
                Some(next) if matches!(next.token, Token::Str | Token::LBrace) => Token::Extern,
                Some(next) if self.keyword_of(next) == Some(Token::Fn) => Token::Extern,
                _ => Token::Name,
            },
            Some(token) => token,
            None => self.contextual(lexeme, before, after),
        }
    }

    fn contextual(&self, lexeme: &Lexeme, before: Option<Lexeme>, after: &[Lexeme]) -> Token {
        let word = self.word(lexeme);
        let Some(next) = after.first() else {
            // The type is still to come.
            let operand = before.is_some_and(|b| ends_operand(b.token));
            let casts = word == contextual::AS && operand && !lexeme.newline_before;
            return if casts { Token::As } else { Token::Name };
        };
        match (word, before.map(|b| b.token)) {
            (contextual::MOVE, _) if matches!(next.token, Token::Pipe | Token::OrOr) => Token::Move,
            (contextual::AS, Some(before)) if ends_operand(before) && starts_type(next.token) => Token::As,
            (contextual::FROM, Some(Token::RBrace)) if next.token == Token::Str => Token::From,
            (contextual::LET, before) if self.binds(lexeme, before, after) => Token::Let,
            (contextual::LET, Some(token)) if starts_pattern(after) => {
                // The word before may be one of another spelling.
                let meant =
                    |b: Lexeme| spelling_table::foreign(self.word(&b), self.spelling).map(|f| f.token);
                let condition = before_condition(token)
                    || token == Token::Name && before.and_then(meant).is_some_and(before_condition);
                if condition { Token::Let } else { Token::Name }
            }
            _ => Token::Name,
        }
    }

    /// Whether a word of one letter is the name of a type, although it is a keyword elsewhere: it stands between the
    /// brackets of type arguments, or where a type can stand and no declaration.
    fn names_type(
        &self,
        lexeme: &Lexeme,
        token: Token,
        before: Option<Lexeme>,
        after: &[Lexeme],
        in_list: bool,
    ) -> bool {
        use Token::*;
        if lexeme.hi - lexeme.lo != 1 || token == Name {
            return false;
        }
        if token == Fn && after.first().is_some_and(|next| next.token == LParen) {
            return false;
        }
        if in_list || before.is_some_and(|b| matches!(b.token, Arrow | As)) {
            return true;
        }
        let declares = matches!(token, Fn | Struct | Enum | Else | Trait | Impl | Global | Import | Extern);
        declares && !lexeme.newline_before
    }

    /// Whether the `?` after `before` ends its operand, as in `f()?`, and does not begin the choice `c ? a : b`.
    fn tries(&self, mark: Lexeme, before: Lexeme, after: &[Lexeme]) -> bool {
        use Token::*;
        if !ends_operand(before.token) {
            return false;
        }
        let touches = before.hi == mark.lo;
        let Some(next) = after.first() else { return touches };
        let ends = next.token == Name && matches!(self.keyword_of(next), Some(Else | Elif | In));
        if ends || !starts_operand(next.token) {
            return true;
        }
        if next.token == Name && self.word(next) == contextual::AS {
            return touches;
        }
        if next.newline_before {
            return touches;
        }
        let blank_after = after.get(1).is_none_or(|second| next.hi < second.lo);
        match next.token {
            // `x? - 1`, but `c? -1 : 1`
            Minus | Star | Amp | AndAnd | Pipe | OrOr if touches && mark.hi < next.lo && blank_after => true,
            LBrace => touches && !self.block_and_colon(after),
            _ => touches && !self.colon_follows(after),
        }
    }

    /// Whether the block that opens here is followed by a `:`.
    fn block_and_colon(&self, after: &[Lexeme]) -> bool {
        let mut depth = 0u32;
        for (i, t) in after.iter().enumerate().take(LONGEST_CHOICE) {
            match t.token {
                Token::LBrace => depth += 1,
                Token::RBrace if depth == 1 => {
                    return after.get(i + 1).is_some_and(|next| next.token == Token::Colon);
                }
                Token::RBrace => depth -= 1,
                _ => {}
            }
        }
        false
    }

    /// Whether a `:` follows in the same expression.
    fn colon_follows(&self, after: &[Lexeme]) -> bool {
        let mut depth = 0u32;
        for (i, t) in after.iter().enumerate().take(LONGEST_CHOICE) {
            let ends_line = i > 0 && t.newline_before && after[i - 1].token.can_end_statement();
            match t.token {
                Token::Colon if depth == 0 => return true,
                Token::Comma | Token::Semi | Token::FatArrow if depth == 0 => return false,
                Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
                closer if closer.is_closer() && depth == 0 => return false,
                closer if closer.is_closer() => depth -= 1,
                token if depth == 0 && ends_line && !token.continues_statement() => return false,
                _ => {}
            }
        }
        false
    }

    /// Whether `let` begins a binding where names are bound by `:=`: one that takes a value apart, or has none yet. One of
    /// a name and a value is a mistake, which the parser explains.
    fn binds(&self, lexeme: &Lexeme, before: Option<Token>, after: &[Lexeme]) -> bool {
        let starts = lexeme.newline_before
            || matches!(before, None | Some(Token::LBrace | Token::RBrace | Token::Semi));
        let [next, rest @ ..] = after else { return false };
        if !starts || next.newline_before || next.lo == lexeme.hi {
            return false;
        }
        match next.token {
            Token::Name => {
                let other = self.keyword_of(next).is_some() || self.word(next) == contextual::AS;
                !other && rest.first().is_none_or(|second| second.token != Token::Eq)
            }
            // `let (a, b) = e`, and not a call.
            Token::LParen => {
                let mut depth = 0u32;
                let close = after.iter().position(|t| {
                    match t.token {
                        Token::LParen => depth += 1,
                        Token::RParen => depth -= 1,
                        _ => {}
                    }
                    depth == 0
                });
                close.and_then(|close| after.get(close + 1)).is_some_and(|t| t.token == Token::Eq)
            }
            _ => false,
        }
    }

    fn keyword_of(&self, lexeme: &Lexeme) -> Option<Token> {
        keyword(self.word(lexeme), self.spelling)
    }
}

fn takes_suffix(token: Token) -> bool {
    use Token::*;
    matches!(token, Name | RParen | RBracket | RAngle | Let | Builtin | Int)
}

fn takes_types(token: Token) -> bool {
    use Token::*;
    matches!(token, Name | Builtin | SuffixBang | Impl | Fn)
}

fn ends_operand(token: Token) -> bool {
    token.can_end_statement() && !matches!(token, Token::Return | Token::Break | Token::Continue)
}

fn starts_type(token: Token) -> bool {
    use Token::*;
    matches!(token, Name | Star | Amp | AndAnd | LParen | LBracket | Bang)
}

/// Raw tokens that can start an operand: words are names still.
fn starts_operand(token: Token) -> bool {
    use Token::*;
    matches!(
        token,
        Name | Builtin
            | Int
            | Float
            | Str
            | Char
            | LParen
            | LBracket
            | LBrace
            | At
            | Minus
            | Star
            | Amp
            | AndAnd
            | Bang
            | Tilde
            | Pipe
            | OrOr
    )
}

/// Tokens after which a condition can start.
fn before_condition(token: Token) -> bool {
    use Token::*;
    matches!(token, If | Elif | While | AnyLoop | AndAnd)
}

/// Whether the raw tokens can start a pattern and do not go on after a name.
fn starts_pattern(tokens: &[Lexeme]) -> bool {
    use Token::*;
    match tokens {
        [minus, number, ..] if minus.token == Minus => {
            matches!(number.token, Int | Float) && minus.hi == number.lo
        }
        [first, ..] => matches!(first.token, Name | Int | Float | Str | Char | LParen | DotDot | DotDotEq),
        [] => false,
    }
}

/// Tokens after which a type can stand and no declaration.
fn before_type(token: Token) -> bool {
    use Token::*;
    matches!(token, Colon | Arrow | As | Amp | AndAnd | Star | LParen | LBracket | Comma)
}
