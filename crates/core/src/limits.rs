//! Every limit of Postrider, by name and with its reason. Nothing that a user can make grow is without one.

use std::time::Duration;

// --- intake ---

/// Bytes of one event as posted. Larger things belong behind a link in the payload.
pub const EVENT_BYTES: usize = 256 * 1024;
/// Bytes of one batch.
pub const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Events of one batch: one transaction that does not hold others up for long.
pub const BATCH_EVENTS: usize = 1_000;
/// Deliveries that the events of one batch may come to: they are committed in one transaction, and everybody's commits wait for it. A
/// single event goes to all webhooks that it matches, however many.
pub const BATCH_DELIVERIES: usize = 20_000;
/// Bytes of any other request body.
pub const REQUEST_BYTES: usize = 64 * 1024;
/// Bytes of such bodies, of all requests together, from the first byte that is read until they are answered. Apart from the events'
/// [`MEMORY_BUDGET`].
pub const REQUESTS_BUDGET: usize = 16 * 1024 * 1024;
/// The same of calls that need no token, since anybody can hold it.
pub const OPEN_REQUESTS_BUDGET: usize = 8 * 1024 * 1024;
/// Objects and arrays within one another in a JSON document; deeper ones exhaust the stacks of receivers.
pub const JSON_DEPTH: usize = 100;
/// Characters of an event key.
pub const EVENT_KEY_CHARS: usize = 255;
/// Characters of the vendor's own ids: tenant, user, application.
pub const FOREIGN_ID_CHARS: usize = 255;
/// Characters of an idempotency key.
pub const IDEMPOTENCY_KEY_CHARS: usize = 255;
/// How long an idempotency key is remembered.
pub const IDEMPOTENCY_KEPT: Duration = Duration::from_hours(24);
/// How long a client may take over sending its request's head and body.
pub const REQUEST_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Bodies of one tenant's users that are read at a time; others wait.
pub const BODIES_PER_TENANT: usize = 16;
/// How long a call waits until others like it of the same caller have ended.
pub const LINE_PATIENCE: Duration = Duration::from_secs(10);
/// Calls of one caller that wait so, where each takes long of what everybody shares.
pub const DEAR_WAITING: usize = 32;
/// Bodies of one tenant's users, or from one address, that wait to be read.
pub const BODIES_WAITING: usize = 512;
/// How long a client may take over sending the body of a call that anybody can make: one that gives a token or opens a session.
pub const OPEN_REQUEST_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Such bodies from one address that are read at a time; others wait.
pub const BODIES_PER_ADDRESS: usize = 16;

// --- the server's sockets ---

/// How long it holds for everybody who asks what was found of the store's readiness: anybody may ask, and looking is a write.
pub const READINESS_KEPT: Duration = Duration::from_secs(1);

/// Connections from callers at a time, where the limit of open files allows so many; whoever comes then waits.
pub const CONNECTIONS: usize = 8_192;
/// How long a connection may be without a complete head of a request, be it idle or slow. Longer than load balancers keep an idle
/// connection (60 seconds, mostly), so that it is not closed under a request that they just sent.
pub const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// The same until the first head: whoever connects has something to ask, and somebody else waits for the slot.
pub const FIRST_HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Connections to the control socket at a time, beside [`CONNECTIONS`]: its owner can always act.
pub const CONTROL_CONNECTIONS: usize = 32;
/// How long a caller may read nothing of an answer that waits for it.
pub const ANSWER_STALL: Duration = Duration::from_secs(30);
/// Bytes of a request's head.
pub const REQUEST_HEAD_BYTES: usize = 64 * 1024;
/// Bytes of a request that are read and thrown away before an answer that does not depend on them goes out, so that the connection can
/// be used again: more than any request but a large batch has.
pub const UNREAD_BYTES: usize = 512 * 1024;
/// How long they may take to come.
pub const UNREAD_TIME: Duration = Duration::from_secs(1);
/// How long what still comes of a request that was answered already is thrown away, until its connection is closed.
pub const LINGER_TIME: Duration = Duration::from_secs(2);
/// Bytes of it: somewhat more than the largest body that anybody sends in good faith.
pub const LINGER_BYTES: usize = 16 * 1024 * 1024;

