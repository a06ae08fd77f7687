//! The incident that came by the script of `kcdoctor collect`: its whole layout, in one bundle.

use jiff::{Timestamp, civil::date};

use super::delegation::{delegating, stripped};
use super::{BY_ADMINISTRATORS, Draft, Expected, Incident, Trigger, august, binary, controller, hosts, july};
use crate::scenario::events::security::Admin;
use crate::scenario::events::{Fault, HIGH_AVAILABILITY, SECURITY, SYSTEM, VMMS};
use crate::scenario::exports::collected::{self, Json, Run, Shell, console};
use crate::scenario::exports::directory::Account;
use crate::scenario::exports::host::{Authentication, HotFix};
use crate::scenario::site::Site;
use crate::scenario::{Domain, Machine, Os, later, moment};

const CLUSTER: &str = "HVC01";

/// The files of the layout beside the logs, in the making.
struct Files(Vec<(String, Vec<u8>)>);

impl Files {
    fn text(&mut self, path: String, text: String) {
        self.0.push((path, text.into_bytes()));
    }

    fn json(&mut self, path: String, json: &Json) {
        self.text(path, format!("{}\r\n", json.text(Shell::Five)));
    }

    /// What the script takes from every machine, below `place`.
    fn windows(&mut self, place: &str, host: &Machine, dc: &Machine, booted: Timestamp) {
        let update = august(host.os);
        let is_controller = host == dc;
        let fixes = [
            HotFix { kb: "KB5012170", description: "Security Update", installed: date(2024, 2, 12) },
            HotFix { kb: update.kb, description: "Security Update", installed: day(booted) },
        ];
        let values = [
            (r"SYSTEM\CurrentControlSet\Control\Lsa", "LmCompatibilityLevel", 5),
            (r"SYSTEM\CurrentControlSet\Services\Netlogon\Parameters", "RequireSeal", 2),
        ];
        self.json(format!("{place}/Get-HotFix.json"), &collected::hot_fixes(host, &fixes));
        let system = collected::operating_system(host, is_controller, booted, 120);
        self.json(format!("{place}/Win32_OperatingSystem.json"), &system);
        let version = collected::current_version(host, update.revision);
        self.json(format!("{place}/CurrentVersion.json"), &version);
        self.json(format!("{place}/Win32_DeviceGuard.json"), &collected::device_guard(host, &[]));
        self.text(format!("{place}/registry.txt"), console::registry(host, &values));
        let status = console::w32tm_status(dc, moment(9, 24, 6, 31), 3_814);
        self.text(format!("{place}/w32tm-status.txt"), status);
        let services = [format!("ldap/{}", dc.fqdn()), format!("cifs/{}", dc.fqdn())];
        self.text(format!("{place}/klist.txt"), console::klist(host, dc, &services, moment(9, 24, 5, 2)));
    }

    /// What it takes from a Hyper-V host beside that.
    fn node(&mut self, host: &Machine, dc: &Machine, machines: &[&str]) {
        let place = &host.name;
        let settings = collected::vm_host(host, Authentication::Kerberos);
        self.json(format!("{place}/Get-VMHost.json"), &settings);
        self.json(format!("{place}/Get-VM.json"), &collected::vms(host, machines));
        self.text(format!("{place}/nltest-sc.txt"), console::nltest(dc));
        self.text(format!("{place}/setspn-L.txt"), console::setspn(&Account::host(host)));
    }

    fn cluster(&mut self, nodes: &[&Machine; 2]) {
        let [one, _] = nodes;
        self.json("cluster/Get-Cluster.json".to_owned(), &collected::cluster(one, CLUSTER));
        let list = collected::cluster_nodes(one, CLUSTER, nodes);
        self.json("cluster/Get-ClusterNode.json".to_owned(), &list);
        for (id, node) in (1..).zip(nodes) {
            let lines = [
                (
                    moment(9, 22, 19, 4),
                    "INFO  [NODE] Node 1: New join with n2: stage: 'Attempt Initial Connection'",
                ),
                (moment(9, 22, 19, 5), "INFO  [GUM] Node 1: Processing RequestLock 1:38"),
            ];
            self.text(format!("cluster/{}_cluster.log", node.fqdn()), console::cluster_log(node, id, &lines));
        }
    }
}

/// The day of an update that was running since `booted`.
fn day(booted: Timestamp) -> jiff::civil::Date {
    booted.to_zoned(jiff::tz::TimeZone::UTC).date()
}

