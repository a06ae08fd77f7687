//! What the customer sends of it all.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::world::World;
use super::{Lists, Simulated, Sources, logs_of};
use crate::scenario::events::{HIGH_AVAILABILITY, KERBEROS, SECURITY, SYSTEM, VMMS, WORKER};
use crate::scenario::exports::culture::{Culture, Exporter};
use crate::scenario::exports::directory::Account;
use crate::scenario::exports::encoding::Encoding;
use crate::scenario::exports::host::HotFix;
use crate::scenario::forms::{Directory, Events, Forms, Syntax, Updates};
use crate::scenario::{Dice, Machine, Update, later};

/// A part of a bundle that a customer sends or forgets.
enum Item {
    Log(Machine, &'static str),
    Directory,
    Settings(Machine),
    Updates(Machine),
}

/// Fills in what is sent, and the attempts that it shows.
pub(super) fn send(world: World, sources: Sources, simulated: &mut Simulated, dice: &mut Dice) {
    let mut items = items(&world);
    let mut late: Option<Timestamp> = None;
    if sources == Sources::Thinned {
        let gone = items.len() / 3;
        for _ in 0..gone {
            items.swap_remove(dice.index(items.len()));
        }
        simulated.lists = match dice.below(20) {
            0..2 => Lists::Flattened,
            2..4 => Lists::NotAskedFor,
            _ => Lists::Whole,
        };
        // The oldest records are overwritten, up to a day behind the onset.
        late = dice.chance(0.3).then(|| later(world.since, dice.span(-96, 24) * 3_600_000));
    }
    let World { site, controller, second, accounts, others, authentication, patched, switched_off, .. } =
        world;
    let mut logs = Vec::new();
    for item in items {
        match item {
            Item::Log(machine, channel) => logs.push((machine, channel)),
            Item::Directory => {
                let own = std::iter::once(&controller).chain(&second).map(Account::controller);
                let all = own.chain(accounts.clone()).chain(others.clone());
                simulated.told.accounts = all.collect();
            }
            Item::Settings(host) if switched_off.contains(&host) => {
                simulated.told.switched_off.push((host, authentication));
            }
            Item::Settings(host) => simulated.told.settings.push((host, authentication)),
            Item::Updates(host) => {
                let own = patched.iter().filter(|(machine, _, _)| machine.name == host.name);
                let fix = |(_, update, time): &(Machine, Update, Timestamp)| HotFix {
                    kb: update.kb,
                    description: "Security Update",
                    installed: time.to_zoned(TimeZone::UTC).date(),
                };
                simulated.told.updates.push((host.clone(), own.map(fix).collect()));
            }
        }
    }
    simulated.told.settings.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    simulated.told.updates.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    logs.sort_by(|a, b| (&a.0.name, a.1).cmp(&(&b.0.name, b.1)));
    let (parts, attempts) = site.record(logs.iter().map(|(machine, channel)| (machine, *channel)));
    simulated.told.logs = logs_of(parts, &logs);
    if let Some(late) = late {
        simulated.told.logs.iter_mut().for_each(|(_, records)| records.retain(|record| record.time >= late));
        simulated.told.logs.retain(|(_, records)| !records.is_empty());
    }
    simulated.attempts =
        attempts.into_iter().filter(|attempt| late.is_none_or(|late| attempt.time >= late)).collect();
}

/// Everything that a collector would have taken.
fn items(world: &World) -> Vec<Item> {
    let mut items = vec![
        Item::Directory,
        Item::Log(world.controller.clone(), SECURITY),
        Item::Log(world.controller.clone(), SYSTEM),
        Item::Updates(world.controller.clone()),
    ];
    items.extend(world.second.iter().map(|second| Item::Log(second.clone(), SYSTEM)));
    if let Some(second) = world.idle_second() {
        items.extend([Item::Log(second.clone(), SECURITY), Item::Updates(second)]);
    }
    for host in &world.hosts {
        let channels = [HIGH_AVAILABILITY, VMMS, WORKER, SYSTEM, KERBEROS];
        items.extend(channels.map(|channel| Item::Log(host.clone(), channel)));
        items.extend([Item::Settings(host.clone()), Item::Updates(host.clone())]);
    }
    items
}

/// The forms that an incident is written in.
pub(super) fn forms(simulated: &Simulated) -> Forms {
    use Syntax::{Clixml, Csv, Json5, Json7, List};
    let mut dice = Dice::new(simulated.seed ^ 0x666f_726d);
    let lists = [
        Directory::Ldapsearch,
        Directory::Ldifde,
        Directory::Csvde,
        Directory::Joined,
        Directory::Object(Json7),
        Directory::Object(Clixml),
    ];
    // The tables of Get-ADComputer are written without the grants that targets give.
    let by_targets = simulated.told.accounts.iter().any(|account| !account.allowed_to_act.is_empty());
    let lists = if by_targets { lists.get(..2).unwrap_or_default() } else { &lists };
    let directory = match simulated.lists {
        Lists::Whole => *dice.pick(lists).unwrap_or(&Directory::Ldifde),
        // `Export-Csv` writes the name of the type.
        Lists::Flattened | Lists::NotAskedFor => Directory::Object(Csv),
    };
    let updates = [Updates::Table, Updates::Csv, Updates::WmicCsv, Updates::WmicList, Updates::HistoryCsv];
    let events = match simulated.rendered {
        true => &[Events::ViewerXml][..],
        false => &[Events::Evtx, Events::Evtx, Events::Wevtutil],
    };
    let cultures = [Culture::American, Culture::German, Culture::British, Culture::Japanese];
    let encodings = [Encoding::Utf8, Encoding::Utf8Mark, Encoding::Utf16];
    Forms {
        directory,
        hosts: *dice.pick(&[List, Csv, Json5, Json7, Clixml]).unwrap_or(&List),
        updates: *dice.pick(&updates).unwrap_or(&Updates::Csv),
        events: *dice.pick(events).unwrap_or(&Events::Evtx),
        encoding: *dice.pick(&encodings).unwrap_or(&Encoding::Utf8),
        exporter: Exporter {
            culture: *dice.pick(&cultures).unwrap_or(&Culture::American),
            ahead: *dice.pick(&[-8, -5, 0, 1, 2, 9]).unwrap_or(&0),
            ..Exporter::default()
        },
    }
}
