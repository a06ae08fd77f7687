//! What no analysis can do without, alone: reads a log in blocks of 1 MiB, checks the checksums of its chunks and
//! hashes it, on one thread. `floor Security.evtx` prints the hash. `benches/compare.sh` times it, so that a figure
//! of kcdoctor can be told apart from the machine's.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;

/// Bytes read at once, as an analysis does; a power of two.
const BLOCK: usize = 1 << 20;
/// Bytes of a chunk of a log, and of the header of one.
const CHUNK: usize = 64 << 10;
const HEADER: usize = 512;

fn main() -> ExitCode {
    match std::env::args_os().nth(1).map(File::open) {
        Some(Ok(file)) => match floor(file) {
            Ok(line) => ExitCode::from(u8::from(io::stdout().write_all(line.as_bytes()).is_err())),
            Err(_) => ExitCode::from(74),
        },
        Some(Err(_)) => ExitCode::from(66),
        None => ExitCode::from(64),
    }
}

fn floor(mut file: File) -> io::Result<String> {
    let mut block = vec![0; BLOCK];
    let mut hasher = blake3::Hasher::new();
    let mut checksums = 0;
    loop {
        let count = file.read(&mut block)?;
        let Some(read) = block.get(..count).filter(|read| !read.is_empty()) else { break };
        hasher.update(read);
        // Where chunks begin makes no difference to the work.
        checksums ^= read
            .chunks(CHUNK)
            .filter_map(|chunk| chunk.get(HEADER..))
            .fold(0, |sum, records| sum ^ crc32fast::hash(records));
    }
    Ok(format!("{} {checksums:08x}\n", hasher.finalize()))
}
