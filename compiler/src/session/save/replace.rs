//! Functions that were replaced: declared again with the same types, for old and new callers alike.
//!
//! In the program every version of such a function has a name of its own, `area_1`, `area_2`. Whoever calls the function
//! calls an entry, `area`, which calls the version that a variable names; where the session declared the function again,
//! the variable changes:
//!
//! ```text
//! let! area_now_1 = 1
//! fn area_1(side: i64): i64 = side * side
//! fn area(side: i64): i64 { if area_now_1 == 2 { return area_2(side) } area_1(side) }
//! println(area(3))
//! area_now_1 = 2
//! fn area_2(side: i64): i64 = side * side / 2
//! ```
//!
//! So a function that called it, or that holds its address, goes on with the new version, as in the session.

use vex_syntax::token::Token;
use vex_syntax::{Spelling, Symbol, ast};

use super::names::SlotId;
use super::{BASE, Edit, Piece, Writer};

/// Functions of one name and the same types, each declared in the place of the one before.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// What they take and give, as text that is equal for equal types.
    pub signature: String,
    /// The block that the first of them stands in.
    pub block: Option<&'a ast::ImplDecl>,
    pub versions: Vec<Version<'a>>,
    /// What is called: one for each different list of defaults, because those are the caller's.
    pub entries: Vec<Entry>,
    /// The variable that tells which version is current, when there are several.
    pub now: Option<SlotId>,
}

/// One of the functions of a group.
#[derive(Debug)]
pub(super) struct Version<'a> {
    pub decl: &'a ast::FnDecl,
    /// The block that it stands in.
    pub block: Option<&'a ast::ImplDecl>,
    pub input: usize,
    /// Its own name, when it is not that of the entry.
    pub body: Option<SlotId>,
    pub entry: usize,
}

/// What callers call.
#[derive(Debug)]
pub(super) struct Entry {
    pub slot: SlotId,
    /// The version whose head it has.
    pub version: usize,
    /// The parameters' defaults as written.
    pub defaults: String,
}

fn offset(position: u32) -> usize {
    (position - BASE) as usize
}

/// The declaration of the entry that a group has since an input; `None` if it has none, or needs none.
pub(super) fn entry(writer: &Writer<'_>, group: &Group<'_>, input: usize) -> Option<String> {
    group.now?;
    let entry = group.entries.iter().find(|entry| group.versions[entry.version].input == input)?;
    let version = &group.versions[entry.version];
    let decl = version.decl;
    let (mut edits, mut args) = (Vec::new(), Vec::new());
    let mut rename = |name: &ast::Ident, piece| {
        edits.push(Edit { lo: offset(name.span.lo), hi: offset(name.span.hi), piece });
    };
    rename(&decl.name, Piece::Name(entry.slot));
    for (index, param) in decl.params.iter().enumerate() {
        if param.name.name == Symbol::new("_") {
            let name = format!("argument_{}", index + 1);
            rename(&param.name, Piece::Text(name.clone()));
            args.push(name);
        } else {
            args.push(param.name.name.to_string());
        }
    }
    let head = writer.edited(input, offset(decl.head.lo), offset(decl.head.hi), &edits);
    let path = |ty: &ast::TypeExpr| writer.edited(input, offset(ty.span.lo), offset(ty.span.hi), &[]) + ".";
    let base = match (&decl.self_param, &decl.owner, group.block) {
        (Some(_), ..) => "self.".to_string(),
        (None, Some(owner), _) => path(owner),
        (None, None, Some(block)) => path(&block.ty),
        (None, None, None) => String::new(),
    };
    let call = |index: usize| format!("{base}{}({})", writer.body(group, index), args.join(", "));
    let body = choice(writer, group, call);
    let function = format!("{head} {{ {body} }}");
    Some(match group.block {
        Some(block) => {
            let ty = writer.edited(input, offset(block.ty.span.lo), offset(block.ty.span.hi), &[]);
            format!("{} {ty} {{ {function} }}", impl_head(writer, block, input))
        }
        None => function,
    })
}

/// `impl<T: Show>`, of a block of an input.
fn impl_head(writer: &Writer<'_>, block: &ast::ImplDecl, input: usize) -> String {
    let params = match (block.generics.first(), block.generics.last()) {
        (Some(first), Some(last)) => {
            let end = last.bounds.last().map_or(last.name.span.hi, |bound| bound.span.hi);
            format!("<{}>", writer.edited(input, offset(first.name.span.lo), offset(end), &[]))
        }
        _ => String::new(),
    };
    format!("{}{params}", writer.word(Token::Impl))
}

/// Where a block names its trait, with the words between that and the type.
fn contract(block: &ast::ImplDecl) -> Option<(usize, usize)> {
    let (contract, ty) = (block.contract.as_ref()?.span, block.ty.span);
    Some(match contract.lo < ty.lo {
        // With the space before it, for an edit that begins where another does is none.
        true => (offset(contract.lo) - 1, offset(ty.lo) - 1),
        false => (offset(ty.hi), offset(contract.hi)),
    })
}

/// Where functions of a trait are replaced, all versions are the type's own, which gives it the trait: the edits that make
/// those of an input so.
pub(super) fn own(groups: &[Group<'_>], declares: &[usize], input: usize) -> Vec<Edit> {
    let replaced = declares.iter().map(|number| &groups[*number]).filter(|group| group.now.is_some());
    let versions = replaced.flat_map(|group| &group.versions).filter(|version| version.input == input);
    let places = versions.filter_map(|version| contract(version.block?));
    places.map(|(lo, hi)| Edit { lo, hi, piece: Piece::Text(String::new()) }).collect()
}

/// That the types of an input have the traits whose functions became their own.
pub(super) fn contracts(writer: &Writer<'_>, declares: &[usize], input: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for group in declares.iter().map(|number| &writer.groups[*number]) {
        let (Some(block), Some(_), Some(first)) = (group.block, group.now, group.versions.first()) else {
            continue;
        };
        let Some((lo, hi)) = contract(block).filter(|_| first.input == input) else { continue };
        let (lo, hi) = (lo.min(offset(block.ty.span.lo)), hi.max(offset(block.ty.span.hi)));
        let contract = writer.edited(input, lo, hi, &[]);
        let line = format!("{} {} {{ }}", impl_head(writer, block, input), contract.trim());
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// The call of the current version. One test after the other, not one inside the other: there may be thousands.
fn choice(writer: &Writer<'_>, group: &Group<'_>, call: impl Fn(usize) -> String) -> String {
    let (test, give) = (writer.word(Token::If), writer.word(Token::Return));
    let now = group.now.map(|now| writer.names[now].as_str()).unwrap_or_default();
    let versions = (1..group.versions.len()).rev();
    let tests = versions.map(|index| format!("{test} {now} == {} {{ {give} {} }} ", index + 1, call(index)));
    tests.collect::<String>() + &call(0)
}

/// The defaults of a function's parameters as written in `text`.
pub(super) fn defaults(decl: &ast::FnDecl, text: &str) -> String {
    let written = |param: &ast::Param| {
        let default = param.default.as_ref()?;
        Some(&text[(default.span.lo - BASE) as usize..(default.span.hi - BASE) as usize])
    };
    decl.params.iter().map(|param| written(param).unwrap_or_default()).collect::<Vec<_>>().join(",")
}

/// Whether `&self` may change its receiver without saying so.
pub(super) fn borrows_are_mutable(spelling: Spelling) -> bool {
    spelling == Spelling::Vais
}