// --- streams ---

/// Streams of events and deliveries that may be open at a time, where the limit of open files allows so many: three quarters for tenants'
/// users, the rest for vendors, so that neither keeps the other out.
pub const STREAMS: usize = 4_096;
/// Streams of the users of one environment's tenants.
pub const STREAMS_OF_TENANTS: usize = 512;
/// Streams of one environment's vendor.
pub const STREAMS_OF_VENDOR: usize = 128;
/// Streams of one tenant's users.
pub const STREAMS_PER_TENANT: usize = 32;
/// Streams of one credential's tokens: those of a team of developers.
pub const STREAMS_PER_CREDENTIAL: usize = 64;
/// Streams of one person: a session of a browser, or a tenant's user.
pub const STREAMS_PER_SESSION: usize = 8;
/// How often it is looked at whether whoever opened a stream may still read it, besides each time that something is told.
pub const STREAM_CHECKED: Duration = Duration::from_secs(1);
/// How long a stream stays open, telling nothing, while that cannot be found out: an identity provider's fault of a moment is no reason to
/// send all of its users away at once.
pub const STREAM_UNCHECKED: Duration = Duration::from_mins(1);
/// How often a silent stream shows that it lives, so that nothing between closes it.
pub const STREAM_HEARTBEAT: Duration = Duration::from_secs(15);
/// Deliveries, and jobs, whose changes wait for one who watches; what else changes meanwhile is missed.
pub const WATCHED_CHANGES: usize = 100;
/// Events that wait for one who watches.
pub const WATCHED_EVENTS: usize = 64;
/// Bytes of their bodies, beyond which no more is held.
pub const WATCHED_EVENT_BYTES: usize = 1024 * 1024;

// --- what people configure ---

