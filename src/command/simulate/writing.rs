//! Drawn incidents as bundles on disk, with what was planted beside them.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use rayon::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::command::analyze::pool;
use crate::error::Error;
use crate::scenario::bundles::Trigger;
use crate::scenario::simulation::{Simulated, Sources, draw};

/// How a bundle stands on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// A folder with its files.
    Folder,
    /// One zip, as tickets mostly arrive. Its members bear no date, so the same seed gives the same bytes.
    Zip,
}

/// Which bundles are written.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    /// The seed of the first.
    pub first_seed: u64,
    /// How many.
    pub bundles: u64,
    /// What each customer sends.
    pub sources: Sources,
    /// How each stands on disk.
    pub container: Container,
    /// Threads; 0 means one a processor.
    pub threads: usize,
}

/// Writes bundles into the folder `tickets` of `folder`, and `truth.jsonl` beside that: what is planted is no ticket.
///
/// # Errors
/// [`Error::Io`] where something can't be written, [`Error::Fault`] where threads can't be had.
pub fn write(order: &Order, folder: &Path) -> Result<(), Error> {
    let tickets = folder.join("tickets");
    fs::create_dir_all(&tickets).map_err(Error::io(&tickets))?;
    let one = |seed| {
        let simulated = draw(seed, order.sources);
        let name = match order.container {
            Container::Folder => format!("T{seed:06}"),
            Container::Zip => format!("T{seed:06}.zip"),
        };
        put(&tickets.join(&name), simulated.written(), order.container)?;
        Ok(truth(&name, &simulated))
    };
    let seeds = order.first_seed..order.first_seed.saturating_add(order.bundles);
    let lines: Result<Vec<_>, Error> =
        pool(order.threads)?.install(|| seeds.into_par_iter().map(one).collect());
    let path = folder.join("truth.jsonl");
    fs::write(&path, lines?.concat()).map_err(Error::io(&path))
}

/// A line of `truth.jsonl`: the main fault with its pairs and what set it off (the KB of an update, else the
/// kind of change), and other faults.
fn truth(name: &str, simulated: &Simulated) -> String {
    let main = simulated.planted.first();
    let also: Vec<_> = simulated.planted.iter().skip(1).map(|planted| planted.cause).collect();
    let triggers: Vec<_> = main.iter().flat_map(|main| &main.triggers).map(Trigger::name).collect();
    let line = serde_json::json!({
        "bundle": name,
        "cause": simulated.cause(),
        "pairs": simulated.pairs(),
        "triggers": triggers,
        "also": also,
    });
    format!("{line}\n")
}

fn put(place: &Path, files: Vec<(String, Vec<u8>)>, container: Container) -> Result<(), Error> {
    if container == Container::Zip {
        let packed = packed(files).map_err(|error| Error::Fault(error.to_string()))?;
        return fs::write(place, packed).map_err(Error::io(place));
    }
    for (path, content) in files {
        let path = place.join(path);
        let parent = path.parent().unwrap_or(place);
        fs::create_dir_all(parent).map_err(Error::io(parent))?;
        fs::write(&path, content).map_err(Error::io(&path))?;
    }
    Ok(())
}

fn packed(files: Vec<(String, Vec<u8>)>) -> zip::result::ZipResult<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::DEFAULT);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        zip.start_file(path, options)?;
        zip.write_all(&content)?;
    }
    Ok(zip.finish()?.into_inner())
}
