//! `seqera version`

use std::fmt::Write as _;

use clap::Parser;

use super::surroundings;
use crate::discovery::Catalog;
use crate::error::Result;
use crate::output;

/// Show the versions of seqera, of its plugin ABI and of its plugins
#[derive(Debug, Parser)]
#[command(name = "version")]
pub struct VersionArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `--version`: the fastest thing there is.
pub fn print_short() -> Result<()> {
    output::data(concat!("seqera ", env!("CARGO_PKG_VERSION"), "\n"))
}

/// # Errors
/// Those of the configuration.
pub fn run(args: &VersionArgs) -> Result<()> {
    let (paths, config) = surroundings()?;
    let plugins = super::plugin::list::effective(&Catalog::new(&paths, &config));
    if args.json {
        let plugins: serde_json::Map<_, _> = plugins
            .iter()
            .map(|entry| (entry.name().to_owned(), entry.version().to_string().into()))
            .collect();
        let json = serde_json::json!({
            "version": crate::VERSION, "abi": seqera_plugin_abi::ABI_VERSION, "target": crate::TARGET, "plugins": plugins,
        });
        return output::data(&format!("{json:#}\n"));
    }
    let mut text = format!(
        "seqera {}\nplugin ABI {}\ntarget {}\n",
        crate::VERSION,
        seqera_plugin_abi::ABI_VERSION,
        crate::TARGET
    );
    for entry in &plugins {
        let _infallible = writeln!(text, "plugin {}", entry.label());
    }
    output::data(&text)
}
