//! Tests of the tables, which other crates' benchmarks use as well.

use crate::table::{Table, factor};

#[test]
fn both_forms_have_every_word() {
    let mut table = Table::new("a title", "row", &["one", "two"]);
    table.row("a|b", [factor(1.5), "3".to_string()]);
    table.row("short", ["4".to_string()]);
    table.note("a note");
    assert_eq!(table.text(false), "a title\nrow      one  two\na|b    1.50x    3\nshort      4\na note\n\n");
    let markdown = "a title:\n\n| row | one | two |\n| --- | ---: | ---: |\n| a\\|b | 1.50x | 3 |\n| short | 4 |  |\n\na note\n\n";
    assert_eq!(table.text(true), markdown);
}