/// Characters of names: webhooks, event types, environments, credentials.
pub const NAME_CHARS: usize = 255;
/// Characters of a category's name: webhooks subscribe to it with `.*` after it, and a subscription is as long as a key can be.
pub const CATEGORY_NAME_CHARS: usize = EVENT_KEY_CHARS - ".*".len();
/// Characters of descriptions.
pub const DESCRIPTION_CHARS: usize = 2_000;
/// Characters of a webhook's URL.
pub const URL_CHARS: usize = 2_048;
/// Subscriptions (`eventKeys`) of one webhook.
pub const SUBSCRIPTIONS: usize = 500;
/// Characters of a webhook's secret.
pub const SECRET_CHARS: usize = 100;
/// Characters that a tenant's user must give a secret at least.
pub const SECRET_CHARS_FROM_TENANT: usize = 8;
/// The longest that a rotated secret or key signs beside the new one.
pub const OVERLAP: Duration = Duration::from_hours(24 * 30);
/// Webhooks of one environment: the matching index lives in memory.
pub const WEBHOOKS_PER_ENVIRONMENT: usize = 100_000;
/// Webhooks of one tenant: its users cannot take all places of the environment, nor have more filters than can be decided before an event
/// of the tenant's is accepted.
pub const WEBHOOKS_PER_TENANT: usize = 1_000;
/// Event types of one environment, and keys that deleted ones left hidden from tenants.
pub const EVENT_TYPES_PER_ENVIRONMENT: usize = 5_000;
/// Bytes of an event type's JSON Schema. Larger ones are mostly generated, and cost more to hold events against.
pub const SCHEMA_BYTES: usize = 32 * 1024;
/// Schemas that an event type had before, of which the newest are kept.
pub const FORMER_SCHEMAS: usize = 50;
/// How often one value of an event may be held against parts of a schema. References that fan out would otherwise make this grow with
/// every level of the event.
pub const SCHEMA_VISITS: u64 = 500;
/// Places of the patterns that one text of an event may be held against: how many characters a matcher waits for at once. It may go through
/// all of them for each character of the text.
pub const SCHEMA_PLACES: u64 = 2_000;
/// Steps beyond which an event is held against its schema on a thread of its own: most schemas and events take less.
pub const SCHEMA_STEPS_AT_ONCE: u64 = 400_000;
/// Bytes of the compiled form of one regular expression in a schema or a filter.
pub const REGEX_BYTES: usize = 128 * 1024;
/// What is told of an event that its schema does not allow: more of the same helps nobody.
pub const SCHEMA_VIOLATIONS: usize = 20;
/// Characters of one message that says what is wrong with an event, or why a filter cannot tell.
pub const NOTE_CHARS: usize = 300;
/// Webhooks that are noted for an event because of their filters. They are counted beyond it.
pub const FILTER_NOTES: usize = 100;
/// Characters of a filter.
pub const FILTER_CHARS: usize = 2_000;
/// Parts of a filter: names, values, operators, calls.
pub const FILTER_NODES: usize = 400;
/// Parts of a filter within one another.
pub const FILTER_DEPTH: usize = 40;
/// Macros (`exists`, `all`, ...) of a filter within one another, where somebody writes it. Each goes through its list for every element of
/// those around it, and events have hardly more lists within one another: what goes deeper takes all of its steps over every event.
pub const FILTER_NESTING: usize = 4;
/// Patterns of a filter: each is compiled, and kept while its webhook is.
pub const FILTER_PATTERNS: usize = 5;
/// Steps that a filter may take over one event, where a step is an operator or about 32 bytes of text that are looked at:
/// milliseconds, tens of them at most. A comparison of every element of a large list with a constant fits; one with every element
/// of another does not.
pub const FILTER_STEPS: u32 = 400_000;
/// Steps of all filters over an event after which others have a turn on the processor.
pub const FILTER_STEPS_IN_A_ROW: u32 = 400_000;
/// Steps that the filters of one owner's webhooks may take together over one event, the owner being the environment or the event's
/// tenant: some hundred milliseconds. What is left beyond it is undecided.
pub const FILTER_STEPS_PER_OWNER: u32 = 4_000_000;
/// Steps that the filters of one owner's webhooks may take over all events of a batch, of which each has the same share: some ten
/// seconds. It comes to [`FILTER_STEPS`] for each event of the largest batch, so that there is no event that a filter could not be
/// asked about.
pub const FILTER_STEPS_PER_BATCH: u32 = 400_000_000;
/// Bytes of a document that event types are imported from: all event types of a large environment, with their schemas.
pub const IMPORT_BYTES: usize = 8 * 1024 * 1024;
/// Secrets of one environment at a time.
pub const CREDENTIALS_PER_ENVIRONMENT: usize = 50;
/// Characters of a pointer to the member that a webhook is ordered by.
pub const POINTER_CHARS: usize = 255;
/// Steps of such a pointer: each reads a part of the body once more.
pub const POINTER_STEPS: usize = 16;
/// Steps that an expression that a webhook is ordered by may take over an event, as of a filter: about a millisecond, as it is taken by the
/// one who writes when a delivery is resent.
pub const ORDER_STEPS: u32 = 20_000;
/// The highest rate limit, per second or minute: beyond it there is no need for one.
pub const RATE_LIMIT: u32 = 100_000;
/// Entries of a webhook's own list of retry delays.
pub const RETRY_DELAYS: usize = 30;
/// The longest delay before a retry, and the longest that `Retry-After` is honoured for.
pub const RETRY_DELAY: Duration = Duration::from_hours(24);
/// More than any delivery waits for its next attempt, whatever is added to [`RETRY_DELAY`]. One that is due later has become so because
/// the clock was set back, and is taken for due.
pub const WAIT_MOST: Duration = Duration::from_hours(48);

// --- sessions and the portal ---

