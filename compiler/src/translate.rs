//! Programs in another spelling: checks the program, rewrites it, and checks what came out.

use vex_syntax::ast::{FnDecl, Item, ItemKind, Top, TypeExpr, TypeKind};
use vex_syntax::format::{FormatError, format};
use vex_syntax::span::TooMuchSource;
use vex_syntax::translate::{self, Original, Problem, TraitRefs};
use vex_syntax::{Diagnostic, SourceMap, Spelling, parse_file};

use crate::check::CheckOptions;
use crate::driver::{Checked, Input, Loaded, Phases, has_errors};

/// A program that was translated.
#[derive(Clone, Debug)]
pub struct Translated {
    /// Its text.
    pub text: String,
    /// Names that are words of the new spelling, and what they are called now.
    pub renamed: Vec<(String, String)>,
}

/// Why a program was not translated.
#[derive(Debug)]
pub enum Failure {
    /// The program does not compile.
    Original(SourceMap, Vec<Diagnostic>),
    /// There are things in it that the other spelling has no form for.
    NoForm(SourceMap, Vec<Problem>),
    /// What came out does not compile. A program that uses modules of its spelling can be taken in other ways than in
    /// its own; otherwise this is a mistake of the translation.
    Result(SourceMap, Vec<Diagnostic>),
    /// The sources are too large.
    TooLarge,
}

impl From<TooMuchSource> for Failure {
    fn from(_: TooMuchSource) -> Failure {
        Failure::TooLarge
    }
}

/// Writes a program in another spelling. Modules that it imports stay as they are.
///
/// # Errors
///
/// See [`Failure`].
pub fn translate(input: Input, to: Spelling) -> Result<Translated, Failure> {
    let (name, path, text, from) =
        (input.name.clone(), input.path.clone(), input.text.clone(), input.spelling);
    let loaded = input.load(Phases::default())?;
    let traits = trait_references(&loaded);
    let main = loaded.modules.module(loaded.modules.main()).file;
    let checked = loaded.check(CheckOptions { needs_entry: false });
    if checked.failed() {
        return Err(Failure::Original(checked.sources, errors(checked.diagnostics)));
    }
    let Checked { sources, uses, .. } = checked;
    let base = sources.file(main).base;
    let (unit, _) = parse_file(&text, base, from);
    let original = Original { text: &text, base, spelling: from, unit: &unit, uses: &uses, traits: &traits };
    let (text, renamed) = match translate::translate(&original, to) {
        Ok(translation) => (translation.text, translation.renamed),
        Err(problems) => return Err(Failure::NoForm(sources, problems)),
    };
    let path = path.map(|path| path.with_extension(to.extension()));
    let text = match format(&text, 1, to) {
        Ok(text) => text,
        // The check below says what is wrong with it.
        Err(FormatError::Syntax(_) | FormatError::Changed(_)) => text,
    };
    let name = format!("{name} in .{}", to.extension());
    let result = Input { name, path, spelling: to, text: text.clone() }.load(Phases::default())?;
    let checked = result.check(CheckOptions { needs_entry: false });
    if checked.failed() {
        return Err(Failure::Result(checked.sources, errors(checked.diagnostics)));
    }
    Ok(Translated { text, renamed })
}

fn errors(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.into_iter().filter(|diagnostic| has_errors(std::slice::from_ref(diagnostic))).collect()
}

/// Which references the functions of the traits of imported modules take.
fn trait_references(loaded: &Loaded) -> TraitRefs {
    let mut found = TraitRefs::default();
    let main = loaded.modules.main();
    for (index, module) in loaded.modules.modules.iter().enumerate() {
        if index == main.0 as usize {
            continue;
        }
        let vais = module.spelling == Spelling::Vais;
        for top in &module.unit.top {
            let Top::Item(Item { kind: ItemKind::Trait(decl), .. }) = top else { continue };
            for function in &decl.functions {
                let key = (decl.name.name.to_string(), function.name.name.to_string());
                found.insert(key, references(function, vais));
            }
        }
    }
    found
}

fn references(function: &FnDecl, vais: bool) -> Vec<bool> {
    let mutable = |ty: &TypeExpr| matches!(ty.kind, TypeKind::Ref { mutable, .. } if mutable || vais);
    let receiver = function.self_param.iter().map(|param| match &param.ty {
        Some(ty) => mutable(ty),
        None => param.by_ref && (param.mutable || vais),
    });
    let params = function.params.iter().map(|param| mutable(&param.ty));
    receiver.chain(params).chain([function.ret.as_ref().is_some_and(mutable)]).collect()
}
