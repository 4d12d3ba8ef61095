//! `platform-http@1`

use abi_stable::std_types::{RBox, ROption, RResult, RString, RVec, Tuple2};
use abi_stable::{StableAbi, sabi_trait};

use crate::error::{Extension, PluginError};

/// The service as it crosses the boundary.
pub type PlatformHttpBox = PlatformHttp_TO<'static, RBox<()>>;
/// A request under way as it crosses the boundary.
pub type ExchangeBox = Exchange_TO<'static, RBox<()>>;
/// A cancel handle as it crosses the boundary.
pub type CancellerBox = Canceller_TO<'static, RBox<()>>;

/// Makes HTTP requests.
#[sabi_trait]
pub trait PlatformHttp: Send + Sync {
    /// Starts a request and returns at once.
    #[sabi(last_prefix_field)]
    fn open(&self, request: HttpRequest) -> RResult<ExchangeBox, PluginError>;
}

/// One request under way.
#[sabi_trait]
pub trait Exchange: Send {
    /// Waits for status and headers.
    fn head(&mut self) -> RResult<ResponseHead, PluginError>;

    /// Waits for 1 to `max` bytes of the body; nothing at its end.
    fn read(&mut self, max: usize) -> RResult<RVec<u8>, PluginError>;

    /// A handle that cancels it; holding one does not keep the connection open.
    #[sabi(last_prefix_field)]
    fn canceller(&self) -> CancellerBox;
}

/// Cancels an exchange from another thread.
#[sabi_trait]
pub trait Canceller: Send + Sync {
    /// Harmless when it has ended.
    #[sabi(last_prefix_field)]
    fn cancel(&self);
}

/// A request, frozen.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: RString,
    /// An absolute URL.
    pub url: RString,
    /// Headers.
    pub headers: RVec<Tuple2<RString, RString>>,
    /// The body.
    pub body: RVec<u8>,
    /// Milliseconds until the head must have come.
    pub timeout_ms: ROption<u64>,
    /// Milliseconds between two parts of the body.
    pub idle_timeout_ms: ROption<u64>,
    /// `true`: with the bearer.
    pub with_bearer: bool,
    /// Room to grow.
    pub ext: Extension,
}

/// Status and headers, frozen.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status code.
    pub status: u16,
    /// Headers; names in lower case.
    pub headers: RVec<Tuple2<RString, RString>>,
    /// Room to grow.
    pub ext: Extension,
}
