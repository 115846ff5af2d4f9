//! Typing: entries of several lines, history, completion, pasting, and what Ctrl-C and Ctrl-D do.

use std::time::{Duration, Instant};

use vex_tests::Folder;

use super::repl;
use super::terminal::{Terminal, key};

/// A session at a prompt.
fn session(folder: &Folder) -> Terminal {
    let mut terminal = Terminal::run(repl(folder, &["-q"]));
    terminal.wait_for_prompt();
    terminal
}

#[test]
fn a_session_greets_answers_and_ends() {
    let folder = Folder::new();
    let mut terminal = Terminal::run(repl(&folder, &[]));
    terminal.wait_for_prompt();
    let version = env!("CARGO_PKG_VERSION");
    let greeting = format!("Vex {version}, spelling vex; :help for help, Ctrl-D to quit");
    assert_eq!(terminal.rows()[0], greeting);
    terminal.enter("let a = 41");
    terminal.enter("a + 1");
    terminal.wait_for("42");
    terminal.keys(key::CTRL_D);
    assert_eq!(terminal.end(), 0);
}

#[test]
fn quiet_sessions_do_not_greet() {
    let folder = Folder::new();
    let mut terminal = session(&folder);
    assert_eq!(terminal.rows()[0], "vex>");
    terminal.keys(":quit 7\r");
    assert_eq!(terminal.end(), 7);
}

#[test]
fn brackets_keep_an_entry_open_and_it_is_recalled_as_a_whole() {
    let folder = Folder::new();
    let mut terminal = session(&folder);
    terminal.keys("fn f(): i64 {\r");
    terminal.wait_for_row("...> ");
    terminal.keys("\r");
    terminal.keys("    return 4200\r");
    terminal.keys("}");
    terminal.wait_for("...>     return 4200\n...> }");
    terminal.keys("\r");
    terminal.wait_for_prompt();
    terminal.enter("f() + 1");
    terminal.wait_for("4201");
    // The call, then the function; its third line becomes another.
    terminal.keys(&key::UP.repeat(2));
    terminal.wait_for_row("...> }");
    terminal.keys(key::UP);
    terminal.keys(key::END);
    terminal.wait_for_row("...>     return 4200");
    terminal.keys("0\r");
    terminal.wait_for_prompt();
    terminal.enter("f() + 2");
    terminal.wait_for("42002");
}

#[test]
fn keys_treat_the_margin_as_if_it_were_not_there() {
    let folder = Folder::new();
    let mut terminal = session(&folder);
    terminal.keys("let abc = (\r40");
    terminal.wait_for_row("...> 40");
    terminal.keys(key::HOME);
    terminal.keys("1");
    terminal.wait_for("...> 140");
    terminal.keys(key::BACKSPACE);
    terminal.wait_for("...> 40");
    // Before the first character, it joins the lines.
    terminal.keys(key::BACKSPACE);
    terminal.wait_for("vex> let abc = (40");
    terminal.keys(key::END);
    terminal.keys("\r+ 2");
    terminal.wait_for_row("...> + 2");
    terminal.keys(&key::LEFT.repeat(4));
    terminal.keys("1");
    terminal.wait_for("vex> let abc = (401\n...> + 2");
    terminal.keys(key::END);
    terminal.keys("\x1b[C");
    terminal.keys("1");
    terminal.wait_for("...> 1+ 2");
    terminal.keys(key::BACKSPACE);
    terminal.keys(key::END);
    terminal.keys(")\r");
    terminal.wait_for_prompt();
    terminal.enter("abc");
    terminal.wait_for("403");
}

#[test]
fn pasted_text_runs_as_it_is() {
    let folder = Folder::new();
    let mut terminal = session(&folder);
    terminal.paste("fn f(): str {\n\treturn \"<\t>\"\n}\nlet b = 1000\n:help\nlet c = b + 1");
    terminal.wait_for_row("let c = b + 1");
    terminal.keys("\r");
    terminal.wait_for_prompt();
    terminal.wait_for(":quit [STATUS]");
    terminal.enter("c + 1");
    terminal.wait_for("1002");
    terminal.enter("f().len()");
    terminal.wait_for("= 3");
    let history = folder.read("history");
    assert!(history.contains("{\\n\treturn \"<\t>\"\\n}"), "{history}");
}

