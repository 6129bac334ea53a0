//! The table of settings: what can be configured, by which names, and what a person should know of it.
//!
//! Owns keys, defaults and words. The names of variables and flags follow from the key; the reference in `docs/configuration.md`
//! and the help of the command line are made from this table. Does not own how a value is read: that is [`super::read`]'s.

/// One thing that can be configured.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its key in `postrider.toml`.
    pub(crate) key: &'static str,
    /// What applies where nothing is given, as text; none: nothing applies.
    pub(crate) default: Option<&'static str>,
    /// What a value looks like, in help texts.
    pub(crate) placeholder: &'static str,
    /// Whether one or several values are taken.
    pub(crate) arity: Arity,
    /// Who may see its value.
    pub(crate) visibility: Visibility,
    /// One line on what it is.
    pub(crate) summary: &'static str,
    /// What else is worth knowing.
    pub(crate) detail: &'static str,
    /// A value to copy.
    pub(crate) example: &'static str,
}

/// Whether one or several values are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arity {
    /// One.
    One,
    /// Any number: an array in the file, commas between them elsewhere.
    List,
}

/// Who may see a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// Anybody who can run `config show`.
    Open,
    /// Nobody: it is never printed, and has no flag, as every user of a machine can read the command lines of all programs.
    Secret,
    /// It may contain a password, which is never printed; hence no flag either.
    MayHoldPassword,
}

impl Setting {
    /// The environment variable.
    pub(crate) fn variable(&self) -> String {
        format!("POSTRIDER_{}", self.key.to_uppercase())
    }

    /// The flag, where it has one.
    pub(crate) fn flag(&self) -> Option<String> {
        (self.visibility == Visibility::Open).then(|| self.key.replace('_', "-"))
    }
}

