//! What part a token plays among its neighbours, and where blanks stand because of it.

use crate::token::Token;

/// The part a token plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// What its token says.
    Plain,
    /// An operator before its operand, or the mark of a type before it.
    Prefix,
    /// An operator between operands; how loosely it binds, the loosest first.
    Infix(u8),
    /// The `?` or `:` of `c ? a : b`.
    Choice,
    /// A mark inside the name of a module or of a function such as `op+`, which has no blanks.
    Path,
    /// The bar before the parameters of a closure.
    OpenBar,
    /// The bar behind them.
    CloseBar,
    /// The `!` of `let!`.
    Mutable,
    /// The `(` of a call, of parameters or of a function type: what it belongs to stands directly before it.
    Call,
    /// The `[` of an index.
    Index,
    /// The `fn` of a declaration.
    Declares,
    /// The `(` of a receiver, `fn (self: &T) f()`.
    Receiver,
}

/// The level of `|`.
const PIPE: u8 = 5;

/// The levels of operators that lines may be broken at.
pub(super) fn level(token: Token) -> Option<u8> {
    use Token::*;
    Some(match token {
        PipeGt => 0,
        OrOr => 2,
        AndAnd => 3,
        EqEq | Ne | Lt | Le | Gt | Ge => 4,
        Pipe => PIPE,
        Caret => 6,
        Amp => 7,
        Shl | Shr => 8,
        Plus | Minus => 9,
        Star | Slash | Percent => 10,
        _ => return None,
    })
}

/// The level of `c ? a : b`.
pub(super) const CHOICE: u8 = 1;

/// The loosest level that is no longer worth a line of its own as long as brackets can be broken instead.
pub(super) const TIGHT: u8 = 4;

/// Whether a token can end an operand, so that an operator after it stands between two.
pub(super) fn ends_operand(token: Token, role: Role) -> bool {
    use Token::*;
    match token {
        Return | Break | Continue => false,
        SuffixBang => role != Role::Mutable,
        _ => token.can_end_statement(),
    }
}

/// Where something stands in a file, by indices of tokens.
pub(super) trait Places {
    /// Whether a statement, an arm or a member starts there.
    fn starts(&self, index: usize) -> bool;
    /// Whether it is part of a function's name, behind its start.
    fn in_name(&self, index: usize) -> bool;
    /// Whether it is the end of a function's name.
    fn ends_name(&self, index: usize) -> bool;
}

/// Gives each token of a file its role.
pub(super) fn roles(tokens: &[Token], places: &dyn Places) -> Vec<Role> {
    let mut pass =
        Pass { tokens, roles: Vec::with_capacity(tokens.len()), open: vec![Level::default()], path: false };
    for (index, token) in tokens.iter().enumerate() {
        let role = pass.role(index, places.starts(index));
        let named = *token == Token::LParen && index > 0 && places.ends_name(index - 1);
        pass.roles.push(match role {
            _ if places.in_name(index) => Role::Path,
            _ if named => Role::Call,
            role => role,
        });
    }
    pass.roles
}

/// What is open inside a bracket.
#[derive(Default)]
struct Level {
    /// How many `?` wait for their `:`.
    choices: u32,
    /// A bar was opened.
    bar: bool,
}

struct Pass<'a> {
    tokens: &'a [Token],
    roles: Vec<Role>,
    open: Vec<Level>,
    /// Inside the bare name of an imported module.
    path: bool,
}

impl Pass<'_> {
    fn role(&mut self, index: usize, start: bool) -> Role {
        use Token::*;
        let token = self.tokens[index];
        if start || matches!(token, StmtEnd | Semi) {
            self.path = false;
            *self.level() = Level::default();
        }
        let before = index.checked_sub(1).map(|b| (self.tokens[b], self.roles[b]));
        let operand = !start && before.is_some_and(|(token, role)| ends_operand(token, role));
        match token {
            Import => self.path = !matches!(self.tokens.get(index + 1), Some(Str | LBrace)),
            Slash | Colon if self.path => return Role::Path,
            As | From => self.path = false,
            RParen | RBracket | RBrace | RAngle if self.open.len() > 1 => drop(self.open.pop()),
            Comma if !self.level().bar => *self.level() = Level::default(),
            _ => {}
        }
        let role = match token {
            Fn if start || matches!(before, Some((Pub, _))) => Role::Declares,
            LParen => parenthesis(before, operand),
            LBracket if operand => Role::Index,
            SuffixBang if matches!(before, Some((Let, _))) => Role::Mutable,
            Question | Colon => self.choice(token),
            // The bar before the first of some alternatives.
            Pipe if start => Role::Plain,
            Pipe => self.bar(operand),
            Bang | Tilde => Role::Prefix,
            Minus | Star | Amp | AndAnd if !operand => Role::Prefix,
            OrOr if !operand => Role::Plain,
            At if operand => Role::Infix(u8::MAX),
            _ => level(token).map_or(Role::Plain, Role::Infix),
        };
        if matches!(token, LParen | LBracket | LBrace | LAngle) {
            self.open.push(Level::default());
        }
        role
    }

    fn level(&mut self) -> &mut Level {
        if self.open.is_empty() {
            self.open.push(Level::default());
        }
        let last = self.open.len() - 1;
        &mut self.open[last]
    }

    fn choice(&mut self, token: Token) -> Role {
        let level = self.level();
        if token == Token::Question {
            level.choices += 1;
            return Role::Choice;
        }
        if level.choices == 0 || level.bar {
            return Role::Plain;
        }
        level.choices -= 1;
        Role::Choice
    }

    fn bar(&mut self, operand: bool) -> Role {
        let level = self.level();
        if level.bar {
            level.bar = false;
            return Role::CloseBar;
        }
        if operand {
            return Role::Infix(PIPE);
        }
        level.bar = true;
        Role::OpenBar
    }
}

fn parenthesis(before: Option<(Token, Role)>, operand: bool) -> Role {
    match before {
        Some((Token::Fn, Role::Declares)) => Role::Receiver,
        Some((Token::Fn, _) | (Token::At, Role::Plain)) => Role::Call,
        _ if operand => Role::Call,
        _ => Role::Plain,
    }
}

/// Whether a blank stands between two neighbours on a line.
pub(super) fn blank(before: (Token, Role), after: (Token, Role)) -> bool {
    use Token::*;
    match (before, after) {
        (
            _,
            (
                Comma | Semi | SuffixBang | SuffixQuestion | RParen | RBracket | RAngle | LAngle | ColonColon,
                _,
            ),
        ) => false,
        (_, (Pipe, Role::CloseBar)) => false,
        (_, (_, Role::Path | Role::Call | Role::Index)) | ((_, Role::Path | Role::OpenBar), _) => false,
        ((LParen | LBracket | LAngle | ColonColon | Dot, _), _) => false,
        ((At, Role::Plain), _) => false,
        (before, (Dot, _)) => !ends_operand(before.0, before.1) && before.0 != At,
        (before, (DotDot | DotDotEq, _)) => !ends_operand(before.0, before.1),
        // `..` without an end.
        ((DotDot | DotDotEq, _), (token, _)) => {
            matches!(token, FatArrow | LBrace | RBrace | Pipe | If | Eq | Comma)
        }
        // Two of them would be one token.
        ((Amp, Role::Prefix), (Amp | AndAnd, _)) => true,
        // The type `!`.
        ((Bang, _), (LBrace | Eq | FatArrow | Arrow | Gt, _)) => true,
        ((_, Role::Prefix), _) => false,
        (_, (Colon, Role::Plain)) => false,
        _ => true,
    }
}
