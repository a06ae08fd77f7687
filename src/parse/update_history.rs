//! Histories of Windows Update: `Get-WUHistory` of PSWindowsUpdate, the COM history (`QueryHistory`) and psSDP's
//! `Hotfixes.CSV`, in any syntax. A row counts where it says that an update was installed and that this succeeded.
//!
//! The histories keep UTC, some tools print local time, and psSDP mixes both with days in one column: so a date
//! without a zone counts as its day only.
//! What is *not* done here: removals and failures, which state no update.

use super::Context;
use super::dates::{Written, written};
use super::hot_fix::{Updates, is_whole, kb};
use super::records::{Gather, Kinds, Meaning, Record};
use crate::fact::Parsed;

/// What is read here.
pub(super) const MEANING: Meaning = Meaning {
    kinds: Kinds {
        csv: "update-history-csv",
        json: "update-history-json",
        clixml: "update-history-clixml",
        list: "update-history-list",
        table: "update-history-table",
    },
    columns: &[
        "computername",
        "operationname",
        "operation",
        "result",
        "results",
        "resultcode",
        "date",
        "title",
        "kb",
        "category",
        "level",
        "id",
        "client",
        "by",
    ],
    tells: |has| {
        (has("operationname") || has("operation")) && has("date") && (has("title") || has("id") || has("kb"))
    },
    gather: || Box::new(History::default()),
};

/// What is installed, in the words of the tools; COM prints the number ([UpdateOperation] 1).
const INSTALLATION: &[&str] = &["install", "installation", "1", "uoinstallation"];
/// What succeeded: `OperationResultCode` 2, and 3 with errors beside.
const SUCCEEDED: &[&str] =
    &["succeeded", "completed successfully", "2", "3", "succeededwitherrors", "orcsucceeded", "installed"];

/// The installations of one source.
#[derive(Default)]
struct History {
    updates: Updates,
}

impl Gather for History {
    fn take(&mut self, record: &Record, _: &Context<'_>) {
        let day = record.text("date").map_or(Written::Nothing, written);
        self.updates.learn(day);
        let is = |names: &[&str], words: &[&str]| {
            record.first(names).is_some_and(|text| words.contains(&text.to_lowercase().as_str()))
        };
        if !is(&["operationname", "operation"], INSTALLATION)
            || !is(&["result", "results", "resultcode"], SUCCEEDED)
        {
            return;
        }
        let Some(kb) = number(record) else { return };
        let host = record.text("computername").filter(|host| is_whole(host)).map(str::to_owned);
        self.updates.add(record.line, host, kb, day);
    }

    fn finish(self: Box<Self>, context: &Context<'_>) -> Parsed {
        self.updates.into_parsed(context)
    }
}

/// The update's number: of its own column, or the last in its title.
fn number(record: &Record) -> Option<String> {
    record.first(&["kb", "id"]).and_then(kb).or_else(|| {
        let title = record.text("title")?;
        let (_, behind) = title.rsplit_once("(KB")?;
        kb(&format!("KB{}", behind.split(')').next()?))
    })
}
