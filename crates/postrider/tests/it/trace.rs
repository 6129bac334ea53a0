//! Reads what `strace` recorded of a server, and checks the order that a promise of durability needs.
//!
//! For each event: its bytes are written to the write-ahead log, *then* a sync of that log begins and ends well, *then* the answer that
//! names the event begins to be written to a socket. The checker is held against recorded traces that break each part of it.

use std::collections::HashMap;

/// A system call: where in the trace it began and ended.
#[derive(Debug)]
struct Call {
    name: String,
    arguments: String,
    result: String,
    begun: usize,
    ended: usize,
}

/// Puts calls together that were interrupted by those of other threads.
fn calls(trace: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: HashMap<&str, (String, String, usize)> = HashMap::new();
    for (at, line) in trace.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let Some((_, tail)) = resumed.split_once(" resumed>") else { continue };
            let Some((name, mut arguments, begun)) = unfinished.remove(thread) else { continue };
            let (more, result) = tail.rsplit_once(" = ").unwrap_or((tail, "?"));
            arguments.push_str(more);
            calls.push(Call { name, arguments, result: result.to_owned(), begun, ended: at });
        } else if let Some((name, tail)) = rest.split_once('(') {
            if let Some(arguments) = tail.strip_suffix("<unfinished ...>") {
                unfinished.insert(thread, (name.to_owned(), arguments.to_owned(), at));
            } else if let Some((arguments, result)) = tail.rsplit_once(" = ") {
                let (name, arguments, result) = (name.to_owned(), arguments.to_owned(), result.to_owned());
                calls.push(Call { name, arguments, result, begun: at, ended: at });
            }
        }
    }
    calls
}

impl Call {
    fn is_on_log(&self) -> bool {
        // The file that the first argument, a descriptor, stands for.
        self.arguments.split_once('>').is_some_and(|(descriptor, _)| descriptor.ends_with("-wal"))
    }

    fn is_log_write(&self) -> bool {
        matches!(self.name.as_str(), "pwrite64" | "write" | "pwritev" | "writev") && self.is_on_log()
    }

    fn is_good_sync(&self) -> bool {
        matches!(self.name.as_str(), "fdatasync" | "fsync") && self.is_on_log() && self.result.trim() == "0"
    }

    fn is_socket_write(&self) -> bool {
        let is_write = matches!(self.name.as_str(), "write" | "writev" | "sendto" | "sendmsg");
        is_write && self.arguments.split_once('>').is_some_and(|(descriptor, _)| descriptor.contains("<socket:"))
    }
}

/// An event that was accepted: a text that stands in its body alone, and its id.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    pub(crate) marker: String,
    pub(crate) event_id: String,
}

/// Checks every accepted event; says which was answered for before it was safe.
pub(crate) fn check(trace: &str, accepted: &[Accepted]) -> Result<(), String> {
    let calls = calls(trace);
    for Accepted { marker, event_id } in accepted {
        // The first answer that names it; deliveries and reads name it later.
        let answer = calls
            .iter()
            .filter(|call| call.is_socket_write() && call.arguments.contains("HTTP/1.1 202"))
            .find(|call| call.arguments.contains(event_id.as_str()))
            .ok_or_else(|| format!("{event_id}: no answer is in the trace"))?;
        let written = calls
            .iter()
            .find(|call| call.is_log_write() && call.arguments.contains(marker.as_str()))
            .ok_or_else(|| format!("{event_id}: {marker} was never written to the log"))?;
        let is_synced =
            calls.iter().any(|call| call.is_good_sync() && call.begun > written.ended && call.ended < answer.begun);
        if !is_synced {
            return Err(format!("{event_id}: answered without a sync between the write and the answer"));
        }
    }
    Ok(())
}

const GOOD: &str = r#"
11 pwrite64(14</d/postrider.db-wal>, "\0\1 marker-1 \0", 4096, 24) = 4096
12 writev(26<socket:[1]>, [{iov_base="HTTP/1.1 200 OK"}], 1) = 10
11 fdatasync(14</d/postrider.db-wal> <unfinished ...>
12 futex(0x1, FUTEX_WAKE, 1) = 1
11 <... fdatasync resumed>) = 0
12 writev(26<socket:[1]>, [{iov_base="HTTP/1.1 202 Accepted"}, {iov_base="{\"eventId\":\"id-1\"}"}], 2) = 65
"#;

#[test]
fn the_checker_accepts_a_sync_between_write_and_answer_and_nothing_less() {
    let accepted = [Accepted { marker: "marker-1".to_owned(), event_id: "id-1".to_owned() }];
    assert_eq!(check(GOOD, &accepted), Ok(()));

    let lines: Vec<&str> = GOOD.trim().lines().collect();
    let in_order = |order: &[usize]| order.iter().map(|line| lines[*line]).collect::<Vec<_>>().join("\n");
    let bad = [
        ("as with synchronous=OFF: no sync at all", in_order(&[0, 1, 3, 5])),
        ("the sync began before the write", in_order(&[2, 0, 3, 4, 5])),
        ("the sync ended after the answer", in_order(&[0, 2, 5, 4])),
        ("the sync came after the answer", in_order(&[0, 5, 2, 4])),
        (
            "the sync failed",
            in_order(&[0, 2, 4, 5]).replace("resumed>) = 0", "resumed>) = -1 EIO (Input/output error)"),
        ),
        (
            "another file was synced",
            in_order(&[0, 2, 4, 5]).replace("fdatasync(14</d/postrider.db-wal>", "fdatasync(14</d/postrider.db>"),
        ),
        ("the event was never written", in_order(&[2, 4, 5])),
        ("there is no answer", in_order(&[0, 2, 4])),
    ];
    for (what, trace) in bad {
        assert!(check(&trace, &accepted).is_err(), "not noticed: {what}\n{trace}");
    }
}
