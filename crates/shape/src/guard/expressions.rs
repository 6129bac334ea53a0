//! The expressions of a template as text again, with their guards.

use std::fmt::Write as _;

use minijinja::machinery::Span;
use minijinja::machinery::ast::{
    BinOp, BinOpKind, Call, CallArg, Compare, CompareOpKind, Const, Expr, Filter, Slice, Spanned, Test, UnaryOpKind,
};
use minijinja::value::ValueKind;

use super::names::{check_call, check_filter, check_test, is_plain, is_text_or_number, looks_closely};
use super::write::{Writer, Written, start, wrong};
use super::{ADDEND, CONTAINS, FACTOR, INDEXED, JOINABLE, KEY, MADE, ORDERED, WEIGHED};

/// Parts of an expression within one another.
const EXPRESSION_DEPTH: usize = 100;
/// Characters of a text, or elements, that are passed over for what an instruction costs.
const NEAR: usize = 64;

impl Writer<'_> {
    /// An expression that stands by itself, or where anything can.
    pub(super) fn expression(&mut self, expression: &Expr<'_>) -> Written {
        if self.parts == EXPRESSION_DEPTH {
            let message = format!("at most {EXPRESSION_DEPTH} parts of an expression lie within one another");
            return Err(wrong(expression.span(), message));
        }
        self.parts += 1;
        self.place(expression.span());
        match expression {
            Expr::Var(name) => self.put(name.id),
            Expr::Const(literal) => self.literal(literal),
            Expr::Slice(slice) => self.slice(slice)?,
            Expr::UnaryOp(operator) => {
                self.put(match operator.op {
                    UnaryOpKind::Not => "(not ",
                    UnaryOpKind::Neg => "(-",
                });
                self.operand(&operator.expr)?;
                self.put(")");
            }
            Expr::BinOp(operator) => {
                self.put("(");
                self.binary(operator)?;
                self.put(")");
            }
            Expr::Compare(compared) => self.compare(compared)?,
            Expr::IfExpr(choice) => {
                self.put("(");
                self.expression(&choice.true_expr)?;
                self.put(" if ");
                self.expression(&choice.test_expr)?;
                if let Some(otherwise) = &choice.false_expr {
                    self.put(" else ");
                    self.expression(otherwise)?;
                }
                self.put(")");
            }
            Expr::Filter(filter) => self.filter(filter)?,
            Expr::Test(test) => self.test(test)?,
            Expr::GetAttr(member) => {
                self.operand(&member.expr)?;
                self.put(".");
                self.place(expression.span());
                self.put(member.name);
            }
            Expr::GetItem(item) => {
                if is_near(&item.subscript_expr) {
                    self.operand(&item.expr)?;
                } else {
                    self.put("(");
                    self.operand(&item.expr)?;
                    let _ = write!(self.out, "|{INDEXED})");
                }
                self.put("[");
                self.guarded(&item.subscript_expr, KEY)?;
                self.put("]");
            }
            Expr::Call(call) => self.call(call)?,
            Expr::List(list) => self.items("[", &list.items, "]")?,
            Expr::Tuple(tuple) => self.items("(", &tuple.items, ",)")?,
            Expr::Map(map) => {
                self.put("({");
                for (name, value) in map.keys.iter().zip(&map.values) {
                    self.guarded(name, KEY)?;
                    self.put(": ");
                    self.expression(value)?;
                    self.put(", ");
                }
                let _ = write!(self.out, "}}|{WEIGHED})");
            }
        }
        self.parts -= 1;
        Ok(())
    }

    /// An expression in front of a dot, a bracket or a filter, or behind a sign.
    fn operand(&mut self, expression: &Expr<'_>) -> Written {
        match expression {
            Expr::Filter(_) | Expr::Const(_) => {
                self.put("(");
                self.expression(expression)?;
                self.put(")");
                Ok(())
            }
            _ => self.expression(expression),
        }
    }

    /// An expression with a guard, where it may need one.
    fn guarded(&mut self, expression: &Expr<'_>, guard: &str) -> Written {
        let is_safe = match expression {
            Expr::Const(literal) if guard == JOINABLE => {
                matches!(literal.value.kind(), ValueKind::String | ValueKind::Number)
            }
            Expr::Const(_) => true,
            expression if guard == JOINABLE => is_text_or_number(expression),
            expression => guard != KEY && is_plain(expression),
        };
        self.expression(expression)?;
        if !is_safe {
            let _ = write!(self.out, "|{guard}");
        }
        Ok(())
    }

    fn literal(&mut self, literal: &Spanned<Const>) {
        let value = &literal.value;
        match (value.kind(), value.as_str()) {
            (_, Some(text)) => {
                let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
                let _ = write!(self.out, "\"{escaped}\"");
            }
            (ValueKind::Number, _) if value.is_integer() => {
                let _ = write!(self.out, "{value}");
            }
            (ValueKind::Number, _) => {
                let span = literal.span();
                self.out.push_str(&self.source[start(span)..span.end_offset as usize]);
            }
            (ValueKind::Bool, _) => self.put(if value.is_true() { "true" } else { "false" }),
            _ => self.put("none"),
        }
    }

    /// The elements of a list, behind which it is charged for unless the template itself has all of them.
    fn items(&mut self, open: &str, items: &[Expr<'_>], close: &str) -> Written {
        self.put("(");
        self.put(open);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.put(", ");
            }
            self.expression(item)?;
        }
        // `(,)` is nothing, and `(x)` no list.
        self.put(if items.is_empty() { close.trim_start_matches(',') } else { close });
        if items.iter().any(|item| !matches!(item, Expr::Const(_))) {
            let _ = write!(self.out, "|{WEIGHED}");
        }
        self.put(")");
        Ok(())
    }

    fn slice(&mut self, slice: &Spanned<Slice<'_>>) -> Written {
        // What is passed over on the way to the first element costs, too.
        self.put("((");
        self.expression(&slice.expr)?;
        let _ = write!(self.out, "|{WEIGHED})[");
        for (index, bound) in [&slice.start, &slice.stop, &slice.step].into_iter().enumerate() {
            if index > 0 {
                self.put(":");
            }
            if let Some(bound) = bound {
                self.expression(bound)?;
            }
        }
        let _ = write!(self.out, "]|{MADE})");
        Ok(())
    }

    /// An operator between its operands. Those of a chain stand side by side, as parentheses would lie too deep.
    fn binary(&mut self, operator: &Spanned<BinOp<'_>>) -> Written {
        let BinOp { op, left, right } = &**operator;
        let (sign, guard) = match op {
            BinOpKind::In => {
                self.operand(right)?;
                let _ = write!(self.out, "|{CONTAINS}(");
                self.expression(left)?;
                self.put(")");
                return Ok(());
            }
            // A list is put to a list alone.
            BinOpKind::Add => ("+", (!is_plain(left) && !is_plain(right)).then_some(ADDEND)),
            BinOpKind::Mul => ("*", Some(FACTOR)),
            BinOpKind::Concat => ("~", Some(JOINABLE)),
            BinOpKind::Sub => ("-", None),
            BinOpKind::Div => ("/", None),
            BinOpKind::FloorDiv => ("//", None),
            BinOpKind::Rem => ("%", None),
            BinOpKind::Pow => ("**", None),
            BinOpKind::ScAnd => ("and", None),
            BinOpKind::ScOr => ("or", None),
            BinOpKind::Eq => ("==", None),
            BinOpKind::Ne => ("!=", None),
            BinOpKind::Lt => ("<", None),
            BinOpKind::Lte => ("<=", None),
            BinOpKind::Gt => (">", None),
            BinOpKind::Gte => (">=", None),
        };
        let guard = match op {
            BinOpKind::Eq | BinOpKind::Ne => (!is_literal(left) && !is_literal(right)).then_some(WEIGHED),
            BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte => Some(ORDERED),
            _ => guard,
        };
        let chains =
            matches!(op, BinOpKind::Add | BinOpKind::Mul | BinOpKind::Concat | BinOpKind::ScAnd | BinOpKind::ScOr);
        match left {
            Expr::BinOp(inner) if chains && std::mem::discriminant(&inner.op) == std::mem::discriminant(op) => {
                self.deeper(operator.span())?;
                self.binary(inner)?;
                self.parts -= 1;
            }
            left => self.maybe_guarded(left, guard)?,
        }
        let _ = write!(self.out, " {sign} ");
        self.maybe_guarded(right, guard)
    }

    fn deeper(&mut self, span: Span) -> Written {
        if self.parts == EXPRESSION_DEPTH {
            let message = format!("at most {EXPRESSION_DEPTH} parts of an expression follow on one another");
            return Err(wrong(span, message));
        }
        self.parts += 1;
        Ok(())
    }

    fn maybe_guarded(&mut self, expression: &Expr<'_>, guard: Option<&str>) -> Written {
        match guard {
            // Texts are compared, too.
            Some(guard @ (WEIGHED | ORDERED)) => {
                self.expression(expression)?;
                if guard == WEIGHED || !is_literal(expression) {
                    let _ = write!(self.out, "|{guard}");
                }
                Ok(())
            }
            Some(guard) => self.guarded(expression, guard),
            None => self.expression(expression),
        }
    }

    /// Comparisons that follow on one another: `a < b < c`.
    fn compare(&mut self, compared: &Spanned<Compare<'_>>) -> Written {
        let guard = |index: usize| {
            let orders = |operator: Option<&CompareOpKind>| {
                matches!(
                    operator,
                    Some(CompareOpKind::Lt | CompareOpKind::Lte | CompareOpKind::Gt | CompareOpKind::Gte)
                )
            };
            let at = |index: usize| compared.ops.get(index).map(|operator| &operator.op);
            Some(if orders(at(index)) || orders(index.checked_sub(1).and_then(at)) { ORDERED } else { WEIGHED })
        };
        self.put("(");
        self.maybe_guarded(&compared.expr, guard(0))?;
        for (index, operator) in compared.ops.iter().enumerate() {
            self.put(match operator.op {
                CompareOpKind::Eq => " == ",
                CompareOpKind::Ne => " != ",
                CompareOpKind::Lt => " < ",
                CompareOpKind::Lte => " <= ",
                CompareOpKind::Gt => " > ",
                CompareOpKind::Gte => " >= ",
                CompareOpKind::In | CompareOpKind::NotIn => {
                    return Err(wrong(operator.expr.span(), "`in` stands alone: put parentheses around it"));
                }
            });
            self.maybe_guarded(&operator.expr, guard(index + 1))?;
        }
        self.put(")");
        Ok(())
    }

    fn filter(&mut self, filter: &Spanned<Filter<'_>>) -> Written {
        check_filter(filter, start(filter.span()))?;
        match &filter.expr {
            // Filters that follow on one another stand side by side.
            Some(inner @ Expr::Filter(_)) => self.expression(inner)?,
            Some(expression) => self.operand(expression)?,
            None => return Err(wrong(filter.span(), "a filter stands behind a value")),
        }
        self.put("|");
        self.place(filter.span());
        self.put(filter.name);
        self.arguments(&filter.args, filter.span(), None)
    }

    fn test(&mut self, test: &Spanned<Test<'_>>) -> Written {
        check_test(test, start(test.span()))?;
        self.put("(");
        let guard = looks_closely(test.name).then_some(WEIGHED);
        self.operand(&test.expr)?;
        if let Some(guard) = guard {
            let _ = write!(self.out, "|{guard}");
        }
        self.put(" is ");
        self.place(test.span());
        self.put(test.name);
        self.arguments(&test.args, test.span(), guard)?;
        self.put(")");
        Ok(())
    }

    fn call(&mut self, call: &Spanned<Call<'_>>) -> Written {
        check_call(call, start(call.expr.span()))?;
        self.expression(&call.expr)?;
        if call.args.is_empty() {
            self.put("()");
        }
        self.arguments(&call.args, call.span(), Some(WEIGHED))
    }

    fn arguments(&mut self, arguments: &[CallArg<'_>], span: Span, guard: Option<&str>) -> Written {
        if arguments.is_empty() {
            return Ok(());
        }
        self.put("(");
        for (index, argument) in arguments.iter().enumerate() {
            if index > 0 {
                self.put(", ");
            }
            let value = match argument {
                CallArg::Pos(value) => value,
                CallArg::Kwarg(name, value) => {
                    self.put(name);
                    self.put("=");
                    value
                }
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {
                    return Err(wrong(span, "values in parentheses are written one by one, without `*`"));
                }
            };
            self.maybe_guarded(value, guard)?;
        }
        self.put(")");
        Ok(())
    }
}

/// Whether it is known to be a name, or a place near the beginning, which costs next to nothing to find.
fn is_near(key: &Expr<'_>) -> bool {
    let Expr::Const(literal) = key else { return false };
    literal.value.as_str().is_some() || literal.value.as_usize().is_some_and(|index| index <= NEAR)
}

/// Whether comparing with it costs next to nothing, whatever stands on the other side.
fn is_literal(expression: &Expr<'_>) -> bool {
    matches!(expression, Expr::Const(_))
}
