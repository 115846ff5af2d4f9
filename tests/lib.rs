//! Test support shared by the test targets of this crate: running the command, and folders for its files.

#[cfg(target_os = "linux")]
pub mod preload;

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// What a run of the command did.
#[derive(Debug)]
pub struct Output {
    /// The exit status; 128 and more for a signal, as a shell says it.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Asserts the exit status, showing everything when it is another.
    #[track_caller]
    pub fn expect_status(self, status: i32) -> Output {
        assert_eq!(self.status, status, "\nstdout:\n{}\nstderr:\n{}", head(&self.stdout), head(&self.stderr));
        self
    }

    /// Asserts that standard output is exactly this.
    #[track_caller]
    pub fn expect_stdout(self, stdout: &str) -> Output {
        assert_eq!(self.stdout, stdout, "stderr:\n{}", head(&self.stderr));
        self
    }

    /// Asserts that standard error contains this.
    #[track_caller]
    pub fn expect_stderr(self, part: &str) -> Output {
        assert!(self.stderr.contains(part), "no `{part}` in:\n{}", head(&self.stderr));
        self
    }
}

/// The beginning of a text that may be long.
fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(4000)]
}

/// A command line under construction, with an environment that says nothing about colours.
#[derive(Debug)]
pub struct Run {
    command: Command,
    input: Vec<u8>,
}

impl Run {
    /// Of this program, in this folder.
    pub fn new(program: &str, folder: &Path) -> Run {
        let mut command = Command::new(program);
        for name in ["NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "CLICOLOR", "CI"] {
            command.env_remove(name);
        }
        command.current_dir(folder);
        Run { command, input: Vec::new() }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Run {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Run {
        self.command.args(args);
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: &str) -> Run {
        self.command.env(name, value);
        self
    }

    /// What it reads from standard input; nothing otherwise.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Run {
        self.input = input.into();
        self
    }

    /// The command as it is now, for tests that need more than [`Run::output`].
    pub fn command(self) -> Command {
        self.command
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn output(mut self) -> Output {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = self.input;
        // It may end without reading, and it may print before it has read everything.
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().expect("the program ends");
        writer.join().expect("the writer ends");
        Output {
            status: status_number(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs it to its end with both streams in one pipe; the exit status, and what it printed in order.
    #[track_caller]
    pub fn merged(mut self) -> (i32, String) {
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        self.command.stdin(Stdio::piped()).stdout(writer.try_clone().expect("a copy of the descriptor"));
        self.command.stderr(writer);
        let mut child = self.command.spawn().expect("the program starts");
        // This end of the pipe has copies in the command, which would keep it open.
        drop(self.command);
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = self.input;
        let feeder = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let mut printed = Vec::new();
        reader.read_to_end(&mut printed).expect("what it prints");
        feeder.join().expect("the writer ends");
        let status = child.wait().expect("the program ends");
        (status_number(status), String::from_utf8_lossy(&printed).into_owned())
    }
}

/// The status as a shell would say it.
pub fn status_number(status: std::process::ExitStatus) -> i32 {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
    }
    #[cfg(not(unix))]
    {
        status.code().unwrap_or(-1)
    }
}

/// A folder of its own for a test's files, removed at the end.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// An empty folder.
    pub fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("vex-tests-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary folder");
        Folder(path)
    }

    /// Adds a file, and the folders it lies in.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("a folder");
        }
        fs::write(&path, text).expect("a file");
        path
    }

    /// The text of a file in it.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).expect("a text file")
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for Folder {
    fn default() -> Folder {
        Folder::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A leftover in the temporary folder harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The project's root folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the root").to_path_buf()
}

/// A small generator (xorshift): tests must not differ from run to run.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// A number below `n`; 0 where there is none.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n.max(1)
    }
}

/// A new terminal of so many rows and columns: the side that shows, and the side that programs write to. Processes that
/// tests start meanwhile do not hold it open.
///
/// # Panics
/// When there is none to be had.
#[cfg(unix)]
pub fn open_terminal(rows: u16, columns: u16) -> (fs::File, std::os::fd::OwnedFd) {
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let (mut master, mut slave) = (0, 0);
    let (name, settings) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: the two numbers are written; null asks for no name and the default settings; the size is read.
    let outcome =
        unsafe { libc::openpty(&mut master, &mut slave, name, settings, (&raw const size).cast_mut()) };
    assert_eq!(outcome, 0, "a terminal can be had");
    // SAFETY: both are new descriptors that nothing else owns.
    let (master, slave) = unsafe { (fs::File::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) };
    // SAFETY: the descriptor is open.
    unsafe { libc::fcntl(master.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
    (master, slave)
}

/// A library of the workspace: builds the package with the profile of the running test, and says where `file` of it is.
///
/// # Panics
/// When it cannot be built.
pub fn build_library(package: &str, file: &str) -> PathBuf {
    // Beside the test: <target>/<profile>/deps/NAME-….
    let exe = std::env::current_exe().expect("the test knows where it is");
    let folder = exe.parent().and_then(Path::parent).expect("a folder of the profile");
    let target = folder.parent().expect("the target folder");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", package, "--target-dir"]).arg(target);
    match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") => {}
        Some(profile) => drop(cargo.args(["--profile", profile])),
        None => panic!("{} names no profile", folder.display()),
    }
    let output = cargo.current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder.join(file)
}
