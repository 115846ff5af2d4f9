//! Running one program with a time limit and catching what it prints.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Bytes kept of each stream; a program that prints more has failed.
const LIMIT: u64 = 64 << 20;

/// What a program did.
pub(super) struct Outcome {
    /// How it ended.
    pub end: End,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
}

/// How a program ended.
pub(super) enum End {
    /// By itself.
    Exited(ExitStatus),
    /// It was killed for taking too long.
    TimedOut,
    /// It was killed for printing too much.
    PrintedTooMuch,
}

/// Runs `command` in `folder` for at most `timeout`. Its input is `stdin`.
///
/// # Errors
///
/// When it cannot be started.
pub(super) fn run(
    command: &mut Command,
    folder: &Path,
    stdin: Stdio,
    timeout: Duration,
) -> io::Result<Outcome> {
    let deadline = Instant::now() + timeout;
    command.current_dir(folder).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    {
        // A group of its own, so that what it started dies with it.
        std::os::unix::process::CommandExt::process_group(command, 0);
        die_with_parent(command);
    }
    let mut child = command.spawn()?;
    let (sender, receiver) = mpsc::channel();
    let readers = [
        child.stdout.take().map(|pipe| read(pipe, sender.clone())),
        child.stderr.take().map(|pipe| read(pipe, sender)),
    ];
    let end = wait(&mut child, &receiver, deadline)?;
    let [stdout, stderr] =
        readers.map(|reader| reader.and_then(|thread| thread.join().ok()).unwrap_or_default());
    Ok(Outcome { end, stdout, stderr })
}

/// Has the child killed when this thread ends, so that Ctrl-C, which does not reach other process groups, leaves no
/// program running. Other systems than Linux cannot do it.
#[cfg(unix)]
fn die_with_parent(command: &mut Command) {
    #[cfg(target_os = "linux")]
    // SAFETY: the closure runs between fork and exec and only makes a system call.
    unsafe {
        std::os::unix::process::CommandExt::pre_exec(command, || {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}

/// Reads a pipe to its end on a thread, then says whether all of it fitted.
fn read(pipe: impl Read + Send + 'static, done: mpsc::Sender<bool>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut pipe = pipe.take(LIMIT);
        // What was read before an error is what there is to compare.
        let _ = pipe.read_to_end(&mut bytes);
        let _ = done.send(pipe.limit() > 0);
        bytes
    })
}

/// Waits for both pipes to close, then for the process.
fn wait(child: &mut Child, pipes: &mpsc::Receiver<bool>, deadline: Instant) -> io::Result<End> {
    for _ in 0..2 {
        match pipes.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(true) => {}
            Ok(false) => return kill(child, End::PrintedTooMuch),
            Err(_) => return kill(child, End::TimedOut),
        }
    }
    // The pipes are closed, so as a rule the process is ending too.
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(End::Exited(status));
        }
        if Instant::now() >= deadline {
            return kill(child, End::TimedOut);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Kills the process and its group, and collects it.
fn kill(child: &mut Child, end: End) -> io::Result<End> {
    #[cfg(unix)]
    {
        // SAFETY: the child was made the leader of its own group and has not
        // been collected, so the number still names that group.
        unsafe { libc::kill(-(child.id() as libc::pid_t), libc::SIGKILL) };
    }
    child.kill()?;
    child.wait()?;
    Ok(end)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: f64) -> Outcome {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let timeout = Duration::from_secs_f64(timeout);
        run(&mut command, Path::new("/"), Stdio::null(), timeout).expect("sh starts")
    }

    #[test]
    fn both_streams_and_the_status_come_back() {
        let outcome = shell("echo out; echo err >&2; pwd; exit 3", 20.0);
        assert!(matches!(outcome.end, End::Exited(status) if status.code() == Some(3)));
        assert_eq!((outcome.stdout.as_slice(), outcome.stderr.as_slice()), (&b"out\n/\n"[..], &b"err\n"[..]));
    }

    #[test]
    fn a_slow_program_and_its_children_are_killed() {
        let start = Instant::now();
        let outcome = shell("echo before; sleep 30 & sleep 30; echo after", 0.3);
        assert!(matches!(outcome.end, End::TimedOut));
        assert_eq!(outcome.stdout, b"before\n");
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn endless_output_is_cut() {
        let outcome = shell("yes", 50.0);
        assert!(matches!(outcome.end, End::PrintedTooMuch));
        assert_eq!(outcome.stdout.len() as u64, LIMIT);
    }
}
