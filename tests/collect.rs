//! The script of `kcdoctor collect`: it parses, it only reads, it asks for nothing secret, and it gathers what the rules
//! need. No PowerShell runs here: two grammars and its own text are what it is held to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use kcdoctor::bundle::{Bundle, Limits};
use kcdoctor::command::collect::SCRIPT;
use kcdoctor::fact::{Known, Observation};
use kcdoctor::knowledge::Interest;
use kcdoctor::parse::parse;
use ps_parser::PowerShellSession;
use tree_sitter::{Node, Tree};

const MACHINE: &str = include_str!("../src/command/collect/machine.ps1");

/// Cmdlets that change nothing, or nothing but jobs, sessions and what the script itself has made.
const READING: &[&str] = &[
    "Add-Type",
    "ConvertTo-Json",
    "ForEach-Object",
    "Get-CimInstance",
    "Get-Cluster",
    "Get-ClusterLog",
    "Get-ClusterNetwork",
    "Get-ClusterNode",
    "Get-ClusterParameter",
    "Get-ClusterResourceType",
    "Get-Command",
    "Get-HotFix",
    "Get-ItemProperty",
    "Get-Location",
    "Get-Service",
    "Get-VM",
    "Get-VMHost",
    "Get-VMMigrationNetwork",
    "Invoke-Command",
    "Join-Path",
    "New-Object",
    "New-PSSession",
    "New-PSSessionOption",
    "Receive-Job",
    "Remove-Job",
    "Remove-PSSession",
    "Resolve-Path",
    "Select-Object",
    "Set-StrictMode",
    "Sort-Object",
    "Split-Path",
    "Start-Job",
    "Stop-Job",
    "Test-Path",
    "Wait-Job",
    "Where-Object",
    "Write-Host",
    "Write-Verbose",
];

/// Cmdlets that write: each line of the script that holds one.
const WRITING: &[(&str, &[&str])] = &[
    (
        "Copy-Item",
        &[
            "Copy-Item -FromSession $Work.Session -Path (Join-Path $Work.Remote 'files.zip') -Destination $zip",
        ],
    ),
    (
        "New-Item",
        &[
            "$null = New-Item -ItemType Directory -Path $Work.Folder -Force",
            "$null = New-Item -ItemType Directory -Path (Join-Path $path 'files')",
            "$null = New-Item -ItemType Directory -Path $folder -Force",
            "$null = New-Item -ItemType Directory -Path $script:Root",
            "$null = New-Item -ItemType Directory -Path $folder -Force",
        ],
    ),
    (
        "Remove-Item",
        &[
            "Remove-Item -LiteralPath $target -Force -ErrorAction SilentlyContinue",
            "Remove-Item -LiteralPath $Path -Recurse -Force",
            "finally { Remove-Item -LiteralPath $script:Temporary -Recurse -Force -ErrorAction SilentlyContinue }",
        ],
    ),
];

/// Where the provider of a signal writes; more than one where versions of Windows differ.
const CHANNELS: &[(&str, &[&str])] = &[
    ("Microsoft-Windows-Hyper-V-High-Availability", &["Microsoft-Windows-Hyper-V-High-Availability-Admin"]),
    ("Microsoft-Windows-Hyper-V-VMMS", &["Microsoft-Windows-Hyper-V-VMMS-Admin"]),
    ("Microsoft-Windows-Hyper-V-Worker", &["Microsoft-Windows-Hyper-V-Worker-Admin"]),
    ("Microsoft-Windows-FailoverClustering", &["System", "Microsoft-Windows-FailoverClustering/Operational"]),
    ("Microsoft-Windows-Security-Auditing", &["Security"]),
    (
        "Microsoft-Windows-Security-Kerberos",
        &[
            "System",
            "Microsoft-Windows-Kerberos/Operational",
            "Microsoft-Windows-Security-Kerberos/Operational",
        ],
    ),
    ("Microsoft-Windows-Wininit", &["System"]),
    ("Microsoft-Windows-Time-Service", &["System", "Microsoft-Windows-Time-Service/Operational"]),
    ("NETLOGON", &["System"]),
    ("LsaSrv", &["System"]),
    ("Microsoft-Windows-GroupPolicy", &["System"]),
    ("Microsoft-Windows-Kerberos-Key-Distribution-Center", &["System"]),
    (
        "Microsoft-Windows-NTLM",
        &[
            "Microsoft-Windows-NTLM/Operational",
            "Microsoft-Windows-Authentication/ProtectedUserFailures-DomainController",
        ],
    ),
    ("Kdcsvc", &["System"]),
    ("Microsoft-Windows-DistributedCOM", &["System"]),
    (
        "Microsoft-Windows-WindowsUpdateClient",
        &["System", "Microsoft-Windows-WindowsUpdateClient/Operational"],
    ),
    ("Microsoft-Windows-Servicing", &["Setup"]),
    ("Microsoft-Windows-Kernel-General", &["System"]),
];

