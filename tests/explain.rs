//! `kcdoctor explain`: every reading of a word or number, with its standing and its source.

use kcdoctor::knowledge::{Cause, Knowledge};
use serde_json::Value;

use super::cli::{kcdoctor, path, text};
use super::root;

fn topics(query: &str) -> Vec<Value> {
    let output = kcdoctor(&["explain", query, "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{query}: {}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["command"], &report["schema_version"], &report["query"]),
        (&"explain".into(), &1.into(), &query.into())
    );
    report["topics"].as_array().unwrap().clone()
}

#[test]
fn a_code_is_found_in_every_notation() {
    for query in
        ["0x8009030E", "8009030e", "-2146893042", "2148074254", "%%2148074254", "sec_e_no_credentials"]
    {
        let topics = topics(query);
        assert_eq!(topics.len(), 1, "{query}");
        let code = &topics[0];
        assert_eq!(
            (&code["kind"], &code["code"], &code["class"]),
            (&"code".into(), &"0x8009030E".into(), &"delegation".into())
        );
        assert_eq!(code["standing"], "verified");
        assert!(
            code["source"].as_str().unwrap().contains("MS-ERREF")
                && code["checked"].as_str().unwrap().len() == 10
        );
    }
}

#[test]
fn a_number_of_several_families_gets_all_readings() {
    let spaces: Vec<_> = topics("0xD").iter().map(|code| code["space"].clone()).collect();
    assert_eq!(spaces, ["hresult", "kerberos"]);
    assert_eq!(topics("0xC00000BB")[0]["space"], "ntstatus");
    let kinds: Vec<_> = topics("5").iter().map(|topic| topic["kind"].clone()).collect();
    assert!(kinds.contains(&"code".into()) && kinds.contains(&"event".into()), "{kinds:?}");
}

#[test]
fn events_are_found_by_number_and_by_provider() {
    for (query, provider, meaning) in [
        ("21502", "Microsoft-Windows-Hyper-V-High-Availability", "move-failed"),
        ("Microsoft-Windows-Hyper-V-VMMS/20415", "Microsoft-Windows-Hyper-V-VMMS", "move-succeeded"),
        ("vmms/20415", "Microsoft-Windows-Hyper-V-VMMS", "move-succeeded"),
        ("4769", "Microsoft-Windows-Security-Auditing", "ticket-request"),
    ] {
        let found = topics(query);
        let event = found.iter().find(|topic| topic["kind"] == "event").unwrap();
        assert_eq!((&event["provider"], &event["meaning"]), (&provider.into(), &meaning.into()), "{query}");
    }
    // A number that nobody looks for is one of its provider's at least.
    assert_eq!(topics("Microsoft-Windows-Hyper-V-VMMS/1")[0]["events"], serde_json::json!([]));
}

#[test]
fn an_update_says_where_it_belongs_and_what_it_brings() {
    for query in ["KB5019966", "kb5019966", "5019966", "17763.3650", "10.0.17763.3650"] {
        let update = &topics(query)[0];
        assert_eq!(update["kind"], "update");
        assert_eq!(
            (&update["releases"][0]["os"], &update["releases"][0]["build"]),
            (&"2019".into(), &"17763.3650".into())
        );
        let phases = update["phases"].as_array().unwrap();
        assert!(
            phases
                .iter()
                .any(|phase| phase["hardening"] == "ETYPE-CVE-2022-37966" && phase["standing"].is_string())
        );
    }
}

/// Whatever the knowledge names, explain knows.
#[test]
fn everything_that_has_a_name_is_explained() {
    let knowledge = Knowledge::load().unwrap();
    let asked = |query: &str, kind: &str| {
        let report =
            kcdoctor::command::explain::explain(query, None).unwrap_or_else(|error| panic!("{error}"));
        let kinds: Vec<_> =
            report.topics.iter().map(|topic| serde_json::to_value(topic).unwrap()["kind"].clone()).collect();
        assert!(kinds.contains(&kind.into()), "{query}: {kinds:?}");
    };
    // Each look-up loads the knowledge anew, so a few of each kind stand for all.
    Cause::names().step_by(5).for_each(|cause| asked(cause, "cause"));
    knowledge.rules.iter().step_by(5).for_each(|rule| asked(&rule.id, "rule"));
    knowledge.hardenings.all().iter().step_by(5).for_each(|own| asked(&own.id, "hardening"));
}

#[test]
fn a_person_reads_the_same() {
    // Where lines break is of no matter.
    let of = |query: &str| {
        let output = kcdoctor(&["explain", query]);
        text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let cause = of("kcd-missing");
    assert!(
        cause.contains("rule: KCD-101") && cause.contains("add-delegation") && !cause.contains('{'),
        "{cause}"
    );
    let rule = of("kcd-101");
    assert!(rule.contains("for that administrator at the target"), "{rule}");
    assert!(of("KB5019966").contains("brings build 17763.3650"));
    assert!(of("0x8009030E").starts_with("0x8009030E SEC_E_NO_CREDENTIALS The source"));
    let own = kcdoctor(&["explain", "acme-101", "--rules", path(&root().join("docs/example-rules"))]);
    assert!(text(&own.stdout).contains("(your own)"));
}

#[test]
fn what_is_unknown_is_65_with_the_nearest_names() {
    for (query, advice) in [
        ("kcd-mising", "did you mean kcd-missing?"),
        ("KCD-10", "KCD-101"),
        ("printer", "write a code such as"),
        ("", "write a code such as"),
        ("\u{1b}[31m", "nothing is known of \"\\u{1b}[31m\""),
    ] {
        let output = kcdoctor(&["explain", query]);
        assert_eq!(output.status.code(), Some(65), "{query}");
        assert!(text(&output.stderr).contains(advice), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "");
    }
}
