//! Structures by value to and from C: the program's calls agree with what a C compiler makes of the same types.

use std::process::Command;

use vex_tests::{Folder, Run, root};

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn structures_cross_to_c_and_back() {
    let folder = Folder::new();
    let library = folder.path().join("libfunctions.so");
    let source = root().join("tests/extern_c");
    let status = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(source.join("functions.c"))
        .status()
        .expect("a C compiler");
    assert!(status.success());
    let wanted = std::fs::read_to_string(source.join("calls.out")).expect("the golden output");
    for opt in ["speed", "none"] {
        Run::new(env!("CARGO_BIN_EXE_vexc-under-test"), &source)
            .env("LD_PRELOAD", library.to_str().expect("a plain path"))
            .args(["run", "--opt", opt, "calls.vx"])
            .output()
            .expect_status(0)
            .expect_stdout(&wanted);
    }
}
