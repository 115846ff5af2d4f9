//! Words and comments, one by one.

use super::Rewriter;
use crate::lexer::Lexeme;
use crate::spelling::Spelling;
use crate::spelling_table::hash_comments;
use crate::symbol::Symbol;
use crate::token::Token;

impl Rewriter<'_> {
    /// Exchanges the words that nothing else has dealt with.
    pub(super) fn words(&mut self) {
        for index in 0..self.tokens.len() {
            let token = self.tokens[index];
            if self.done.contains(&token.lo) {
                continue;
            }
            let after = self.tokens.get(index + 1).map(|next| next.token);
            if let Some(text) = self.new_text(token, after) {
                self.replace(token, text);
            }
        }
    }

    /// What stands in place of a token; `None` for the same.
    fn new_text(&self, lexeme: Lexeme, after: Option<Token>) -> Option<String> {
        use Token::*;
        let written = self.slice(lexeme.lo, lexeme.hi);
        let text = match lexeme.token {
            // Of these a file has the words it likes.
            Trait if self.from == self.to => return None,
            Fn | Struct | Enum | Match | Trait | Impl | Const | Pub | If | Else | While | Loop | Return
            | Break | Continue | Defer | Import | Extern => self.word(lexeme.token).to_owned(),
            Elif => match self.word(Elif) {
                "" => format!("{} {}", self.word(Else), self.word(If)),
                word => word.to_owned(),
            },
            Builtin if self.to == Spelling::Vais => match written.strip_prefix('#') {
                Some(name) => format!("${name}"),
                None => return None,
            },
            ColonColon if self.to != Spelling::Vais => ".".to_owned(),
            At if self.to != Spelling::Vais && after == Some(Dot) => {
                crate::spelling_table::contextual::SELF.to_owned()
            }
            Name => self.renames.get(&Symbol::new(written))?.clone(),
            _ => return None,
        };
        (text != written).then_some(text)
    }

    /// Starts the comments as the new spelling does.
    pub(super) fn comments(&mut self) {
        for comment in std::mem::take(&mut self.comments) {
            let (lo, hi) = (comment.span.lo, comment.span.hi);
            let text = self.slice(lo, hi);
            if let Some(rest) = text.strip_prefix('#').filter(|_| !hash_comments(self.to)) {
                let blank = if rest.starts_with(['/', '!']) { " " } else { "" };
                self.edits.replace(lo, lo + 1, format!("//{blank}"));
            } else if hash_comments(self.to) && !hash_comments(self.from) {
                // Those with a meaning of their own are the same everywhere.
                let plain = text.strip_prefix("//").filter(|rest| !comment.doc && !rest.starts_with('!'));
                if plain.is_some() {
                    self.edits.replace(lo, lo + 2, "#".to_owned());
                }
            }
        }
    }
}