pub(super) fn collected() -> Incident {
    let domain = Domain::new("adatum.com");
    let (os, dc) = (Os::Server2022, controller(&domain, Os::Server2022));
    let [one, two] = hosts(&domain, os);
    let mut site = Site::new("collected", &dc, BY_ADMINISTRATORS);
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01", "APP04"]);
    site.boot(&one, july(os).revision, moment(8, 28, 20, 30));
    site.update(&one, august(os), moment(9, 12, 20, 3));
    site.succeed_often(&one, &two, moment(9, 2, 9, 10), 5, 96);
    site.succeed_often(&two, &one, moment(9, 3, 14, 40), 5, 96);
    let (by, when) = (Admin::new("adm-lindt", &domain, 1187), moment(9, 22, 16, 12));
    let before = [delegating(&one, &[&two]), delegating(&two, &[&one])];
    let after = before.clone().map(|account| stripped(&account, when));
    for (old, new) in before.iter().zip(&after) {
        site.change_delegation(old, new, &by, later(when, i64::from(old.machine.rid - one.rid) * 94_300));
    }
    for (day, hour) in [(22, 19), (23, 7), (23, 15)] {
        site.fail(&one, &two, Fault::NoCredentials, moment(9, day, hour, 20));
        site.fail(&two, &one, Fault::NoCredentials, moment(9, day, hour, 40));
    }
    let logs = [
        binary(&one, HIGH_AVAILABILITY),
        binary(&one, VMMS),
        binary(&one, SYSTEM),
        binary(&two, VMMS),
        binary(&dc, SECURITY),
    ];
    let mut draft = Draft::new(site, &logs);
    for (path, _) in &mut draft.files {
        if path.starts_with(&dc.name) {
            path.insert_str(0, "DC/");
        }
    }
    let [first, second] = after;
    draft.files.extend(files(&one, &two, &dc, &by, &[first, second]));
    let paths: Vec<&str> = draft.files.iter().map(|(path, _)| path.as_str()).collect();
    let user = format!("{}\\{}", domain.netbios, by.name);
    let refused = "Access is denied. (Exception from HRESULT: 0x80070005 (E_ACCESSDENIED))";
    let run = Run {
        at: &one,
        user: &user,
        span: (moment(9, 24, 7, 2), moment(9, 24, 7, 9)),
        nodes: &[&one, &two],
        controllers: &[&dc],
        failed: &[("HV02", "Windows Update history", refused)],
    };
    let manifest = format!("{}\r\n", collected::manifest(&run, &paths).text(Shell::Five));
    draft
        .file("kcdoctor-collect.json", manifest.into_bytes())
        .file("collect.log", collected::log(&run).into_bytes())
        .incident(
            "collected",
            "A hardening emptied both delegation lists, told by the layout of the script that kcdoctor collect prints; \
             one piece could not be gathered, and its manifest says so.",
            Expected {
                cause: "kcd-missing",
                levels: &["confirmed"],
                pairs: &[(&one, &two), (&two, &one)],
                triggers: vec![
                    Trigger::new("directory", &one, when),
                    Trigger::new("directory", &two, later(when, 94_300)),
                ],
                ..Expected::default()
            },
        )
}

/// Everything but the logs, the manifest and its log.
fn files(
    one: &Machine,
    two: &Machine,
    dc: &Machine,
    by: &Admin,
    hosts: &[Account; 2],
) -> Vec<(String, Vec<u8>)> {
    let mut files = Files(Vec::new());
    let booted = moment(9, 12, 20, 23);
    files.windows(&one.name, one, dc, booted);
    files.windows(&two.name, two, dc, later(booted, 86_400_000));
    files.windows(&format!("DC/{}", dc.name), dc, dc, moment(8, 15, 21, 0));
    let history = collected::update_history(one, &[(august(one.os), moment(9, 12, 20, 26))]);
    files.json(format!("{}/WindowsUpdateHistory.json", one.name), &history);
    files.node(one, dc, &["SQL01", "WEB03"]);
    files.node(two, dc, &["FS01", "APP04"]);
    files.cluster(&[one, two]);
    let user = format!("{}\\{}", dc.domain.netbios, by.name);
    let accounts = [hosts.to_vec(), vec![Account::controller(dc)]].concat();
    files.text("directory/computers.ldf".to_owned(), collected::computers(dc, &user, &accounts));
    files.text("directory/users.ldf".to_owned(), collected::users(dc, &user, &[by]));
    files.text("directory/trustees.ldf".to_owned(), collected::users(dc, &user, &[]));
    files.0
}
