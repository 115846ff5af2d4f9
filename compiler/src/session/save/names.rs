//! Who gets which name in the program.

use std::collections::HashSet;
use std::ops::Index;

use rustc_hash::{FxHashMap, FxHashSet};
use vex_syntax::Symbol;

/// Something that has a name in the program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct SlotId(pub usize);

/// The kinds of name; a type and a value may share one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Space {
    Value,
    Type,
    /// Methods keep their names, for nobody knows which calls are meant; only their bodies are renamed.
    Method,
    /// What the program needs and the session did not have.
    Own,
}

/// How a name is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// The name that was given, unless something later has it.
    Given,
    /// The name that was given, even if others have it.
    Fixed,
    /// The name that was given with a number.
    Numbered,
    /// The name that an earlier slot gets.
    Same(SlotId),
}

/// A name that is wanted.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub base: Symbol,
    pub space: Space,
    pub wish: Wish,
}

/// The names of all slots.
#[derive(Debug)]
pub(super) struct Names {
    names: Vec<String>,
    /// Everything that has a meaning somewhere.
    taken: HashSet<String>,
}

impl Index<SlotId> for Names {
    type Output = String;

    fn index(&self, slot: SlotId) -> &String {
        &self.names[slot.0]
    }
}

impl Names {
    /// Names for `slots`, in which none of the `words` gets a new meaning. A name in `free` is used for something that
    /// no input declared, so nobody gets it.
    pub(super) fn new(slots: &[Slot], free: &FxHashSet<(Space, Symbol)>, words: HashSet<&str>) -> Names {
        let mut taken: HashSet<String> = words.into_iter().map(String::from).collect();
        // The last that was given a name has it.
        let mut owners: FxHashMap<(Space, Symbol), usize> = FxHashMap::default();
        let fixed: FxHashSet<(Space, Symbol)> = slots
            .iter()
            .filter(|slot| slot.wish == Wish::Fixed)
            .map(|slot| (slot.space, slot.base))
            .collect();
        for (index, slot) in slots.iter().enumerate() {
            let key = (slot.space, slot.base);
            let reserved = free.contains(&key) || matches!(slot.base.as_str(), "main" | "_");
            if slot.wish == Wish::Given && !reserved {
                owners.insert(key, index);
            }
        }
        owners.retain(|key, _| !fixed.contains(key));
        let mut counts: FxHashMap<Symbol, u32> = FxHashMap::default();
        let mut names: Vec<String> = Vec::with_capacity(slots.len());
        for (index, slot) in slots.iter().enumerate() {
            let given = slot.wish == Wish::Fixed || owners.get(&(slot.space, slot.base)) == Some(&index);
            let same = match slot.wish {
                Wish::Same(other) if !owners.contains_key(&(slot.space, slot.base)) => {
                    Some(names[other.0].clone())
                }
                _ => None,
            };
            names.push(match same {
                Some(name) => name,
                None if given => slot.base.to_string(),
                None => numbered(slot.base, &mut counts, &mut taken),
            });
        }
        Names { names, taken }
    }

    /// This name, or one like it if somebody has it.
    pub(super) fn fresh(&self, mut name: String) -> String {
        while self.taken.contains(&name) {
            name.push('_');
        }
        name
    }
}

/// The name with the next number that nobody uses.
fn numbered(base: Symbol, counts: &mut FxHashMap<Symbol, u32>, taken: &mut HashSet<String>) -> String {
    let count = counts.entry(base).or_default();
    let stem = base.as_str().trim_end_matches('_');
    loop {
        *count += 1;
        let name = format!("{stem}_{count}");
        if taken.insert(name.clone()) {
            return name;
        }
    }
}

/// Everything in a text that looks like a name, wherever it stands.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}
