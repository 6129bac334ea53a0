//! The portal: what an environment shows its tenants, where it may be framed, how it looks, and who has it open.
//!
//! Owns what these consist of and what their parts must be like: whatever ends in a header of an answer (origins) or in a style sheet
//! (colours, names of fonts) is of a narrow form. Does not own what a tenant's user may do: that is [`crate::permission`]'s.

mod origin;
mod session;
mod theme;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::origin::{AllowedOrigin, ReturnUrl, is_loopback};
pub use self::session::{PortalSession, PortalStage, Purpose};
pub use self::theme::{Colour, FontFamily, LogoUrl, Mode, Radius, Theme};
use crate::attempt::names;

/// What tenants see of webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortalSettings {
    /// Whether tenants have webhooks at all. Enforced by the server on every call of a tenant's user.
    pub webhooks: Visibility,
    /// Whose pages may frame the portal; links of the portal lead back to these alone.
    #[serde(default)]
    pub allowed_origins: Vec<AllowedOrigin>,
    /// How the portal looks.
    #[serde(default)]
    pub theme: Theme,
}

/// How far a feature is shown to tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Visibility {
    /// Not at all; every call of a tenant's user is refused.
    #[default]
    Hidden,
    /// To every user of a tenant, whatever the permissions of their tokens. Reporting events takes its own permission all the same.
    Always,
    /// To those whose permissions allow it.
    ByPermissions,
}

names!(Visibility { Hidden => "hidden", Always => "always", ByPermissions => "byPermissions" });

/// Why a text is not what it should be, for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FormError(String);

fn wrong(what: impl fmt::Display) -> FormError {
    FormError(what.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visibility_is_written_by_its_name() {
        for visibility in Visibility::ALL {
            assert_eq!(serde_json::to_value(visibility).expect("a word"), visibility.name());
        }
    }
}
