//! Conditions of rules in the Common Expression Language, and the logic of missing evidence.
//!
//! An unknown fact is left out of the value; naming it is an error to CEL, and its rules for errors are
//! exactly what is needed: `unknown || true` is true, `unknown && false` is false, anything else stays
//! unknown. This is the only module that knows the `cel` crate, whose interface still moves.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use cel::common::ast::{Expr, IdedExpr, LiteralValue};
use cel::{Context, Env, ExecutionError, Program, Value};

use super::vocabulary;

/// Bytes of source at most.
const MAX_SOURCE: usize = 4096;
/// Brackets inside brackets at most: the parser recurses.
const MAX_NESTING: usize = 32;

static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A fact's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A word.
    Text(String),
    /// Words.
    List(Vec<String>),
}

/// The known facts of one variable, by name. An unknown fact is not in it.
pub type Values = BTreeMap<&'static str, FactValue>;

/// What a condition says of some facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It can't be told: the unknown facts that it names, such as `source.enabled`.
    Unknown(Vec<String>),
}

/// A compiled condition.
#[derive(Debug)]
pub struct Condition {
    program: Program,
    /// The parts of a condition that is a plain chain of `&&`, each with the facts that it names.
    parts: Vec<(Program, Vec<(String, String)>)>,
    /// `(variable, fact)` that it names, sorted.
    names: Vec<(String, String)>,
}

/// Known facts, ready to be asked by many conditions.
pub struct Facts<'a> {
    context: Context<'a, 'a>,
    known: HashMap<&'static str, &'a Values>,
}

impl<'a> Facts<'a> {
    /// Binds each variable to its known facts.
    pub fn new(variables: impl IntoIterator<Item = (&'static str, &'a Values)>) -> Self {
        let mut facts = Self { context: Context::with_env(Arc::clone(&ENVIRONMENT)), known: HashMap::new() };
        for (name, values) in variables {
            let map: HashMap<String, Value> =
                values.iter().map(|(&key, value)| (key.to_owned(), to_cel(value))).collect();
            facts.context.add_variable_from_value(name, map);
            facts.known.insert(name, values);
        }
        facts
    }
}

fn to_cel(value: &FactValue) -> Value {
    match value {
        FactValue::Bool(value) => Value::Bool(*value),
        FactValue::Int(value) => Value::Int(*value),
        FactValue::Text(value) => Value::from(value.as_str()),
        FactValue::List(values) => {
            Value::List(Arc::new(values.iter().map(|value| Value::from(value.as_str())).collect()))
        }
    }
}

impl Condition {
    /// Compiles `source` and refuses what would swallow a missing fact.
    ///
    /// # Errors
    /// A sentence for the rule's author.
    pub fn compile(source: &str) -> Result<Self, String> {
        if source.len() > MAX_SOURCE {
            return Err(format!("a condition has {MAX_SOURCE} bytes at most"));
        }
        if nesting(source) > MAX_NESTING {
            return Err(format!("brackets nest {MAX_NESTING} deep at most"));
        }
        let program = Program::compile(source).map_err(|error| error.to_string())?;
        let mut names = Vec::new();
        check(program.expression(), &mut Vec::new(), &mut names)?;
        names.sort();
        names.dedup();
        let mut parts = Vec::new();
        for part in conjuncts(source) {
            let program = Program::compile(part).map_err(|error| error.to_string())?;
            let mut own = Vec::new();
            check(program.expression(), &mut Vec::new(), &mut own)?;
            parts.push((program, own));
        }
        Ok(Self { program, parts, names })
    }

    /// The facts that make the condition false of `facts`; all that it names where no part alone does.
    #[must_use]
    pub fn excluding(&self, facts: &Facts<'_>) -> Vec<(String, String)> {
        let is_false = |program: &Program| matches!(program.execute(&facts.context), Ok(Value::Bool(false)));
        let part = self.parts.iter().find(|(program, _)| is_false(program));
        part.map_or_else(|| self.names.clone(), |(_, names)| names.clone())
    }

    /// Asks the condition of `facts`.
    ///
    /// # Errors
    /// A fault of the rule: an error that is no missing fact.
    pub fn ask(&self, facts: &Facts<'_>) -> Result<Truth, String> {
        match self.program.execute(&facts.context) {
            Ok(Value::Bool(true)) => Ok(Truth::True),
            Ok(Value::Bool(false)) => Ok(Truth::False),
            Ok(other) => Err(format!("the condition is {other:?}, not true or false")),
            Err(ExecutionError::NoSuchKey(_)) => Ok(Truth::Unknown(self.missing(facts))),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Every unknown fact that the condition names.
    fn missing(&self, facts: &Facts<'_>) -> Vec<String> {
        let unknown = |(variable, fact): &&(String, String)| {
            facts.known.get(variable.as_str()).is_none_or(|values| !values.contains_key(fact.as_str()))
        };
        self.names.iter().filter(unknown).map(|(variable, fact)| format!("{variable}.{fact}")).collect()
    }

    /// The `(variable, fact)` pairs that the condition names.
    #[must_use]
    pub fn names(&self) -> &[(String, String)] {
        &self.names
    }
}

/// The parts between the `&&` outside of brackets and quotes; none where `||` or `?` stands there too.
fn conjuncts(source: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut depth, mut quote) = (Vec::new(), 0, 0usize, None);
    let bytes = source.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            (None, b'?' | b'|') if depth == 0 => return Vec::new(),
            (None, b'&') if depth == 0 && bytes.get(at + 1) == Some(&b'&') => {
                parts.extend(source.get(begin..at));
                begin = at + 2;
            }
            (None, _) => {}
        }
    }
    parts.extend(source.get(begin..));
    parts
}

