//! Somebody who publishes plugins: libraries, a key, archives, an index.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use seqera_tests::sandbox::{Run, Sandbox};
use seqera_tests::stage;

/// A publisher with a key, and a user with a sandbox. The publisher works in `<sandbox>/publisher`.
pub(crate) struct World {
    pub(crate) user: Sandbox,
    pub(crate) dir: PathBuf,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(Sandbox::new())
    }

    /// With this user.
    pub(crate) fn of(user: Sandbox) -> Self {
        let dir = user.root().join("publisher");
        fs::create_dir(&dir).unwrap();
        let world = Self { user, dir };
        let _key = world.run(&["package", "--new-key", &world.path("key")]).success();
        world
    }

    /// `seqera plugin ARGUMENTS`
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let arguments = std::iter::once("plugin").chain(arguments.iter().copied());
        self.user.run(self.user.command(arguments))
    }

    /// A path of the publisher.
    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// The public key.
    pub(crate) fn key(&self) -> String {
        let text = fs::read_to_string(self.dir.join("key.pub")).unwrap();
        text.lines().last().unwrap().to_owned()
    }

    pub(crate) fn trust(&self) {
        let _trusted = self.run(&["trust", "add", &self.key()]).success();
    }

    /// The library of `hello` in some version.
    pub(crate) fn library(&self, version: &str) -> String {
        let dir = self.dir.join(format!("lib-{version}"));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("libseqera_plugin_hello.so");
        fs::write(&path, hello(version)).unwrap();
        path.display().to_string()
    }

    /// An archive of `hello`.
    pub(crate) fn archive(&self, version: &str) -> String {
        self.packaged(version, &[])
    }

    /// A signed one.
    pub(crate) fn signed(&self, version: &str) -> String {
        self.packaged(version, &["--sign", &self.path("key")])
    }

    fn packaged(&self, version: &str, more: &[&str]) -> String {
        let library = self.library(version);
        let out = self.path("packages");
        let mut arguments = vec!["package", &library, "--output", &out];
        arguments.extend(more);
        self.run(&arguments).success().stdout.trim().to_owned()
    }

    /// Signs the index of all packages made so far, and answers its directory.
    pub(crate) fn index(&self, more: &[&str]) -> String {
        let (packages, key) = (self.path("packages"), self.path("key"));
        let mut arguments = vec!["index", &packages, "--sign", &key, "--name", "acme"];
        arguments.extend(more);
        let _published = self.run(&arguments).success();
        packages
    }

    /// What `hello` says of itself, by `plugin list`.
    pub(crate) fn used_version(&self) -> Option<String> {
        let json = self.run(&["list", "--json"]).success().stdout;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let rows = json["plugins"].as_array().unwrap();
        let used = rows.iter().find(|row| row["name"] == "hello" && row["state"] == "used")?;
        Some(used["version"].as_str().unwrap().to_owned())
    }

    /// Checks that `hello` works in this version, and that nothing half done lies about.
    #[track_caller]
    pub(crate) fn assert_works(&self, version: &str) {
        assert_eq!(self.user.seqera("hello you").success().stdout, "Hello, you\n");
        assert_eq!(self.used_version().as_deref(), Some(version));
    }
}

/// `hello` was built once; another version of it is the same library with another number in it.
fn hello(version: &str) -> Vec<u8> {
    static STRIPPED: OnceLock<Vec<u8>> = OnceLock::new();
    let stripped = STRIPPED.get_or_init(|| {
        let built = stage::fixtures().join("hello/hello/0.3.0/libseqera_plugin_hello.so");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stripped.so");
        let status = Command::new("strip").arg("--strip-debug").arg("-o").arg(&path).arg(built).status();
        assert!(status.unwrap().success());
        fs::read(path).unwrap()
    });
    replaced(stripped, b"0.3.0", version.as_bytes())
}

/// The bytes with every occurrence of `from` replaced by something of the same length.
pub(crate) fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, window)| *window == from)
        .map(|(at, _)| at)
        .collect();
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to);
    }
    bytes
}
