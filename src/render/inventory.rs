//! The inventory of a bundle as text: one file a form.

use super::{Style, to_json};
use crate::knowledge::Place;
use crate::report::inventory::{InventoryReport, RequestReport};

mod mail;
mod table;

/// A form of the inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InventoryFormat {
    /// For a person at a terminal.
    #[default]
    Table,
    /// A text to paste into a mail to the customer.
    Mail,
    /// For programs.
    Json,
}

/// Writes `report` in `format`, with a final line end.
#[must_use]
pub fn render_inventory(report: &InventoryReport, format: InventoryFormat, style: Style) -> String {
    match format {
        InventoryFormat::Table => table::render(report, style),
        InventoryFormat::Mail => mail::render(report),
        InventoryFormat::Json => to_json(report),
    }
}

/// Where the command of a request runs.
fn place(request: &RequestReport) -> String {
    let place = match (request.place, request.hosts.as_slice()) {
        (Place::Hosts, []) if request.have.is_empty() => "on every Hyper-V host".to_owned(),
        (Place::Hosts, []) => {
            format!("on every other Hyper-V host (that of {} is here)", request.have.join(", "))
        }
        (Place::Hosts, hosts) => format!("on {}", hosts.join(", ")),
        (Place::DomainControllers, _) => "on every domain controller".to_owned(),
        (Place::Directory, _) => "once, on a domain controller or any machine of the domain".to_owned(),
        (Place::ClusterNode, _) => "once, on one node of the cluster".to_owned(),
    };
    let shell = if request.elevated { "PowerShell, as administrator" } else { "PowerShell" };
    format!("{place}; {shell}")
}
