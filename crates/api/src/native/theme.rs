//! How the portal looks, on the wire: in the settings, in links, and as the portal's page reads it.

use postrider_core::portal::{Colour, FontFamily, FormError, LogoUrl, Mode, Radius, Theme as Stored};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::ApiError;

/// How the portal looks.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Theme {
    /// The colour of what can be clicked, `#rrggbb`; `null`: Postrider's.
    accent: Option<String>,
    /// A picture at the top, fetched by browsers from there: https, or http on localhost.
    logo_url: Option<String>,
    /// `light`, `dark` or `auto`, as the browser prefers.
    #[schema(value_type = Option<String>, example = "auto")]
    mode: Option<Mode>,
    /// The radius of corners in pixels, 0 to 24; `null`: Postrider's.
    radius: Option<u32>,
    /// Names of fonts that the reader's machine has, with commas between them; `null`: the system's.
    font_family: Option<String>,
}

impl From<&Stored> for Theme {
    fn from(theme: &Stored) -> Self {
        let theme = theme.clone();
        Self {
            accent: theme.accent.map(Into::into),
            logo_url: theme.logo_url.map(Into::into),
            mode: Some(theme.mode.unwrap_or_default()),
            radius: theme.radius.map(Into::into),
            font_family: theme.font_family.map(Into::into),
        }
    }
}

impl Theme {
    /// The theme with its parts checked; `at` is its place in the body.
    pub(crate) fn parsed(self, at: &str) -> Result<Stored, ApiError> {
        fn part<T, U: TryFrom<T, Error = FormError>>(
            at: &str,
            name: &str,
            value: Option<T>,
        ) -> Result<Option<U>, ApiError> {
            value.map(U::try_from).transpose().map_err(|error| ApiError::value(format!("{at}/{name}"), error))
        }
        Ok(Stored {
            accent: part::<_, Colour>(at, "accent", self.accent)?,
            logo_url: part::<_, LogoUrl>(at, "logoUrl", self.logo_url)?,
            mode: self.mode,
            radius: part::<_, Radius>(at, "radius", self.radius)?,
            font_family: part::<_, FontFamily>(at, "fontFamily", self.font_family)?,
        })
    }
}
