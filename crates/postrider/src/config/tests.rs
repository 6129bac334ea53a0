//! The rules of configuration: which layer wins, and that every problem is told by its key.

use std::collections::BTreeSet;

use super::setting::Arity;
use super::*;

fn sources(variables: &[(&str, &str)]) -> Sources {
    Sources {
        // A file that exists and holds nothing, so that no test depends on the working directory.
        file: Some(PathBuf::from("/dev/null")),
        variables: variables.iter().map(|(name, value)| (name.into(), value.into())).collect(),
        flags: BTreeMap::new(),
    }
}

fn in_file(text: &str) -> (tempfile::TempDir, Sources) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    std::fs::write(&path, text).unwrap();
    (folder, Sources { file: Some(path), ..Sources::default() })
}

fn problems_of(sources: &Sources) -> Vec<(String, String)> {
    let problems = Layers::read(sources).settings().expect_err("problems");
    problems.iter().map(|problem| (problem.key.clone(), problem.message.clone())).collect()
}

#[test]
fn without_any_configuration_the_documented_defaults_apply() {
    let settings = Layers::read(&sources(&[])).settings().unwrap();
    assert_eq!(settings.listen, "127.0.0.1:8400".parse().unwrap());
    assert_eq!(settings.data_dir, PathBuf::from("./postrider-data"));
    assert_eq!(settings.retention, Retention::default());
    assert!(settings.egress_allow.is_empty() && settings.bootstrap.is_none() && settings.master_key.is_none());
}

#[test]
fn each_layer_overrides_the_ones_before_it() {
    let key = setting::setting("listen").unwrap();
    let nothing = sources(&[]);
    let (_folder, mut sources) = in_file("listen = \"127.0.0.1:1\"\nretention_days = 7");
    let applies = |sources: &Sources| {
        let (value, source) = Layers::read(sources).value(key).unwrap();
        (value.into_string().unwrap(), source)
    };
    assert_eq!(applies(&nothing), ("127.0.0.1:8400".to_owned(), Source::Default));
    assert_eq!(applies(&sources), ("127.0.0.1:1".to_owned(), Source::File));
    sources.variables.push(("POSTRIDER_LISTEN".into(), "".into()));
    assert_eq!(applies(&sources).1, Source::File, "an empty variable counts as absent");
    sources.variables.push(("POSTRIDER_LISTEN".into(), "127.0.0.1:2".into()));
    assert_eq!(applies(&sources), ("127.0.0.1:2".to_owned(), Source::Environment));
    sources.flags.insert("listen", "127.0.0.1:3".to_owned());
    assert_eq!(applies(&sources), ("127.0.0.1:3".to_owned(), Source::Flag));
    assert_eq!(Layers::read(&sources).settings().unwrap().retention, Retention::from_days(7).unwrap());
}

