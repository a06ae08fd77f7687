//! A 64 KiB chunk while it is filled: records, shared names and templates, tables and checksums.

use std::collections::HashMap;

use super::binxml::{Element, Fragment};

/// Bytes of a chunk.
const CHUNK: usize = 64 * 1024;
/// Bytes of its header.
const HEADER: usize = 512;

/// A chunk under construction.
#[derive(Debug)]
pub(super) struct Chunk {
    data: Vec<u8>,
    /// Where each name stands.
    names: HashMap<String, usize>,
    /// Where each template is defined, with its id.
    templates: HashMap<Element, (u32, usize)>,
    first_number: u64,
    ids: Vec<u64>,
    last_record: usize,
    /// A text was too long for its count, or a value for its size.
    is_overfull: bool,
}

impl Chunk {
    /// An empty chunk whose first record will be number `first_number` of the log.
    pub(super) fn new(first_number: u64) -> Self {
        Self {
            data: vec![0; HEADER],
            names: HashMap::new(),
            templates: HashMap::new(),
            first_number,
            ids: Vec::new(),
            last_record: HEADER,
            is_overfull: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Appends a record; `false` where it does not fit, which leaves the chunk as it was.
    pub(super) fn append(&mut self, id: u64, written: u64, event: &Fragment) -> bool {
        let start = self.data.len();
        self.put(&[0x2a, 0x2a, 0, 0]);
        self.put(&[0; 4]);
        self.put(&id.to_le_bytes());
        self.put(&written.to_le_bytes());
        event.write(self);
        // Records are padded to eight bytes, the copy of the size included.
        self.data.resize((self.data.len() + 4).next_multiple_of(8) - 4, 0);
        let size = self.data.len() + 4 - start;
        self.put_number(size);
        if self.is_overfull || self.data.len() > CHUNK {
            self.data.truncate(start);
            self.names.retain(|_, offset| *offset < start);
            self.templates.retain(|_, (_, offset)| *offset < start);
            self.is_overfull = false;
            return false;
        }
        self.overwrite(start + 4, &(size as u32).to_le_bytes());
        self.ids.push(id);
        self.last_record = start;
        true
    }

    /// The whole chunk.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let free_space = self.data.len();
        self.link_names();
        self.link_templates();
        let records = crc32fast::hash(self.data.get(HEADER..).unwrap_or_default());
        let last_number = (self.first_number + self.ids.len() as u64).saturating_sub(1);
        let first_id = self.ids.iter().min().copied().unwrap_or_default();
        let last_id = self.ids.iter().max().copied().unwrap_or_default();
        let mut head = b"ElfChnk\0".to_vec();
        for number in [self.first_number, last_number, first_id, last_id] {
            head.extend(number.to_le_bytes());
        }
        for number in [128, self.last_record as u32, free_space as u32, records] {
            head.extend(number.to_le_bytes());
        }
        self.overwrite(0, &head);
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(self.data.get(..120).unwrap_or_default());
        hasher.update(self.data.get(128..HEADER).unwrap_or_default());
        self.overwrite(124, &hasher.finalize().to_le_bytes());
        self.data.resize(CHUNK, 0);
        self.data
    }

    /// Chains the names of each of the 64 buckets: the header points at the last, each at the one before.
    fn link_names(&mut self) {
        let mut names: Vec<_> = self.names.iter().map(|(name, offset)| (*offset, hash(name))).collect();
        names.sort_unstable();
        for (offset, hash) in names {
            self.link(128 + usize::from(hash % 64) * 4, offset);
        }
    }

    /// The same for the 32 buckets of templates.
    fn link_templates(&mut self) {
        let mut templates: Vec<_> = self.templates.values().map(|(id, offset)| (*offset, *id)).collect();
        templates.sort_unstable();
        for (offset, id) in templates {
            self.link(384 + (id % 32) as usize * 4, offset);
        }
    }

    fn link(&mut self, bucket: usize, offset: usize) {
        let previous = self.data.get(bucket..).and_then(|rest| rest.first_chunk::<4>()).copied();
        self.overwrite(offset, &previous.unwrap_or_default());
        self.overwrite(bucket, &(offset as u32).to_le_bytes());
    }

    /// Where the next byte goes.
    pub(super) fn position(&self) -> usize {
        self.data.len()
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.data.extend_from_slice(bytes);
    }

    /// A count or an offset in four bytes.
    pub(super) fn put_number(&mut self, number: usize) {
        self.put(&(number as u32).to_le_bytes());
    }

    /// Text without a NUL.
    pub(super) fn put_units(&mut self, text: &str) {
        self.data.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    }

    /// Text behind the count of its units.
    pub(super) fn put_counted(&mut self, text: &str) {
        let count = u16::try_from(text.encode_utf16().count());
        self.is_overfull |= count.is_err();
        self.put(&count.unwrap_or_default().to_le_bytes());
        self.put_units(text);
    }

    /// A name: stored here if it is new to the chunk, else a reference to where it is stored.
    pub(super) fn put_name(&mut self, name: &str) {
        let here = self.data.len() + 4;
        let offset = self.names.get(name).copied().unwrap_or(here);
        self.put_number(offset);
        if offset == here {
            self.names.insert(name.to_owned(), here);
            self.put(&[0; 4]);
            self.put(&hash(name).to_le_bytes());
            self.put_counted(name);
            self.put(&[0, 0]);
        }
    }

    /// Leaves four bytes for the size of what follows; [`Chunk::fill`] writes it.
    pub(super) fn reserve(&mut self) -> usize {
        self.put(&[0; 4]);
        self.data.len()
    }

    /// Writes the size of all that follows `from`.
    pub(super) fn fill(&mut self, from: usize) {
        let size = (self.data.len() - from) as u32;
        self.overwrite(from - 4, &size.to_le_bytes());
    }

    /// Writes the two-byte size of all that follows `from` into a descriptor.
    pub(super) fn fill_size(&mut self, descriptor: usize, from: usize) {
        let size = u16::try_from(self.data.len() - from);
        self.is_overfull |= size.is_err();
        self.overwrite(descriptor, &size.unwrap_or_default().to_le_bytes());
    }

    /// The id and the place of the template that `element` is, if it was defined.
    pub(super) fn template(&self, element: &Element) -> Option<(u32, u32)> {
        self.templates.get(element).map(|(id, offset)| (*id, *offset as u32))
    }

    /// Defines a template in place: offset of the next of its bucket, GUID, size, BinXML.
    pub(super) fn define(&mut self, element: &Element, guid: &[u8; 16], body: impl FnOnce(&mut Self)) {
        let here = self.data.len() + 4;
        self.put_number(here);
        let id = u32::from_le_bytes(guid.first_chunk().copied().unwrap_or_default());
        self.templates.insert(element.clone(), (id, here));
        self.put(&[0; 4]);
        self.put(guid);
        let size = self.reserve();
        body(self);
        self.fill(size);
    }

    fn overwrite(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.data.get_mut(at..).and_then(|rest| rest.get_mut(..bytes.len())) {
            place.copy_from_slice(bytes);
        }
    }
}

/// The hash of a name: its low 16 bits are stored, and choose the bucket.
fn hash(name: &str) -> u16 {
    let hash =
        name.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(65599).wrapping_add(u32::from(unit)));
    (hash & 0xffff) as u16
}
