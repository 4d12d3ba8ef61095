//! The real host behind a [`Host`](crate::Host).

use seqera_plugin_abi as abi;
use seqera_plugin_abi::{ROption, RString, TD_Opaque};

use crate::boundary::convert::error_in;
use crate::boundary::service::service_in;
use crate::error::Result;
use crate::host::{CancelGuard, Lender, Setting, Terminal};
use crate::output::Output;
use crate::service::Service;

pub(super) struct AbiLender(pub(super) abi::HostBox);

impl Lender for AbiLender {
    fn service(&self, name: &str, major: u32) -> Result<Service> {
        match self.0.service(name.into(), major) {
            abi::ROk(service) => service_in(name, service),
            abi::RErr(error) => Err(error_in(error)),
        }
    }

    fn setting(&self, key: &str) -> Option<Setting> {
        let setting = self.0.setting(key.into()).into_option()?;
        Some(Setting { value: setting.value.into_string(), origin: setting.origin.into_string() })
    }

    fn policy(&self, key: &str) -> Option<String> {
        self.0.policy(key.into()).into_option().map(RString::into_string)
    }

    fn facts(&self, topic: &str) -> Option<String> {
        match self.0.facts(topic.into()) {
            ROption::RSome(facts) => Some(facts.into_string()),
            ROption::RNone => None,
        }
    }

    fn terminal(&self) -> Terminal {
        let facts = self.0.output_facts();
        Terminal {
            stdin: facts.stdin_terminal,
            stdout: facts.stdout_terminal,
            stderr: facts.stderr_terminal,
            color_stdout: facts.color_stdout,
            color_stderr: facts.color_stderr,
        }
    }

    fn cancelled(&self) -> Option<i32> {
        Some(self.0.cancelled()).filter(|signal| *signal != 0)
    }

    fn on_cancel(&self, callback: Box<dyn Fn(i32) + Send + Sync>) -> CancelGuard {
        let callback = abi::CancelCallback_TO::from_value(Callback(callback), TD_Opaque);
        CancelGuard::new(Registration { number: self.0.on_cancel(callback), host: self.0.clone() })
    }

    fn output(&self) -> Output {
        Output::process(self.0.output_facts().color_stderr)
    }
}

struct Registration {
    number: u64,
    host: abi::HostBox,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.host.release_cancel(self.number);
    }
}

struct Callback(Box<dyn Fn(i32) + Send + Sync>);

impl abi::CancelCallback for Callback {
    fn cancelled(&self, signal: i32) {
        let callback = &self.0;
        let _nobody_to_tell = super::fence::fenced(|| {
            callback(signal);
            Ok(())
        });
    }
}