#[test]
fn ctrl_c_cancels_an_entry_and_says_how_to_quit() {
    let folder = Folder::new();
    let mut terminal = session(&folder);
    terminal.keys("let lost = (\r1\r");
    terminal.wait_for_row("...> ");
    terminal.keys(key::CTRL_C);
    terminal.wait_for_prompt();
    assert!(!terminal.rows().join("\n").contains(":quit"));
    terminal.keys(key::CTRL_C);
    terminal.wait_for("(Ctrl-D or :quit ends the session)");
    terminal.wait_for_prompt();
    terminal.enter("20 + 22");
    terminal.wait_for("42");
}

#[test]
fn ctrl_c_stops_a_loop_and_leaves_the_variables() {
    let folder = Folder::new();
    let mut terminal = session(&folder);
    terminal.enter("let! n = 7000");
    terminal.keys("n = 7001; print(\"on\"); while true { }\r");
    terminal.wait("program that runs", |terminal| terminal.rows().iter().any(|row| row == "on"));
    let start = Instant::now();
    terminal.keys(key::CTRL_C);
    terminal.wait_for_prompt();
    // A tenth of a second is promised; machines that test have other things to do.
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    terminal.enter("n");
    terminal.wait_for("7001");
}

#[test]
fn output_without_a_newline_leaves_the_prompt_its_line() {
    let folder = Folder::new();
    let mut terminal = session(&folder);
    terminal.keys("print(\"half\")\r");
    terminal.wait_for("half⏎\nvex>");
}

#[test]
fn the_session_reads_the_terminal() {
    let folder = Folder::new();
    let mut terminal = session(&folder);
    terminal.keys("print(\"name? \"); let name = read_line()\r");
    terminal.wait_for_row("name? ");
    terminal.keys("some body\r");
    terminal.wait_for_prompt();
    terminal.enter("println(\"<{name}>\")");
    terminal.wait_for("<some body>");
}

#[test]
fn another_width_shows_the_entry_anew() {
    let folder = Folder::new();
    let mut terminal = session(&folder);
    let text = "let text = \"0123456789 0123456789 0123456789 0123456789\"";
    terminal.keys(text);
    terminal.wait_for(text);
    terminal.resize(24, 30);
    terminal.wait_for("vex> let text = \"0123456789 01\n23456789 0123456789 0123456789\n\"");
    terminal.resize(24, 100);
    terminal.keys("\r");
    terminal.wait_for_prompt();
    terminal.enter("text.len()");
    terminal.wait_for("43");
}

#[test]
fn sessions_share_their_history() {
    let folder = Folder::new();
    let (mut one, mut two) = (session(&folder), session(&folder));
    one.enter("let from_one = 1");
    two.enter("let from_two = 2");
    one.keys("fn later(): i64 {\r    return 3\r}");
    one.wait_for_row("...> }");
    one.keys("\r");
    one.wait_for_prompt();
    for terminal in [one, two] {
        let mut terminal = terminal;
        terminal.keys(key::CTRL_D);
        assert_eq!(terminal.end(), 0);
    }
    let mut three = session(&folder);
    three.keys(key::UP);
    three.wait_for("...>     return 3\n...> }");
    three.keys(&key::UP.repeat(3));
    three.wait_for_row("vex> let from_two = 2");
    three.keys(key::UP);
    three.wait_for_row("vex> let from_one = 1");
    three.keys(key::CTRL_C);
    three.wait_for_prompt();
    three.keys(key::CTRL_R);
    three.keys("two");
    three.wait_for("let from_two = 2");
    three.keys("\r");
    three.wait_for_prompt();
    three.enter("from_two + 8000");
    three.wait_for("8002");
}

#[test]
fn a_history_that_cannot_be_kept_is_mentioned_once() {
    let folder = Folder::new();
    let file = folder.file("file", "");
    let history = file.join("history");
    let run = repl(&folder, &["-q"]).env("VEXC_HISTORY", &history.to_string_lossy());
    let mut terminal = Terminal::run(run);
    terminal.wait_for_prompt();
    terminal.enter("let a = 1");
    terminal.enter("let b = 2");
    let text = terminal.rows().join("");
    assert_eq!(text.matches("inputs are not remembered").count(), 1, "{text}");
}

