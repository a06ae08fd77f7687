//! Whether a condition can be asked at all: every fact that it names is declared, every operation gets values of the
//! kinds that it takes, and nothing hides a missing fact or can fail for another reason.
//!
//! What passes here is true, false or unknown of any facts: an error while it is asked is a missing fact.

use cel::common::ast::{
    CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators as op,
};

use super::Slip;
use crate::knowledge::fault::instead;
use crate::knowledge::vocabulary::{self, FACTS, Kind};

/// Expressions in each other at most: asking recurses.
const MAX_DEPTH: usize = 64;
/// What a condition may call, beside operators.
const FUNCTIONS: &[&str] =
    &["size", "contains", "startsWith", "endsWith", "exists", "all", "exists_one", "filter", "map"];
const VARIABLES: &[&str] = &["source", "target", "pair", "domain", "incident"];

/// The kind of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Type {
    Bool,
    Int,
    Text,
    List(Box<Type>),
    /// Not known, because something in it is at fault already, or because a list is empty.
    Any,
}

impl Type {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Bool => Self::Bool,
            Kind::Int => Self::Int,
            Kind::Text => Self::Text,
            Kind::List => Self::List(Box::new(Self::Text)),
        }
    }

    fn fits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::List(own), Self::List(other)) => own.fits(other),
            (own, other) => own == other,
        }
    }

    fn words(&self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Int => "a number",
            Self::Text => "a text",
            Self::List(_) => "a list",
            Self::Any => "anything",
        }
    }
}

/// What a condition names and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) names: Vec<(String, String)>,
    pub(super) slips: Vec<Slip>,
}

/// Checks an expression that must be true or false.
pub(super) fn check(expression: &IdedExpr, source: &SourceInfo) -> Checked {
    let mut checker = Checker { source, locals: Vec::new(), checked: Checked::default() };
    let kind = checker.kind_of(expression, 0);
    checker.expect(&kind, &Type::Bool, expression, "the condition");
    checker.checked.slips.dedup();
    checker.checked
}

/// Where an expression begins: the parser places a selection at its dot and a call at its bracket.
fn place(expression: &IdedExpr, source: &SourceInfo) -> usize {
    if let Expr::Select(select) = &expression.expr
        && !select.test
    {
        return place(&select.operand, source);
    }
    let at = source.offset_for(expression.id).map_or(0, |(start, _)| start as usize);
    let is_call = source.source.get(at..).is_some_and(|rest| rest.starts_with('('));
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let before = source.source.get(..at).filter(|_| is_call).unwrap_or_default();
    at - (before.len() - before.trim_end_matches(name).len())
}

struct Checker<'a> {
    source: &'a SourceInfo,
    locals: Vec<(String, Type)>,
    checked: Checked,
}

