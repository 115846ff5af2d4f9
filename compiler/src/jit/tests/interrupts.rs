//! Ctrl-C and closed pipes, each in a process of its own.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cranelift_codegen::ir::InstBuilder;
use vex_runtime::builtins::stream;

use super::support::Maker;
use crate::jit::{self, Outcome, RunOptions, ice};
use crate::lower::traps::Trap;

/// The variable that makes [`child`] run a program, and which.
const CHILD: &str = "VEXC_TEST_JIT_CHILD";

/// Not a test of its own: what the other tests start as a process.
#[test]
fn child() {
    let Ok(what) = std::env::var(CHILD) else { return };
    match &*what {
        "ice panic" => {
            ice::install();
            panic!("on purpose")
        }
        "ice fault" => {
            ice::install();
            // SAFETY: none; the fault is the point.
            unsafe { std::ptr::without_provenance_mut::<u8>(0x10).write_volatile(0) }
        }
        _ => {}
    }
    let mut maker = Maker::new("main\n");
    maker.function("main", 0, 0, |code| match &*what {
        "call" => {
            let seconds = code.int(100);
            code.call_symbol("sleep", &[seconds])
        }
        "read" => code.call_symbol("getchar", &[]),
        "hang" => {
            code.b.ins().trap(Trap::Unreachable.code());
            let after = code.b.create_block();
            code.b.switch_to_block(after);
            code.int(0)
        }
        _ => code.forever(),
    });
    let program = maker.compile().unwrap();
    jit::own_process();
    set_mask(libc::SIG_UNBLOCK);
    let mut out = stream::lock(stream::STDOUT);
    out.put(b"kept back\n");
    eprintln!("ready");
    if what == "flood" {
        loop {
            out.put(&[b'y'; 100]);
        }
    }
    drop(out);
    let recover = what == "session";
    let outcome = program.run(&maker.sources, &[], &RunOptions { recover, ..RunOptions::default() }).unwrap();
    while outcome == Outcome::Failed(String::new()) {
        // As if a report at exit waited for a lock that is never freed.
        std::thread::sleep(Duration::from_secs(60));
    }
    assert_eq!(outcome, Outcome::Interrupted);
    std::process::exit(77)
}

/// Blocks or unblocks the signals of these tests for the calling thread. A child starts with them blocked, so that
/// its test harness's threads do not get them, and unblocks them on the thread that runs the program.
fn set_mask(how: libc::c_int) {
    // SAFETY: an all-zero set is only storage for `sigemptyset`; the rest are plain numbers.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGINT);
        libc::sigaddset(&mut set, libc::SIGALRM);
        libc::pthread_sigmask(how, &set, std::ptr::null_mut());
    }
}

/// Starts a child.
fn spawn(what: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    // SAFETY: setting the signal mask is all that happens between `fork` and `exec`.
    unsafe {
        command.pre_exec(|| {
            set_mask(libc::SIG_BLOCK);
            Ok(())
        })
    };
    command
        .args(["--exact", "jit::tests::interrupts::child", "--nocapture", "--test-threads=1"])
        .env(CHILD, what)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Starts a child and waits until its program is about to run.
fn start(what: &str) -> Child {
    let mut child = spawn(what);
    let mut ready = [0; 6];
    child.stderr.as_mut().unwrap().read_exact(&mut ready).unwrap();
    child
}

/// Starts a program, presses Ctrl-C when it has settled, and returns its status, its output and how long it took.
fn interrupt(what: &str) -> (Option<i32>, String, Duration) {
    let mut child = start(what);
    std::thread::sleep(Duration::from_millis(50));
    let pressed = Instant::now();
    // SAFETY: the process is our own child, which has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    let status = child.wait().unwrap();
    let took = pressed.elapsed();
    let mut output = String::new();
    child.stdout.unwrap().read_to_string(&mut output).unwrap();
    (status.code(), output, took)
}

#[test]
fn ctrl_c_writes_the_output_and_ends_the_process() {
    for what in ["loop", "call", "read"] {
        let (status, output, took) = interrupt(what);
        assert_eq!(status, Some(130), "{what}");
        assert!(output.contains("kept back\n"), "{what}: {output}");
        assert!(took < Duration::from_millis(500), "{what}: {took:?}");
    }
}

#[test]
fn ctrl_c_in_a_session_stops_the_program_only() {
    let (status, _, took) = interrupt("session");
    assert_eq!(status, Some(77));
    assert!(took < Duration::from_millis(500), "{took:?}");
}

#[test]
fn ctrl_c_ends_a_process_whose_output_nobody_reads() {
    let mut child = start("flood");
    // The pipe fills up; then the program waits in a write, holding the lock.
    std::thread::sleep(Duration::from_millis(300));
    // SAFETY: the process is our own child, which has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    let pressed = Instant::now();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130), "{status:?}");
    assert!(pressed.elapsed() < Duration::from_millis(500));
}

#[test]
fn a_failed_program_ends_even_if_its_last_words_hang() {
    let output = start("hang").wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(jit::FAILED), "{output:?}");
    let report = String::from_utf8(output.stderr).unwrap();
    assert!(report.contains("unreachable code was reached"), "{report}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("kept back\n"));
}

#[test]
fn a_closed_pipe_ends_the_process_silently() {
    let mut child = start("flood");
    let mut some = [0; 4096];
    child.stdout.as_mut().unwrap().read_exact(&mut some).unwrap();
    drop(child.stdout.take());
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(libc::SIGPIPE), "{status:?}");
    let mut errors = String::new();
    child.stderr.unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!(errors, "");
}

#[test]
fn a_failure_of_the_compiler_says_so() {
    let report = |what: &str| {
        let output = spawn(what).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(ice::STATUS), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let panic = report("ice panic");
    assert!(panic.starts_with("internal compiler error: on purpose\n  at "), "{panic}");
    assert!(panic.ends_with("please report it with the program that shows it.\n"), "{panic}");
    let fault = report("ice fault");
    assert!(fault.starts_with("internal compiler error: invalid memory access at address 0x10\n"), "{fault}");
}
