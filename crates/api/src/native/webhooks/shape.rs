//! Method, payload, headers and authentication of a webhook, as requests give them and answers show them.
//!
//! Owns their forms and the rules that need more than the value itself: what is hidden keeps its value where it is not given again, and a
//! template is tried with a sample before it is saved.

use std::sync::Arc;

use postrider_core::EnvironmentId;
use postrider_core::shape::{
    Access, Authentication, ClientAuthentication, ClientCertificate, CustomHeader, HeaderVisibility, Hidden, MediaType,
    OAuth2, Payload, RequestMethod, Shape,
};
use postrider_egress::ClientIdentity;
use postrider_engine::{Draft, PreviewError, RenderError, RenderedPart};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ApiError, Code};
use crate::native::wire::Given;
use crate::state::ApiState;
use crate::{rules, sample};

/// The method of a webhook's requests.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = RequestMethod)]
pub(crate) enum MethodForm {
    /// What receivers expect of a webhook.
    Post,
    /// Replaces something.
    Put,
    /// Changes something.
    Patch,
    /// Removes something. Carries the body all the same.
    Delete,
    /// Carries no body.
    Get,
}

impl From<RequestMethod> for MethodForm {
    fn from(method: RequestMethod) -> Self {
        match method {
            RequestMethod::Post => Self::Post,
            RequestMethod::Put => Self::Put,
            RequestMethod::Patch => Self::Patch,
            RequestMethod::Delete => Self::Delete,
            RequestMethod::Get => Self::Get,
        }
    }
}

impl From<MethodForm> for RequestMethod {
    fn from(method: MethodForm) -> Self {
        match method {
            MethodForm::Post => Self::Post,
            MethodForm::Put => Self::Put,
            MethodForm::Patch => Self::Patch,
            MethodForm::Delete => Self::Delete,
            MethodForm::Get => Self::Get,
        }
    }
}

/// What is sent instead of the event's body.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Payload)]
pub(crate) struct PayloadForm {
    /// The template: at most 32 KiB.
    pub(crate) template: String,
    /// What it makes; decides how values are escaped. `application/json` where it is left out.
    #[serde(default = "json")]
    #[schema(default = "application/json")]
    pub(crate) content_type: String,
}

fn json() -> String {
    MediaType::json().as_str().to_owned()
}

/// A header of a webhook's own.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CustomHeader)]
pub(crate) struct HeaderForm {
    /// Its name. What HTTP, the signatures and this server set themselves is refused.
    pub(crate) name: String,
    /// The template of its value. `null` in answers where it is sensitive; left out or `null` in requests, a sensitive value stays.
    #[serde(default)]
    pub(crate) value: Option<String>,
    /// Whether its value is hidden from readers.
    #[serde(default)]
    pub(crate) is_sensitive: bool,
}

/// How requests authenticate to the receiver. Passwords, tokens and secrets are `null` in answers; left out or `null` in requests, they stay.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
#[schema(as = Authentication)]
pub(crate) enum AuthenticationForm {
    /// A user name and a password.
    Basic {
        /// The user name.
        username: String,
        /// The password.
        #[serde(default)]
        password: Option<String>,
    },
    /// A token that does not change.
    Bearer {
        /// The token.
        #[serde(default)]
        token: Option<String>,
    },
    /// OAuth 2.0 client credentials: a token is fetched, and used until shortly before it expires.
    #[serde(rename_all = "camelCase")]
    OAuth2 {
        /// Where tokens are fetched: by https, or on the server's own machine.
        token_url: String,
        /// Who asks.
        client_id: String,
        /// What it proves itself with.
        #[serde(default)]
        client_secret: Option<String>,
        /// What the token is to be good for, as the server names it.
        #[serde(default)]
        scope: Option<String>,
        /// For whom the token is to be made, where the server asks for that.
        #[serde(default)]
        audience: Option<String>,
        /// Where id and secret are put: `basic` (the header, where it is left out) or `form`.
        #[serde(default)]
        client_authentication: ClientAuthenticationForm,
    },
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ClientAuthentication)]
pub(crate) enum ClientAuthenticationForm {
    /// In the header `authorization`.
    #[default]
    Basic,
    /// In the request's form.
    Form,
}

