//! Sessions that go wrong in every way, under a supervisor.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use super::*;
use crate::repl::interrupt;

/// An engine that does what it is told, to its process too. Numbers are added up and shown in completions.
struct Fake {
    sum: i64,
    spelling: Spelling,
}

impl Engine for Fake {
    fn feed(&mut self, input: &str) -> Reply {
        let mut reply =
            Reply { next: Next::Input, ok: true, keep: false, at_line_start: true, spelling: self.spelling };
        let (word, rest) = input.split_once(' ').unwrap_or((input, ""));
        match word {
            "kill" => signal(libc::SIGKILL),
            "pipe" => signal(libc::SIGPIPE),
            // SAFETY: ends the process.
            "exit" => unsafe { libc::_exit(3) },
            "panic" => std::panic::resume_unwind(Box::new("panic")),
            "hang" => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            "quit" => reply.next = Next::Quit(7),
            "restart" => {
                let inputs = rest.split_whitespace();
                reply.next = Next::Restart(inputs.map(|text| (text.into(), true)).collect());
            }
            "vais" => {
                self.spelling = Spelling::Vais;
                (reply.spelling, reply.keep) = (Spelling::Vais, true);
            }
            // Works only while the file exists.
            "file" => {
                reply.ok = std::path::Path::new(rest).exists();
                self.sum += i64::from(reply.ok);
                reply.keep = reply.ok;
            }
            // Ends the process unless it may print.
            "shy" => {
                if !is_open_to(libc::STDOUT_FILENO, rest) {
                    signal(libc::SIGKILL);
                }
                reply.keep = true;
            }
            _ => {
                reply.keep = true;
                reply.ok = word.parse().map(|n: i64| self.sum += n).is_ok();
            }
        }
        reply
    }

    fn close(&mut self) -> bool {
        true
    }

    fn complete(&mut self, text: &str, at: usize) -> Completion {
        match text {
            "kill" => signal(libc::SIGKILL),
            "hang" => std::thread::sleep(Duration::from_secs(1000)),
            _ => {}
        }
        let candidate = Candidate { text: self.sum.to_string(), detail: text[..at].into() };
        Completion { start: 0, candidates: vec![candidate] }
    }
}

fn signal(number: i32) {
    // SAFETY: gives this process, which is the session's, a signal.
    unsafe {
        libc::signal(number, libc::SIG_DFL);
        libc::kill(libc::getpid(), number);
    }
}

/// Whether a descriptor leads to the device with this number.
fn is_open_to(descriptor: i32, device: &str) -> bool {
    device_of(descriptor) == device
}

fn device_of(descriptor: i32) -> String {
    // SAFETY: all zeroes is a valid `stat`, which the call fills.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: writes the structure given.
    unsafe { libc::fstat(descriptor, &mut stat) };
    format!("{}:{}", stat.st_dev, stat.st_ino)
}

/// What a supervisor said.
type Said = Rc<RefCell<Vec<String>>>;

fn supervisor() -> (Supervisor<'static>, Said) {
    let said = Said::default();
    let heard = Rc::clone(&said);
    let say = move |what, _| {
        heard.borrow_mut().push(match what {
            Say::Error(text) => format!("error: {text}"),
            Say::Note(text) => format!("note: {text}"),
        });
    };
    let make = || Box::new(Fake { sum: 0, spelling: Spelling::Vex }) as Box<dyn Engine>;
    (Supervisor::new(make, say, Spelling::Vex, true).expect("a process"), said)
}

/// The sum of the session's numbers.
fn sum(supervisor: &mut Supervisor<'_>) -> String {
    supervisor.complete("x", 1).candidates.remove(0).text
}

fn feed(supervisor: &mut Supervisor<'_>, inputs: &[&str]) -> Vec<bool> {
    inputs.iter().map(|input| supervisor.feed(input).expect("a session").ok).collect()
}

#[test]
fn a_session_answers_and_ends() {
    let (mut supervisor, said) = supervisor();
    assert_eq!(feed(&mut supervisor, &["1", "20", "x"]), [true, true, false]);
    assert_eq!(supervisor.complete("ab", 1).candidates[0].detail, "a");
    assert_eq!(sum(&mut supervisor), "21");
    assert_eq!(supervisor.feed("quit").expect("a reply").next, Next::Quit(7));
    assert!(supervisor.close());
    assert_eq!(*said.borrow(), [""; 0]);
}

#[test]
fn whatever_ends_the_process_the_session_goes_on() {
    for (input, fate) in [
        ("kill", "was killed by SIGKILL (signal 9)"),
        ("exit", "ended with status 3"),
        ("panic", "was killed by SIGABRT (signal 6)"),
    ] {
        let (mut supervisor, said) = supervisor();
        assert_eq!(feed(&mut supervisor, &["1", "2", input, "4"]), [true, true, false, true], "{input}");
        assert_eq!(sum(&mut supervisor), "7", "{input}");
        let expected = format!(
            "error: the session's process {fate} while running this input; restored by running the 2 earlier inputs again"
        );
        assert_eq!(*said.borrow(), [expected]);
    }
}

#[test]
fn a_death_between_inputs_costs_nothing() {
    let (mut supervisor, said) = supervisor();
    feed(&mut supervisor, &["1"]);
    let child = supervisor.child.as_ref().expect("a process").pid();
    // SAFETY: the number is that of our child.
    unsafe { libc::kill(child, libc::SIGKILL) };
    // It may be dead when it is asked, or die of having been killed before it looks.
    assert_eq!(feed(&mut supervisor, &["2"]), [true]);
    assert_eq!(sum(&mut supervisor), "3");
    assert!(
        said.borrow()[0].contains("signal 9) while it waited for input; restored by running the one earlier")
    );
}

