//! Jobs that cannot be read.

use postrider_core::job::{Job, JobState, Resend, Work};
use postrider_core::{JobId, WebhookId};

use super::*;
use crate::{Control, Found, NewJob, PageRequest, StartJob, Upkeep};

pub(super) async fn start(engine: &Sqlite, webhook: &Webhook, key: &str) -> Arc<Job> {
    start_for(engine, webhook, Some(webhook.id), key).await
}

/// A bulk resend of what a webhook of that environment was sent, or all of them.
pub(super) async fn start_for(engine: &Sqlite, one: &Webhook, only: Option<WebhookId>, key: &str) -> Arc<Job> {
    let new = NewJob {
        environment_id: one.environment_id,
        tenant_id: None,
        idempotency_key: key.into(),
        request_hash: [0; 32],
        work: Work::Resend(Resend { webhook: only, ..Resend::default() }),
        rate: 100,
        total: None,
    };
    match engine.start_job(new).await.unwrap() {
        StartJob::Started(job) => job,
        other => panic!("{other:?}"),
    }
}

/// Those that lists show, page by page.
async fn listed(engine: &Sqlite, webhook: &Webhook) -> Vec<JobId> {
    let (mut ids, mut before) = (Vec::new(), None);
    loop {
        let page = engine.jobs(webhook.environment_id, None, PageRequest { before, limit: 1 }).await.unwrap();
        ids.extend(page.rows.iter().map(|job| job.id));
        before = page.next;
        if before.is_none() {
            ids.sort_unstable();
            return ids;
        }
    }
}

#[tokio::test]
async fn a_job_that_cannot_be_read_stands_in_nobodys_way() {
    let directory = TempDir::new().unwrap();
    let (engine, _told) = started(directory.path());
    let webhook = webhook(&engine, "a secret").await;
    let environment = webhook.environment_id;
    let (garbled, astray) = (start(&engine, &webhook, "a").await, start(&engine, &webhook, "b").await);
    let (paused, sound) = (start(&engine, &webhook, "c").await, start(&engine, &webhook, "d").await);
    engine.control_job(environment, paused.id, Control::Pause).await.unwrap();
    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    let damage = |sql: &str, job: &Job| assert_eq!(other.execute(sql, [job.id.as_bytes()]).unwrap(), 1, "{sql}");
    damage("UPDATE jobs SET work = '{\"kind\": \"lost\"}' WHERE id = ?1", &garbled);
    damage("UPDATE jobs SET work = 'lost' WHERE id = ?1", &paused);
    damage("UPDATE job_parts SET part = 7 WHERE job = (SELECT key FROM jobs WHERE id = ?1)", &astray);

    let running: Vec<_> = engine.running_jobs().await.unwrap().iter().map(|running| running.job.id).collect();
    assert_eq!(running, [sound.id]);
    let mut readable = [astray.id, sound.id];
    readable.sort_unstable();
    assert_eq!(listed(&engine, &webhook).await, readable);
    let later = sound.created_at + Duration::from_secs(1);
    assert_eq!(engine.end_paused_jobs_bite(later).await, Ok(Upkeep::Done));
    assert_eq!(engine.delete_webhook(environment, webhook.id).await, Ok(Found::Yes));
    let sound = engine.job(environment, sound.id).await.unwrap().unwrap();
    assert!(matches!(sound.state, JobState::Cancelled { .. }));
}
