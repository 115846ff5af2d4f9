//! The programs that are run with allocators preloaded, and what they work on: all of it made by scripts here.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::project;

/// A program and its work. The scripts are for `sh`, which ends at the first command that fails; `TOOL` is the program.
pub struct Program {
    /// What the table calls it.
    pub name: &'static str,
    /// What it may be called; the first that is installed counts.
    tools: &'static [&'static str],
    /// Files of its folder.
    pub files: &'static [(&'static str, &'static str)],
    /// Run once, with nothing preloaded.
    pub prepare: &'static str,
    /// Run before every run, with nothing preloaded.
    pub before: &'static str,
    /// What is timed.
    pub run: &'static str,
    /// Run after every run, with nothing preloaded; what it prints must be the same each time, too.
    pub after: &'static str,
    /// Whether it takes so long that it is not run as often as the others.
    pub long: bool,
}

/// A program that only runs a script of its own.
const PLAIN: Program =
    Program { name: "", tools: &[], files: &[], prepare: "", before: "", run: "", after: "", long: false };

/// All programs, in the order of the table.
pub const PROGRAMS: &[Program] = &[
    Program {
        name: "python3",
        tools: &["python3"],
        files: &[("work.py", include_str!("../../programs/work.py"))],
        run: "exec \"$TOOL\" work.py",
        ..PLAIN
    },
    Program {
        name: "python3, PYTHONMALLOC=malloc",
        tools: &["python3"],
        files: &[("work.py", include_str!("../../programs/work.py"))],
        run: "export PYTHONMALLOC=malloc; exec \"$TOOL\" work.py",
        ..PLAIN
    },
    Program {
        name: "perl",
        tools: &["perl"],
        files: &[("work.pl", include_str!("../../programs/work.pl"))],
        run: "exec \"$TOOL\" work.pl",
        ..PLAIN
    },
    Program {
        name: "gcc -O2",
        tools: &["gcc", "cc"],
        files: &[("generate.awk", include_str!("../../programs/generate.awk"))],
        prepare: "awk -f generate.awk >generated.c",
        run: "exec \"$TOOL\" -O2 -w -c generated.c -o generated.o",
        after: "cksum generated.o",
        ..PLAIN
    },
    Program {
        name: "git",
        tools: &["git"],
        files: &[
            ("repository.sh", include_str!("../../programs/repository.sh")),
            ("history.sh", include_str!("../../programs/history.sh")),
        ],
        prepare: "sh -e repository.sh; mv repository made",
        before: "rm -rf repository; cp -r made repository",
        run: "exec sh -e history.sh",
        ..PLAIN
    },
    Program {
        name: "sqlite3",
        tools: &["sqlite3"],
        files: &[("work.sql", include_str!("../../programs/work.sql"))],
        run: "exec \"$TOOL\" :memory: <work.sql",
        ..PLAIN
    },
    Program {
        name: "sort",
        tools: &["sort"],
        prepare: "seq 1 400000 | awk '{ print ($1 * 7919) % 1000003, $1, \"line\", $1 % 977 }' >lines",
        run: "\"$TOOL\" --parallel=2 -k4n -k1n lines; exec \"$TOOL\" -n -u -S 4M lines",
        ..PLAIN
    },
    Program {
        name: "lua",
        tools: &["lua", "lua5.4", "lua5.3"],
        files: &[("work.lua", include_str!("../../programs/work.lua"))],
        run: "exec \"$TOOL\" work.lua",
        ..PLAIN
    },
    Program {
        name: "cargo build",
        tools: &["cargo"],
        before: "rm -rf target",
        run: "exec \"$TOOL\" build --offline --locked --quiet -p vex-malloc \
              --manifest-path \"$PROJECT/Cargo.toml\" --target-dir \"$PWD/target\"",
        after: "cksum target/debug/libvexmalloc.so",
        long: true,
        ..PLAIN
    },
];

impl Program {
    /// The program's file; what is missing otherwise.
    pub fn tool(&self) -> Result<PathBuf, String> {
        // The one that builds this very program, where there is one, is no wrapper that chooses a toolchain.
        if let (["cargo"], Some(cargo)) = (self.tools, env::var_os("CARGO").map(PathBuf::from))
            && cargo.is_file()
        {
            return project::root().map(|_| cargo);
        }
        let found = self.tools.iter().find_map(|name| installed(name));
        let tool = found.ok_or_else(|| format!("{} is not installed", self.tools.join(" or ")))?;
        match self.tools {
            ["cargo"] => project::root().map(|_| tool),
            ["python3"] => python(&tool).ok_or_else(|| "python3 does not start".to_string()),
            _ => Ok(tool),
        }
    }

    /// Writes its files and prepares its folder; what went wrong otherwise.
    pub fn set_up(&self, folder: &Path, tool: &Path) -> Result<(), String> {
        let said = |error: std::io::Error| error.to_string();
        std::fs::create_dir_all(folder).map_err(said)?;
        for (name, text) in self.files {
            std::fs::write(folder.join(name), text).map_err(said)?;
        }
        let output = script(self.prepare, folder, tool).output().map_err(said)?;
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

/// A script in its folder, with an environment that is the same each time.
pub fn script(text: &str, folder: &Path, tool: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-e", "-c", text]).current_dir(folder).stdin(Stdio::null()).env_clear();
    command.env("TOOL", tool).env("HOME", folder).env("PATH", env::var_os("PATH").unwrap_or_default());
    for (name, value) in [
        ("LC_ALL", "C"),
        ("TZ", "UTC"),
        ("PYTHONHASHSEED", "0"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PERL_HASH_SEED", "0"),
        ("PERL_PERTURB_KEYS", "0"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "somebody"),
        ("GIT_COMMITTER_NAME", "somebody"),
        ("EMAIL", "somebody@example.org"),
        ("GIT_AUTHOR_DATE", "2001-01-01T00:00:00Z"),
        ("GIT_COMMITTER_DATE", "2001-01-01T00:00:00Z"),
        ("CARGO_INCREMENTAL", "0"),
    ] {
        command.env(name, value);
    }
    // What cargo needs to find its crates and its compiler, whose places depend on the home folder otherwise.
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        command.env(name, env::var_os(name).unwrap_or_else(|| home.join(folder).into()));
    }
    let rustc = tool.with_file_name("rustc");
    if tool.ends_with("cargo") && rustc.is_file() {
        command.env("RUSTC", rustc);
    }
    if let Ok(project) = project::root() {
        command.env("PROJECT", project);
    }
    command
}

/// Where a program is, if it is installed.
fn installed(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The interpreter itself: what is called `python3` may be a script that chooses one.
fn python(tool: &Path) -> Option<PathBuf> {
    let output = Command::new(tool).args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    path.is_file().then_some(path)
}
