//! Reports of made-up memory errors, whole.

use serde_json::Value;
use vex_runtime::checked::{AccessInfo, BadFree, DefectKind, Given, Origin, State, Unwritten};
use vex_syntax::{SourceMap, Spelling};

use super::model::{Block, Call, Calls, Finding};
use super::picture::{Byte, Picture, Region};
use super::{json, text};

/// A program that is wrong in many ways.
const PROGRAM: &str = "\
fn fill(p: *u8!, n: i64) {
    let! i = 0
    while i <= n {
        p[i] = 1
        i += 1
    }
}
fn main() {
    let p = vex_malloc(24)
    fill(p as *u8!, 24)
    let q = vex_realloc(p, 100)
    vex_free(p)
    let table = vex_malloc(10) as *i64!
    table[1] = 5
}
";

/// The base of the blocks of these reports.
const BASE: usize = 0x10_0000_0010;

/// The program and a file of the library.
pub(super) fn sources() -> SourceMap {
    let mut sources = SourceMap::new();
    sources.add("a.vx", None, Spelling::Vex, PROGRAM, false).expect("room");
    sources
        .add("std/vec.vx", None, Spelling::Vex, "fn grow() {\n    vex_malloc(n)\n}\n", true)
        .expect("room");
    sources
}

/// A call of `function` where this text of a file begins.
fn call(sources: &SourceMap, depth: usize, function: &str, text: &str) -> Call {
    let find = |file: &vex_syntax::span::SourceFile| Some(file.base + file.text.find(text)? as u32);
    let position = sources.files().iter().find_map(find).expect("the text is there");
    Call { function: function.into(), position, depth, gap: false, repeated: (1, 0) }
}

pub(super) fn calls(sources: &SourceMap, rows: &[(&str, &str)]) -> Calls {
    rows.iter().enumerate().map(|(depth, (function, text))| call(sources, depth, function, text)).collect()
}

pub(super) fn heap_block(sources: &SourceMap) -> Block {
    Block {
        base: BASE,
        size: 24,
        align: 16,
        zeroed: false,
        origin: Origin::Vex,
        reason: None,
        state: State::Live,
        allocated: calls(sources, &[("main", "vex_malloc(24)")]),
        reallocated: Vec::new(),
        freed: None,
        is_field: false,
        parent: None,
        name: None,
        is_area: false,
    }
}

fn finding(kind: DefectKind, calls: Calls) -> Finding {
    Finding {
        kind,
        access: None,
        address: BASE,
        start: BASE,
        block: None,
        landed: None,
        function: String::new(),
        given: Given::default(),
        unwritten: None,
        calls,
        picture: None,
        refusal: None,
    }
}

fn access(write: bool, size: usize) -> Option<AccessInfo> {
    Some(AccessInfo { write, size, align: 1 })
}

/// A write directly behind a block, from a loop that counts one too far.
fn overflow(sources: &SourceMap) -> Finding {
    let mut bytes = vec![Byte::Written(1); 24];
    bytes.extend([Byte::Guard; 24]);
    let label = "a 24-byte heap block".to_owned();
    Finding {
        access: access(true, 1),
        address: BASE + 24,
        start: BASE + 24,
        block: Some(heap_block(sources)),
        picture: Some(Picture {
            start: BASE,
            bytes,
            regions: vec![Region { range: BASE..BASE + 24, label }],
            marked: BASE + 24..BASE + 25,
        }),
        ..finding(DefectKind::OutOfBounds, calls(sources, &[("fill", "p[i] = 1"), ("main", "fill(p as")]))
    }
}

