//! Cases of rules: facts in TOML, and what a rule must say of them.
//!
//! Those of the shipped rules are embedded from `fixtures/rules/`. Asking a rule is not done here (see
//! [`crate::diagnose`]).

use include_dir::{Dir, include_dir};
use toml::de::DeValue;

use super::condition::{FactValue, Values};
use super::fault::{Draft, Fault, instead};
use super::rules::form::{Form, Found};
use super::vocabulary::{self, FACTS, FactName, Kind};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/rules");

/// The variables of a condition, in the order of a case's tables.
pub const VARIABLES: [&str; 5] = ["source", "target", "pair", "domain", "incident"];

/// What a case is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expected {
    /// The condition holds.
    Hit,
    /// It is known not to hold.
    Clear,
    /// A fact is missing, so the rule can't tell.
    Blind,
}

impl Expected {
    /// Every rule has one case of each.
    pub const ALL: [Self; 3] = [Self::Hit, Self::Clear, Self::Blind];

    /// The case's file, inside of the folder that is named after its rule.
    #[must_use]
    pub fn file(self) -> &'static str {
        match self {
            Self::Hit => "hit.toml",
            Self::Clear => "clear.toml",
            Self::Blind => "blind.toml",
        }
    }
}

/// Facts, and what a rule must say of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Known facts of each variable.
    pub variables: [(&'static str, Values); 5],
    /// The unknown facts that the rule must name, in order.
    pub missing: Vec<String>,
}

/// A case's file.
#[derive(Debug, Clone)]
pub struct CaseFile {
    /// The rule that it is for, by the name of its folder.
    pub rule: String,
    /// What it is to show, by its name.
    pub expected: Expected,
    /// Its text.
    pub draft: Draft,
}

/// The embedded case files, named by their paths in the source tree.
#[must_use]
pub fn shipped_cases() -> Vec<CaseFile> {
    let of = |folder: &Dir<'_>| {
        let rule = folder.path().to_string_lossy().into_owned();
        let file = |expected: Expected| {
            let name = format!("{rule}/{}", expected.file());
            let text = FILES.get_file(&name)?.contents_utf8()?;
            let draft = Draft::new(format!("fixtures/rules/{name}"), text);
            Some(CaseFile { rule: rule.clone(), expected, draft })
        };
        Expected::ALL.into_iter().filter_map(file).collect::<Vec<_>>()
    };
    FILES.dirs().flat_map(of).collect()
}

/// Reads a case: tables `source`, `target`, `pair` and `incident` with declared facts, and `expect` with `missing`.
///
/// # Errors
/// Every fault of it.
pub fn read_case(draft: &Draft) -> Result<Case, Vec<Fault>> {
    let mut faults = Vec::new();
    let case = Form::open(draft, 0..draft.text.len(), &mut faults).map(|form| read(draft, form, &mut faults));
    match case {
        Some(case) if faults.is_empty() => Ok(case),
        _ => Err(faults),
    }
}

fn read(draft: &Draft, mut form: Form<'_>, faults: &mut Vec<Fault>) -> Case {
    let variables = VARIABLES.map(|variable| {
        let table = form.table(variable, faults);
        (variable, table.map_or_else(Values::new, |table| values(draft, variable, table, faults)))
    });
    let mut missing = Vec::new();
    if let Some(mut expect) = form.table("expect", faults) {
        for found in expect.list("missing", faults).unwrap_or_default() {
            let (variable, name) = found.value.split_once('.').unwrap_or((&found.value, ""));
            if vocabulary::find(variable, name).is_none() {
                unknown(draft, variable, &found, name, faults);
            }
            missing.push(found.value);
        }
        expect.close(faults);
    }
    form.close(faults);
    Case { variables, missing }
}

fn values(draft: &Draft, variable: &'static str, table: Form<'_>, faults: &mut Vec<Fault>) -> Values {
    let mut values = Values::new();
    for (name, found) in table.rest() {
        let Some(fact) = vocabulary::find(variable, &name.value) else {
            unknown(draft, variable, &name, &name.value, faults);
            continue;
        };
        let at = found.span.start;
        match value(fact, found) {
            Some(value) => {
                values.insert(fact.name, value);
            }
            None => {
                let wanted = fact.kind.words();
                faults.push(draft.fault(
                    at,
                    format!("{variable}.{} is {wanted}", fact.name),
                    format!("write {wanted}"),
                ));
            }
        }
    }
    values
}

fn unknown(draft: &Draft, variable: &str, at: &Found<String>, name: &str, faults: &mut Vec<Fault>) {
    let owner = vocabulary::owner(variable);
    let known = FACTS.iter().filter(|fact| Some(fact.of) == owner).map(|fact| fact.name);
    faults.push(draft.fault(
        at.span.start,
        format!("no fact is called {variable}.{name}"),
        instead(name, known),
    ));
}

fn value(fact: &FactName, found: Found<DeValue<'_>>) -> Option<FactValue> {
    match (fact.kind, found.value) {
        (Kind::Bool, DeValue::Boolean(value)) => Some(FactValue::Bool(value)),
        (Kind::Int, DeValue::Integer(value)) => {
            i64::from_str_radix(value.as_str(), value.radix()).ok().map(FactValue::Int)
        }
        (Kind::Text, DeValue::String(value)) => Some(FactValue::Text(value.into_owned())),
        (Kind::List, DeValue::Array(list)) => {
            let items = list.into_iter().map(|item| item.into_inner().as_str().map(str::to_owned));
            items.collect::<Option<_>>().map(FactValue::List)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read_with_its_kinds() {
        let text = "[source]\nenabled = true\nversion = 2019\n[pair]\ncoverage = \"none\"\nclasses = [\"a\"]\n[expect]\nmissing = [\"target.enabled\"]\n";
        let case = read_case(&Draft::new("hit.toml", text)).unwrap();
        assert_eq!(case.variables[0].1.get("version"), Some(&FactValue::Int(2019)));
        assert_eq!(case.variables[2].1.get("classes"), Some(&FactValue::List(vec!["a".into()])));
        assert_eq!(case.missing, ["target.enabled"]);
    }

    #[test]
    fn each_fault_of_a_case_has_its_place() {
        let text = "[source]\nenabeld = true\nversion = \"2019\"\n[piar]\n[expect]\nmissing = [\"pair.x\"]\nmising = 1\n[pair]\nclasses = [1]\n";
        let faults: Vec<_> =
            read_case(&Draft::new("hit.toml", text)).unwrap_err().iter().map(ToString::to_string).collect();
        for expected in [
            "hit.toml:2:1: no fact is called source.enabeld; did you mean enabled?",
            "hit.toml:3:11: source.version is a whole number; write a whole number",
            "hit.toml:4:2: no field is called piar; did you mean pair?",
            "hit.toml:6:12: no fact is called pair.x; write one of failed,",
            "hit.toml:7:1: no field is called mising; did you mean missing?",
            "hit.toml:9:11: pair.classes is a list of texts; write a list of texts",
        ] {
            assert!(faults.iter().any(|fault| fault.starts_with(expected)), "{expected}: {faults:#?}");
        }
        assert_eq!(faults.len(), 6);
    }
}