pub(crate) fn tree(script: &str) -> Tree {
    let mut parser = tree_sitter::Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).unwrap();
    parser.parse(script, None).unwrap()
}

/// The texts of all nodes of a kind.
pub(crate) fn texts<'a>(script: &'a str, kind: &str) -> Vec<&'a str> {
    fn collect<'a>(node: Node<'_>, kind: &str, script: &'a str, found: &mut Vec<&'a str>) {
        if node.kind() == kind {
            found.push(&script[node.byte_range()]);
        }
        let mut cursor = node.walk();
        node.children(&mut cursor).for_each(|child| collect(child, kind, script, found));
    }
    let mut found = Vec::new();
    collect(tree(script).root_node(), kind, script, &mut found);
    found
}

/// The strings between single quotes of the part of the script from `from` to the next line that begins with `to`.
fn quoted(from: &str, to: &str) -> Vec<&'static str> {
    let rest = SCRIPT.split_once(from).unwrap_or_else(|| panic!("no {from}")).1;
    let part = rest.split_once(to).unwrap_or_else(|| panic!("no {to} after {from}")).0;
    part.split('\'').skip(1).step_by(2).collect()
}

/// The script function by function, and what stands between them: the crate `ps-parser` gives up on any one text after a
/// second, which a whole script takes on a busy machine.
pub(crate) fn pieces(script: &str) -> Vec<String> {
    let functions = texts(script, "function_statement");
    let mut rest = script.to_owned();
    for function in &functions {
        rest = rest.replacen(function, "", 1);
    }
    functions.into_iter().map(str::to_owned).chain([rest]).collect()
}

/// What `ps-parser` says of a text that does not parse.
pub(crate) fn refusal(script: &str) -> Option<String> {
    PowerShellSession::new().parse_script(script).err().map(|error| error.to_string())
}

#[test]
fn both_grammars_take_the_script() {
    assert!(!tree(SCRIPT).root_node().has_error());
    let pieces = pieces(SCRIPT.strip_suffix("\nInvoke-Collection\n").unwrap());
    assert!(pieces.len() > 40, "{}", pieces.len());
    for piece in pieces {
        assert_eq!(refusal(&piece), None, "{piece}");
    }
}

#[test]
fn both_grammars_refuse_a_broken_script() {
    for (whole, broken) in
        [("@(&", "@((&"), ("function Save-Log {", "function Save-Log"), ("catch {", "catch")]
    {
        let function = pieces(SCRIPT).into_iter().find(|piece| piece.contains(whole)).unwrap();
        let script = function.replacen(whole, broken, 1);
        assert!(tree(&script).root_node().has_error(), "{broken}");
        assert!(refusal(&script).is_some_and(|why| why.contains("-->")), "{broken}: {:?}", refusal(&script));
    }
}

#[test]
fn any_encoding_of_a_redirection_keeps_the_script() {
    assert!(SCRIPT.is_ascii());
    assert!(!SCRIPT.contains(['\t', '\r']));
    for line in SCRIPT.lines() {
        assert!(line.len() <= 120 && line.trim_end() == line, "{line}");
    }
}

