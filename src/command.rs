//! One file a subcommand, each a few calls into the stages.

pub mod analyze;
pub mod audit;
pub mod collect;
pub mod drift;
pub mod events;
pub mod explain;
pub mod inventory;
pub mod merge;
pub mod output;
pub mod plan_files;
pub mod rules;
pub mod schema;
pub mod simulate;
pub mod triage;
pub mod validate;
