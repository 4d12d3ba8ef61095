//! What [`export_plugin!`](crate::export_plugin!) leads to: the root module of a plugin type.

use std::sync::Arc;

use seqera_plugin_abi as abi;
use seqera_plugin_abi::export::leak;
pub use seqera_plugin_abi::export_root_module;
use seqera_plugin_abi::{RErr, ROk, RResult, RStr, RString, TD_Opaque};

use super::convert::{consumer_in, error_out, invocation_in, result_out};
use super::fence::{fenced, name_plugin};
use super::host::AbiLender;
use super::service::service_out;
use crate::error::{Error, ErrorKind, Result};
use crate::host::Host;
use crate::plugin::Plugin;

/// The root module of `P`.
#[must_use]
pub fn root_module<P: Plugin>() -> abi::PluginModule_Ref {
    leak(abi::PluginModule { describe: describe::<P>, new: construct::<P> })
}

extern "C" fn describe<P: Plugin>() -> RResult<RString, abi::PluginError> {
    let described = fenced(|| {
        self_test();
        Ok(P::manifest().to_json())
    });
    result_out(described, RString::from)
}

/// Whoever packages or installs a plugin wants to know, before it is used, that its panics stay inside: a library
/// built with `panic = "abort"` would take the whole process down.
fn self_test() {
    if std::env::var_os("SEQERA_PLUGIN_SELF_TEST").is_some_and(|wish| wish == "panic") {
        panic!("as the self-test wishes");
    }
}

extern "C" fn construct<P: Plugin>(host: abi::HostBox) -> RResult<abi::PluginBox, abi::PluginError> {
    super::log::install(&host);
    if let Some(label) = host.facts("label".into()).into_option() {
        name_plugin(label.into_string());
    }
    let made = fenced(|| P::new(Host::new(Arc::new(AbiLender(host.clone())))));
    result_out(made, |plugin| abi::Plugin_TO::from_value(Fenced { plugin: Some(plugin), host }, TD_Opaque))
}

/// A plugin inside its fence.
struct Fenced<P: Plugin> {
    /// `None` only while it is being dropped.
    plugin: Option<P>,
    host: abi::HostBox,
}

impl<P: Plugin> Fenced<P> {
    fn plugin(&self) -> Result<&P> {
        self.plugin.as_ref().ok_or_else(|| Error::new(ErrorKind::Crashed, "the plugin was dropped already"))
    }
}

impl<P: Plugin> abi::Plugin for Fenced<P> {
    fn run(&self, invocation: abi::Invocation) -> RResult<u8, abi::PluginError> {
        let outcome = fenced(|| self.plugin()?.run(&invocation_in(invocation)));
        // This library's buffer of standard output is its own: what is in it now would be lost.
        let flushed = crate::output::flush();
        result_out(outcome.and_then(|exit| flushed.map(|()| exit)), crate::plugin::Exit::get)
    }

    fn provide(
        &self,
        name: RStr<'_>,
        major: u32,
        consumer: abi::Consumer,
    ) -> RResult<abi::Service_NE, abi::PluginError> {
        let consumer = consumer_in(consumer);
        match fenced(|| self.plugin()?.provide(name.as_str(), major, &consumer)) {
            Ok(Some(service)) => ROk(service_out(service)),
            Ok(None) => RErr(error_out(&Error::new(
                ErrorKind::NoProvider,
                format!("its plugin does not provide {name}@{major}"),
            ))),
            Err(error) => RErr(error_out(&error)),
        }
    }
}

impl<P: Plugin> Drop for Fenced<P> {
    fn drop(&mut self) {
        let plugin = self.plugin.take();
        let dropped = fenced(|| {
            drop(plugin);
            Ok(())
        });
        if let Err(error) = dropped {
            self.host.report(error_out(&error));
        }
    }
}
