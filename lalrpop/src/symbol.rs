//! Interned names: four bytes each, equal when their texts are equal.

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, Mutex};

/// An interned string. Comparing two is comparing two integers; the order is the order of first use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(u32);

struct Interner {
    ids: HashMap<&'static str, u32, rustc_hash::FxBuildHasher>,
    texts: Vec<&'static str>,
}

static INTERNER: LazyLock<Mutex<Interner>> =
    LazyLock::new(|| Mutex::new(Interner { ids: HashMap::default(), texts: Vec::new() }));

fn interner() -> std::sync::MutexGuard<'static, Interner> {
    // A panic while the lock is held leaves the table whole: every change to it is one push and one insert.
    INTERNER.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Symbol {
    /// Interns `text`. Its bytes live until the process ends.
    pub fn new(text: &str) -> Symbol {
        let mut table = interner();
        if let Some(&id) = table.ids.get(text) {
            return Symbol(id);
        }
        let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
        let id = table.texts.len() as u32;
        table.texts.push(text);
        table.ids.insert(text, id);
        Symbol(id)
    }

    /// The interned text.
    pub fn as_str(self) -> &'static str {
        interner().texts[self.0 as usize]
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.as_str())
    }
}
