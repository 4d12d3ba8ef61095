//! Configuration: where it lies, what it says, and where each value comes from.

pub mod edit;
mod file;
pub mod lock;
mod pins;
mod settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use file::{Layer, line_of};
pub use lock::{Lock, Locked};
pub use pins::{PLUGIN_KEYS, Pins, Rule, exactly, requirement};
pub use settings::{CHOICES, SETTINGS, Setting};

use crate::error::{Code, Error, Result};
use crate::policy::{self, Policy};

/// Directories of the product.
#[derive(Debug, Clone, Default)]
pub struct Paths {
    /// Settings and credentials.
    pub config: Option<PathBuf>,
    /// What the user installs.
    pub data: Option<PathBuf>,
    /// What may be deleted at any time.
    pub cache: Option<PathBuf>,
    /// Journals and histories.
    pub state: Option<PathBuf>,
    /// The plugins that came with the program.
    pub bundled_plugins: Option<PathBuf>,
    /// The user's plugins.
    pub user_plugins: Option<PathBuf>,
}

impl Paths {
    /// The directories of this user and this program.
    pub fn find() -> Self {
        let place = |name| variable(name).filter(|path| path.is_absolute());
        let data = dirs::data_dir().map(|dir| dir.join("seqera"));
        Self {
            config: place("SEQERA_CONFIG_DIR").or_else(|| Some(dirs::config_dir()?.join("seqera"))),
            cache: dirs::cache_dir().map(|dir| dir.join("seqera")),
            state: dirs::state_dir().or_else(dirs::data_local_dir).map(|dir| dir.join("seqera")),
            bundled_plugins: bundled_plugins(),
            user_plugins: place("SEQERA_PLUGINS_DIR").or_else(|| Some(data.as_ref()?.join("plugins"))),
            data,
        }
    }

    /// The user's settings.
    pub fn user_config(&self) -> Option<PathBuf> {
        self.config.as_ref().map(|dir| dir.join("config.toml"))
    }

    /// As the topic `paths` of the ABI.
    pub fn to_json(&self) -> String {
        serde_json::json!({
            "config": self.config, "data": self.data, "cache": self.cache, "state": self.state,
            "bundled_plugins": self.bundled_plugins, "user_plugins": self.user_plugins,
        })
        .to_string()
    }
}

/// The variables that name directories of their own.
const PLACES: [&str; 2] = ["SEQERA_CONFIG_DIR", "SEQERA_PLUGINS_DIR"];

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// A place that begins where the user happens to be is anybody's who can have a directory there: a repository that was
/// cloned must not bring settings and plugins along.
///
/// # Errors
/// `Config`: a variable names such a place.
pub fn refuse_relative_places() -> Result<()> {
    let relative = |name: &'static str| Some((name, variable(name).filter(|path| !path.is_absolute())?));
    match PLACES.into_iter().find_map(relative) {
        None => Ok(()),
        Some((name, path)) => Err(Error::new(Code::Config, format!("{name} is no directory to rely on"))
            .because(format!("`{}` means another one wherever you are", path.display()))
            .hint(format!("Write the whole path, or say: unset {name}"))),
    }
}

/// `<exe>/../../lib/seqera/plugins`, with links resolved: a link in a `bin` directory must find the plugins of the
/// real installation.
fn bundled_plugins() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let program = program.canonicalize().unwrap_or(program);
    let dir = program.parent()?;
    // The program of the built-in commands lies there itself.
    let library = if dir.ends_with("lib/seqera") { dir.to_owned() } else { dir.parent()?.join("lib/seqera") };
    Some(library.join("plugins"))
}

/// The admin's settings.
#[cfg(unix)]
const SYSTEM_CONFIG: &str = "/etc/seqera/config.toml";

/// The tables that a file may have.
pub const TABLES: &[&str] = &["plugins", "commands", "services", "indexes"];

/// The files that were read: the user's before the system's.
#[derive(Debug, Default)]
pub struct Config {
    layers: Vec<Layer>,
    /// Kept as an error when it cannot be used: what does not choose a plugin goes on working.
    lock: Option<Result<Lock>>,
    /// Kept as an error when it cannot be used: the built-in commands go on working.
    policy: Option<Result<Policy>>,
}

impl Config {
    /// Reads the files there are.
    ///
    /// # Errors
    /// A file that cannot be read, or that is no TOML, with line and column.
    pub fn read(paths: &Paths) -> Result<Self> {
        refuse_relative_places()?;
        let user = paths.user_config();
        let user = user.map(|path| Layer::read(&path)).transpose()?.flatten();
        let system = Layer::read(Path::new(SYSTEM_CONFIG))?;
        Ok(Self {
            layers: user.into_iter().chain(system).collect(),
            lock: Lock::read(paths),
            policy: policy::read(),
        })
    }

