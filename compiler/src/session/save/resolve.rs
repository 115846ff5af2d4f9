//! Which declaration each name means: the session's scopes, input by input.

use std::collections::HashSet;

use rustc_hash::{FxHashMap, FxHashSet};
use vex_syntax::ast::{self, Item, ItemKind, StmtKind, Top};
use vex_syntax::spelling_table::words_for;
use vex_syntax::token::Token;
use vex_syntax::{Span, Spelling, Symbol};

use super::names::{Names, Slot, SlotId, Space, Wish, words};
use super::print::{Form, Layout};
use super::replace::{self, Entry, Group, Version};
use super::{BASE, Edit, Kept, Piece, Resolved, SaveError, SavedInput};

/// What a name of the value namespace stands for.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Variable(SlotId),
    /// A function of a group, called by an entry.
    Function(SlotId, usize),
    /// A C function, and what it takes and gives.
    Extern(SlotId, String),
}

impl Value {
    pub fn slot(&self) -> SlotId {
        match self {
            Value::Variable(slot) | Value::Function(slot, _) | Value::Extern(slot, _) => *slot,
        }
    }
}

/// The state of resolving a session.
pub(super) struct Resolver<'a> {
    inputs: &'a [SavedInput],
    slots: Vec<Slot>,
    pub groups: Vec<Group<'a>>,
    /// The imports, each once, as written.
    pub imports: Vec<String>,
    pub values: FxHashMap<Symbol, Value>,
    /// The variables of the top level by their names and the inputs that declared them.
    variables: FxHashMap<(Symbol, usize), SlotId>,
    pub types: FxHashMap<Symbol, SlotId>,
    /// Those of the values that are constants.
    pub constants: FxHashSet<SlotId>,
    /// The type parameters of the declarations around, innermost last.
    pub params: Vec<Symbol>,
    /// What the structures consist of.
    pub layouts: FxHashMap<SlotId, Layout>,
    /// The current methods and static functions, by type and name.
    methods: FxHashMap<(String, Symbol), usize>,
    /// The last value that was shown.
    pub last: Option<SlotId>,
    /// Names that stood for nothing declared by an input when they were used.
    pub free: FxHashSet<(Space, Symbol)>,
    /// The input at hand.
    index: usize,
    pub edits: Vec<Edit>,
    declares: Vec<usize>,
    replaces: Vec<(usize, usize)>,
    /// The names of the scopes around, innermost last.
    pub locals: Vec<Symbol>,
    /// Whether a statement outside functions returns or defers something.
    pub leaves: bool,
    pub in_function: bool,
}

impl<'a> Resolver<'a> {
    pub fn new(inputs: &'a [SavedInput]) -> Resolver<'a> {
        Resolver {
            inputs,
            slots: Vec::new(),
            groups: Vec::new(),
            imports: Vec::new(),
            values: FxHashMap::default(),
            variables: FxHashMap::default(),
            types: FxHashMap::default(),
            constants: FxHashSet::default(),
            params: Vec::new(),
            layouts: FxHashMap::default(),
            methods: FxHashMap::default(),
            last: None,
            free: FxHashSet::default(),
            index: 0,
            edits: Vec::new(),
            declares: Vec::new(),
            replaces: Vec::new(),
            locals: Vec::new(),
            leaves: false,
            in_function: false,
        }
    }

    /// The names of all that was declared.
    pub fn names(&mut self) -> Names {
        let words: HashSet<&str> = self.inputs.iter().flat_map(|input| words(&input.text)).collect();
        // Shown values are printed by the builtin.
        self.free.insert((Space::Value, Symbol::new("println")));
        Names::new(&self.slots, &self.free, words)
    }

    pub fn text(&self) -> &'a str {
        &self.inputs[self.index].text
    }

    pub fn spelling(&self) -> Spelling {
        self.inputs[self.index].spelling
    }

    pub fn unsafe_on(&self) -> bool {
        self.inputs[self.index].unsafe_on
    }

    pub fn edit(&mut self, span: Span, piece: Piece) {
        self.edits.push(Edit { lo: (span.lo - BASE) as usize, hi: (span.hi - BASE) as usize, piece });
    }

    fn slot(&mut self, base: Symbol, space: Space, wish: Wish) -> SlotId {
        self.slots.push(Slot { base, space, wish });
        SlotId(self.slots.len() - 1)
    }

