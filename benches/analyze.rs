//! The whole path, `kcdoctor analyze`, over generated input: a Security log in which few or many records
//! matter, beside the classic incident. Seeded, so every run reads the same bytes.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kcdoctor::bundle::{Bundle, Limits};
use kcdoctor::command::analyze::{Options, analyze};
use kcdoctor::knowledge::Knowledge;
use kcdoctor::render::to_json;
use kcdoctor::scenario::bundles::{all, bulk};

const BYTES: usize = 16 << 20;

fn whole_path(criterion: &mut Criterion) {
    let knowledge = Knowledge::load().unwrap();
    let mut group = criterion.benchmark_group("analyze");
    group.sample_size(10);
    for (name, relevant) in [("0.1 % relevant", 0.001), ("5 % relevant", 0.05)] {
        let folder = tempfile::tempdir().unwrap();
        let classic = all().into_iter().find(|incident| incident.name == "classic-two-nodes").unwrap();
        for (file, content) in classic.files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let log = bulk(1, relevant, BYTES);
        group.throughput(Throughput::Bytes(log.len() as u64));
        fs::write(folder.path().join("DC02-Security.evtx"), log).unwrap();
        for threads in [1, 2] {
            let options = Options { threads, ..Options::default() };
            group.bench_function(format!("{name}, {threads} threads"), |bencher| {
                bencher.iter(|| {
                    let bundle = Bundle::open(&[folder.path().to_path_buf()], &Limits::default()).unwrap();
                    black_box(to_json(&analyze(&bundle, &knowledge, &options, &|| ()).unwrap()))
                });
            });
        }
    }
    group.finish();
}

fn loading(criterion: &mut Criterion) {
    criterion
        .bench_function("load knowledge", |bencher| bencher.iter(|| black_box(Knowledge::load().unwrap())));
}

criterion_group!(benches, whole_path, loading);
criterion_main!(benches);
