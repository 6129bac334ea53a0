//! Every statement is prepared, and every one that could read a large table is explained: none may walk through it.

use rusqlite::{Connection, StatementStatus};

use super::super::{
    attempts, beginning, behind, connect, deliveries, environments, event_types, events, hot, jobs, lanes, load, order,
    put_off, request_settings, resend, retention, rows, schema, search, sessions, shapes, skip, statistics, tx, upkeep,
    webhooks,
};

/// Tables that grow with every event.
const LARGE: &[&str] = &[
    "events",
    "deliveries",
    "attempts",
    "idempotency",
    "deliveries_of_webhooks",
    "attempts_of_webhooks",
    "statistics",
    "postings",
    "p",
    "event_notes",
    "webhook_shapes",
    "request_settings",
    "attempts_of_ids",
    "job_deliveries",
    // The names that statements give them.
    "e",
    "d",
    "a",
];

fn statements() -> Vec<&'static str> {
    let mut all = Vec::new();
    all.extend_from_slice(hot::ALL);
    all.extend_from_slice(beginning::ALL);
    all.extend_from_slice(tx::ALL);
    all.extend_from_slice(rows::ALL);
    all.extend([
        load::ENVIRONMENTS,
        load::CREDENTIALS,
        load::OPERATOR_TOKENS,
        load::CATEGORIES,
        load::EVENT_TYPES,
        load::HIDDEN_KEYS,
        load::WEBHOOKS,
        load::SWEEPS,
    ]);
    all.extend([
        environments::INSERT,
        environments::RENAME,
        environments::PUT_PORTAL,
        environments::PUT_RETENTION,
        environments::ISSUER_OWNER,
        environments::DELETE_ISSUER,
        environments::INSERT_ISSUER,
        environments::INSERT_CREDENTIAL,
        environments::REVOKE_CREDENTIAL,
        environments::TOUCH_CREDENTIAL,
        environments::INSERT_TOKEN,
        environments::REVOKE_TOKEN,
    ]);
    all.extend(of_event_types_and_webhooks());
    all.extend([
        upkeep::A_SWEEP,
        upkeep::TO_SWEEP,
        upkeep::DISCARD,
        upkeep::END_SWEEP,
        upkeep::ADVANCE_SWEEP,
        upkeep::WAITS,
        upkeep::OF_EVENT,
        upkeep::DELETE_ATTEMPT,
        upkeep::SHORTEN_CHAIN,
        upkeep::DELETE_DELIVERY,
        upkeep::DELETE_NOTES,
        upkeep::DELETE_EVENT,
        upkeep::SHRINK_LOG,
        upkeep::HAS_DELIVERIES,
        upkeep::HAS_DELIVERIES_BEHIND,
        upkeep::DELETE_WEBHOOK,
        upkeep::DELETE_TALLIES,
        upkeep::OLDEST_EVENT,
        upkeep::FORGET_SHAPES,
        upkeep::FORGET,
    ]);
    all.extend([
        behind::MARKS,
        behind::DELIVERIES_BEHIND,
        behind::ATTEMPTS_BEHIND,
        behind::INDEX_DELIVERIES,
        behind::INDEX_ATTEMPTS,
        behind::INDEX_ATTEMPT_IDS,
        behind::SET_EVENT_MARK,
        behind::SET_ATTEMPT_MARK,
        behind::INDEX_DELIVERY,
        behind::FORGET_DELIVERY,
        behind::FORGET_ATTEMPT,
        behind::FORGET_ATTEMPT_ID,
    ]);
    all.extend(behind_the_hot_path());
    all.extend(lists());
    all
}

