//! PyTorch's serialisation since 1.6: a zip archive of stored (not compressed) entries.
//!
//! `<name>/data.pkl` is the object, `<name>/data/<key>` a storage, `<name>/byteorder` says `little`.
//! Layout: PKWARE APPNOTE 6.3.9, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 and 4.3.15
//! (its zip64 end), 4.3.16 (its end), 4.5.3 (zip64 field).

use std::collections::BTreeMap;

use super::pickle;
use super::reader::Reader;
use super::{Contents, Malformed, state};

const LOCAL_HEADER: u32 = 0x0403_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const END: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const ZIP64_END: u32 = 0x0606_4b50;
const ZIP64_LOCATOR: u32 = 0x0706_4b50;
const ZIP64_LOCATOR_BYTES: usize = 20;

/// The floating-point tensors of a zipped state dict.
pub fn parse(bytes: &[u8]) -> Result<Contents, Malformed> {
    let entries = entries(bytes)?;
    let (prefix, object) = entries
        .iter()
        .find_map(|(name, content)| Some((name.strip_suffix("data.pkl")?, *content)))
        .ok_or_else(|| Malformed::NoEntry("data.pkl".to_owned()))?;
    let byte_order = entries.get(format!("{prefix}byteorder").as_str());
    if byte_order.is_some_and(|order| *order != b"little") {
        return Err(Malformed::BigEndian);
    }
    let (root, heap) = pickle::run(&mut Reader::new(object))?;
    let mut contents = Contents::default();
    let views = state::views(&root, &heap, &mut contents)?;
    let storage = |key: &str| entries.get(format!("{prefix}data/{key}").as_str()).copied();
    state::tensors(&views, storage, bytes.len(), &mut contents)?;
    Ok(contents)
}

/// The contents of all entries, by name.
fn entries(bytes: &[u8]) -> Result<BTreeMap<&str, &[u8]>, Malformed> {
    let (count, start) = directory(bytes)?;
    let mut reader = Reader::starting_at(bytes, start);
    let mut entries = BTreeMap::new();
    let mut compressed = None;
    for _ in 0..count {
        let Entry { name, content, is_compressed } = entry(bytes, &mut reader)?;
        compressed = compressed.or(is_compressed.then_some(name));
        entries.insert(name, content);
    }
    if entries.keys().any(|name| name.rsplit('/').next() == Some("constants.pkl")) {
        return Err(Malformed::TorchScript);
    }
    match compressed {
        Some(name) => Err(Malformed::Compressed(name.to_owned())),
        None => Ok(entries),
    }
}

/// Number of entries and offset of the central directory.
fn directory(bytes: &[u8]) -> Result<(u64, usize), Malformed> {
    let no_end = Malformed::Archive("it has no end record, so it is truncated");
    // A comment of at most 64 KiB can follow the end record.
    let tail = bytes.len().saturating_sub(END_BYTES + 0xffff);
    let end = bytes[tail..].windows(END.len()).rposition(|window| window == END).ok_or(no_end)? + tail;
    let mut reader = Reader::starting_at(bytes, end + 10);
    let (count, _size, start, comment) = (reader.u16()?, reader.u32()?, reader.u32()?, reader.u16()?);
    reader.take(comment.into(), "the archive's comment")?;
    if count != 0xffff && start != 0xffff_ffff {
        return Ok((count.into(), start as usize));
    }
    let broken = || Malformed::Archive("its zip64 end record is missing");
    let mut locator = Reader::starting_at(bytes, end.checked_sub(ZIP64_LOCATOR_BYTES).ok_or_else(broken)?);
    let (signature, _disk, at) = (locator.u32()?, locator.u32()?, locator.u64()?);
    let mut reader = Reader::starting_at(bytes, usize::try_from(at).map_err(|_| broken())?);
    if signature != ZIP64_LOCATOR || reader.u32()? != ZIP64_END {
        return Err(broken());
    }
    reader.take(28, "the zip64 end record")?;
    let (count, _size, start) = (reader.u64()?, reader.u64()?, reader.u64()?);
    Ok((count, usize::try_from(start).map_err(|_| broken())?))
}

struct Entry<'a> {
    name: &'a str,
    /// As it is stored.
    content: &'a [u8],
    is_compressed: bool,
}

/// The entry whose central header comes next.
fn entry<'a>(bytes: &'a [u8], reader: &mut Reader<'a>) -> Result<Entry<'a>, Malformed> {
    if reader.u32()? != CENTRAL_HEADER {
        return Err(Malformed::Archive("its directory is overwritten"));
    }
    reader.take(6, "an entry's versions")?;
    let method = reader.u16()?;
    reader.take(8, "an entry's time and checksum")?;
    let (packed, size) = (reader.u32()?, reader.u32()?);
    let (name, extra, comment) = (reader.u16()?, reader.u16()?, reader.u16()?);
    reader.take(8, "an entry's attributes")?;
    let offset = reader.u32()?;
    let name = reader.take(name.into(), "an entry's name")?;
    let name = str::from_utf8(name).map_err(|_| Malformed::Archive("a name is not UTF-8"))?;
    let extra = reader.take(extra.into(), "an entry's extra fields")?;
    reader.take(comment.into(), "an entry's comment")?;

    // Each of these stands in the zip64 field, in this order, where the 32-bit one is all ones.
    let mut large = Reader::new(zip64_field(extra));
    let mut widen = |number: u32| if number == u32::MAX { large.u64() } else { Ok(u64::from(number)) };
    let (size, packed, offset) = (widen(size)?, widen(packed)?, widen(offset)?);

    let offset = usize::try_from(offset).map_err(|_| Malformed::Archive("an offset is too large"))?;
    let mut local = Reader::starting_at(bytes, offset);
    if local.u32()? != LOCAL_HEADER {
        return Err(Malformed::Archive("an entry is not where the directory says"));
    }
    local.take(22, "an entry's header")?;
    let rest = u64::from(local.u16()?) + u64::from(local.u16()?);
    local.take(rest, "an entry's header")?;
    let is_compressed = method != 0;
    let content = local.take(if is_compressed { packed } else { size }, "an entry")?;
    Ok(Entry { name, content, is_compressed })
}

/// The body of the extra field 1, empty where there is none.
fn zip64_field(extra: &[u8]) -> &[u8] {
    let mut reader = Reader::new(extra);
    while let (Ok(id), Ok(size)) = (reader.u16(), reader.u16()) {
        match reader.take(size.into(), "an extra field") {
            Ok(body) if id == 1 => return body,
            Ok(_) => {}
            Err(_) => break,
        }
    }
    &[]
}
