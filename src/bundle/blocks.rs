//! A large file in blocks, for many threads to read at once, and its hash put together from theirs.
//!
//! blake3 is a tree: the hash of a block that begins where a subtree does is a node of it, so the hash of the
//! whole is the one that a single pass over the file gives (`blake3::hazmat`).

use std::fs::File;
use std::io;
use std::sync::Arc;

use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

use super::allowance::{Allowance, spending};
use super::stream::read_at;
use super::{Content, Source};

/// Bytes of a block: a power of two of at least 1 KiB, so that a block is a subtree, and small enough to stay in
/// a processor's cache from its reading to its last use.
pub const BLOCK: usize = 1 << 20;

/// A file that is read in blocks.
#[derive(Debug)]
pub struct Blocks {
    file: File,
    len: u64,
    count: usize,
    allowance: Option<Arc<Allowance>>,
}

/// One block after it was read.
#[derive(Debug)]
pub struct Block<T> {
    /// What was made of it.
    value: T,
    node: Result<ChainingValue, io::Error>,
}

/// A file after all its blocks were read.
#[derive(Debug)]
pub struct Whole<T> {
    /// What was made of the blocks, in their order, up to where reading failed.
    pub values: Vec<T>,
    /// The hash of the file, or why it could not be read to its end.
    pub hash: Result<blake3::Hash, io::Error>,
}

impl Source {
    /// The blocks of a file that is larger than one. `None` for any other source, which is read
    /// forward.
    #[must_use]
    pub fn blocks(&self) -> Option<Blocks> {
        let Content::File(path) = &self.content else { return None };
        let file = File::open(path).ok()?;
        let len = file.metadata().ok()?.len();
        let count = usize::try_from(len.div_ceil(BLOCK as u64)).ok()?;
        let limits = &self.terms.limits;
        let allowance = limits.allowance.clone();
        (count > 1 && len <= limits.max_source_bytes).then_some(Blocks { file, len, count, allowance })
    }
}

impl Blocks {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.len
    }

    /// Reads block `index`, with up to `ahead` bytes of the next one, through `buffer`, which is used again and
    /// again; `read` is given the bytes and where they begin.
    pub fn read<T>(
        &self,
        index: usize,
        ahead: usize,
        buffer: &mut Vec<u8>,
        read: impl FnOnce(&[u8], u64) -> T,
    ) -> Block<T> {
        let offset = index as u64 * BLOCK as u64;
        // What the file grows by while it is read is left out, for its last block was counted before.
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        buffer.resize(left.min(BLOCK + ahead), 0);
        let (filled, failure) = self.fill(offset, buffer);
        let bytes = buffer.get(..filled).unwrap_or_default();
        let own = bytes.get(..BLOCK).unwrap_or(bytes);
        let node = match failure {
            Some(error) => Err(error),
            None if own.is_empty() || own.len() < left.min(BLOCK) => {
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was read"))
            }
            None => Ok(blake3::Hasher::new().set_input_offset(offset).update(own).finalize_non_root()),
        };
        Block { value: read(bytes, offset), node }
    }

    /// Fills `buffer` from `offset` on; gives the bytes read, and what ended the reading before the end.
    fn fill(&self, offset: u64, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = offset + filled as u64;
            match spending(self.allowance.as_deref(), || read_at(&self.file, rest, at)) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (filled, Some(error)),
            }
        }
        (filled, None)
    }
}

/// Puts the blocks of a file together, in their order. What follows a block that could not be read whole is
/// left out.
#[must_use]
pub fn join<T>(blocks: impl IntoIterator<Item = Block<T>>) -> Whole<T> {
    let mut values = Vec::new();
    let mut nodes = Vec::new();
    for block in blocks {
        values.push(block.value);
        match block.node {
            Ok(node) => nodes.push(node),
            Err(error) => return Whole { values, hash: Err(error) },
        }
    }
    let (left, right) = halves(&nodes);
    Whole { values, hash: Ok(merge_subtrees_root(&node(left), &node(right), Mode::Hash)) }
}

/// The node over `nodes`, which stand side by side.
fn node(nodes: &[ChainingValue]) -> ChainingValue {
    match nodes {
        [] => ChainingValue::default(),
        [one] => *one,
        _ => {
            let (left, right) = halves(nodes);
            merge_subtrees_non_root(&node(left), &node(right), Mode::Hash)
        }
    }
}

/// The left half is the largest power of two that leaves something to the right.
fn halves(nodes: &[ChainingValue]) -> (&[ChainingValue], &[ChainingValue]) {
    nodes.split_at(nodes.len().div_ceil(2).next_power_of_two().min(nodes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{Bundle, Limits};

    fn source(bytes: &[u8], limits: &Limits) -> (tempfile::TempDir, Source) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), bytes).unwrap();
        let mut bundle = Bundle::open(&[folder.path().to_path_buf()], limits).unwrap();
        (folder, bundle.sources.remove(0))
    }

    /// Bytes that differ everywhere.
    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[0]).collect()
    }

    #[test]
    fn blocks_give_the_hash_and_the_bytes_of_one_pass() {
        for len in [BLOCK + 1, 2 * BLOCK, 3 * BLOCK - 7, 5 * BLOCK + 1023, 8 * BLOCK] {
            let bytes = bytes(len);
            let (_folder, source) = source(&bytes, &Limits::default());
            let blocks = source.blocks().unwrap();
            assert_eq!(blocks.count(), len.div_ceil(BLOCK));
            let mut buffer = Vec::new();
            let read = (0..blocks.count()).map(|index| {
                blocks.read(index, 10, &mut buffer, |data, at| {
                    let at = at as usize;
                    assert_eq!(data, &bytes[at..(at + BLOCK + 10).min(len)]);
                    at
                })
            });
            let whole = join(read.collect::<Vec<_>>());
            assert_eq!(whole.hash.unwrap(), blake3::hash(&bytes), "{len} bytes");
            assert_eq!(whole.values.len(), blocks.count());
        }
    }

    #[test]
    fn small_and_overlong_files_are_read_forward() {
        assert!(source(&bytes(BLOCK), &Limits::default()).1.blocks().is_none());
        let limits = Limits { max_source_bytes: BLOCK as u64, ..Limits::default() };
        assert!(source(&bytes(BLOCK + 1), &limits).1.blocks().is_none());
    }

    #[test]
    fn a_file_that_shrinks_is_said_to() {
        let (folder, source) = source(&bytes(3 * BLOCK), &Limits::default());
        let blocks = source.blocks().unwrap();
        std::fs::write(folder.path().join("a"), bytes(BLOCK + 5)).unwrap();
        let mut buffer = Vec::new();
        let whole = join([0, 1, 2].map(|index| blocks.read(index, 0, &mut buffer, |data, _| data.len())));
        assert_eq!(whole.values, [BLOCK, 5]);
        assert_eq!(whole.hash.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        std::fs::write(folder.path().join("a"), bytes(3 * BLOCK - 1)).unwrap();
        let whole = join([0, 1, 2].map(|index| blocks.read(index, 0, &mut buffer, |data, _| data.len())));
        assert_eq!(whole.hash.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        std::fs::write(folder.path().join("a"), bytes(4 * BLOCK)).unwrap();
        let whole = join([0, 1, 2].map(|index| blocks.read(index, 9, &mut buffer, |data, _| data.len())));
        assert_eq!((whole.values, whole.hash.is_ok()), (vec![BLOCK + 9, BLOCK + 9, BLOCK], true));
    }
}