#[test]
fn all_problems_are_told_at_once_by_key() {
    let (_folder, mut sources) =
        in_file("retention_days = 0\negress_alow = []\nlisten = 8400\negress_allow = [1]\n[engine]\nx = 1");
    sources.variables = [
        ("POSTRIDER_DATABASE_URL", "postgres://db/postrider"),
        ("POSTRIDER_BOOTSTRAP_SECRET", "chosen for the test"),
        ("POSTRIDER_EGRESS_SOURCE_ADDRESSES", "198.51.100.7,nowhere, ::1,10.0.0.0/8"),
        ("POSTRIDER_EGRESS_PROXY", "postgres://user:hunter2@proxy"),
        ("POSTRIDER_MASTER_KEY", "c2hvcnQ="),
        ("POSTRIDER_LOG_FORMAT", "xml"),
        ("POSTRIDER_PUBLIC_URL", "hooks.example.com"),
        ("POSTRIDER_CORS_ORIGINS", "https://app.example.com,https://app.example.com/"),
        ("POSTRIDER_SHUTDOWN_PATIENCE_SECONDS", "-1"),
        ("POSTRIDER_TRUSTED_PROXIES", "198.51.100.7,proxy.internal"),
        ("POSTRIDER_LOG", "post rider=verbose"),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .to_vec();
    let problems = problems_of(&sources);
    let keys: BTreeSet<&str> = problems.iter().map(|(key, _)| key.as_str()).collect();
    let expected = [
        "bootstrap_client_id",
        "cors_origins",
        "database_url",
        "egress_allow",
        "egress_alow",
        "egress_proxy",
        "egress_source_addresses",
        "engine",
        "listen",
        "log",
        "log_format",
        "master_key",
        "public_url",
        "retention_days",
        "shutdown_patience_seconds",
        "trusted_proxies",
    ];
    assert_eq!(keys, BTreeSet::from(expected), "{problems:#?}");
    assert_eq!(problems.len(), expected.len() + 1, "each bad entry of a list is named: {problems:#?}");
    let message = |key: &str| problems.iter().find(|(k, _)| k == key).map(|(_, message)| message.as_str()).unwrap();
    assert!(message("egress_alow").contains("did you mean `egress_allow`?"));
    let everything = format!("{problems:?}");
    for secret in ["hunter2", "chosen", "c2hvcnQ"] {
        assert!(!everything.contains(secret), "{secret} is repeated in {everything}");
    }
}

#[test]
fn what_this_machine_has_against_settings_is_told_with_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, empty) = (folder.path().join("missing.pem"), folder.path().join("empty.pem"));
    std::fs::write(&empty, "no certificate").unwrap();
    let long = format!("/{}", "d".repeat(120));
    let told = |roots: &std::path::Path| {
        let given = sources(&[
            ("POSTRIDER_DATA_DIR", long.as_str()),
            // An address of the block for documentation is no machine's.
            ("POSTRIDER_EGRESS_SOURCE_ADDRESSES", "127.0.0.1,203.0.113.7"),
            ("POSTRIDER_EGRESS_EXTRA_ROOTS", roots.to_str().unwrap()),
            ("POSTRIDER_RETENTION_DAYS", "0"),
        ]);
        let problems = Layers::read(&given).settings_here().expect_err("problems");
        problems.iter().map(|problem| (problem.key.clone(), problem.message.clone())).collect::<Vec<_>>()
    };
    let problems = told(&missing);
    let keys: Vec<_> = problems.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["retention_days", "data_dir", "egress_source_addresses", "egress_extra_roots"], "{problems:#?}");
    assert!(problems[1].1.contains("choose a shorter data directory"), "{problems:#?}");
    assert!(problems[2].1.contains("203.0.113.7") && problems[3].1.contains("cannot be read"), "{problems:#?}");
    assert!(told(&empty)[3].1.contains("there is none in it"), "a file without certificates");
    assert!(!folder.path().join(&long).exists(), "nothing is made by the look");
    assert!(Layers::read(&sources(&[])).settings_here().is_ok());
}

#[test]
fn a_word_alone_is_a_level_of_the_log() {
    let log = |filter: &str| {
        let read = Layers::read(&sources(&[("POSTRIDER_LOG", filter)])).settings();
        read.map(|settings| settings.log).map_err(|problems| problems.to_string())
    };
    for filter in ["off", "error", "warn", "info", "debug", "trace", "WARN", "warn,postrider_engine=debug"] {
        assert_eq!(log(filter).as_deref(), Ok(filter));
    }
    assert_eq!(log("info, postrider_store=off").as_deref(), Ok("info,postrider_store=off"));
    for filter in ["warning", "loud", "info,postrider_engine", "postrider_engine=debug,verbose"] {
        let problems = log(filter).expect_err(filter);
        assert!(problems.contains("is no level") && problems.contains("off, error, warn, info"), "{problems}");
    }
}

#[test]
fn a_broken_file_does_not_hide_other_problems() {
    let (_folder, mut sources) = in_file("listen = ");
    sources.variables.push(("POSTRIDER_LOG_FORMAT".into(), "xml".into()));
    let problems = problems_of(&sources);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].1.contains("TOML") && problems[1].0 == "log_format");
    sources.file = Some(PathBuf::from("/nowhere/postrider.toml"));
    assert!(problems_of(&sources)[0].1.contains("cannot be read"), "a file that was named must exist");
}