/// No alias, no unknown program and nothing that changes a machine: every command is known by name.
#[test]
fn the_script_calls_nothing_but_what_reads() {
    let own: BTreeSet<&str> = texts(SCRIPT, "function_name").into_iter().collect();
    let called: BTreeSet<&str> = texts(SCRIPT, "command_name").into_iter().collect();
    let writing: Vec<&str> = WRITING.iter().map(|(name, _)| *name).collect();
    let known = |name: &&&str| own.contains(**name) || READING.contains(*name) || writing.contains(*name);
    let unknown: Vec<_> = called.iter().filter(|name| !known(name)).collect();
    assert_eq!(unknown, Vec::<&&str>::new());
    let idle: Vec<_> = own.difference(&called).collect();
    assert_eq!(idle, Vec::<&&str>::new(), "functions that nobody calls");
    for (cmdlet, lines) in WRITING {
        let found: Vec<&str> = SCRIPT.lines().map(str::trim).filter(|line| line.contains(cmdlet)).collect();
        assert_eq!(found, *lines);
    }
    let programs: BTreeSet<&str> = SCRIPT.split('\'').filter(|text| text.ends_with(".exe")).collect();
    let readers =
        ["gpresult.exe", "klist.exe", "nltest.exe", "reg.exe", "setspn.exe", "w32tm.exe", "wevtutil.exe"];
    assert_eq!(programs, readers.into());
    for verbs in [
        "'reg.exe' @('query', ",
        "'setspn.exe' @('-L', ",
        "'nltest.exe' @(\"/sc_query:",
        "'w32tm.exe' @('/query', ",
        "'klist.exe' @('-li', ",
        "'gpresult.exe' @('/scope', ",
    ] {
        let program = verbs.split('@').next().unwrap();
        assert_eq!(SCRIPT.matches(program).count(), SCRIPT.matches(verbs).count(), "{program}");
    }
}

/// What runs on other machines reaches them as text, so it must be complete.
#[test]
fn remote_machines_get_every_function_that_they_need() {
    let defined: BTreeSet<&str> = texts(MACHINE, "function_name").into_iter().collect();
    let sent: BTreeSet<&str> = quoted("function Get-MachineFunctions", "foreach").into_iter().collect();
    assert_eq!(sent, defined);
    let all: BTreeSet<&str> = texts(SCRIPT, "function_name").into_iter().collect();
    let needed: BTreeSet<&str> =
        texts(MACHINE, "command_name").into_iter().filter(|name| all.contains(name)).collect();
    assert!(needed.is_subset(&defined), "{needed:?}");
    assert!(!MACHINE.contains("$script:"), "there is no such script on another machine");
}

#[test]
fn nothing_secret_is_asked_for() {
    let lower = SCRIPT.to_ascii_lowercase();
    for name in [
        "ms-mcs",
        "mslaps",
        "unicodepwd",
        "userpassword",
        "dbcspwd",
        "pwdhistory",
        "supplementalcredentials",
        "msfve",
        "managedpassword",
        "keycredential",
        "trustauth",
        "get-credential",
        "securestring",
        "get-bitlocker",
        "manage-bde",
        "digitalproductid",
        "registeredowner",
        "invoke-expression",
        "\\sam'",
        "\\security'",
    ] {
        assert!(!lower.contains(name), "{name}");
    }
    // Nobody asks for all attributes, and old policies lose their passwords.
    assert!(!SCRIPT.contains("PropertiesToLoad.Add('*')"));
    assert!(SCRIPT.contains(r#"[regex]::Replace($text, 'cpassword"#));
}

#[test]
fn every_channel_of_a_signal_is_gathered() {
    let knowledge = fs::read_to_string(super::root().join("knowledge/signals.toml")).unwrap();
    let file: toml::Table = knowledge.parse().unwrap();
    let channels: BTreeMap<&str, &[&str]> = CHANNELS.iter().copied().collect();
    let gathered: BTreeSet<&str> = SCRIPT.split('\'').collect();
    for signal in file["signal"].as_array().unwrap() {
        let provider = signal["provider"].as_str().unwrap();
        let own =
            channels.get(provider).unwrap_or_else(|| panic!("to which channels does {provider} write?"));
        for channel in *own {
            assert!(gathered.contains(channel), "{provider}: {channel} is not gathered");
        }
        if provider == "Microsoft-Windows-Security-Auditing" {
            let events = SCRIPT.split_once("$events = @(").unwrap().1.split(')').next().unwrap();
            let events: Vec<i64> = events.split(", ").map(|event| event.parse().unwrap()).collect();
            let all = signal["events"]
                .as_array()
                .unwrap()
                .iter()
                .all(|id| events.contains(&id.as_integer().unwrap()));
            assert!(all, "{signal}");
        }
    }
}

/// A missing attribute of an object counts as not set, because the head of the file says that it was asked for.
#[test]
fn the_directory_is_asked_for_all_that_is_read() {
    let attributes = quoted("$DirectoryAttributes = @(", "\n)");
    assert!(attributes.contains(&"instanceType") && attributes.contains(&"uSNChanged"), "{attributes:?}");
    let head = format!("# extended LDIF\n# requesting: {}\n#\nversion: 1\n\n", attributes.join(" "));
    let computer = "dn: CN=HV01,DC=contoso,DC=com\nobjectClass: computer\nsAMAccountName: HV01$\n\n";
    let group = "dn: CN=Movers,DC=contoso,DC=com\nobjectClass: group\nsAMAccountName: Movers\n\n";
    let folder = tempfile::tempdir().unwrap();
    // Objects that nothing speaks of become no facts.
    let mentioned = "CSName,HotFixID,InstalledOn\nHV01,KB1,1/13/2020\nMovers,KB1,1/13/2020\n";
    fs::write(folder.path().join("updates.csv"), mentioned).unwrap();
    fs::write(folder.path().join("computers.ldf"), format!("{head}{computer}{group}")).unwrap();
    let bundle = Bundle::open(&[folder.path().to_path_buf()], &Limits::default()).unwrap();
    let parsed = parse(&bundle, &Interest::default(), &|| ());
    assert_eq!(parsed[0].parsed.issues, []);
    let objects = parsed[0].parsed.facts.iter().map(|fact| match &fact.observation {
        Observation::Directory(object) => &**object,
        other => panic!("{other:?}"),
    });
    let [computer, group] = objects.collect::<Vec<_>>()[..] else { panic!("{parsed:?}") };
    let none = Known::Known(vec![]);
    assert_eq!((&computer.spns, &computer.allowed_to_delegate_to), (&none, &none));
    assert_eq!(
        (&computer.allowed_to_act, &computer.encryption_types),
        (&Known::Known(vec![]), &Known::Known(None))
    );
    assert_eq!((&computer.member_of, &group.members), (&none, &none));
    // Every computer has this one; where it is missing, the reader may not see it.
    assert!(computer.user_account_control.known().is_none());
}

#[test]
fn the_program_prints_the_script() {
    let program = env!("CARGO_BIN_EXE_kcdoctor");
    let output = Command::new(program).arg("collect").output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), SCRIPT.as_bytes()));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kcdoctor-collect.ps1");
    let output = Command::new(program).args(["collect", "-o"]).arg(&file).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
    assert_eq!(fs::read_to_string(file).unwrap(), SCRIPT);
}