fn nesting(source: &str) -> usize {
    let step = |(depth, deepest): (usize, usize), c| match c {
        '(' | '[' | '{' => (depth + 1, deepest.max(depth + 1)),
        ')' | ']' | '}' => (depth.saturating_sub(1), deepest),
        _ => (depth, deepest),
    };
    source.chars().fold((0, 0), step).1
}

/// Walks the expression: every `variable.fact` must be declared, `null` and `has()` are refused.
/// `locals` are the variables of the macros around it.
fn check(
    expression: &IdedExpr,
    locals: &mut Vec<String>,
    names: &mut Vec<(String, String)>,
) -> Result<(), String> {
    match &expression.expr {
        Expr::Select(select) if select.test => {
            Err("has() turns unknown into no; name the fact itself".into())
        }
        Expr::Select(select) => {
            let Expr::Ident(variable) = &select.operand.expr else {
                return Err(format!("`.{}` does not follow a variable", select.field));
            };
            if vocabulary::find(variable, &select.field).is_none() {
                return Err(format!("no fact is called {variable}.{}", select.field));
            }
            names.push((variable.clone(), select.field.clone()));
            Ok(())
        }
        // The macros name their own result `@result`.
        Expr::Ident(name) if locals.contains(name) || name.starts_with('@') => Ok(()),
        Expr::Ident(name) => Err(format!(
            "{name} stands alone; write source, target, pair or incident with the name of a fact"
        )),
        Expr::Call(call) => {
            let children = call.target.iter().map(|target| &**target).chain(&call.args);
            children.into_iter().try_for_each(|child| check(child, locals, names))
        }
        Expr::List(list) => list.elements.iter().try_for_each(|child| check(child, locals, names)),
        Expr::Literal(LiteralValue::Null) => Err("null hides a missing fact; name the fact itself".into()),
        Expr::Literal(_) => Ok(()),
        Expr::Comprehension(comprehension) => {
            check(&comprehension.iter_range, locals, names)?;
            locals.push(comprehension.iter_var.clone());
            locals.push(comprehension.accu_var.clone());
            let parts = [
                &comprehension.accu_init,
                &comprehension.loop_cond,
                &comprehension.loop_step,
                &comprehension.result,
            ];
            let result = parts.into_iter().try_for_each(|child| check(child, locals, names));
            locals.truncate(locals.len() - 2);
            result
        }
        Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
            Err("maps and structures have no place in a condition".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(source: &str, known: &[(&'static str, FactValue)]) -> Truth {
        let values: Values = known.iter().cloned().collect();
        let empty = Values::new();
        let facts =
            Facts::new([("source", &values), ("target", &empty), ("pair", &empty), ("incident", &empty)]);
        Condition::compile(source).unwrap().ask(&facts).unwrap()
    }

    #[test]
    fn unknown_follows_the_logic_of_missing_evidence() {
        let enabled = [("enabled", FactValue::Bool(true))];
        assert_eq!(ask("source.enabled || source.unconstrained", &enabled), Truth::True);
        assert_eq!(ask("source.unconstrained || source.enabled", &enabled), Truth::True);
        assert_eq!(ask("source.unconstrained && !source.enabled", &enabled), Truth::False);
        let missing = vec!["source.unconstrained".to_owned(), "target.enabled".to_owned()];
        assert_eq!(
            ask("source.enabled && source.unconstrained && target.enabled", &enabled),
            Truth::Unknown(missing)
        );
    }

    #[test]
    fn lists_can_be_searched() {
        let list = [("migration_spns", FactValue::List(vec!["hv01".into()]))];
        assert_eq!(ask("source.migration_spns.exists(name, name in ['hv01'])", &list), Truth::True);
        assert_eq!(ask("size(source.migration_spns) == 0", &list), Truth::False);
    }

    #[test]
    fn what_would_hide_a_missing_fact_is_refused() {
        for source in [
            "has(source.enabled)",
            "source.enabled == null",
            "source.enabeld || true",
            "enabled",
            "source == 1",
        ] {
            assert!(Condition::compile(source).is_err(), "{source}");
        }
        assert!(Condition::compile(&"(".repeat(40)).is_err());
        assert!(Condition::compile(&format!("{} true", " ".repeat(5000))).is_err());
    }

    #[test]
    fn a_false_condition_names_what_excludes_it() {
        let values =
            Values::from([("enabled", FactValue::Bool(true)), ("unconstrained", FactValue::Bool(false))]);
        let facts = Facts::new([("source", &values)]);
        let excluding = |source: &str| Condition::compile(source).unwrap().excluding(&facts);
        let fact = |name: &str| ("source".to_owned(), name.to_owned());
        assert_eq!(excluding("source.enabled && source.unconstrained"), [fact("unconstrained")]);
        assert_eq!(
            excluding("!source.enabled || source.unconstrained"),
            [fact("enabled"), fact("unconstrained")]
        );
    }

    #[test]
    fn a_wrong_type_is_a_fault_of_the_rule() {
        let empty = Values::new();
        let values = Values::from([("version", FactValue::Int(2019))]);
        let facts = Facts::new([("source", &values), ("pair", &empty)]);
        assert!(Condition::compile("source.version").unwrap().ask(&facts).is_err());
    }
}