/// A certificate that is shown to a receiver that asks for one.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ClientCertificate)]
pub(crate) struct CertificateForm {
    /// The certificate in PEM, followed by those between it and its root. At most 16 KiB.
    pub(crate) certificate: String,
    /// Its private key in PEM, without a password. `null` in answers; left out or `null` in requests, it stays.
    #[serde(default)]
    pub(crate) private_key: Option<String>,
}

/// What a request says of method, payload, headers and authentication.
#[derive(Debug, Default)]
pub(crate) struct ShapeForm {
    pub(crate) method: Option<MethodForm>,
    pub(crate) payload: Given<PayloadForm>,
    pub(crate) headers: Option<Vec<HeaderForm>>,
    pub(crate) authentication: Given<AuthenticationForm>,
    pub(crate) client_certificate: Given<CertificateForm>,
}

impl ShapeForm {
    /// Whether there is something to be compiled or tried.
    pub(crate) fn is_dear(&self) -> bool {
        self.method.is_some()
            || self.headers.is_some()
            || !self.payload.is_absent()
            || !self.authentication.is_absent()
            || !self.client_certificate.is_absent()
    }

    /// What is sent and what is shown, over what was; none where the request says nothing of it. `at` is where the members stand. Their
    /// templates can be compiled.
    pub(crate) async fn checked(
        self,
        state: &ApiState,
        at: &str,
        (shape, access): (&Shape, &Access),
    ) -> Result<(Option<Shape>, Option<Access>), ApiError> {
        let shape = self.shape(at, shape)?;
        let access = self.access(state, at, access)?;
        // What the request does not speak of was compiled when it was saved.
        let draft = Draft {
            shape: shape.clone().unwrap_or_default(),
            access: access.clone().map(Arc::new).unwrap_or_default(),
        };
        state.engine().check(&draft).await.map_err(|error| preview_error(at, &draft.access, error))?;
        Ok((shape, access))
    }

    fn shape(&self, at: &str, before: &Shape) -> Result<Option<Shape>, ApiError> {
        if self.method.is_none() && self.payload.is_absent() {
            return Ok(None);
        }
        let mut shape = before.clone();
        if let Some(method) = self.method {
            shape.method = method.into();
        }
        match &self.payload {
            Given::Absent => {}
            Given::Null => shape.payload = None,
            Given::Value(form) => {
                let content_type = form.content_type.parse::<MediaType>();
                let content_type =
                    content_type.map_err(|error| ApiError::value(format!("{at}/payload/contentType"), error))?;
                shape.payload = Some(Payload { template: form.template.as_str().into(), content_type });
            }
        }
        shape.check().map_err(|error| ApiError::value(format!("{at}/payload"), error))?;
        Ok(Some(shape))
    }

    fn access(self, state: &ApiState, at: &str, before: &Access) -> Result<Option<Access>, ApiError> {
        if self.headers.is_none() && self.authentication.is_absent() && self.client_certificate.is_absent() {
            return Ok(None);
        }
        let mut access = before.clone();
        if let Some(forms) = self.headers {
            access.headers = headers(at, forms, &before.headers)?;
        }
        match self.authentication {
            Given::Absent => {}
            Given::Null => access.authentication = None,
            Given::Value(form) => {
                let at = format!("{at}/authentication");
                access.authentication = Some(form.parsed(state, &at, before.authentication.as_ref())?);
            }
        }
        let authorizes = |header: &CustomHeader| header.name.eq_ignore_ascii_case("authorization");
        if access.authentication.is_some() && access.headers.iter().any(authorizes) {
            let detail = "goes with no header `authorization` of one's own: both would set it";
            return Err(ApiError::value(format!("{at}/authentication"), detail));
        }
        match self.client_certificate {
            Given::Absent => {}
            Given::Null => access.certificate = None,
            Given::Value(form) => {
                access.certificate =
                    Some(form.parsed(&format!("{at}/clientCertificate"), before.certificate.as_ref())?);
            }
        }
        Ok(Some(access))
    }
}

