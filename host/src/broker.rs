//! Loads plugins when they are needed, and hands services from one to another.
//!
//! No lock is held while a plugin is made or asked for a service: it may ask for services itself.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use seqera_plugin_abi as abi;
use seqera_plugin_abi::{GateError, Invocation, LoadGate, PluginBox, RErr, ROk, TD_Opaque};

use crate::audit;
use crate::config::{Config, Paths};
use crate::digest::DigestCache;
use crate::discovery::link::Link;
use crate::discovery::{Catalog, Entry, Origin};
use crate::error::{Code, Error, Result};
use crate::files;
use crate::last_words::Inside;
use crate::lent::Lent;
use crate::library;
use crate::output;
use crate::ownership;
use crate::plugin_store::receipt;
use crate::signals::Signals;

/// What is loaded, and what it may use.
pub struct Broker {
    paths: Paths,
    config: Config,
    signals: Arc<Signals>,
    gate: Mutex<LoadGate>,
    /// By plugin name: one version of a plugin in one process.
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    faults: Mutex<Vec<Error>>,
}

/// A place for one plugin. It is filled once; who comes meanwhile waits.
#[derive(Default)]
struct Slot {
    plugin: OnceLock<Result<Loaded>>,
}

struct Loaded {
    /// Name and version.
    label: String,
    /// Taken out when the process ends.
    plugin: Mutex<Option<Arc<PluginBox>>>,
}

