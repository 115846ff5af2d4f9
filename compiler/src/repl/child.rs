//! The process that the session lives in, seen from both of its ends.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::interrupt;
use super::protocol::{self, Answer, Request};
use crate::session::Engine;
use crate::stack::on_deep_stack;

/// How long after a Ctrl-C that did not help another one ends the process.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is looked whether that time has passed, in milliseconds.
const LOOK: i32 = 100;

/// Status of a process whose session failed while ending, after reporting why.
pub(super) const UNWELL: i32 = 1;

/// The session's process, as the terminal's process sees it.
#[derive(Debug)]
pub(super) struct Child {
    pid: libc::pid_t,
    socket: Socket,
    ready: bool,
    /// Set once it has been waited for.
    dead: Option<Death>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// By this signal.
    Signal(i32),
    /// With this status.
    Exit(i32),
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The process has ended before it had seen the request.
    DiedBefore(Death),
    /// The process has ended.
    Died(Death),
    /// It did not answer in time, and goes on.
    Late,
}

impl Child {
    /// Starts a process that calls `make` and serves what it returns. With `no_input` it finds standard input at its
    /// end. Nothing of it survives this process.
    ///
    /// # Errors
    /// The system has no room for a process or a socket.
    pub(super) fn start(make: &mut dyn FnMut() -> Box<dyn Engine>, no_input: bool) -> io::Result<Child> {
        let (ours, theirs) = UnixStream::pair()?;
        // What is buffered would otherwise be written by both.
        io::stdout().flush()?;
        // SAFETY: takes no arguments.
        let parent = unsafe { libc::getpid() };
        // SAFETY: the child runs on with a copy of everything. There are no other threads whose locks it could wait for.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                drop(ours);
                live(theirs, parent, make, no_input)
            }
            pid => Ok(Child { pid, socket: Socket::new(ours), ready: false, dead: None }),
        }
    }

    /// Sends a request and waits for its answer, at most `limit` if there is one. A second Ctrl-C, a second or more
    /// after the first, ends the process; `stuck` is called once when the first did not help.
    pub(super) fn ask(
        &mut self,
        request: &Request,
        limit: Option<Duration>,
        stuck: &mut dyn FnMut(),
    ) -> Result<Answer, Failure> {
        let interrupts = interrupt::count();
        if protocol::write(&mut self.socket, request).is_err() {
            return Err(Failure::DiedBefore(self.reap()));
        }
        let before = |failure| match failure {
            Failure::Died(death) => Failure::DiedBefore(death),
            other => other,
        };
        self.wait_ready(limit, stuck).map_err(before)?;
        if matches!(request, Request::Feed { .. }) {
            self.answer(interrupts, limit, stuck).map_err(before)?;
        }
        self.answer(interrupts, limit, stuck)
    }

    /// Its number in the system.
    #[cfg(test)]
    pub(super) fn pid(&self) -> libc::pid_t {
        self.pid
    }

    /// Waits until it has started, at most `limit` if there is one.
    pub(super) fn wait_ready(
        &mut self,
        limit: Option<Duration>,
        stuck: &mut dyn FnMut(),
    ) -> Result<(), Failure> {
        if !self.ready {
            self.answer(interrupt::count(), limit, stuck)?;
            self.ready = true;
        }
        Ok(())
    }

    /// Asks it to end and waits until it has.
    pub(super) fn close(mut self, quiet: bool, stuck: &mut dyn FnMut()) -> Death {
        let interrupts = interrupt::count();
        if protocol::write(&mut self.socket, &Request::Close { quiet }).is_ok() {
            loop {
                match self.answer(interrupts, None, stuck) {
                    // An answer that nobody waited for any more.
                    Ok(_) => {}
                    Err(Failure::Died(death) | Failure::DiedBefore(death)) => return death,
                    Err(Failure::Late) => {}
                }
            }
        }
        self.reap()
    }

    /// Ends it at once.
    pub(super) fn kill(mut self) -> Death {
        self.send_kill();
        self.reap()
    }

    /// How it ended, if it has.
    pub(super) fn has_died(&mut self) -> Option<Death> {
        self.dead.or_else(|| self.wait(libc::WNOHANG))
    }

    fn send_kill(&self) {
        if self.dead.is_none() {
            // SAFETY: the number is that of our child, which has not been waited for.
            unsafe { libc::kill(self.pid, libc::SIGKILL) };
        }
    }

    /// Waits for its end, which has come or is certain.
    fn reap(&mut self) -> Death {
        loop {
            if let Some(death) = self.dead.or_else(|| self.wait(0)) {
                return death;
            }
        }
    }

    /// How it ended; `None` when a signal came first, or with `WNOHANG` when it has not.
    fn wait(&mut self, flags: libc::c_int) -> Option<Death> {
        let mut status = 0;
        // SAFETY: the number is that of our child, which nobody has waited for; the status is written.
        let pid = unsafe { libc::waitpid(self.pid, &mut status, flags) };
        if pid == self.pid {
            self.dead = Some(Death::from_status(status));
        } else if pid < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            // Somebody else waited for it.
            self.dead = Some(Death::Exit(-1));
        }
        self.dead
    }

    /// The next answer. `interrupts` is the count of Ctrl-C before the request.
    fn answer(
        &mut self,
        interrupts: usize,
        limit: Option<Duration>,
        stuck: &mut dyn FnMut(),
    ) -> Result<Answer, Failure> {
        let start = Instant::now();
        let (mut seen, mut first, mut told) = (interrupts, None::<Instant>, false);
        while !self.socket.has_input(LOOK) {
            if limit.is_some_and(|limit| start.elapsed() >= limit) {
                return Err(Failure::Late);
            }
            let late = first.is_some_and(|first| first.elapsed() >= PATIENCE);
            if limit.is_none() && interrupt::count() != seen {
                seen = interrupt::count();
                first = first.or_else(|| Some(Instant::now()));
                if late {
                    self.send_kill();
                }
            } else if late && !told {
                told = true;
                stuck();
            }
        }
        match protocol::read(&mut self.socket) {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(Failure::Died(self.reap())),
            Err(_) => {
                // Half an answer, or nonsense: nothing more can be had from it.
                self.send_kill();
                Err(Failure::Died(self.reap()))
            }
        }
    }
}

