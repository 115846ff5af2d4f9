//! The drop-in `malloc`, preloaded into C and C++ programs and into programs of everyday use.
//!
//! Needs Linux and `cc`; what else is missing is skipped, and said so.

#![cfg(target_os = "linux")]

use std::path::PathBuf;
use std::process::Command;

use vex_tests::preload::{compile, library, run, scratch, succeed, text};
use vex_tests::root;

/// Whether a program can be run; says so when not.
fn exists(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        println!("skipped: no {program} here");
    }
    found
}

#[test]
fn every_corner_of_the_contract_holds() {
    let program = compile("cc", "contract.c", &[], &scratch("contract"), "contract");
    let ours = run(&mut Command::new(&program), true);
    let glibc = run(&mut Command::new(&program), false);
    println!("{:<8}{:<8}corner", "ours", "glibc");
    let (ours_text, glibc_text) = (text(&ours), text(&glibc));
    // glibc has fewer names, and so fewer corners.
    for line in ours_text.lines().filter(|line| line.contains("  ")) {
        let (verdict, corner) = line.split_at(7);
        let theirs = glibc_text.lines().find(|line| line.ends_with(&format!(" {corner}")));
        println!("{verdict:<8}{:<8}{corner}", theirs.map_or("–", |line| line[..7].trim()));
    }
    assert!(ours.status.success(), "{ours_text}");
    assert!(ours_text.ends_with("0 corners fail\n") && !ours_text.contains("FAILS"), "{ours_text}");
}

#[test]
fn operators_new_and_delete_do_what_cpp_says() {
    if !exists("c++") {
        return;
    }
    let program = compile("c++", "new.cpp", &["-std=c++17"], &scratch("new"), "new");
    let expected = include_str!("dropin/new.out");
    assert_eq!(succeed(&mut Command::new(&program)), expected);
    // What is expected is C++'s, not ours.
    assert_eq!(text(&run(&mut Command::new(&program), false)), expected);
}

#[test]
fn without_exceptions_to_throw_new_ends_with_a_message() {
    let program = compile("cc", "stress.c", &["-ldl"], &scratch("refused"), "stress");
    let output = run(Command::new(program).arg("new-without-cpp"), true);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.starts_with("vex: out of memory: operator new") && stderr.lines().count() == 1,
        "{stderr}"
    );
    assert!(!output.status.success());
}

#[test]
fn misuse_ends_the_program_with_one_line() {
    let program = compile("cc", "stress.c", &["-ldl"], &scratch("misuse"), "stress");
    for (what, message) in [
        ("double-free", "vex: double free: the block at 0x"),
        ("double-free-large", "vex: bad free: 0x"),
        ("double-free-elsewhere", "vex: double free: the block at 0x"),
        ("bad-free", "vex: bad free: 0x"),
        ("inside", "vex: bad free: 0x"),
        ("realloc-freed", "vex: double free: the block at 0x"),
    ] {
        let output = run(Command::new(&program).arg(what), true);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.starts_with(message) && stderr.lines().count() == 1, "{what}: {stderr}");
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{what}");
    }
}

