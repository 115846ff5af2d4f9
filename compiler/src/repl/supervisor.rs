//! Keeps the session alive: remembers what made it what it is, and when its process ends unasked, makes it again.

use std::time::Duration;

use vex_syntax::Spelling;

use super::child::{Child, Death, Failure, UNWELL};
use super::protocol::{Answer, Request};
use crate::session::{Candidate, Completion, Engine, Next, Reply};

/// How long completing may take before it is given up.
const COMPLETION_LIMIT: Duration = Duration::from_secs(2);
/// Most candidates that are of use to anybody.
const MOST_CANDIDATES: usize = 2000;

/// How often an input is given to a process that ends before it has it.
const MOST_ATTEMPTS: u32 = 3;
/// When a process ended that had nothing to do.
const WAITING: &str = "while it waited for input";

/// Why there can be no session any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fatal {
    /// The process cannot be started, for this reason.
    NoProcess(String),
    /// Whoever read what the session prints has gone away.
    OutputGone,
}

/// An input that made the session what it is.
#[derive(Clone, Debug)]
struct Entry {
    text: String,
    /// Whether all went well.
    ok: bool,
}

/// Whom the terminal talks to.
pub(super) struct Supervisor<'a> {
    make: Box<dyn FnMut() -> Box<dyn Engine> + 'a>,
    /// Tells the user something.
    say: Box<dyn FnMut(Say, Cursor) + 'a>,
    /// Where the output ends.
    cursor: Cursor,
    /// The spelling of a new session.
    first_spelling: Spelling,
    spelling: Spelling,
    /// Whether programs find standard input at its end.
    no_input: bool,
    child: Option<Child>,
    /// What became of the last process, when there is none.
    lost: String,
    log: Vec<Entry>,
}

/// Something to tell the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Say {
    /// Something went wrong.
    Error(String),
    /// Something to know.
    Note(String),
}

/// Where the output ends that a message comes after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cursor {
    /// At the start of a line.
    LineStart,
    /// Nobody knows.
    Anywhere,
}