/// How long a session of the console may be without a call: a working day, not the night after.
pub const CONSOLE_SESSION_IDLE: Duration = Duration::from_hours(12);
/// How long a session of the console lasts at most.
pub const CONSOLE_SESSION_LIFETIME: Duration = Duration::from_hours(24 * 7);
/// Environments that one session of the console is signed in to.
pub const CONSOLE_SESSION_ENVIRONMENTS: usize = 20;
/// Sessions of the console that one credential may have at a time; a further one ends the oldest. They are kept in memory.
pub const CONSOLE_SESSIONS_PER_CREDENTIAL: usize = 100;
/// Wrong secrets in a row that are looked at for one environment from one address, before there is one for each [`SIGN_IN_REGAINED`]; and
/// from all addresses together, before each waits for [`SIGN_IN_PAUSE`].
pub const SIGN_IN_FAILURES: u32 = 20;
/// How long it takes until one more wrong secret is looked at: some 14,000 a day, of secrets that have 16 characters at least.
pub const SIGN_IN_REGAINED: Duration = Duration::from_secs(6);
/// How long a secret that was not right before waits while somebody guesses: a person bears it, and each guess costs it as well.
pub const SIGN_IN_PAUSE: Duration = Duration::from_secs(1);
/// Addresses whose wrong secrets are counted, at some 60 bytes each.
pub const SIGN_IN_PEERS: usize = 10_000;
/// How long a secret waits for its turn to be hashed, before its caller is asked to come back.
pub const SIGN_IN_TURN: Duration = Duration::from_secs(5);
/// How long a portal link can be opened: it is made when a person clicks.
pub const PORTAL_LINK_LIFETIME: Duration = Duration::from_mins(5);
/// How long a portal session lasts unless the link says otherwise.
pub const PORTAL_SESSION_LIFETIME: Duration = Duration::from_hours(1);
/// The shortest that a link can ask for.
pub const PORTAL_SESSION_LIFETIME_LEAST: Duration = Duration::from_mins(1);
/// The longest: whoever leaves the tenant is out after a day, whatever the vendor forgets.
pub const PORTAL_SESSION_LIFETIME_MOST: Duration = Duration::from_hours(24);
/// How long a token for pages whose cookies are blocked is valid; it is renewed while the session lasts.
pub const PORTAL_TOKEN_LIFETIME: Duration = Duration::from_mins(15);
/// Portal links and sessions of one tenant at a time; a further one ends the oldest.
pub const PORTAL_SESSIONS_PER_TENANT: usize = 200;
/// Portal links and sessions of one environment at a time: they are kept in memory, at some 500 bytes each.
pub const PORTAL_SESSIONS_PER_ENVIRONMENT: usize = 50_000;
/// Portal sessions of one browser at a time: each has a cookie, and browsers keep few for a site in a frame.
pub const PORTAL_COOKIES: usize = 8;
/// Origins whose pages may frame an environment's portal: all are named in a header of each page.
pub const ALLOWED_ORIGINS: usize = 50;
/// Characters of such an origin.
pub const ORIGIN_CHARS: usize = 300;
/// Characters of the names of fonts in a theme.
pub const FONT_FAMILY_CHARS: usize = 200;
/// The largest radius of corners in a theme.
pub const RADIUS_PIXELS: u32 = 24;
/// Permissions that a portal link lists.
pub const LINK_PERMISSIONS: usize = 50;

// --- custom payloads and headers ---

