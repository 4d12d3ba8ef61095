//! Services, both ways: a provider's Rust trait becomes an object of the ABI, and on the consumer's side an object of
//! the ABI becomes the same Rust trait.

use std::sync::Arc;

use abi::service::organization::{OrganizationChoice as AbiChoice, OrganizationSelection as AbiSelection};
use abi::service::platform_http::{
    CancellerBox, ExchangeBox, HttpRequest as AbiRequest, ResponseHead as AbiHead,
};
use abi::service::token_provider::{
    AccessToken as AbiToken, Session as AbiSession, TokenRequest as AbiTokenRequest,
};
use abi::service::{json_service, organization, platform_http, token_provider};
use seqera_plugin_abi as abi;
use seqera_plugin_abi::{ROption, RResult, RSlice, RStr, RString, RVec, TD_Opaque};

use crate::boundary::convert::{pairs, pairs_in, result_in, result_out, selection_in, selection_out};
use crate::boundary::fence::fenced;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::Secret;
use crate::service::{
    AccessToken, Authorization, CancelHandle, Exchange, HttpRequest, JsonService, Organization,
    OrganizationChoice, OrganizationSelection, PlatformHttp, ResponseHead, Service, Session, SessionState,
    TokenProvider, TokenRequest,
};

/// A service on its way out of the provider.
pub(super) fn service_out(service: Service) -> abi::Service_NE {
    let service = match service {
        Service::TokenProvider(inner) => abi::Service::TokenProvider(
            token_provider::TokenProvider_TO::from_value(Provided(inner), TD_Opaque),
        ),
        Service::PlatformHttp(inner) => {
            abi::Service::PlatformHttp(platform_http::PlatformHttp_TO::from_value(Provided(inner), TD_Opaque))
        }
        Service::Organization(inner) => {
            abi::Service::Organization(organization::Organization_TO::from_value(Provided(inner), TD_Opaque))
        }
        Service::Json(inner) => {
            abi::Service::Json(json_service::JsonService_TO::from_value(Provided(inner), TD_Opaque))
        }
    };
    abi::Service_NE::new(service)
}

/// A service as it arrives at the consumer. A kind that this SDK does not know is dropped where it was made.
pub(super) fn service_in(name: &str, service: abi::Service_NE) -> Result<Service> {
    match service.into_enum() {
        Ok(abi::Service::TokenProvider(inner)) => Ok(Service::TokenProvider(Arc::new(Borrowed(inner)))),
        Ok(abi::Service::PlatformHttp(inner)) => Ok(Service::PlatformHttp(Arc::new(Borrowed(inner)))),
        Ok(abi::Service::Organization(inner)) => Ok(Service::Organization(Arc::new(Borrowed(inner)))),
        Ok(abi::Service::Json(inner)) => Ok(Service::Json(Arc::new(Borrowed(inner)))),
        Err(_unknown) => Err(Error::new(
            ErrorKind::NoProvider,
            format!("the provider of {name} offers a kind of service that is newer than this plugin"),
        )),
    }
}

/// A provider's own object, fenced.
struct Provided<T: ?Sized>(Arc<T>);

impl<T: ?Sized> Provided<T> {
    fn call<V, R>(
        &self,
        work: impl FnOnce(&T) -> Result<V>,
        out: impl FnOnce(V) -> R,
    ) -> RResult<R, abi::PluginError> {
        result_out(fenced(|| work(&self.0)), out)
    }
}

/// Somebody else's object, seen through the ABI.
struct Borrowed<T>(T);

// --- token-provider

impl token_provider::TokenProvider for Provided<dyn TokenProvider> {
    fn token(&self, request: AbiTokenRequest) -> RResult<AbiToken, abi::PluginError> {
        let request = TokenRequest {
            audience: request.audience.into_string(),
            min_ttl_seconds: request.min_ttl_seconds,
        };
        self.call(|inner| inner.token(&request), |token| token_out(&token))
    }

