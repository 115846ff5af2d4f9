//! Checked sessions: what their inputs do wrong with memory is reported, and what the checked heap knows is shown.

use std::cell::RefCell;
use std::ops::Range;

use vex_runtime::checked::{self, EnableError};

use super::{Reply, Session, SessionOptions};
use crate::defects::leaks::{self, Group, Which};
use crate::defects::model::position;
use crate::defects::reporter::{self, Settings};
use crate::defects::resolve::Resolver;
use crate::defects::words;
use crate::typed::GlobalId;

/// Bytes of freed blocks that are not used again at once: any input may keep addresses in integers.
const DELAY: usize = 16 << 20;

thread_local! {
    /// Where the variables of the session are, and their names.
    static VARIABLES: RefCell<Vec<(Range<usize>, String)>> = const { RefCell::new(Vec::new()) };
}

/// The name of the variable at an address.
fn variable(address: usize) -> Option<String> {
    VARIABLES.with_borrow(|all| {
        let found = all.iter().rev().find(|(range, _)| range.contains(&address))?;
        Some(found.1.clone())
    })
}

/// Turns the checked mode on in this process.
///
/// # Errors
/// [`EnableError`]
pub(super) fn enable(options: &SessionOptions) -> Result<(), EnableError> {
    checked::enable(checked::Options { delay: DELAY, ..checked::Options::default() })?;
    reporter::install(Settings { json: false, color: options.color_errors, keep_going: false, variable });
    Ok(())
}

impl Session {
    /// Before an input runs: it is a program of its own, which has done nothing wrong yet.
    pub(super) fn expect_defects(&self) {
        if !self.options.checked {
            return;
        }
        reporter::forget();
        let all = (0..self.program.globals.len()).filter_map(|index| {
            let range = self.range_of(GlobalId(index as u32))?;
            Some((range, self.program.globals[index].name.to_string()))
        });
        VARIABLES.set(all.collect());
    }

    fn resolve<R>(&self, work: impl FnOnce(&Resolver<'_>) -> R) -> R {
        let calls = |returns: &[usize]| self.code.calls_of(returns);
        work(&Resolver { calls: &calls, variable: &variable, sources: &self.sources })
    }

    /// `:leaks` of a checked session.
    pub(super) fn checked_leaks(&mut self) -> Reply {
        self.expect_defects();
        let leaked = checked::leaks(None);
        let (lost, all) = self.resolve(|resolver| {
            let group = |which| leaks::group(resolver.leaks(&leaked), which, resolver.sources);
            (group(Which::Lost), group(Which::All))
        });
        let mut text = String::new();
        for group in &lost {
            text.push_str(&group.text(&self.sources, self.options.color));
            text.push('\n');
        }
        if lost.is_empty() {
            text.push_str("no leaks\n");
        }
        let sum = |groups: &[Group]| {
            let (count, size) =
                groups.iter().fold((0, 0), |(n, b), group| (n + group.count, b + group.bytes));
            let blocks = if count == 1 { "1 block".into() } else { format!("{count} blocks") };
            format!("{blocks}, {}", words::bytes(size as i128))
        };
        if !lost.is_empty() {
            text.push_str(&format!("leaked: {}\n", sum(&lost)));
        }
        text.push_str(&format!("reachable from variables: {}\n", sum(&all[lost.len()..])));
        self.say(&text);
        self.reply(true, false)
    }

    /// What the checked heap knows of an address, in words.
    pub(super) fn checked_place(&self, address: usize) -> Option<String> {
        let info = checked::lookup(address).filter(|info| (info.base..=info.end()).contains(&address))?;
        let block = self.resolve(|resolver| resolver.block(&info));
        let mut text = format!("{address:#x}: byte {} of {}", address - block.base, words::short(&block));
        let places = [("allocated", Some(&block.allocated)), ("freed", block.freed.as_ref())];
        for (what, calls) in places {
            let place = calls.and_then(|calls| self.sources.locate(position(calls, &self.sources)));
            if let Some((file, at)) = place {
                text.push_str(&format!(", {what} at {}:{}", file.name, at.line));
            }
        }
        Some(text)
    }

    /// Says that a command is about the heap that checked sessions do not use.
    pub(super) fn no_picture(&self) -> Reply {
        let help = "`:leaks` and `:where` know the checked heap's blocks";
        self.error("a checked session has another heap, of which there is no picture", Some(help));
        self.reply(false, false)
    }
}
