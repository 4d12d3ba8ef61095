//! Errors and small records, both ways.

use std::ffi::OsString;

use seqera_plugin_abi as abi;
use seqera_plugin_abi::{RErr, ROk, RResult, RString, RVec, Tuple2};

use crate::error::{Error, ErrorKind, Result};
use crate::plugin::Invocation;
use crate::service::{Consumer, OrganizationSelection};

pub(super) fn error_out(error: &Error) -> abi::PluginError {
    abi::PluginError {
        code: abi::ErrorCode(error.exit_code()),
        message: error.message().into(),
        causes: strings(error.causes()),
        hints: strings(error.hints()),
        ext: pairs(error.details()),
    }
}

pub(super) fn error_in(error: abi::PluginError) -> Error {
    if error.message.is_empty() {
        return Error::silent(error.code.0);
    }
    let mut result = Error::new(ErrorKind::from_code(error.code.0), error.message.into_string());
    for cause in error.causes {
        result = result.because(cause);
    }
    for hint in error.hints {
        result = result.hint(hint.into_string());
    }
    for Tuple2(name, value) in error.ext {
        result = result.with(name.into_string(), value);
    }
    result
}

pub(super) fn result_out<T, R>(
    result: Result<T>,
    convert: impl FnOnce(T) -> R,
) -> RResult<R, abi::PluginError> {
    match result {
        Ok(value) => ROk(convert(value)),
        Err(error) => RErr(error_out(&error)),
    }
}

pub(super) fn result_in<T, R>(
    result: RResult<R, abi::PluginError>,
    convert: impl FnOnce(R) -> T,
) -> Result<T> {
    match result {
        ROk(value) => Ok(convert(value)),
        RErr(error) => Err(error_in(error)),
    }
}

pub(super) fn invocation_in(invocation: abi::Invocation) -> Invocation {
    Invocation::new(
        &invocation.command,
        invocation.arguments.into_iter().map(|argument| os_string(argument.into_vec())),
    )
}

#[cfg(unix)]
fn os_string(bytes: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}

#[cfg(not(unix))]
fn os_string(bytes: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

pub(super) fn consumer_in(consumer: abi::Consumer) -> Consumer {
    let list = |names: RVec<RString>| names.into_iter().map(RString::into_string).collect();
    Consumer {
        plugin: consumer.plugin.into_string(),
        version: consumer.version.into_string(),
        digest: consumer.digest.into_string(),
        audiences: list(consumer.audiences),
        hosts: list(consumer.hosts),
    }
}

pub(super) fn selection_out(
    selection: OrganizationSelection,
) -> abi::service::organization::OrganizationSelection {
    abi::service::organization::OrganizationSelection {
        id: selection.id.into(),
        name: selection.name.into(),
        kind: selection.kind.map(RString::from).into(),
        ext: RVec::new(),
    }
}

pub(super) fn selection_in(
    selection: abi::service::organization::OrganizationSelection,
) -> OrganizationSelection {
    OrganizationSelection {
        id: selection.id.into_string(),
        name: selection.name.into_string(),
        kind: selection.kind.into_option().map(RString::into_string),
    }
}

pub(super) fn pairs(values: &[(String, String)]) -> RVec<Tuple2<RString, RString>> {
    values.iter().map(|(name, value)| Tuple2(name.as_str().into(), value.as_str().into())).collect()
}

pub(super) fn pairs_in(values: RVec<Tuple2<RString, RString>>) -> Vec<(String, String)> {
    values.into_iter().map(|Tuple2(name, value)| (name.into_string(), value.into_string())).collect()
}

fn strings(values: &[String]) -> RVec<RString> {
    values.iter().map(|value| RString::from(value.as_str())).collect()
}
