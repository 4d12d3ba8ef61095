//! What a plugin says about itself, taken from its clap definitions so that nothing is written twice.

use clap::CommandFactory;
use seqera_plugin_abi::description::{
    Argument, Capabilities, Command, DESCRIPTION_FORMAT, Description, Requirement,
};

/// A plugin's own description. Packaging turns it into `plugin.toml` and `cli.json`.
#[derive(Debug, Clone)]
pub struct Manifest {
    description: Description,
}

impl Manifest {
    /// A plugin of that name and (semver) version. See [`manifest!`](crate::manifest!) for both from `Cargo.toml`.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            description: Description {
                format: DESCRIPTION_FORMAT,
                name: name.to_owned(),
                version: version.to_owned(),
                about: String::new(),
                publisher: String::new(),
                abi: seqera_plugin_abi::ABI_VERSION.to_owned(),
                requires: std::collections::BTreeMap::new(),
                provides: std::collections::BTreeMap::new(),
                capabilities: Capabilities::default(),
                commands: Vec::new(),
            },
        }
    }

    /// One line that says what it is for.
    #[must_use]
    pub fn about(mut self, about: &str) -> Self {
        about.clone_into(&mut self.description.about);
        self
    }

    /// Who publishes it.
    #[must_use]
    pub fn publisher(mut self, publisher: &str) -> Self {
        publisher.clone_into(&mut self.description.publisher);
        self
    }

    /// Claims a top-level word: the name of this clap command, with its aliases.
    #[must_use]
    pub fn command<A: CommandFactory>(mut self) -> Self {
        let clap = A::command();
        let name = clap.get_name().to_owned();
        let mut clap = styled_command(clap, &name);
        clap.build();
        self.description.commands.push(describe(&clap, &clap, &mut Vec::new()));
        self
    }

    /// Uses a service and cannot do its work without.
    #[must_use]
    pub fn requires(mut self, service: &str, major: u32) -> Self {
        self.description.requires.insert(service.to_owned(), Requirement { major, optional: false });
        self
    }

    /// Uses a service when there is one.
    #[must_use]
    pub fn uses(mut self, service: &str, major: u32) -> Self {
        self.description.requires.insert(service.to_owned(), Requirement { major, optional: true });
        self
    }

    /// Provides a service.
    #[must_use]
    pub fn provides(mut self, service: &str, major: u32) -> Self {
        self.description.provides.insert(service.to_owned(), major);
        self
    }

    /// Asks for tokens of this audience.
    #[must_use]
    pub fn token_audience(mut self, audience: &str) -> Self {
        self.description.capabilities.audiences.push(audience.to_owned());
        self
    }

    /// Asks to send the bearer to this host, besides the configured backend and authority.
    #[must_use]
    pub fn bearer_host(mut self, host: &str) -> Self {
        self.description.capabilities.hosts.push(host.to_owned());
        self
    }

    /// The description as it crosses the ABI.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.description).unwrap_or_default()
    }
}

/// A [`Manifest`] with the version and the description of the crate's `Cargo.toml`. `manifest!("org")`
#[macro_export]
macro_rules! manifest {
    ($name:expr) => {
        $crate::Manifest::new($name, ::core::env!("CARGO_PKG_VERSION"))
            .about(::core::env!("CARGO_PKG_DESCRIPTION"))
    };
}

/// A clap command as `seqera NAME` shows it.
pub(crate) fn styled_command(command: clap::Command, name: &str) -> clap::Command {
    command.bin_name(format!("seqera {name}")).disable_version_flag(true)
}

/// Describes `clap`, which is reached from `root` by the words of `path`.
fn describe(root: &clap::Command, clap: &clap::Command, path: &mut Vec<String>) -> Command {
    Command {
        name: clap.get_name().to_owned(),
        about: clap.get_about().map(ToString::to_string).unwrap_or_default(),
        aliases: clap.get_all_aliases().map(str::to_owned).collect(),
        hidden: clap.is_hide_set(),
        help: help(root, path),
        arguments: clap.get_arguments().map(describe_argument).collect(),
        subcommands: clap
            .get_subcommands()
            .filter(|subcommand| subcommand.get_name() != "help")
            .map(|subcommand| {
                path.push(subcommand.get_name().to_owned());
                let described = describe(root, subcommand, path);
                path.pop();
                described
            })
            .collect(),
    }
}

/// What `--help` prints there: asked of the parser itself, so that the two cannot differ.
fn help(root: &clap::Command, path: &[String]) -> String {
    let words = path.iter().map(String::as_str).chain(["--help"]);
    let parsed = root.clone().no_binary_name(true).try_get_matches_from(words);
    parsed.err().map(|error| error.render().ansi().to_string()).unwrap_or_default()
}

fn describe_argument(argument: &clap::Arg) -> Argument {
    Argument {
        id: argument.get_id().to_string(),
        long: argument.get_long().map(str::to_owned),
        short: argument.get_short(),
        help: argument.get_help().map(ToString::to_string).unwrap_or_default(),
        takes_value: argument.get_action().takes_values(),
        values: argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect(),
        hidden: argument.is_hide_set(),
    }
}
