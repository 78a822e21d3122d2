//! Versions as an engine holds them: in one piece or several, by their key.

use std::ops::ControlFlow;

use opledger::store::Damage;
use serde::de::DeserializeOwned;

use crate::codec::{self, FirstRow, GroupRow, NextRow};
use crate::engine::{Engine, EngineResult};
use crate::keys::{self, VersionKey};

/// The longest value; longer versions are split. sled moves a page of over 128 KiB into a file of its own, and
/// splits pages by their count of entries: 16 neighbours of this size still fit.
const PIECE: usize = 7 << 10;

/// Entries of a group of the log: two bytes each, as a rule.
pub(crate) const GROUP: usize = 1024;

/// What was read, or the damage of that record alone.
pub(crate) type Read<T> = EngineResult<Result<T, Damage>>;

/// The entries that hold an encoded version.
pub(crate) fn pieces(key: VersionKey, bytes: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + '_ {
    bytes.chunks(PIECE).enumerate().map(move |(number, piece)| {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        let key = if number == 0 { keys::version(key) } else { keys::piece(key, number) };
        (key, piece.to_vec())
    })
}

/// Whether a version may go on behind its first piece.
pub(crate) fn is_full(piece: &[u8]) -> bool {
    piece.len() == PIECE
}

/// The record at `key` whose first piece is `bytes`.
pub(crate) fn join<E: Engine, T: DeserializeOwned>(engine: &E, key: VersionKey, bytes: &[u8]) -> Read<T> {
    let name = keys::version(key);
    if !is_full(bytes) {
        return Ok(codec::decode(&name, bytes));
    }
    let mut whole = bytes.to_vec();
    for number in 1.. {
        let Some(piece) = engine.get(&keys::piece(key, number))? else { break };
        whole.extend_from_slice(&piece);
        // Only a full piece has another one after it.
        if !is_full(&piece) {
            break;
        }
    }
    Ok(codec::decode(&name, &whole))
}

/// The first version of the operation that began at a place.
pub(crate) fn first<E: Engine>(engine: &E, place: u64) -> Read<Option<FirstRow>> {
    version(engine, VersionKey::first(place))
}

/// A later version.
pub(crate) fn next<E: Engine>(engine: &E, key: VersionKey) -> Read<Option<NextRow>> {
    version(engine, key)
}

fn version<E: Engine, T: DeserializeOwned>(engine: &E, key: VersionKey) -> Read<Option<T>> {
    match engine.get(&keys::version(key))? {
        Some(bytes) => Ok(join(engine, key, &bytes)?.map(Some)),
        None => Ok(Ok(None)),
    }
}

/// The last version of an operation, with its first piece.
pub(crate) fn last<E: Engine>(engine: &E, first: u64) -> EngineResult<Option<(VersionKey, Vec<u8>)>> {
    let (from, to) = keys::versions_of(first);
    let mut found = None;
    engine.range(&from, &to, true, &mut |key, value| {
        found = keys::parse_version(key).map(|key| (key, value.to_vec()));
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// Visits the log from `place` on: the place and key of each version, or the damage of a whole group.
pub(crate) fn log<E: Engine>(
    engine: &E,
    place: u64,
    visit: &mut dyn FnMut(Result<(u64, VersionKey), Damage>) -> ControlFlow<()>,
) -> EngineResult<()> {
    // The group that holds the place began at it or before.
    let (start, end) = keys::kind(b'l');
    let mut from = start;
    engine.range(&from.clone(), &keys::group(place.saturating_add(1)), true, &mut |key, _| {
        from = key.to_vec();
        ControlFlow::Break(())
    })?;
    engine.range(&from, &end, false, &mut |key, value| {
        let group = keys::parse_group(key).ok_or_else(|| Damage::new(keys::describe(key), "its key does not parse"));
        match group.and_then(|first| Ok((first, codec::decode::<GroupRow>(key, value)?))) {
            Err(damage) => visit(Err(damage)),
            Ok((begin, group)) => group.entries.into_iter().zip(begin..).filter(|(_, at)| *at >= place).try_for_each(
                |((back, number), at)| visit(Ok((at, VersionKey { first: at.saturating_sub(back), number }))),
            ),
        }
    })
}

/// The groups that hold the log of some new versions, of which the first stands at `place`.
pub(crate) fn groups(place: u64, versions: &[VersionKey]) -> impl Iterator<Item = (Vec<u8>, GroupRow)> + '_ {
    let places: Vec<(u64, &VersionKey)> = (place..).zip(versions).collect();
    let mut groups = Vec::new();
    for chunk in places.chunks(GROUP) {
        let Some((begin, _)) = chunk.first() else { continue };
        let entries = chunk.iter().map(|(at, key)| (at.saturating_sub(key.first), key.number)).collect();
        groups.push((keys::group(*begin), GroupRow { entries }));
    }
    groups.into_iter()
}