#[test]
fn libraries_come_and_go() {
    let folder = scratch("libraries");
    let program = compile("cc", "stress.c", &["-ldl"], &folder, "stress");
    // More thread-local variables than a thread's table first has room for, so that it grows.
    let libraries: Vec<PathBuf> = (0..40)
        .map(|index| compile("cc", "library.c", &["-shared", "-fPIC"], &folder, &format!("lib{index}.so")))
        .collect();
    assert_eq!(succeed(Command::new(&program).args(["libraries", "4"]).args(&libraries)), "done\n");
    // Loaded and unloaded itself, without being preloaded.
    let output = run(Command::new(&program).args(["reload", "3"]).arg(library()), false);
    assert_eq!(text(&output), "done\n", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_report_is_printed_when_asked_for() {
    // `sort` closes standard error before the library ends.
    for (program, arguments) in [("sort", &["/dev/null"][..]), ("cat", &["/dev/null"])] {
        let mut command = Command::new(program);
        let output =
            command.args(arguments).env("LD_PRELOAD", library()).env("VEX_MALLOC_REPORT", "1").output();
        let stderr = String::from_utf8(output.expect("the program runs").stderr).expect("text");
        let (from_os, peak, live) = figures(&stderr).unwrap_or_else(|| panic!("{program}: {stderr}"));
        assert!(peak >= from_os && from_os > live && live > 0 && peak < 64 << 20, "{stderr}");
    }
    let output = run(Command::new("cat").arg("/dev/null"), true);
    assert!(output.stderr.is_empty());
}

/// The bytes from the OS, at most and live of a report.
fn figures(report: &str) -> Option<(u64, u64, u64)> {
    let line = report.strip_prefix("vexmalloc[")?.strip_suffix(" blocks\n")?;
    let (_, line) = line.split_once("]: ")?;
    let (from_os, line) = line.split_once(" bytes from the OS, at most ")?;
    let (peak, line) = line.split_once("; ")?;
    let (live, _) = line.split_once(" bytes live in ")?;
    Some((from_os.parse().ok()?, peak.parse().ok()?, live.parse().ok()?))
}

/// Runs a shell script in a folder of its own, with the library and without; the outputs must be the same, byte for byte.
#[track_caller]
fn same_with_and_without(program: &str, script: &str) {
    if !exists(program) {
        return;
    }
    let [without, with] = [false, true].map(|preloaded| {
        // The same path both times, for programs that print it.
        let folder = scratch(&format!("programs/{program}"));
        let mut command = Command::new("sh");
        command.args(["-e", "-c", script]).current_dir(&folder);
        command.env("LC_ALL", "C").env("PYTHONHASHSEED", "0").env("PERL_HASH_SEED", "0").env("HOME", &folder);
        run(&mut command, preloaded)
    });
    let stderr = String::from_utf8_lossy(&without.stderr);
    assert!(
        without.status.success() && without.stdout.len() > 100,
        "{program}: {}\n{stderr}",
        text(&without)
    );
    let stderr = String::from_utf8_lossy(&with.stderr);
    assert_eq!(with.status, without.status, "{program}: {stderr}");
    assert!(with.stderr == without.stderr, "{program}: {stderr}");
    assert!(with.stdout == without.stdout, "{program} prints something else:\n{}", text(&with));
}

#[test]
fn python_prints_the_same() {
    same_with_and_without(
        "python3",
        r#"python3 -c '
import json, threading, subprocess, collections
words = [str(i * 7919 % 10007) for i in range(60000)]
count = collections.Counter(words)
print(json.dumps(sorted(count.items())[:500]))
results = [None] * 4
def work(k): results[k] = sum(len(str(i) * k) for i in range(20000))
threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
print(results, subprocess.run(["echo", "child"], capture_output=True).stdout)
print(hash(tuple(bytearray(1 << k)[0] for k in range(24))))
'"#,
    );
}

#[test]
fn perl_prints_the_same() {
    same_with_and_without(
        "perl",
        r#"perl -e '
my %h; my $s = "";
for my $i (0 .. 60000) { push @{$h{$i % 977}}, "value $i" x ($i % 5); $s .= chr(65 + $i % 26) }
for my $k (sort { $a <=> $b } keys %h) { print "$k ", scalar(@{$h{$k}}), " ", length(join ",", @{$h{$k}}), "\n" }
$s =~ s/([AEIOU])/<$1>/g; print length($s), "\n", `echo child`;
'"#,
    );
}

#[test]
fn sort_prints_the_same() {
    same_with_and_without(
        "sort",
        "seq 1 150000 | awk '{ print ($1 * 7919) % 100003, $1 }' > lines; sort -n lines; sort -S 1M lines | sort -u -k2",
    );
}

#[test]
fn sqlite_prints_the_same() {
    same_with_and_without(
        "sqlite3",
        "sqlite3 base.db \"create table t(a integer primary key, b text); \
         with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000) \
         insert into t select i, 'text ' || (i * 7919 % 1009) from n; create index by_b on t(b); \
         select b, count(*), sum(a), group_concat(a % 10) from t group by b order by b; pragma integrity_check;\"",
    );
}

#[test]
fn git_prints_the_same() {
    same_with_and_without(
        "git",
        "export GIT_AUTHOR_DATE='2001-01-01T00:00:00Z' GIT_COMMITTER_DATE='2001-01-01T00:00:00Z'
         export GIT_AUTHOR_NAME=a GIT_COMMITTER_NAME=a EMAIL=a@example.org
         git init -q repo; cd repo
         for i in 1 2 3 4 5; do
             seq $i 3 4000 > numbers; seq 1 $i 900 > more; git add -A; git commit -q -m \"number $i\"
         done
         git repack -q -a -d; git log -p --stat; git fsck --full; git blame numbers; git diff HEAD~4 --word-diff",
    );
}

#[test]
fn gcc_prints_the_same() {
    let contract = root().join("tests/dropin/contract.c");
    let contract = contract.display();
    same_with_and_without(
        "gcc",
        &format!("gcc -O2 -g -w -S -o - '{contract}'; gcc -O0 -c -w '{contract}' -o c.o; cksum c.o"),
    );
}

#[test]
fn lua_prints_the_same() {
    if Command::new("lua").arg("-v").output().is_err() {
        println!("skipped: no lua here");
        return;
    }
    same_with_and_without(
        "sh",
        r#"lua -e '
local t = {}
for i = 1, 60000 do t[i] = ("value " .. i):rep(i % 5) end
table.sort(t)
for i = 1, #t, 97 do print(#t[i], t[i]:sub(1, 20)) end
'"#,
    );
}
