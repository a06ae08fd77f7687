//! Conditions of rules in the Common Expression Language, and the logic of missing evidence.
//!
//! An unknown fact is left out of the value; naming it is an error to CEL, and its rules for errors are
//! exactly what is needed: `unknown || true` is true, `unknown && false` is false, anything else stays
//! unknown. This is the only module that knows the `cel` crate, whose interface still moves.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, ExecutionError, ParseErrors, Program, Value};

mod types;

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

/// What is wrong with a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// Where, in bytes from the beginning of its source.
    pub at: usize,
    /// What, in a few words.
    pub title: String,
    /// What to do.
    pub advice: String,
}

/// A compiled condition.
#[derive(Debug)]
pub struct Condition {
    source: String,
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
    /// Every slip that it finds, for the rule's author.
    pub fn compile(source: &str) -> Result<Self, Vec<Slip>> {
        let slip = |at, title: String| vec![Slip { at, title, advice: "make two rules of it".into() }];
        if source.len() > MAX_SOURCE {
            return Err(slip(0, format!("a condition has {MAX_SOURCE} bytes at most")));
        }
        if let Some(at) = too_deep(source) {
            return Err(slip(at, format!("brackets nest {MAX_NESTING} deep at most")));
        }
        let program = Program::compile(source).map_err(|errors| slips(&errors, source))?;
        let checked = types::check(program.expression(), program.source_info());
        if !checked.slips.is_empty() {
            return Err(checked.slips);
        }
        let mut names = checked.names;
        names.sort();
        names.dedup();
        let mut parts = Vec::new();
        for part in conjuncts(source) {
            let program = Program::compile(part).map_err(|errors| slips(&errors, part))?;
            let names = types::check(program.expression(), program.source_info()).names;
            parts.push((program, names));
        }
        Ok(Self { source: source.to_owned(), program, parts, names })
    }