fn headers(at: &str, forms: Vec<HeaderForm>, before: &[CustomHeader]) -> Result<Vec<CustomHeader>, ApiError> {
    let mut headers = Vec::with_capacity(forms.len());
    for (index, form) in forms.into_iter().enumerate() {
        let at = format!("{at}/headers/{index}");
        let visibility = if form.is_sensitive { HeaderVisibility::Sensitive } else { HeaderVisibility::Shown };
        let kept = || before.iter().find(|known| known.name.eq_ignore_ascii_case(&form.name)).map(|known| &known.value);
        let value = match (&form.value, kept()) {
            (Some(value), _) => Hidden::new(value),
            // What was hidden is not shown because somebody unticks a box.
            (None, Some(value)) if form.is_sensitive => value.clone(),
            (None, _) => return Err(ApiError::value(format!("{at}/value"), "is missing")),
        };
        let header = CustomHeader::new(&form.name, value.expose(), visibility);
        let header = header.map_err(|error| ApiError::value(format!("{at}/name"), error))?;
        headers.push(header);
    }
    CustomHeader::check_all(&headers).map_err(|error| ApiError::value(format!("{at}/headers"), error))?;
    Ok(headers)
}

impl AuthenticationForm {
    fn parsed(self, state: &ApiState, at: &str, before: Option<&Authentication>) -> Result<Authentication, ApiError> {
        let hidden = |given: Option<String>, kept: Option<&Hidden>, name: &str| match (given, kept) {
            (Some(text), _) => Ok(Hidden::new(&text)),
            (None, Some(kept)) => Ok(kept.clone()),
            (None, None) => Err(ApiError::value(format!("{at}/{name}"), "is missing")),
        };
        let authentication = match self {
            Self::Basic { username, password } => {
                let kept = match before {
                    Some(Authentication::Basic { password, .. }) => Some(password),
                    _ => None,
                };
                Authentication::Basic { username, password: hidden(password, kept, "password")? }
            }
            Self::Bearer { token } => {
                let kept = match before {
                    Some(Authentication::Bearer { token }) => Some(token),
                    _ => None,
                };
                Authentication::Bearer { token: hidden(token, kept, "token")? }
            }
            Self::OAuth2 { token_url, client_id, client_secret, scope, audience, client_authentication } => {
                let token_url = rules::url_of_secrets(state, &format!("{at}/tokenUrl"), &token_url)?;
                // A secret goes to the server that it was given for, and to no other.
                let kept = match before {
                    Some(Authentication::OAuth2(before)) if before.token_url == token_url => {
                        Some(&before.client_secret)
                    }
                    _ => None,
                };
                Authentication::OAuth2(OAuth2 {
                    token_url,
                    client_id,
                    client_secret: hidden(client_secret, kept, "clientSecret")?,
                    scope: scope.filter(|text| !text.is_empty()),
                    audience: audience.filter(|text| !text.is_empty()),
                    client_authentication: match client_authentication {
                        ClientAuthenticationForm::Basic => ClientAuthentication::Basic,
                        ClientAuthenticationForm::Form => ClientAuthentication::Form,
                    },
                })
            }
        };
        authentication.check().map_err(|(name, error)| ApiError::value(format!("{at}/{name}"), error))?;
        Ok(authentication)
    }

    fn shown(authentication: &Authentication) -> Self {
        match authentication {
            Authentication::Basic { username, .. } => Self::Basic { username: username.clone(), password: None },
            Authentication::Bearer { .. } => Self::Bearer { token: None },
            Authentication::OAuth2(oauth2) => Self::OAuth2 {
                token_url: oauth2.token_url.as_str().to_owned(),
                client_id: oauth2.client_id.clone(),
                client_secret: None,
                scope: oauth2.scope.clone(),
                audience: oauth2.audience.clone(),
                client_authentication: match oauth2.client_authentication {
                    ClientAuthentication::Basic => ClientAuthenticationForm::Basic,
                    ClientAuthentication::Form => ClientAuthenticationForm::Form,
                },
            },
        }
    }
}

