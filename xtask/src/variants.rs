//! The contract in other shapes: copies of crates of the workspace with edits, built on the spot, so that nothing old
//! or wrong is kept as source.
//!
//! A copy is a workspace of its own under `target/variants/<name>`. It shares the target directory, and so all
//! libraries of others, with the real one. Two things keep them apart there: its crates lie one directory deeper,
//! because cargo tells crates of one name apart by where they lie in their workspace; and its plugins are called
//! otherwise, because cargo lays all of one name into one file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml::{Table, Value};

use crate::Outcome;
use crate::stage::{run, target_directory, workspace};

/// Where the contract lies.
pub(crate) const ABI: &str = "plugin-api/abi";

/// An edit of one file; it fails when what it looks for is not there any more.
type Edit = (&'static str, fn(&str) -> Outcome<String>);

/// A shape of some crates.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) edits: &'static [Edit],
}

/// What the next minor version could look like: something appended to everything that may grow.
pub(crate) const NEXT: Shape = Shape {
    name: "next",
    edits: &[
        ("plugin-api/abi/Cargo.toml", |text| with_version(text, |major, minor| (major, minor + 1))),
        ("plugin-api/abi/src/module.rs", |text| {
            append(
                text,
                "pub struct PluginModule {",
                "    /// Later.\n    pub later: extern \"C\" fn() -> u32,\n",
            )
        }),
        ("plugin-api/abi/src/service/token_provider.rs", |text| {
            append(
                text,
                "pub trait TokenProvider:",
                "    /// Later.\n    fn greeting(&self) -> RString {\n        \"from the default body\".into()\n    }\n",
            )
        }),
        ("plugin-api/abi/src/service/mod.rs", |text| {
            append(text, "pub enum Service {", "    /// Later.\n    Later(JsonServiceBox),\n")
        }),
        ("plugin-api/abi/src/host.rs", |text| {
            append(
                text,
                "pub trait Host:",
                "    /// Later.\n    fn era(&self) -> RString {\n        \"from the default body\".into()\n    }\n",
            )
        }),
        ("host/src/lent.rs", |text| {
            append(
                text,
                "impl abi::Host for Lent {",
                "    fn era(&self) -> RString {\n        \"from the host\".into()\n    }\n",
            )
        }),
        ("host/Cargo.toml", |text| {
            replace(text, "[[bin]]\nname = \"seqera\"", "[[bin]]\nname = \"seqera-next\"")
        }),
        ("host/Cargo.toml", |text| replace(text, "\"seqera-builtins\"", "\"seqera-builtins-next\"")),
    ],
};

/// Another next minor version than [`NEXT`]: a fork, which appended something else in the same place.
pub(crate) const FORK: Shape = Shape {
    name: "fork",
    edits: &[
        ("plugin-api/abi/Cargo.toml", |text| with_version(text, |major, minor| (major, minor + 1))),
        ("plugin-api/abi/src/service/token_provider.rs", |text| {
            append(
                text,
                "pub trait TokenProvider:",
                "    /// Later.\n    fn farewell(&self, times: u32) -> u32 {\n        times\n    }\n",
            )
        }),
    ],
};

/// A frozen record with two fields in another order.
pub(crate) const REORDERED: Shape = Shape {
    name: "reordered",
    edits: &[("plugin-api/abi/src/service/token_provider.rs", |text| {
        let swapped = replace(text, "pub issuer: RString", "pub swapped: RString")?;
        let swapped = replace(&swapped, "pub profile: RString", "pub issuer: RString")?;
        replace(&swapped, "pub swapped: RString", "pub profile: RString")
    })],
};

/// A frozen record with a field of another type.
pub(crate) const RETYPED: Shape = Shape {
    name: "retyped",
    edits: &[("plugin-api/abi/src/service/token_provider.rs", |text| {
        replace(text, "pub min_ttl_seconds: u64", "pub min_ttl_seconds: u32")
    })],
};

/// The next major version.
pub(crate) const MAJOR: Shape = Shape {
    name: "major",
    edits: &[("plugin-api/abi/Cargo.toml", |text| with_version(text, |major, _| (major + 1, 0)))],
};

/// A copy of some crates, in a shape.
pub(crate) struct Variant {
    name: &'static str,
    root: PathBuf,
}

impl Variant {
    /// Copies these crates (paths in the workspace); others of the workspace that they depend on are taken from there.
    /// Files that are as they should be are not touched, so that cargo builds nothing twice.
    pub(crate) fn new(shape: &Shape, crates: &[&str]) -> Outcome<Self> {
        let root = target_directory().join("variants").join(shape.name);
        let mut wanted = BTreeSet::new();
        for member in crates {
            for file in files(&workspace().join(member))? {
                let name = file.strip_prefix(workspace()).map_err(|error| error.to_string())?;
                let mut text = read(&file)?;
                for (_, edit) in shape.edits.iter().filter(|(path, _)| Path::new(path) == name) {
                    text = edit(&text).map_err(|problem| {
                        format!("shape `{}`, {}: {problem}", shape.name, name.display())
                    })?;
                }
                if name.ends_with("Cargo.toml") {
                    text = with_library_name(&text, shape.name)?;
                }
                let copy = root.join(shape.name).join(name);
                write(&copy, &text)?;
                wanted.insert(copy);
            }
        }
        for left_over in files(&root.join(shape.name))? {
            if !wanted.contains(&left_over) {
                fs::remove_file(&left_over).map_err(|error| format!("{}: {error}", left_over.display()))?;
            }
        }
        write(&root.join("Cargo.toml"), &manifest(shape, crates)?)?;
        write(&root.join("Cargo.lock"), &read(&workspace().join("Cargo.lock"))?)?;
        Ok(Self { name: shape.name, root })
    }

