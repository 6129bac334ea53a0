//! What `postrider portal` takes.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use postrider_core::PortalSessionId;
use postrider_core::limits::{PORTAL_SESSION_LIFETIME_LEAST, PORTAL_SESSION_LIFETIME_MOST};

use super::EnvironmentTarget;

/// `portal`.
#[derive(Debug, Subcommand)]
pub(crate) enum Portal {
    /// Make a link that opens a tenant's portal once, and print it
    Link(PortalLink),
    /// List who has portals open, and links that nobody has opened yet, newest first
    Sessions {
        /// Only of that tenant
        #[arg(long, value_name = "ID")]
        tenant: Option<String>,
        #[command(flatten)]
        target: EnvironmentTarget,
    },
    /// End a session at once; a link that nobody has opened opens nothing from then on
    Revoke {
        /// The session's id, as listed; the link's, too
        id: PortalSessionId,
        #[command(flatten)]
        target: EnvironmentTarget,
    },
    /// Show what tenants see of webhooks, or change it
    Settings {
        /// Who sees webhooks from now on
        #[arg(long, value_enum)]
        webhooks: Option<Visibility>,
        #[command(flatten)]
        target: EnvironmentTarget,
    },
}

/// `portal link`.
#[derive(Debug, Args)]
pub(crate) struct PortalLink {
    /// The tenant whose portal it opens
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: String,
    /// The user who opens it; shown in the list of sessions
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// What may be done there, with commas between
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "fe.connectivity.*")]
    pub(crate) permissions: Vec<String>,
    /// How long the portal stays open once it is opened, 60s to 1d [default: 1h]
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    pub(crate) expires: Option<Duration>,
    /// Say in the portal that it is you who looks, to help
    #[arg(long)]
    pub(crate) support: bool,
    /// A page that the portal leads back to, of an origin that the portal settings allow
    #[arg(long, value_name = "URL")]
    pub(crate) return_url: Option<String>,
    #[command(flatten)]
    pub(crate) target: EnvironmentTarget,
}

/// Which tenants' users see webhooks.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Visibility {
    /// None: every call of theirs is refused
    Hidden,
    /// Every user of a tenant
    Always,
    /// Those whose permissions allow it
    ByPermissions,
}

impl From<Visibility> for postrider_core::portal::Visibility {
    fn from(visibility: Visibility) -> Self {
        match visibility {
            Visibility::Hidden => Self::Hidden,
            Visibility::Always => Self::Always,
            Visibility::ByPermissions => Self::ByPermissions,
        }
    }
}

/// Reads how long a portal stays open.
fn lifetime(text: &str) -> Result<Duration, String> {
    let lifetime = duration(text)?;
    if (PORTAL_SESSION_LIFETIME_LEAST..=PORTAL_SESSION_LIFETIME_MOST).contains(&lifetime) {
        Ok(lifetime)
    } else {
        Err("it has to be from 60s to 1d".to_owned())
    }
}

/// Reads a number with its unit: `90s`, `15m`, `8h`, `1d`.
fn duration(text: &str) -> Result<Duration, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3_600),
        "d" => Some(86_400),
        _ => None,
    };
    let seconds = unit.zip(number.parse::<u64>().ok()).and_then(|(unit, number)| number.checked_mul(unit));
    seconds.map(Duration::from_secs).ok_or_else(|| "write a number with its unit, as 90s, 15m, 8h or 1d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_a_unit() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("8h", 28_800), ("1d", 86_400)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "15", "m", "15 m", "-1h", "1.5h", "15min", "9999999999999999d", "99999999999999999999s", "1日"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_portal_stays_open_for_a_minute_to_a_day() {
        for (text, is_taken) in [("59s", false), ("60s", true), ("1d", true), ("25h", false)] {
            assert_eq!(lifetime(text).is_ok(), is_taken, "{text}");
        }
    }
}
