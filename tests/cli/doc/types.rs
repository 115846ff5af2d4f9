//! Types with parameters, variants, traits and what has them.

use vex_tests::Folder;

use super::pages::check_site;
use super::vexc;

const ROWS: &str = "\
/// Things with types.

/// What can be shown.
trait Show: Eq {
    /// As text.
    fn show(&self): str;
    /// How long it is; see [Show.show].
    fn size(&self): usize { return 0 }
}

/// A shape. [Shape.Circle] is round.
enum Shape: Show {
    /// Nothing.
    Empty,
    /// A circle with this radius.
    Circle(f64),
    /// A rectangle.
    Rect {
        /// The width.
        w: f64,
        h: f64,
    },
}

/// A growing row.
struct Row<T>: $Drop {
    /// The elements.
    items: *T!,
    len: usize,
}

/// Makes one.
fn Row<T>.new(): Row<T> { return Row { items: null, len: 0 } }

/// Adds one.
fn (self: &Row<T>!) push!(item: T) { }

/// How many there are.
fn (self: &Row<T>) len(): usize { return 0 }

impl<T: Ord> Row<T> {
    /// Sorts it.
    fn sort!(&self!) { }
}

impl Row<str> {
    /// All in one.
    pub fn join(&self, by: &str): str { return \"\" }
}

/// Shown in brackets.
impl<T: Show> Show for Row<T> {
    /// As `[…]`.
    fn show(&self): str { return \"\" }
}

impl Show for i64 {
    fn show(&self): str { return \"\" }
}

/// Applies `f`, unlike [`Row::push!`] and `Row.push(1)`.
fn apply<T, F: fn(T): T, Shape>(row: &Row<T>, f: F, longer_than_a_line: Option<T>, other: Shape): Result<Row<T>, str> {
    return row
}
";

const SHOWN: &str = "\
rows

Things with types.

trait Show: Eq
    What can be shown.

  Required functions
    fn show(&self): str
        As text.

  Functions with a default
    fn size(&self): usize
        How long it is; see `Show.show`.

  Types with it
    enum Shape: Show
    impl<T: Show> Show for Row<T>
    impl Show for i64

enum Shape: Show
    A shape. `Shape.Circle` is round.

  Variants
    Empty
        Nothing.

    Circle(f64)
        A circle with this radius.

    Rect { w: f64, h: f64 }
        A rectangle.

        w: f64
            The width.

  Contracts
    Show

struct Row<T>: $Drop
    A growing row.

  Fields
    items: *T!
        The elements.

    len: usize

  Methods
    fn Row<T>.new(): Row<T>
        Makes one.

    fn (self: &Row<T>!) push!(item: T)
        Adds one.

    fn (self: &Row<T>) len(): usize
        How many there are.

  Methods of impl<T: Ord> Row<T>
    fn sort!(&self!)
        Sorts it.

  Methods of impl Row<str>
    fn join(&self, by: &str): str
        All in one.

  Contracts
    $Drop
    impl<T: Show> Show for Row<T>
        Shown in brackets.
        fn show(&self): str
            As `[…]`.

for i64

  Contracts
    impl Show for i64

  Functions
    fn apply<T, F: fn(T): T, Shape>(
        row: &Row<T>,
        f: F,
        longer_than_a_line: Option<T>,
        other: Shape
    ): Result<Row<T>, str>
        Applies `f`, unlike `Row::push!` and `Row.push(1)`.
";

#[test]
fn everything_about_a_type_is_with_it() {
    let folder = Folder::new();
    folder.file("rows.vx", ROWS);
    vexc(&folder).args(["doc", "./rows.vx"]).output().expect_status(0).expect_stdout(SHOWN);
    let item = vexc(&folder).args(["doc", "rows.vx", "Row.Show.show"]).output().expect_status(0).stdout;
    assert!(item.contains("As `[…]`."), "{item}");
}

#[test]
fn pages_lead_to_types_and_not_from_parameters() {
    let folder = Folder::new();
    folder.file("sub/rows.vx", ROWS);
    let site = folder.path().join("site");
    vexc(&folder).args(["doc", "--html", "site", "sub/rows.vx"]).output().expect_status(0);
    check_site(&site);
    let page = folder.read("site/sub.rows.html");
    for part in [
        "<li><code><span class=\"k\">enum</span> <a href=\"#Shape\">Shape</a>: <a href=\"#Show\">Show</a></code></li>",
        "<a href=\"#Show.show\">Show.show</a>",
        "<a href=\"#Shape.Circle\">Shape.Circle</a> is round",
        "id=\"Row.len\"",
        "id=\"Row.field.len\"",
        "id=\"Row.Show.show\"",
        "<h3>Methods of <code><span class=\"k\">impl</span> <a href=\"#Row\">Row</a>&lt;str&gt;</code></h3>",
        "unlike <a href=\"#Row.push\"><code>Row::push!</code></a> and <a href=\"#Row.push\"><code>Row.push(1)</code></a>",
        // `Shape` is a parameter of this function.
        "other: Shape\n)",
    ] {
        assert!(page.contains(part), "no `{part}` in\n{page}");
    }
    assert!(!page.contains("pub"), "{page}");
}

/// The same module in the other spellings, whose words the signatures keep.
#[test]
fn signatures_are_in_the_files_own_spelling() {
    let folder = Folder::new();
    folder.file("a.vais", "/// A pair.\nS Pair<A, K> {\n    /// First.\n    a: A\n    b: K\n}\n\nX Pair<A, K> {\n    /// Swaps.\n    F swap(&self) -> Pair<K, A> { 0 }\n}\n\n/// Most.\nC MOST: i64 = 1\n\n/// Count.\nG count: i64 = 2\n");
    folder.file("a.vera", "/// Adds.\nfunction add(a: i64, b: i64 = 1) -> i64 { return a + b }\n");
    let show = |name: &str| vexc(&folder).args(["doc", name]).output().expect_status(0).stdout;
    let vais = show("a.vais");
    for line in
        ["S Pair<A, K>", "    F swap(&self) -> Pair<K, A>", "    C MOST: i64 = 1", "    G count: i64 = 2"]
    {
        assert!(vais.contains(&format!("{line}\n")), "no `{line}` in\n{vais}");
    }
    assert!(show("a.vera").contains("    function add(a: i64, b: i64 = 1) -> i64\n        Adds.\n"));
}