    /// The facts that make the condition false of `facts`; all that it names where no part alone does.
    #[must_use]
    pub fn excluding(&self, facts: &Facts<'_>) -> &[(String, String)] {
        let is_false = |program: &Program| matches!(program.execute(&facts.context), Ok(Value::Bool(false)));
        let part = self.parts.iter().find(|(program, _)| is_false(program));
        part.map_or(&self.names, |(_, names)| names)
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

    /// What was compiled.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
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

/// Where brackets nest too deep.
fn too_deep(source: &str) -> Option<usize> {
    let mut depth = 0usize;
    source.char_indices().find_map(|(at, c)| {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth > MAX_NESTING).then_some(at)
    })
}

/// What the parser says, each with its place: it counts lines and columns from 1, columns in characters.
fn slips(errors: &ParseErrors, source: &str) -> Vec<Slip> {
    let at = |(line, column): (isize, isize)| {
        let line = usize::try_from(line).unwrap_or(1).max(1);
        let start: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
        let rest = source.get(start..).unwrap_or_default();
        let column = usize::try_from(column).unwrap_or(1).max(1);
        rest.char_indices().nth(column - 1).map_or(source.len(), |(at, _)| start + at)
    };
    let slip = |error: &cel::ParseError| Slip {
        at: at(error.pos),
        // What else could stand there is half of the grammar.
        title: format!(
            "not an expression: {}",
            error.msg.split(" expecting {").next().unwrap_or_default().trim()
        ),
        advice: "write facts joined by && and ||, such as source.enabled && pair.failed > 0".into(),
    };
    errors.errors.iter().map(slip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Dice;

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
        let excluding = |source: &str| Condition::compile(source).unwrap().excluding(&facts).to_vec();
        let fact = |name: &str| ("source".to_owned(), name.to_owned());
        assert_eq!(excluding("source.enabled && source.unconstrained"), [fact("unconstrained")]);
        assert_eq!(
            excluding("!source.enabled || source.unconstrained"),
            [fact("enabled"), fact("unconstrained")]
        );
    }

    fn slip(source: &str) -> (usize, String) {
        let slips = Condition::compile(source).unwrap_err();
        (slips[0].at, slips[0].title.clone())
    }

    #[test]
    fn slips_say_where_they_stand() {
        for (source, at, title) in [
            ("true && source.enabeld", "source.enabeld", "no fact is called source.enabeld"),
            ("'ä' == 'ä' && source.version", "source.version", "this side is a number"),
            ("true\n  && source.version == \"2016\"", "== \"2016\"", "a number is compared with a text"),
            ("true\n  && && false", "&& false", "not an expression"),
            ("pair.classes.exists(c, c == 1)", "== 1", "a text is compared with a number"),
            ("true && 'ü' == 1 + ", "", "not an expression"),
            ("'ü' == 'ü' && && true", "&& true", "not an expression"),
            ("size(source.enabled) == 1", "size(", "size does not take this"),
            ("true && has(source.enabled)", "has(", "has() turns unknown into no"),
            ("'a' in pair.coverage", "in pair", "in looks into a list"),
        ] {
            let (found, said) = slip(source);
            assert!(said.starts_with(title), "{source}: {said}");
            assert!(source[found..].starts_with(at), "{source}: {} {said}", &source[found..]);
        }
    }

    #[test]
    fn a_wrong_type_is_a_fault_of_the_rule() {
        for source in [
            "source.version",
            "pair.classes < ['a']",
            "source.enabled > true",
            "source.version / 2 == 1",
            "pair.classes[0] == 'a'",
            "matches(pair.coverage, 'a')",
            "optional.none() == 1",
            "1.5 > 1",
            "pair.failed ? true : 1",
            "[1, 'a'] == [1]",
            "{'a': 1} == 1",
        ] {
            assert!(Condition::compile(source).is_err(), "{source}");
        }
        for source in [
            "pair.classes.filter(c, c.startsWith('a')).map(c, size(c)) == [1]",
            "pair.classes.exists_one(c, c in ['a'])",
            "pair.classes.all(c, c != 'a') ? pair.failed + 1 > 2 : true",
            "pair.coverage.contains('a') && pair.classes == []",
        ] {
            assert!(Condition::compile(source).is_ok(), "{source}: {:?}", Condition::compile(source));
        }
    }

    /// Pieces of conditions in any order: each is compiled or refused with places inside of it, and what is compiled
    /// can be asked.
    #[test]
    fn no_text_is_too_strange() {
        const PIECES: [&str; 40] = [
            "source.enabled",
            "pair.classes",
            "pair.failed",
            "pair.coverage",
            "source",
            ".",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "&&",
            "||",
            "!",
            "==",
            "!=",
            "<",
            "in",
            "+",
            "-",
            "?",
            ":",
            ",",
            "'a'",
            "'ä",
            "\"",
            "1",
            "1u",
            "0x",
            "true",
            "null",
            "has(",
            "size(",
            ".exists(c, ",
            ".all(c, ",
            ".map(c, ",
            ".filter(",
            "\n",
            "\\",
        ];
        let values = Values::from([("enabled", FactValue::Bool(true))]);
        let empty = Values::new();
        let facts = Facts::new([("source", &values), ("pair", &empty)]);
        let mut dice = Dice::new(1);
        for _ in 0..2_000 {
            let pieces = (0..dice.below(12)).map(|_| PIECES[dice.below(40) as usize]).collect::<Vec<_>>();
            let source = pieces.join([" ", ""][dice.below(2) as usize]);
            match Condition::compile(&source) {
                Ok(condition) => assert!(condition.ask(&facts).is_ok(), "{source}"),
                Err(slips) => assert!(
                    !slips.is_empty() && slips.iter().all(|slip| source.is_char_boundary(slip.at)),
                    "{source:?}: {slips:?}"
                ),
            }
        }
    }

    /// An expression of some operations on some values, whether they fit or not.
    fn expression(dice: &mut Dice, depth: u64) -> String {
        const VALUES: [&str; 12] = [
            "source.enabled",
            "source.version",
            "pair.classes",
            "pair.failed",
            "pair.coverage",
            "c",
            "true",
            "1",
            "'a'",
            "['a']",
            "[]",
            "[1]",
        ];
        const OPERATIONS: [&str; 16] = [
            "(X && Y)",
            "(X || Y)",
            "!X",
            "(X == Y)",
            "(X != Y)",
            "(X < Y)",
            "(X >= Y)",
            "(X in Y)",
            "(X + Y)",
            "(X - Y)",
            "(X ? Y : X)",
            "size(X)",
            "X.exists(c, Y)",
            "X.all(c, Y)",
            "X.filter(c, Y)",
            "X.contains(Y)",
        ];
        if depth == 0 || dice.chance(0.2) {
            return VALUES[dice.below(12) as usize].into();
        }
        let operation = OPERATIONS[dice.below(16) as usize];
        let (x, y) = (expression(dice, depth - 1), expression(dice, depth - 1));
        operation.replace('X', &x).replace('Y', &y)
    }

    /// What the check of kinds lets pass is true, false or unknown.
    #[test]
    fn what_compiles_can_be_asked() {
        let known =
            Values::from([("failed", FactValue::Int(1)), ("classes", FactValue::List(vec!["a".into()]))]);
        let (some, empty) = (Values::from([("enabled", FactValue::Bool(true))]), Values::new());
        let all = Values::from([
            ("coverage", FactValue::Text("none".into())),
            ("failed", FactValue::Int(0)),
            ("classes", FactValue::List(Vec::new())),
        ]);
        let version = Values::from([("enabled", FactValue::Bool(false)), ("version", FactValue::Int(2019))]);
        let mut dice = Dice::new(2);
        let mut compiled = 0;
        for _ in 0..3_000 {
            let source = expression(&mut dice, 3);
            let Ok(condition) = Condition::compile(&source) else { continue };
            compiled += 1;
            for (source_facts, pair) in [(&some, &known), (&empty, &empty), (&version, &all)] {
                let facts = Facts::new([("source", source_facts), ("pair", pair)]);
                assert!(condition.ask(&facts).is_ok(), "{source}: {:?}", condition.ask(&facts));
            }
        }
        assert!(compiled > 30, "{compiled}");
    }

    #[test]
    fn what_would_exhaust_the_stack_is_refused() {
        for source in ["1 + ".repeat(1000) + "1 == 1", "true ? ".repeat(500) + "true"] {
            let source = source.get(..source.len().min(MAX_SOURCE)).unwrap();
            assert!(Condition::compile(source).is_err());
        }
    }
}
