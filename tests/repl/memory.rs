//! The commands that show memory: `:heap`, `:leaks`, `:alloc`, `:mem`, `:where`.

use vex_tests::{Folder, Output};

use super::repl;

fn script(text: &str) -> Output {
    repl(&Folder::new(), &[]).env("LC_ALL", "C.UTF-8").input(text).output()
}

/// What a script that goes well prints, with addresses as [`named`] gives them.
#[track_caller]
fn shown(text: &str) -> String {
    let output = script(text).expect_status(0);
    assert_eq!(output.stderr, "");
    named(&output.stdout)
}

/// Numbers addresses in the order in which they first occur, `@1`, `@2` …, since they differ from run to run. An
/// address is `0x` and eight digits at least, or twelve digits at the start of a line.
fn named(text: &str) -> String {
    let mut known: Vec<String> = Vec::new();
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let mut rest = line;
        let mut at_start = true;
        while !rest.is_empty() {
            let prefix = if rest.starts_with("0x") { 2 } else { 0 };
            let digits = rest[prefix..].bytes().take_while(u8::is_ascii_hexdigit).count();
            if (prefix == 2 && digits >= 8) || (at_start && prefix == 0 && digits == 12) {
                let digits = &rest[prefix..prefix + digits];
                let number = known.iter().position(|known| known == digits).unwrap_or_else(|| {
                    known.push(digits.into());
                    known.len() - 1
                });
                out.push_str(&format!("@{}", number + 1));
                rest = &rest[prefix + digits.len()..];
            } else {
                let first = rest.chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..first]);
                rest = &rest[first..];
            }
            at_start = false;
        }
    }
    out
}

/// A text without its line breaks, which depend on the lengths of addresses.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn leaks_are_blocks_that_no_variable_leads_to() {
    let text = "\
fn make(n: i64): ptr {
    let! last: ptr = null_ptr
    for _i in 0..n {
        let next = unsafe { vex_malloc(24) }
        unsafe { store_i64(next, last as i64) }
        last = next
    }
    return last
}
let! list = make(3)
:leaks
list = null_ptr
:leaks
";
    let expected = "\
no leaks
reachable from variables: 3 blocks, 72 bytes, all
leaked: 3 blocks, 72 bytes; no variable leads to them
  3 blocks, 72 bytes, vex_malloc at <1>:4  let next = unsafe { vex_malloc(24) }
    @1  24 bytes
    @2  24 bytes
    @3  24 bytes
reachable from variables: 0 blocks, 0 bytes
";
    assert_eq!(shown(text), expected);
}

#[test]
fn hidden_variables_and_values_without_a_name_are_told_apart() {
    let text = "\
:unsafe on
let p = vex_malloc(100)
vex_malloc(200)
:leaks
let p = 5
p
:leaks
";
    let expected = "\
: ptr = @1
no leaks
reachable from variables: 2 blocks, 300 bytes, all
: i64 = 5
leaked: 1 block, 200 bytes; no variable leads to them
  @1, 200 bytes, vex_malloc at <2>:1  vex_malloc(200)
held only by variables that later ones hide: 1 block, 100 bytes
  @2, 100 bytes, vex_malloc at <1>:1  let p = vex_malloc(100)
reachable from variables: 0 blocks, 0 bytes
";
    assert_eq!(shown(text), expected);
}

#[test]
fn variables_of_modules_hold_blocks() {
    let folder = Folder::new();
    let module = "let! cache: ptr = null_ptr\nfn fill() { unsafe { cache = vex_malloc(8) } }\n";
    folder.file("m.vx", module);
    let text = "import { fill } from \"m\"\nfill()\nlet cache = 1\nprintln(cache)\n:leaks\n";
    let output = repl(&folder, &[]).input(text).output().expect_status(0);
    assert_eq!(output.stdout, "1\nno leaks\nreachable from variables: 1 block, 8 bytes\n", "{output:?}");
}

#[test]
fn a_block_of_a_pool_can_leak_and_one_of_an_arena_cannot() {
    let text = "\
import \"std/allocator\"
let! pool = PoolAllocator.new(24, 100)
let! first = pool.alloc()
let second = pool.alloc()
first = 0
let! arena = BumpAllocator.new(1000)
let! x = arena.alloc(layout_new(100, 8))
x = Allocation { ptr: 0, size: 0 }
:leaks
";
    let expected = "\
leaked: 1 block, 24 bytes; no variable leads to them
  @1, 24 bytes, pool at <3>:1  let! first = pool.alloc()
reachable from variables: 2 blocks, 124 bytes
";
    assert_eq!(shown(text), expected);
    // Without the arena there is no way to its block.
    let lost = "arena = BumpAllocator.new(8)\n:leaks\n";
    let shown = shown(&(text.to_string() + lost));
    assert!(shown.contains(", 100 bytes, bump at <7>:1  let! x = arena.alloc("), "{shown}");
}

