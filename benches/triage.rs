//! Many tickets, `kcdoctor triage`, over drawn incidents as zips. Seeded, so every run reads the same bytes. Processes,
//! memory and isolation are measured from outside: see `benches/scale.py`.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kcdoctor::bundle::Limits;
use kcdoctor::command::analyze::Options;
use kcdoctor::command::simulate::{Container, Order, write};
use kcdoctor::command::triage::{Done, Inputs, Run, Settings, Target, run};
use kcdoctor::knowledge::Knowledge;
use kcdoctor::scenario::bundles::bulk;
use kcdoctor::scenario::simulation::Sources;

const TICKETS: u64 = 100;

/// The folder of the tickets below `folder`.
fn tickets(folder: &Path) -> PathBuf {
    let (sources, container) = (Sources::Complete, Container::Zip);
    let order = Order { first_seed: 1, bundles: TICKETS, sources, container, threads: 0 };
    write(&order, folder).unwrap();
    folder.join("tickets")
}

fn triage(folder: &Path, threads: usize, target: Target, knowledge: &Knowledge) -> Done {
    let settings = Settings {
        options: Options { threads, ..Options::default() },
        passwords: Vec::new(),
        limits: Limits::default(),
        max_bytes: None,
        timeout: None,
        shares_threads: threads > 1,
        full: false,
        reports: None,
        timings: false,
    };
    let inputs = Inputs {
        paths: vec![folder.to_path_buf()],
        piped: None,
        depth: 1,
        shard: None,
        reports: false,
        own: Vec::new(),
    };
    let order = Run {
        inputs,
        settings,
        target,
        in_order: true,
        keeps_lines: false,
        expected: None,
        isolation: None,
        hidden: true,
    };
    run(order, knowledge).unwrap()
}

fn many(criterion: &mut Criterion) {
    let knowledge = Knowledge::load().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let tickets = tickets(folder.path());
    let mut group = criterion.benchmark_group("triage");
    group.sample_size(10).throughput(Throughput::Elements(TICKETS));
    for threads in [1, 2] {
        group.bench_function(format!("{TICKETS} tickets, {threads} threads"), |bencher| {
            bencher.iter(|| black_box(triage(&tickets, threads, Target::Nowhere, &knowledge)));
        });
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let result = elsewhere.path().join("result.jsonl");
    triage(&tickets, 2, Target::File(result.clone()), &knowledge);
    group.bench_function(format!("{TICKETS} tickets, resumed with nothing left to do"), |bencher| {
        bencher.iter(|| black_box(triage(&tickets, 2, Target::Resumed(result.clone()), &knowledge)));
    });
    fs::write(tickets.join("T000000.evtx"), bulk(1, 0.001, 64 << 20)).unwrap();
    group.bench_function(format!("{TICKETS} tickets and one of 64 MiB, 2 threads"), |bencher| {
        bencher.iter(|| black_box(triage(&tickets, 2, Target::Nowhere, &knowledge)));
    });
    group.finish();
}

criterion_group!(benches, many);
criterion_main!(benches);
