//! Whether webhooks find their way out: a client is made from the settings as the server makes its own, and asked for a page that exists as
//! long as the Internet does. So its roots, name servers, source addresses and proxy are all tried.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};
use postrider_core::attempt::{FailureKind, OurFault};
use postrider_core::{Clock as _, Timestamp};
use postrider_egress::{Egress, Exchange, OutboundRequest, PoolScope, Repeat, SendError};
use url::Url;

use super::{Finding, QUESTION};
use crate::config::Settings;
use crate::serve::{files, open_egress};
use crate::system::SystemClock;

/// How far this machine's clock may be off before receivers begin to refuse signatures (five minutes) or look ill.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(30);
/// Whom to ask.
const PROBE_HOST: &str = "www.iana.org";

/// The client; or why a server would not start.
pub(super) fn egress(settings: &Settings) -> Result<Egress, Finding> {
    const CHECK: &str = "webhooks";
    open_egress(settings, files::shares(files::raise_limit()), None).map_err(|failure| {
        let what = failure.message().unwrap_or_default();
        Finding::fail(CHECK, format!("a server would not start: {what}"), "correct the setting")
    })
}

async fn ask(egress: &Egress, scheme: &str) -> Exchange {
    let url = Url::parse(&format!("{scheme}://{PROBE_HOST}/")).expect("a fixed text that is a URL");
    let request = OutboundRequest {
        method: Method::HEAD,
        url: Arc::new(url),
        headers: HeaderMap::new(),
        body: bytes::Bytes::new(),
        deadline: QUESTION,
        pool: PoolScope::new(0),
        keep: 0,
        repeat: Repeat::default(),
        identity: None,
    };
    egress.send(request).await
}

/// Whether a request over TLS is answered.
pub(super) async fn way_out(egress: &Egress, settings: &Settings) -> Finding {
    const CHECK: &str = "way out";
    let exchange = ask(egress, "https").await;
    let through = match &settings.egress_proxy {
        Some(proxy) => format!(" through {proxy}"),
        None => String::new(),
    };
    let Err(error) = exchange.result else {
        let ms = exchange.timings.total.as_millis();
        return Finding::ok(CHECK, format!("https://{PROBE_HOST} answers{through} ({ms} ms)"));
    };
    let advice = match &error {
        SendError::Ours { fault: OurFault::Resolver, .. }
        | SendError::Endpoint { kind: FailureKind::NameNotFound, .. } => {
            "check /etc/resolv.conf; on a machine without the Internet, only webhooks to known names will work"
        }
        SendError::Ours { fault: OurFault::Proxy, .. } => "check egress_proxy, and what the proxy permits",
        SendError::Endpoint { kind: FailureKind::Tls, .. } => {
            "check the clock and the certificate authorities; where a proxy opens TLS, name its root in egress_extra_roots"
        }
        _ => "check routes and firewall; on a machine without the Internet, leave this out with --offline",
    };
    Finding::warn(CHECK, format!("https://{PROBE_HOST} does not answer{through}: {error}"), advice)
}

/// Compares the clock with the date that a web server puts into its answers.
pub(super) async fn clock(egress: &Egress) -> Finding {
    const CHECK: &str = "clock";
    let advice = "let a time service such as chrony or systemd-timesyncd set the clock: receivers refuse signatures that are off by minutes";
    let theirs = match date(egress).await {
        Ok(theirs) => theirs,
        Err(why) => {
            return Finding::warn(
                CHECK,
                format!("the clock could not be compared: {why}"),
                "compare it by hand, or leave this out with --offline",
            );
        }
    };
    let ours = SystemClock.now();
    let off = Duration::from_micros(ours.as_micros().abs_diff(theirs.as_micros()));
    let message = format!("the clock is within {} s of {PROBE_HOST}'s", off.as_secs() + 1);
    if off > CLOCK_TOLERANCE {
        return Finding::fail(CHECK, format!("the clock is off by {} s", off.as_secs()), advice);
    }
    Finding::ok(CHECK, message)
}

async fn date(egress: &Egress) -> Result<Timestamp, String> {
    // Without TLS, which a wrong clock would break.
    let answer = ask(egress, "http").await.result.map_err(|error| error.to_string())?;
    let date = answer.headers.get(http::header::DATE).and_then(|value| value.to_str().ok());
    match date.map(httpdate::parse_http_date) {
        Some(Ok(at)) => {
            let since = at.duration_since(std::time::UNIX_EPOCH).map_err(|error| error.to_string())?;
            Ok(Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)))
        }
        _ => Err(format!("{PROBE_HOST} does not tell the time")),
    }
}