/// The fixture is what the script would have written: the same names, attributes and keys.
#[test]
fn the_fixture_has_the_layout_of_the_script() {
    let incident =
        kcdoctor::scenario::bundles::all().into_iter().find(|one| one.name == "collected").unwrap();
    let channels: BTreeSet<String> = SCRIPT.split('\'').map(|text| text.replace('/', "-")).collect();
    for (path, _) in &incident.files {
        let name = path.rsplit('/').next().unwrap();
        let is_log = name.strip_suffix(".evtx").is_some_and(|channel| channels.contains(channel));
        let is_cluster_log = path.starts_with("cluster/") && name.ends_with("_cluster.log");
        assert!(is_log || is_cluster_log || SCRIPT.contains(&format!("'{name}'")), "{path}");
    }
    let file = |path: &str| {
        let found = incident.files.iter().find(|(own, _)| own == path).unwrap_or_else(|| panic!("no {path}"));
        String::from_utf8(found.1.clone()).unwrap()
    };
    let ldif = file("directory/computers.ldf");
    let requested = ldif.lines().find_map(|line| line.strip_prefix("# requesting: ")).unwrap();
    assert_eq!(requested, quoted("$DirectoryAttributes = @(", "\n)").join(" "));
    let keys: Vec<String> = file("HV01/registry.txt")
        .lines()
        .filter(|line| line.starts_with("HKEY_"))
        .map(str::to_owned)
        .collect();
    assert_eq!(keys, registry_keys());
}

/// The keys of `Get-RegistryKeys`, its variables filled in.
fn registry_keys() -> Vec<String> {
    let function = SCRIPT.split_once("function Get-RegistryKeys {").unwrap().1.split_once("\n}").unwrap().0;
    let variables: Vec<(&str, &str)> = function
        .lines()
        .filter_map(|line| line.trim().split_once(" = "))
        .map(|(name, value)| (name, value.trim_matches('\'')))
        .collect();
    let key = |line: &str| {
        let text = line.trim().trim_matches(['"', '\'']).to_owned();
        let filled = variables.iter().fold(text, |text, (name, value)| text.replace(name, value));
        filled.starts_with("HKEY_").then_some(filled)
    };
    function.lines().filter(|line| !line.contains(" = ")).filter_map(key).collect()
}