impl<'a> Supervisor<'a> {
    /// Starts a session. Call it while there is one thread.
    ///
    /// # Errors
    /// There is no room for a process.
    pub(super) fn new(
        make: impl FnMut() -> Box<dyn Engine> + 'a,
        say: impl FnMut(Say, Cursor) + 'a,
        spelling: Spelling,
        no_input: bool,
    ) -> Result<Supervisor<'a>, Fatal> {
        let mut supervisor = Supervisor {
            make: Box::new(make),
            say: Box::new(say),
            cursor: Cursor::LineStart,
            first_spelling: spelling,
            spelling,
            no_input,
            child: None,
            lost: String::new(),
            log: Vec::new(),
        };
        supervisor.start()?;
        Ok(supervisor)
    }

    /// The spelling that the next input is read in.
    pub(super) fn spelling(&self) -> Spelling {
        self.spelling
    }

    /// Has an input taken. When that ends the process, the session is restored without the input, which has failed.
    /// What is next is never a restart nor another input: that has been done.
    ///
    /// # Errors
    /// There is no session any more.
    pub(super) fn feed(&mut self, text: &str) -> Result<Reply, Fatal> {
        let request = Request::Feed { text: text.into(), quiet: false };
        let mut attempts = 0;
        let reply = loop {
            self.revive()?;
            attempts += 1;
            // What was typed ended a line.
            self.cursor = Cursor::LineStart;
            match self.ask(&request, None) {
                Ok(Answer::Reply(reply)) => break Reply::from(reply),
                Ok(_) => return Err(self.nonsense()),
                Err(Failure::DiedBefore(death)) => {
                    self.restore(death, WAITING)?;
                    // It is not the input's fault. Whose it is nobody knows, if this goes on.
                    if attempts == MOST_ATTEMPTS {
                        return Ok(self.failed());
                    }
                }
                Err(Failure::Died(death)) => {
                    self.cursor = Cursor::Anywhere;
                    self.restore(death, "while running this input")?;
                    return Ok(self.failed());
                }
                Err(Failure::Late) => unreachable!("there is no limit"),
            }
        };
        self.spelling = reply.spelling;
        if !reply.at_line_start {
            self.cursor = Cursor::Anywhere;
        }
        if reply.keep {
            self.log.push(Entry { text: text.into(), ok: reply.ok });
        }
        match reply.next {
            // An input that was edited is an input like any other; it cannot ask for another one.
            Next::Feed(text) => self.feed(&text),
            Next::Restart(inputs) => {
                self.restart(inputs)?;
                Ok(Reply { next: Next::Input, spelling: self.spelling, ..reply })
            }
            Next::Input | Next::Quit(_) => Ok(reply),
        }
    }

    /// Completes `text` up to byte `at`. Nothing when the session cannot tell.
    pub(super) fn complete(&mut self, text: &str, at: usize) -> Completion {
        let nothing = Completion { start: at, candidates: Vec::new() };
        if self.child.as_mut().is_none_or(|child| child.has_died().is_some()) {
            // Found out again, and explained, with the next input.
            return nothing;
        }
        match self.ask(&Request::Complete { text: text.into(), at }, Some(COMPLETION_LIMIT)) {
            Ok(Answer::Completion { start, candidates }) if text.is_char_boundary(start) && start <= at => {
                let candidates = candidates.into_iter().take(MOST_CANDIDATES);
                let candidates = candidates.map(|(text, detail)| Candidate { text, detail }).collect();
                Completion { start, candidates }
            }
            Err(failure) => {
                self.child.take().map(Child::kill);
                self.lost = match failure {
                    Failure::Died(death) | Failure::DiedBefore(death) => format!("{death} while completing"),
                    Failure::Late => "did not come back from completing".into(),
                };
                nothing
            }
            Ok(_) => nothing,
        }
    }

    /// Ends the session; what dropping its variables prints is shown. False when that did not go well.
    pub(super) fn close(&mut self) -> bool {
        let Some(mut child) = self.child.take() else { return true };
        let death = match child.has_died() {
            Some(death) => death,
            None => child.close(false, &mut || (self.say)(stuck(), Cursor::Anywhere)),
        };
        if death != Death::Exit(0) && death != Death::Exit(UNWELL) && death != Death::Signal(libc::SIGPIPE) {
            self.cursor = Cursor::Anywhere;
            self.tell(Say::Error(format!("the session's process {death} while ending")));
        }
        death == Death::Exit(0)
    }

    fn tell(&mut self, what: Say) {
        (self.say)(what, std::mem::replace(&mut self.cursor, Cursor::LineStart));
    }

    fn start(&mut self) -> Result<(), Fatal> {
        self.spelling = self.first_spelling;
        match Child::start(&mut self.make, self.no_input) {
            Ok(child) => self.child = Some(child),
            Err(error) => return Err(Fatal::NoProcess(error.to_string())),
        }
        Ok(())
    }

    fn ask(&mut self, request: &Request, limit: Option<Duration>) -> Result<Answer, Failure> {
        let say = &mut self.say;
        let child = self.child.as_mut().expect("a session that was revived");
        // With a limit, patience is not needed; and there may be an editor on the screen.
        let answer = child.ask(request, limit, &mut || {
            if limit.is_none() {
                say(stuck(), Cursor::Anywhere)
            }
        });
        if matches!(answer, Err(Failure::Died(_) | Failure::DiedBefore(_))) {
            self.child = None;
        }
        answer
    }

    /// Makes sure that there is a process.
    fn revive(&mut self) -> Result<(), Fatal> {
        match &mut self.child {
            Some(child) => match child.has_died() {
                Some(death) => self.restore(death, WAITING),
                None => Ok(()),
            },
            None => {
                self.announce(&self.lost.clone());
                self.replay()
            }
        }
    }

    /// After a death: says so, and makes the session again.
    fn restore(&mut self, death: Death, when: &str) -> Result<(), Fatal> {
        if death == Death::Signal(libc::SIGPIPE) {
            return Err(Fatal::OutputGone);
        }
        self.child = None;
        self.announce(&format!("{death} {when}"));
        self.replay()
    }

    fn announce(&mut self, fate: &str) {
        let restored = match self.log.len() {
            0 => "a new session has been started".into(),
            1 => "restored by running the one earlier input again".into(),
            n => format!("restored by running the {n} earlier inputs again"),
        };
        self.tell(Say::Error(format!("the session's process {fate}; {restored}")));
    }

    /// A new session of these inputs, on request.
    fn restart(&mut self, inputs: Vec<(String, bool)>) -> Result<(), Fatal> {
        if let Some(child) = self.child.take() {
            child.close(true, &mut || (self.say)(stuck(), Cursor::Anywhere));
        }
        self.log = inputs.into_iter().map(|(text, ok)| Entry { text, ok }).collect();
        self.replay()
    }

    /// Starts a process and runs the log in it. An input that ends the process is taken off the log, and everything
    /// begins anew; so this ends.
    fn replay(&mut self) -> Result<(), Fatal> {
        'anew: loop {
            self.start()?;
            let say = &mut self.say;
            let child = self.child.as_mut().expect("it was just started");
            if let Err(Failure::Died(death)) = child.wait_ready(None, &mut || say(stuck(), Cursor::Anywhere))
            {
                return Err(Fatal::NoProcess(format!("the session's process {death} at its start")));
            }
            for index in 0..self.log.len() {
                let request = Request::Feed { text: self.log[index].text.clone(), quiet: true };
                match self.ask(&request, None) {
                    Ok(Answer::Reply(reply)) => self.replayed(index, &Reply::from(reply)),
                    Ok(_) => return Err(self.nonsense()),
                    Err(Failure::Died(death) | Failure::DiedBefore(death)) => {
                        let gone = self.log.remove(index);
                        let title = title(&gone.text);
                        self.tell(Say::Note(format!("left out `{title}`: the session's process {death}")));
                        continue 'anew;
                    }
                    Err(Failure::Late) => unreachable!("there is no limit"),
                }
            }
            return Ok(());
        }
    }

    fn replayed(&mut self, index: usize, reply: &Reply) {
        self.spelling = reply.spelling;
        if self.log[index].ok && !reply.ok {
            self.log[index].ok = false;
            let title = title(&self.log[index].text);
            self.tell(Say::Note(format!("`{title}` worked before, but fails now")));
        }
    }

    /// The reply to an input that ended the process.
    fn failed(&self) -> Reply {
        Reply { next: Next::Input, ok: false, keep: false, at_line_start: true, spelling: self.spelling }
    }

    fn nonsense(&mut self) -> Fatal {
        self.child.take().map(Child::kill);
        Fatal::NoProcess("the session's process gave the wrong answer".into())
    }
}

impl Drop for Supervisor<'_> {
    fn drop(&mut self) {
        self.child.take().map(Child::kill);
    }
}

fn stuck() -> Say {
    Say::Note("still running; press Ctrl-C again to end the session's process and restore the session".into())
}

/// The first line of an input, shortened.
fn title(text: &str) -> String {
    const LONGEST: usize = 50;
    let line = text.trim().lines().next().unwrap_or("");
    let whole = line.len() == text.trim().len() && line.chars().count() <= LONGEST;
    let mut title: String = line.chars().take(LONGEST).collect();
    if !whole {
        title.push('…');
    }
    title
}

#[cfg(test)]
mod tests;