/// Compares with a file of expected texts; `VEX_BLESS=1` writes it.
pub(super) fn expect(name: &str, text: &str) {
    let file = format!("{}/src/defects/expected/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("VEX_BLESS").is_some() && std::env::var_os("CI").is_none() {
        std::fs::write(&file, text).expect("the file can be written");
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert_eq!(text, expected, "not as in {file}");
}

#[test]
fn an_overflow() {
    let sources = sources();
    expect("overflow", &text::finding(&overflow(&sources), &sources, false));
}

/// The free of a block that a reallocation has freed.
fn free_after_realloc(sources: &SourceMap) -> Finding {
    let mut block = heap_block(sources);
    block.state = State::Moved;
    block.freed = Some(calls(sources, &[("main", "vex_realloc(p, 100)")]));
    Finding {
        block: Some(block),
        function: "vex_free".into(),
        ..finding(DefectKind::DoubleFree, calls(sources, &[("main", "vex_free(p)")]))
    }
}

#[test]
fn a_free_after_a_reallocation() {
    let sources = sources();
    expect("realloc", &text::finding(&free_after_realloc(&sources), &sources, false));
}

/// The title, what stands at the caret, notes and helps of a finding, in short.
fn gist(finding: &Finding) -> String {
    let sources = sources();
    let object: Value = serde_json::from_str(&json::finding(finding, &sources)).expect("an object");
    let label = super::words::label(finding, text::called(finding, &sources).as_deref());
    let mut lines = vec![format!("{}: {}", finding.name(), super::words::title(finding)), label];
    for list in ["notes", "helps"] {
        let texts = object[list].as_array().expect("a list").iter();
        lines.extend(texts.map(|entry| entry["text"].as_str().or(entry.as_str()).unwrap_or("?").to_owned()));
    }
    lines.join("\n")
}

#[test]
fn every_kind_in_words() {
    let sources = sources();
    let at = |kind| Finding {
        block: Some(heap_block(&sources)),
        ..finding(kind, calls(&sources, &[("main", "table[1] = 5")]))
    };
    let of = |state| Block { state, ..heap_block(&sources) };
    let all = [
        Finding {
            access: access(false, 8),
            start: BASE + 20,
            address: BASE + 24,
            ..at(DefectKind::OutOfBounds)
        },
        Finding {
            access: access(false, 8),
            start: BASE - 8,
            address: BASE - 8,
            ..at(DefectKind::OutOfBounds)
        },
        Finding {
            access: access(true, 4),
            start: BASE + 48,
            address: BASE + 48,
            landed: Some(Block { base: BASE + 48, ..heap_block(&sources) }),
            ..at(DefectKind::OutOfBounds)
        },
        Finding {
            access: access(true, 8),
            start: BASE + 8,
            address: BASE + 10,
            block: Some(Block {
                size: 10,
                allocated: calls(&sources, &[("main", "vex_malloc(10)")]),
                ..heap_block(&sources)
            }),
            ..at(DefectKind::OutOfBounds)
        },
        Finding {
            access: access(true, 100),
            address: BASE + 24,
            function: "vex_memset".into(),
            ..at(DefectKind::OutOfBounds)
        },
        Finding {
            access: access(true, 1),
            start: BASE + 8,
            address: BASE + 8,
            block: Some(Block {
                size: 8,
                is_field: true,
                parent: Some(Box::new(heap_block(&sources))),
                ..heap_block(&sources)
            }),
            ..at(DefectKind::OutOfObject)
        },
        Finding { access: access(false, 8), block: Some(of(State::Freed)), ..at(DefectKind::UseAfterFree) },
        Finding { access: access(true, 8), block: Some(of(State::Moved)), ..at(DefectKind::UseAfterFree) },
        Finding {
            block: Some(of(State::Freed)),
            function: "vex_realloc".into(),
            ..at(DefectKind::UseAfterFree)
        },
        Finding {
            access: access(true, 8),
            block: Some(Block {
                origin: Origin::Bump,
                parent: Some(Box::new(heap_block(&sources))),
                ..of(State::Reset)
            }),
            ..at(DefectKind::UseAfterFree)
        },
        Finding {
            access: access(false, 8),
            block: Some(Block {
                origin: Origin::Variable,
                name: Some("x".into()),
                size: 8,
                ..of(State::Left)
            }),
            ..at(DefectKind::DeadStack)
        },
        Finding {
            access: access(false, 8),
            start: 0,
            block: None,
            refusal: Some("no room".into()),
            ..at(DefectKind::Null)
        },
        Finding { access: access(true, 1), start: 16, block: None, ..at(DefectKind::Null) },
        Finding { start: 0x500_0000, block: None, ..at(DefectKind::Wild) },
        Finding { access: access(true, 1), start: 0xdead_0000, block: None, ..at(DefectKind::Wild) },
        Finding {
            access: Some(AccessInfo { write: false, size: 8, align: 8 }),
            start: BASE + 1,
            ..at(DefectKind::Misaligned)
        },
        Finding {
            access: access(false, 8),
            unwritten: Some(Unwritten { first: BASE + 7, count: 1, mask: 128 }),
            ..at(DefectKind::Unwritten)
        },
        Finding {
            access: access(false, 4),
            unwritten: Some(Unwritten { first: BASE, count: 4, mask: 15 }),
            ..at(DefectKind::Unwritten)
        },
        Finding {
            access: access(true, 1),
            block: Some(Block { size: 0, ..heap_block(&sources) }),
            ..at(DefectKind::ZeroSized)
        },
        Finding { function: "vex_free".into(), block: Some(of(State::Freed)), ..at(DefectKind::DoubleFree) },
        Finding {
            function: "vex_free".into(),
            start: BASE + 8,
            ..at(DefectKind::BadFree(BadFree::Interior))
        },
        Finding {
            function: "vex_free".into(),
            block: Some(Block { origin: Origin::Variable, ..heap_block(&sources) }),
            ..at(DefectKind::BadFree(BadFree::Stack))
        },
        Finding { function: "vex_free".into(), block: None, ..at(DefectKind::BadFree(BadFree::Foreign)) },
        Finding {
            function: "vex_free".into(),
            block: Some(Block {
                origin: Origin::Kmem,
                reason: Some("Scratch".into()),
                ..heap_block(&sources)
            }),
            given: Given { by: Some(Origin::Vex), ..Given::default() },
            ..at(DefectKind::WrongAllocator)
        },
        Finding {
            function: "vex_free_sized".into(),
            given: Given { size: Some(50), expected_size: Some(24), ..Given::default() },
            ..at(DefectKind::WrongSize)
        },
        Finding {
            function: "free_aligned".into(),
            given: Given { align: Some(8), expected_align: Some(64), ..Given::default() },
            ..at(DefectKind::WrongAlign)
        },
        Finding {
            function: "vex_memcpy".into(),
            start: BASE + 4,
            given: Given { size: Some(16), other: Some(BASE), ..Given::default() },
            ..at(DefectKind::Overlap)
        },
        Finding {
            function: "vex_malloc".into(),
            block: None,
            given: Given { size: Some(-8), ..Given::default() },
            ..at(DefectKind::BadSize)
        },
        Finding {
            access: access(false, 8),
            block: Some(Block { origin: Origin::Pool, ..heap_block(&sources) }),
            ..at(DefectKind::StaleRegion)
        },
    ];
    let all: Vec<String> = all.iter().map(gist).collect();
    expect("kinds", &(all.join("\n\n") + "\n"));
}

#[test]
fn colours_add_nothing_but_colours() {
    let sources = sources();
    let [plain, colored] = [false, true].map(|color| text::finding(&overflow(&sources), &sources, color));
    let mut rest = colored.split("\x1b[");
    let mut stripped = rest.next().unwrap_or_default().to_owned();
    rest.for_each(|part| stripped.push_str(part.split_once('m').map_or(part, |(_, text)| text)));
    assert!(colored != plain && stripped == plain, "{stripped}");
}

#[test]
fn the_json_has_the_documented_keys() {
    let sources = sources();
    let object: Value =
        serde_json::from_str(&json::finding(&overflow(&sources), &sources)).expect("an object");
    assert_eq!(object["kind"], "out-of-bounds");
    assert_eq!((&object["file"], &object["line"], &object["column"]), (&"a.vx".into(), &4.into(), &9.into()));
    assert_eq!(object["function"], "fill");
    assert_eq!(object["access"]["address"], "0x1000000028");
    assert_eq!((&object["block"]["offset"], &object["block"]["allocator"]), (&24.into(), &"vex".into()));
    assert_eq!(object["block"]["allocated"]["line"], 9);
    assert_eq!(object["block"]["freed"], Value::Null);
    assert_eq!(object["backtrace"][1]["function"], "main");
    assert!(object["rendered"].as_str().is_some_and(|text| text.contains("memory error[out-of-bounds]")));
    let document = include_str!("../../../docs/checked.md");
    for part in [&object, &object["block"], &object["access"], &object["backtrace"][0]] {
        for key in part.as_object().expect("an object").keys() {
            let known = [format!("`{key}`"), format!("\"{key}\"")].iter().any(|name| document.contains(name));
            assert!(known, "docs/checked.md says nothing of `{key}`");
        }
    }
}

#[test]
fn places_in_the_library_are_not_where_people_look() {
    let sources = sources();
    let rows = calls(&sources, &[("grow", "vex_malloc(n)"), ("main", "table[1] = 5")]);
    let report = finding(DefectKind::Null, rows);
    let text = text::finding(&report, &sources, false);
    assert!(text.contains("\n  at a.vx:14:5 in main\n   14 |     table[1] = 5\n"), "{text}");
    assert!(text.contains("\n    0: grow  std/vec.vx:2:5\n    1: main  a.vx:14:5\n"), "{text}");
    assert_eq!(text::called(&report, &sources).as_deref(), Some("grow"));
}

#[test]
fn an_address_below_zero_is_before_the_start() {
    let sources = sources();
    let start = BASE.wrapping_sub(1 << 53);
    let report = Finding {
        access: access(false, 8),
        address: start,
        start,
        block: Some(heap_block(&sources)),
        ..finding(DefectKind::OutOfBounds, calls(&sources, &[("main", "table[1] = 5")]))
    };
    let text = text::finding(&report, &sources, false);
    assert!(text.contains("read before the start of a block"), "{text}");
    assert!(text.contains("9007199254740992 bytes before the start of"), "{text}");
}

/// Whatever the numbers: a program may have computed any of them.
#[test]
fn no_number_is_too_much() {
    let sources = sources();
    let kinds = [
        DefectKind::OutOfBounds,
        DefectKind::OutOfObject,
        DefectKind::UseAfterFree,
        DefectKind::Wild,
        DefectKind::Misaligned,
        DefectKind::Unwritten,
        DefectKind::Overlap,
        DefectKind::StaleRegion,
        DefectKind::BadFree(BadFree::Interior),
        DefectKind::WrongSize,
    ];
    let numbers = [0, 1, 15, 16, BASE, BASE + 24, usize::MAX / 2, usize::MAX - 16, usize::MAX];
    for kind in kinds {
        for start in numbers {
            for size in numbers {
                let report = Finding {
                    access: access(size.is_multiple_of(2), size),
                    address: start,
                    start,
                    block: Some(Block { size, ..heap_block(&sources) }),
                    given: Given { other: Some(size), size: Some(size as i128), ..Given::default() },
                    unwritten: Some(Unwritten { first: start, count: size, mask: 0 }),
                    ..finding(kind, calls(&sources, &[("main", "table[1] = 5")]))
                };
                assert!(json::finding(&report, &sources).len() > 100);
                let end = start.saturating_add(size);
                assert!(super::picture::window(&(start..end)).len() <= 80);
            }
        }
    }
}
