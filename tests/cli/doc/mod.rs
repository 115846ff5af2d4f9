//! `vexc doc`: what it shows, and that the pages it writes hold together.

mod pages;
mod types;

use std::fs;

use vex_tests::Folder;

use super::vexc;
use pages::{check_site, search_items};

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