    fn invalidate(&self, token: AbiToken) -> RResult<(), abi::PluginError> {
        self.call(|inner| inner.invalidate(&token_in(token)), |()| ())
    }

    fn session(&self, resolve: bool) -> RResult<AbiSession, abi::PluginError> {
        self.call(|inner| inner.session(resolve), session_out)
    }

    fn redact(&self, text: RSlice<'_, u8>) -> RVec<u8> {
        // A redaction that crashed must not let the text through.
        fenced(|| Ok(self.0.redact(text.as_slice()))).unwrap_or_default().into()
    }
}

impl TokenProvider for Borrowed<token_provider::TokenProviderBox> {
    fn token(&self, request: &TokenRequest) -> Result<AccessToken> {
        let request = AbiTokenRequest {
            audience: request.audience.as_str().into(),
            scopes: RVec::new(),
            min_ttl_seconds: request.min_ttl_seconds,
            ext: RVec::new(),
        };
        result_in(self.0.token(request), token_in)
    }

    fn invalidate(&self, token: &AccessToken) -> Result<()> {
        result_in(self.0.invalidate(token_out(token)), |()| ())
    }

    fn session(&self, resolve: bool) -> Result<Session> {
        result_in(self.0.session(resolve), session_in)
    }

    fn redact(&self, text: &[u8]) -> Vec<u8> {
        self.0.redact(text.into()).into_vec()
    }
}

fn token_out(token: &AccessToken) -> AbiToken {
    AbiToken {
        bearer: token.bearer.expose().into(),
        expires_at: token.expires_at.into(),
        source: token.source.as_str().into(),
        ext: RVec::new(),
    }
}

fn token_in(token: AbiToken) -> AccessToken {
    AccessToken {
        bearer: Secret::new(token.bearer.into_string()),
        expires_at: token.expires_at.into_option(),
        source: token.source.into_string(),
    }
}

fn session_out(session: Session) -> AbiSession {
    AbiSession {
        state: session.state.as_str().into(),
        issuer: session.issuer.into(),
        profile: session.profile.into(),
        account_id: session.account_id.map(RString::from).into(),
        account_name: session.account_name.map(RString::from).into(),
        email: session.email.map(RString::from).into(),
        source: session.source.into(),
        expires_at: session.expires_at.into(),
        ext: RVec::new(),
    }
}

fn session_in(session: AbiSession) -> Session {
    let text = |value: ROption<RString>| value.into_option().map(RString::into_string);
    Session {
        state: SessionState::parse(&session.state),
        issuer: session.issuer.into_string(),
        profile: session.profile.into_string(),
        account_id: text(session.account_id),
        account_name: text(session.account_name),
        email: text(session.email),
        source: session.source.into_string(),
        expires_at: session.expires_at.into_option(),
    }
}

// --- platform-http

impl platform_http::PlatformHttp for Provided<dyn PlatformHttp> {
    fn open(&self, request: AbiRequest) -> RResult<ExchangeBox, abi::PluginError> {
        self.call(
            |inner| inner.open(request_in(request)),
            |exchange| platform_http::Exchange_TO::from_value(ProvidedExchange(exchange), TD_Opaque),
        )
    }
}

impl PlatformHttp for Borrowed<platform_http::PlatformHttpBox> {
    fn open(&self, request: HttpRequest) -> Result<Box<dyn Exchange>> {
        result_in(self.0.open(request_out(request)), |exchange| {
            Box::new(BorrowedExchange(exchange)) as Box<dyn Exchange>
        })
    }
}

struct ProvidedExchange(Box<dyn Exchange>);

impl platform_http::Exchange for ProvidedExchange {
    fn head(&mut self) -> RResult<AbiHead, abi::PluginError> {
        result_out(fenced(|| self.0.head()), |head| AbiHead {
            status: head.status,
            headers: pairs(&head.headers),
            ext: RVec::new(),
        })
    }

    fn read(&mut self, max: usize) -> RResult<RVec<u8>, abi::PluginError> {
        result_out(fenced(|| self.0.read_vec(max)), RVec::from)
    }

