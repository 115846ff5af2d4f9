//! Values that print themselves, and printed text as a value.

use cranelift_codegen::ir::{self, InstBuilder, types};

use super::decl::{Body, namespace};
use super::func::{Leaves, Lower};
use super::print::CAPTURE;
use super::rt::Rt;
use super::text;
use crate::typed::{Expr, FormatSpec, FuncId, Piece};

impl<'a> Lower<'a> {
    /// Has a function of the program print the value at an address. The function prints to standard output, which leads
    /// to `stream` meanwhile; where the text is to be padded it is kept first.
    pub(super) fn print_by_function(
        &mut self,
        func: FuncId,
        stream: ir::Value,
        value: ir::Value,
        spec: &FormatSpec,
    ) {
        let padded = text::is_padded(spec);
        let mut to = stream;
        if padded {
            self.rt(Rt::CaptureBegin, &[]);
            to = self.int(types::I32, CAPTURE);
        }
        let before = self.rt(Rt::Redirect, &[to])[0];
        let show = self.reference(&Body::Function { func, args: Vec::new() });
        self.calls = true;
        self.checks.forget();
        self.b.ins().call(show, &[value]);
        self.rt(Rt::RedirectBack, &[before]);
        if padded {
            self.print_captured(stream, spec);
        }
    }

    /// Prints the text that was captured last, cut and filled up.
    pub(super) fn print_captured(&mut self, stream: ir::Value, spec: &FormatSpec) {
        let data = self.decls.spec_data[&text::spec_words(spec, false)];
        let data = self.data_addr(namespace::DATA, data);
        self.rt(Rt::CapturePrint, &[stream, data]);
    }

    /// The text of pieces, as a `str` in a block of its own.
    pub(super) fn printed_text(&mut self, pieces: &'a [Piece], expr: &'a Expr) -> Leaves {
        self.print_parts(CAPTURE, text::parts("", pieces));
        self.at(expr.span);
        let len = self.rt(Rt::CaptureLen, &[])[0];
        let (some, done) = (self.b.create_block(), self.b.create_block());
        let ptr = self.ptr;
        self.b.append_block_param(done, ptr);
        let null = self.int(ptr, 0);
        self.b.ins().brif(len, some, &[], done, &[null.into()]);
        self.enter(some);
        self.mark_site(expr);
        let block = self.rt(Rt::Malloc, &[len])[0];
        self.jump(done, &[block]);
        self.enter(done);
        let block = self.b.block_params(done)[0];
        self.rt(Rt::CaptureEnd, &[block])
    }
}
