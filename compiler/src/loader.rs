//! From a main file to every module it needs: read, parsed, imports resolved to modules, dependencies first.
//!
//! A module is found beside the file that imports it and never outside the root folder; names under `std/`,
//! `vera:` and `xila/` are the language's own and come from the copies embedded in the compiler.

use std::path::{Component, Path, PathBuf};

use rustc_hash::FxHashMap;
use vex_syntax::ast::{ImportDecl, Item, ItemKind, SourceUnit, Top};
use vex_syntax::{Diagnostic, FileId, SourceMap, Span, Spelling};

use crate::codes;
use crate::stdlib;
use crate::suggest;

/// Index of a module in [`Loaded`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ModuleId(pub u32);

/// A parsed module.
#[derive(Debug)]
pub struct Module {
    /// Its file.
    pub file: FileId,
    /// Its spelling.
    pub spelling: Spelling,
    /// Its tree.
    pub unit: SourceUnit,
    /// The module of each import that was found, by the span of the import's path.
    pub imports: FxHashMap<Span, ModuleId>,
    /// Whether it is one of the language's own.
    pub library: bool,
}

/// A program's modules, dependencies before the modules that import them; the main module is last. In a session it is
/// the first, and each input takes its place.
#[derive(Debug)]
pub struct Loaded {
    /// The modules.
    pub modules: Vec<Module>,
    main: ModuleId,
    done: FxHashMap<Key, ModuleId>,
    /// In a session, what the last input loaded anew because its file had changed.
    displaced: Vec<(Key, ModuleId)>,
}

impl Loaded {
    /// The main module's id.
    pub fn main(&self) -> ModuleId {
        self.main
    }

    /// The module of what every program knows without an import, where a program uses some of it.
    pub fn core(&self) -> Option<ModuleId> {
        self.done.get(&Key::Library(stdlib::CORE)).copied()
    }

    /// The module of the type that `format` makes, where it is loaded.
    pub fn string(&self) -> Option<ModuleId> {
        self.done.get(&Key::Library(stdlib::STRING)).copied()
    }

    /// A module.
    pub fn module(&self, id: ModuleId) -> &Module {
        &self.modules[id.0 as usize]
    }
}

/// Where the imports of a file are looked for.
#[derive(Clone, Debug)]
enum Origin {
    /// Beside this file's folder (as the user wrote it).
    Folder(PathBuf),
    /// Only among the embedded modules.
    Library,
}

impl Loaded {
    /// The modules of a session that has had no input yet.
    pub fn session() -> Loaded {
        let (modules, done, displaced) = (Vec::new(), FxHashMap::default(), Vec::new());
        Loaded { modules, main: ModuleId(0), done, displaced }
    }

    /// Parses an input of a session and whatever it imports that is not there yet, or has changed since. The input
    /// takes the main module's place; `folder` is where its imports are looked for, and what no module may leave.
    pub fn input(
        &mut self,
        file: FileId,
        folder: &Path,
        sources: &mut SourceMap,
        diags: &mut Vec<Diagnostic>,
    ) {
        let mut loaded = std::mem::replace(self, Loaded::session());
        loaded.displaced.clear();
        if loaded.modules.is_empty() {
            // Keeps the first place while the input's imports are added.
            let spelling = sources.file(file).spelling;
            let (unit, imports) = (SourceUnit::default(), FxHashMap::default());
            loaded.modules.push(Module { file, spelling, unit, imports, library: false });
        }
        let mut loader = Loader::new(sources, diags, folder, loaded);
        loader.session = true;
        let module = loader.parse(file, &Origin::Folder(folder.to_path_buf()), Key::Main, "the input".into());
        *self = loader.loaded;
        self.modules[0] = module;
    }

    /// Forgets the trees, which nobody needs once they are checked.
    pub fn forget_trees(&mut self) {
        self.modules.iter_mut().for_each(|module| module.unit = SourceUnit::default());
    }

    /// Forgets the modules from number `count` on, which the last input loaded: those they took the place of have it
    /// again.
    pub fn truncate(&mut self, count: usize) {
        self.modules.truncate(count);
        self.done.retain(|_, id| (id.0 as usize) < count);
        self.done.extend(self.displaced.drain(..).filter(|(_, id)| (id.0 as usize) < count));
    }
}