    /// Resolves the next input.
    pub fn input(&mut self, index: usize, unit: &'a ast::SourceUnit) -> Result<Resolved, SaveError> {
        self.index = index;
        self.leaves = false;
        self.hoist(unit)?;
        // A function sees the variables of its whole input, whichever come later; a statement those before it.
        let lets = self.lets(unit);
        let earlier = &self.inputs[index].earlier;
        let earlier = earlier.iter().filter_map(|place| Some((place.0, *self.variables.get(place)?)));
        let known: Vec<(Symbol, SlotId)> = earlier.chain(lets.iter().copied()).collect();
        self.variables.extend(lets.iter().map(|&(name, slot)| ((name, index), slot)));
        let before: Vec<(Symbol, Option<Value>)> = known
            .iter()
            .map(|&(name, slot)| (name, self.values.insert(name, Value::Variable(slot))))
            .collect();
        self.items(unit);
        for (name, value) in before.into_iter().rev() {
            match value {
                Some(value) => self.values.insert(name, value),
                None => self.values.remove(&name),
            };
        }
        let mut lets = lets.into_iter().map(|(_, slot)| slot);
        let shown = self.statements(unit, &mut lets);
        let wrap = match self.leaves {
            true if unit.top.iter().any(binds) || shown.is_some() => return Err(SaveError::Leaves(index)),
            true => Some(self.slot(Symbol::new("input"), Space::Own, Wish::Numbered)),
            false => None,
        };
        if let Some(kept) = &shown {
            self.last = Some(kept.slot);
        }
        Ok(Resolved {
            edits: std::mem::take(&mut self.edits),
            shown,
            wrap,
            declares: std::mem::take(&mut self.declares),
            replaces: std::mem::take(&mut self.replaces),
        })
    }

