//! Reads the pages of a site as strictly as nothing else does: tags are balanced, text is escaped, links lead somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use vex_tests::Random;
use vexc::docs::{Docs, html, terminal};
use vexc::stack::on_deep_stack;

/// A start tag, an end tag, or text between two of them, as far as the pages have them.
#[derive(Debug)]
struct Tag {
    name: String,
    closes: bool,
    attributes: BTreeMap<String, String>,
}

/// The tags of a page. Panics on what a browser would have to guess at.
fn tags(page: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a document type");
    while let Some(at) = rest.find(['<', '>']) {
        let text = &rest[..at];
        for (amp, _) in text.match_indices('&') {
            assert!(text[amp..].contains(';'), "a bare & in `{text}`");
        }
        assert!(rest[at..].starts_with('<'), "a bare > after `{text}`");
        let mut inner = &rest[at + 1..];
        let closes = inner.starts_with('/');
        inner = inner.trim_start_matches('/');
        let end = inner.find(|c: char| !c.is_ascii_alphanumeric()).expect("the tag's name ends");
        let name = inner[..end].to_owned();
        assert!(!name.is_empty(), "no tag: `{}`", &inner[..inner.floor_char_boundary(40)]);
        inner = inner[end..].trim_start();
        let mut attributes = BTreeMap::new();
        while !inner.starts_with(['>', '/']) {
            let end = inner.find(['=', ' ', '>']).expect("the attribute ends");
            let key = inner[..end].to_owned();
            inner = &inner[end..];
            let mut value = String::new();
            if let Some(quoted) = inner.strip_prefix("=\"") {
                let end = quoted.find('"').expect("a closing quote");
                value = quoted[..end].to_owned();
                inner = &quoted[end + 1..];
            }
            assert!(!value.contains('<'), "{key}={value}");
            assert!(attributes.insert(key, value).is_none(), "an attribute twice in <{name}>");
            inner = inner.trim_start();
        }
        rest = inner.trim_start_matches('/').strip_prefix('>').expect("the tag ends");
        found.push(Tag { name, closes, attributes });
    }
    found
}

/// Asserts that tags are balanced and nothing is loaded from elsewhere; the ids of the page, and where its links lead.
pub fn read(page: &str) -> (BTreeSet<String>, Vec<String>) {
    let (mut open, mut ids, mut links) = (Vec::new(), BTreeSet::new(), Vec::new());
    for tag in tags(page) {
        let void = matches!(tag.name.as_str(), "meta" | "link" | "br" | "hr" | "img" | "input");
        if tag.closes {
            assert_eq!(open.pop().as_deref(), Some(tag.name.as_str()), "what </{}> closes", tag.name);
        } else if !void {
            if tag.name == "a" {
                assert!(!open.contains(&tag.name), "a link in a link");
            }
            open.push(tag.name.clone());
        }
        let allowed = ["script", "link", "a"];
        for (key, value) in &tag.attributes {
            assert!(!key.starts_with("on"), "{key}={value}");
            match key.as_str() {
                "id" => assert!(ids.insert(value.clone()), "#{value} twice"),
                "href" | "src" => {
                    assert!(allowed.contains(&tag.name.as_str()), "<{}>", tag.name);
                    links.push(value.clone());
                }
                _ => {}
            }
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    (ids, links)
}

/// Checks every page of a site; how many links there were.
pub fn check_site(site: &Path) -> usize {
    let mut pages = BTreeMap::new();
    for entry in fs::read_dir(site).expect("a folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("a plain name");
        if name.ends_with(".html") {
            let text = fs::read_to_string(site.join(&name)).expect("a page");
            pages.insert(name, read(&text));
        }
    }
    let mut count = 0;
    let lead = |page: &str, link: &str| {
        let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
        let file = if file.is_empty() { page } else { file };
        assert!(!file.contains('/') && site.join(file).is_file(), "{page}: {link} leads nowhere");
        if let Some(anchor) = anchor {
            assert!(pages[file].0.contains(anchor), "{page}: no place for {link}");
        }
    };
    for (page, (_, links)) in &pages {
        for link in links.iter().filter(|link| !link.starts_with("https://")) {
            lead(page, link);
            count += 1;
        }
    }
    for item in search_items(site) {
        lead("search.js", item[3].as_str().expect("an address"));
    }
    count
}

/// The rows that the script searches.
pub fn search_items(site: &Path) -> Vec<serde_json::Value> {
    let script = fs::read_to_string(site.join("search.js")).expect("the script");
    let start = script.find("const items = [").expect("the list") + "const items = ".len();
    let end = start + script[start..].find("\n];").expect("its end") + 2;
    serde_json::from_str(&script[start..end]).expect("rows")
}

/// Whatever a file says, its pages are well-formed and nothing in it becomes a tag; and nothing panics.
#[test]
fn damaged_files_give_whole_pages() {
    let parts = [
        "<b>",
        "</div>",
        "\"",
        "'",
        "&",
        "```",
        "`",
        "[",
        "](",
        ")",
        "](Vec)",
        "[Circle.area]",
        "\n/// ",
        "\n///\n/// ",
        "    ",
        "# ",
        "- ",
        "> ",
        "<!--",
        "-->",
        "<![CDATA[",
        "\\",
        "\u{0}",
        "\u{1b}",
        "ü",
        "/// ",
        "//",
        "/*",
        "*/",
        "(",
        ">",
        "<script>",
        "_",
        "**",
        "![a](b)",
        "[a]: b",
        "<a href='x' onclick=y>",
        "&#x3c;",
        "fn ",
        "struct ",
        "{",
        "}",
        ": ",
    ];
    let mut random = Random(0x5eed);
    let mut whole = 0;
    for _ in 0..1500 {
        let mut text = super::SHAPES.to_owned();
        for _ in 0..1 + random.below(6) {
            let at = text.floor_char_boundary(random.below(text.len()));
            // Comments take anything; elsewhere few changes leave a program.
            let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
            if !text[line..at].trim_start().starts_with("///") && random.below(8) > 0 {
                continue;
            }
            text.insert_str(at, parts[random.below(parts.len())]);
        }
        on_deep_stack(|| {
            let mut docs = Docs::default();
            let Ok(number) = docs.add("a<b>\"&'/..", "shapes.vx", &text, vex_syntax::Spelling::Vex) else {
                return;
            };
            whole += 1;
            terminal::module(&docs, number, true);
            for file in html::site(&docs, &[number]).iter().filter(|file| file.name.ends_with(".html")) {
                let (ids, links) = read(&file.text);
                let inner = links.iter().filter_map(|link| link.strip_prefix('#'));
                inner.for_each(|anchor| assert!(ids.contains(anchor), "no #{anchor} in\n{}", file.text));
            }
        });
    }
    assert!(whole > 500, "only {whole} of the texts could be documented");
}
