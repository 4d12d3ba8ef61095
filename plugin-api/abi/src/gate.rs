//! The load gate: whether a library that was opened may take part.
//!
//! abi_stable's own check goes one way and shares its bookkeeping: it refuses an older plugin as soon as anything
//! was appended, and mixes up three parties of different age. Ours compares in pairs, in both directions, with fresh
//! bookkeeping each time: the newcomer with the host, and with every plugin already in unless both are at most as new
//! as the host, which then vouches for the pair. "The older is a prefix of the newer" is what prefix types and vtables
//! handle at run time; everything else is refused.

use std::ffi::c_void;
use std::fmt;
use std::ptr::NonNull;

use abi_stable::StableAbi;
use abi_stable::abi_stability::abi_checking::{
    AbiInstability, AbiInstabilityErrors, CheckingGlobals, check_layout_compatibility_with_globals as check,
};
use abi_stable::library::{AbiHeaderRef, LibHeader, LibraryError, ROOT_MODULE_LOADER_NAME_WITH_NUL};
use abi_stable::type_layout::{TLField, TLFieldOrFunction, TypeLayout};

use crate::module::PluginModule_Ref;

/// The one symbol that a plugin exports, with the NUL that ends it.
pub const ENTRY_SYMBOL: &str = ROOT_MODULE_LOADER_NAME_WITH_NUL;

/// Why a library may not take part.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GateError {
    /// The symbol does not lead to a header of our kind.
    NotAPlugin(String),
    /// Another major version of the contract.
    Version {
        /// What the plugin was built against.
        plugin: String,
        /// What this host speaks.
        host: String,
    },
    /// The same version in name, another in shape.
    Layout {
        /// The other party: `seqera` or a plugin.
        with: String,
        /// The first difference.
        difference: String,
    },
    /// Its loader panicked or failed.
    Loader(String),
}

impl fmt::Display for GateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAPlugin(reason) => write!(f, "it is not a seqera plugin: {reason}"),
            Self::Version { plugin, host } => {
                write!(f, "it was built for plugin ABI {plugin}; this seqera speaks {host}")
            }
            Self::Layout { with, difference } => {
                write!(f, "its plugin ABI differs from that of {with}: {difference}")
            }
            Self::Loader(reason) => write!(f, "it failed while it was loaded: {reason}"),
        }
    }
}

impl std::error::Error for GateError {}

/// The header that [`ENTRY_SYMBOL`] leads to.
#[derive(Clone, Copy)]
pub struct LibraryHeader(AbiHeaderRef);

impl LibraryHeader {
    /// Takes the address of [`ENTRY_SYMBOL`].
    ///
    /// # Safety
    /// `symbol` is the address of that symbol in a library that stays open for the life of the process.
    #[must_use]
    pub unsafe fn from_symbol(symbol: NonNull<c_void>) -> Self {
        // SAFETY: `AbiHeaderRef` is a transparent pointer to the header that the symbol names; the header begins
        // with a magic string, which is read before anything else of it is trusted.
        Self(unsafe { std::mem::transmute::<NonNull<c_void>, AbiHeaderRef>(symbol) })
    }
}