/// Bytes of a payload's template.
pub const TEMPLATE_BYTES: usize = 32 * 1024;
/// Bytes that a template may make: as much as an event may have.
pub const RENDERED_BYTES: usize = 256 * 1024;
/// Work that the renderings of one request may do: an instruction, or 64 bytes made or looked at, costs one. Some ten milliseconds. An
/// object of an event that is written as a whole costs a quarter of a step for each byte, so this pays for the largest event.
pub const TEMPLATE_FUEL: u64 = 100_000;
/// What they may do of it where others wait for the same thread: a millisecond. What takes more is rendered apart.
pub const TEMPLATE_FUEL_AT_ONCE: u64 = 10_000;
/// Bytes of an event for which renderings are made where others wait for the same thread; of a larger one they are made apart, as finding a
/// value within it reads what is around it once more on each level.
pub const TEMPLATE_BYTES_AT_ONCE: usize = 32 * 1024;
/// Bytes of templates that are compiled where others wait for the same thread: about a millisecond. What is longer is compiled apart.
pub const TEMPLATE_BYTES_COMPILED_AT_ONCE: usize = 4 * 1024;
/// How long renderings may take apart, whatever their fuel says: the last resort, of what is somehow not charged for.
pub const RENDERING_TIME: Duration = Duration::from_secs(2);
/// Loops and conditions within one another in a template, and calls.
pub const TEMPLATE_DEPTH: usize = 50;
/// Bytes of compiled payloads that are kept, and as many of headers: those of some thousand webhooks. Others are compiled when they are used.
pub const COMPILED_BYTES: usize = 32 * 1024 * 1024;
/// Characters of the reason that a failed delivery shows.
pub const PROBLEM_CHARS: usize = 1_000;
/// Characters of a media type.
pub const MEDIA_TYPE_CHARS: usize = 255;
/// Settings of a webhook that its requests were made from before, of which the newest are kept for its log. They hold the templates of its headers.
pub const SETTINGS_REVISIONS: u32 = 50;
/// Headers of a webhook's own; servers take some hundred in all.
pub const CUSTOM_HEADERS: usize = 30;
/// Characters of a header's name.
pub const HEADER_NAME_CHARS: usize = 128;
/// Bytes of the template of a header's value.
pub const HEADER_TEMPLATE_BYTES: usize = 4 * 1024;
/// Bytes of a header's value as sent; servers take 8 KiB, of all headers together.
pub const HEADER_VALUE_BYTES: usize = 4 * 1024;
/// Characters of a user name, password, token, client id or client secret that a receiver asks for.
pub const CREDENTIAL_CHARS: usize = 4_096;
/// Bytes of a client certificate with its chain, and of its key.
pub const CLIENT_CERTIFICATE_BYTES: usize = 16 * 1024;
/// How long before its end a fetched token is no longer used: clocks differ, and requests take their time.
pub const TOKEN_SPARE: Duration = Duration::from_secs(30);
/// How long a fetched token is used whose server does not say.
pub const TOKEN_KEPT: Duration = Duration::from_mins(5);
/// The longest that a fetched token is used, whatever its server says.
pub const TOKEN_KEPT_MOST: Duration = Duration::from_hours(24);

// --- attempts ---

/// An attempt's deadline, from looking the name up to the last byte of the body that is read.
pub const ATTEMPT_DEADLINE: Duration = Duration::from_secs(15);
/// The shortest deadline a webhook can ask for.
pub const ATTEMPT_DEADLINE_LEAST: Duration = Duration::from_secs(1);
/// The longest.
pub const ATTEMPT_DEADLINE_MOST: Duration = Duration::from_secs(30);
/// How long a skip waits for the end of an attempt that is under way: the longest deadline, and some time for what comes of it to be stored.
pub const SKIP_PATIENCE: Duration = Duration::from_secs(45);
/// Bytes of an answer's body that are read before the connection is given up.
pub const RESPONSE_BODY_READ: usize = 64 * 1024;
/// Bytes of an answer's body that are kept.
pub const RESPONSE_BODY_KEPT: usize = 16 * 1024;
/// Bytes of an answer that is read by this server itself: the key set of an issuer with certificates for dozens of keys, a token with
/// a great many claims.
pub const READ_BODY_KEPT: usize = 256 * 1024;
/// Bytes of an answer's headers that are read; more is a protocol error.
pub const RESPONSE_HEADERS_READ: usize = 64 * 1024;
/// Bytes that may come on an HTTP/1 connection until an answer's headers are complete: interim answers (1XX), which are passed over, may
/// have as many as the headers.
pub const HTTP1_HEADS_BYTES: usize = 2 * RESPONSE_HEADERS_READ;
/// Bytes that may come on an HTTP/2 connection for each exchange on it: twice the longest answer that is read, as frames, padding and what
/// was on its way when no more was wanted come on top. Interim answers are bounded by nothing else there.
pub const HTTP2_EXCHANGE_BYTES: usize = 2 * (RESPONSE_HEADERS_READ + READ_BODY_KEPT);
/// Bytes of an answer's headers that are kept.
pub const RESPONSE_HEADERS_KEPT: usize = 8 * 1024;
/// Headers of an answer; more is a protocol error.
pub const RESPONSE_HEADERS: usize = 100;
/// How long faults of our own may keep a delivery from being sent, unless its retries would take longer: name servers and proxies are
/// repaired within a day, and what is not would otherwise wait for ever.
pub const OUR_FAULTS: Duration = Duration::from_hours(24);
/// Addresses of a host that are tried in one attempt.
pub const ADDRESSES_TRIED: usize = 8;

