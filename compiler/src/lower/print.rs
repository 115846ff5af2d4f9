//! Printing and panicking.

use std::borrow::Cow;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, Block, InstBuilder, types};

use super::addr::{Addr, Kind};
use super::decl::{Body, namespace};
use super::declare::ASSERT_SPEC;
use super::func::{Leaves, Lower};
use super::place::Place;
use super::rt::Rt;
use super::text::{self, Part};
use super::value::FieldInfo;
use crate::typed::{BinaryOp, Expr, ExprKind, FormatSpec, FormatStyle, Piece, Stream};
use crate::types::{Ty, TyKind};
use vex_syntax::Span;

/// The runtime's number of the stream that gathers a panic's message.
pub(super) const PANIC: i64 = 3;
/// The runtime's number of the stream whose text is kept.
pub(super) const CAPTURE: i64 = 4;

impl<'a> Lower<'a> {
    /// `print`
    pub(super) fn print(&mut self, stream: Stream, pieces: &'a [Piece], expr: &'a Expr) -> Leaves {
        let number = match stream {
            Stream::Stdout => 1,
            Stream::Stderr => 2,
            Stream::Text => return self.printed_text(pieces, expr),
        };
        let parts = text::parts("", pieces);
        let ends_line = matches!(parts.last(), Some(Part::Text(text)) if text.ends_with('\n'));
        self.print_parts(number, parts);
        if !ends_line {
            let stream = self.int(types::I32, number);
            self.rt(Rt::PrintEnd, &[stream]);
        }
        self.zeros(expr.ty)
    }

