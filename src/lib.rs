//! kcdoctor: offline analysis of Hyper-V Live Migration failures.
//!
//! ```text
//! bundle → parse → evidence → incident → diagnose → plan → report → render
//! ```
//!
//! A stage is a function of the value before it; nothing flows back, nothing is global, and the core cannot
//! fail: errors exist where a bundle is opened and where a report is written. ARCHITECTURE.md tells which
//! room is which.

pub mod error;
pub mod fact;
pub mod scenario;
pub mod knowledge;
pub mod bundle;
pub mod parse;
pub mod evidence;
pub mod incident;
pub mod diagnose;
pub mod plan;
pub mod report;
pub mod render;
pub mod command;
pub mod cli;