#[test]
fn a_diff_is_about_the_last_input_that_ran() {
    let text = "\
:heap diff
:unsafe on
let p = vex_malloc(100)
fn f(): ptr {
    unsafe {
        vex_free(p)
        let a = vex_malloc(7)
        let b = vex_malloc(9)
        vex_free(a)
        return b
    }
}
let q = f()
:where q + 0
:heap diff
";
    let expected = "\
no input has run yet
@1: a live block of 9 bytes at @1 from vex_malloc, 16 bytes with slack
  allocated at <2>:5  let b = vex_malloc(9)
the last input allocated 2 blocks, 16 bytes; freed 2, 107 bytes; left 1, 9 bytes
  @1, 9 bytes, vex_malloc at <2>:5  let b = vex_malloc(9)
";
    assert_eq!(words(&shown(text)), words(expected));
}

#[test]
fn allocators_in_variables_are_shown() {
    let text = "\
import \"std/allocator\"
let! pool = PoolAllocator.new(32, 4)
let a = pool.alloc()
let b = pool.alloc()
let! list = FreeListAllocator.new(1024)
let l = layout_new(240, 8)
let c = list.alloc(l)
:alloc
:alloc pool
:alloc stack
:alloc kmem
";
    let pool = "
pool: buffer of 128 bytes at @1, its own, in blocks of 32 bytes
  │██··│
  @1, 32 bytes, pool at <3>:1  let a = pool.alloc()
  @2, 32 bytes, pool at <4>:1  let b = pool.alloc()
";
    let head = "allocator kind      capacity      used      free   largest fragm.      peak blocks\n";
    let row = "pool      pool         128 B      64 B      64 B      32 B      -         -      2\n";
    let expected = format!(
        "{head}{row}\
list      freelist     1 KiB     256 B     768 B     752 B     0%         -      1
{pool}
list: buffer of 1,024 bytes at @3, its own
  │████████████████················································│
  @4, 240 bytes, free list at <7>:1  let c = list.alloc(l)
{head}{row}{pool}no variable holds a stack allocator
kmem was not used
"
    );
    assert_eq!(shown(text), expected);
}

#[test]
fn allocators_are_found_in_fields_and_behind_pointers() {
    let text = "\
import \"std/allocator\"
struct Level { name: str, pools: [PoolAllocator; 2] }
let level = Level { name: \"a\", pools: [PoolAllocator.new(8, 2), PoolAllocator.new(16, 2)] }
let way = &level.pools[1]
:alloc level
:alloc way
";
    let shown = shown(text);
    for part in ["level.pools[0] pool", "level.pools[1] pool", "way       pool"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn an_allocator_that_was_dropped_is_no_accident() {
    let text = "\
import \"std/allocator\"
let! a = BumpAllocator.new(64)
let copy = a
let! b = StackAllocator.new(64)
a.drop()
b.drop()
:alloc
";
    let shown = shown(text);
    assert!(shown.contains("b has no buffer: it was dropped"), "{shown}");
    assert!(
        shown.contains("copy      bump     never made, dropped through a copy, or overwritten"),
        "{shown}"
    );
}

#[test]
fn kmem_tells_its_reasons() {
    let text = "import \"std/kmem\"\nlet k = kmem_allocate(4000, \"textures\")\n:alloc kmem\n:where k\n";
    let shown = shown(text);
    assert!(shown.contains("  @2, 4,000 bytes, kmem \"textures\" at <2>:1  let k = "), "{shown}");
    let place = "@2: a live block of 4,000 bytes at @2 from kmem, for \"textures\" \
                 allocated at <2>:1 let k = kmem_allocate(4000, \"textures\")";
    assert!(words(&shown).ends_with(place), "{shown}");
}

#[test]
fn bytes_are_shown_with_their_block() {
    let text = "\
let p = unsafe { vex_malloc(20) }
let q = unsafe { vex_memset(p, 65, 20) }
unsafe { store_u8(p + 19, 126) }
:mem p 24
:mem p + 16 8
";
    let expected = "\
@1: a live block of 20 bytes at @1 from vex_malloc, 32 bytes with slack
  allocated at <1>:1  let p = unsafe { vex_malloc(20) }
@1[41 41 41 41 41 41 41 41  41 41 41 41 41 41 41 41  AAAAAAAAAAAAAAAA
@2 41 41 41 7e]00 00 00 00                           AAA~....
@2: 16 bytes into a live block of 20 bytes at @1 from vex_malloc, 32
bytes with slack
  allocated at <1>:1  let p = unsafe { vex_malloc(20) }
@2 41 41 41 7e]00 00 00 00                           AAA~....
";
    assert_eq!(words(&shown(text)), words(expected));
}

#[test]
fn a_freed_block_tells_both_lines() {
    let text = "\
let p = unsafe { vex_malloc(40) }
unsafe { vex_free(p) }
:where p
:mem p 8
";
    let shown = shown(text);
    let about =
        "  allocated at <1>:1  let p = unsafe { vex_malloc(40) }\n  freed at <2>:1  unsafe { vex_free(p) }\n";
    assert_eq!(shown.matches(about).count(), 2, "{shown}");
    assert!(shown.starts_with("@1: a block of 40 bytes at @1 from vex_malloc that is"), "{shown}");
}

#[test]
fn every_kind_of_place_is_known() {
    let text = "\
struct Pair { x: i64, y: i32 }
let pair = Pair { x: 5, y: 6 }
fn three(): i64 { return 3 }
fn local(): ptr { let! x = 5; return &x! as ptr }
let gone = local()
:where pair
:where &pair.y
:where three
:where \"text\"
:where 0
:where 7
:where 0x12345678
:where gone
";
    let shown = shown(text);
    let lines: Vec<&str> = shown.lines().collect();
    let starts = [
        "@1: the variable `pair: Pair`, 16 B at @1",
        "@2: 8 bytes into the variable `pair: Pair`, 16 B at @1",
        "@3: code of the function `three`",
        "@4: constant data of the session, such as the text of strings",
        "0x0: null: points nowhere",
        "0x7: null and 7 bytes: points nowhere",
        "@5: nothing there: no memory has this address",
        "@6: nothing there now; it was the stack of an input that has ended,",
    ];
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}\n{start}");
    }
    assert!(lines.len() >= starts.len(), "{shown}");
}

