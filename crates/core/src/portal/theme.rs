//! How the portal looks.

use serde::{Deserialize, Serialize};
use url::Url;

use super::origin::page;
use super::{FormError, wrong};
use crate::limits::{FONT_FAMILY_CHARS, RADIUS_PIXELS};

/// How the portal looks. What is absent is as Postrider has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Theme {
    /// The colour of what can be clicked.
    pub accent: Option<Colour>,
    /// A picture at the top.
    pub logo_url: Option<LogoUrl>,
    /// Light or dark.
    pub mode: Option<Mode>,
    /// The radius of corners in pixels.
    pub radius: Option<Radius>,
    /// The font's name.
    pub font_family: Option<FontFamily>,
}

impl Theme {
    /// This theme with what another one has over it.
    #[must_use]
    pub fn with(&self, over: &Self) -> Self {
        let (under, over) = (self.clone(), over.clone());
        Self {
            accent: over.accent.or(under.accent),
            logo_url: over.logo_url.or(under.logo_url),
            mode: over.mode.or(under.mode),
            radius: over.radius.or(under.radius),
            font_family: over.font_family.or(under.font_family),
        }
    }
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
    /// As the browser prefers.
    #[default]
    Auto,
}

/// A colour, as `#rrggbb`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour(String);

impl TryFrom<String> for Colour {
    type Error = FormError;

    fn try_from(text: String) -> Result<Self, FormError> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        match digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            Some(_) => Ok(Self(text.to_ascii_lowercase())),
            None => Err(wrong("is a colour like #3366ff")),
        }
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.0
    }
}

/// Where a logo is fetched from: https, or http on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogoUrl(Url);

impl LogoUrl {
    /// Its origin, as a policy names it.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

impl TryFrom<String> for LogoUrl {
    type Error = FormError;

    fn try_from(text: String) -> Result<Self, FormError> {
        page(&text).map(Self)
    }
}

impl From<LogoUrl> for String {
    fn from(logo: LogoUrl) -> Self {
        logo.0.into()
    }
}

/// A radius of corners, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Radius(u32);

impl TryFrom<u32> for Radius {
    type Error = FormError;

    fn try_from(pixels: u32) -> Result<Self, FormError> {
        if pixels > RADIUS_PIXELS {
            return Err(wrong(format!("is 0 to {RADIUS_PIXELS} pixels")));
        }
        Ok(Self(pixels))
    }
}

impl From<Radius> for u32 {
    fn from(radius: Radius) -> Self {
        radius.0
    }
}

/// Names of fonts that the reader's machine has, with commas between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FontFamily(String);

impl TryFrom<String> for FontFamily {
    type Error = FormError;

    fn try_from(text: String) -> Result<Self, FormError> {
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | ',' | '-' | '_');
        if text.split(',').all(|name| name.trim().is_empty()) || !text.chars().all(is_plain) {
            return Err(wrong("is names of fonts, of letters, digits, spaces and hyphens, with commas between them"));
        }
        if text.chars().count() > FONT_FAMILY_CHARS {
            return Err(wrong(format!("has at most {FONT_FAMILY_CHARS} characters")));
        }
        Ok(Self(text))
    }
}

impl From<FontFamily> for String {
    fn from(family: FontFamily) -> Self {
        family.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_theme_has_no_part_that_could_leave_its_place_in_a_style_sheet() {
        let theme = |json: &str| serde_json::from_str::<Theme>(json);
        let whole = r##"{"accent":"#3366FF","logoUrl":"https://cdn.example.com/logo.svg","mode":"dark","radius":8,"fontFamily":"Inter, Segoe UI"}"##;
        let whole = theme(whole).expect("a theme");
        assert_eq!(whole.accent, Some(Colour("#3366ff".to_owned())));
        assert_eq!(whole.logo_url.as_ref().map(LogoUrl::origin), Some("https://cdn.example.com".to_owned()));
        for wrong in [
            r#"{"accent":"red"}"#,
            r##"{"accent":"#12345"}"##,
            r##"{"accent":"#12345g"}"##,
            r##"{"accent":"#123456;"}"##,
            r#"{"logoUrl":"http://cdn.example.com/logo.svg"}"#,
            r#"{"logoUrl":"javascript:alert(1)"}"#,
            r#"{"logoUrl":"https://a;b.example/x"}"#,
            r#"{"mode":"blue"}"#,
            r#"{"radius":25}"#,
            r#"{"radius":-1}"#,
            r#"{"fontFamily":"x; } body { display: none"}"#,
            r#"{"fontFamily":"url(x)"}"#,
            r#"{"fontFamily":" "}"#,
            r#"{"fontFamily":" , "}"#,
            r#"{"colour":"x"}"#,
        ] {
            assert!(theme(wrong).is_err(), "{wrong}");
        }
        let over = Theme { mode: Some(Mode::Light), ..Theme::default() };
        let both = whole.with(&over);
        assert_eq!((both.mode, both.radius), (Some(Mode::Light), whole.radius));
    }
}
