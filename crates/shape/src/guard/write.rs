//! The statements of a template as text again.

use minijinja::machinery::Span;
use minijinja::machinery::ast::{Expr, ForLoop, IfCond, Spanned, Stmt, WithBlock};
use postrider_core::limits::TEMPLATE_DEPTH;

use super::{Guarded, SPEND};
use crate::work::SPARE;

/// What is refused, and where.
pub(super) struct Wrong {
    pub(super) at: usize,
    pub(super) message: String,
}

pub(super) type Written = Result<(), Wrong>;

pub(super) struct Writer<'s> {
    pub(super) source: &'s str,
    pub(super) out: String,
    places: Vec<(usize, usize)>,
    /// Statements, and parts of an expression, within one another.
    statements: usize,
    pub(super) parts: usize,
}

pub(super) fn start(span: Span) -> usize {
    span.start_offset as usize
}

pub(super) fn wrong(span: Span, message: impl Into<String>) -> Wrong {
    Wrong { at: start(span), message: message.into() }
}

impl<'s> Writer<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        let out = String::with_capacity(source.len() * 2);
        Self { source, out, places: Vec::new(), statements: 0, parts: 0 }
    }

    pub(super) fn finish(self) -> Guarded {
        Guarded { source: self.out, places: self.places }
    }

    pub(super) fn template(&mut self, template: &Stmt<'_>) -> Written {
        self.put(&format!("{{{{ {SPARE}|{SPEND} }}}}"));
        self.statement(template)
    }

    pub(super) fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// What follows stood at that place.
    pub(super) fn place(&mut self, span: Span) {
        self.places.push((self.out.len(), start(span)));
    }

    fn body(&mut self, statements: &[Stmt<'_>]) -> Written {
        statements.iter().try_for_each(|statement| self.statement(statement))
    }

    /// What stands within a statement.
    fn within(&mut self, span: Span, body: &[Stmt<'_>]) -> Written {
        if self.statements == TEMPLATE_DEPTH {
            return Err(wrong(span, format!("at most {TEMPLATE_DEPTH} loops and conditions lie within one another")));
        }
        self.statements += 1;
        self.body(body)?;
        self.statements -= 1;
        Ok(())
    }

    fn statement(&mut self, statement: &Stmt<'_>) -> Written {
        match statement {
            Stmt::Template(template) => self.body(&template.children),
            Stmt::EmitRaw(raw) => {
                self.put("{% raw %}");
                self.place(raw.span());
                self.put(raw.raw);
                self.put("{% endraw %}");
                Ok(())
            }
            Stmt::EmitExpr(emitted) => {
                self.put("{{ ");
                self.expression(&emitted.expr)?;
                self.put(" }}");
                Ok(())
            }
            Stmt::ForLoop(statement) => self.for_loop(statement),
            Stmt::IfCond(statement) => {
                self.put("{% if ");
                self.branches(statement)?;
                self.put("{% endif %}");
                Ok(())
            }
            Stmt::WithBlock(statement) => self.with(statement),
            Stmt::Set(set) => {
                self.put("{% set ");
                self.target(&set.target)?;
                self.put(" = ");
                self.expression(&set.expr)?;
                self.put(" %}");
                Ok(())
            }
            _ => Err(Wrong { at: 0, message: "statements are if, for, set and with".to_owned() }),
        }
    }

    fn for_loop(&mut self, statement: &Spanned<ForLoop<'_>>) -> Written {
        if statement.recursive {
            return Err(wrong(statement.span(), "a loop cannot be `recursive`"));
        }
        self.put("{% for ");
        self.target(&statement.target)?;
        self.put(" in ");
        self.expression(&statement.iter)?;
        if let Some(condition) = &statement.filter_expr {
            self.put(" if ");
            self.expression(condition)?;
        }
        self.put(" %}");
        self.within(statement.span(), &statement.body)?;
        if !statement.else_body.is_empty() {
            self.put("{% else %}");
            self.within(statement.span(), &statement.else_body)?;
        }
        self.put("{% endfor %}");
        Ok(())
    }

    /// An `if` behind its keyword, and all that follows it.
    fn branches(&mut self, statement: &Spanned<IfCond<'_>>) -> Written {
        self.expression(&statement.expr)?;
        self.put(" %}");
        self.within(statement.span(), &statement.true_body)?;
        match statement.false_body.as_slice() {
            [] => Ok(()),
            [Stmt::IfCond(other)] => {
                self.put("{% elif ");
                self.branches(other)
            }
            body => {
                self.put("{% else %}");
                self.within(statement.span(), body)
            }
        }
    }

    fn with(&mut self, statement: &Spanned<WithBlock<'_>>) -> Written {
        self.put("{% with ");
        for (index, (target, value)) in statement.assignments.iter().enumerate() {
            if index > 0 {
                self.put(", ");
            }
            match target {
                Expr::List(_) => {
                    self.put("(");
                    self.target(target)?;
                    self.put(")");
                }
                _ => self.target(target)?,
            }
            self.put(" = ");
            self.expression(value)?;
        }
        self.put(" %}");
        self.within(statement.span(), &statement.body)?;
        self.put("{% endwith %}");
        Ok(())
    }

    /// Names that get values.
    fn target(&mut self, target: &Expr<'_>) -> Written {
        match target {
            Expr::Var(name) => {
                self.place(name.span());
                self.put(name.id);
                Ok(())
            }
            Expr::List(names) => {
                for (index, name) in names.items.iter().enumerate() {
                    if index > 0 {
                        self.put(", ");
                    }
                    match name {
                        Expr::List(_) => {
                            self.put("(");
                            self.target(name)?;
                            self.put(")");
                        }
                        _ => self.target(name)?,
                    }
                }
                if names.items.len() == 1 {
                    self.put(",");
                }
                Ok(())
            }
            other => Err(wrong(other.span(), "only a name can be given a value")),
        }
    }
}
