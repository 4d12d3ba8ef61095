//! What the host lends one plugin. The identity of the plugin is bound in it.

use std::sync::Arc;

use seqera_plugin_abi as abi;
use seqera_plugin_abi::{
    CancelCallbackBox, LogRecord, OutputFacts, PluginError, RErr, ROk, ROption, RResult, RStr, RString,
};

use crate::broker::Broker;
use crate::discovery::Entry;
use crate::error::Result;
use crate::log;
use crate::output;
use crate::sign_in::{self, Capability};

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

    /// Who asks, as providers are told: with what was granted, and nothing else of what the manifest asks for.
    fn consumer(&self, service: &str) -> Result<abi::Consumer> {
        let mut consumer = abi::Consumer {
            plugin: self.entry.name().into(),
            version: self.entry.version().to_string().into(),
            digest: (*self.digest).into(),
            ..abi::Consumer::default()
        };
        let decisions = sign_in::obtain(self.broker.paths(), self.broker.config(), &self.entry, service)?;
        for decision in decisions.into_iter().filter(|decision| decision.granted) {
            match decision.capability {
                Capability::Audience(name) => consumer.audiences.push(name.into()),
                Capability::Host(name) => consumer.hosts.push(name.into()),
            }
        }
        Ok(consumer)
    }
}

impl abi::Host for Lent {
    fn service(&self, name: RStr<'_>, major: u32) -> RResult<abi::Service_NE, PluginError> {
        let name = name.as_str();
        let service = Broker::check_declared(&self.entry, name, major)
            .and_then(|()| self.broker.service(self.consumer(name)?, name, major));
        match service {
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

    fn policy(&self, key: RStr<'_>) -> ROption<RString> {
        let policy = self.broker.config().policy().ok().flatten();
        policy.and_then(|policy| policy.section(key.as_str())).map(RString::from).into()
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