// --- connections ---

/// Idle connections in all: files, and some 20 KiB of buffers each.
pub const IDLE_CONNECTIONS: usize = 1_024;
/// HTTP/2 connections that are kept for further requests, in all: files, and some 60 KiB of buffers and state each.
pub const SHARED_CONNECTIONS: usize = 1_024;
/// Idle connections to one host for one tenant. Many webhooks of a tenant may lead to one host, each with [`IN_FLIGHT_PER_WEBHOOK`] of
/// them; a quarter of all places is left to others whatever one host uses.
pub const IDLE_CONNECTIONS_PER_KEY: usize = IDLE_CONNECTIONS / 4 * 3;
/// HTTP/2 connections to one host for one tenant that are kept, each for many requests at once.
pub const SHARED_CONNECTIONS_PER_KEY: usize = IN_FLIGHT_PER_WEBHOOK;
/// How long a connection may be idle. Receivers behind nginx (75 s), load balancers (60 s) or IIS keep it longer; those that keep it
/// shorter (Node.js and Apache, 5 s) mostly announce it, which is heeded, and a race lost to them costs one new connection.
pub const CONNECTION_IDLE: Duration = Duration::from_secs(30);
/// How long an HTTP/1 connection may have been idle for a request that is not sent a second time, as that of a webhook with a rate limit:
/// one that crosses the receiver's close is lost with it, and none is known to close what was idle for less than some seconds.
pub const CONNECTION_IDLE_UNREPEATED: Duration = Duration::from_secs(1);
/// How long a connection may be used, so that a host's new addresses are found even by those who never pause.
pub const CONNECTION_AGE: Duration = Duration::from_mins(5);
/// Names whose addresses are remembered.
pub const DNS_CACHE_ENTRIES: u64 = 4_096;
/// The longest that addresses are remembered, whatever their authority permits.
pub const DNS_CACHED: Duration = Duration::from_mins(5);
/// The longest that the absence of a name is remembered: people fix it while they watch.
pub const DNS_ABSENCE_CACHED: Duration = Duration::from_secs(30);
/// How long the list of this machine's own addresses counts, so that not every connection pays for a new one.
pub const OWN_ADDRESSES_KEPT: Duration = Duration::from_secs(5);

// --- scheduling ---