impl Death {
    fn from_status(status: i32) -> Death {
        if libc::WIFSIGNALED(status) {
            Death::Signal(libc::WTERMSIG(status))
        } else {
            Death::Exit(libc::WEXITSTATUS(status))
        }
    }
}

impl fmt::Display for Death {
    /// As in "the process … while it ran".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signal = match self {
            Death::Exit(status) => return write!(f, "ended with status {status}"),
            Death::Signal(signal) => *signal,
        };
        let name = match signal {
            libc::SIGABRT => "SIGABRT ",
            libc::SIGALRM => "SIGALRM ",
            libc::SIGBUS => "SIGBUS ",
            libc::SIGFPE => "SIGFPE ",
            libc::SIGHUP => "SIGHUP ",
            libc::SIGILL => "SIGILL ",
            libc::SIGINT => "SIGINT ",
            libc::SIGKILL => "SIGKILL ",
            libc::SIGPIPE => "SIGPIPE ",
            libc::SIGQUIT => "SIGQUIT ",
            libc::SIGSEGV => "SIGSEGV ",
            libc::SIGSYS => "SIGSYS ",
            libc::SIGTERM => "SIGTERM ",
            libc::SIGTRAP => "SIGTRAP ",
            libc::SIGXCPU => "SIGXCPU ",
            _ => return write!(f, "was killed by signal {signal}"),
        };
        write!(f, "was killed by {name}(signal {signal})")
    }
}

/// One end of the connection; writing to a dead peer is an error and not a signal.
#[derive(Debug)]
struct Socket(UnixStream);

impl Socket {
    fn new(stream: UnixStream) -> Socket {
        #[cfg(target_vendor = "apple")]
        {
            let on: libc::c_int = 1;
            // SAFETY: the descriptor is open, and the option's value is an `int` of the size given.
            unsafe {
                libc::setsockopt(
                    stream.as_raw_fd(),
                    libc::SOL_SOCKET,
                    libc::SO_NOSIGPIPE,
                    (&raw const on).cast(),
                    size_of_val(&on) as libc::socklen_t,
                )
            };
        }
        Socket(stream)
    }

