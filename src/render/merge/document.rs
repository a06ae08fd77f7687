//! What a person is told, section by section, whatever it is written as. Nothing is escaped here.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::super::layout::clock;
use crate::report::merge::{
    CauseCount, Cluster, ErrorCount, Example, GapCount, MergeReport, Onsets, ToolCount, TriggerCount, Unread,
};
use crate::report::shortened;

/// Characters of a name from a result, and of one in a narrow column: ids of hardening changes have up to 27, causes 24.
const NAME: usize = 60;
const SHORT: usize = 28;
const SHORT_CAUSE: usize = 24;
/// Clusters that a terminal shows.
const LARGEST: usize = 10;
/// Names of one cell.
const FREQUENT: usize = 4;
/// What stands for what is not there or not known.
const NOTHING: &str = "-";
/// Levels in the order in which people look for them; others follow by name.
const LEVELS: [&str; 6] = ["confirmed", "probable", "possible", "latent", "inconclusive", "healthy"];

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// A terminal: long tables are cut, and what does not fit beside stands below.
    Narrow,
    /// A page.
    Wide,
}

impl Room {
    /// A name that fits its column.
    fn name(self, text: &str) -> String {
        shortened(text, if self == Self::Narrow { SHORT } else { NAME })
    }
}

/// A heading and what stands below it.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) prose: String,
    pub(super) header: Vec<Head>,
    pub(super) rows: Vec<Row>,
    /// Rows that are left out.
    pub(super) hidden: usize,
}

/// The head of a column.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) title: String,
    pub(super) is_number: bool,
}

/// A row, and what stands below it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) cells: Vec<String>,
    pub(super) note: Option<String>,
}

/// The first line: how many tickets there are, and what became of them.
pub(super) fn headline(report: &MergeReport) -> (String, String) {
    let totals = &report.totals;
    let rest = match totals.errors {
        _ if totals.tickets == 0 => "nothing to count".to_owned(),
        0 => "all of them analyzed".to_owned(),
        errors => format!("{} analyzed, {errors} not", totals.ok),
    };
    (counted(totals.tickets, "ticket"), rest)
}