#[test]
fn no_colors_means_none_even_for_the_margin() {
    let folder = Folder::new();
    let mut terminal = Terminal::run(repl(&folder, &["-q"]).env("NO_COLOR", "1"));
    terminal.wait_for_prompt();
    terminal.keys("let a = (\r4100 + 1)");
    terminal.wait_for_row("...> 4100 + 1)");
    terminal.keys("\r");
    terminal.wait_for_prompt();
    terminal.enter("a");
    terminal.wait_for("4101");
    assert!(terminal.rows().iter().any(|row| row == "...> 4100 + 1)"), "{:?}", terminal.rows());
    let sent = String::from_utf8_lossy(&terminal.sent);
    let styles = sent.split("\x1b[").skip(1).filter(|code| {
        code.find(|c: char| c.is_ascii_alphabetic()).is_some_and(|end| code.as_bytes()[end] == b'm')
    });
    assert_eq!(styles.count(), 0, "{sent:?}");
}

#[test]
fn keywords_and_partners_are_coloured() {
    let folder = Folder::new();
    let mut terminal = session(&folder);
    terminal.keys("let a = (1)");
    terminal.wait_for_row("vex> let a = (1)");
    let style = |terminal: &Terminal, column| terminal.style(0, column);
    assert_eq!(style(&terminal, 5), style(&terminal, 6), "both of `let`");
    assert_ne!(style(&terminal, 5), style(&terminal, 9), "`let` and `a`");
    assert_eq!(style(&terminal, 13), style(&terminal, 15), "the brackets");
    assert_ne!(style(&terminal, 13), style(&terminal, 9), "a bracket and `a`");
}

#[test]
fn a_terminal_that_can_only_print_is_enough() {
    let folder = Folder::new();
    let mut terminal = Terminal::run(repl(&folder, &["-q"]).env("TERM", "dumb"));
    terminal.wait_for_prompt();
    terminal.keys("let a = (4100\n");
    terminal.wait_for_row("...> ");
    terminal.keys("+ 1)\n");
    terminal.wait_for_prompt();
    terminal.keys("let b = (\n");
    terminal.wait_for_row("...> ");
    terminal.keys(key::CTRL_C);
    terminal.wait_for_prompt();
    terminal.keys("a + 1\n");
    terminal.wait_for("4102");
    terminal.wait_for_prompt();
    assert!(!terminal.sent.contains(&0x1b), "{:?}", String::from_utf8_lossy(&terminal.sent));
    terminal.keys(key::CTRL_D);
    assert_eq!(terminal.end(), 0);
}

#[test]
fn bytes_that_are_no_text_end_nothing() {
    let folder = Folder::new();
    let mut terminal = session(&folder);
    terminal.bytes(b"\xC3(");
    terminal.wait_for("this input is not UTF-8 text");
    terminal.wait_for_prompt();
    terminal.enter("40 + 2");
    terminal.wait_for("42");
}

#[test]
fn tab_completes_or_indents() {
    let folder = Folder::new();
    let mut terminal = session(&folder);
    terminal.enter("let completable_name = 5000");
    terminal.keys("completab\t");
    terminal.wait_for_row("vex> completable_name");
    terminal.keys(key::CTRL_C);
    terminal.wait_for_prompt();
    terminal.enter("let completable_other = 6000");
    terminal.keys("compl\t");
    terminal.wait_for_row("vex> completable_");
    terminal.keys("\t");
    // The list shows what they are, and the line comes again below it.
    terminal.wait("list", |terminal| {
        let rows = terminal.rows();
        let list = rows.iter().rposition(|row| row.contains("completable_name") && row.contains("i64"));
        list.is_some_and(|at| rows[at + 1..].iter().any(|row| row == "vex> completable_"))
    });
    terminal.keys("name + 1\r");
    terminal.wait_for("5001");
    terminal.wait_for_prompt();
    terminal.keys("\t");
    terminal.wait_for_row("vex>     ");
}

#[test]
fn lists_leave_entries_of_several_lines_whole() {
    let folder = Folder::new();
    let mut terminal = session(&folder);
    terminal.enter("let name_one = 1");
    terminal.enter("let name_two = 2");
    terminal.keys("let sum = (\r\t\rname_");
    terminal.wait_for_row("...> name_");
    terminal.keys("\t\t");
    terminal.wait("list between the entry and the entry", |terminal| {
        let rows = terminal.rows();
        let find = |from: usize, wanted: &str| {
            rows[from..].iter().position(|row| row.starts_with(wanted)).map(|at| from + at)
        };
        let list = find(0, "name_one").or_else(|| find(0, "name_two"));
        list.and_then(|at| find(at, "vex> let sum = (")).and_then(|at| find(at, "...> name_")).is_some()
    });
    terminal.keys("one)\r");
    terminal.wait_for_prompt();
    terminal.enter("sum + 9000");
    terminal.wait_for("9001");
}
