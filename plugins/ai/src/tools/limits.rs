//! How much a tool may say, and how long it may take.

use std::time::Duration;

use seqera_plugin_api::Host;

/// The limits of the protocol (section 1.3), each with its setting.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Lines and bytes of one stream of a command.
    pub(super) output_lines: usize,
    pub(super) output_bytes: usize,
    /// How long a command may run.
    pub(super) command_time: Duration,
    /// Lines and bytes of one reading of a file, and characters of one line of it.
    pub(super) read_lines: usize,
    pub(super) read_bytes: usize,
    pub(super) line_chars: usize,
    /// Lines that are read when no range is asked for.
    pub(super) implicit_lines: usize,
    /// Matches of a search when nobody says how many.
    pub(super) search_results: usize,
    /// Entries of a listing.
    pub(super) list_entries: usize,
    /// A file that exists is overwritten whole up to this size, old and new.
    pub(super) overwrite_lines: usize,
    pub(super) overwrite_chars: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            output_lines: 1200,
            output_bytes: 50_000,
            command_time: Duration::from_secs(300),
            read_lines: 1200,
            read_bytes: 50_000,
            line_chars: 2000,
            implicit_lines: 250,
            search_results: 100,
            list_entries: 100,
            overwrite_lines: 160,
            overwrite_chars: 6000,
        }
    }
}

impl Limits {
    /// As configured; what is no number, or too small to be of use, is the least of use or the default.
    pub(super) fn of(host: &Host) -> Self {
        let number = |key: &str, least: usize, default: usize| {
            let value = crate::settings::number(host, key).and_then(|value| usize::try_from(value).ok());
            value.unwrap_or(default).max(least)
        };
        let default = Self::default();
        Self {
            output_lines: number("ai_tool_output_max_lines", 200, default.output_lines),
            output_bytes: number("ai_tool_output_max_bytes", 4096, default.output_bytes),
            command_time: Duration::from_secs(number(
                "ai_command_timeout_seconds",
                1,
                usize::try_from(default.command_time.as_secs()).unwrap_or(300),
            ) as u64),
            read_lines: number("ai_read_max_lines", 200, default.read_lines),
            read_bytes: number("ai_read_max_bytes", 4096, default.read_bytes),
            line_chars: number("ai_read_line_chars", 256, default.line_chars),
            implicit_lines: number("ai_implicit_read_lines", 50, default.implicit_lines),
            search_results: number("ai_search_max_results", 20, default.search_results),
            list_entries: number("ai_list_max_entries", 20, default.list_entries),
            overwrite_lines: number("ai_existing_write_max_lines", 40, default.overwrite_lines),
            overwrite_chars: number("ai_existing_write_max_chars", 1024, default.overwrite_chars),
        }
    }
}