/// Those of event types and webhooks.
fn of_event_types_and_webhooks() -> Vec<&'static str> {
    let mut all = vec![
        event_types::INSERT_CATEGORY,
        event_types::RENAME_CATEGORY,
        event_types::DELETE_CATEGORY,
        event_types::CATEGORY_BY_NAME,
        event_types::IN_CATEGORY,
        event_types::INSERT_EVENT_TYPE,
        event_types::UPDATE_EVENT_TYPE,
        event_types::DELETE_EVENT_TYPE,
        event_types::HIDE_KEY,
        event_types::SHOW_KEY,
        event_types::KEEP_SCHEMA,
        event_types::DROP_SCHEMAS,
        event_types::DELETE_SCHEMAS,
        event_types::FORMER_SCHEMAS_OF,
    ];
    all.extend([
        webhooks::INSERT,
        webhooks::INSERT_TALLIES,
        webhooks::UPDATE,
        webhooks::PUT_SIGNING,
        webhooks::DELETE,
        resend::FIND,
        order::LET_GO,
    ]);
    all.extend([
        request_settings::INSERT,
        request_settings::REPLACE,
        request_settings::REWRITE,
        request_settings::OF_WEBHOOK,
        request_settings::ONE,
        request_settings::DELETE_ONE,
        request_settings::DELETE_OLDEST,
        request_settings::DELETE_ALL,
        request_settings::FORGET,
        request_settings::MISSING,
    ]);
    all.extend([webhooks::SET_SHAPE, shapes::INSERT, shapes::REPLACE, shapes::DELETE, shapes::DELETE_OF, shapes::ONE]);
    all
}

/// Those of search, statistics, jobs and sessions, and of what a clock has put off.
fn behind_the_hot_path() -> Vec<&'static str> {
    vec![
        search::postings::INSERT_SEGMENT,
        search::postings::INSERT_POSTINGS,
        search::postings::NUMBERING,
        search::postings::NOTE_LATE,
        search::postings::FORGET_LATE,
        search::postings::OF_EVENT,
        search::postings::LATE,
        search::postings::OLDEST,
        search::postings::DELETE_POSTINGS,
        search::postings::DELETE_SEGMENT,
        search::thinning::SEGMENT_OF,
        search::thinning::WHOSE,
        search::thinning::REPLACE,
        search::thinning::DELETE,
        search::OLDEST_EVENT_OF,
        search::OLDEST_DELIVERY_OF,
        statistics::JOURNAL,
        statistics::WRITE_JOURNAL,
        statistics::EMPTY_JOURNAL,
        statistics::ROW,
        statistics::PUT_ROW,
        statistics::read::OF_WEBHOOKS,
        statistics::read::WAITING,
        statistics::read::EARLIEST,
        statistics::upkeep::FORGET,
        statistics::gaps::BEGIN,
        statistics::gaps::END,
        statistics::gaps::NOTE_LOSS,
        statistics::gaps::WITHIN,
        statistics::gaps::FORGET,
        jobs::UNENDED,
        jobs::BY_IDEMPOTENCY,
        jobs::INSERT,
        jobs::INSERT_PART,
        jobs::SET_STATE,
        jobs::SET_RATE,
        jobs::MADE,
        jobs::ending::FORGET_MADE,
        jobs::KEY,
        jobs::HAS_MADE,
        jobs::STEP_PART,
        jobs::STEP,
        jobs::PARTS_LEFT,
        jobs::STEPPING,
        jobs::EVENT,
        jobs::EVENT_BY_KEY,
        jobs::TO_REPEAT,
        jobs::NEWEST_OF,
        jobs::ending::OLD,
        jobs::ending::DELETE_PARTS,
        jobs::ending::DELETE,
        jobs::BY_ID,
        jobs::RUNNING,
        jobs::UNENDED_OF,
        jobs::PAUSED_BEFORE,
        jobs::PARTS,
        sessions::CONSOLE,
        sessions::PORTAL,
        sessions::PUT_CONSOLE,
        sessions::DELETE_CONSOLE,
        sessions::TOUCH_CONSOLE,
        sessions::INSERT_LINK,
        sessions::OPEN_LINK,
        sessions::TOUCH_PORTAL,
        sessions::DELETE_PORTAL,
        put_off::NEWEST_DELIVERY,
        put_off::NEWEST_ATTEMPT,
        put_off::NEWEST_ATTEMPT_KEY,
        put_off::MARK,
        put_off::SET_MARK,
        put_off::CLEAR_MARK,
        put_off::BRING_FORWARD,
    ]
}

