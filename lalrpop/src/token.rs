//! The tokens: what the generated lexer recognises, and the keywords and marks that later passes make of it.
//!
//! No variant carries a spelling: a keyword is a concept, and [`crate::spelling_table`] says which word stands for
//! it in which file. Words come out of the generated lexer as [`Token::Name`].

use logos::{Lexer, Logos};

/// A kind of token. Its text is in the source at its span.
#[derive(Logos, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[logos(extras = Scan)]
#[logos(skip r"[ \t\r\x0C]+")]
#[allow(missing_docs)]
pub enum Token {
    // Recognised by the generated lexer and consumed before parsing.
    #[regex(r"\n[ \t\r\n\x0C]*")]
    LineBreak,
    #[token("//", line_comment)]
    LineComment,
    #[token("/*", block_comment)]
    BlockComment,
    #[token("#")]
    Hash,

    // Names and literals.
    #[regex(r"[A-Za-z_\u{80}-\u{10FFFF}][A-Za-z0-9_\u{80}-\u{10FFFF}]*")]
    Name,
    #[regex(r"\$[A-Za-z_][A-Za-z0-9_]*")]
    Builtin,
    #[regex(r"[0-9][A-Za-z0-9_]*")]
    Int,
    #[regex(r"[0-9][0-9_]*\.[0-9][A-Za-z0-9_]*", priority = 20)]
    #[regex(r"[0-9][0-9_]*(\.[0-9][0-9_]*)?[eE][+-]?[0-9][A-Za-z0-9_]*", priority = 30)]
    Float,
    #[token("\"", string)]
    Str,
    /// `'c'`; out of the generated lexer with anything between the quotes.
    #[regex(r"'([^'\\\n]|\\[^\n])*'")]
    Char,

    // Brackets.
    #[token("(")]
    LParen,
    #[token(")")]
    RParen,
    #[token("[")]
    LBracket,
    #[token("]")]
    RBracket,
    #[token("{")]
    LBrace,
    #[token("}")]
    RBrace,
    /// A `<` that opens type arguments.
    LAngle,
    /// A `>` that closes type arguments.
    RAngle,

    // Punctuation and operators.
    #[token(",")]
    Comma,
    #[token(";")]
    Semi,
    /// A newline that ends a statement.
    StmtEnd,
    #[token(":")]
    Colon,
    #[token("::")]
    ColonColon,
    #[token(":=")]
    ColonEq,
    #[token("->")]
    Arrow,
    #[token("=>")]
    FatArrow,
    #[token(".")]
    Dot,
    #[token("..")]
    DotDot,
    #[token("..=")]
    DotDotEq,
    #[token("@")]
    At,
    #[token("?")]
    Question,
    /// A `?` directly after what it tries: `f()?`.
    SuffixQuestion,
    #[token("|>")]
    PipeGt,
    #[token("=")]
    Eq,
    #[token("+=")]
    PlusEq,
    #[token("-=")]
    MinusEq,
    #[token("*=")]
    StarEq,
    #[token("/=")]
    SlashEq,
    #[token("%=")]
    PercentEq,
    #[token("&=")]
    AmpEq,
    #[token("|=")]
    PipeEq,
    #[token("^=")]
    CaretEq,
    #[token("<<=")]
    ShlEq,
    /// `>>=`, joined from its parts once it is known that they close no type arguments.
    ShrEq,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,
    #[token("%")]
    Percent,
    #[token("&")]
    Amp,
    #[token("|")]
    Pipe,
    #[token("^")]
    Caret,
    #[token("~")]
    Tilde,
    /// A `!` that is an operator before its operand, or the never type.
    #[token("!")]
    Bang,
    /// A `!` directly after what it marks: `name!`, `*T!`, `&x!`.
    SuffixBang,
    #[token("<<")]
    Shl,
    /// `>>`, joined from its parts once it is known that they close no type arguments.
    Shr,
    #[token("&&")]
    AndAnd,
    #[token("||")]
    OrOr,
    #[token("==")]
    EqEq,
    #[token("!=")]
    Ne,
    #[token("<")]
    Lt,
    #[token("<=")]
    Le,
    #[token(">")]
    Gt,
    #[token(">=")]
    Ge,

    // Keywords.
    Fn,
    Struct,
    Enum,
    Match,
    Trait,
    Impl,
    Let,
    Var,
    Const,
    Global,
    Mut,
    /// Before the bars of a closure.
    Move,
    Pub,
    If,
    Elif,
    Else,
    While,
    For,
    In,
    Loop,
    /// The one word of a spelling that has a single word for all three loops.
    AnyLoop,
    Return,
    Break,
    Continue,
    Defer,
    Unsafe,
    Import,
    From,
    As,
    Extern,
    True,
    False,
    Null,
    /// A word that is `else` or `enum`; resolved by the lexer.
    ElseOrEnum,
    /// A word that is `const` or `continue`; resolved by the lexer.
    ConstOrContinue,

    // Made by the parser's driver.
    /// Starts a top-level chunk.
    StartTop,
    /// Starts a lone expression.
    StartExpr,
    /// Stands for tokens that could not be parsed.
    Error,
}

/// What the callbacks of the generated lexer report beside the token itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scan {
    /// The string or comment just read has no end.
    pub unterminated: bool,
}

fn line_comment(lexer: &mut Lexer<'_, Token>) {
    let rest = lexer.remainder().as_bytes();
    lexer.bump(rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()));
}

