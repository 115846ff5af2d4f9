//! The C and C++ side: programs compiled against the headers and the C library.
//!
//! Needs `cc`; what needs a C++ compiler is skipped, and says so, where there is
//! none.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use vex_runtime::header::STRUCTS;
use vex_tests::{build_library, root};

/// The static C library, built once per run with the profile of the tests.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| build_library("vex-memory", "libvex_memory.a"))
}

/// Whether `compiler` can be run.
fn exists(compiler: &str) -> bool {
    Command::new(compiler).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// A folder of this test's own.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_abi").join(name);
    std::fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

/// Runs the compiler on `source` with every warning an error.
fn compile(compiler: &str, standard: &str, source: &Path, program: &Path) -> Output {
    let mut command = Command::new(compiler);
    command.args([standard, "-Wall", "-Wextra", "-Werror", "-g", "-I"]).arg(root().join("runtime/include"));
    command.arg(source).arg("-o").arg(program).arg(library()).args(["-lpthread", "-ldl", "-lm"]);
    command.output().expect("the compiler runs")
}

/// Compiles `tests/c/NAME`, which must work, and returns the program, which lies
/// in the scratch folder of `test`.
fn build(test: &str, compiler: &str, standard: &str, name: &str) -> PathBuf {
    let program = scratch(test).join("program");
    let output = compile(compiler, standard, &root().join("tests/c").join(name), &program);
    assert!(output.status.success(), "{name}:\n{}", String::from_utf8_lossy(&output.stderr));
    program
}

/// Runs a program and compares its output with `tests/c/NAME.out`.
fn check_output(program: &Path, golden: &str) {
    let output = Command::new(program).output().expect("the program runs");
    let expected = std::fs::read_to_string(root().join("tests/c").join(golden)).expect("a golden file");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
}

/// Runs a program that must fail and returns its standard error.
fn failure(program: &Path, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output().expect("the program runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{argument} was to fail: {text}");
    text
}

#[test]
fn every_allocator_works_from_c() {
    check_output(&build("family", "cc", "-std=c11", "family.c"), "family.out");
}

#[test]
fn the_programs_of_the_guide_work() {
    let guide = std::fs::read_to_string(root().join("docs/embedding.md")).expect("the guide");
    let blocks = guide.split("\n```c\n").skip(1).map(|rest| rest.split("\n```\n").next().unwrap_or(rest));
    let folder = scratch("guide");
    let mut count = 0;
    for block in blocks {
        count += 1;
        let (source, program) = (folder.join("program.c"), folder.join("program"));
        std::fs::write(&source, format!("{block}\n")).expect("the source is written");
        let output = compile("cc", "-std=c11", &source, &program);
        assert!(output.status.success(), "{block}\n{}", String::from_utf8_lossy(&output.stderr));
        let output = Command::new(&program).output().expect("the program runs");
        assert!(output.status.success(), "{block}\n{output:?}");
    }
    assert_eq!(count, 2);
}

#[test]
fn embedding_works_from_c() {
    let program = build("embed", "cc", "-std=c11", "embed.c");
    check_output(&program, "embed.out");
    // The handler ends the process, except after a double free.
    for (argument, status, parts) in [
        ("double", None, &["[1 1 double free: ", "vex: double free: "][..]),
        ("foreign", Some(7), &["[2 1 bad free: "]),
        ("other", Some(7), &["[2 1 bad free: "]),
        ("gone", Some(7), &["[2 1 the heap ", "destroyed"]),
    ] {
        let output = Command::new(&program).arg(argument).output().expect("the program runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), status, "{argument}: {text}");
        assert!(parts.iter().all(|part| text.contains(part)), "{argument}: {text}");
    }
}

/// Installs the library into a folder of this test's own, which it returns: headers, both libraries, `vex.pc`.
#[cfg(target_os = "linux")]
fn install(name: &str) -> PathBuf {
    let shared = build_library("vex-memory", "libvex_memory.so");
    let prefix = scratch(name).join("usr");
    // What an earlier run installed must not hide what is missing now.
    let _ = std::fs::remove_dir_all(&prefix);
    let output = Command::new("sh")
        .arg(root().join("runtime/capi/install.sh"))
        .env("PREFIX", &prefix)
        .env("BUILT", shared.parent().expect("a folder"))
        .env_remove("DESTDIR")
        .output()
        .expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    prefix
}

/// What pkg-config says of the library installed at `prefix`.
#[cfg(target_os = "linux")]
fn pkg_config(prefix: &Path, arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new("pkg-config");
    command.args(arguments).arg("vex").env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
    let output = command.output().expect("pkg-config runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).split_whitespace().map(String::from).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_installed_is_found_by_pkg_config() {
    if !exists("pkg-config") {
        return eprintln!("skipped: no pkg-config");
    }
    let prefix = install("installed");
    assert_eq!(pkg_config(&prefix, &["--modversion"]), [env!("CARGO_PKG_VERSION")]);
    let source = root().join("tests/c/embed.c");
    for (name, link) in
        [("shared", &["--cflags", "--libs"][..]), ("static", &["--static", "--cflags", "--libs"])]
    {
        let program = prefix.join(name);
        let mut command = Command::new("cc");
        command.args(["-std=c11", "-Wall", "-Werror"]).arg(&source).arg("-o").arg(&program);
        command.args(pkg_config(&prefix, link));
        if name == "static" {
            command.arg("-static");
        }
        let output = command.output().expect("the compiler runs");
        assert!(output.status.success(), "{name}:\n{}", String::from_utf8_lossy(&output.stderr));
        let run = |library_path: &Path| {
            Command::new(&program).env("LD_LIBRARY_PATH", library_path).output().expect("the program runs")
        };
        let output = run(&prefix.join("lib"));
        let expected = std::fs::read_to_string(root().join("tests/c/embed.out")).expect("a golden file");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{name}");
        // One of them needs the library when it runs, the other has it inside.
        assert_eq!(run(&prefix).status.success(), name == "static", "{name}");
    }
    if exists("c++") {
        let program = prefix.join("c++");
        let mut command = Command::new("c++");
        command.arg("-std=c++17").arg(root().join("tests/c/heap_mem.cpp")).arg("-o").arg(&program);
        let output =
            command.args(pkg_config(&prefix, &["--cflags", "--libs"])).output().expect("the compiler runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn installing_for_a_package_leaves_the_prefix_alone() {
    let into = scratch("packaged");
    let _ = std::fs::remove_dir_all(&into);
    let built = build_library("vex-memory", "libvex_memory.a");
    let run = |prefix: &str, built: &Path| {
        let mut command = Command::new("sh");
        command.arg(root().join("runtime/capi/install.sh")).env("PREFIX", prefix).env("DESTDIR", &into);
        command.env("BUILT", built).output().expect("a shell")
    };
    let folder = built.parent().expect("a folder");
    assert!(run("/opt/vex", folder).status.success());
    let text = std::fs::read_to_string(into.join("opt/vex/lib/pkgconfig/vex.pc")).expect("a file");
    assert!(text.starts_with("prefix=/opt/vex\n"), "{text}");
    // Without libraries, and into nowhere in particular, it says so.
    for (prefix, built, part) in
        [("/opt/vex", &*into, "cargo build --release"), ("opt", folder, "must begin with /")]
    {
        let output = run(prefix, built);
        assert!(!output.status.success());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(part), "{text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_may_load_the_library_while_it_runs() {
    let program = scratch("loaded").join("program");
    let mut command = Command::new("cc");
    command.args(["-std=gnu11", "-Wall", "-Werror", "-I"]).arg(root().join("runtime/include"));
    command.arg(root().join("tests/c/loaded.c")).arg("-o").arg(&program).args(["-lpthread", "-ldl"]);
    let output = command.output().expect("the compiler runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let library = build_library("vex-memory", "libvex_memory.so");
    let output = Command::new(program).arg(library).output().expect("the program runs");
    let expected = std::fs::read_to_string(root().join("tests/c/loaded.out")).expect("a golden file");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{output:?}");
}

#[test]
fn kmem_works_from_c_with_and_without_a_reason() {
    let program = build("kmem", "cc", "-std=c99", "kmem.c");
    check_output(&program, "kmem.out");
    for (argument, parts) in [
        ("double", ["Scratch buffer", "released already"]),
        ("interior", ["Scratch buffer", "not to its start"]),
        ("foreign", ["kmem", "not an allocation"]),
        ("room", ["Frame buffer", "2000000000 bytes"]),
        ("none", ["Nothing", "0 bytes"]),
    ] {
        let text = failure(&program, argument);
        assert!(parts.iter().all(|part| text.contains(part)), "{argument}: {text}");
    }
}

#[test]
fn kmem_reports_at_exit_what_is_still_held() {
    let program = build("kmem_held", "cc", "-std=c11", "kmem.c");
    let output = Command::new(program).arg("held").output().expect("the program runs");
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(lines[0].join(" "), "kmem: still held: 16 bytes in 1 allocations");
    assert_eq!(lines[2], ["16", "1", "16", "Scratch", "buffer"]);
}

#[test]
fn structs_have_the_sizes_and_offsets_of_rust() {
    let mut text = String::from("#include \"vex_memory.h\"\n");
    let mut checks = 0;
    let mut check = |condition: String| {
        text.push_str(&format!("_Static_assert({condition}, \"{condition}\");\n"));
        checks += 1;
    };
    for item in STRUCTS {
        check(format!("sizeof(Vex{}) == {}", item.name, item.size));
        for (field, _, offset) in item.fields {
            check(format!("offsetof(Vex{}, {field}) == {offset}", item.name));
        }
    }
    assert!(checks > 20);
    text.push_str("int main(void) { return 0; }\n");
    let folder = scratch("structs");
    let source = folder.join("structs.c");
    std::fs::write(&source, &text).expect("the source is written");
    let output = compile("cc", "-std=c11", &source, &folder.join("program"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The check can fail: one more byte and it does.
    let wrong = text.replacen("== ", "== 1 + ", 1);
    std::fs::write(&source, wrong).expect("the source is written");
    assert!(!compile("cc", "-std=c11", &source, &folder.join("program")).status.success());
}

#[test]
fn heap_mem_works_from_cpp() {
    if !exists("c++") {
        return eprintln!("skipped: no C++ compiler");
    }
    for standard in ["-std=c++11", "-std=c++17"] {
        let program = build("heap_mem", "c++", standard, "heap_mem.cpp");
        check_output(&program, "heap_mem.out");
        let text = failure(&program, "out-of-range");
        assert!(text.contains("index 3 of 3"), "{text}");
    }
}

#[test]
fn heap_mem_is_for_plain_data_only() {
    if !exists("c++") {
        return eprintln!("skipped: no C++ compiler");
    }
    let source = root().join("tests/c/heap_mem_refuses.cpp");
    let output = compile("c++", "-std=c++11", &source, &scratch("refuses").join("program"));
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("heap_mem is for plain data"), "{text}");
}
