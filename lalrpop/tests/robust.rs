//! Whatever the bytes: the front end never panics, every message points into the file and can be rendered, and
//! tokens keep their order.

use proptest::prelude::*;
use vex_syntax::format::{FormatError, format};
use vex_syntax::lexer::lex;
use vex_syntax::{
    FormatPiece, Severity, SourceMap, Spelling, is_incomplete, parse_expr, parse_file, parse_format,
    print_ast, print_tokens, render, render_json,
};

const PROGRAMS: [(&str, Spelling); 6] = [
    (include_str!("programs/tour.vx"), Spelling::Vex),
    (include_str!("programs/tour.vera"), Spelling::Vera),
    (include_str!("programs/tour.vais"), Spelling::Vais),
    (include_str!("programs/forms.vx"), Spelling::Vex),
    (include_str!("programs/forms.vera"), Spelling::Vera),
    (include_str!("programs/forms.vais"), Spelling::Vais),
];

/// Runs the whole front end over `text` and checks what holds for every text.
fn exercise(text: &str, spelling: Spelling) {
    let mut map = SourceMap::new();
    let id = map.add("t", None, spelling, text, false).expect("room for the file");
    let file = map.file(id).clone();
    let lexed = lex(text, file.base, spelling);
    for pair in lexed.tokens.windows(2) {
        assert!(pair[0].lo < pair[0].hi && pair[0].hi <= pair[1].lo, "{pair:?}");
    }
    let (unit, diagnostics) = parse_file(text, file.base, spelling);
    for diagnostic in &diagnostics {
        let spans = diagnostic.labels.iter().map(|l| l.span);
        let edits = diagnostic.helps.iter().filter_map(|h| h.edit.as_ref()).map(|e| e.0);
        for span in spans.chain(edits) {
            assert!(
                file.base <= span.lo && span.lo <= span.hi && span.hi <= file.span().hi,
                "{diagnostic:?}"
            );
            assert!(text.is_char_boundary((span.lo - file.base) as usize), "{diagnostic:?}");
        }
        assert!(!diagnostic.title.is_empty() && !diagnostic.title.contains('\n'), "{diagnostic:?}");
        assert!(render(diagnostic, &map, false).contains(diagnostic.code.0));
        assert!(!render_json(diagnostic, &map).contains('\n'));
    }
    let _ = print_ast(&unit, Some(&file));
    let _ = print_tokens(&file);
    let _ = is_incomplete(text, spelling);
    let _ = parse_expr(text, file.base, spelling);
    match format(text, file.base, spelling) {
        Ok(once) => match format(&once, 1, spelling) {
            Ok(twice) => assert_eq!(once, twice, "formatted twice:\n{text}"),
            Err(error) => panic!("{error:?}\n{text}\nbecame\n{once}"),
        },
        Err(FormatError::Syntax(_)) => assert!(diagnostics.iter().any(|d| d.severity == Severity::Error)),
        Err(FormatError::Changed(what)) => panic!("{what}\n{text}"),
    }
}

fn spelling() -> impl Strategy<Value = Spelling> {
    prop::sample::select(Spelling::ALL.to_vec())
}

/// Words, marks and pieces of literals, glued with and without blanks.
fn soup() -> impl Strategy<Value = String> {
    let pieces = "fn function F struct S enum E match M impl X trait contract W op move let let! var const C G if I elif else EL while for in \
        loop L return R break B continue defer D unsafe import U from as extern N true null pub P mut self x y T Vec \
        $panic #sizeof ( ) [ ] { } < > , ; : :: := -> => . .. ..= @ ? |> = += + - * / % & | ^ ~ ! << >> && || == != \
        <= >= 1 0x1F 2.5 1e9 \"a\" \"{x}\" \"\\n\" 'c' '\\'' ' 'a: ? ?. |x| || _ .. ..= => @ Some(x) op+ <T> // /* */ /// # ä → \\ $ \" 5u8 t.0.1";
    let mut words: Vec<String> = pieces.split_whitespace().map(str::to_owned).collect();
    words.extend(["\n".to_owned(), " ".to_owned(), "\n\n".to_owned(), "\t".to_owned(), "\r\n".to_owned()]);
    prop::collection::vec((prop::sample::select(words), any::<bool>()), 0..60).prop_map(|pieces| {
        pieces.into_iter().map(|(word, blank)| if blank { word + " " } else { word }).collect()
    })
}

/// A valid program with some of its bytes cut out, doubled or moved.
fn mutated() -> impl Strategy<Value = (String, Spelling)> {
    let edit = (any::<prop::sample::Index>(), 0usize..40, any::<prop::sample::Index>(), 0u8..4);
    (0..PROGRAMS.len(), prop::collection::vec(edit, 1..6)).prop_map(|(program, edits)| {
        let (text, spelling) = PROGRAMS[program];
        let mut bytes = text.as_bytes().to_vec();
        for (at, length, to, what) in edits {
            let at = at.index(bytes.len().max(1)).min(bytes.len());
            let end = (at + length).min(bytes.len());
            let part = bytes[at..end].to_vec();
            if what != 1 {
                bytes.drain(at..end);
            }
            if what > 0 && !bytes.is_empty() {
                let to = to.index(bytes.len());
                bytes.splice(to..to, part);
            }
        }
        (String::from_utf8_lossy(&bytes).into_owned(), spelling)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400), spelling in spelling()) {
        exercise(&String::from_utf8_lossy(&bytes), spelling);
    }

    #[test]
    fn arbitrary_words_are_survived(text in soup(), spelling in spelling()) {
        exercise(&text, spelling);
    }

    #[test]
    fn mutated_programs_are_survived((text, spelling) in mutated()) {
        exercise(&text, spelling);
    }

    #[test]
    fn arbitrary_format_strings_are_survived(inside in "[{}:a-c\\\\\"n.0-9?><#()\u{e4} ]{0,40}", spelling in spelling()) {
        let raw = format!("\"{inside}\"");
        match parse_format(&raw, 1, spelling) {
            Ok(pieces) => for piece in pieces {
                if let FormatPiece::Arg { span, .. } = piece {
                    prop_assert_eq!(raw.as_bytes()[span.lo as usize - 1], b'\x7b');
                }
            },
            Err(errors) => prop_assert!(errors.iter().all(|e| e.span().hi as usize <= raw.len() + 1)),
        }
    }
}
