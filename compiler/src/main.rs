//! The `vexc` command.

fn main() -> std::process::ExitCode {
    vexc::jit::ice::install();
    vexc::cli::main()
}
