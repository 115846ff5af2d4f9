//! Keys that mean something else in entries of several lines: Enter, and those that would meet the margin.

use rustyline::{
    CharSearch, Cmd, ConditionalEventHandler, Editor, Event, EventContext, EventHandler, Helper, KeyCode,
    KeyEvent, Modifiers, Movement, RepeatCount,
};

use super::margin::{self, END, Recall};
use super::spelling::Current;
use super::split::wants_more;

/// What a key does at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// Ends what is complete, and makes a new line in what is not.
    Enter,
    /// Makes a new line.
    NewLine,
    Left,
    Right,
    DeleteLeft,
    DeleteRight,
    LineStart,
    DeleteToLineStart,
}

struct Key {
    action: Action,
    spelling: Current,
}

/// Gives the keys their meaning.
pub(super) fn bind<H: Helper>(editor: &mut Editor<H, Recall>, spelling: &Current) {
    let plain = |code| KeyEvent(code, Modifiers::NONE);
    let keys = [
        (plain(KeyCode::Enter), Action::Enter),
        (KeyEvent::ctrl('J'), Action::Enter),
        (KeyEvent(KeyCode::Enter, Modifiers::ALT), Action::NewLine),
        (plain(KeyCode::Left), Action::Left),
        (KeyEvent::ctrl('B'), Action::Left),
        (plain(KeyCode::Right), Action::Right),
        (KeyEvent::ctrl('F'), Action::Right),
        (plain(KeyCode::Backspace), Action::DeleteLeft),
        (plain(KeyCode::Delete), Action::DeleteRight),
        (KeyEvent::ctrl('D'), Action::DeleteRight),
        (plain(KeyCode::Home), Action::LineStart),
        (KeyEvent::ctrl('A'), Action::LineStart),
        (KeyEvent::ctrl('U'), Action::DeleteToLineStart),
    ];
    for (key, action) in keys {
        let handler = Key { action, spelling: spelling.clone() };
        editor.bind_sequence(key, EventHandler::Conditional(Box::new(handler)));
    }
}

impl ConditionalEventHandler for Key {
    fn handle(&self, _: &Event, times: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        let spelling = self.spelling.get();
        let margin = margin::margin(spelling);
        let (before, after) = context.line().split_at(context.pos());
        match self.action {
            Action::Enter if !wants_more(&margin::strip(context.line(), spelling), spelling) => {
                Some(Cmd::AcceptLine)
            }
            Action::Enter | Action::NewLine => Some(Cmd::Insert(1, format!("\n{margin}"))),
            action if times == 1 => at_margin(action, before, after, &margin),
            _ => None,
        }
    }
}

/// What a key does where it meets a margin; `None` elsewhere. Movements by more than one character are not to be had
/// for a key, so they are searches for the characters around a margin.
fn at_margin(action: Action, before: &str, after: &str, margin: &str) -> Option<Cmd> {
    let line = &before[before.rfind('\n').map_or(0, |newline| newline + 1)..];
    let to_newline = || Movement::ViCharSearch(1, CharSearch::Backward('\n'));
    let to_margin = || Movement::ViCharSearch(1, CharSearch::BackwardAfter(END));
    let beyond = || {
        let next = after.strip_prefix('\n')?.strip_prefix(margin)?;
        Some(match next.chars().next() {
            Some(first) => (Movement::ViCharSearch(1, CharSearch::Forward(first)), first),
            None => (Movement::EndOfBuffer, '\n'),
        })
    };
    match action {
        Action::Left if line == margin && before.len() > line.len() => Some(Cmd::Move(to_newline())),
        Action::DeleteLeft if line == margin && before.len() > line.len() => Some(Cmd::Kill(to_newline())),
        Action::Right => Some(Cmd::Move(beyond()?.0)),
        // Deletes what the cursor would jump over.
        Action::DeleteRight => match beyond()? {
            (Movement::EndOfBuffer, _) => Some(Cmd::Kill(Movement::EndOfBuffer)),
            (_, first) => Some(Cmd::Kill(Movement::ViCharSearch(1, CharSearch::ForwardBefore(first)))),
        },
        // Nothing to do where the search would find the margin of a line above.
        Action::LineStart if line == margin => Some(Cmd::Noop),
        Action::DeleteToLineStart if line == margin => Some(Cmd::Noop),
        Action::LineStart if line.starts_with(margin) => Some(Cmd::Move(to_margin())),
        Action::DeleteToLineStart if line.starts_with(margin) => Some(Cmd::Kill(to_margin())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vex_syntax::Spelling;

    #[test]
    fn keys_step_over_margins_and_are_themselves_elsewhere() {
        let margin = margin::margin(Spelling::Vex);
        let at = |action, before: &str, after: &str| {
            let (before, after) = (before.replace('|', &margin), after.replace('|', &margin));
            at_margin(action, &before, &after, &margin)
        };
        let back = Movement::ViCharSearch(1, CharSearch::Backward('\n'));
        assert_eq!(at(Action::Left, "a\n|", "b"), Some(Cmd::Move(back.clone())));
        assert_eq!(at(Action::DeleteLeft, "a\n|", "b"), Some(Cmd::Kill(back)));
        let start = Movement::ViCharSearch(1, CharSearch::BackwardAfter(END));
        assert_eq!(at(Action::LineStart, "a\n|bc", ""), Some(Cmd::Move(start.clone())));
        assert_eq!(at(Action::DeleteToLineStart, "a\n|bc", "d"), Some(Cmd::Kill(start)));
        assert_eq!(at(Action::LineStart, "a\n|", "b"), Some(Cmd::Noop));
        let ahead = Movement::ViCharSearch(1, CharSearch::Forward('b'));
        assert_eq!(at(Action::Right, "a", "\n|b"), Some(Cmd::Move(ahead)));
        assert_eq!(at(Action::Right, "a", "\n|"), Some(Cmd::Move(Movement::EndOfBuffer)));
        let ahead = Movement::ViCharSearch(1, CharSearch::ForwardBefore('\n'));
        assert_eq!(at(Action::DeleteRight, "a", "\n|\n|b"), Some(Cmd::Kill(ahead)));
        for action in [
            Action::Left,
            Action::Right,
            Action::DeleteLeft,
            Action::DeleteRight,
            Action::LineStart,
            Action::DeleteToLineStart,
        ] {
            assert_eq!(at(action, "a\nb", "c\nd"), None, "{action:?}");
            assert_eq!(at(action, "", ""), None, "{action:?}");
        }
    }
}
