//! The spelling tables: which word is which keyword, what starts a comment. The only file that spells a keyword.

use std::collections::HashMap;
use std::sync::LazyLock;

use rustc_hash::FxBuildHasher;

use crate::spelling::Spelling;
use crate::token::Token;

/// The words of every spelling.
const SHARED: &[(&str, Token)] = &[
    ("mut", Token::Mut),
    ("unsafe", Token::Unsafe),
    ("true", Token::True),
    ("false", Token::False),
    ("null_ptr", Token::Null),
    ("null", Token::Null),
    ("nil", Token::Null),
];

/// The words that `.vx` and `.vera` share.
const WORDY: &[(&str, Token)] = &[
    ("struct", Token::Struct),
    ("enum", Token::Enum),
    ("match", Token::Match),
    ("trait", Token::Trait),
    ("impl", Token::Impl),
    ("let", Token::Let),
    ("const", Token::Const),
    ("pub", Token::Pub),
    ("if", Token::If),
    ("else", Token::Else),
    ("while", Token::While),
    ("for", Token::For),
    ("in", Token::In),
    ("loop", Token::Loop),
    ("return", Token::Return),
    ("break", Token::Break),
    ("continue", Token::Continue),
    ("defer", Token::Defer),
    ("import", Token::Import),
    ("extern", Token::Extern),
];

const VEX: &[(&str, Token)] = &[("fn", Token::Fn), ("elif", Token::Elif), ("contract", Token::Trait)];

const VERA: &[(&str, Token)] = &[("function", Token::Fn), ("var", Token::Var)];

const VAIS: &[(&str, Token)] = &[
    ("F", Token::Fn),
    ("S", Token::Struct),
    ("E", Token::ElseOrEnum),
    ("EL", Token::Else),
    ("M", Token::Match),
    ("W", Token::Trait),
    ("X", Token::Impl),
    ("C", Token::ConstOrContinue),
    ("G", Token::Global),
    ("P", Token::Pub),
    ("I", Token::If),
    ("L", Token::AnyLoop),
    ("LW", Token::While),
    ("LF", Token::For),
    ("R", Token::Return),
    ("B", Token::Break),
    ("D", Token::Defer),
    ("U", Token::Import),
    ("N", Token::Extern),
];

/// Words with a meaning in one place only; everywhere else they are names.
pub mod contextual {
    /// Between the names and the module of an import.
    pub const FROM: &str = "from";
    /// Before the type of a cast and the new name of an import.
    pub const AS: &str = "as";
    /// Before the bars of a closure that takes what it captures by value.
    pub const MOVE: &str = "move";
    /// Before a pattern in a condition, in the spelling that has no such keyword.
    pub const LET: &str = "let";
    /// Before the operator in the name of a function that gives it a meaning.
    pub const OPERATOR: &str = "op";
    /// The receiver.
    pub const SELF: &str = "self";
    /// A pattern that binds nothing, and a type to be inferred.
    pub const WILD: &str = "_";
    /// The ABI of an `extern` block that names none.
    pub const DEFAULT_ABI: &str = "C";
}

/// From the packed letters of a keyword; looking a number up is much less work than looking a text up, and it is done
/// for every word of every file.
type Table = HashMap<u64, Token, FxBuildHasher>;

static TABLES: LazyLock<[Table; 3]> = LazyLock::new(|| {
    let words = |spelling| tables_of(spelling).iter().flat_map(|table| table.iter());
    Spelling::ALL.map(|spelling| words(spelling).map(|(word, token)| (packed(word), *token)).collect())
});

/// A word of at most [`LONGEST`] bytes as a number. No two give the same: none holds a NUL byte.
fn packed(word: &str) -> u64 {
    word.bytes().fold(0, |number, byte| number << 8 | u64::from(byte))
}

fn tables_of(spelling: Spelling) -> &'static [&'static [(&'static str, Token)]] {
    match spelling {
        Spelling::Vex => &[SHARED, WORDY, VEX],
        Spelling::Vera => &[SHARED, WORDY, VERA],
        Spelling::Vais => &[SHARED, VAIS],
    }
}

/// The longest keyword of any spelling, in bytes; longer words are names.
pub const LONGEST: usize = 8;

/// Every keyword of a spelling.
pub fn words(spelling: Spelling) -> impl Iterator<Item = &'static str> {
    tables_of(spelling).iter().flat_map(|table| table.iter().map(|(word, _)| *word))
}

/// The keyword that `word` is in this spelling, if it is one.
pub fn keyword(word: &str, spelling: Spelling) -> Option<Token> {
    if word.len() > LONGEST {
        return None;
    }
    TABLES[spelling as usize].get(&packed(word)).copied()
}