thread_local! {
    /// The plugins that the current thread is making: asking for one of them is a circle.
    static MAKING: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

impl Broker {
    /// A broker that has loaded nothing.
    pub fn new(paths: Paths, config: Config, signals: Arc<Signals>) -> Arc<Self> {
        Arc::new(Self {
            paths,
            config,
            signals,
            gate: Mutex::new(LoadGate::new()),
            slots: Mutex::default(),
            faults: Mutex::default(),
        })
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The directories.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The signals.
    pub fn signals(&self) -> &Arc<Signals> {
        &self.signals
    }

    /// The plugins on this machine.
    pub fn catalog(&self) -> Catalog<'_> {
        Catalog::new(&self.paths, &self.config)
    }

    /// As the topic `plugins` of the ABI.
    pub fn plugins_json(&self) -> String {
        crate::builtin::plugin::list::to_json(&self.catalog()).to_string()
    }

    /// Runs a command of a plugin.
    ///
    /// # Errors
    /// Why the plugin could not be loaded, or what it failed with.
    pub fn run(self: &Arc<Self>, entry: &Entry, invocation: Invocation) -> Result<u8> {
        let plugin = self.plugin(entry)?;
        let _inside = Inside::of(&entry.label());
        match plugin.run(invocation) {
            ROk(code) => Ok(code),
            RErr(error) => Err(error.into()),
        }
    }

    /// A consumer may only ask for what its manifest names.
    ///
    /// # Errors
    /// `Denied` when it does not.
    pub fn check_declared(consumer: &Entry, name: &str, major: u32) -> Result<()> {
        let declared =
            consumer.manifest.requires.get(name).is_some_and(|requirement| requirement.major == major);
        if declared {
            return Ok(());
        }
        Err(Error::new(
            Code::Denied,
            format!("the plugin {} uses {name}@{major} without saying so", consumer.label()),
        )
        .hint("Its manifest has to name every service that it uses; please report this to its publisher."))
    }

    /// A service for a consumer.
    ///
    /// # Errors
    /// `NoProvider`, and why the provider could not be loaded.
    pub fn service(
        self: &Arc<Self>,
        consumer: abi::Consumer,
        name: &str,
        major: u32,
    ) -> Result<abi::Service_NE> {
        let provider = self.catalog().provider(name, major)?;
        let plugin = self.plugin(&provider)?;
        let _inside = Inside::of(&provider.label());
        match plugin.provide(name.into(), major, consumer) {
            ROk(service) => Ok(service),
            RErr(error) => Err(error.into()),
        }
    }

    /// A service for the host itself, which needs nobody's leave and has no sign-in to lend.
    ///
    /// # Errors
    /// `NoProvider`, and why the provider could not be loaded.
    pub fn own_service(self: &Arc<Self>, name: &str, major: u32) -> Result<abi::Service_NE> {
        let provider = self.catalog().provider(name, major)?;
        let identity = abi::Consumer {
            plugin: "seqera".into(),
            version: crate::VERSION.into(),
            ..abi::Consumer::default()
        };
        match self.plugin(&provider)?.provide(name.into(), major, identity) {
            ROk(service) => Ok(service),
            RErr(error) => Err(error.into()),
        }
    }

    /// Remembers a fault that no return value could carry.
    pub fn report(&self, fault: Error) {
        lock(&self.faults).push(fault);
    }

    /// Ends the plugins and answers the faults that were reported.
    pub fn shut_down(&self) -> Vec<Error> {
        let slots: Vec<Arc<Slot>> = lock(&self.slots).values().cloned().collect();
        for loaded in slots.iter().filter_map(|slot| slot.plugin.get()?.as_ref().ok()) {
            let plugin = lock(&loaded.plugin).take();
            let _inside = Inside::of(&loaded.label);
            drop(plugin);
        }
        std::mem::take(&mut *lock(&self.faults))
    }

    fn plugin(self: &Arc<Self>, entry: &Entry) -> Result<Arc<PluginBox>> {
        let name = entry.name();
        let circle = MAKING
            .with_borrow(|making| making.iter().any(|other| other == name).then(|| making.join(" -> ")));
        if let Some(circle) = circle {
            return Err(Error::new(
                Code::NoProvider,
                format!("plugins need each other to start: {circle} -> {name}"),
            )
            .hint("A plugin has to ask for services when it uses them, not when it is made."));
        }
        let slot = Arc::clone(lock(&self.slots).entry(name.to_owned()).or_default());
        let loaded = slot.plugin.get_or_init(|| {
            MAKING.with_borrow_mut(|making| making.push(name.to_owned()));
            let loaded = self.load(entry);
            if let Err(error) = &loaded {
                audit::check_failed(&self.paths, name, entry.version().to_string(), error);
            }
            MAKING.with_borrow_mut(Vec::pop);
            loaded
        });
        match loaded {
            Ok(loaded) => lock(&loaded.plugin).clone().ok_or_else(|| {
                Error::new(Code::Failed, format!("the plugin {} has ended already", entry.label()))
            }),
            Err(error) => Err(error.clone()),
        }
    }

    fn load(self: &Arc<Self>, entry: &Entry) -> Result<Loaded> {
        let _inside = Inside::of(&entry.label());
        if entry.origin == Origin::Linked {
            tell_of_link(entry);
        }
        let remembered = self.paths.cache.as_deref().filter(|_| !self.config.verifies_always());
        let (header, digest) = open(entry, &DigestCache::new(remembered))?;
        let module =
            lock(&self.gate).admit(&entry.label(), header).map_err(|error| refused(entry, &error))?;
        let lent = Lent::new(Arc::clone(self), Arc::new(entry.clone()), &digest);
        match module.new()(abi::Host_TO::from_value(lent, TD_Opaque)) {
            ROk(plugin) => Ok(Loaded { label: entry.label(), plugin: Mutex::new(Some(Arc::new(plugin))) }),
            RErr(error) => Err(error.into()),
        }
    }
}

/// Nobody vouches for what is being written, and nobody should forget that it is in use.
fn tell_of_link(entry: &Entry) {
    let library = Link::of_version(&entry.dir).map_or_else(|| entry.dir.clone(), |link| link.library);
    output::warning(&format!(
        "{} is linked to {}; `seqera plugin unlink {}` ends that",
        entry.label(),
        library.display(),
        entry.name()
    ));
}

/// Opens the library of an entry whose digest is the one that the manifest names.
fn open(entry: &Entry, digests: &DigestCache) -> Result<(abi::LibraryHeader, String)> {
    let artifact = entry.artifact().ok_or_else(|| {
        cannot_load(entry, &format!("it has no library for {}", crate::TARGET)).hint(format!(
            "It has one for {}.",
            entry.manifest.artifact.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
        ))
    })?;
    let path = entry.dir.join(&artifact.file);
    ownership::check(entry)?;
    receipt::check_manifest(entry)
        .map_err(|error| error.hint("It was not opened. Install the plugin again."))?;
    let read_error =
        |error: std::io::Error| cannot_load(entry, &format!("{} cannot be read: {error}", path.display()));
    let mut file = files::open(&path).map_err(read_error)?;
    let digest = digests.of_file(&path, &mut file).map_err(read_error)?;
    if digest.sha256 != artifact.sha256 {
        return Err(Error::new(
            Code::Mismatch,
            format!("the library of {} was changed on disk", entry.label()),
        )
        .because(format!("{} has sha256 {}", path.display(), digest.sha256))
        .because(format!("its manifest says {}", artifact.sha256))
        .hint("It was not opened. Install the plugin, or seqera, again."));
    }
    if let Some(beginning) = &digest.beginning {
        library::check(&beginning.bytes, beginning.length).map_err(|problem| cannot_load(entry, &problem))?;
    }
    let header = library::open(&path, file).map_err(|problem| cannot_load(entry, &problem))?;
    Ok((header, digest.sha256))
}

fn refused(entry: &Entry, error: &GateError) -> Error {
    if matches!(error, GateError::Loader(_)) {
        return Error::new(Code::Crashed, format!("the plugin {} crashed", entry.label())).because(error);
    }
    cannot_load(entry, &error.to_string())
        .hint(format!("Install a version of {} for this seqera.", entry.name()))
}

fn cannot_load(entry: &Entry, problem: &str) -> Error {
    Error::new(Code::CannotLoad, format!("the plugin {} cannot be loaded", entry.label())).because(problem)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