/// Attempts in flight, in all: files and memory of one process.
pub const IN_FLIGHT: usize = 4_096;
/// The most attempts in flight to one webhook, while it answers well.
pub const IN_FLIGHT_PER_WEBHOOK: usize = 128;
/// Launches in each [`TROUBLED_STEP`] to endpoints that do not answer or were never heard of, while others answer: each opens a
/// connection, and thousands of them at once, as after a time-out that thousands share, would make everybody wait.
pub const TROUBLED_LAUNCHES: usize = 2;
/// See [`TROUBLED_LAUNCHES`].
pub const TROUBLED_STEP: Duration = Duration::from_millis(1);
/// A tenant's share of all slots while others wait: one in so many.
pub const TENANT_SHARE: usize = 8;
/// Bytes of event bodies in memory: half for intake, from the first byte that is read until the commit, half for lanes and flight.
pub const MEMORY_BUDGET: usize = 64 * 1024 * 1024;
/// How long a producer waits for room in the budget before it is told to come back.
pub const INTAKE_PATIENCE: Duration = Duration::from_secs(2);
/// Deliveries that a lane holds in memory; what waits beyond it stays in the database. A tenant may hold two thirds of it, so that a
/// whole batch of one tenant fits twice over; the bytes of all lanes are bounded by the budget.
pub const LANE_DELIVERIES: usize = 4_096;
/// Deliveries that are read from the database for a lane at once.
pub const LANE_PAGE: usize = 256;
/// Deliveries of a webhook with a rate limit that are held in memory: as many as it can send within so many seconds.
pub const PACED_SECONDS: u32 = 10;
/// And so many at least, however low the limit is: what is new and other tenants' deliveries pass a backlog only in memory, and as a
/// backlog holds two thirds of it at most, some places are left for them.
pub const PACED_DELIVERIES: usize = 16;
/// The longest pause of a lane whose endpoint does not answer.
pub const BREAKER_PAUSE: Duration = Duration::from_mins(5);
/// Deliveries at either end of what is due for a webhook that does not answer, from which the next probe is picked.
pub const PROBES: usize = 500;
/// Attempts in a row that have failed, whatever the endpoint answered, when its webhook is called failing: one or two are everyday.
/// By the standard policy a delivery's third attempt is made half a minute after its first, and its fourth five minutes later: with
/// more, what is seldom sent to would break unseen.
pub const WEBHOOK_FAILING_AFTER: u32 = 3;

// --- tests of endpoints ---

/// Tests of endpoints under way at once; others wait their turn for [`TEST_PATIENCE`].
pub const TESTS: usize = 64;
/// Those of one tenant's users: an endpoint may take half a minute to answer, and others want to test theirs.
pub const TESTS_PER_TENANT: usize = 4;
/// Those of one environment's vendor.
pub const TESTS_OF_VENDOR: usize = 16;
/// How long a test waits for its turn.
pub const TEST_PATIENCE: Duration = Duration::from_secs(5);

// --- store ---

/// Commands in one group commit, an event with several deliveries counting for as many: more would make the first wait for the last.
pub const GROUP_COMMANDS: usize = 1_024;
/// Reads that wait for a thread; whoever comes then is told that there is no room. Each takes milliseconds, some of them tens.
pub const READS_WAITING: usize = 256;
/// Rows that one page of a list looks at when no index serves its filters; a page that finds less than it may still has a cursor.
pub const PAGE_ROWS_SEEN: usize = 5_000;
/// Ids on which the lists of combined filters may differ in one page: some tens of milliseconds of looking them up.
pub const PAGE_IDS_SEEN: usize = 50_000;
/// Bytes of bodies that one page of a search for text looks through.
pub const SEARCH_BYTES: usize = 16 * 1024 * 1024;
/// Characters of a text that is searched for, at least: fewer are nearly everywhere.
pub const SEARCH_TEXT_CHARS_LEAST: usize = 2;
/// At most.
pub const SEARCH_TEXT_CHARS_MOST: usize = 200;
/// Rows of a webhook's log that can be skipped by an offset.
pub const LOG_OFFSET_MOST: usize = 100_000;
/// Bytes of event bodies that one page of a lane reads at once.
pub const LANE_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of log lines that wait for whoever reads standard error; what comes beyond them is dropped, as nobody is to wait for a reader.
pub const LOG_BYTES_WAITING: usize = 1024 * 1024;
/// Rows that one bite of upkeep touches, so that intake is never held up behind it.
pub const UPKEEP_BITE: usize = 500;
/// When events that were too old, but waited, are looked at again: a dead endpoint may have millions of them, and a look costs a read each.
pub const EXPIRY_LOOKS_AGAIN: Duration = Duration::from_hours(1);
/// How long a webhook that was deleted, and that nothing tells of, stays all the same: far longer than an event is on its way that had
/// matched it before, or an attempt. Without its row, that event would be refused.
pub const DELETED_WEBHOOK_KEPT: Duration = Duration::from_mins(10);
/// Days that events, deliveries and attempts are kept unless configured otherwise.
pub const RETENTION_DAYS: u16 = 30;
/// Days that can be configured, at least: what is deleted within a day nobody can look into.
pub const RETENTION_DAYS_LEAST: u16 = 1;
/// At most: ten years.
pub const RETENTION_DAYS_MOST: u16 = 3_650;
/// Rows of a page unless asked otherwise.
pub const PAGE_ROWS: usize = 50;
/// Rows of a page at most.
pub const PAGE_ROWS_MOST: usize = 250;

