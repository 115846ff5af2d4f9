//! `vexc doc`: what it shows, and that the pages it writes hold together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use vex_tests::Folder;

use super::vexc;

const SHAPES: &str = "\
/// Shapes & <figures>. Their areas.
///
/// See [Circle.area], `Circle.new` and [nothing].

import { Layout } from \"std/allocator\"

/// A circle; `<script>alert(1)</script>` is text, and so is <b>this</b>.
struct Circle {
    /// In millimetres.
    radius: f64,
    _hidden: i64,
}

/// A circle around nothing.
fn Circle.new(radius: f64): Circle { return Circle { radius: radius, _hidden: 0 } }

/// The area, **exactly**:
///
/// ```
/// println(\"<&>\")
/// ```
fn (self: &Circle) area(): f64 { return 3.0 * self.radius * self.radius }

fn _private() {}

/// Makes room for a [Circle].
fn layout_of(
    circle: &Circle, // which one
    unused: str = \"<\\\"'&>\",
): Layout { return Layout { size: 16, align: 8 } }

/// The most circles.
const MOST: i64 = 10
";

fn shapes() -> Folder {
    let folder = Folder::new();
    folder.file("shapes.vx", SHAPES);
    folder
}

#[test]
fn modules_are_listed_and_shown() {
    let folder = Folder::new();
    let list = vexc(&folder).arg("doc").output().expect_status(0).stdout;
    assert!(list.contains("std/allocator  Custom memory allocators: "), "{list}");
    assert!(!list.contains('\x1b'), "{list}");
    for module in vexc::stdlib::modules() {
        assert!(list.contains(module.name), "no {} in\n{list}", module.name);
        let page = vexc(&folder).args(["doc", module.name]).output().expect_status(0).stdout;
        assert!(page.starts_with(&format!("{}\n\n", module.name)), "{page}");
        assert!(page.lines().count() > 10, "{page}");
    }
}