    /// Whether there is something to read, or the end; waits for it so many milliseconds, less when a signal comes.
    fn has_input(&self, milliseconds: i32) -> bool {
        let mut poll = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one open descriptor, described by one entry.
        unsafe { libc::poll(&mut poll, 1, milliseconds) > 0 }
    }
}

impl Read for &mut Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for &mut Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(target_vendor = "apple")]
        let flags = 0;
        #[cfg(not(target_vendor = "apple"))]
        let flags = libc::MSG_NOSIGNAL;
        // SAFETY: the descriptor is open, and the bytes are ours to read.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The life of the session's process.
fn live(
    stream: UnixStream,
    parent: libc::pid_t,
    make: &mut dyn FnMut() -> Box<dyn Engine>,
    no_input: bool,
) -> ! {
    // SAFETY: changes how signals are taken, with no handler involved; the rest takes and returns numbers.
    let orphan = unsafe {
        // Until the engine knows what to do with it. It is for what runs, not for the process.
        libc::signal(libc::SIGINT, libc::SIG_IGN);
        #[cfg(target_os = "linux")]
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        // The parent may have ended before that was said.
        libc::getppid() != parent
    };
    let mut status = 0;
    if !orphan {
        if no_input {
            redirect(&[libc::STDIN_FILENO]);
        }
        let mut socket = Socket::new(stream);
        match catch_unwind(AssertUnwindSafe(|| on_deep_stack(|| serve(&mut socket, make)))) {
            Ok(well) => status = if well { 0 } else { UNWELL },
            Err(_) => std::process::abort(),
        }
    }
    let _ = io::stdout().flush();
    // SAFETY: ends the process; the parent's duties at its exit stay the parent's.
    unsafe { libc::_exit(status) }
}

/// Answers requests until there are no more. False when the session did not end well.
fn serve(socket: &mut Socket, make: &mut dyn FnMut() -> Box<dyn Engine>) -> bool {
    let mut engine = make();
    if protocol::write(&mut *socket, &Answer::Ready).is_err() {
        return true;
    }
    while let Ok(Some(request)) = protocol::read::<Request>(&mut *socket) {
        let answer = match request {
            Request::Feed { text, quiet } => {
                if protocol::write(&mut *socket, &Answer::Taken).is_err() {
                    return true;
                }
                let _silence = quiet.then(Silence::begin);
                Answer::from(engine.feed(&text))
            }
            Request::Complete { text, at } => Answer::from(engine.complete(&text, at)),
            Request::Close { quiet } => {
                let _silence = quiet.then(Silence::begin);
                return engine.close();
            }
        };
        if protocol::write(&mut *socket, &answer).is_err() {
            return true;
        }
    }
    true
}

/// The three standard streams.
const STREAMS: [i32; 3] = [libc::STDIN_FILENO, libc::STDOUT_FILENO, libc::STDERR_FILENO];

/// While it lives, the standard streams lead nowhere.
struct Silence([Option<OwnedFd>; 3]);

impl Silence {
    fn begin() -> Silence {
        let _ = io::stdout().flush();
        let saved = STREAMS.map(|stream| {
            // SAFETY: asks for a copy of a descriptor; one that is not open gives -1.
            let copy = unsafe { libc::fcntl(stream, libc::F_DUPFD_CLOEXEC, 3) };
            // SAFETY: a descriptor that was just made and that nothing else owns.
            (copy >= 0).then(|| unsafe { OwnedFd::from_raw_fd(copy) })
        });
        redirect(&STREAMS);
        Silence(saved)
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = io::stdout().flush();
        for (stream, saved) in STREAMS.into_iter().zip(&self.0) {
            // SAFETY: makes `stream` what it was; only this type owns the copy.
            unsafe {
                match saved {
                    Some(saved) => libc::dup2(saved.as_raw_fd(), stream),
                    None => libc::close(stream),
                }
            };
        }
    }
}

/// Makes these streams lead nowhere.
fn redirect(streams: &[i32]) {
    // SAFETY: the name is a C string; the descriptor is used only where it was opened.
    unsafe {
        let nowhere = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        for stream in streams {
            libc::dup2(nowhere, *stream);
        }
        if nowhere > libc::STDERR_FILENO {
            libc::close(nowhere);
        }
    }
}