/// The host's gate: remembers who is in.
#[derive(Default)]
pub struct LoadGate {
    /// Those that are newer than the host. The others need no comparison with each other: what each of them knows
    /// is the beginning of what the host knows, so the same beginning.
    newer: Vec<(String, &'static TypeLayout)>,
    older: Vec<(String, &'static TypeLayout)>,
}

/// How a plugin stands to the host.
#[derive(Clone, Copy, PartialEq)]
enum Age {
    /// Everything that it knows the host knows too.
    NotNewer,
    /// It knows what the host knows, and more.
    Newer,
}

impl LoadGate {
    /// A gate that nobody has passed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the plugin `name` in, or says why not.
    ///
    /// # Errors
    /// See [`GateError`].
    pub fn admit(&mut self, name: &str, header: LibraryHeader) -> Result<PluginModule_Ref, GateError> {
        if !header.0.is_valid() {
            return Err(GateError::NotAPlugin("its header is of another kind".to_owned()));
        }
        let header = header.0.upgrade().map_err(|error| GateError::NotAPlugin(first_line(&error)))?;
        check_version(header)?;
        let layout = header
            .layout()
            .ok_or_else(|| GateError::NotAPlugin("it carries no layout to check".to_owned()))?;
        let age = self.compare(layout)?;
        // SAFETY: the layout of the root module was just compared with ours, which is what the checked variant
        // would do with the one-way comparison that the module documentation rejects.
        let module = unsafe { header.init_root_module_with_unchecked_layout::<PluginModule_Ref>() }
            .map_err(|error| GateError::Loader(first_line(&error)))?;
        let list = if age == Age::Newer { &mut self.newer } else { &mut self.older };
        list.push((name.to_owned(), layout));
        Ok(module)
    }

    /// Compares a newcomer with the host, and with every plugin in that the host does not vouch for.
    fn compare(&self, newcomer: &'static TypeLayout) -> Result<Age, GateError> {
        let host: &'static TypeLayout = <PluginModule_Ref as StableAbi>::LAYOUT;
        let age = compatible(host, newcomer)
            .map_err(|difference| GateError::Layout { with: "seqera".to_owned(), difference })?;
        let others = if age == Age::Newer { self.older.as_slice() } else { &[] };
        for (with, known) in self.newer.iter().chain(others) {
            compatible(known, newcomer)
                .map_err(|difference| GateError::Layout { with: with.clone(), difference })?;
        }
        Ok(age)
    }
}

/// Compares in both directions, the likely one first; one that fits is enough.
fn compatible(known: &'static TypeLayout, newcomer: &'static TypeLayout) -> Result<Age, String> {
    // The first party is what is expected, the second what is there: it may have more.
    if check(newcomer, known, &CheckingGlobals::new()).is_ok() {
        return Ok(Age::NotNewer);
    }
    check(known, newcomer, &CheckingGlobals::new())
        .map(|()| Age::Newer)
        .map_err(|errors| first_difference(&errors))
}

fn check_version(header: &LibHeader) -> Result<(), GateError> {
    let plugin = header.version_strings().version.as_str().to_owned();
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(&plugin) == major(crate::ABI_VERSION) {
        Ok(())
    } else {
        Err(GateError::Version { plugin, host: crate::ABI_VERSION.to_owned() })
    }
}

/// abi_stable's whole report is tens of kilobytes; the first difference tells what to look at.
fn first_difference(errors: &AbiInstabilityErrors) -> String {
    let Some((error, difference)) = errors.errors.iter().find_map(|error| Some((error, error.errs.first()?)))
    else {
        return "something in it".to_owned();
    };
    let fields: Vec<TLField> = error
        .stack_trace
        .iter()
        .filter_map(|frame| match frame.expected {
            TLFieldOrFunction::Field(field) => Some(field),
            TLFieldOrFunction::Function(_) => None,
        })
        .collect();
    let is_of_the_type =
        !matches!(difference, AbiInstability::Name(_) | AbiInstability::MismatchedPrimitive(_));
    let place = match fields.as_slice() {
        [.., field] if is_of_the_type => field.layout().name().to_owned(),
        [.., parent, field] => format!("{}.{}", parent.layout().name(), field.name()),
        [field] => field.name().to_owned(),
        [] => errors.interface.name().to_owned(),
    };
    format!("{place}, {}", in_words(difference))
}

fn in_words(difference: &AbiInstability) -> String {
    match difference {
        AbiInstability::Name(types) => format!("{} expected, {} found", types.expected, types.found),
        AbiInstability::UnexpectedField(fields) => {
            format!("field `{}` expected, `{}` found", fields.expected.name(), fields.found.name())
        }
        AbiInstability::UnexpectedVariant(variants) => {
            format!("variant `{}` expected, `{}` found", variants.expected, variants.found)
        }
        AbiInstability::Size(sizes) => format!("{} bytes expected, {} found", sizes.expected, sizes.found),
        AbiInstability::FieldCountMismatch(counts) => {
            format!("{} fields expected, {} found", counts.expected, counts.found)
        }
        // The name of the variant says which kind it is; what it carries may be pages long.
        other => format!("{other:?}").split(['(', ' ', '{']).next().unwrap_or_default().to_owned(),
    }
}

fn first_line(error: &LibraryError) -> String {
    let text = match error {
        LibraryError::RootModule { err, .. } => err.to_string(),
        other => other.to_string(),
    };
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("unknown").to_owned()
}
