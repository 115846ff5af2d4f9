//! `vexc doc`.

use std::io::{self, Write};
use std::path::{Component, Path};

use vex_syntax::Spelling;

use super::args::{Common, DocArgs};
use super::source::{self, SourceError};
use super::{FAILED, Messages, OK, USAGE, color, site};
use crate::docs::names::Shown;
use crate::docs::{Docs, html, terminal};
use crate::stack::on_deep_stack;

/// Shows documentation in the terminal, or writes pages of it.
pub(super) fn doc(args: &DocArgs, common: &Common, messages: &Messages) -> u8 {
    on_deep_stack(|| match run(args, common, messages) {
        Ok(()) => OK,
        Err(status) => status,
    })
}

/// A module that was asked for, and the items of it.
struct Request<'a> {
    module: usize,
    items: Vec<&'a str>,
}

fn run(args: &DocArgs, common: &Common, messages: &Messages) -> Result<(), u8> {
    let mut docs = Docs::library();
    let library: Vec<usize> = (0..docs.modules.len()).collect();
    let requests = requests(args, common, &mut docs, messages)?;
    if let Some(folder) = &args.html {
        if let Some(item) = requests.iter().find_map(|request| request.items.first()) {
            let title = format!("pages are of whole modules, and `{item}` is none");
            return Err(messages.fail_with_help(USAGE, &title, Some("leave it out, or leave out `--html`")));
        }
        let modules = match requests.is_empty() {
            true => library,
            false => requests.iter().map(|request| request.module).collect(),
        };
        return site::write(folder, &html::site(&docs, &modules))
            .map_err(|error| messages.fail_with_help(FAILED, &error.title, error.help.as_deref()));
    }
    let stdout = io::stdout();
    let color = color::wanted(common.color, &stdout);
    let mut pages = Vec::new();
    if requests.is_empty() {
        pages.push(terminal::list(&docs, color));
    }
    for request in &requests {
        if request.items.is_empty() {
            pages.push(terminal::module(&docs, request.module, color));
        }
        for name in &request.items {
            let shown = item(&docs, request.module, name, messages)?;
            pages.push(terminal::item(&docs, request.module, shown, color));
        }
    }
    let outcome = stdout.lock().write_all(pages.join("\n").as_bytes());
    outcome.map_err(|error| messages.fail(FAILED, &format!("cannot write to standard output: {error}")))
}

/// What the words ask for: a module or file, then items of it, then perhaps another module.
fn requests<'a>(
    args: &'a DocArgs,
    common: &Common,
    docs: &mut Docs,
    messages: &Messages,
) -> Result<Vec<Request<'a>>, u8> {
    let mut requests: Vec<Request> = Vec::new();
    for name in &args.names {
        let first = requests.is_empty();
        if let Some(module) = docs.module(name) {
            if !requests.iter().any(|request| request.module == module && request.items.is_empty()) {
                requests.push(Request { module, items: Vec::new() });
            }
        } else if is_file(name, first) {
            let module = file(name, common.spelling, docs, messages)?;
            requests.push(Request { module, items: Vec::new() });
        } else if let Some(request) = requests.last_mut()
            && !name.contains(['/', '\\'])
        {
            request.items.push(name);
        } else {
            return Err(no_module(name, docs, messages));
        }
    }
    Ok(requests)
}

/// Whether a word that is no module's name is that of a file: it ends like one, or, where it cannot be an item, there
/// is one.
fn is_file(name: &str, first: bool) -> bool {
    let path = Path::new(name);
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.and_then(Spelling::from_extension).is_some() || name == "-" || (first && path.exists())
}

/// Adds the module in a file.
fn file(name: &str, spelling: Option<Spelling>, docs: &mut Docs, messages: &Messages) -> Result<usize, u8> {
    let path = Path::new(name);
    let input = source::read(path, spelling).map_err(|SourceError { title, help, status }| {
        messages.fail_with_help(status, &title, help.as_deref())
    })?;
    let module = module_name(path);
    docs.add(&module, &input.name, &input.text, input.spelling).map_err(|unreadable| {
        if unreadable.diagnostics.is_empty() {
            return messages.fail(FAILED, &format!("`{name}` is larger than 4 GiB"));
        }
        messages.diagnostics(&unreadable.diagnostics, &unreadable.sources);
        messages.summary(path, &unreadable.diagnostics);
        FAILED
    })
}

/// What a file's module is called: as it is imported from the current folder, or by its bare name from elsewhere.
fn module_name(path: &Path) -> String {
    if path.as_os_str() == "-" {
        return "<stdin>".to_owned();
    }
    let name = path.with_extension("");
    let name = name.strip_prefix(".").unwrap_or(&name);
    let below = name.components().all(|part| matches!(part, Component::Normal(_)));
    let name = if below { name } else { Path::new(name.file_name().unwrap_or_default()) };
    name.to_string_lossy().into_owned()
}

/// The item of this name, or the exit status after saying that there is none.
fn item<'a>(docs: &'a Docs, number: usize, name: &str, messages: &Messages) -> Result<Shown<'a>, u8> {
    let module = &docs.modules[number];
    if let Some(shown) = module.find(name) {
        return Ok(shown);
    }
    let title = format!("`{}` declares no `{name}`", module.name);
    let help = match (module.similar(name), docs.declaring(name).first()) {
        (_, Some((other, path))) if other.name != module.name => {
            Some(format!("`{}` does: `vexc doc {0} {path}`", other.name))
        }
        (Some(near), _) => Some(format!("did you mean `{near}`?")),
        (None, _) => Some(format!("`vexc doc {}` shows what it declares", module.name)),
    };
    Err(messages.fail_with_help(FAILED, &title, help.as_deref()))
}

/// Says that a word is neither module nor file; the exit status.
fn no_module(name: &str, docs: &Docs, messages: &Messages) -> u8 {
    let title = format!("there is no module or file `{name}`");
    let declaring = docs.declaring(name);
    let help = match (docs.similar_module(name), declaring.as_slice()) {
        (_, [(module, path), ..]) => format!("`{path}` is in `{}`: `vexc doc {0} {path}`", module.name),
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, _) => {
            "`vexc doc` lists the library's modules; names of files end in .vx, .vera or .vais".into()
        }
    };
    messages.fail_with_help(FAILED, &title, Some(&help))
}
