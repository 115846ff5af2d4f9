//! The `vexc` command.

fn main() -> std::process::ExitCode {
    vexc::cli::main()
}