impl CertificateForm {
    fn parsed(self, at: &str, before: Option<&ClientCertificate>) -> Result<ClientCertificate, ApiError> {
        let kept = before.filter(|before| *before.chain == *self.certificate).map(|before| before.key.clone());
        let key = match (self.private_key, kept) {
            (Some(key), _) => Hidden::new(&key),
            (None, Some(key)) => key,
            (None, None) => return Err(ApiError::value(format!("{at}/privateKey"), "is missing")),
        };
        let certificate = ClientCertificate { chain: self.certificate.into(), key };
        certificate.check().map_err(|error| ApiError::value(at, error))?;
        ClientIdentity::from_pem(&certificate.chain, certificate.key.expose())
            .map_err(|error| ApiError::value(at, error))?;
        Ok(certificate)
    }
}

/// The payload as answers show it.
pub(crate) fn payload_of(shape: &Shape) -> Option<PayloadForm> {
    let payload = shape.payload.as_ref()?;
    Some(PayloadForm {
        template: payload.template.as_ref().to_owned(),
        content_type: payload.content_type.as_str().to_owned(),
    })
}

/// The headers as answers show them.
pub(crate) fn headers_of(access: &Access) -> Vec<HeaderForm> {
    let shown = |header: &CustomHeader| HeaderForm {
        name: header.name.as_ref().to_owned(),
        value: match header.visibility {
            HeaderVisibility::Shown => Some(header.value.expose().to_owned()),
            HeaderVisibility::Sensitive => None,
        },
        is_sensitive: header.visibility == HeaderVisibility::Sensitive,
    };
    access.headers.iter().map(shown).collect()
}

/// The authentication as answers show it.
pub(crate) fn authentication_of(access: &Access) -> Option<AuthenticationForm> {
    access.authentication.as_ref().map(AuthenticationForm::shown)
}

/// The client certificate as answers show it.
pub(crate) fn certificate_of(access: &Access) -> Option<CertificateForm> {
    let certificate = access.certificate.as_ref()?;
    Some(CertificateForm { certificate: certificate.chain.as_ref().to_owned(), private_key: None })
}

/// A custom payload is written for one event type, and so its webhook has one.
pub(crate) fn check_event_type(shape: &Shape, event_keys: &[String]) -> Result<(), ApiError> {
    if shape.payload.is_none() || one_key(event_keys).is_some() {
        return Ok(());
    }
    let detail = "a webhook with a custom payload subscribes to exactly one event type, by its key";
    Err(ApiError::value("/eventKeys", detail))
}

/// The one event type's key, where there is exactly one.
pub(crate) fn one_key(event_keys: &[String]) -> Option<&str> {
    match event_keys {
        [key] if !key.ends_with('*') && key.parse::<uuid::Uuid>().is_err() => Some(key),
        _ => None,
    }
}

/// Renders with a sample of the webhook's event type, where there is one: what fails there would fail at every delivery.
pub(crate) async fn check_with_sample(
    state: &ApiState,
    environment_id: EnvironmentId,
    tenant: Option<&postrider_core::event::TenantId>,
    event_keys: &[String],
    shape: &Shape,
    access: &Access,
) -> Result<(), ApiError> {
    let Some(key) = one_key(event_keys) else { return Ok(()) };
    if shape.payload.is_none() && access.headers.is_empty() {
        return Ok(());
    }
    let tenant_id = tenant.map(postrider_core::event::TenantId::as_str);
    let Some(body) = sample::body_of_type(state, environment_id, tenant_id, key) else { return Ok(()) };
    let event = sample::event(state, environment_id, tenant.cloned(), key, body);
    let draft = Draft { shape: shape.clone(), access: Arc::new(access.clone()) };
    state.engine().preview(&draft, &event).await.map(drop).map_err(|error| preview_error("", access, error))
}

fn preview_error(at: &str, access: &Access, error: PreviewError) -> ApiError {
    match error {
        PreviewError::Unrenderable(error) => render_error(at, access, &error),
        PreviewError::NotNow(why) => ApiError::new(Code::Unavailable, why),
    }
}

/// What cannot be rendered, at its place in the body.
pub(crate) fn render_error(at: &str, access: &Access, error: &RenderError) -> ApiError {
    let at = match &error.part {
        RenderedPart::Payload => format!("{at}/payload/template"),
        RenderedPart::Header(name) => {
            let index = access.headers.iter().position(|header| header.name == *name);
            index.map_or_else(|| format!("{at}/headers"), |index| format!("{at}/headers/{index}/value"))
        }
    };
    ApiError::template(at, &error.error)
}
