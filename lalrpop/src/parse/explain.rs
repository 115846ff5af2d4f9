//! A failed parse as a message that says what to do: the common mistakes first, then "expected this, found that".

use super::expected::Expected;
use super::{statement_around, statement_end};
use crate::builder::Builder;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lexer::Lexeme;
use crate::span::Span;
use crate::spelling::Spelling;
use crate::spelling_table::{self, Foreign, contextual, foreign, words_for};
use crate::token::Token;

/// What is wrong, and what the parser may go on with.
pub(super) struct Explained {
    pub(super) message: Diagnostic,
    /// The index of a word of another spelling, and the keyword to take it for.
    pub(super) meant: Option<(usize, Token)>,
}

/// Where and how a parse failed.
pub(super) struct Context<'a, 'e> {
    /// The tokens of the chunk.
    pub(super) tokens: &'a [Lexeme],
    /// Index of the token that did not fit; the number of tokens for their end.
    pub(super) at: usize,
    /// The first token after the chunk.
    pub(super) next: Option<Lexeme>,
    /// The terminals that would have fitted.
    pub(super) expected: &'e [String],
    pub(super) builder: &'a Builder<'a>,
    pub(super) spelling: Spelling,
}

impl Context<'_, '_> {
    /// The message.
    pub(super) fn explain(&self) -> Explained {
        if let Some((index, known)) = self.other_spelling() {
            let message = foreign_word(self.text(index), &known, self.tokens[index].span(), self.spelling);
            return Explained { message, meant: Some((index, known.token)) };
        }
        let expected = Expected::new(self.expected);
        let message = self
            .keyword_as_name(&expected)
            .or_else(|| self.struct_literal_in_head())
            .or_else(|| self.brace_on_next_line(&expected))
            .unwrap_or_else(|| self.expected_found(&expected));
        Explained { message, meant: None }
    }

    fn token(&self, index: usize) -> Option<Token> {
        self.tokens.get(index).map(|t| t.token)
    }

    fn found(&self) -> Option<Token> {
        self.token(self.at)
    }

    fn before(&self) -> Option<Lexeme> {
        self.at.checked_sub(1).and_then(|i| self.tokens.get(i)).copied()
    }