    /// What would count if the user's file said `text`.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn read_with(paths: &Paths, text: String) -> Result<Self> {
        refuse_relative_places()?;
        let user = paths.user_config().map(|path| Layer::parse(&path, text)).transpose()?;
        let system = Layer::read(Path::new(SYSTEM_CONFIG))?;
        Ok(Self {
            layers: user.into_iter().chain(system).collect(),
            lock: Lock::read(paths),
            policy: policy::read(),
        })
    }

    /// The files that were read, the one whose word counts first.
    pub fn files(&self) -> &[Layer] {
        &self.layers
    }

    /// The plugins that the files say something about.
    pub fn plugin_names(&self) -> Vec<String> {
        self.names_in("plugins")
    }

    /// The keys of a table, of all files.
    pub fn names_in(&self, table: &str) -> Vec<String> {
        let mut names: Vec<String> = self.layers.iter().flat_map(|layer| layer.names(table)).collect();
        names.sort();
        names.dedup();
        names
    }

    /// One file, of this text.
    ///
    /// # Errors
    /// It is no TOML, with line and column.
    pub fn of_text(text: &str) -> Result<Self> {
        let layer = Layer::parse(Path::new("config.toml"), text.to_owned())?;
        Ok(Self { layers: vec![layer], lock: None, policy: None })
    }

    /// The admin's policy, when there is one.
    ///
    /// # Errors
    /// It cannot be trusted or understood: then no plugin may run.
    pub fn policy(&self) -> Result<Option<&Policy>> {
        self.policy.as_ref().map(|policy| policy.as_ref().map_err(Clone::clone)).transpose()
    }

    /// Whether there is a policy, good or not.
    pub fn has_policy(&self) -> bool {
        self.policy.is_some()
    }

    /// Whether the admin wants nothing believed that was remembered where users can write.
    pub fn verifies_always(&self) -> bool {
        self.policy_if_good().is_some_and(Policy::verifies_always)
    }

    /// The policy where rules are looked up; whoever runs a plugin has asked [`Config::policy`].
    fn policy_if_good(&self) -> Option<&Policy> {
        self.policy.as_ref()?.as_ref().ok()
    }

    /// The effective value of a setting.
    pub fn setting(&self, key: &str) -> Option<Setting> {
        settings::resolve(key, &self.layers)
    }

    /// What the files and the lock demand of a plugin.
    ///
    /// # Errors
    /// A rule that makes no sense, with file and line.
    pub fn pins(&self, plugin: &str) -> Result<Pins> {
        let mut pins = self.pins_of_files(plugin)?;
        if let Some(lock) = self.lock()? {
            lock.demand(plugin, &mut pins);
        }
        Ok(pins)
    }

    /// What the files demand of a plugin, the lock apart.
    ///
    /// # Errors
    /// A rule that makes no sense, with file and line.
    pub fn pins_of_files(&self, plugin: &str) -> Result<Pins> {
        Pins::of(plugin, self.layers.iter().chain(self.policy_if_good().map(Policy::layer)))
    }

    /// The same, as if there were no lock.
    #[must_use]
    pub fn without_lock(self) -> Self {
        Self { lock: None, ..self }
    }

    /// The same, as if there were neither a lock nor a policy.
    #[must_use]
    pub fn of_files_only(self) -> Self {
        Self { policy: None, ..self.without_lock() }
    }

    /// The lock, when there is one.
    ///
    /// # Errors
    /// `Config`: it cannot be read or understood.
    pub fn lock(&self) -> Result<Option<&Lock>> {
        self.lock.as_ref().map(|lock| lock.as_ref().map_err(Clone::clone)).transpose()
    }

    /// The plugin that the files name for a command.
    pub fn command_owner(&self, word: &str) -> Option<Rule<String>> {
        self.named("commands", word)
    }

    /// The plugin that the files name for a service; the policy's word is the last.
    pub fn service_provider(&self, service: &str) -> Option<Rule<String>> {
        let named = self.policy_if_good().and_then(|policy| policy.provider(service));
        named.or_else(|| self.named("services", service))
    }

    /// The plugin indexes by name. The user's word on a name wins over the system's,
    /// and the policy's over both.
    pub fn indexes(&self) -> BTreeMap<String, Rule<String>> {
        let mut indexes = BTreeMap::new();
        for layer in self.layers.iter().rev() {
            for name in layer.names("indexes") {
                indexes.extend(layer.text(&["indexes", &name]).map(|rule| (name, rule)));
            }
        }
        indexes.extend(self.policy_if_good().into_iter().flat_map(Policy::indexes));
        indexes
    }

    /// Where the files say that a plugin comes from.
    pub fn plugin_source(&self, plugin: &str) -> Option<Rule<String>> {
        let layers = self.policy_if_good().map(Policy::layer).into_iter().chain(&self.layers);
        layers.into_iter().find_map(|layer| layer.text(&["plugins", plugin, "source"]))
    }

    /// Where a receipt says that something came from, with the name of an index replaced by its address.
    pub fn place_of_source(&self, label: &str) -> String {
        match label.strip_prefix("index:") {
            Some(name) => self.indexes().remove(name).map_or_else(|| name.to_owned(), |rule| rule.value),
            None => label.strip_prefix("path:").unwrap_or(label).to_owned(),
        }
    }

    fn named(&self, table: &str, key: &str) -> Option<Rule<String>> {
        self.layers.iter().find_map(|layer| layer.text(&[table, key]))
    }
}

/// `path:line`
pub fn place(path: &Path, line: usize) -> String {
    format!("{}:{line}", path.display())
}
