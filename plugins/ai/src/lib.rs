//! `seqera ai`: the terminal assistant.
//!
//! # Architecture
//!
//! | room | does |
//! | --- | --- |
//! | [`agent`] | decides: a pure core, `Event -> State + Effects`, without I/O, clock or threads |
//! | `driver` | carries the effects out and reports back as events |
//! | `approvals` | who decides about a tool: the engine by its rules, or a person who is asked |
//! | `tools` | the tools of this machine: each runs as it was allowed, and not otherwise |
//! | `backend` | the wire: types, event-stream parser, requests with their retries |
//! | `surroundings` | what the backend is told about the directory: files, git, skills, instructions |
//! | `resume` | `-s` and `-c`: which session is gone on with |
//! | `journal`, `sessions` | what this machine keeps of a conversation, and the commands that show it |
//! | `settings` | numbers and truth values of the configuration |
//! | `sanitizer`, `secrets` | everything that is not ours, on its way to a terminal; what nobody may see |
//! | `headless` | one question, the answer on standard output as text or events |
//! | `line_mode` | a conversation line by line, which any terminal and any screen reader can follow |
//!
//! The plugin holds no token and no HTTP client: both are services of others.

pub mod agent;
mod approvals;
mod backend;
mod command;
mod driver;
mod headless;
mod journal;
mod line_mode;
mod resume;
mod sanitizer;
mod secrets;
mod sessions;
mod settings;
mod surroundings;
mod tools;

use seqera_plugin_api::service::{ORGANIZATION, PLATFORM_HTTP, TOKEN_PROVIDER};
use seqera_plugin_api::{Exit, Host, Invocation, Manifest, Plugin, Result, export_plugin, manifest};

use crate::command::AiArgs;

/// The plugin.
pub struct AiPlugin {
    host: Host,
}

impl Plugin for AiPlugin {
    fn manifest() -> Manifest {
        manifest!("ai")
            .publisher("seqera")
            .command::<AiArgs>()
            .requires(TOKEN_PROVIDER, 1)
            .requires(PLATFORM_HTTP, 1)
            .uses(ORGANIZATION, 1)
            .token_audience("platform")
    }

    fn new(host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn run(&self, invocation: &Invocation) -> Result<Exit> {
        command::run(&self.host, &invocation.parse(&self.host)?)
    }
}

export_plugin!(AiPlugin);
