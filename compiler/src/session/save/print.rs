//! Printing values of structures that the program calls by another name than the session did.
//!
//! A structure prints under the name it is declared with. Where a later one took that name, the program writes the
//! parts of the value itself, with the name that the session showed. It does so in a method, for of structures that had
//! the same name, one after the other, only the compiler knows which a value is of.

use std::fmt::Write;

use vex_syntax::ast::{self, TypeExpr, TypeKind};
use vex_syntax::token::Token;
use vex_syntax::{Spelling, Symbol};

use rustc_hash::{FxHashMap, FxHashSet};

use super::Writer;
use super::names::SlotId;

/// What a value consists of, as far as structures of the session can be in it.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// Something that prints by itself.
    Plain,
    Struct(SlotId),
    Tuple(Vec<Form>),
    /// An array or a slice.
    List(Box<Form>),
    Ref(Box<Form>),
}

/// A structure of the session: its name there, and its fields.
#[derive(Debug)]
pub(super) struct Layout {
    pub name: Symbol,
    /// Its type parameters.
    pub generics: Vec<Symbol>,
    pub fields: Vec<(Symbol, Form)>,
}

impl Form {
    /// The form of a written type; `types` are the structures that its names mean.
    pub fn of(ty: &TypeExpr, types: &FxHashMap<Symbol, SlotId>) -> Form {
        match &ty.kind {
            TypeKind::Path { names, .. } if names.len() == 1 => {
                types.get(&names[0].name).map_or(Form::Plain, |slot| Form::Struct(*slot))
            }
            TypeKind::Ref { pointee, .. } => match &pointee.kind {
                TypeKind::Slice(elem) => Form::List(Box::new(Form::of(elem, types))),
                _ => Form::Ref(Box::new(Form::of(pointee, types))),
            },
            TypeKind::Array { elem, .. } => Form::List(Box::new(Form::of(elem, types))),
            TypeKind::Tuple(elems) => Form::Tuple(elems.iter().map(|elem| Form::of(elem, types)).collect()),
            _ => Form::Plain,
        }
    }

    /// The form of a type as it was shown.
    pub fn of_text(text: &str, types: &FxHashMap<Symbol, SlotId>) -> Form {
        // A type alone is no text of the language; after `as` it is.
        match vex_syntax::parse_expr(&format!("x as {text}"), super::BASE, Spelling::Vex) {
            Ok(ast::Expr { kind: ast::ExprKind::Cast { ty, .. }, .. }) => Form::of(&ty, types),
            _ => Form::Plain,
        }
    }
}

/// Writes the statements that print values, and the functions they call.
pub(super) struct Printer<'w, 'a> {
    writer: &'w Writer<'a>,
    /// The structures whose functions have been written.
    pub known: FxHashSet<SlotId>,
}

impl<'w, 'a> Printer<'w, 'a> {
    pub fn new(writer: &'w Writer<'a>, known: FxHashSet<SlotId>) -> Printer<'w, 'a> {
        Printer { writer, known }
    }

    /// Whether a value of this form would print with other names than in the session.
    pub fn differs(&self, form: &Form) -> bool {
        self.differs_below(form, &mut FxHashSet::default())
    }

    fn differs_below(&self, form: &Form, seen: &mut FxHashSet<SlotId>) -> bool {
        match form {
            Form::Plain => false,
            Form::Struct(slot) => {
                let fresh = seen.insert(*slot);
                fresh
                    && self.namesakes(*slot).into_iter().any(|(slot, layout)| {
                        self.writer.names[slot] != layout.name.as_str()
                            || layout.fields.iter().any(|(_, field)| self.differs_below(field, seen))
                    })
            }
            Form::Tuple(parts) => parts.iter().any(|part| self.differs_below(part, seen)),
            Form::List(inner) | Form::Ref(inner) => self.differs_below(inner, seen),
        }
    }

