//! The log: lines of plugins on standard error, as far as `SEQERA_LOG` asks for them.
//!
//! The filter is read when the first plugin asks: without the variable nothing of this runs.

use std::sync::OnceLock;

use env_filter::{Builder, Filter};
use log::{Level, LevelFilter, Metadata};
use seqera_plugin_abi::LogRecord;

use crate::{output, redaction};

fn filter() -> Option<&'static Filter> {
    static FILTER: OnceLock<Option<Filter>> = OnceLock::new();
    FILTER
        .get_or_init(|| {
            let directives = std::env::var("SEQERA_LOG").ok().filter(|text| !text.trim().is_empty())?;
            let mut builder = Builder::new();
            if let Err(error) = builder.try_parse(&directives) {
                output::warning(&format!("SEQERA_LOG is not understood: {error}"));
            }
            Some(builder.build())
        })
        .as_ref()
}

/// The most verbose level that is wanted of anything, `0` to `5`.
pub fn level() -> u8 {
    match filter().map_or(LevelFilter::Off, Filter::filter) {
        LevelFilter::Off => 0,
        LevelFilter::Error => 1,
        LevelFilter::Warn => 2,
        LevelFilter::Info => 3,
        LevelFilter::Debug => 4,
        LevelFilter::Trace => 5,
    }
}

/// Writes a line if it is wanted.
pub fn write(record: &LogRecord) {
    let level = match record.level {
        1 => Level::Error,
        2 => Level::Warn,
        3 => Level::Info,
        4 => Level::Debug,
        _ => Level::Trace,
    };
    let metadata = Metadata::builder().level(level).target(&record.target).build();
    if filter().is_some_and(|filter| filter.enabled(&metadata)) {
        let message = redaction::redacted(&record.message);
        output::people(&format!("[{level} {}] {}\n", record.target, output::printable(&message)));
    }
}
