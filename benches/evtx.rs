//! The steps of reading an event log, one by one, over generated logs: in one 0.1 % of the records matter, in the
//! other 5 %. Seeded, so every run reads the same bytes.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::io::{Cursor, Read, Write};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kcdoctor::bundle::{Limits, Stream};
use kcdoctor::knowledge::Knowledge;
use kcdoctor::parse::steps;
use kcdoctor::scenario::bundles::bulk;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

const BYTES: usize = 16 << 20;

fn logs(criterion: &mut Criterion) {
    let interest = Knowledge::load().unwrap().signals.interest();
    for (name, relevant) in [("0.1 % relevant", 0.001), ("5 % relevant", 0.05)] {
        let log = bulk(1, relevant, BYTES);
        let mut group = criterion.benchmark_group(name);
        group.sample_size(20).throughput(Throughput::Bytes(log.len() as u64));
        group.bench_function("find", |bencher| bencher.iter(|| black_box(steps::find(&log, &interest))));
        group.bench_function("find and decode", |bencher| {
            bencher.iter(|| black_box(steps::decode(&log, &interest)))
        });
        group.finish();
    }
}

fn bytes(criterion: &mut Criterion) {
    let log = bulk(1, 0.001, BYTES);
    let mut group = criterion.benchmark_group("bytes");
    group.sample_size(20).throughput(Throughput::Bytes(log.len() as u64));
    group.bench_function("checksums", |bencher| bencher.iter(|| black_box(steps::check(&log))));
    group.bench_function("hash", |bencher| bencher.iter(|| black_box(blake3::hash(&log))));
    group.bench_function("forward, hashed on the way", |bencher| {
        bencher.iter(|| drain(Stream::new(Box::new(Cursor::new(&log)), &Limits::default())))
    });
    let zip = zipped(&log);
    group.bench_function("from a zip, hashed on the way", |bencher| {
        bencher.iter(|| {
            let mut archive = ZipArchive::new(Cursor::new(zip.as_slice())).unwrap();
            drain(Stream::new(Box::new(archive.by_index(0).unwrap()), &Limits::default()))
        })
    });
    group.finish();
}

fn drain(mut stream: Stream<'_>) -> blake3::Hash {
    let mut block = vec![0; 1 << 20];
    while stream.read(&mut block).unwrap() > 0 {}
    black_box(stream.finish().hash)
}

fn zipped(log: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("Security.evtx", SimpleFileOptions::default()).unwrap();
    writer.write_all(log).unwrap();
    writer.finish().unwrap().into_inner()
}

criterion_group!(benches, logs, bytes);
criterion_main!(benches);
