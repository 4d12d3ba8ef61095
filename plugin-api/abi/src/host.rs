//! What the host lends a plugin.

use abi_stable::std_types::{RBox, ROption, RResult, RStr, RString};
use abi_stable::{StableAbi, sabi_trait};

use crate::error::{Extension, PluginError};
use crate::service::Service_NE;

/// A host as one plugin holds it.
pub type HostBox = Host_TO<'static, RBox<()>>;
/// A callback that the host holds.
pub type CancelCallbackBox = CancelCallback_TO<'static, RBox<()>>;

/// The host, with the identity of one plugin bound in it.
#[sabi_trait]
pub trait Host: Send + Sync + Clone {
    /// A service by name and major version. Loads its provider when that is not loaded yet.
    fn service(&self, name: RStr<'_>, major: u32) -> RResult<Service_NE, PluginError>;

    /// The effective value of a setting.
    fn setting(&self, key: RStr<'_>) -> ROption<Setting>;

    /// What policy says about a key.
    fn policy(&self, key: RStr<'_>) -> ROption<RString>;

    /// What the host knows of a topic (`product`, `paths`, `plugins`, …), as JSON.
    fn facts(&self, topic: RStr<'_>) -> ROption<RString>;

    /// Facts about the standard streams.
    fn output_facts(&self) -> OutputFacts;

    /// The log filter: the most verbose level that is wanted of any target, `0` (off) to `5` (trace).
    fn log_level(&self) -> u8;

    /// Takes a line of the log.
    fn log(&self, record: LogRecord);

    /// The signal that asked the command to stop; `0` for none.
    fn cancelled(&self) -> i32;

    /// Registers a callback for that signal. While one is registered the process does not end at the first signal.
    fn on_cancel(&self, callback: CancelCallbackBox) -> u64;

    /// Takes a callback out again.
    fn release_cancel(&self, registration: u64);

    /// Reports a fault that no return value can carry, e.g. of a destructor. The process ends with its code.
    #[sabi(last_prefix_field)]
    fn report(&self, fault: PluginError);
}

/// Called when a signal asks the command to stop.
#[sabi_trait]
pub trait CancelCallback: Send + Sync {
    /// `signal` is its number. Runs on a thread of the host.
    #[sabi(last_prefix_field)]
    fn cancelled(&self, signal: i32);
}

/// A setting and where it comes from, frozen.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its value as text.
    pub value: RString,
    /// `default`, the name of a variable, or `FILE:LINE`.
    pub origin: RString,
    /// Room to grow.
    pub ext: Extension,
}

/// Facts about the standard streams, frozen.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Default, PartialEq, Eq)]
pub struct OutputFacts {
    /// Standard input is a terminal.
    pub stdin_terminal: bool,
    /// Standard output is a terminal.
    pub stdout_terminal: bool,
    /// Standard error is a terminal.
    pub stderr_terminal: bool,
    /// Colour is wanted on standard output.
    pub color_stdout: bool,
    /// Colour is wanted on standard error.
    pub color_stderr: bool,
    /// Room to grow.
    pub ext: Extension,
}

/// A line of the log, frozen. It carries no secrets.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// `1` (error) to `5` (trace).
    pub level: u8,
    /// Where in the program.
    pub target: RString,
    /// What is said.
    pub message: RString,
    /// Room to grow.
    pub ext: Extension,
}
