//! The log: `log` macros of this library go to the host.
//!
//! Every library has its own copy of the `log` crate, so each installs its own forwarder. Only our own targets are
//! forwarded: what libraries log of their traffic is not ours to vouch for. The value of a `Secret` that this library
//! holds, or held, is taken out of every line.

use std::sync::OnceLock;

use log::{Level, LevelFilter, Log, Metadata, Record};
use seqera_plugin_abi as abi;
use seqera_plugin_abi::RVec;

struct Forwarder(abi::HostBox);

static FORWARDER: OnceLock<Forwarder> = OnceLock::new();

pub(super) fn install(host: &abi::HostBox) {
    let level = match host.log_level() {
        0 => return,
        1 => LevelFilter::Error,
        2 => LevelFilter::Warn,
        3 => LevelFilter::Info,
        4 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    let forwarder = FORWARDER.get_or_init(|| Forwarder(host.clone()));
    if log::set_logger(forwarder).is_ok() {
        log::set_max_level(level);
        crate::secret::remember_all();
    }
}

impl Log for Forwarder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("seqera")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        self.0.log(abi::LogRecord {
            level: level_number(record.level()),
            target: record.target().into(),
            message: crate::secret::masked(record.args().to_string()).into(),
            ext: RVec::new(),
        });
    }

    fn flush(&self) {}
}

fn level_number(level: Level) -> u8 {
    match level {
        Level::Error => 1,
        Level::Warn => 2,
        Level::Info => 3,
        Level::Debug => 4,
        Level::Trace => 5,
    }
}
