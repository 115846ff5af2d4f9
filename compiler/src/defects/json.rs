//! Memory errors as JSON for tools: what `docs/checked.md` promises.

use serde_json::{Value, json};
use vex_runtime::checked::State;
use vex_syntax::SourceMap;

use super::model::{Block, Call, Finding, user_call};
use super::{help, text, words};

/// The report of a memory error as one line without a newline.
pub fn finding(finding: &Finding, sources: &SourceMap) -> String {
    let access = finding.access.map(
        |access| json!({ "write": access.write, "size": access.size, "address": address(finding.start) }),
    );
    let helps: Vec<Value> = help::helps(finding, sources).into_iter().map(edit).collect();
    let mut object = json!({
        "kind": finding.name(),
        "severity": "error",
        "title": words::title(finding),
        "access": access,
        "block": finding.block.as_ref().map(|about| block(about, finding.start, sources)),
        "landed": finding.landed.as_ref().map(|landed| block(landed, finding.address, sources)),
        "notes": help::notes(finding, sources),
        "helps": helps,
        "rendered": text::finding(finding, sources, false),
    });
    place(&mut object, &finding.calls, sources);
    object.to_string()
}

/// A help as an object.
pub fn edit(text: String) -> Value {
    json!({ "text": text, "edit": null })
}

/// An address as text: numbers of JSON do not hold all of them.
pub fn address(address: usize) -> String {
    format!("{address:#x}")
}

/// Adds the user's place and the calls to an object.
pub fn place(object: &mut Value, calls: &[Call], sources: &SourceMap) {
    let user = user_call(calls, sources);
    let at = user.and_then(|call| sources.locate(call.position));
    object["file"] = json!(at.map(|(file, _)| &file.name));
    object["line"] = json!(at.map(|(_, at)| at.line));
    object["column"] = json!(at.map(|(_, at)| at.column));
    object["function"] = json!(user.map(|call| &call.function));
    let backtrace = calls.iter().map(|call| {
        let at = sources.locate(call.position);
        json!({
            "function": call.function,
            "file": at.map(|(file, _)| &file.name),
            "line": at.map(|(_, at)| at.line),
            "column": at.map(|(_, at)| at.column),
        })
    });
    object["backtrace"] = backtrace.collect();
}

/// A place where something happened to a block; null when nothing is known.
fn site(calls: &[Call], sources: &SourceMap) -> Value {
    if calls.is_empty() {
        return Value::Null;
    }
    let mut object = json!({});
    place(&mut object, calls, sources);
    object
}

/// A block, seen from an address.
pub fn block(block: &Block, from: usize, sources: &SourceMap) -> Value {
    let reallocated: Vec<Value> = block.reallocated.iter().map(|calls| site(calls, sources)).collect();
    let whole = block.parent.as_ref().filter(|_| block.is_field);
    json!({
        "address": address(block.base),
        "size": block.size,
        "align": block.align,
        "offset": from as i128 as i64 - block.base as i64,
        "allocator": words::allocator(block.origin),
        "reason": block.reason,
        "name": block.name,
        "state": if block.state == State::Live { "live" } else { "freed" },
        "allocated": site(whole.map_or(&block.allocated, |whole| &whole.allocated), sources),
        "reallocated": reallocated,
        "freed": block.freed.as_ref().map_or(Value::Null, |calls| site(calls, sources)),
    })
}
