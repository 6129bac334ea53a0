//! What a browser lets a page do, and who may frame it.
//!
//! Scripts and styles are our own files, or carry the nonce of this very answer; nothing is inline without it. The console is framed by
//! nobody. The portal is framed by the origins that its environment lists, and by the console, which shows it as a preview.
//!
//! Invariant: what goes into the policy from settings was parsed as an origin ([`postrider_core::portal`]), which has no character
//! that a policy gives a meaning to.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use http::{HeaderMap, HeaderValue, header};
use postrider_core::portal::PortalSettings;

use super::Face;

/// What no page of ours uses.
const FEATURES: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), fullscreen=(), geolocation=(), gyroscope=(), \
    hid=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()";

/// Puts the headers of a page on its answer. `portal`: the settings of the environment that a portal's path names. `logos`: settings whose
/// logos the page may show.
pub(super) fn apply<'a>(
    headers: &mut HeaderMap,
    face: Face,
    portal: Option<&PortalSettings>,
    logos: impl IntoIterator<Item = &'a PortalSettings>,
    nonce: &str,
) {
    // Every part is ASCII; a policy that could not be written would have to stop the page.
    let policy =
        HeaderValue::try_from(policy(face, portal, logos, nonce)).expect("origins and nonces are visible ASCII");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    if face == Face::Console {
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("permissions-policy", HeaderValue::from_static(FEATURES));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
}

fn policy<'a>(
    face: Face,
    portal: Option<&PortalSettings>,
    logos: impl IntoIterator<Item = &'a PortalSettings>,
    nonce: &str,
) -> String {
    let mut policy = format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; font-src 'self'; \
         connect-src 'self'; worker-src 'self'; manifest-src 'self'; frame-src 'self'; base-uri 'self'; form-action 'none'; \
         img-src 'self' data:"
    );
    let mut write = |text: std::fmt::Arguments<'_>| policy.write_fmt(text).expect("writing to a string does not fail");
    let origins = logos.into_iter().filter_map(|settings| Some(settings.theme.logo_url.as_ref()?.origin()));
    for origin in origins.collect::<BTreeSet<_>>() {
        write(format_args!(" {origin}"));
    }
    match (face, portal) {
        (Face::Console, _) => write(format_args!("; frame-ancestors 'none'")),
        (Face::Portal(_), None) => write(format_args!("; frame-ancestors 'self'")),
        (Face::Portal(_), Some(portal)) => {
            write(format_args!("; frame-ancestors 'self'"));
            for origin in &portal.allowed_origins {
                write(format_args!(" {}", origin.as_str()));
            }
        }
    }
    policy
}

#[cfg(test)]
mod tests {
    use postrider_core::portal::{AllowedOrigin, Theme};

    use super::*;

    #[test]
    fn nothing_is_inline_and_frames_are_those_that_the_environment_lists() {
        let origin = |text| AllowedOrigin::parse(text).expect("an origin");
        let settings = PortalSettings {
            allowed_origins: vec![origin("https://app.example.com"), origin("https://*.example.com")],
            theme: Theme {
                logo_url: Some("https://cdn.example.com/logo.svg".to_owned().try_into().expect("a URL")),
                ..Theme::default()
            },
            ..PortalSettings::default()
        };
        let with = |face, portal: Option<&PortalSettings>| {
            let mut headers = HeaderMap::new();
            apply(&mut headers, face, portal, portal, "abc");
            headers
        };
        let policy = |headers: &HeaderMap| headers["content-security-policy"].to_str().expect("text").to_owned();

        let console = with(Face::Console, None);
        assert!(policy(&console).ends_with("; img-src 'self' data:; frame-ancestors 'none'"), "{console:?}");
        assert_eq!(console["x-frame-options"], "DENY");
        let mut signed_in = HeaderMap::new();
        apply(&mut signed_in, Face::Console, None, [&settings, &settings], "abc");
        let end = "; img-src 'self' data: https://cdn.example.com; frame-ancestors 'none'";
        assert!(policy(&signed_in).ends_with(end), "the console shows the logos of its environments: {signed_in:?}");
        let portal = with(Face::Portal(None), Some(&settings));
        let end = "; img-src 'self' data: https://cdn.example.com; \
            frame-ancestors 'self' https://app.example.com https://*.example.com";
        assert!(policy(&portal).ends_with(end), "{portal:?}");
        assert!(!portal.contains_key("x-frame-options"), "it would refuse the frames that the policy allows");
        let unknown = with(Face::Portal(None), None);
        assert!(policy(&unknown).ends_with("; frame-ancestors 'self'"), "{unknown:?}");
        for headers in [console, portal, unknown] {
            let policy = policy(&headers);
            assert!(
                policy.starts_with("default-src 'none'; script-src 'self' 'nonce-abc'; style-src 'self' 'nonce-abc'; ")
            );
            assert!(!policy.contains("unsafe"), "{policy}");
        }
    }
}
