//! What it costs to rebuild an incident and to judge it, without reading files: 64 nodes, 4,032 pairs, and up to
//! 100,000 attempts. One thread.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kcdoctor::diagnose::diagnose;
use kcdoctor::evidence::Evidence;
use kcdoctor::incident::{Incident, Scope};
use kcdoctor::knowledge::Knowledge;
use kcdoctor::parse::ParsedSource;
use kcdoctor::scenario::simulation::{Lists, crowd, facts};

const NODES: usize = 64;

fn evidence(attempts: usize, knowledge: &Knowledge) -> Evidence {
    let sources = facts(&crowd(NODES, attempts), Lists::Whole, false).into_iter();
    let parsed = sources.map(|source| ParsedSource::stated(source.path, source.kind, source.parsed));
    Evidence::gather(parsed.collect(), &knowledge.signals)
}

fn growth(criterion: &mut Criterion) {
    let knowledge = Knowledge::load().unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let mut group = criterion.benchmark_group("64 nodes");
    group.sample_size(10);
    for attempts in [5_000, 20_000, 100_000] {
        let evidence = evidence(attempts, &knowledge);
        group.throughput(Throughput::Elements(attempts as u64));
        group.bench_function(BenchmarkId::new("incident", attempts), |bencher| {
            bencher.iter(|| {
                pool.install(|| {
                    black_box(Incident::reconstruct(&evidence, &knowledge, &Scope::default()));
                });
            });
        });
        let incident = Incident::reconstruct(&evidence, &knowledge, &Scope::default());
        group.bench_function(BenchmarkId::new("rules and verdict", attempts), |bencher| {
            bencher.iter(|| {
                pool.install(|| {
                    black_box(diagnose(&incident, &evidence, &knowledge));
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, growth);
criterion_main!(benches);