/// Block comments nest.
fn block_comment(lexer: &mut Lexer<'_, Token>) {
    let rest = lexer.remainder().as_bytes();
    let (mut at, mut open) = (0, 1u32);
    while open > 0 {
        match rest.get(at..) {
            Some([b'*', b'/', ..]) => (at, open) = (at + 2, open - 1),
            Some([b'/', b'*', ..]) => (at, open) = (at + 2, open + 1),
            Some([_, ..]) => at += 1,
            _ => break,
        }
    }
    lexer.extras.unterminated = open > 0;
    lexer.bump(at);
}

/// A string ends at its closing quote, or, unterminated, at the end of its line; one that begins with three quotes ends
/// at the next three, or at the end of the text.
fn string(lexer: &mut Lexer<'_, Token>) {
    let rest = lexer.remainder().as_bytes();
    if rest.starts_with(b"\"\"") {
        return text_block(lexer);
    }
    let mut at = 0;
    loop {
        match rest.get(at) {
            Some(b'"') => return lexer.bump(at + 1),
            Some(b'\\') if matches!(rest.get(at + 1), Some(b) if *b != b'\n') => {
                at += 1;
                at += 1 + rest[at + 1..].iter().take_while(|b| **b & 0xC0 == 0x80).count();
            }
            Some(b'\n') | None => {
                lexer.extras.unterminated = true;
                let carriage_return = at > 0 && rest[at - 1] == b'\r';
                return lexer.bump(at - usize::from(carriage_return));
            }
            Some(_) => at += 1,
        }
    }
}

/// The rest of a string whose first quote of three was read.
fn text_block(lexer: &mut Lexer<'_, Token>) {
    let rest = lexer.remainder().as_bytes();
    let mut at = 2;
    loop {
        match rest.get(at..) {
            Some([b'"', b'"', b'"', ..]) => return lexer.bump(at + 3),
            // What is not ASCII has no byte that could be taken for a quote.
            Some([b'\\', b'"' | b'\\', ..]) => at += 2,
            Some([_, ..]) => at += 1,
            _ => break,
        }
    }
    lexer.extras.unterminated = true;
    lexer.bump(rest.len());
}

impl Token {
    /// Whether a newline after this token can end a statement.
    pub fn can_end_statement(self) -> bool {
        use Token::*;
        matches!(
            self,
            Name | Builtin
                | Int
                | Float
                | Str
                | Char
                | True
                | False
                | Null
                | RParen
                | RBracket
                | RBrace
                | RAngle
                | Return
                | Break
                | Continue
                | SuffixBang
                | SuffixQuestion
                | Error
        )
    }

    /// Whether a line that starts with this token continues the statement before it.
    pub fn continues_statement(self) -> bool {
        use Token::*;
        matches!(
            self,
            Dot | RParen
                | RBracket
                | RBrace
                | Else
                | Elif
                | As
                | AndAnd
                | OrOr
                | EqEq
                | Ne
                | Lt
                | Le
                | Gt
                | Ge
                | Plus
                | Slash
                | Percent
                | Caret
                | Shl
                | Shr
                | PipeGt
                | Question
                | SuffixQuestion
                | FatArrow
                | Colon
                | Eq
                | Comma
                | Semi
        )
    }

    /// Whether this keyword can only start a declaration.
    pub fn starts_item(self) -> bool {
        use Token::*;
        matches!(self, Fn | Struct | Enum | Trait | Impl | Const | Global | Import | Extern | Pub)
    }

    /// Whether this is a keyword.
    pub fn is_word(self) -> bool {
        (self as u8) >= (Token::Fn as u8) && (self as u8) <= (Token::Null as u8)
    }

    /// The bracket that closes this one.
    pub fn closer(self) -> Option<Token> {
        match self {
            Token::LParen => Some(Token::RParen),
            Token::LBracket => Some(Token::RBracket),
            Token::LBrace => Some(Token::RBrace),
            _ => None,
        }
    }

    /// Whether this closes a bracket.
    pub fn is_closer(self) -> bool {
        matches!(self, Token::RParen | Token::RBracket | Token::RBrace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Token> {
        Token::lexer(text).map(|t| t.expect("a token")).collect()
    }

    #[test]
    fn numbers_leave_ranges_and_fields_alone() {
        use Token::*;
        assert_eq!(kinds("0..10"), [Int, DotDot, Int]);
        assert_eq!(kinds("1.5e-3 1e5 1.0f32 0x1e 255u8"), [Float, Float, Float, Int, Int]);
        assert_eq!(kinds("t.0"), [Name, Dot, Int]);
        assert_eq!(kinds("0..=n"), [Int, DotDotEq, Name]);
    }

    #[test]
    fn comments_nest_and_strings_hold_quotes() {
        use Token::*;
        assert_eq!(kinds("/* a /* b */ c */ x"), [BlockComment, Name]);
        assert_eq!(kinds(r#""a\"b" "\\" x // rest"#), [Str, Str, Name, LineComment]);
        let mut lexer = Token::lexer("\"abc\r\nx");
        assert_eq!(lexer.next(), Some(Ok(Str)));
        assert!(lexer.extras.unterminated);
        assert_eq!(lexer.slice(), "\"abc");
    }

    #[test]
    fn three_quotes_hold_lines_and_quotes() {
        use Token::*;
        assert_eq!(kinds("\"\"\"\n\"a\" \"\" \\\"\"\"\n\"\"\" x"), [Str, Name]);
        assert_eq!(kinds("\"\" x"), [Str, Name]);
        let mut lexer = Token::lexer("\"\"\"\nabc\n");
        assert_eq!(lexer.next(), Some(Ok(Str)));
        assert!(lexer.extras.unterminated && lexer.remainder().is_empty());
    }
}
