//! Hidden values and where they go: to the server that they were given for, and to no other.
//!
//! Whoever may change a webhook may lead it anywhere, and would read there what no answer shows. So where the URL's origin changes, what
//! is hidden is given again by the same request, or the request is refused.

use postrider_core::shape::{Access, Authentication, CustomHeader, HeaderVisibility};
use postrider_core::webhook::{EndpointUrl, Webhook as Stored};

use crate::error::{ApiError, Code};
use crate::native::webhooks::settings;
use crate::native::webhooks::shape::{AuthenticationForm, CertificateForm, HeaderForm, ShapeForm};
use crate::native::wire::Given;

/// A hidden value that a request keeps.
struct Kept {
    /// Where the request would give it.
    at: String,
    /// What it is to a person.
    name: String,
}

impl Kept {
    fn new(at: impl Into<String>, name: impl Into<String>) -> Self {
        Self { at: at.into(), name: name.into() }
    }
}

/// Refuses to send hidden values to another server than before. `url`: where the webhook will lead, if the request changes it; `form`: what
/// the request says of what is shown there.
pub(crate) fn check(before: &Stored, url: Option<&EndpointUrl>, form: &ShapeForm) -> Result<(), ApiError> {
    let origin = before.url.url().origin();
    if url.is_none_or(|url| url.url().origin() == origin) {
        return Ok(());
    }
    let (_, access) = settings(before);
    let mut kept = headers(&access, form.headers.as_deref());
    kept.extend(authentication(&access, &form.authentication));
    kept.extend(private_key(&access, &form.client_certificate));
    if kept.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = kept.iter().map(|kept| &*kept.name).collect();
    let what = format!(
        "the URL leads to another server than {}, so what is hidden must be entered again together with it \
         (PATCH /api/v1/webhooks/{}): {}",
        origin.ascii_serialization(),
        before.id,
        names.join(", ")
    );
    let places = kept.into_iter().map(|kept| (kept.at, "must be entered again".to_owned()));
    Err(ApiError::several(Code::InvalidValue, &what, places))
}

fn headers(access: &Access, forms: Option<&[HeaderForm]>) -> Vec<Kept> {
    let is_hidden = |header: &&CustomHeader| header.visibility == HeaderVisibility::Sensitive;
    let name = |name: &str| format!("the header {name}");
    let hidden = access.headers.iter().filter(is_hidden);
    let Some(forms) = forms else {
        return hidden.map(|header| Kept::new("/headers", name(&header.name))).collect();
    };
    let is_kept = |form: &HeaderForm| {
        form.value.is_none() && hidden.clone().any(|header| header.name.eq_ignore_ascii_case(&form.name))
    };
    let kept = forms.iter().enumerate().filter(|(_, form)| is_kept(form));
    kept.map(|(index, form)| Kept::new(format!("/headers/{index}/value"), name(&form.name))).collect()
}

fn authentication(access: &Access, form: &Given<AuthenticationForm>) -> Option<Kept> {
    let (member, name) = match access.authentication.as_ref()? {
        Authentication::Basic { .. } => ("password", "the password"),
        Authentication::Bearer { .. } => ("token", "the bearer token"),
        // The secret itself goes to the token's URL. What is fetched with it would go to the new server.
        Authentication::OAuth2(_) => ("clientSecret", "the OAuth client secret"),
    };
    let is_given = match form {
        Given::Absent => false,
        Given::Null => true,
        Given::Value(
            AuthenticationForm::Basic { password: given, .. } | AuthenticationForm::Bearer { token: given },
        ) => given.is_some(),
        Given::Value(AuthenticationForm::OAuth2 { client_secret, .. }) => client_secret.is_some(),
    };
    (!is_given).then(|| Kept::new(format!("/authentication/{member}"), name))
}

fn private_key(access: &Access, form: &Given<CertificateForm>) -> Option<Kept> {
    access.certificate.as_ref()?;
    let is_given = match form {
        Given::Absent => false,
        Given::Null => true,
        Given::Value(form) => form.private_key.is_some(),
    };
    (!is_given).then(|| Kept::new("/clientCertificate/privateKey", "the private key of the client certificate"))
}