/// Whether `#` starts a comment.
pub fn hash_comments(spelling: Spelling) -> bool {
    spelling == Spelling::Vais
}

/// The words of this spelling that stand for `token`, the usual one first.
pub fn words_for(token: Token, spelling: Spelling) -> impl Iterator<Item = &'static str> {
    let same = move |known: Token| {
        known == token
            || (known == Token::ElseOrEnum && matches!(token, Token::Else | Token::Enum))
            || (known == Token::ConstOrContinue && matches!(token, Token::Const | Token::Continue))
    };
    tables_of(spelling).iter().flat_map(|table| table.iter()).filter(move |(_, t)| same(*t)).map(|(w, _)| *w)
}

/// What a word of another spelling is called in this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The keyword it is there.
    pub token: Token,
    /// The spelling whose word it is.
    pub from: Spelling,
    /// How this spelling writes it: a word, or a short form such as `x := mut e`.
    pub here: &'static str,
    /// Whether `here` can replace the word just so.
    pub replaceable: bool,
}

/// What `word` would be in this spelling, when it is a keyword of another spelling and a name here.
pub fn foreign(word: &str, spelling: Spelling) -> Option<Foreign> {
    if keyword(word, spelling).is_some() {
        return None;
    }
    let (from, token) =
        Spelling::ALL.into_iter().filter(|s| *s != spelling).find_map(|s| Some((s, keyword(word, s)?)))?;
    let (here, replaceable) = match (token, spelling) {
        (Token::Var, Spelling::Vex) => ("let!", true),
        (Token::Var, Spelling::Vais) => ("x := mut e", false),
        (Token::Let, Spelling::Vais) => ("x := e", false),
        (Token::Elif, _) => (else_if(spelling), true),
        (Token::While | Token::For | Token::Loop, Spelling::Vais) => ("L", token != Token::For),
        (Token::In, Spelling::Vais) => (":", false),
        (Token::AnyLoop, _) => ("loop, while or for", false),
        (Token::ElseOrEnum, _) => ("else", true),
        (Token::ConstOrContinue, _) => ("const or continue", false),
        (Token::Global, Spelling::Vex) => ("let!", true),
        (Token::Global, Spelling::Vera) => ("var", true),
        _ => (words_for(token, spelling).next()?, true),
    };
    let token = match token {
        Token::ElseOrEnum => Token::Else,
        Token::ConstOrContinue => Token::Continue,
        token => token,
    };
    Some(Foreign { token, from, here, replaceable })
}

/// How this spelling writes a further condition of an `if`.
fn else_if(spelling: Spelling) -> &'static str {
    match spelling {
        Spelling::Vex => "elif",
        Spelling::Vera => "else if",
        Spelling::Vais => "E I",
    }
}

/// Words that other languages have for something, and what it is here.
pub fn mistaken(word: &str, spelling: Spelling) -> Option<&'static str> {
    let token = match word {
        "and" => return Some("&&"),
        "or" => return Some("||"),
        "not" => return Some("!"),
        "func" | "def" | "fun" | "proc" => Token::Fn,
        "elseif" | "elsif" => return Some(else_if(spelling)),
        "use" | "include" | "require" => Token::Import,
        "class" | "type" => Token::Struct,
        "switch" | "case" => Token::Match,
        "interface" | "protocol" => Token::Trait,
        _ => return None,
    };
    words_for(token, spelling).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_fits_the_length_limit_and_is_in_one_table_once() {
        for spelling in Spelling::ALL {
            let mut words: Vec<_> =
                tables_of(spelling).iter().flat_map(|t| t.iter()).map(|(w, _)| *w).collect();
            assert!(words.iter().all(|w| w.len() <= LONGEST));
            let count = words.len();
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), count);
        }
    }

    #[test]
    fn words_of_other_spellings_have_a_form_here() {
        let here = |word, spelling| foreign(word, spelling).map(|f| f.here);
        assert_eq!(here("function", Spelling::Vex), Some("fn"));
        assert_eq!(here("var", Spelling::Vex), Some("let!"));
        assert_eq!(here("fn", Spelling::Vais), Some("F"));
        assert_eq!(here("else", Spelling::Vais), Some("E"));
        assert_eq!(here("I", Spelling::Vera), Some("if"));
        assert_eq!(here("fn", Spelling::Vex), None);
        assert_eq!(here("total", Spelling::Vex), None);
        for to in Spelling::ALL {
            for table in Spelling::ALL.iter().flat_map(|s| tables_of(*s)) {
                for (word, _) in table.iter() {
                    assert!(keyword(word, to).is_some() || foreign(word, to).is_some(), "{word} in {to:?}");
                }
            }
        }
    }
}
