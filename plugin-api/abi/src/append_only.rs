//! What a newer layout of the contract may have that an older one has not: plugins that were built against the older one
//! have to go on working. Both are texts of `layout_snapshot`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Where layouts are kept together with plugins that were built against them, one directory a state, named
/// `<major>.<minor>-<commit>`.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden");

/// What to do about a change that is no append.
const REPAIR: &str = "Plugins that were built before would break. Put it back as it was, and append: a method with a \
                      default body, a field of the root module, a kind of service, a new record. Only before the first \
                      release, and only on purpose, the contract may be cut anew: see tests/golden/README.md.";

/// A type: what stands behind its name, and its fields.
#[derive(Debug, PartialEq)]
struct Shape<'a> {
    bytes: &'a str,
    kind: &'a str,
    fields: Vec<&'a str>,
}

/// What about `new` is no append to `old`, one line each.
fn breaks(old: &str, new: &str) -> Vec<String> {
    let now = shapes(new);
    let mut problems = Vec::new();
    for (name, old) in shapes(old) {
        match now.get(name) {
            None => problems.push(format!("{name} is gone")),
            Some(new) => problems.extend(change(&old, new).map(|what| format!("{name}: {what}"))),
        }
    }
    problems
}

fn change(old: &Shape<'_>, new: &Shape<'_>) -> Option<String> {
    let differs = |what: &str, old: &str, new: &str| Some(format!("{what} was `{old}` and is `{new}`"));
    let grows = old.kind.ends_with(" for ever");
    let is_open = old.kind.starts_with("non-exhaustive");
    for (index, field) in old.fields.iter().enumerate() {
        match new.fields.get(index) {
            Some(now) if now == field => {}
            Some(now) => return differs(&format!("line {}", index + 1), field, now),
            None => return Some(format!("`{field}` is gone")),
        }
    }
    match new.fields.get(old.fields.len()) {
        Some(field) if !grows && !is_open => return Some(format!("`{field}` was added to what is frozen")),
        _ => {}
    }
    if !grows && old.bytes != new.bytes {
        return differs("its size", old.bytes, new.bytes);
    }
    let kept = if is_open { keeps_variants(old.kind, new.kind) } else { old.kind == new.kind };
    if kept { None } else { differs("what it is", old.kind, new.kind) }
}

/// Whether `non-exhaustive, A;B; [0, 1]` begins with the same names and numbers.
fn keeps_variants(old: &str, new: &str) -> bool {
    let parts = |kind: &str| {
        let (names, numbers) = kind.split_once(" [")?;
        Some((names.to_owned(), numbers.trim_end_matches(']').to_owned() + ","))
    };
    match (parts(old), parts(new)) {
        (Some((names, numbers)), Some((new_names, new_numbers))) => {
            new_names.starts_with(&names) && new_numbers.starts_with(&numbers)
        }
        _ => false,
    }
}

fn shapes(text: &str) -> BTreeMap<&str, Shape<'_>> {
    let types = text.split("\n\n").filter_map(|block| {
        let mut lines = block.trim_matches('\n').lines();
        let (name, rest) = lines.next()?.split_once(": ")?;
        let (bytes, kind) = rest.split_once(", ").unwrap_or((rest, ""));
        Some((name, Shape { bytes, kind, fields: lines.map(str::trim).collect() }))
    });
    types.collect()
}

/// Compares the layout of today with all that are kept.
///
/// # Panics
/// It is no append to one of them, or one without a higher version.
pub(crate) fn check(layout: &str) {
    let mut states: Vec<PathBuf> =
        fs::read_dir(GOLDEN).unwrap().map(|item| item.unwrap().path()).filter(|path| path.is_dir()).collect();
    states.sort();
    assert!(!states.is_empty(), "{GOLDEN} keeps no state of the contract");
    for state in states {
        let name = state.file_name().unwrap().to_str().unwrap();
        let kept = fs::read_to_string(state.join("layout.snap")).unwrap();
        // What is above the second line of dashes is not ours.
        let kept = kept.splitn(3, "---\n").nth(2).unwrap();
        let problems = breaks(kept, layout);
        assert!(problems.is_empty(), "no append to {name}:\n{}\n{REPAIR}", problems.join("\n"));
        let version = name.split_once('-').unwrap().0;
        let is_raised = !crate::ABI_VERSION.starts_with(&format!("{version}."));
        assert!(
            shapes(kept) == shapes(layout) || is_raised,
            "appended to {name}: raise the minor version in plugin-api/abi/Cargo.toml"
        );
    }
}

const OLD: &str = "a::Record: 16 bytes\n    one: u64\n    two: u64\n\n\
                   a::VTable: 24 bytes, 2 fields for ever\n    first: fn() -> u8\n    second: fn(u8) -> ()\n\n\
                   a::Kind: 64 bytes, non-exhaustive, A;B; [0, 1]\n    field_0: A\n    field_0: B\n\n";

#[test]
fn what_is_appended_breaks_nothing() {
    let new = OLD
        .replace("24 bytes", "32 bytes")
        .replace("second: fn(u8) -> ()", "second: fn(u8) -> ()\n    third: fn() -> ()")
        .replace(
            "A;B; [0, 1]\n    field_0: A\n    field_0: B",
            "A;B;C; [0, 1, 2]\n    field_0: A\n    field_0: B\n    field_0: C",
        );
    let new = format!("{new}a::New: 8 bytes\n    one: u64\n\n");
    assert_eq!(breaks(OLD, &new), Vec::<String>::new());
    assert_ne!(breaks(&new, OLD), Vec::<String>::new(), "the other way round it does");
}

#[test]
fn whatever_is_no_append_breaks() {
    for (from, to, says) in [
        (
            "    one: u64\n    two: u64",
            "    two: u64\n    one: u64",
            "a::Record: line 1 was `one: u64` and is `two: u64`",
        ),
        ("two: u64", "two: i64", "a::Record: line 2 was `two: u64` and is `two: i64`"),
        (
            "    two: u64\n",
            "    two: u64\n    ext: u64\n",
            "a::Record: `ext: u64` was added to what is frozen",
        ),
        ("16 bytes", "24 bytes", "a::Record: its size was `16 bytes` and is `24 bytes`"),
        ("a::Record", "a::Renamed", "a::Record is gone"),
        (
            "2 fields for ever",
            "3 fields for ever",
            "a::VTable: what it is was `2 fields for ever` and is `3 fields for ever`",
        ),
        ("    second: fn(u8) -> ()\n", "", "a::VTable: `second: fn(u8) -> ()` is gone"),
        ("fn(u8)", "fn(u16)", "a::VTable: line 2 was `second: fn(u8) -> ()` and is `second: fn(u16) -> ()`"),
        (
            "A;B; [0, 1]",
            "B;A; [0, 1]",
            "a::Kind: what it is was `non-exhaustive, A;B; [0, 1]` and is `non-exhaustive, B;A; [0, 1]`",
        ),
        (
            "[0, 1]",
            "[0, 17]",
            "a::Kind: what it is was `non-exhaustive, A;B; [0, 1]` and is `non-exhaustive, A;B; [0, 17]`",
        ),
        ("64 bytes", "72 bytes", "a::Kind: its size was `64 bytes` and is `72 bytes`"),
    ] {
        assert_eq!(breaks(OLD, &OLD.replacen(from, to, 1)), [says]);
    }
}