/// Those that fill a page, a lane or a record.
fn lists() -> Vec<&'static str> {
    vec![
        events::BY_ID,
        events::NOTES,
        events::OF_ENVIRONMENT,
        events::ROW,
        deliveries::BY_ID,
        deliveries::OF_ENVIRONMENT,
        deliveries::OF_EVENT,
        deliveries::ANY_OF_EVENT,
        deliveries::TAIL,
        search::ids::OF_WEBHOOK,
        search::ids::OF_STATE,
        search::ids::OF_JOB,
        search::ids::SEGMENTS,
        search::forward::SPANS,
        search::forward::POSTED,
        search::postings::NEWEST,
        search::postings::NEW_EVENTS,
        search::BODY,
        attempts::NEWEST,
        attempts::COUNT,
        &attempts::BY_KEY,
        attempts::KEY_OF_ID,
        attempts::KEY_IN_TAIL,
        &attempts::IN_ENVIRONMENT,
        &attempts::OF_LOG,
        attempts::INDEXED,
        attempts::TAIL,
        lanes::NEXT_LANE,
        lanes::EARLIEST,
        lanes::LANE,
        lanes::DUE,
        lanes::DUE_FOR,
        lanes::FIRST_DUE,
        lanes::LAST_DUE,
        lanes::BEFORE,
        lanes::WAITING_FOR,
        put_off::PUT_OFF,
        statistics::upkeep::OLD,
        retention::OLD_EVENTS,
        retention::NONE_UP_TO,
        upkeep::OLD_WEBHOOKS,
        order::LAST,
        order::FIRST,
        order::WAITING,
        skip::FIND,
        jobs::OF_ENVIRONMENT,
        jobs::OF_TENANT,
        jobs::ahead::OF_WEBHOOK,
        jobs::ahead::OF_STATE,
        jobs::ahead::OF_ENVIRONMENT,
        jobs::ahead::EVENTS,
    ]
}

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement =
        connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap_or_else(|e| panic!("{sql}: {e}"));
    let nothing = vec![rusqlite::types::Null; statement.parameter_count()];
    let rows = statement.query_map(rusqlite::params_from_iter(nothing), |row| row.get::<_, String>("detail"));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

fn database() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connect::keep_statements(&connection).unwrap();
    connection.execute_batch(&schema::MIGRATIONS.concat()).unwrap();
    connection
}

#[test]
fn every_statement_prepares_and_walks_through_no_large_table() {
    let connection = database();
    for sql in statements() {
        connection.prepare(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        if sql == hot::BEGIN {
            continue;
        }
        for step in plan(&connection, sql) {
            let scanned = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
            assert!(!scanned.is_some_and(|table| LARGE.contains(&table)), "{step}: {sql}");
        }
    }
}

#[test]
fn lists_come_sorted_out_of_an_index() {
    let connection = database();
    // Those of one event are few, and sorted once they are found: by their ids they would be looked for among all of the environment.
    let by_event = [deliveries::OF_EVENT, deliveries::ANY_OF_EVENT];
    for sql in by_event {
        assert!(plan(&connection, sql).iter().any(|step| step.contains("deliveries_by_event (event=?)")), "{sql}");
    }
    for sql in lists().into_iter().filter(|sql| !by_event.contains(sql)) {
        for step in plan(&connection, sql) {
            assert!(!step.contains("TEMP B-TREE"), "{step}: {sql}");
        }
    }
}

#[test]
fn no_statement_of_the_hot_path_builds_a_temporary_table() {
    let connection = database();
    for sql in hot::ALL.iter().filter(|sql| **sql != hot::BEGIN) {
        let mut statement = connection.prepare(&format!("EXPLAIN {sql}")).unwrap();
        let nothing = vec![rusqlite::types::Null; statement.parameter_count()];
        let rows = statement.query_map(rusqlite::params_from_iter(nothing), |row| row.get::<_, String>("opcode"));
        let opcodes: Vec<_> = rows.unwrap().collect::<Result<_, _>>().unwrap();
        assert!(!opcodes.iter().any(|o| o == "OpenEphemeral"), "{sql}");
    }
}

#[test]
fn no_statement_is_prepared_again_for_other_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("database");
    let mut writer = connect::writer(&path).unwrap();
    schema::migrate(&mut writer, &path, schema::MIGRATIONS).unwrap();
    let reader = connect::reader(&path).unwrap();
    for (connection, sql) in
        [&writer, &reader].into_iter().flat_map(|c| statements().into_iter().map(move |sql| (c, sql)))
    {
        // What the other one alone may do.
        let Ok(mut statement) = connection.prepare(sql) else { continue };
        for value in 1..=3_i64 {
            for index in 1..=statement.parameter_count() {
                statement.raw_bind_parameter(index, value).unwrap();
            }
            let mut rows = statement.raw_query();
            // Some do not take such values, which is no matter here.
            while let Ok(Some(_)) = rows.next() {}
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
    }
}