    /// Builds a package of it, with further arguments for cargo.
    pub(crate) fn build(&self, package: &str, arguments: &[&str]) -> Outcome {
        self.cargo(&["build", "--quiet", "--package", package], arguments)
    }

    /// Builds a fixture of it and answers its library.
    pub(crate) fn library(&self, fixture: &str, features: &[&str]) -> Outcome<PathBuf> {
        let package = format!("seqera-fixture-{fixture}");
        self.build(&package, &["--features", &features.join(",")])?;
        Ok(self.built(&package))
    }

    /// Builds a fixture of it without unwinding: the last crate only, the libraries below it are those of the others.
    pub(crate) fn library_that_aborts(&self, fixture: &str) -> Outcome<PathBuf> {
        let package = format!("seqera-fixture-{fixture}");
        self.cargo(&["rustc", "--quiet", "--package", &package], &["--", "-C", "panic=abort"])?;
        Ok(self.built(&package))
    }

    fn built(&self, package: &str) -> PathBuf {
        target_directory().join(format!("debug/lib{}.so", library_name(package, self.name)))
    }

    fn cargo(&self, begin: &[&str], arguments: &[&str]) -> Outcome {
        let mut command = Command::new(env!("CARGO"));
        command.args(begin).args(arguments).env("CARGO_TARGET_DIR", target_directory());
        run(command.current_dir(&self.root))
    }
}

/// A name of its own for the library of a plugin.
fn with_library_name(text: &str, shape: &str) -> Outcome<String> {
    if !text.contains("\"cdylib\"") {
        return Ok(text.to_owned());
    }
    let package = text.lines().find_map(|line| line.strip_prefix("name = ")).ok_or("it has no name")?;
    let name = library_name(package.trim_matches('"'), shape);
    replace(text, "[lib]\n", &format!("[lib]\nname = \"{name}\"\n"))
}

fn library_name(package: &str, shape: &str) -> String {
    format!("{package}-{shape}").replace('-', "_")
}

/// The manifest of the copy: that of the workspace, with these members.
fn manifest(shape: &Shape, crates: &[&str]) -> Outcome<String> {
    let mut manifest: Table = read(&workspace().join("Cargo.toml"))?
        .parse()
        .map_err(|error| format!("Cargo.toml of the workspace: {error}"))?;
    let below = |path: &str| format!("{}/{path}", shape.name);
    let place = |path: &str| match crates.contains(&path) {
        true => below(path),
        false => workspace().join(path).display().to_string(),
    };
    let root = manifest.get_mut("workspace").and_then(Value::as_table_mut).ok_or("no [workspace]")?;
    let members = crates.iter().map(|member| Value::String(below(member))).collect();
    root.insert("members".to_owned(), Value::Array(members));
    root.remove("exclude");
    let dependencies = root.get_mut("dependencies").and_then(Value::as_table_mut).ok_or("no dependencies")?;
    for (_, dependency) in dependencies.iter_mut() {
        if let Some(path) = dependency.get_mut("path")
            && let Some(text) = path.as_str()
        {
            *path = Value::String(place(text));
        }
    }
    Ok(manifest.to_string())
}

/// Appends to the item that begins with `begin`.
fn append(text: &str, begin: &str, what: &str) -> Outcome<String> {
    let at = text.find(begin).ok_or_else(|| format!("there is no `{begin}`"))?;
    let end = text[at..].find("\n}").ok_or_else(|| format!("`{begin}` has no end"))? + at + 1;
    Ok(format!("{}{what}{}", &text[..end], &text[end..]))
}

fn replace(text: &str, from: &str, to: &str) -> Outcome<String> {
    match text.matches(from).count() {
        1 => Ok(text.replace(from, to)),
        count => Err(format!("`{from}` is there {count} times")),
    }
}

/// Another version of the contract.
fn with_version(text: &str, change: fn(u64, u64) -> (u64, u64)) -> Outcome<String> {
    let line = text.lines().find(|line| line.starts_with("version = ")).ok_or("it has no version")?;
    let mut numbers = line.split('"').nth(1).unwrap_or_default().split('.').map(str::parse::<u64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => {
            let (major, minor) = change(major, minor);
            replace(text, line, &format!("version = \"{major}.{minor}.0\""))
        }
        _ => Err(format!("`{line}` is no version")),
    }
}

/// All files below a directory; none when there is no such directory.
pub(crate) fn files(dir: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(dir) = left.pop() {
        let Ok(listing) = fs::read_dir(&dir) else {
            continue;
        };
        for item in listing.flatten() {
            let path = item.path();
            if path.is_dir() { left.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Outcome {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    fs::create_dir_all(path.parent().unwrap_or(path)).map_err(failed)?;
    fs::write(path, text).map_err(failed)
}