impl Checker<'_> {
    fn slip(&mut self, at: &IdedExpr, title: impl Into<String>, advice: impl Into<String>) -> Type {
        let at = place(at, self.source);
        self.checked.slips.push(Slip { at, title: title.into(), advice: advice.into() });
        Type::Any
    }

    fn expect(&mut self, kind: &Type, wanted: &Type, at: &IdedExpr, what: &str) {
        if !kind.fits(wanted) {
            let title = format!("{what} is {}, not {}", kind.words(), wanted.words());
            self.slip(
                at,
                title,
                "compare it with something, such as == or >, or name a fact that is true or false",
            );
        }
    }

    fn kind_of(&mut self, expression: &IdedExpr, depth: usize) -> Type {
        if depth > MAX_DEPTH {
            return self.slip(
                expression,
                format!("the condition nests more than {MAX_DEPTH} deep"),
                "make two rules of it",
            );
        }
        let depth = depth + 1;
        match &expression.expr {
            Expr::Select(select) if select.test => self.slip(
                expression,
                "has() turns unknown into no",
                "name the fact itself: a rule whose fact is unknown can't tell, and says so",
            ),
            Expr::Select(select) => match &select.operand.expr {
                Expr::Ident(variable) => self.fact(expression, variable, &select.field),
                _ => self.slip(
                    expression,
                    format!("`.{}` does not follow a variable", select.field),
                    "write source, target, pair, domain or incident before the dot",
                ),
            },
            Expr::Ident(name) => match self.locals.iter().rev().find(|local| local.0 == *name) {
                Some((_, kind)) => kind.clone(),
                None => self.slip(
                    expression,
                    format!("{name} stands alone"),
                    "write source, target, pair, domain or incident with the name of a fact; texts stand in quotes",
                ),
            },
            Expr::Call(call) => self.call(expression, call, depth),
            Expr::List(list) => {
                let mut kind = Type::Any;
                for element in &list.elements {
                    let own = self.kind_of(element, depth);
                    if !own.fits(&kind) {
                        self.slip(
                            element,
                            format!("{} stands in a list of {}", own.words(), kind.words()),
                            "write values of one kind",
                        );
                    }
                    kind = own;
                }
                Type::List(Box::new(kind))
            }
            Expr::Literal(literal) => self.literal(expression, literal),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, depth),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => self.slip(
                expression,
                "maps and structures have no place in a condition",
                "name facts, and compare them with numbers, texts and lists",
            ),
        }
    }

    fn fact(&mut self, at: &IdedExpr, variable: &str, field: &str) -> Type {
        if let Some(fact) = vocabulary::find(variable, field) {
            self.checked.names.push((variable.to_owned(), field.to_owned()));
            return Type::of(fact.kind);
        }
        let Some(owner) = vocabulary::owner(variable) else {
            return self.slip(
                at,
                format!("nothing is called {variable}"),
                instead(variable, VARIABLES.iter().copied()),
            );
        };
        let elsewhere = VARIABLES.iter().find(|other| vocabulary::find(other, field).is_some());
        let advice = elsewhere.map_or_else(
            || instead(field, FACTS.iter().filter(|fact| fact.of == owner).map(|fact| fact.name)),
            |other| format!("did you mean {other}.{field}?"),
        );
        self.slip(at, format!("no fact is called {variable}.{field}"), advice)
    }

    fn literal(&mut self, at: &IdedExpr, literal: &LiteralValue) -> Type {
        match literal {
            LiteralValue::Boolean(_) => Type::Bool,
            LiteralValue::Int(_) => Type::Int,
            LiteralValue::String(_) => Type::Text,
            LiteralValue::Null => self.slip(
                at,
                "null hides a missing fact",
                "name the fact itself: a rule whose fact is unknown can't tell, and says so",
            ),
            LiteralValue::Double(_) | LiteralValue::UInt(_) | LiteralValue::Bytes(_) => {
                self.slip(at, "no fact is of this kind", "write a whole number or a text")
            }
        }
    }

    fn call(&mut self, at: &IdedExpr, call: &CallExpr, depth: usize) -> Type {
        let children: Vec<&IdedExpr> = call.target.iter().map(|target| &**target).chain(&call.args).collect();
        let kinds: Vec<Type> = children.iter().map(|child| self.kind_of(child, depth)).collect();
        match (call.func_name.as_str(), kinds.as_slice()) {
            (op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT | op::NOT_STRICTLY_FALSE, _) => {
                for (child, kind) in children.iter().zip(&kinds) {
                    self.expect(kind, &Type::Bool, child, "this side");
                }
                Type::Bool
            }
            (op::EQUALS | op::NOT_EQUALS, [left, right]) => self.compared(at, left, right, true),
            (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, [left, right]) => {
                self.compared(at, left, right, matches!(left, Type::Int | Type::Text | Type::Any))
            }
            (op::IN, [one, Type::List(element)]) => self.compared(at, one, element, true),
            (op::IN, [_, Type::Any]) => Type::Bool,
            (op::IN, [_, other]) => self.slip(
                at,
                format!("in looks into a list, not into {}", other.words()),
                "write a list in brackets, or a fact that is one; for a part of a text write contains",
            ),
            (op::CONDITIONAL, [question, yes, no]) => {
                if let Some(child) = children.first() {
                    self.expect(question, &Type::Bool, child, "what stands before ?");
                }
                if yes.fits(no) {
                    yes.clone()
                } else {
                    self.slip(at, "both sides of : must be of one kind", "write values of one kind")
                }
            }
            (op::ADD, [left @ Type::List(_), right]) if left.fits(right) => right.clone(),
            (op::ADD | op::SUBSTRACT | op::MULTIPLY | op::NEGATE, _) => self.numbers(at, &kinds),
            ("size", [Type::List(_) | Type::Text | Type::Any]) => Type::Int,
            ("contains" | "startsWith" | "endsWith", [Type::Text | Type::Any, Type::Text | Type::Any]) => {
                Type::Bool
            }
            ("size" | "contains" | "startsWith" | "endsWith", _) => {
                let advice =
                    "size takes a list or a text; text.contains(text), startsWith and endsWith take texts";
                self.slip(at, format!("{} does not take this", call.func_name), advice)
            }
            (op::INDEX | op::DIVIDE | op::MODULO, _) => self.slip(
                at,
                "this can fail for another reason than a missing fact",
                "use in, exists, all or size, and no division",
            ),
            (name, _) => self.slip(
                at,
                format!("nothing is called {name} that a condition may call"),
                instead(name, FUNCTIONS.iter().copied()),
            ),
        }
    }

    /// A comparison of two kinds that must be equal, and of which there must be such a comparison.
    fn compared(&mut self, at: &IdedExpr, left: &Type, right: &Type, has_order: bool) -> Type {
        if !left.fits(right) {
            self.slip(
                at,
                format!("{} is compared with {}", left.words(), right.words()),
                "compare values of one kind; texts stand in quotes, numbers and true do not",
            );
        } else if !has_order {
            self.slip(
                at,
                format!("{} has no order", left.words()),
                "compare with == or !=, or compare its size()",
            );
        }
        Type::Bool
    }

    fn numbers(&mut self, at: &IdedExpr, kinds: &[Type]) -> Type {
        if let Some(other) = kinds.iter().find(|kind| !kind.fits(&Type::Int)) {
            self.slip(at, format!("arithmetic with {}", other.words()), "calculate with numbers only");
        }
        Type::Int
    }

    /// What the macros exists, all, exists_one, filter and map become.
    fn comprehension(&mut self, own: &ComprehensionExpr, depth: usize) -> Type {
        let range = self.kind_of(&own.iter_range, depth);
        let element = match range {
            Type::List(element) => *element,
            Type::Any => Type::Any,
            other => self.slip(
                &own.iter_range,
                format!("{} is no list", other.words()),
                "exists, all, filter and map go through a list",
            ),
        };
        let start = self.kind_of(&own.accu_init, depth);
        self.locals.push((own.iter_var.clone(), element));
        self.locals.push((own.accu_var.clone(), start));
        self.kind_of(&own.loop_cond, depth);
        let step = self.kind_of(&own.loop_step, depth);
        if let Some(result) = self.locals.last_mut() {
            result.1 = step;
        }
        let kind = self.kind_of(&own.result, depth);
        self.locals.truncate(self.locals.len().saturating_sub(2));
        kind
    }
}