/// Reads and parses everything `main` needs. Errors go to `diags`; a module that could not be loaded is left out of
/// `imports`. `root` is the folder no module may leave.
pub fn load(main: FileId, root: &Path, sources: &mut SourceMap, diags: &mut Vec<Diagnostic>) -> Loaded {
    let mut loader = Loader::new(sources, diags, root, Loaded::session());
    let path = loader.sources.file(main).path.clone();
    let folder = match path.as_deref().and_then(Path::parent) {
        Some(parent) => parent.to_path_buf(),
        None => root.to_path_buf(),
    };
    let key = path.as_deref().and_then(|p| p.canonicalize().ok());
    let key = key.map_or(Key::Main, Key::File);
    loader.loaded.main = loader.module(main, Origin::Folder(folder), key, "the main file".into());
    loader.loaded
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Key {
    Main,
    File(PathBuf),
    Library(&'static str),
}

struct Loader<'a> {
    sources: &'a mut SourceMap,
    diags: &'a mut Vec<Diagnostic>,
    root: &'a Path,
    canonical_root: Option<PathBuf>,
    loaded: Loaded,
    stack: Vec<(Key, String)>,
    /// Whether files may have changed since they were loaded.
    session: bool,
}

impl<'a> Loader<'a> {
    fn new(
        sources: &'a mut SourceMap,
        diags: &'a mut Vec<Diagnostic>,
        root: &'a Path,
        loaded: Loaded,
    ) -> Loader<'a> {
        Loader { sources, diags, root, canonical_root: None, loaded, stack: Vec::new(), session: false }
    }

    fn module(&mut self, file: FileId, origin: Origin, key: Key, name: String) -> ModuleId {
        let module = self.parse(file, &origin, key.clone(), name);
        let id = ModuleId(self.loaded.modules.len() as u32);
        self.loaded.modules.push(module);
        if let Some(known) = self.loaded.done.insert(key.clone(), id) {
            self.loaded.displaced.push((key, known));
        }
        id
    }

    /// Parses a file and loads what it imports.
    fn parse(&mut self, file: FileId, origin: &Origin, key: Key, name: String) -> Module {
        let source = self.sources.file(file);
        let (text, base, spelling, library) =
            (source.text.clone(), source.base, source.spelling, source.library);
        let (unit, errors) = vex_syntax::parse::parse_file(&text, base, spelling);
        self.diags.extend(errors);
        let core = key == Key::Library(stdlib::CORE);
        self.stack.push((key, name));
        let mut imports = FxHashMap::default();
        for top in &unit.top {
            if let Top::Item(Item { kind: ItemKind::Import(import), .. }) = top
                && let Some(id) = self.import(import, origin)
            {
                imports.insert(import.path_span, id);
            }
        }
        self.stack.pop();
        // Only now: what was imported has often brought it along, and then the text need not be looked through.
        if !library
            && self.loaded.string().is_none()
            && (stdlib::uses_format(&text) || stdlib::uses_str_methods(&text))
        {
            self.library(stdlib::STRING);
        }
        if !core && self.loaded.core().is_none() && stdlib::uses_core(&text) {
            self.library(stdlib::CORE);
        }
        Module { file, spelling, unit, imports, library }
    }

    /// Loads a module of the library that a program uses without an import.
    fn library(&mut self, name: &str) {
        let Some(module) = stdlib::find(name) else { return };
        if let Ok(file) = self.sources.add(module.file, None, module.spelling, module.text, true) {
            self.module(file, Origin::Library, Key::Library(module.name), format!("`{}`", module.name));
        }
    }

    fn import(&mut self, import: &ImportDecl, origin: &Origin) -> Option<ModuleId> {
        let path = import.path.as_str();
        if stdlib::is_reserved(path) || matches!(origin, Origin::Library) {
            return self.library_module(import);
        }
        let Origin::Folder(folder) = origin else { return None };
        let file = self.find(import, folder)?;
        let canonical = match file.canonicalize() {
            Ok(canonical) => canonical,
            Err(error) => return self.unreadable(import, &file, &error),
        };
        if !self.inside_root(&canonical) {
            return self.outside(import, &canonical);
        }
        let key = Key::File(canonical);
        if let Some(known) = self.known(&key, import)
            && !self.has_changed(&key, &file)
        {
            return known;
        }
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) => return self.unreadable(import, &file, &error),
        };
        let Ok(text) = String::from_utf8(bytes) else {
            let title = format!("the module `{path}` is not UTF-8 text");
            let note = format!("its file is `{}`", file.display());
            self.diags.push(Diagnostic::error(codes::UNKNOWN_MODULE, import.path_span, title).note(note));
            return None;
        };
        let extension = file.extension().and_then(|e| e.to_str()).unwrap_or("");
        let spelling = Spelling::from_extension(extension)?;
        let shown = file.display().to_string();
        let Ok(id) = self.sources.add(shown, Some(&file), spelling, text, false) else {
            let title = "the program is larger than 4 GiB";
            self.diags.push(Diagnostic::error(codes::UNKNOWN_MODULE, import.path_span, title));
            return None;
        };
        let next = Origin::Folder(file.parent().map(Path::to_path_buf).unwrap_or_default());
        Some(self.module(id, next, key, format!("`{path}`")))
    }

    /// A module seen before: `Some(Some(id))`, or `Some(None)` after reporting a cycle.
    fn known(&mut self, key: &Key, import: &ImportDecl) -> Option<Option<ModuleId>> {
        if let Some(&id) = self.loaded.done.get(key) {
            return Some(Some(id));
        }
        let start = self.stack.iter().position(|(k, _)| k == key)?;
        let mut cycle: Vec<&str> = self.stack[start..].iter().map(|(_, name)| name.as_str()).collect();
        cycle.push(cycle[0]);
        let title = format!("the modules import each other in a circle: {}", cycle.join(" → "));
        self.diags.push(
            Diagnostic::error(codes::MODULE_CYCLE, import.path_span, title)
                .at("this import closes the circle")
                .help("move what both need into a third module that imports neither"),
        );
        Some(None)
    }

    /// In a session: whether a module's file has another text than when it was loaded.
    fn has_changed(&self, key: &Key, file: &Path) -> bool {
        let Some(&id) = self.loaded.done.get(key).filter(|_| self.session) else { return false };
        let known = &self.sources.file(self.loaded.module(id).file).text;
        std::fs::read(file).is_ok_and(|bytes| bytes != known.as_bytes())
    }

    fn library_module(&mut self, import: &ImportDecl) -> Option<ModuleId> {
        let Some(module) = stdlib::find(&import.path) else {
            let title = format!("there is no module `{}` in the standard library", import.path);
            let mut d = Diagnostic::error(codes::UNKNOWN_MODULE, import.path_span, title);
            if let Some(near) = suggest::nearest(&import.path, stdlib::names()) {
                d = d.help(format!("did you mean `{near}`?"));
            }
            let all: Vec<&str> = stdlib::names().collect();
            self.diags.push(d.note(format!("its modules are {}", all.join(", "))));
            return None;
        };
        let key = Key::Library(module.name);
        if let Some(known) = self.known(&key, import) {
            return known;
        }
        let file = self.sources.add(module.file, None, module.spelling, module.text, true).ok()?;
        Some(self.module(file, Origin::Library, key, format!("`{}`", module.name)))
    }

    /// The file of a user module beside `folder`.
    fn find(&mut self, import: &ImportDecl, folder: &Path) -> Option<PathBuf> {
        let path = Path::new(&import.path);
        if import.path.is_empty() {
            let title = "an import needs the name of a module";
            let d = Diagnostic::error(codes::UNKNOWN_MODULE, import.path_span, title);
            self.diags.push(d.help("write the file's name without its extension"));
            return None;
        }
        if path.is_absolute() || self.leaves_root(folder, path) {
            return self.outside(import, path);
        }
        let candidates: Vec<PathBuf> = Spelling::ALL
            .iter()
            .map(|s| folder.join(format!("{}.{}", import.path, s.extension())))
            .filter(|file| file.is_file())
            .collect();
        match candidates.as_slice() {
            [one] => Some(one.clone()),
            [] => self.not_found(import, folder),
            [first, second, ..] => {
                let title = format!("`{}` could be two different files", import.path);
                let note = format!("found `{}` and `{}`", first.display(), second.display());
                let help = "rename one of them, so that the name says which is meant";
                self.diags.push(
                    Diagnostic::error(codes::MODULE_TWICE, import.path_span, title).note(note).help(help),
                );
                None
            }
        }
    }

    fn not_found<T>(&mut self, import: &ImportDecl, folder: &Path) -> Option<T> {
        let title = format!("there is no module `{}`", import.path);
        let shown = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let mut d = Diagnostic::error(codes::UNKNOWN_MODULE, import.path_span, title).note(format!(
            "looked for `{0}.vx`, `{0}.vera` and `{0}.vais` in `{1}`",
            import.path,
            shown.display()
        ));
        let stem = Path::new(&import.path);
        if stem.extension().and_then(|e| e.to_str()).and_then(Spelling::from_extension).is_some() {
            let name = stem.with_extension("");
            d = d.fix("leave out the extension", import.path_span, self.as_written(import, &name));
        } else {
            // The folder is right more often than the name in it.
            let inner = stem.parent().unwrap_or(Path::new(""));
            let in_folder = modules_in(&shown.join(inner));
            let names = in_folder.iter().map(|name| inner.join(name).to_string_lossy().into_owned());
            let names: Vec<String> = names.chain(stdlib::names().map(str::to_string)).collect();
            if let Some(near) = suggest::nearest(&import.path, names.iter().map(String::as_str)) {
                let with = self.as_written(import, Path::new(near));
                d = d.fix(format!("did you mean `{near}`?"), import.path_span, with);
            }
        }
        self.diags.push(d);
        None
    }

    /// Another module name, in quotes if the import has them.
    fn as_written(&self, import: &ImportDecl, name: &Path) -> String {
        let quote = if self.sources.text(import.path_span).starts_with('"') { "\"" } else { "" };
        format!("{quote}{}{quote}", name.display())
    }

    fn outside<T>(&mut self, import: &ImportDecl, found: &Path) -> Option<T> {
        let title = format!("the module `{}` lies outside the program's folder", import.path);
        let root = if self.root.as_os_str().is_empty() { Path::new(".") } else { self.root };
        let note =
            format!("`{}` is outside `{}`, the folder of the main file", found.display(), root.display());
        let help = "move the module into that folder, or start the program from a file further up";
        self.diags
            .push(Diagnostic::error(codes::MODULE_OUTSIDE, import.path_span, title).note(note).help(help));
        None
    }

    fn unreadable<T>(&mut self, import: &ImportDecl, file: &Path, error: &std::io::Error) -> Option<T> {
        let title = format!("cannot read the module `{}`: {error}", import.path);
        let note = format!("its file is `{}`", file.display());
        self.diags.push(Diagnostic::error(codes::UNKNOWN_MODULE, import.path_span, title).note(note));
        None
    }

    fn inside_root(&mut self, canonical: &Path) -> bool {
        let root = self.root;
        let root = self.canonical_root.get_or_insert_with(|| {
            let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
            root.canonicalize().unwrap_or_else(|_| root.to_path_buf())
        });
        canonical.starts_with(root)
    }

    /// Whether `folder/path` climbs above the root by its `..` alone, before any file is looked at.
    fn leaves_root(&self, folder: &Path, path: &Path) -> bool {
        // A program started as `main.vx` has modules in `sub`, not in `./sub`.
        let root = self.root.strip_prefix(".").unwrap_or(self.root);
        let inside = folder.strip_prefix(root).unwrap_or(Path::new(""));
        let mut depth = inside.components().filter(|c| matches!(c, Component::Normal(_))).count() as i64;
        for component in path.components() {
            match component {
                Component::ParentDir => depth -= 1,
                Component::Normal(_) => depth += 1,
                Component::CurDir => {}
                Component::RootDir | Component::Prefix(_) => return true,
            }
            if depth < 0 {
                return true;
            }
        }
        false
    }
}

fn modules_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let module = |path: PathBuf| {
        Spelling::from_extension(path.extension()?.to_str()?)?;
        Some(path.file_stem()?.to_str()?.to_string())
    };
    entries.flatten().take(1000).filter_map(|entry| module(entry.path())).collect()
}