#[test]
fn completing_that_fails_gives_nothing() {
    for input in ["kill", "hang"] {
        let (mut supervisor, said) = supervisor();
        feed(&mut supervisor, &["1"]);
        assert_eq!(supervisor.complete(input, 1).candidates, []);
        assert_eq!(supervisor.complete("a", 1).candidates, []);
        assert_eq!(*said.borrow(), [""; 0], "nothing may disturb the line that is being edited");
        assert_eq!(feed(&mut supervisor, &["2"]), [true]);
        assert_eq!(sum(&mut supervisor), "3");
        assert!(said.borrow()[0].contains("completing; restored by running the one earlier input again"));
    }
}

#[test]
fn nothing_shows_while_the_session_is_restored() {
    let (mut supervisor, said) = supervisor();
    let nowhere = std::fs::OpenOptions::new().write(true).open("/dev/null").expect("a device");
    let nowhere = device_of(std::os::fd::AsRawFd::as_raw_fd(&nowhere));
    // Says which device is to be found; now it is another than on replay, so it must survive only there.
    let kept = Entry { text: format!("shy {nowhere}"), ok: true };
    supervisor.log.push(kept);
    assert_eq!(feed(&mut supervisor, &["kill", "5"]), [false, true]);
    assert_eq!(said.borrow().len(), 1, "{said:?}");
    assert_eq!(supervisor.log.len(), 2);
}

#[test]
fn an_input_that_kills_on_replay_is_left_out() {
    let (mut supervisor, said) = supervisor();
    feed(&mut supervisor, &["1"]);
    supervisor.log.push(Entry { text: "x\ny".into(), ok: false });
    supervisor.log.push(Entry { text: "exit 2".into(), ok: true });
    assert_eq!(feed(&mut supervisor, &["kill", "4"]), [false, true]);
    assert_eq!(sum(&mut supervisor), "5");
    assert_eq!(said.borrow()[1], "note: left out `exit 2`: the session's process ended with status 3");
    assert_eq!(supervisor.log.len(), 3);
}

#[test]
fn an_input_that_fails_on_replay_is_told_once() {
    let (mut supervisor, said) = supervisor();
    let path = std::env::temp_dir().join(format!("vexc-supervisor-{}", std::process::id()));
    std::fs::write(&path, "").expect("a file");
    let input = format!("file {}", path.display());
    assert_eq!(feed(&mut supervisor, &[&input, "wrong", "2"]), [true, false, true]);
    std::fs::remove_file(&path).expect("removed");
    feed(&mut supervisor, &["kill", "kill"]);
    assert_eq!(sum(&mut supervisor), "2");
    let notes: Vec<String> = said.borrow().iter().filter(|said| said.starts_with("note")).cloned().collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].ends_with("worked before, but fails now"), "{notes:?}");
}

#[test]
fn restarts_begin_anew_without_a_word() {
    let (mut supervisor, said) = supervisor();
    feed(&mut supervisor, &["1", "vais"]);
    assert_eq!(supervisor.spelling(), Spelling::Vais);
    let reply = supervisor.feed("restart 5 6").expect("a session");
    assert_eq!((reply.next, reply.ok, reply.spelling), (Next::Input, true, Spelling::Vex));
    assert_eq!(sum(&mut supervisor), "11");
    feed(&mut supervisor, &["kill"]);
    assert_eq!(sum(&mut supervisor), "11", "the inputs of the restart are remembered");
    assert!(supervisor.feed("restart").expect("a session").ok);
    assert_eq!(sum(&mut supervisor), "0");
    assert_eq!(said.borrow().len(), 1);
}

#[test]
fn a_second_ctrl_c_ends_what_the_first_did_not() {
    interrupt::install();
    let (mut supervisor, said) = supervisor();
    feed(&mut supervisor, &["1"]);
    let start = Instant::now();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                // SAFETY: this process counts the signal.
                unsafe { libc::kill(libc::getpid(), libc::SIGINT) };
                std::thread::sleep(Duration::from_millis(300));
            }
        });
        assert_eq!(feed(&mut supervisor, &["hang"]), [false]);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(start.elapsed() >= Duration::from_secs(1), "not before a second has passed");
    assert_eq!(sum(&mut supervisor), "1");
    assert!(said.borrow().iter().any(|said| said.contains("SIGKILL")), "{said:?}");
}

#[test]
fn without_a_reader_or_an_engine_there_is_no_session() {
    let (mut supervisor, _) = supervisor();
    assert_eq!(supervisor.feed("pipe"), Err(Fatal::OutputGone));
    let make = || -> Box<dyn Engine> { std::panic::resume_unwind(Box::new("none")) };
    let mut supervisor = Supervisor::new(make, |_, _| {}, Spelling::Vex, true).expect("a process");
    let Err(Fatal::NoProcess(why)) = supervisor.feed("1") else { panic!("a session without an engine") };
    assert_eq!(why, "the session's process was killed by SIGABRT (signal 6) at its start");
}

#[test]
fn long_inputs_pass() {
    let (mut supervisor, _) = supervisor();
    let long = "x".repeat(5_000_000);
    assert_eq!(feed(&mut supervisor, &[&long, "1"]), [false, true]);
}

#[test]
fn titles_are_short() {
    assert_eq!(title("a\nb"), "a…");
    assert_eq!(title(" a \n"), "a");
    assert_eq!(title(&"ü".repeat(60)), "ü".repeat(50) + "…");
}
