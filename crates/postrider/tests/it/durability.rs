//! "Accepted means durable": each 2XX of the real program follows the sync of its event's write, as the kernel saw it.

use std::sync::Arc;

use rustix::process::Signal;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{CLIENT_ID, SECRET, Server, bootstrapped, postrider, signal};
use crate::trace::{Accepted, check};

/// Producers at the same time, so that commits are grouped.
const PRODUCERS: usize = 8;
/// Events of each.
const EVENTS: usize = 25;

#[tokio::test]
async fn every_acceptance_follows_its_sync() {
    if !has_strace() {
        let in_ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
        assert!(!in_ci, "with CI=true nothing may be left out, and this machine lacks strace; apt-get install strace");
        eprintln!("LEFT OUT: that every acceptance follows its sync, since `strace` is not on this machine");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let mut command = std::process::Command::new("strace");
    command.args([
        "-f",
        "-y",
        "-s",
        "16384",
        "-e",
        "trace=fdatasync,fsync,pwrite64,pwritev,write,writev,sendto,sendmsg",
    ]);
    command.arg("-o").arg(&trace);
    // The program with its bare environment, as a child of the tracer.
    let traced = postrider(folder.path());
    command.arg(traced.get_program()).args(["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
    command.current_dir(folder.path());
    let mut server = Server::spawn(bootstrapped(&mut command)).await;
    let token = Arc::new(server.log_in(CLIENT_ID, SECRET).await);

    let mut producers = JoinSet::new();
    for producer in 0..PRODUCERS {
        let (token, client) = (Arc::clone(&token), server.caller());
        producers.spawn(async move {
            let mut accepted = Vec::new();
            for number in 0..EVENTS {
                let marker = format!("marker-{producer}-{number}-end");
                let event = json!({"eventKey": "a.b", "payload": {"marker": marker}});
                let receipt = client.post(&token, "/api/v1/events", &event).await;
                accepted.push(Accepted { marker, event_id: receipt["eventId"].as_str().unwrap().to_owned() });
            }
            accepted
        });
    }
    let accepted: Vec<Accepted> = producers.join_all().await.concat();
    // The tracer passes its end on; the signal goes to the program itself.
    signal(server_under(server.id()), Signal::TERM);
    assert!(server.wait().await.success(), "{}", server.logs());

    assert_eq!(accepted.len(), PRODUCERS * EVENTS);
    let recorded = String::from_utf8_lossy(&std::fs::read(&trace).unwrap()).into_owned();
    check(&recorded, &accepted).unwrap();
}

/// The process that the tracer started.
fn server_under(tracer: u32) -> u32 {
    let children = std::fs::read_to_string(format!("/proc/{tracer}/task/{tracer}/children")).unwrap();
    children.split_whitespace().next().expect("the tracer runs the program").parse().unwrap()
}

fn has_strace() -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join("strace").is_file()))
}