#[test]
fn one_setting_alone_minds_what_may_hide_it_and_nothing_else() {
    let data_dir = |text: &str| {
        let (_folder, sources) = in_file(text);
        Layers::read(&sources).data_dir().map_err(|problems| problems.to_string())
    };
    let unrelated = "data_dir = \"here\"\nretention_days = 0\negress_alow = []\nlisten = \"nowhere\"";
    assert_eq!(data_dir(unrelated), Ok(PathBuf::from("here")));
    for (text, named) in [
        ("data_dir = ", "TOML"),
        ("data_dir = []", "data_dir"),
        ("data_dir = \"\"", "it is empty"),
        ("data-dir = \"here\"", "did you mean `data_dir`?"),
    ] {
        let problems = data_dir(text).expect_err(text);
        assert!(problems.contains(named) && problems.contains("a problem"), "{text}: {problems}");
    }
    let nowhere = Sources { file: Some(PathBuf::from("/nowhere/postrider.toml")), ..Sources::default() };
    assert!(Layers::read(&nowhere).listen().unwrap_err().to_string().contains("cannot be read"));
    assert_eq!(Layers::read(&sources(&[])).listen().unwrap(), "127.0.0.1:8400".parse().unwrap());
}

#[test]
fn lists_are_arrays_or_have_commas_and_networks_mean_what_they_say() {
    let expected: Vec<IpNet> = ["127.0.0.0/8", "10.0.0.1/32", "fd00::/8"].map(|net| net.parse().unwrap()).to_vec();
    let (_folder, file) = in_file("egress_allow = [\"127.0.0.0/8\", \"10.0.0.1\", \"fd00::/8\"]");
    assert_eq!(Layers::read(&file).settings().unwrap().egress_allow, expected);
    let variables = sources(&[("POSTRIDER_EGRESS_ALLOW", "127.0.0.0/8, 10.0.0.1,,fd00::/8")]);
    assert_eq!(Layers::read(&variables).settings().unwrap().egress_allow, expected);
    let sloppy = problems_of(&sources(&[("POSTRIDER_EGRESS_ALLOW", "10.1.2.3/8")]));
    assert!(sloppy[0].1.contains("did you mean 10.0.0.0/8?"), "{sloppy:?}");
}

#[test]
fn proxies_are_networks_and_not_everybody() {
    let given = sources(&[("POSTRIDER_TRUSTED_PROXIES", "198.51.100.7, 10.1.0.0/16,::ffff:127.0.0.1")]);
    let expected: Vec<IpNet> =
        ["198.51.100.7/32", "10.1.0.0/16", "127.0.0.1/32"].map(|net| net.parse().unwrap()).into();
    assert_eq!(Layers::read(&given).settings().unwrap().trusted_proxies, expected);
    for everybody in ["0.0.0.0/0", "::/0"] {
        let problems = problems_of(&sources(&[("POSTRIDER_TRUSTED_PROXIES", everybody)]));
        assert!(problems[0].1.contains("is everybody"), "{problems:?}");
    }
}

#[test]
fn a_secret_is_taken_as_it_is_typed() {
    let given = sources(&[
        ("POSTRIDER_BOOTSTRAP_CLIENT_ID", "6f1c2f0e-2f7c-4a52-9c35-0c5bb1b7a001"),
        ("POSTRIDER_BOOTSTRAP_SECRET", " 0070070070070070 "),
    ]);
    assert_eq!(Layers::read(&given).settings().unwrap().bootstrap.unwrap().secret, " 0070070070070070 ");
}

#[test]
fn a_chosen_secret_is_as_long_as_the_api_wants_it() {
    let problems = |secret: &str| {
        let given = sources(&[
            ("POSTRIDER_BOOTSTRAP_CLIENT_ID", "6f1c2f0e-2f7c-4a52-9c35-0c5bb1b7a001"),
            ("POSTRIDER_BOOTSTRAP_SECRET", secret),
        ]);
        Layers::read(&given).settings().err().map(|problems| problems.to_string()).unwrap_or_default()
    };
    assert!(problems("fifteen letters").contains("it has 15 characters, and has to have 16 to 200 characters"));
    assert_eq!(problems("sixteen  letters"), "");
}

