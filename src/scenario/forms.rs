//! What a bundle states, apart from the forms that it states it in, and the same in any other forms.
//!
//! File names say nothing here: they all end in `.txt`, as collectors name what they collect. What is *not* done here:
//! archives, which a test packs as it likes.

use super::Machine;
use super::evtx::{Record, write_log};
use super::exports::culture::Exporter;
use super::exports::directory::{
    Account, Requested, Table, computer, csvde, get_ad_computer, ldapsearch, ldifde,
};
use super::exports::encoding::Encoding;
use super::exports::events::{event_viewer_csv, event_viewer_xml, evtx_ecmd, tss_csv, win_event};
use super::exports::host::{Authentication, HotFix, get_hot_fix, hot_fix, vm_host, vm_host_switched_off};
use super::exports::object::{Object, export_clixml, export_csv, format_list, json_5, json_7};
use super::exports::updates::{hot_fix_table, update_history_csv, update_history_table, wmic_csv, wmic_list};
use super::exports::wevtutil;

/// What a bundle states.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// Computer objects of one domain; empty where the story keeps none.
    pub accounts: Vec<Account>,
    /// Hosts and their migration settings.
    pub settings: Vec<(Machine, Authentication)>,
    /// Hosts on which live migration is switched off, and their other settings.
    pub switched_off: Vec<(Machine, Authentication)>,
    /// Machines and the updates that they list.
    pub updates: Vec<(Machine, Vec<HotFix<'static>>)>,
    /// Logs of machines: records of one channel.
    pub logs: Vec<(Machine, Vec<Record>)>,
}

/// The forms that a bundle is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forms {
    /// Of the directory.
    pub directory: Directory,
    /// Of `Get-VMHost`.
    pub hosts: Syntax,
    /// Of the updates.
    pub updates: Updates,
    /// Of the events.
    pub events: Events,
    /// Of every text.
    pub encoding: Encoding,
    /// Who wrote them.
    pub exporter: Exporter,
}

/// The syntaxes of PowerShell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// `Format-List *`.
    List,
    /// `Export-Csv`.
    Csv,
    /// `ConvertTo-Json` of PowerShell 5.1.
    Json5,
    /// The same of PowerShell 7.
    Json7,
    /// `Export-Clixml`.
    Clixml,
}

/// Forms of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directory {
    /// `ldapsearch`.
    Ldapsearch,
    /// `ldifde`.
    Ldifde,
    /// `csvde`.
    Csvde,
    /// `Get-ADComputer … | Export-Csv` with lists joined by hand.
    Joined,
    /// `Get-ADComputer -Properties *`.
    Object(Syntax),
}

/// Forms of the updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Updates {
    /// `Get-HotFix` on a console.
    Table,
    /// `Get-HotFix | Export-Csv`.
    Csv,
    /// `wmic qfe list full /format:csv`.
    WmicCsv,
    /// `wmic qfe list full`.
    WmicList,
    /// `Get-WUHistory` on a console.
    HistoryTable,
    /// `Get-WUHistory | Export-Csv`.
    HistoryCsv,
    /// `Get-HotFix` in a syntax of PowerShell.
    Object(Syntax),
}

/// Forms of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Events {
    /// The log itself.
    Evtx,
    /// `wevtutil qe /f:xml`.
    Wevtutil,
    /// Event Viewer's XML.
    ViewerXml,
    /// Event Viewer's CSV.
    ViewerCsv,
    /// EvtxECmd's CSV.
    EvtxEcmd,
    /// The CSV of TSS.
    Tss,
    /// `Get-WinEvent` in a syntax of PowerShell.
    Object(Syntax),
}

impl Told {
    /// The bundle in other forms: paths and contents.
    #[must_use]
    pub fn written(&self, forms: Forms) -> Vec<(String, Vec<u8>)> {
        let Forms { encoding, exporter, .. } = forms;
        let mut files = Vec::new();
        if !self.accounts.is_empty() {
            let text = directory(&self.accounts, forms.directory, exporter);
            files.push(("ad/computers.txt".to_owned(), encoding.encode(&text)));
        }
        let on = self.settings.iter().map(|(host, authentication)| (host, vm_host(host, *authentication)));
        let off = self
            .switched_off
            .iter()
            .map(|(host, authentication)| (host, vm_host_switched_off(host, *authentication)));
        for (host, object) in on.chain(off) {
            let text = forms.hosts.write(&[object], exporter);
            files.push((format!("{}/settings.txt", host.name), encoding.encode(&text)));
        }
        for (host, fixes) in &self.updates {
            let text = updates(host, fixes, forms.updates, exporter);
            files.push((format!("{}/updates.txt", host.name), encoding.encode(&text)));
        }
        for (number, (host, records)) in (1..).zip(&self.logs) {
            let content = match forms.events {
                Events::Evtx => write_log(records),
                form => encoding.encode(&events(records, form, exporter)),
            };
            files.push((format!("{}/log{number}.txt", host.name), content));
        }
        files
    }
}

impl Syntax {
    /// Objects in this syntax.
    #[must_use]
    pub fn write(self, objects: &[Object], exporter: Exporter) -> String {
        match self {
            Self::List => format_list(objects, exporter),
            Self::Csv => export_csv(objects, exporter),
            Self::Json5 => json_5(objects, exporter),
            Self::Json7 => json_7(objects, exporter),
            Self::Clixml => export_clixml(objects, exporter),
        }
    }
}

fn directory(accounts: &[Account], form: Directory, exporter: Exporter) -> String {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    match form {
        Directory::Ldapsearch => accounts.first().map_or_else(String::new, |first| {
            text(ldapsearch(&first.machine.domain, accounts, Requested::All))
        }),
        Directory::Ldifde => text(ldifde(accounts)),
        Directory::Csvde => csvde(accounts),
        Directory::Joined => get_ad_computer(accounts, Table::joined(exporter)),
        Directory::Object(syntax) => {
            let objects: Vec<_> = accounts.iter().map(|account| computer(account, &[])).collect();
            syntax.write(&objects, exporter)
        }
    }
}

fn updates(host: &Machine, fixes: &[HotFix<'_>], form: Updates, exporter: Exporter) -> String {
    match form {
        Updates::Table => hot_fix_table(host, fixes, exporter.culture),
        Updates::Csv => get_hot_fix(host, fixes, exporter.culture),
        Updates::WmicCsv => wmic_csv(host, fixes),
        Updates::WmicList => wmic_list(host, fixes),
        Updates::HistoryTable => update_history_table(host, fixes, exporter),
        Updates::HistoryCsv => update_history_csv(host, fixes, exporter),
        Updates::Object(syntax) => {
            let objects: Vec<_> = fixes.iter().map(|fix| hot_fix(host, fix)).collect();
            syntax.write(&objects, exporter)
        }
    }
}

fn events(records: &[Record], form: Events, exporter: Exporter) -> String {
    match form {
        Events::Evtx | Events::Wevtutil => wevtutil(records),
        Events::ViewerXml => event_viewer_xml(records),
        Events::ViewerCsv => event_viewer_csv(records, exporter),
        Events::EvtxEcmd => evtx_ecmd(records),
        Events::Tss => tss_csv(records, exporter),
        Events::Object(syntax) => {
            let objects: Vec<_> = records.iter().map(win_event).collect();
            syntax.write(&objects, exporter)
        }
    }
}