/// The setting of that key.
pub(crate) fn setting(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// All settings, in the order in which they are shown.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        key: "listen",
        default: Some("127.0.0.1:8400"),
        placeholder: "ADDRESS:PORT",
        arity: Arity::One,
        visibility: Visibility::Open,
        summary: "The address and port that the server listens on",
        detail: "Port 0 takes any free port. `0.0.0.0:8400` (or `[::]:8400`) listens on every interface: put a reverse proxy that \
                 speaks TLS in front of it. `/metrics` needs no token and tells numbers of the whole server to whoever reaches the \
                 port: let the proxy answer that path itself, with 404, and scrape past it.",
        example: "0.0.0.0:8400",
    },
    Setting {
        key: "data_dir",
        default: Some("./postrider-data"),
        placeholder: "DIRECTORY",
        arity: Arity::One,
        visibility: Visibility::Open,
        summary: "The directory that holds the database, the generated master key and the control socket",
        detail: "Made at the first start, readable by its owner alone. Whoever can write to it can replace what is in it: a start \
                 warns where others can, and `chmod 700` ends that. One server at a time uses it. It belongs on a local disk: \
                 every accepted event is synced to it before the producer is answered. Its path has 90 bytes at most, as it is \
                 written here: systems take no longer one for the socket in it.",
        example: "/var/lib/postrider",
    },
    Setting {
        key: "database_url",
        default: None,
        placeholder: "URL",
        arity: Arity::One,
        visibility: Visibility::MayHoldPassword,
        summary: "Reserved for a PostgreSQL database shared by several servers",
        detail: "This version keeps its data in the embedded store in `data_dir` alone and refuses to start when this is set, \
                 rather than to ignore it.",
        example: "postgres://postrider@db.example.com/postrider",
    },
    Setting {
        key: "public_url",
        default: None,
        placeholder: "URL",
        arity: Arity::One,
        visibility: Visibility::Open,
        summary: "The URL under which people and programs reach this server from outside",
        detail: "Used in links and in the OpenAPI document. Needed where a reverse proxy stands in front.",
        example: "https://hooks.example.com",
    },
    Setting {
        key: "trusted_proxies",
        default: None,
        placeholder: "CIDR,..",
        arity: Arity::List,
        visibility: Visibility::Open,
        summary: "Addresses of reverse proxies whose word on where a request comes from is taken",
        detail: "For limits that are counted by address: who gives too many wrong secrets waits, and one public address has a part of all \
                 connections. Where a request's connection comes from one of these, the rightmost address in its `X-Forwarded-For` \
                 that is none of theirs counts as the caller's, and the proxy's own connections are not limited. The proxy has to add to \
                 that header, or set it. Name the proxies' own addresses: whoever else is in a network that is named can pass for any \
                 address. Without this setting the header is not read. Addresses of this machine and of private networks are never \
                 counted, be it a connection's own or one that a proxy names: a proxy there that is not named here leaves nobody \
                 behind it counted.",
        example: "198.51.100.7,10.1.0.4",
    },
    Setting {
        key: "cors_origins",
        default: None,
        placeholder: "ORIGIN,..",
        arity: Arity::List,
        visibility: Visibility::Open,
        summary: "Origins whose pages may call the Frontegg API from a browser",
        detail: "For an application with Frontegg's own client in it that is served from another host. The caller is still known by \
                 its token alone. The native API, the console and the portal are never open to pages of other origins.",
        example: "https://app.example.com",
    },
    Setting {
        key: "bootstrap_client_id",
        default: None,
        placeholder: "UUID",
        arity: Arity::One,
        visibility: Visibility::Open,
        summary: "The client id of the first environment, chosen beforehand for automation",
        detail: "Together with `bootstrap_secret`. The first start then creates the environment \"Development\" with this id and \
                 prints no secret. On later starts the environment and the secret are made if they do not exist.",
        example: "6f1c2f0e-2f7c-4a52-9c35-0c5bb1b7a001",
    },
    Setting {
        key: "bootstrap_secret",
        default: None,
        placeholder: "TEXT",
        arity: Arity::One,
        visibility: Visibility::Secret,
        summary: "The secret of the first environment, chosen beforehand for automation",
        detail: "Together with `bootstrap_client_id`. 16 to 200 characters, of which only an Argon2id hash is kept. Another value adds another secret; the \
                 old one stays valid until it is revoked.",
        example: "a-long-random-text",
    },
    Setting {
        key: "egress_allow",
        default: None,
        placeholder: "CIDR,..",
        arity: Arity::List,
        visibility: Visibility::Open,
        summary: "Networks that webhooks may be sent to although they are not public",
        detail: "Loopback, private, link-local and other special addresses are refused unless they are listed here. So are all \
                 addresses of this machine's interfaces, public ones too: what is sent there passes firewalls by. A receiver on this \
                 machine that is reached by its public address thus needs it listed. A single address is written as it is.",
        example: "127.0.0.0/8,10.1.0.0/16",
    },
    Setting {
        key: "egress_source_addresses",
        default: None,
        placeholder: "ADDRESS,..",
        arity: Arity::List,
        visibility: Visibility::Open,
        summary: "Addresses of this machine that webhooks are sent from, in turn",
        detail: "For receivers that let only known addresses in. No connection leaves from another address; the start is refused \
                 when one of them is not this machine's.",
        example: "198.51.100.7,198.51.100.8",
    },
    Setting {
        key: "egress_proxy",
        default: None,
        placeholder: "URL",
        arity: Arity::One,
        visibility: Visibility::MayHoldPassword,
        summary: "A proxy that webhooks are sent through",
        detail: "`http://`, `https://` (both with `CONNECT`) or `socks5://`, with `user:password@` before the host if needed. The \
                 proxy is given addresses that were checked, never names.",
        example: "http://proxy.internal:3128",
    },
    Setting {
        key: "egress_extra_roots",
        default: None,
        placeholder: "FILE",
        arity: Arity::One,
        visibility: Visibility::Open,
        summary: "A PEM file of root certificates that are trusted besides the machine's own",
        detail: "For receivers whose certificates come from a private authority.",
        example: "/etc/postrider/roots.pem",
    },
    Setting {
        key: "master_key",
        default: None,
        placeholder: "KEY",
        arity: Arity::One,
        visibility: Visibility::Secret,
        summary: "The key under which secrets in the database are encrypted: 32 bytes in base64 or hexadecimal",
        detail: "Without it the first start generates one in `data_dir/master.key`, which guards copies of the database alone. A \
                 missing or wrong key stops the start. `openssl rand -base64 32` makes one.",
        example: "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    },
    Setting {
        key: "retention_days",
        default: Some("30"),
        placeholder: "DAYS",
        arity: Arity::One,
        visibility: Visibility::Open,
        summary: "How many days events, deliveries and attempts are kept, unless an environment says otherwise: 1 to 3650",
        detail: "What is older is deleted in small bites while the server runs. An event with a delivery that still waits is kept \
                 until that has ended, and an hour longer at most. An environment has a number of days of its own by \
                 `postrider retention`, in the console's settings or by `PUT /api/v1/retention`.",
        example: "90",
    },
    Setting {
        key: "shutdown_patience_seconds",
        default: Some("20"),
        placeholder: "SECONDS",
        arity: Arity::One,
        visibility: Visibility::Open,
        summary: "How long a stopping server waits for requests and attempts in flight: 0 to 3600",
        detail: "What is not done by then is given up and sent again after the next start. Keep it below the time after which \
                 your supervisor kills the process (30 seconds in Kubernetes, 10 in Docker).",
        example: "8",
    },
    Setting {
        key: "log",
        default: Some("info"),
        placeholder: "FILTER",
        arity: Arity::One,
        visibility: Visibility::Open,
        summary: "What is logged: `off`, `error`, `warn`, `info`, `debug`, `trace`, or a list of these and of `target=level`",
        detail: "Logs go to standard error. They never contain secrets, payloads or whole URLs of receivers. `debug` names each call \
                 that was refused, with its request id; `postrider_api=debug` those alone.",
        example: "warn,postrider_engine=debug",
    },
    Setting {
        key: "log_format",
        default: Some("text"),
        placeholder: "FORMAT",
        arity: Arity::One,
        visibility: Visibility::Open,
        summary: "How logs are written: `text` for people, `json` for programs",
        detail: "",
        example: "json",
    },
];