    /// Declares what is known in the whole input: types first, for functions are told apart by theirs.
    fn hoist(&mut self, unit: &'a ast::SourceUnit) -> Result<(), SaveError> {
        let items =
            || unit.top.iter().filter_map(|top| if let Top::Item(item) = top { Some(item) } else { None });
        for item in items() {
            match &item.kind {
                ItemKind::Struct(ast::StructDecl { name, .. })
                | ItemKind::Enum(ast::EnumDecl { name, .. })
                | ItemKind::Trait(ast::TraitDecl { name, .. }) => {
                    let slot = self.slot(name.name, Space::Type, Wish::Given);
                    self.types.insert(name.name, slot);
                    self.edit(name.span, Piece::Name(slot));
                }
                ItemKind::Const(decl) | ItemKind::Global(decl) => {
                    let slot = self.slot(decl.name.name, Space::Value, Wish::Given);
                    self.values.insert(decl.name.name, Value::Variable(slot));
                    if matches!(item.kind, ItemKind::Const(_)) {
                        self.constants.insert(slot);
                    }
                    self.edit(decl.name.span, Piece::Name(slot));
                }
                ItemKind::Import(_) => self.import(item),
                _ => {}
            }
        }
        for item in items() {
            match &item.kind {
                ItemKind::Struct(decl) => {
                    let fields = decl.fields.iter();
                    let fields = fields.map(|f| (f.name.name, Form::of(&f.ty, &self.types))).collect();
                    let slot = self.types[&decl.name.name];
                    let generics = decl.generics.iter().map(|param| param.name.name).collect();
                    self.layouts.insert(slot, Layout { name: decl.name.name, generics, fields });
                }
                ItemKind::Fn(decl) => self.function(decl, None)?,
                ItemKind::Impl(block) => {
                    block.functions.iter().try_for_each(|decl| self.function(decl, Some(block)))?;
                }
                ItemKind::Extern(block) => {
                    block.functions.iter().try_for_each(|decl| self.c_function(decl, block, item))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Moves an import to the top of the program.
    fn import(&mut self, item: &Item) {
        let text = self.text();
        let (lo, mut hi) = ((item.span.lo - BASE) as usize, (item.span.hi - BASE) as usize);
        let import = text[lo..hi].to_string();
        if !self.imports.contains(&import) {
            self.imports.push(import);
        }
        // Its line goes with it, unless there is more on it.
        let alone = text[..lo].rsplit('\n').next().is_none_or(|before| before.trim().is_empty());
        let rest = text[hi..].split_inclusive('\n').next().unwrap_or_default();
        if alone && rest.trim().trim_start_matches(';').is_empty() {
            hi += rest.len();
        }
        self.edits.push(Edit { lo, hi, piece: Piece::Text(String::new()) });
    }

    /// Declares a function or a method, in the place of one with the same types if there is one.
    fn function(&mut self, decl: &'a ast::FnDecl, block: Option<&'a ast::ImplDecl>) -> Result<(), SaveError> {
        let name = decl.name.name;
        let owner = self.owner(decl, block);
        let signature = self.signature(decl, owner.as_deref());
        let known = match &owner {
            Some(owner) => self.methods.get(&(owner.clone(), name)).copied(),
            None => match self.values.get(&name) {
                Some(Value::Function(_, group)) => Some(*group),
                _ => None,
            },
        };
        let replaced = known.filter(|group| self.groups[*group].signature == signature);
        if owner.is_some() && known.is_some() {
            if replaced.is_none() {
                return Err(SaveError::Method(name.to_string()));
            }
            if block.is_some_and(|block| block.contract.is_some() && !self.can_be_own(block)) {
                return Err(SaveError::Contract(name.to_string()));
            }
        }
        let number = replaced.unwrap_or(self.groups.len());
        if replaced.is_none() {
            let (versions, entries) = (Vec::new(), Vec::new());
            self.groups.push(Group { signature, block, versions, entries, now: None });
        }
        let defaults = replace::defaults(decl, self.text());
        let entries = &self.groups[number].entries;
        // Callers of a method are not known, so there is one entry for all.
        let same = entries.last().is_some_and(|entry| owner.is_some() || entry.defaults == defaults);
        let version = self.groups[number].versions.len();
        if !same {
            let slot = match &owner {
                Some(_) => self.slot(name, Space::Method, Wish::Fixed),
                None => self.named_function(name),
            };
            self.groups[number].entries.push(Entry { slot, version, defaults });
        }
        let entry = self.groups[number].entries.len() - 1;
        self.groups[number].versions.push(Version { decl, block, input: self.index, body: None, entry });
        if version > 0 {
            self.replaced(number, name);
            self.replaces.push((number, version));
        }
        self.declares.push(number);
        self.edit(decl.name.span, Piece::Body(number, version));
        match owner {
            Some(owner) => {
                self.methods.insert((owner, name), number);
            }
            None => {
                let slot = self.groups[number].entries[entry].slot;
                self.values.insert(name, Value::Function(slot, number));
            }
        }
        Ok(())
    }

    /// Whether the functions of a trait that a type has could as well be its own.
    fn can_be_own(&self, block: &ast::ImplDecl) -> bool {
        let name = |ty: &ast::TypeExpr| match &ty.kind {
            ast::TypeKind::Path { names, .. } => names.last().map(|last| last.name),
            _ => None,
        };
        let drops = block.contract.as_ref().and_then(name);
        let before = block.contract.as_ref().map_or(BASE, |contract| contract.span.lo) - BASE;
        if !self.text()[..before as usize].ends_with(char::is_whitespace) {
            return false;
        }
        drops.is_some_and(|drops| drops.as_str().trim_start_matches('$') != "Drop")
            && name(&block.ty).is_some_and(|name| self.types.contains_key(&name))
    }

    /// The name of a free function. A constructor is called like its structure.
    fn named_function(&mut self, name: Symbol) -> SlotId {
        let Some(&ty) = self.types.get(&name) else { return self.slot(name, Space::Value, Wish::Given) };
        for slot in &mut self.slots {
            if slot.wish == Wish::Same(ty) {
                slot.wish = Wish::Numbered;
            }
        }
        self.slot(name, Space::Value, Wish::Same(ty))
    }

    /// Gives every version of a group a name of its own.
    fn replaced(&mut self, number: usize, name: Symbol) {
        for version in 0..self.groups[number].versions.len() {
            if self.groups[number].versions[version].body.is_none() {
                let slot = self.slot(name, Space::Own, Wish::Numbered);
                self.groups[number].versions[version].body = Some(slot);
            }
        }
        if self.groups[number].now.is_none() {
            let now = self.slot(Symbol::new(&format!("{name}_now")), Space::Own, Wish::Numbered);
            self.groups[number].now = Some(now);
        }
    }

    /// Declares a C function, which keeps its name; declared again, it is declared once.
    fn c_function(
        &mut self,
        decl: &'a ast::FnDecl,
        block: &ast::ExternDecl,
        item: &Item,
    ) -> Result<(), SaveError> {
        let name = decl.name.name;
        let signature = self.signature(decl, None);
        if let Some(Value::Extern(_, known)) = self.values.get(&name) {
            if *known != signature {
                return Err(SaveError::Extern(name.to_string()));
            }
            let lone = block.functions.len() == 1;
            self.edit(if lone { item.span } else { decl.head }, Piece::Text(String::new()));
            return Ok(());
        }
        let slot = self.slot(name, Space::Value, Wish::Fixed);
        self.values.insert(name, Value::Extern(slot, signature));
        Ok(())
    }

    /// The variables that an input's statements bind, in order.
    fn lets(&mut self, unit: &ast::SourceUnit) -> Vec<(Symbol, SlotId)> {
        let mut names = Vec::new();
        for top in &unit.top {
            if let Top::Stmt(ast::Stmt { kind: StmtKind::Let { pattern, .. }, .. }) = top {
                bound(pattern, &mut |ident| names.push(ident.name));
            }
        }
        names.into_iter().map(|name| (name, self.slot(name, Space::Value, Wish::Given))).collect()
    }

    /// Resolves what the statements say, one after the other; what the last one shows.
    fn statements(
        &mut self,
        unit: &'a ast::SourceUnit,
        lets: &mut dyn Iterator<Item = SlotId>,
    ) -> Option<Kept> {
        let input = &self.inputs[self.index];
        let last = unit.top.last();
        let mut shown = None;
        for top in &unit.top {
            let Top::Stmt(stmt) = top else { continue };
            match &stmt.kind {
                StmtKind::Let { pattern, ty, value, .. } => {
                    ty.iter().for_each(|ty| self.ty(ty));
                    value.iter().for_each(|value| {
                        self.expr(value);
                        self.allow(value);
                    });
                    bound(pattern, &mut |ident| {
                        let Some(slot) = lets.next() else { return };
                        self.values.insert(ident.name, Value::Variable(slot));
                        self.edit(ident.span, Piece::Name(slot));
                    });
                }
                StmtKind::Expr(expr) => {
                    self.expr(expr);
                    let is_last = last.is_some_and(|last| std::ptr::eq(last, top));
                    if !is_last || input.show.is_none() {
                        self.allow(expr);
                    }
                    if let (true, Some(show)) = (is_last, &input.show) {
                        let slot = self.slot(Symbol::new("_"), Space::Own, Wish::Numbered);
                        self.keep(expr, slot, show.moved);
                        let form = Form::of_text(&show.ty, &self.types);
                        let form = if show.moved { form } else { Form::Ref(Box::new(form)) };
                        shown = Some(Kept { slot, ty: show.ty.clone(), form });
                    }
                }
                StmtKind::Item(_) => {}
            }
        }
        shown
    }

    /// Gives the value of an expression a name: writes a binding before it.
    fn keep(&mut self, expr: &ast::Expr, slot: SlotId, moved: bool) {
        let at = Span::new(expr.span.lo, expr.span.lo);
        let lo = (expr.span.lo - BASE) as usize;
        let starts_line = self.text()[..lo].rsplit('\n').next().is_none_or(|before| before.trim().is_empty());
        if !starts_line {
            self.edit(at, Piece::Text("\n".into()));
        }
        let (before, after) = match self.spelling() {
            Spelling::Vais => (String::new(), " := "),
            spelling => {
                let word = words_for(Token::Let, spelling).next();
                (format!("{} ", word.unwrap_or_default()), " = ")
            }
        };
        self.edit(at, Piece::Text(before));
        self.edit(at, Piece::Name(slot));
        self.edit(at, Piece::Text(after.into()));
        self.allow(expr);
        self.edit(at, Piece::Text(if moved { "" } else { "&" }.into()));
    }
}

/// Whether a piece of an input declares something that later ones can use.
fn binds(top: &Top) -> bool {
    match top {
        Top::Item(item) => !matches!(item.kind, ItemKind::Import(_)),
        Top::Stmt(stmt) => matches!(stmt.kind, StmtKind::Let { .. }),
    }
}

/// The names that a pattern binds, in order.
pub(super) fn bound(pattern: &ast::Pattern, see: &mut dyn FnMut(&ast::Ident)) {
    match pattern {
        ast::Pattern::Name(ident) if ident.name.as_str() == "_" => {}
        ast::Pattern::Name(ident) | ast::Pattern::Mut(ident) => see(ident),
        ast::Pattern::Wild(_) | ast::Pattern::Literal(_) | ast::Pattern::Range(_) => {}
        ast::Pattern::Tuple(parts, _) | ast::Pattern::Or(parts, _) => {
            parts.iter().for_each(|part| bound(part, see))
        }
        ast::Pattern::Variant(variant) => variant.args.iter().flatten().for_each(|part| bound(part, see)),
        ast::Pattern::Struct(structure) => structure.fields.iter().for_each(|(_, part)| bound(part, see)),
        ast::Pattern::At(at) => {
            see(&at.name);
            bound(&at.pattern, see);
        }
    }
}