    fn canceller(&self) -> CancellerBox {
        let canceller = ProvidedCanceller(self.0.canceller());
        platform_http::Canceller_TO::from_value(canceller, TD_Opaque)
    }
}

struct ProvidedCanceller(Arc<dyn CancelHandle>);

impl platform_http::Canceller for ProvidedCanceller {
    fn cancel(&self) {
        let _nobody_to_tell = fenced(|| {
            self.0.cancel();
            Ok(())
        });
    }
}

struct BorrowedExchange(ExchangeBox);

impl Exchange for BorrowedExchange {
    fn head(&mut self) -> Result<ResponseHead> {
        result_in(self.0.head(), |head| ResponseHead { status: head.status, headers: pairs_in(head.headers) })
    }

    fn read_vec(&mut self, max: usize) -> Result<Vec<u8>> {
        result_in(self.0.read(max), RVec::into_vec)
    }

    fn canceller(&self) -> Arc<dyn CancelHandle> {
        Arc::new(Borrowed(self.0.canceller()))
    }
}

impl CancelHandle for Borrowed<CancellerBox> {
    fn cancel(&self) {
        self.0.cancel();
    }
}

fn request_in(request: AbiRequest) -> HttpRequest {
    HttpRequest {
        method: request.method.into_string(),
        url: request.url.into_string(),
        headers: pairs_in(request.headers),
        body: request.body.into_vec(),
        timeout_ms: request.timeout_ms.into_option(),
        idle_timeout_ms: request.idle_timeout_ms.into_option(),
        authorization: if request.with_bearer { Authorization::Bearer } else { Authorization::None },
    }
}

fn request_out(request: HttpRequest) -> AbiRequest {
    AbiRequest {
        method: request.method.into(),
        url: request.url.into(),
        headers: pairs(&request.headers),
        body: request.body.into(),
        timeout_ms: request.timeout_ms.into(),
        idle_timeout_ms: request.idle_timeout_ms.into(),
        with_bearer: request.authorization == Authorization::Bearer,
        ext: RVec::new(),
    }
}

// --- organization

impl organization::Organization for Provided<dyn Organization> {
    fn current(&self) -> RResult<ROption<AbiSelection>, abi::PluginError> {
        self.call(Organization::current, |selection| selection.map(selection_out).into())
    }

    fn ensure_selected(&self, interactive: bool) -> RResult<AbiChoice, abi::PluginError> {
        self.call(
            |inner| inner.ensure_selected(interactive),
            |choice| AbiChoice {
                selected: choice.selected.map(selection_out).into(),
                available: choice.available,
                ext: RVec::new(),
            },
        )
    }
}

impl Organization for Borrowed<organization::OrganizationBox> {
    fn current(&self) -> Result<Option<OrganizationSelection>> {
        result_in(self.0.current(), |selection| selection.into_option().map(selection_in))
    }

    fn ensure_selected(&self, interactive: bool) -> Result<OrganizationChoice> {
        result_in(self.0.ensure_selected(interactive), |choice| OrganizationChoice {
            selected: choice.selected.into_option().map(selection_in),
            available: choice.available,
        })
    }
}

// --- a team's own

impl json_service::JsonService for Provided<dyn JsonService> {
    fn describe(&self) -> RString {
        fenced(|| Ok(self.0.describe())).unwrap_or_default().into()
    }

    fn call(&self, method: RStr<'_>, payload: RSlice<'_, u8>) -> RResult<RVec<u8>, abi::PluginError> {
        Provided::call(self, |inner| inner.call(method.as_str(), payload.as_slice()), RVec::from)
    }
}

impl JsonService for Borrowed<json_service::JsonServiceBox> {
    fn describe(&self) -> String {
        self.0.describe().into_string()
    }

    fn call(&self, method: &str, payload: &[u8]) -> Result<Vec<u8>> {
        result_in(self.0.call(method.into(), payload.into()), RVec::into_vec)
    }
}
