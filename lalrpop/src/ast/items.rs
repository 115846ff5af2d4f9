//! Files and declarations.

use super::{Block, Expr, Ident, Stmt, TypeExpr};
use crate::span::Span;

/// A whole file: top-level items and, in a script, statements, in written order.
#[derive(Clone, Debug, Default)]
pub struct SourceUnit {
    /// Items and statements in order.
    pub top: Vec<Top>,
    /// Whether the last thing written is a `;`; what an interactive session takes as a wish not to see the value.
    pub ends_with_semicolon: bool,
}

/// One top-level piece of a file.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "most are items; a box would cost each an allocation")]
pub enum Top {
    /// A declaration.
    Item(Item),
    /// A statement: a global binding, or code of a script.
    Stmt(Stmt),
}

/// A declaration.
#[derive(Clone, Debug)]
pub struct Item {
    /// What it declares.
    pub kind: ItemKind,
    /// The whole declaration.
    pub span: Span,
    /// The text of the `///` comments before it, without the slashes; empty without any.
    pub doc: String,
}

/// The kinds of declaration.
#[derive(Clone, Debug)]
pub enum ItemKind {
    /// A function or method.
    Fn(FnDecl),
    /// A structure type.
    Struct(StructDecl),
    /// A type with variants.
    Enum(EnumDecl),
    /// `trait T { … }`, `contract T { … }`, `W T { … }`.
    Trait(TraitDecl),
    /// `impl T { … }`, `X T { … }`, `impl Drop for T { … }`, `X T: Drop { … }`.
    Impl(ImplDecl),
    /// A constant: `const N: T = e`, `C N: T = e`.
    Const(ConstDecl),
    /// A mutable global: `G n: T = e`.
    Global(ConstDecl),
    /// `extern "C" { … }`, `N "C" { … }`.
    Extern(ExternDecl),
    /// `import …`, `U …`.
    Import(ImportDecl),
}

/// A type parameter of a generic declaration with its bounds.
#[derive(Clone, Debug)]
pub struct GenericParam {
    /// Its name.
    pub name: Ident,
    /// `T: A + B`; a function type, `T: fn(A): R`, is what can be called so.
    pub bounds: Vec<TypeExpr>,
}

/// A function declaration. A receiver form, a method in an `impl` and a free function differ in `owner` and `self_param`.
#[derive(Clone, Debug)]
pub struct FnDecl {
    /// Name without a `!`.
    pub name: Ident,
    /// Whether the name was written with the mutating mark, `name!`.
    pub mutating: bool,
    /// The `T` of `fn T.new(…)`; `None` for free functions, receiver forms and functions inside an `impl`.
    pub owner: Option<TypeExpr>,
    /// The receiver, if any.
    pub self_param: Option<SelfParam>,
    /// Type parameters.
    pub generics: Vec<GenericParam>,
    /// Parameters after the receiver.
    pub params: Vec<Param>,
    /// Return type; `None` when none was written.
    pub ret: Option<TypeExpr>,
    /// `{ … }` or `= expr` (stored as a block with just that value); `None` in `extern` blocks.
    pub body: Option<Block>,
    /// From the keyword to the end of the return type.
    pub head: Span,
    /// The text of the `///` comments before it.
    pub doc: String,
}

/// A receiver: `self: T`, `self: &T`, `self: &T!`, `self`, `&self`, `&self!`.
#[derive(Clone, Debug)]
pub struct SelfParam {
    /// The written type; `None` for the short forms inside an `impl`.
    pub ty: Option<TypeExpr>,
    /// For the short forms: whether there was an `&`.
    pub by_ref: bool,
    /// For the short forms: whether there was a `!`.
    pub mutable: bool,
    /// Its place.
    pub span: Span,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name.
    pub name: Ident,
    /// `name!: T` or `mut name: T`: assignable inside the function.
    pub mutable: bool,
    /// Its type.
    pub ty: TypeExpr,
    /// Constant default of a trailing parameter.
    pub default: Option<Expr>,
}

/// A structure declaration.
#[derive(Clone, Debug)]
pub struct StructDecl {
    /// Its name.
    pub name: Ident,
    /// Type parameters.
    pub generics: Vec<GenericParam>,
    /// What follows `struct S:`, such as `$Drop` (stored as `Drop`).
    pub contracts: Vec<TypeExpr>,
    /// The fields in order.
    pub fields: Vec<FieldDecl>,
}

/// A declaration of a type with variants.
#[derive(Clone, Debug)]
pub struct EnumDecl {
    /// Its name.
    pub name: Ident,
    /// Type parameters.
    pub generics: Vec<GenericParam>,
    /// What follows `enum E:`, such as `Eq`.
    pub contracts: Vec<TypeExpr>,
    /// The variants in order.
    pub variants: Vec<VariantDecl>,
}

/// A variant of an `enum`.
#[derive(Clone, Debug)]
pub struct VariantDecl {
    /// Its name.
    pub name: Ident,
    /// Its payload. Fields without a name, `Circle(f64)`, are named `0`, `1` and so on.
    pub fields: Vec<FieldDecl>,
    /// Whether the payload was written in braces, with names.
    pub named: bool,
    /// The text of the `///` comments before it.
    pub doc: String,
}

/// A trait declaration: what types that have it can do.
#[derive(Clone, Debug)]
pub struct TraitDecl {
    /// Its name.
    pub name: Ident,
    /// Type parameters.
    pub generics: Vec<GenericParam>,
    /// The traits that a type needs to have this one, `trait Ord: Eq`.
    pub supers: Vec<TypeExpr>,
    /// Its functions. One with a body has it as the default. The short form of a contract, `name!(): T;`, is a
    /// function with the receiver `&self` or `&self!`.
    pub functions: Vec<FnDecl>,
}

/// A field of a structure declaration.
#[derive(Clone, Debug)]
pub struct FieldDecl {
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: TypeExpr,
    /// The text of the `///` comments before it.
    pub doc: String,
}

/// An `impl` block.
#[derive(Clone, Debug)]
pub struct ImplDecl {
    /// Type parameters of the block.
    pub generics: Vec<GenericParam>,
    /// The trait, as in `impl Drop for T`.
    pub contract: Option<TypeExpr>,
    /// The type whose methods these are.
    pub ty: TypeExpr,
    /// The methods and static functions.
    pub functions: Vec<FnDecl>,
}

/// A constant or global declaration.
#[derive(Clone, Debug)]
pub struct ConstDecl {
    /// Its name.
    pub name: Ident,
    /// Its type, if written.
    pub ty: Option<TypeExpr>,
    /// Its value.
    pub value: Expr,
}

/// An `extern` block: functions of the C ABI.
#[derive(Clone, Debug)]
pub struct ExternDecl {
    /// The ABI string; `C` when none was written.
    pub abi: String,
    /// Where the string is.
    pub abi_span: Span,
    /// Declarations without bodies.
    pub functions: Vec<FnDecl>,
}

/// An import.
#[derive(Clone, Debug)]
pub struct ImportDecl {
    /// Module name as written, without quotes: `std/allocator`, `vera:memory`, `shapes`.
    pub path: String,
    /// Where it is written.
    pub path_span: Span,
    /// `import { a, b as c } from "m"`.
    pub names: Option<Vec<ImportName>>,
    /// `import "m" as n`.
    pub alias: Option<Ident>,
}

/// One name of a selective import.
#[derive(Clone, Debug)]
pub struct ImportName {
    /// The name in the module.
    pub name: Ident,
    /// The name it gets here, if another.
    pub alias: Option<Ident>,
}