// --- statistics ---

/// How long the statistics of each minute are kept: for looking at what happens now.
pub const STATISTICS_MINUTES: Duration = Duration::from_hours(48);
/// How long those of tenants are, of which there can be very many: each has a row for each minute in which something happened.
pub const STATISTICS_TENANT_MINUTES: Duration = Duration::from_hours(3);
/// How long those of each hour are kept; then they become a part of their day.
pub const STATISTICS_HOURS: Duration = Duration::from_hours(24 * 35);
/// How long those of each day are kept: a year can be compared with the one before it.
pub const STATISTICS_DAYS: Duration = Duration::from_hours(24 * 400);
/// Points of a series: a day in minutes is 1,440.
pub const STATISTICS_POINTS: usize = 1_500;
/// Webhooks whose statistics are told at once: those of a page.
pub const STATISTICS_WEBHOOKS: usize = PAGE_ROWS_MOST;
/// Hours that a summary covers at most: a week.
pub const STATISTICS_SUMMARY_HOURS: u32 = 168;

// --- bulk resends and replays ---

/// Webhooks of one replay.
pub const JOB_WEBHOOKS: usize = 50;
/// Jobs of an environment's vendor that run or are paused.
pub const JOBS_OF_VENDOR: usize = 20;
/// Jobs of one tenant's users that run or are paused.
pub const JOBS_PER_TENANT: usize = 3;
/// Jobs of the users of all tenants of an environment: each is looked at every few milliseconds.
pub const JOBS_OF_TENANTS: usize = 300;
/// How long a job stays paused: then it is cancelled, so that what nobody comes back to keeps no place for ever.
pub const JOB_PAUSED: Duration = Duration::from_hours(24 * 7);
/// Deliveries that a job makes a second unless asked otherwise: most endpoints take as many beside their live traffic.
pub const JOB_RATE: u32 = 200;
/// Deliveries that a job makes a second at most.
pub const JOB_RATE_MOST: u32 = 5_000;
/// Deliveries that a job of a tenant's user makes a second at most: several tenants' jobs leave room for live traffic.
pub const JOB_RATE_MOST_OF_TENANT: u32 = 500;
/// Deliveries that a job makes in one transaction: live traffic waits for no more than these.
pub const JOB_BITE: usize = 25;
/// Deliveries that a job makes in the transaction of events that are committed with them: these wait for no more.
pub const JOB_BITE_WITH_EVENTS: usize = 8;
/// Rows that a job looks at in one read.
pub const JOB_ROWS_READ: usize = 1_000;
/// Bytes of bodies that a job reads at once.
pub const JOB_BYTES_READ: usize = 2 * 1024 * 1024;
/// Rows that are looked at to count what a job will do. One such count is under way at a time for a vendor, and for each tenant.
pub const JOB_ROWS_COUNTED: usize = 1_000_000;
/// Deliveries of a webhook that wait when a job makes no more for it: they are sent before. Those in memory; where it has a rate limit all
/// that are due, and where it is ordered all that there are.
pub const JOB_WAITING: usize = 256;
