//! The command line is sound, and `docs/commands.md` says all of it and nothing else.

use clap::CommandFactory as _;

use super::*;

/// Every command that does something, with its full name.
fn leaves(command: &Command, name: &str) -> Vec<(String, Command)> {
    let below: Vec<_> = command.get_subcommands().filter(|command| command.get_name() != "help").collect();
    if below.is_empty() {
        return vec![(name.to_owned(), command.clone())];
    }
    below.into_iter().flat_map(|command| leaves(command, &format!("{name} {}", command.get_name()))).collect()
}

/// The part of the page under a heading.
fn section<'a>(page: &'a str, heading: &str) -> Option<&'a str> {
    let rest = page.split_once(&format!("\n## {heading}\n"))?.1;
    Some(rest.split_once("\n## ").map_or(rest, |(section, _)| section))
}

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/commands.md")).unwrap()
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_and_flag_is_documented_with_an_example() {
    let page = page();
    for (name, command) in leaves(&Cli::command(), "postrider") {
        let section = section(&page, &name).unwrap_or_else(|| panic!("docs/commands.md has no section `{name}`"));
        assert!(section.contains(&format!("```sh\n{name}")), "`{name}` has no example");
        for argument in command.get_arguments() {
            // Those of settings have a page of their own, made from the same table.
            let is_setting = SETTINGS.iter().any(|setting| setting.key == argument.get_id().as_str());
            if is_setting || argument.is_global_set() {
                continue;
            }
            let shown = match argument.get_long() {
                Some(flag) => format!("`--{flag}"),
                None => format!("`{}`", argument.get_id().as_str().to_uppercase()),
            };
            assert!(section.contains(&shown), "the section `{name}` lacks {shown}");
        }
    }
}

#[test]
fn nothing_is_documented_that_does_not_exist() {
    let page = page();
    let leaves = leaves(&Cli::command(), "postrider");
    for heading in page.lines().filter_map(|line| line.strip_prefix("## postrider ")) {
        let (_, command) =
            leaves.iter().find(|(name, _)| name == &format!("postrider {heading}")).expect("a command of that name");
        let flags = section(&page, &format!("postrider {heading}")).unwrap().split("--").skip(1).filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(rest.len());
            (end > 0).then(|| &rest[..end])
        });
        for flag in flags.filter(|flag| *flag != "json") {
            let known = command.get_arguments().any(|argument| argument.get_long() == Some(flag));
            assert!(known, "`postrider {heading}` is documented with --{flag}, which it does not take");
        }
    }
}

#[test]
fn urls_are_those_that_http_is_spoken_to() {
    let parse = |command: &[&str], url: &str| Cli::try_parse_from([&["postrider"][..], command, &[url]].concat());
    let taking: [&[&str]; 4] = [
        &["listen", "--forward-to"],
        &["trigger", "a.b", "--url"],
        &["environment", "list", "--url"],
        &["doctor", "--url"],
    ];
    for command in taking {
        assert!(parse(command, "http://localhost:1/x").is_ok(), "{command:?}");
        for url in ["localhost:1/x", "localhost:21200", "ftp://localhost", "localhost"] {
            let refused = parse(command, url).expect_err(url).to_string();
            assert!(refused.contains("write for example http://127.0.0.1:8400"), "{command:?} {url}: {refused}");
        }
    }
}

#[test]
fn values_that_cannot_be_meant_are_refused_with_the_command_line() {
    let parse = |line: &str| Cli::try_parse_from(std::iter::once("postrider").chain(line.split(' ')));
    let id = "018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f";
    for good in [
        "deliveries resend --state failed,discarded --status 5xx --rate 5000",
        "deliveries list --id 018f --from 2026-01-31T00:00:00Z --to 9999-12-31T23:59:59Z",
        "events list --status none --state delivered",
        "trigger a.b --set user.email=x --payload {}",
        "retention --days 3650",
        "portal link --tenant acme --expires 1d",
        &format!("jobs rate {id} 1"),
        &format!("replay --event {id} --webhook {id} --webhook {id}"),
    ] {
        parse(good).unwrap_or_else(|error| panic!("{good}: {error}"));
    }
    for (bad, words) in [
        ("deliveries resend --rate 0", "1..=5000"),
        ("deliveries resend --rate 5001", "1..=5000"),
        ("deliveries list --webhook abc", "--webhook"),
        ("deliveries list --state foo", "discarded"),
        ("deliveries tail --state failed,", "discarded"),
        ("deliveries list --status 6xx", "2xx to 5xx"),
        ("deliveries list --id 01x4", "first digits"),
        ("deliveries list --id 01-8", "4 at least"),
        ("deliveries resend --from yesterday", "RFC 3339"),
        ("deliveries resend --all --state failed", "--state"),
        ("events list --webhook abc", "--webhook"),
        ("events list --state lost", "discarded"),
        ("statistics --to noon", "RFC 3339"),
        ("replay --from noon --webhook 018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f", "RFC 3339"),
        ("replay --from 2026-01-31T00:00:00Z --webhook abc", "--webhook"),
        ("trigger a.b --set user", "path=value"),
        ("trigger a.b --payload {", "not JSON"),
        ("trigger a.b --payload []", "no JSON object"),
        ("trigger a.b --client-id abc --secret x", "--client-id"),
        ("retention --days 0", "1..=3650"),
        ("portal link --tenant acme --expires 59s", "from 60s to 1d"),
        ("jobs rate 018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f 0", "1..=5000"),
    ] {
        let refused = parse(bad).expect_err(bad);
        assert_eq!(refused.exit_code(), i32::from(crate::failure::UNREADABLE), "{bad}");
        assert!(refused.to_string().contains(words), "{bad}: {refused}");
    }
}