    fn text(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |t| self.builder.text_of(t.span()))
    }

    /// The place of the error: the token that does not fit, or just after the last one.
    fn span(&self) -> Span {
        match self.tokens.get(self.at) {
            Some(t) if t.lo < t.hi => t.span(),
            _ => self.before().map_or(Span::NONE, |t| t.span().after()),
        }
    }

    /// Index of the first token of the statement around the error.
    fn statement_start(&self) -> usize {
        let at = self.at.min(self.tokens.len().saturating_sub(1));
        statement_around(self.tokens, at, None).map_or(0, |(lo, _)| lo)
    }

    /// Whether a statement or a branch can start at this token.
    fn starts_something(&self, index: usize) -> bool {
        let Some(before) = index.checked_sub(1).and_then(|i| self.token(i)) else { return true };
        matches!(
            before,
            Token::StmtEnd | Token::Semi | Token::LBrace | Token::RBrace | Token::Pub | Token::Else
        )
    }

    // ---- The common mistakes ----

    /// A word of another spelling at the error, before it, or at the start of its statement.
    fn other_spelling(&self) -> Option<(usize, Foreign)> {
        let candidates =
            [self.at.checked_sub(1), Some(self.at), Some(self.statement_start()), self.name_before_brace()];
        candidates.into_iter().flatten().find_map(|index| {
            let word = (self.token(index)? == Token::Name).then(|| self.text(index))?;
            let single = word.len() == 1;
            let known = foreign(word, self.spelling)?;
            let known = if single { self.one_letter(index, known)? } else { known };
            let other = index != self.at || self.found() == Some(Token::Name);
            let fits = if single { index < self.at } else { other };
            let in_name = matches!(index.checked_sub(1).and_then(|i| self.token(i)), Some(Token::Dot));
            (fits && !in_name && (self.starts_something(index) || !single && index + 1 >= self.at))
                .then_some((index, known))
        })
    }

    /// What a word of one letter of another spelling means before what follows it; `None` when it is just a name.
    fn one_letter(&self, index: usize, known: Foreign) -> Option<Foreign> {
        use Token::*;
        let next = self.token(index + 1);
        let named = next == Some(Name);
        let as_token = |token: Token| {
            let here = words_for(token, self.spelling).next()?;
            Some(Foreign { token, here, replaceable: true, ..known.clone() })
        };
        let condition = named && foreign(self.text(index + 1), self.spelling).is_some_and(|f| f.token == If);
        let fits = match known.token {
            Else if named && !condition => return as_token(Enum),
            Continue if named => return as_token(Const),
            Else => condition || next == Some(LBrace),
            Struct | Trait | Global => named,
            Fn => named || next == Some(LParen),
            Impl => named || next == Some(LAngle),
            Pub => named || next.is_some_and(Token::starts_item),
            If | Match => next != Some(LBrace),
            _ => true,
        };
        fits.then_some(known)
    }

    /// The name before the innermost open brace, or before the parentheses before it: `else {` and `while (c) {`, read
    /// as the start of a structure literal.
    fn name_before_brace(&self) -> Option<usize> {
        let brace = self.innermost_open_index()?;
        let before = brace.checked_sub(1).filter(|_| self.token(brace) == Some(Token::LBrace))?;
        if self.token(before) != Some(Token::RParen) {
            return Some(before);
        }
        let mut depth = 0u32;
        let open = (0..=before).rev().find(|i| {
            match self.token(*i) {
                Some(Token::RParen) => depth += 1,
                Some(Token::LParen) => depth -= 1,
                _ => {}
            }
            depth == 0
        })?;
        open.checked_sub(1)
    }

    /// A keyword where a name is meant: as the new name of a binding, or before `:=` or `=`.
    fn keyword_as_name(&self, expected: &Expected<'_>) -> Option<Diagnostic> {
        use Token::*;
        let found = self.found()?;
        let takes_value = matches!(found, ColonEq | Eq | PlusEq | MinusEq | StarEq | SlashEq | Dot);
        let short_word =
            |i: &usize| self.text(*i).len() <= 2 && self.is_word(*i) && self.starts_something(*i);
        let before = self.at.checked_sub(1).filter(|i| takes_value && short_word(i));
        let index = match before {
            Some(before) => before,
            None => {
                if expected.member() && self.token(self.at + 1) != Some(LParen) {
                    return None;
                }
                let short = self.text(self.at).len() == 1;
                let wanted = expected.has("name") && (short || !(expected.expression() || expected.type_()));
                (wanted && self.is_word(self.at)).then_some(self.at)?
            }
        };
        let word = self.text(index);
        let span = self.tokens[index].span();
        let extension = self.spelling.extension();
        let title = format!("`{word}` is a keyword and cannot be a name");
        let message = Diagnostic::error(codes::KEYWORD_AS_NAME, span, title).at("not a name");
        let message = match meaning(self.tokens[index].token, word) {
            Some(meaning) => message.note(format!("`{word}` means `{meaning}` in .{extension} files")),
            None => message,
        };
        let other = if word.len() == 1 { word.to_lowercase() } else { format!("{word}_") };
        Some(message.fix("choose another name", span, other))
    }

    /// Whether the token is a keyword made of letters, other than the constants.
    fn is_word(&self, index: usize) -> bool {
        let constant = matches!(self.token(index), Some(Token::True | Token::False | Token::Null));
        let name = matches!(self.token(index), Some(Token::Name | Token::Error) | None);
        !constant && !name && self.text(index).starts_with(|c: char| c.is_ascii_alphabetic())
    }

    /// `if p == Point { x: 1 } { … }`: what follows the `{` was read as the block.
    fn struct_literal_in_head(&self) -> Option<Diagnostic> {
        let brace = self.innermost_open_index().filter(|i| self.token(*i) == Some(Token::LBrace))?;
        let name = brace.checked_sub(1).filter(|i| self.token(*i) == Some(Token::Name))?;
        let looks_like_fields =
            self.token(brace + 1) == Some(Token::Name) && self.token(brace + 2) == Some(Token::Colon);
        let start = statement_around(self.tokens, brace, None).map_or(0, |(lo, _)| lo);
        let head = self.tokens[start..brace].iter().rev().find(|t| {
            use Token::*;
            matches!(t.token, If | Elif | While | For | AnyLoop | Match | LBrace | RBrace)
        })?;
        // Behind a `let` without its `=` stands a pattern.
        let mut binding = self.tokens[start..brace].iter().rev();
        let binding = binding.find(|t| matches!(t.token, Token::Let | Token::Eq | Token::LBrace));
        let in_pattern = binding.is_some_and(|t| t.token == Token::Let);
        if !looks_like_fields || in_pattern || matches!(head.token, Token::LBrace | Token::RBrace) {
            return None;
        }
        let close = statement_end(self.tokens, brace + 1);
        let close = close + self.tokens[close..].iter().position(|t| t.token == Token::RBrace)?;
        let goes_on = |t: Token| !t.is_closer() && !matches!(t, Token::StmtEnd | Token::Semi | Token::Comma);
        if !self.token(close + 1).is_some_and(goes_on) {
            return None;
        }
        let close = self.tokens[close];
        let literal = self.tokens[name].span().to(close.span());
        let with = format!("({})", self.builder.text_of(literal));
        let title = "a structure literal cannot stand directly in the head of an `if`, a `match` or a loop";
        let message = Diagnostic::error(codes::STRUCT_LITERAL_IN_HEAD, literal, title)
            .at("its `{` is read as the start of the block")
            .label(head.span(), "in this head");
        Some(message.fix("put it in parentheses", literal, with))
    }

    /// A block whose `{` is on the line after its head.
    fn brace_on_next_line(&self, expected: &Expected<'_>) -> Option<Diagnostic> {
        let brace = match self.found() {
            Some(Token::StmtEnd) => self.tokens.get(self.at + 1).copied(),
            None => self.next,
            _ => None,
        };
        let brace = brace.filter(|b| b.token == Token::LBrace && expected.has("{"))?;
        let before = self.before()?;
        let title = "the `{` of a block stands on the same line as its head";
        let gap = Span::new(before.hi, brace.hi);
        let message = Diagnostic::error(codes::UNEXPECTED_END, before.span().after(), title)
            .at("the line ends here, and the statement with it")
            .label(brace.span(), "this starts a statement of its own");
        Some(message.fix("move it up", gap, " {"))
    }

    // ---- Everything else ----

    fn expected_found(&self, expected: &Expected<'_>) -> Diagnostic {
        let open = self.innermost_open();
        let end = open.is_none() && expected.operator() && !expected.head();
        let binding = matches!(
            self.before().map(|t| t.token),
            Some(Token::Let | Token::Var | Token::SuffixBang | Token::Mut | Token::For)
        ) && !self.in_condition();
        let words = expected.words(self.spelling, end, binding);
        let found = self.found_words();
        let code = match self.found() {
            None | Some(Token::StmtEnd) => codes::UNEXPECTED_END,
            _ => codes::UNEXPECTED_TOKEN,
        };
        let mut message = Diagnostic::error(code, self.span(), format!("expected {words}, found {found}"))
            .at(format!("expected {words}"));
        if let Some(open) = open.filter(|o| self.is_far(*o) && self.expects_closer(*o, expected)) {
            let text = self.builder.text_of(open.span());
            message = message.label(open.span(), format!("inside this `{text}`"));
        }
        self.advise(message, expected)
    }

    /// Whether the token before the error is the `let` of a condition.
    fn in_condition(&self) -> bool {
        let two_before = self.at.checked_sub(2).and_then(|i| self.token(i));
        matches!(two_before, Some(Token::If | Token::Elif | Token::While | Token::AnyLoop | Token::AndAnd))
    }

    fn found_words(&self) -> String {
        match self.found() {
            None if self.builder.is_end(self.span().lo) => "the end of the text".to_owned(),
            None | Some(Token::StmtEnd) => "the end of the line".to_owned(),
            Some(Token::Str) => "a string".to_owned(),
            Some(_) if self.text(self.at).len() > 40 || self.text(self.at).contains('\n') => {
                "this".to_owned()
            }
            Some(_) if self.text(self.at).is_empty() => "the end of the brackets".to_owned(),
            Some(_) => format!("`{}`", self.text(self.at)),
        }
    }

    /// The innermost bracket that is open at the error.
    fn innermost_open(&self) -> Option<Lexeme> {
        self.innermost_open_index().map(|i| self.tokens[i])
    }

    fn innermost_open_index(&self) -> Option<usize> {
        let mut open = Vec::new();
        for (i, t) in self.tokens.iter().enumerate().take(self.at) {
            match t.token {
                Token::LBrace | Token::LParen | Token::LBracket => open.push(i),
                closer if closer.is_closer() => {
                    open.pop();
                }
                _ => {}
            }
        }
        open.pop()
    }

    fn is_far(&self, open: Lexeme) -> bool {
        self.builder.text_of(Span::new(open.lo, self.span().lo)).contains('\n')
    }

    fn expects_closer(&self, open: Lexeme, expected: &Expected<'_>) -> bool {
        match open.token {
            Token::LParen => expected.has(")"),
            Token::LBracket => expected.has("]"),
            _ => false,
        }
    }

    /// Adds what usually helps in this situation.
    fn advise(&self, message: Diagnostic, expected: &Expected<'_>) -> Diagnostic {
        use Token::*;
        let span = self.span();
        let before = self.before().map(|t| t.token);
        let two_before = self.at.checked_sub(2).and_then(|i| self.token(i));
        match (before, self.found()) {
            (Some(RParen), Some(Eq)) if expected.has("==") && expected.has("{") => message.help(
                "`==` compares; to look whether a pattern takes a value, write `let` before the pattern",
            ),
            (_, Some(Eq)) if expected.has("==") && expected.has("{") => {
                message.fix("`==` compares, `=` assigns", span, "==")
            }
            (_, Some(Arrow | Colon | Eq)) if expected.has("=>") => {
                message.fix("an arm is `pattern => value`", span, "=>")
            }
            (_, Some(Semi)) if expected.has("newline") && !expected.has(";") => {
                message.fix("arms are separated by `,`", span, ",")
            }
            (Some(Name), Some(Lt | Le | Gt | Ge | Ne)) if self.text(self.at - 1) == contextual::OPERATOR => {
                let word = contextual::OPERATOR;
                message.help(format!("there are `{word}==` and, for the order, `{word}<=>`"))
            }
            (Some(DotDot), Some(Comma)) => message.help("`..` stands last: it leaves the other fields out"),
            (_, Some(Lt)) if expected.has("<types") => {
                message.help("a list of types is closed by `>` and its items are separated by `,`: `<A, B>`")
            }
            (_, Some(Fn)) if expected.expression() => {
                message.help("a function without a name is a closure: `|x| x + 1`")
            }
            (Some(Colon), Some(While | For | Loop | AnyLoop)) if two_before == Some(Name) => {
                message.help("loops have no labels; put them into a function and return from it")
            }
            (Some(Plus), Some(Plus)) => message.help("there is no `++`; write `x += 1`"),
            (Some(Minus), _) if two_before == Some(Minus) => message.help("there is no `--`; write `x -= 1`"),
            (_, Some(FatArrow)) if !expected.pattern() => {
                let arms = words_for(Match, self.spelling).next().unwrap_or_default();
                message.help(format!(
                    "`=>` stands in the arms of a `{arms}` only; a function with one expression is `= expression`, \
                     a closure `|x| expression`"
                ))
            }
            (Some(Name), _) if expected.has("=>") && self.text(self.at - 1) == "case" => {
                let word = self.before().map_or(span, Lexeme::span);
                message.fix("an arm begins with its pattern", Span::new(word.lo, span.lo), "")
            }
            _ if self.parenthesised_loop() => {
                message.help("loops run over a range or an array: `for i in 0..n { }`")
            }
            (_, Some(Name)) | (Some(Name), _) => self.word_help(message),
            (_, Some(Colon)) if before == Some(RParen) => {
                message.help("a return type follows the parameters directly")
            }
            (_, Some(Semi)) if self.innermost_open().is_some_and(|o| o.token == LParen) => {
                message.help("inside parentheses items are separated by `,`")
            }
            _ => message,
        }
    }

    fn parenthesised_loop(&self) -> bool {
        let start = self.statement_start();
        self.token(start) == Some(Token::For) && self.token(start + 1) == Some(Token::LParen)
    }

    fn word_help(&self, message: Diagnostic) -> Diagnostic {
        let candidates = [Some(self.at), self.at.checked_sub(1)];
        let found = candidates.into_iter().flatten().find_map(|index| {
            let known = spelling_table::mistaken(self.text(index), self.spelling)?;
            Some((self.tokens.get(index)?.span(), known))
        });
        match found {
            Some((span, with)) => message.fix(format!("write `{with}`"), span, with),
            None => message,
        }
    }
}

/// The message about a word of another spelling.
pub(crate) fn foreign_word(word: &str, known: &Foreign, span: Span, spelling: Spelling) -> Diagnostic {
    let here = known.here;
    let (extension, from) = (spelling.extension(), known.from.extension());
    let title = format!("`{word}` is spelled `{here}` in .{extension} files");
    let message =
        Diagnostic::error(codes::OTHER_SPELLING, span, title).at(format!("the spelling of .{from} files"));
    if known.replaceable {
        message.fix(format!("write `{here}`"), span, here)
    } else {
        message.help(format!("write it as `{here}`"))
    }
}

/// What a short keyword means, in the words of the long spellings.
fn meaning(token: Token, word: &str) -> Option<&'static str> {
    if word.len() > 2 {
        return None;
    }
    if token == Token::AnyLoop {
        return Some("loop");
    }
    words_for(token, Spelling::Vex).next()
}