#[test]
fn looking_changes_nothing() {
    let text = "\
let! x = 41
fn next(): ptr { x = x + 1; return null_ptr }
fn leave(): ptr { if x > 0 { exit(7) }; return null_ptr }
fn boom(): ptr { panic(\"boom\") }
1 + 1
:where next()
_
x
:mem let z = 3
:where 5 +
:where leave()
:where boom()
:where *(&x as *i64 as *ptr)
let p = vex_malloc(8)
_
";
    let output = script(text).expect_status(1);
    let values: Vec<&str> = output.stdout.lines().filter(|line| line.starts_with(": ")).collect();
    assert_eq!(values, [": i64 = 2", ": i64 = 2", ": i64 = 42", ": i64 = 42"], "{output:?}");
    for part in [
        "`let z = 3` is no expression with a value",
        "it asked to exit, which an expression of a command cannot",
        "panic: boom",
        "calling `vex_malloc` is only allowed inside `unsafe { }`",
    ] {
        assert!(output.stderr.contains(part), "{part}: {output:?}");
    }
    assert!(!output.stderr.contains("*(&x"), "looking needs no `unsafe`: {output:?}");
}

#[test]
fn nonsense_is_refused_and_nothing_crashes() {
    let text = "\
:mem
:where
:where nope
:where 1.5
:where 99999999999999999999
:mem 0 0
:mem 0 -1
:heap nope
:leaks nope
:alloc nope
println(\"alive\")
";
    let output = script(text).expect_status(1).expect_stdout("alive\n");
    assert_eq!(output.stderr.matches("error").count(), 10, "{output:?}");
    let odd = "\
:mem 0 99999999999999999999999
:mem 0xffffffffffffffff 4096
:where 0xffffffffffffffff
:mem 0xfffffffffffffff0 64
:where 0x8000000000000000
:heap 0
:heap 18446744073709551615
println(\"alive\")
";
    let output = script(odd).expect_status(0);
    assert!(output.stdout.contains("?? ??") && output.stdout.ends_with("\nalive\n"), "{output:?}");
}

#[test]
fn the_heap_is_a_picture() {
    let text = "\
let! a = [null_ptr; 8]
for i in 0..8 { a[i] = unsafe { vex_malloc(48 << 10) } }
let b = unsafe { vex_malloc(20 << 20) }
for i in 0..4 { unsafe { vex_free(a[i * 2]) } }
:heap
";
    let shown = shown(text);
    let first = shown.lines().next().unwrap_or_default();
    assert!(first.starts_with("5 blocks live, 20.2 MiB"), "{shown}");
    let row = shown.lines().find(|line| line.contains("48 KiB")).expect("a row");
    assert!(row.contains("4 of ") && row.contains("│·█·█·█·█"), "{shown}");
    let row = shown.lines().find(|line| line.starts_with("large")).expect("a row");
    assert!(row.contains("20 MiB") && row.ends_with("│█│"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let plain = repl(&Folder::new(), &[]).env("LC_ALL", "C").input(text).output().expect_status(0);
    assert!(plain.stdout.is_ascii() && plain.stdout.contains("|.#.#.#.#"), "{plain:?}");
}

#[test]
fn thousands_of_blocks_are_still_a_picture() {
    let text = "\
let! i = 0
while i < 20000 { unsafe { vex_malloc(1000) }; i = i + 1 }
:heap
:leaks
:heap diff
";
    let shown = shown(text);
    assert!(shown.lines().count() < 80, "{shown}");
    assert!(shown.contains(" more ") && shown.contains("20,000 blocks live, "), "{shown}");
    assert!(
        shown.contains("leaked: 20,000 blocks, 19.1 MiB") && shown.contains("19,996 blocks more"),
        "{shown}"
    );
}