    /// Evaluates all values, then prints.
    pub(super) fn print_parts(&mut self, stream: i64, parts: Vec<Part<'a>>) {
        let effects = parts.iter().rposition(|part| matches!(part, Part::Value(e, _) if !is_quiet(e)));
        let mut places = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            if let Part::Value(value, _) = part {
                let later = effects.is_some_and(|effects| effects > index);
                places.push(self.printed(value, later));
            }
        }
        if stream == CAPTURE {
            self.rt(Rt::CaptureBegin, &[]);
        }
        let aside = if stream == PANIC { self.put_aside(&mut places) } else { Vec::new() };
        let mut places = places.into_iter();
        let mut aside = aside.into_iter();
        for part in parts {
            let stream = self.int(types::I32, stream);
            match part {
                Part::Text(text) => self.print_text(stream, &text),
                Part::Value(value, spec) => {
                    let mut place = places.next().expect("each value was evaluated");
                    if let Place::Leaves(leaves) = &mut place {
                        self.take_up(leaves, &mut aside);
                    }
                    self.at(value.span);
                    self.print_value(stream, place, value.ty, &spec, false);
                }
            }
        }
    }

    /// Evaluates a value that will be printed; `copy` says that its memory may change before.
    fn printed(&mut self, value: &'a Expr, copy: bool) -> Place {
        let place = self.place(value);
        let info = self.info(value.ty);
        self.at(value.span);
        match place {
            Place::Mem(addr) if !info.flat => {
                if !copy {
                    return Place::Mem(addr);
                }
                let temp = self.shared_temp(value.ty);
                self.copy(temp, addr, info);
                Place::Mem(temp)
            }
            place => Place::Leaves(self.read(place, info)),
        }
    }

    /// Keeps values in memory until they are printed: a value that is needed after a call would take a register that
    /// calls leave alone, in the code that fails and in all code around it that hardly ever does.
    fn put_aside(&mut self, places: &mut [Place]) -> Vec<Addr> {
        let mut aside = Vec::new();
        for place in places {
            let Place::Leaves(leaves) = place else { continue };
            for &leaf in leaves.iter() {
                // A panic does not come back, so all can use the same memory.
                if self.aside.len() == aside.len() {
                    let slot = self.slot(8, 8);
                    self.aside.push(slot);
                }
                let memory = Addr::slot(self.aside[aside.len()], Kind::Private);
                self.store(leaf, memory);
                aside.push(memory);
            }
        }
        aside
    }

    /// Takes the leaves of the next value up again, if values were put aside.
    fn take_up(&mut self, leaves: &mut Leaves, aside: &mut impl Iterator<Item = Addr>) {
        for leaf in leaves {
            if let Some(memory) = aside.next() {
                *leaf = self.load(self.b.func.dfg.value_type(*leaf), memory);
            }
        }
    }

    fn print_text(&mut self, stream: ir::Value, text: &str) {
        let text = self.str(text);
        self.rt(Rt::PrintStr, &[stream, text[0], text[1]]);
    }

    /// Panics with these pieces as the message.
    pub(super) fn panic(&mut self, prefix: &'a str, pieces: &'a [Piece], span: Span) {
        self.print_parts(PANIC, text::parts(prefix, pieces));
        self.at(span);
        self.rt(Rt::Panic, &[]);
    }

    /// `assert`
    pub(super) fn assert(&mut self, cond: &'a Expr, pieces: &'a [Piece], span: Span) {
        let (good, bad) = (self.b.create_block(), self.cold_block());
        self.condition(cond, good, bad);
        self.enter(bad);
        self.at(span);
        self.panic(text::assert_prefix(pieces), pieces, span);
        self.end_unreachable();
        self.enter(good);
    }

    /// `assert_eq`
    pub(super) fn assert_eq(&mut self, left: &'a Expr, right: &'a Expr, pieces: &'a [Piece], span: Span) {
        let (a, b) = (self.value(left), self.value(right));
        self.at(span);
        let equal = if a.is_empty() {
            self.int(types::I8, 1)
        } else {
            self.binary_values(BinaryOp::Eq, left.ty, &a, right.ty, &b)
        };
        self.check(equal, |lower| {
            let stream = lower.int(types::I32, PANIC);
            let aside = lower.put_aside(&mut [Place::Leaves(a.clone()), Place::Leaves(b.clone())]);
            let mut aside = aside.into_iter();
            for (text, (mut value, ty)) in text::ASSERT_EQ.into_iter().zip([(a, left.ty), (b, right.ty)]) {
                lower.print_text(stream, text);
                lower.take_up(&mut value, &mut aside);
                lower.print_value(stream, Place::Leaves(value), ty, &ASSERT_SPEC, false);
            }
            lower.panic(text::assert_eq_suffix(pieces), pieces, span);
        });
    }

    /// Prints the value of a place; `inside` a structure, strings are quoted.
    fn print_value(&mut self, stream: ir::Value, place: Place, ty: Ty, spec: &FormatSpec, inside: bool) {
        let (place, ty) = self.referred(place, ty);
        let (spec, inside) = &text::printed_as(self.program, ty, spec, inside);
        let inside = *inside;
        if text::is_aggregate(self.types, ty) || text::own_print(self.program, ty, spec).is_some() {
            let index = self.decls.specs.iter().position(|known| known == spec);
            let spec = index.expect("the format was declared") as u32;
            let memory = self.place_memory(place, ty);
            let address = self.address(memory);
            let func = self.instance(self.decls.instance(&Body::Print { ty, spec }));
            self.checks.forget();
            self.b.ins().call(func, &[stream, address]);
            return;
        }
        let leaves = self.read(place, self.info(ty));
        if text::is_plain(spec) {
            self.print_plain(stream, &leaves, ty, spec, inside);
        } else {
            self.print_formatted(stream, &leaves, ty, spec, inside);
        }
    }

    /// What a reference refers to, through as many as there are.
    fn referred(&mut self, mut place: Place, mut ty: Ty) -> (Place, Ty) {
        while let TyKind::Ref { pointee, .. } = *self.types.kind(ty) {
            let pointer = self.read(place, self.info(ty))[0];
            place = Place::Mem(Addr::value(pointer, Kind::Reference));
            ty = pointee;
        }
        (place, ty)
    }

    fn print_plain(&mut self, stream: ir::Value, leaves: &Leaves, ty: Ty, spec: &FormatSpec, inside: bool) {
        let quoted = inside || spec.style == FormatStyle::Debug;
        match self.types.kind(ty) {
            TyKind::Unit | TyKind::Never => self.print_text_if_declared(stream),
            TyKind::Str => {
                let print = if quoted { Rt::PrintQuoted } else { Rt::PrintStr };
                self.rt(print, &[stream, leaves[0], leaves[1]]);
            }
            TyKind::Bool if spec.bool_as_int => {
                let value = self.extend_64(leaves[0], false);
                self.rt(Rt::PrintU64, &[stream, value]);
            }
            TyKind::Bool => {
                self.rt(Rt::PrintBool, &[stream, leaves[0]]);
            }
            TyKind::Int(int) => {
                let value = self.extend_64(leaves[0], int.signed());
                self.rt(if int.signed() { Rt::PrintI64 } else { Rt::PrintU64 }, &[stream, value]);
            }
            TyKind::Char => {
                let print = if quoted { Rt::PrintQuotedChar } else { Rt::PrintChar };
                self.rt(print, &[stream, leaves[0]]);
            }
            TyKind::F32 => {
                self.rt(Rt::PrintF32, &[stream, leaves[0]]);
            }
            TyKind::F64 => {
                self.rt(Rt::PrintF64, &[stream, leaves[0]]);
            }
            _ => {
                self.rt(Rt::PrintPtr, &[stream, leaves[0]]);
            }
        }
    }

    /// The text of `()`; a value that never comes to be has none.
    fn print_text_if_declared(&mut self, stream: ir::Value) {
        if self.decls.strings.contains_key("()") {
            self.print_text(stream, "()");
        }
    }

    fn print_formatted(
        &mut self,
        stream: ir::Value,
        leaves: &Leaves,
        ty: Ty,
        spec: &FormatSpec,
        inside: bool,
    ) {
        let data = self.decls.spec_data[&text::spec_words(spec, inside)];
        let data = self.data_addr(namespace::DATA, data);
        match self.types.kind(ty) {
            TyKind::Unit | TyKind::Never => self.print_text_if_declared(stream),
            TyKind::Str => {
                self.rt(Rt::FormatStr, &[stream, leaves[0], leaves[1], data]);
            }
            TyKind::Bool if spec.bool_as_int => {
                let value = self.extend_64(leaves[0], false);
                let kind = self.int(types::I32, 64);
                self.rt(Rt::FormatInt, &[stream, value, kind, data]);
            }
            TyKind::Bool => {
                self.rt(Rt::FormatBool, &[stream, leaves[0], data]);
            }
            TyKind::Int(int) => {
                let bits = i64::from(int.bits());
                let value = self.extend_64(leaves[0], int.signed());
                let kind = self.int(types::I32, if int.signed() { -bits } else { bits });
                self.rt(Rt::FormatInt, &[stream, value, kind, data]);
            }
            TyKind::Char => {
                self.rt(Rt::FormatChar, &[stream, leaves[0], data]);
            }
            TyKind::F32 => {
                let value = self.b.ins().fpromote(types::F64, leaves[0]);
                let single = self.int(types::I32, 1);
                self.rt(Rt::FormatF64, &[stream, value, single, data]);
            }
            TyKind::F64 => {
                let single = self.int(types::I32, 0);
                self.rt(Rt::FormatF64, &[stream, leaves[0], single, data]);
            }
            _ => {
                self.rt(Rt::FormatPtr, &[stream, leaves[0], data]);
            }
        }
    }

    /// A function that prints the aggregate its second parameter points at to the stream of its first.
    pub(super) fn print_glue(&mut self, entry: Block, ty: Ty, spec: FormatSpec) {
        let (stream, pointer) = (self.b.block_params(entry)[0], self.b.block_params(entry)[1]);
        if let Some(func) = text::own_print(self.program, ty, &spec) {
            self.print_by_function(func, stream, pointer, &spec);
            self.b.ins().return_(&[]);
            return;
        }
        let memory = Addr::value(pointer, self.glue_kind());
        match text::padded_whole(self.types, ty, &spec) {
            Some((parts, whole)) => {
                self.rt(Rt::CaptureBegin, &[]);
                let capture = self.int(types::I32, CAPTURE);
                self.print_aggregate(capture, memory, ty, parts);
                self.print_captured(stream, &whole);
            }
            None => self.print_aggregate(stream, memory, ty, spec),
        }
        self.b.ins().return_(&[]);
    }

    fn print_aggregate(&mut self, stream: ir::Value, memory: Addr, ty: Ty, spec: FormatSpec) {
        let texts = text::aggregate_texts(self.types, ty);
        match *self.types.kind(ty) {
            TyKind::Array { elem, len } => {
                let len = self.int(self.ptr, len as i64);
                self.print_elements(stream, memory, elem, len, &spec, &texts);
            }
            TyKind::Slice { elem, .. } => {
                let parts = self.load_leaves(memory, self.info(ty));
                let start = Addr::value(parts[0], Kind::Reference);
                self.print_elements(stream, start, elem, parts[1], &spec, &texts);
            }
            _ if !self.info(ty).variants.is_empty() => {
                let payloads = &self.info(ty).variants;
                self.each_variant(
                    ty,
                    memory,
                    |_| true,
                    |lower, variant| {
                        let first: usize = payloads[..variant].iter().map(|fields| fields.len() + 1).sum();
                        lower.print_fields(stream, memory, &payloads[variant], &spec, &texts[first..]);
                    },
                );
            }
            _ => self.print_fields(stream, memory, &self.info(ty).fields, &spec, &texts),
        }
    }

    fn print_fields(
        &mut self,
        stream: ir::Value,
        memory: Addr,
        fields: &[FieldInfo],
        spec: &FormatSpec,
        texts: &[Cow<'static, str>],
    ) {
        self.print_text(stream, &texts[0]);
        for (index, field) in fields.iter().enumerate() {
            let place = Place::Mem(memory.plus(field.offset as i64));
            self.print_value(stream, place, field.ty, spec, true);
            self.print_text(stream, &texts[index + 1]);
        }
    }

    fn print_elements(
        &mut self,
        stream: ir::Value,
        start: Addr,
        elem: Ty,
        len: ir::Value,
        spec: &FormatSpec,
        texts: &[Cow<'static, str>],
    ) {
        let stride = self.info(elem).size;
        let (round, print, end) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let separate = self.b.create_block();
        let ptr = self.ptr;
        let index = self.b.append_block_param(round, ptr);
        self.print_text(stream, &texts[0]);
        let first = self.int(ptr, 0);
        self.jump(round, &[first]);
        self.b.switch_to_block(round);
        let more = self.b.ins().icmp(IntCC::UnsignedLessThan, index, len);
        let body = self.b.create_block();
        self.b.ins().brif(more, body, &[], end, &[]);
        self.enter(body);
        self.b.ins().brif(index, separate, &[], print, &[]);
        self.enter(separate);
        self.print_text(stream, &texts[1]);
        self.jump(print, &[]);
        self.enter(print);
        let offset = self.scaled(index, stride);
        let element = self.offset_by(start, offset);
        self.print_value(stream, Place::Mem(element), elem, spec, true);
        let next = self.b.ins().iadd_imm_s(index, 1);
        self.jump(round, &[next]);
        self.b.seal_block(round);
        self.enter(end);
        self.print_text(stream, &texts[2]);
    }
}

/// Whether evaluating an expression changes nothing that another one reads.
fn is_quiet(expr: &Expr) -> bool {
    use ExprKind::*;
    let mut quiet = !matches!(
        expr.kind,
        Call { .. } | Assign { .. } | Update { .. } | Intrinsic { .. } | Block(_) | Loop { .. }
    );
    crate::typed::walk::children(expr, &mut |part| quiet = quiet && is_quiet(part));
    quiet
}