#[test]
fn a_file_is_shown_as_it_is_written() {
    let folder = shapes();
    let page = vexc(&folder).args(["doc", "shapes.vx"]).output().expect_status(0).stdout;
    let expected = "\
shapes

Shapes & <figures>. Their areas.

See `Circle.area`, `Circle.new` and [nothing].

struct Circle
    A circle; `<script>alert(1)</script>` is text, and so is <b>this</b>.

  Fields
    radius: f64
        In millimetres.

  Methods
    fn Circle.new(radius: f64): Circle
        A circle around nothing.

    fn (self: &Circle) area(): f64
        The area, **exactly**:

            println(\"<&>\")

  Functions
    fn layout_of(circle: &Circle, unused: str = \"<\\\"'&>\"): Layout
        Makes room for a `Circle`.

  Constants
    const MOST: i64 = 10
        The most circles.
";
    assert_eq!(page, expected);
    let coloured = vexc(&folder).args(["doc", "--color", "always", "shapes.vx"]).output().stdout;
    assert!(coloured.contains("\x1b[1mstruct Circle\x1b[0m\n"), "{coloured:?}");
    assert!(coloured.contains("The area, \x1b[1mexactly\x1b[0m:"), "{coloured:?}");
}

#[test]
fn single_items_are_shown() {
    let folder = shapes();
    for name in ["Circle.area", "Circle::area", "Circle.area()"] {
        let item = vexc(&folder).args(["doc", "shapes.vx", name]).output().expect_status(0).stdout;
        assert!(item.starts_with("Circle.area of shapes\n\nfn (self: &Circle) area(): f64\n"), "{item}");
    }
    let two = vexc(&folder).args(["doc", "shapes.vx", "MOST", "Circle.radius"]).output().expect_status(0);
    assert!(two.stdout.contains("const MOST") && two.stdout.contains("In millimetres."), "{}", two.stdout);
    let alloc = vexc(&folder).args(["doc", "std/allocator", "BumpAllocator.alloc"]).output();
    assert!(alloc.expect_status(0).stdout.contains("F alloc(&self, layout: Layout) -> Allocation"));
}

#[test]
fn what_is_not_there_gets_a_suggestion() {
    let folder = shapes();
    let doc = |args: &[&str]| vexc(&folder).arg("doc").args(args).output().expect_status(1).expect_stdout("");
    doc(&["std/alocator"]).expect_stderr("did you mean `std/allocator`?");
    doc(&["kmem_release"]).expect_stderr("`vexc doc std/kmem kmem_release`");
    doc(&["allocater"]).expect_stderr("did you mean `std/allocator`?");
    doc(&["nonsense"]).expect_stderr("`vexc doc` lists");
    doc(&["shape.vx"]).expect_stderr("did you mean `shapes.vx`?");
    doc(&["shapes.vx", "Circle.aera"]).expect_stderr("did you mean `Circle.area`?");
    doc(&["shapes.vx", "area"]).expect_stderr("did you mean `Circle.area`?");
    doc(&["shapes.vx", "_private"]).expect_stderr("declares no `_private`");
    doc(&["shapes.vx", "PoolAllocator"]).expect_stderr("`vexc doc std/allocator PoolAllocator`");
    folder.file("bad.vx", "fn f( {\n");
    doc(&["bad.vx"]).expect_stderr("bad.vx:1");
    vexc(&folder).args(["doc", "--html", "out", "shapes.vx", "MOST"]).output().expect_status(2);
    assert!(!folder.path().join("out").exists());
}

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

/// Asserts that tags are balanced; the ids of the page, and where its links lead.
fn read(page: &str) -> (BTreeSet<String>, Vec<String>) {
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
fn check_site(site: &Path) -> usize {
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
fn search_items(site: &Path) -> Vec<serde_json::Value> {
    let script = fs::read_to_string(site.join("search.js")).expect("the script");
    let start = script.find("const items = [").expect("the list") + "const items = ".len();
    let end = start + script[start..].find("\n];").expect("its end") + 2;
    serde_json::from_str(&script[start..end]).expect("rows")
}

#[test]
fn the_librarys_pages_hold_together() {
    let folder = Folder::new();
    vexc(&folder).args(["doc", "--html", "site"]).output().expect_status(0).expect_stdout("");
    let site = folder.path().join("site");
    assert!(check_site(&site) > 200);
    let index = folder.read("site/index.html");
    for module in vexc::stdlib::modules() {
        assert!(index.contains(&format!(">{}</a></dt>", module.name)), "{}", module.name);
    }
    // Types of another module are links to its page.
    let xila = folder.read("site/xila.memory.html");
    assert!(xila.contains("layout: <a href=\"std.allocator.html#Layout\">Layout</a>"), "{xila}");
    let items = search_items(&site);
    assert!(items.len() > 60, "{}", items.len());
    assert!(items.iter().any(|item| item[0] == "BumpAllocator.alloc" && item[1] == "method"), "{items:?}");
    assert!(
        !folder.read("site/style.css").contains("http") && !folder.read("site/search.js").contains("http")
    );
}

#[test]
fn pages_of_files_link_and_escape() {
    let folder = shapes();
    let run = vexc(&folder).args(["doc", "--html", "out/site", "shapes.vx", "std/allocator"]).output();
    run.expect_status(0);
    check_site(&folder.path().join("out/site"));
    let page = folder.read("out/site/shapes.html");
    for part in [
        "<p>Shapes &amp; &lt;figures&gt;. Their areas.</p>",
        "<p>See <a href=\"#Circle.area\">Circle.area</a>, <a href=\"#Circle.new\"><code>Circle.new</code></a> and [nothing].</p>",
        "<code>&lt;script&gt;alert(1)&lt;/script&gt;</code>",
        "so is &lt;b&gt;this&lt;/b&gt;.",
        "<span class=\"s\">&quot;&lt;\\&quot;&#39;&amp;&gt;&quot;</span>",
        "circle: &amp;<a href=\"#Circle\">Circle</a>",
        "<a href=\"std.allocator.html#Layout\">Layout</a>",
        "<strong>exactly</strong>",
        "Makes room for a <a href=\"#Circle\">Circle</a>.",
    ] {
        assert!(page.contains(part), "no `{part}` in\n{page}");
    }
    assert!(!page.contains("_private") && !page.contains("_hidden"), "{page}");
    // Without the library's pages there is nothing to link to.
    vexc(&folder).args(["doc", "--html", "alone", "shapes.vx"]).output().expect_status(0);
    check_site(&folder.path().join("alone"));
    assert!(!folder.read("alone/shapes.html").contains("std.allocator"));
}

#[test]
fn only_folders_of_our_own_are_written_to() {
    let folder = shapes();
    let doc = |folder: &Folder, site: &str| vexc(folder).args(["doc", "--html", site, "shapes.vx"]).output();
    folder.file("full/notes.txt", "mine");
    doc(&folder, "full").expect_status(1).expect_stderr("is not empty and was not made by `vexc doc`");
    doc(&folder, "shapes.vx").expect_status(1).expect_stderr("is a file, not a folder");
    assert_eq!(fs::read_dir(folder.path().join("full")).expect("a folder").count(), 1);
    fs::create_dir(folder.path().join("site")).expect("a folder");
    doc(&folder, "site").expect_status(0);
    // What people add stays; pages of modules that are no longer named go.
    folder.file("site/notes.txt", "mine");
    folder.file("site/index.html", "old");
    vexc(&folder).args(["doc", "--html", "site", "std/kmem"]).output().expect_status(0);
    assert!(!folder.path().join("site/shapes.html").exists());
    assert!(folder.read("site/index.html").contains("std/kmem"));
    assert_eq!(folder.read("site/notes.txt"), "mine");
    // A file of theirs with the name of a page is not replaced, and nothing else is then.
    folder.file("site/shapes.html", "mine");
    doc(&folder, "site").expect_status(1).expect_stderr("shapes.html` was not made by `vexc doc`");
    assert_eq!(folder.read("site/shapes.html"), "mine");
    assert!(folder.path().join("site/std.kmem.html").exists());
}

/// A list that names files elsewhere takes none of them away, and a link is not written through.
#[cfg(unix)]
#[test]
fn a_forged_list_does_no_harm() {
    let folder = shapes();
    let doc = || vexc(&folder).args(["doc", "--html", "site", "shapes.vx"]).output();
    doc().expect_status(0);
    folder.file("precious", "mine");
    let list = folder.read("site/.vexc-doc");
    folder
        .file("site/.vexc-doc", format!("{list}../precious\n{}\n", folder.path().join("precious").display()));
    let index = folder.path().join("site/index.html");
    fs::remove_file(&index).expect("removed");
    std::os::unix::fs::symlink("../precious", &index).expect("a link");
    doc().expect_status(0);
    assert_eq!(folder.read("precious"), "mine");
    assert!(!fs::symlink_metadata(&index).expect("the page").is_symlink());
}
