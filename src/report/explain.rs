//! What is known of a code, an event, a cause, a rule, an update or a hardening change, as plain data: serialised, it
//! is the JSON of `kcdoctor explain`.
//!
//! A word or number that can mean several things gets all of its readings. What is *not* done here: layout.

use serde::Serialize;

use super::Tool;
use super::rules::RuleReport;
use crate::knowledge::{Cause, Class, Code, Family, Meaning, Origin, Role, Side, Space, Standing};

mod look_up;

pub use look_up::{explanation, names};

/// The report of `kcdoctor explain`.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The version of this form.
    pub schema_version: u32,
    /// The command that made it.
    pub command: &'static str,
    /// What made it.
    pub tool: Tool,
    /// What was asked.
    pub query: String,
    /// Every reading of it that is known.
    pub topics: Vec<Topic>,
}

/// One reading.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Topic {
    /// An error code.
    Code(CodeTopic),
    /// An event that kcdoctor looks for.
    Event(EventTopic),
    /// A cause of the vocabulary.
    Cause(CauseTopic),
    /// A rule.
    Rule(Box<RuleReport>),
    /// An update.
    Update(UpdateTopic),
    /// A hardening change.
    Hardening(HardeningTopic),
}

/// An error code.
#[derive(Debug, Serialize)]
pub struct CodeTopic {
    /// `0x8009030E`; Kerberos codes without leading zeros.
    pub code: String,
    /// The number space.
    pub space: Space,
    /// What is known of it.
    #[serde(flatten)]
    pub known: Code,
}

/// Events of one provider that mean the same.
#[derive(Debug, Serialize)]
pub struct EventTopic {
    /// The provider.
    pub provider: String,
    /// Event ids; empty means all of the provider.
    pub events: Vec<u32>,
    /// What they mean, as the program takes them.
    pub meaning: Meaning,
    /// The same in plain words.
    pub says: String,
    /// The class of failure that the number alone names.
    pub class: Option<Class>,
    /// The end that logs it.
    pub side: Option<Side>,
    /// How well this is known.
    pub standing: Standing,
    /// Who says so.
    pub source: String,
    /// When that was last checked, `YYYY-MM-DD`.
    pub checked: String,
}

/// A cause.
#[derive(Debug, Serialize)]
pub struct CauseTopic {
    /// Its name.
    pub cause: Cause,
    /// Its family.
    pub family: Family,
    /// What it means, a clause.
    pub means: &'static str,
    /// The rules that speak for it.
    pub rules: Vec<RuleName>,
    /// The steps that mend it, in the order of its rules.
    pub fixes: Vec<FixName>,
}

/// A rule by name.
#[derive(Debug, Serialize)]
pub struct RuleName {
    /// Its id.
    pub id: String,
    /// The problem in a few words.
    pub title: String,
    /// Who brought it.
    pub origin: Origin,
}

/// A kind of step by name.
#[derive(Debug, Serialize)]
pub struct FixName {
    /// Its id.
    pub id: String,
    /// What it does.
    pub title: String,
}

/// An update.
#[derive(Debug, Serialize)]
pub struct UpdateTopic {
    /// `KB` and digits.
    pub kb: String,
    /// The versions that it is for.
    pub releases: Vec<ReleaseReport>,
    /// The hardening phases of which it is a first update.
    pub phases: Vec<BroughtPhase>,
}

/// An update for one version of Windows Server.
#[derive(Debug, Serialize)]
pub struct ReleaseReport {
    /// `2019`.
    pub os: String,
    /// The build that it brings; `null` where not known.
    pub build: Option<String>,
    /// The day of publication, `YYYY-MM-DD`.
    pub date: String,
    /// Such as `security` or `preview`.
    pub update_kind: String,
    /// How well this is known.
    pub standing: Standing,
}

/// A phase that an update brings.
#[derive(Debug, Serialize)]
pub struct BroughtPhase {
    /// The hardening change.
    pub hardening: String,
    /// In a few words.
    pub title: String,
    /// The phase.
    pub phase: String,
    /// The day it begins, `YYYY-MM-DD`.
    pub date: String,
    /// How well that is known.
    pub standing: Standing,
}

/// A hardening change.
#[derive(Debug, Serialize)]
pub struct HardeningTopic {
    /// Its id.
    pub id: String,
    /// In a few words.
    pub title: String,
    /// Where it acts.
    pub role: Role,
    /// What it changes.
    pub what: String,
    /// What it can do to live migration.
    pub effect: String,
    /// How well the effect is known.
    pub standing: Standing,
    /// The version whose installation brings it, where no update does.
    pub upgrade_to: Option<String>,
    /// Its phases, in order.
    pub phases: Vec<PhaseReport>,
    /// Values of the registry that gate it.
    pub registry: Vec<SettingReport>,
    /// Who says so.
    pub sources: Vec<String>,
    /// When that was last checked, `YYYY-MM-DD`.
    pub checked: String,
}

/// A phase of a hardening change.
#[derive(Debug, Serialize)]
pub struct PhaseReport {
    /// Its name.
    pub name: String,
    /// The day it begins, `YYYY-MM-DD`.
    pub date: String,
    /// How well that is known.
    pub standing: Standing,
    /// The first updates that carry it.
    pub kbs: Vec<String>,
}

/// A value of the registry.
#[derive(Debug, Serialize)]
pub struct SettingReport {
    /// The key under `HKEY_LOCAL_MACHINE`.
    pub key: String,
    /// The value's name.
    pub name: String,
    /// What it decides.
    pub what: String,
}
