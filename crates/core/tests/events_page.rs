//! The reference of all built-in events, `docs/events.md`, is what the catalogue says.

use std::fmt::Write as _;

use postrider_core::catalogue::{builtin, categories};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.md");

fn page() -> String {
    let mut page = String::from(
        "# Events\n\n\
         <!-- Generated from the catalogue in crates/core/data; change that instead, and run the test `events_page` with POSTRIDER_BLESS=1. -->\n\n\
         The event types that every environment starts with. A vendor adds its own, and may rename or remove these; an event of any other key is taken as well. What a webhook receives is\n\
         `eventKey`, `eventContext`, and the members shown here:\n\n\
         ```json\n{\n  \"eventKey\": \"frontegg.user.created\",\n  \"eventContext\": { \"vendorId\": \"…\", \"tenantId\": \"…\", \"userId\": \"…\" },\n  \"user\": { \"…\": \"…\" }\n}\n```\n\n\
         A webhook subscribes to keys (`frontegg.user.created`), to all that begin alike (`frontegg.user.*`), to a category (`User management.*`), or to everything (`*`).\n",
    );
    let mut write = |text: std::fmt::Arguments<'_>| page.write_fmt(text).expect("writing to a string does not fail");
    for category in categories() {
        write(format_args!("\n## {category}\n\n| event | | about |\n| --- | --- | --- |\n"));
        for event in builtin().iter().filter(|event| event.category == category) {
            let anchor = event.key.replace('.', "").to_lowercase();
            write(format_args!("| [`{}`](#{anchor}) | {} | `{}` |\n", event.key, event.display_name, event.subject));
        }
    }
    for category in categories() {
        for event in builtin().iter().filter(|event| event.category == category) {
            let sample: serde_json::Value = serde_json::from_str(&event.sample).expect("a sample is JSON");
            let sample = serde_json::to_string_pretty(&sample).expect("JSON can be written");
            write(format_args!(
                "\n### {}\n\n{}: {}\n\n<details><summary>Sample</summary>\n\n```json\n{sample}\n```\n\n</details>\n",
                event.key, event.display_name, event.description
            ));
        }
    }
    page
}

/// With `POSTRIDER_BLESS=1` the file is written instead.
#[test]
fn the_reference_of_events_is_fresh() {
    if std::env::var_os("POSTRIDER_BLESS").is_some() {
        std::fs::write(PATH, page()).expect("written");
    }
    let kept = std::fs::read_to_string(PATH).expect("docs/events.md is there");
    assert!(kept == page(), "docs/events.md is stale: run this test with POSTRIDER_BLESS=1");
}