/// What they were made of.
pub(super) fn origin(report: &MergeReport) -> String {
    let totals = &report.totals;
    let duplicates = &totals.duplicates;
    let parts = [
        (duplicates.same_bundle, "about the same bundle"),
        (duplicates.other_bundle, "about another bundle of the ticket"),
        (duplicates.failed, "of failures"),
    ];
    let parts: Vec<_> =
        parts.iter().filter(|part| part.0 > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let replaced = match duplicates.lines {
        0 => String::new(),
        1 => format!("; another line stands for 1 of them ({})", parts.join(", ")),
        count => format!("; other lines stand for {count} of them ({})", parts.join(", ")),
    };
    format!(
        "From {} in {}{replaced}. The bundles hold {} in {}.",
        counted(totals.lines, "line"),
        counted(totals.results, "result"),
        counted(usize::try_from(totals.records).unwrap_or(usize::MAX), "record"),
        size(totals.bytes),
    )
}

/// Every section that has something to say, the most telling first.
pub(super) fn sections(report: &MergeReport, room: Room) -> Vec<Section> {
    let all = [
        causes(&report.causes, room),
        triggers(&report.triggers, room),
        clusters(&report.clusters, room),
        gaps(&report.gaps),
        errors(&report.errors),
        unread(&report.unread, report.totals.unread),
        tools(&report.tools),
    ];
    all.into_iter().filter(|section| !section.rows.is_empty()).collect()
}

fn causes(causes: &[CauseCount], room: Room) -> Section {
    let names: BTreeSet<&str> =
        causes.iter().flat_map(|count| count.levels.keys().map(String::as_str)).collect();
    let known = LEVELS.into_iter().filter(|level| names.contains(level));
    let levels: Vec<_> = known.chain(names.iter().copied().filter(|name| !LEVELS.contains(name))).collect();
    let (mut titles, mut numbers) = (vec!["cause", "tickets"], vec!["tickets", "beside another"]);
    match room {
        Room::Narrow => titles.push("how sure"),
        Room::Wide => titles.extend(&levels),
    }
    numbers.extend(&levels);
    titles.push("beside another");
    let row = |count: &CauseCount| {
        let mut cells = vec![name(&count.cause), count.tickets.to_string()];
        match room {
            Room::Narrow => cells.push(by_level(&count.levels)),
            Room::Wide => cells.extend(levels.iter().map(|level| number(count.levels.get(*level).copied()))),
        }
        cells.push(number(Some(count.also).filter(|also| *also > 0)));
        Row { cells, note: None }
    };
    let prose = "Of tickets with several faults, the verdict counts; the others stand beside another.";
    section("Causes", prose, &titles, &numbers, causes.iter().map(row).collect())
}

fn triggers(triggers: &[TriggerCount], room: Room) -> Section {
    let titles = ["set off by", "tickets", "since", "latest", "onset known", "causes", "how sure", "such as"];
    let row = |count: &TriggerCount| {
        let trigger = room.name(count.trigger.as_deref().unwrap_or("not known"));
        let first = vec![trigger, count.tickets.to_string(), since(&count.onset), latest(&count.onset)];
        let known = match room {
            Room::Narrow => format!("onset known of {}", count.onset.known),
            Room::Wide => count.onset.known.to_string(),
        };
        let (causes, sure) = (frequencies(&count.causes), by_level(&count.levels));
        split(first, vec![known, causes, sure, examples(&count.examples, room)], room)
    };
    let prose = "Updates and hardening changes by name, changes that are a ticket's own by their kind. Counted is what \
                 a verdict names as its trigger, never what merely came before. Since: the first failure it explains, \
                 of the tickets whose onset is known.";
    let titles = if room == Room::Narrow { titles.get(..4) } else { titles.get(..) };
    section(
        "Set off by",
        prose,
        titles.unwrap_or_default(),
        &["tickets", "onset known"],
        triggers.iter().map(row).collect(),
    )
}

fn clusters(clusters: &[Cluster], room: Room) -> Section {
    let prose = "Tickets of one signature: cause, trigger, how the failing pairs lie to each other, versions of Windows.";
    let wide =
        ["cause", "set off by", "pairs", "tickets", "Windows", "how sure", "since", "latest", "such as"];
    let narrow = ["cause", "set off by", "tickets", "since"];
    let (titles, most): (&[&str], _) = match room {
        Room::Narrow => (&narrow, LARGEST),
        Room::Wide => (&wide, usize::MAX),
    };
    let rows =
        clusters.iter().take(most).map(|own| if room == Room::Narrow { short(own) } else { full(own) });
    let mut section = section("Clusters", prose, titles, &["tickets"], rows.collect());
    section.hidden = clusters.len().saturating_sub(most);
    section
}

/// A cluster in two lines of a terminal: the day is enough, and one ticket to look at.
fn short(cluster: &Cluster) -> Row {
    let trigger = Room::Narrow.name(cluster.trigger.as_deref().unwrap_or(NOTHING));
    let day = since(&cluster.onset).chars().take(10).collect();
    let cells = vec![shortened(&cluster.cause, SHORT_CAUSE), trigger, cluster.tickets.to_string(), day];
    let shape = cluster.shape.as_deref().map(name).unwrap_or_default();
    let such_as = examples(cluster.examples.get(..1).unwrap_or_default(), Room::Narrow);
    split(
        cells,
        vec![shape, format!("Windows {}", windows(cluster)), by_level(&cluster.levels), such_as],
        Room::Narrow,
    )
}

fn full(cluster: &Cluster) -> Row {
    let own = |part: &Option<String>| name(part.as_deref().unwrap_or(NOTHING));
    let (sure, such_as) = (by_level(&cluster.levels), examples(&cluster.examples, Room::Wide));
    let cells = vec![
        name(&cluster.cause),
        own(&cluster.trigger),
        own(&cluster.shape),
        cluster.tickets.to_string(),
        windows(cluster),
        sure,
        since(&cluster.onset),
        latest(&cluster.onset),
        such_as,
    ];
    Row { cells, note: None }
}

fn windows(cluster: &Cluster) -> String {
    if cluster.os.is_empty() { NOTHING.to_owned() } else { name(&cluster.os.join(", ")) }
}

fn gaps(gaps: &[GapCount]) -> Section {
    let titles = ["gap", "what to ask for", "tickets", "inconclusive", "pieces"];
    let row = |count: &GapCount| {
        let ask = count.ask.clone().unwrap_or_else(|| NOTHING.to_owned());
        let counts = [count.tickets, count.inconclusive, count.pieces].map(|count| count.to_string());
        Row { cells: [name(&count.gap), ask].into_iter().chain(counts).collect(), note: None }
    };
    let prose = "What customers owe, by tickets that lack it, and how many of these are inconclusive; one ticket may \
                 lack it of several hosts.";
    section("Missing", prose, &titles, &["tickets", "inconclusive", "pieces"], gaps.iter().map(row).collect())
}

fn errors(errors: &[ErrorCount]) -> Section {
    let row = |count: &ErrorCount| {
        let code = count.code.as_deref().map_or_else(|| "not stated".to_owned(), name);
        let such_as: Vec<_> = count.examples.iter().map(|ticket| name(ticket)).collect();
        Row { cells: vec![code, count.tickets.to_string(), such_as.join(", ")], note: None }
    };
    let prose = "Bundles that could not be read or judged; the line of each says why.";
    section(
        "Not analyzed",
        prose,
        &["why", "tickets", "such as"],
        &["tickets"],
        errors.iter().map(row).collect(),
    )
}

fn unread(lines: &[Unread], all: usize) -> Section {
    let row = |line: &Unread| Row {
        cells: vec![format!("{}:{}", name(&line.result), line.line), shortened(&line.why, 2 * NAME)],
        note: None,
    };
    let mut section = section(
        "Lines that can't be read",
        "Their tickets are not counted.",
        &["where", "why"],
        &[],
        lines.iter().map(row).collect(),
    );
    section.hidden = all.saturating_sub(lines.len());
    section
}

fn tools(tools: &[ToolCount]) -> Section {
    let row = |count: &ToolCount| {
        let options = if count.options.is_empty() { NOTHING.to_owned() } else { name(&count.options) };
        let tickets = count.tickets.to_string();
        Row { cells: vec![name(&count.version), name(&count.knowledge), options, tickets], note: None }
    };
    let titles = ["kcdoctor", "knowledge", "options", "tickets"];
    section("Made by", "", &titles, &["tickets"], tools.iter().map(row).collect())
}

/// A section whose columns called `numbers` hold numbers.
fn section(title: &'static str, prose: &str, titles: &[&str], numbers: &[&str], rows: Vec<Row>) -> Section {
    let head = |title: &&str| Head { title: name(title), is_number: numbers.contains(title) };
    Section { title, prose: prose.to_owned(), header: titles.iter().map(head).collect(), rows, hidden: 0 }
}

/// Cells that stand beside each other, or below where there is no room.
fn split(first: Vec<String>, more: Vec<String>, room: Room) -> Row {
    match room {
        Room::Narrow => {
            let note: Vec<_> = more.into_iter().filter(|part| !part.is_empty()).collect();
            Row { cells: first, note: Some(note.join("; ")) }
        }
        Room::Wide => Row { cells: first.into_iter().chain(more).collect(), note: None },
    }
}

fn name(text: &str) -> String {
    shortened(text, NAME)
}

fn number(count: Option<usize>) -> String {
    count.map(|count| count.to_string()).unwrap_or_default()
}

pub(in crate::render) fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// `3 confirmed, 1 possible`, the surest first.
pub(in crate::render) fn by_level(levels: &BTreeMap<String, usize>) -> String {
    let place = |level: &str| LEVELS.iter().position(|own| *own == level).unwrap_or(LEVELS.len());
    let mut all: Vec<_> = levels.iter().collect();
    all.sort_by_key(|(level, _)| place(level));
    all.into_iter().map(|(level, count)| format!("{count} {}", name(level))).collect::<Vec<_>>().join(", ")
}

/// `3 kcd-missing, 1 clock-skew`, the most frequent first, and how many others.
fn frequencies(counts: &BTreeMap<String, usize>) -> String {
    let mut all: Vec<_> = counts.iter().collect();
    all.sort_by_key(|(_, count)| Reverse(**count));
    let hidden = all.len().saturating_sub(FREQUENT);
    let shown = all.into_iter().take(FREQUENT).map(|(own, count)| format!("{count} {}", name(own)));
    let more = (hidden > 0).then(|| format!("and {hidden} more"));
    shown.chain(more).collect::<Vec<_>>().join(", ")
}

fn since(onset: &Onsets) -> String {
    onset.first.as_deref().map_or_else(|| NOTHING.to_owned(), clock)
}

fn latest(onset: &Onsets) -> String {
    onset.last.as_deref().map_or_else(|| NOTHING.to_owned(), clock)
}

fn examples(examples: &[Example], room: Room) -> String {
    let names = examples.iter().map(|example| name(&example.ticket)).collect::<Vec<_>>().join(", ");
    if room == Room::Wide || names.is_empty() { names } else { format!("such as {names}") }
}

/// Bytes as people say them.
fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
        None => counted(usize::try_from(bytes).unwrap_or_default(), "byte"),
    }
}
