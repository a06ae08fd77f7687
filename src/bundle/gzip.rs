//! A gzip: one compressed file, or a tar that goes by both names at once.

use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use super::input::Data;
use super::magic::is_tar;
use super::names::Names;
use super::tar;
use super::walk::{Place, Walk};
use crate::fact::Issue;

/// Reads what was compressed; a tar's members stand under the gzip itself, `b.tar.gz!/x`.
pub(super) fn read(walk: &mut Walk<'_>, at: &Place, reader: Box<dyn Read + '_>) -> Result<(), Issue> {
    let packed = Rc::new(Cell::new(0));
    let decoder = MultiGzDecoder::new(BufReader::new(Counted { reader, count: Rc::clone(&packed) }));
    let stated = decoder.header().and_then(|header| header.filename()).map(String::from_utf8_lossy);
    let name = stated.map_or_else(|| own_name(&at.path), |name| name.into_owned());
    let mut data = Data::Forward(Box::new(walk.metered(decoder, packed)));
    if is_tar(&data.peek()) {
        return tar::read(walk, at, data.into_reader());
    }
    walk.enter()?;
    let (name, issues) = Names::default().place(&name);
    walk.file(&at.member(&name), issues, data);
    Ok(())
}

/// The last part of `path` without `.gz`.
fn own_name(path: &str) -> String {
    let last = path.rsplit('/').next().unwrap_or(path);
    let stem = last.len().checked_sub(3).and_then(|at| last.split_at_checked(at));
    match stem {
        Some((stem, end)) if end.eq_ignore_ascii_case(".gz") && !stem.is_empty() => stem.to_owned(),
        _ => last.to_owned(),
    }
}

/// Counts what is read, to hold it against what comes out.
struct Counted<R> {
    reader: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(block)?;
        self.count.set(self.count.get() + count as u64);
        Ok(count)
    }
}