#[test]
fn networks_of_ipv4_addresses_in_ipv6_clothes_are_taken_for_what_they_are() {
    let given = sources(&[("POSTRIDER_EGRESS_ALLOW", "::ffff:10.0.0.0/104, ::ffff:127.0.0.1")]);
    let expected: Vec<IpNet> = ["10.0.0.0/8", "127.0.0.1/32"].map(|net| net.parse().unwrap()).into();
    assert_eq!(Layers::read(&given).settings().unwrap().egress_allow, expected);
}

#[test]
fn a_master_key_is_32_bytes_in_base64_or_hexadecimal() {
    let accepted = |key: &str| Layers::read(&sources(&[("POSTRIDER_MASTER_KEY", key)])).settings().is_ok();
    let hex = "00ff".repeat(16);
    assert!(accepted(&hex) && accepted(&hex.to_uppercase()));
    assert!(accepted("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="));
    assert!(!accepted(&hex[2..]) && !accepted(&hex.replace('0', "g")) && !accepted("hunter2"));
}

#[test]
fn secrets_are_never_shown() {
    let given = sources(&[
        ("POSTRIDER_BOOTSTRAP_SECRET", "hunter2"),
        ("POSTRIDER_MASTER_KEY", "hunter2"),
        ("POSTRIDER_EGRESS_PROXY", "http://user:hunter2@proxy"),
        ("POSTRIDER_DATABASE_URL", "postgres://user:hunter2@db/x"),
    ]);
    let shown = show::effective(&Layers::read(&given));
    assert_eq!(shown.iter().filter(|setting| setting.hidden).count(), 4);
    assert!(!serde_json::to_string(&shown).unwrap().contains("hunter2"));
}

#[test]
fn variables_that_are_no_settings_are_noticed_but_not_those_of_others() {
    let given = sources(&[
        ("POSTRIDER_LISTN", "x"),
        ("POSTRIDER_URL", "http://x"),
        ("POSTRIDER_SERVICE_HOST", "10.0.0.1"),
        ("POSTRIDER_PORT_8400_TCP", "x"),
    ]);
    assert_eq!(Layers::read(&given).unknown_variables, ["POSTRIDER_LISTN"]);
    assert!(unknown_variable("POSTRIDER_LISTN").ends_with("did you mean POSTRIDER_LISTEN?"));
    assert!(unknown_variable("POSTRIDER_COLOUR").contains("`postrider config show`"));
}

#[test]
fn the_nearest_key_is_named_where_one_is_near() {
    for (mistyped, near) in [
        ("listn", Some("listen")),
        ("data-dir", Some("data_dir")),
        ("egress", Some("egress_allow")),
        ("retention.days", Some("retention_days")),
        ("colour", None),
    ] {
        assert_eq!(nearest_key(mistyped), near, "{mistyped}");
    }
}

#[test]
fn every_setting_that_is_in_the_table_is_read() {
    for setting in SETTINGS {
        // What no setting accepts; a reader that never looks at the key would not mind it.
        let (_folder, sources) = in_file(&format!("{} = {{ no = \"value\" }}", setting.key));
        let problems = problems_of(&sources);
        assert!(problems.iter().any(|(key, _)| key == setting.key), "{} is not read", setting.key);
        let key = setting.key;
        if setting.arity == Arity::One
            && key != "database_url"
            && key != "bootstrap_client_id"
            && key != "bootstrap_secret"
        {
            let given = Sources {
                file: Some(PathBuf::from("/dev/null")),
                variables: vec![(setting.variable().into(), setting.example.into())],
                flags: BTreeMap::new(),
            };
            assert!(Layers::read(&given).settings().is_ok(), "the example of {key} is not accepted");
        }
    }
}

#[test]
fn the_reference_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written.trim_end() == reference::markdown().trim_end(),
        "docs/configuration.md is out of date; run `cargo run -- config reference > docs/configuration.md`"
    );
}
