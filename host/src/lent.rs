//! What the host lends one plugin. The identity of the plugin is bound in it.

use std::sync::Arc;

use seqera_plugin_abi as abi;
use seqera_plugin_abi::{
    CancelCallbackBox, LogRecord, OutputFacts, PluginError, RErr, ROk, ROption, RResult, RStr, RString,
};

use crate::broker::Broker;
use crate::discovery::Entry;
use crate::log;
use crate::output;

/// The host, as the plugin `entry` holds it.
#[derive(Clone)]
pub struct Lent {
    broker: Arc<Broker>,
    entry: Arc<Entry>,
    digest: Arc<str>,
}

impl Lent {
    pub fn new(broker: Arc<Broker>, entry: Arc<Entry>, digest: &str) -> Self {
        Self { broker, entry, digest: digest.into() }
    }

    /// Who asks, as providers are told.
    fn consumer(&self) -> abi::Consumer {
        let capabilities = &self.entry.manifest.capabilities;
        // Further hosts are a grant of the user, and there are no grants yet: only bundled plugins have theirs.
        let hosts = match self.entry.origin {
            crate::discovery::Origin::Bundled => capabilities.hosts.as_slice(),
            crate::discovery::Origin::User | crate::discovery::Origin::Linked => &[],
        };
        abi::Consumer {
            plugin: self.entry.name().into(),
            version: self.entry.version().to_string().into(),
            digest: (*self.digest).into(),
            audiences: capabilities.audiences.iter().map(|audience| audience.as_str().into()).collect(),
            hosts: hosts.iter().map(|host| host.as_str().into()).collect(),
            ext: abi::RVec::new(),
        }
    }
}

impl abi::Host for Lent {
    fn service(&self, name: RStr<'_>, major: u32) -> RResult<abi::Service_NE, PluginError> {
        match self.broker.service(&self.entry, self.consumer(), name.as_str(), major) {
            Ok(service) => ROk(service),
            Err(error) => RErr(PluginError::from(&error)),
        }
    }

    fn setting(&self, key: RStr<'_>) -> ROption<abi::Setting> {
        let setting = self.broker.config().setting(key.as_str());
        setting
            .map(|setting| abi::Setting {
                value: setting.value.into(),
                origin: setting.origin.into(),
                ext: abi::RVec::new(),
            })
            .into()
    }

    fn policy(&self, _key: RStr<'_>) -> ROption<RString> {
        // With a policy file this version runs no plugin at all (see `run`), so there is nothing to say here.
        ROption::RNone
    }

    fn facts(&self, topic: RStr<'_>) -> ROption<RString> {
        let facts = match topic.as_str() {
            "label" => Some(self.entry.label()),
            "product" => Some(crate::product_json()),
            "paths" => Some(self.broker.paths().to_json()),
            "plugins" => Some(self.broker.plugins_json()),
            _ => None,
        };
        facts.map(RString::from).into()
    }

    fn output_facts(&self) -> OutputFacts {
        output::facts().clone()
    }

    fn log_level(&self) -> u8 {
        log::level()
    }

    fn log(&self, record: LogRecord) {
        log::write(&record);
    }

    fn cancelled(&self) -> i32 {
        self.broker.signals().received()
    }

    fn on_cancel(&self, callback: CancelCallbackBox) -> u64 {
        self.broker.signals().register(callback)
    }

    fn release_cancel(&self, registration: u64) {
        self.broker.signals().release(registration);
    }

    fn report(&self, fault: PluginError) {
        self.broker.report(fault.into());
    }
}