    /// Adds the statements that print the value of `expr`, and to `functions` those they need. `depth` is the number
    /// of loops around.
    pub fn print(&mut self, form: &Form, expr: &str, depth: usize, out: &mut String, functions: &mut String) {
        match form {
            form if !self.differs(form) => {
                let _ = writeln!(out, "print(\"{{:?}}\", {expr})");
            }
            Form::Struct(slot) => {
                self.methods(*slot, functions);
                let _ = writeln!(out, "{expr}.{}()", self.method());
            }
            Form::Ref(inner) => match &**inner {
                // Methods and fields are reached through references.
                Form::List(_) | Form::Tuple(_) => {
                    self.print(inner, &format!("(*{expr})"), depth, out, functions);
                }
                inner => self.print(inner, expr, depth, out, functions),
            },
            Form::Tuple(parts) => {
                out.push_str("print(\"(\")\n");
                for (index, part) in parts.iter().enumerate() {
                    self.print(part, &format!("{expr}.{index}"), depth, out, functions);
                    let last = index + 1 == parts.len();
                    let end = if parts.len() == 1 { ",)" } else { ")" };
                    let _ = writeln!(out, "print(\"{}\")", if last { end } else { ", " });
                }
            }
            Form::List(elem) => {
                let (index, test) = (format!("index_{depth}"), self.writer.word(Token::If));
                let head = match self.writer.spelling {
                    Spelling::Vais => format!("{} {index}:", self.writer.word(Token::AnyLoop)),
                    _ => format!("{} {index} {}", self.writer.word(Token::For), self.writer.word(Token::In)),
                };
                let _ = write!(out, "print(\"[\")\n{head} 0..{expr}.len() {{\n");
                let _ = writeln!(out, "{test} {index} > 0 {{ print(\", \") }}");
                self.print(elem, &format!("{expr}[{index}]"), depth + 1, out, functions);
                out.push_str("}\nprint(\"]\")\n");
            }
            Form::Plain => {}
        }
    }

    /// The structures that had the same name as this one, itself among them.
    fn namesakes(&self, slot: SlotId) -> Vec<(SlotId, &'a Layout)> {
        let layouts = self.writer.layouts;
        let Some(name) = layouts.get(&slot).map(|layout| layout.name) else { return Vec::new() };
        let same = layouts.iter().filter(|(_, layout)| layout.name == name);
        let mut same: Vec<_> = same.map(|(slot, layout)| (*slot, layout)).collect();
        same.sort_by_key(|(slot, _)| slot.0);
        same
    }

    /// The name of the methods that print structures.
    fn method(&self) -> String {
        self.writer.names.fresh("print_as_shown".into())
    }

    /// Adds the methods that print structures of one name to `functions`, the first time.
    fn methods(&mut self, slot: SlotId, functions: &mut String) {
        for (slot, layout) in self.namesakes(slot) {
            if !self.known.insert(slot) {
                continue;
            }
            let (ty, mut body) = (&self.writer.names[slot], String::new());
            for (index, (field, form)) in layout.fields.iter().enumerate() {
                let before = if index == 0 { format!("{} {{{{ ", layout.name) } else { ", ".to_string() };
                let _ = writeln!(body, "print(\"{before}{field}: \")");
                self.print(form, &format!("self.{field}"), 0, &mut body, functions);
            }
            // Without an opening brace it is no format string.
            let empty = layout.fields.is_empty();
            let end = if empty { format!("{} {{{{}}}}", layout.name) } else { " }".to_string() };
            let _ = writeln!(body, "print(\"{end}\")");
            let body: String = body.lines().map(|line| format!("    {line}\n")).collect();
            let (word, name) = (self.writer.word(Token::Fn), self.method());
            let args: Vec<&str> = layout.generics.iter().map(|name| name.as_str()).collect();
            let args = if args.is_empty() { String::new() } else { format!("<{}>", args.join(", ")) };
            let _ = write!(functions, "{word} (self: &{ty}{args}) {name}() {{\n{body}}}\n");
        }
    }
}
