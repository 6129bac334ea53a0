//! Presets: settings for receivers that people use. They are data, in `data/presets`: a file that describes each, and its template.

use std::sync::LazyLock;

use postrider_core::shape::{MediaType, RequestMethod};
use serde::Deserialize;

/// Settings for a receiver, to be taken over into a webhook and changed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Preset {
    /// Stays the same.
    pub id: String,
    /// The receiver's name.
    pub name: String,
    /// What arrives there.
    pub description: String,
    /// What a URL of that receiver looks like.
    pub url_example: String,
    /// The method.
    pub method: RequestMethod,
    /// What the template makes.
    pub content_type: MediaType,
    /// The headers.
    pub headers: Vec<PresetHeader>,
    /// What there is to know, for whoever sets it up.
    pub notes: Vec<String>,
    /// Where the receiver documents it.
    pub documentation: Option<String>,
    /// The payload's template.
    #[serde(skip)]
    pub template: String,
}

/// A header of a preset.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PresetHeader {
    /// Its name.
    pub name: String,
    /// Its value; none: whoever takes the preset has one of their own.
    pub value: Option<String>,
    /// Whether it is to be hidden.
    pub is_sensitive: bool,
}

macro_rules! presets {
    ($($id:literal),* $(,)?) => {
        const FILES: &[(&str, &str)] = &[$((
            include_str!(concat!("../data/presets/", $id, ".json")),
            include_str!(concat!("../data/presets/", $id, ".template")),
        )),*];
    };
}

presets!("basic", "json", "slack", "teams", "discord", "pagerduty", "hubspot", "google-tag-manager");

/// All of them; the first is what a custom payload starts with.
pub fn all() -> &'static [Preset] {
    static ALL: LazyLock<Vec<Preset>> = LazyLock::new(|| {
        let read = |(about, template): &(&str, &str)| {
            let preset: Preset = serde_json::from_str(about).expect("the tests read every preset");
            Preset { template: (*template).to_owned(), ..preset }
        };
        FILES.iter().map(read).collect()
    });
    &ALL
}
