//! Reading directory exports of a small forest: nothing but the export, so nearly every object is passed over.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kcdoctor::bundle::{Bundle, Limits};
use kcdoctor::knowledge::Interest;
use kcdoctor::parse::parse;
use kcdoctor::scenario::bundles::{ForestForm, write_forest};

const COMPUTERS: u32 = 10_000;

fn exports(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("directory");
    group.sample_size(20);
    for (name, form) in
        [("ldif", ForestForm::Ldif), ("csv, UTF-8", ForestForm::Csv), ("csv, UTF-16", ForestForm::CsvUtf16)]
    {
        let folder = tempfile::tempdir().unwrap();
        let mut export = Vec::new();
        write_forest(&mut export, form, COMPUTERS).unwrap();
        fs::write(folder.path().join("export"), &export).unwrap();
        let bundle = Bundle::open(&[folder.path().to_path_buf()], &Limits::default()).unwrap();
        group.throughput(Throughput::Bytes(export.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(parse(&bundle, &Interest::default(), &|| ())));
        });
    }
    group.finish();
}

criterion_group!(benches, exports);
criterion_main!(benches);
