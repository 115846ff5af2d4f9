//! Characters: making them of numbers.

use vex_syntax::Span;
use vex_syntax::ast::BinaryOp;

use super::function::FnCx;
use super::infer::VarKind;
use crate::typed::{Block, CastKind, Expr, ExprKind, FormatSpec, Pattern, Piece, Stmt, StmtKind};
use crate::types::Ty;

impl FnCx<'_, '_> {
    /// `value as char`: a byte is the character with that code, another number is checked when the program runs.
    pub(super) fn as_character(&mut self, value: Expr, span: Span) -> Expr {
        if self.var_kind(value.ty) == Some(VarKind::Int) {
            self.unify(value.ty, Ty::U8);
        }
        if self.shallow(value.ty) != Ty::U32 {
            // Which conversion it is, or that it is none, is seen when the types are settled.
            return Expr { span, ..self.cast(value, Ty::CHAR, CastKind::Bits) };
        }
        let code = self.hidden(span, Ty::U32);
        let read = || Expr { kind: ExprKind::Local(code), ty: Ty::U32, span };
        let compare = |op, limit: u32| {
            let right = Expr { kind: ExprKind::Int(u64::from(limit)), ty: Ty::U32, span };
            let kind = ExprKind::Binary { op, left: Box::new(read()), right: Box::new(right) };
            Box::new(Expr { kind, ty: Ty::BOOL, span })
        };
        let logic = |and, left, right| {
            Box::new(Expr { kind: ExprKind::Logic { and, left, right }, ty: Ty::BOOL, span })
        };
        let (low, high) = (compare(BinaryOp::Lt, 0xD800), compare(BinaryOp::Gt, 0xDFFF));
        let high = logic(true, high, compare(BinaryOp::Le, u32::from(char::MAX)));
        let pieces = vec![
            Piece::Value { value: read(), spec: FormatSpec::default() },
            Piece::Text(" is the code of no character".into()),
        ];
        let check = ExprKind::Assert { cond: logic(false, low, high), pieces };
        let check = Expr { kind: check, ty: Ty::UNIT, span };
        let stmts = vec![
            Stmt { kind: StmtKind::Let { pattern: Pattern::Local(code), init: Some(value) }, span },
            Stmt { kind: StmtKind::Expr(check), span },
        ];
        let value = Expr { span, ..self.cast(read(), Ty::CHAR, CastKind::IntToInt) };
        let block = Block { stmts, value: Some(Box::new(value)) };
        Expr { kind: ExprKind::Block(block), ty: Ty::CHAR, span }
    }
}
