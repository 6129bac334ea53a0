//! Counting what a job would do: dear, so that one count is under way at a time for a vendor, and for each tenant.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::job::Work;
use postrider_engine::JobCount;
use postrider_store::StoreError;
use tokio::time::Instant;

use crate::auth::caller::Member;
use crate::error::{ApiError, Code};
use crate::quota::{Quota, UnderWay};
use crate::state::{ApiState, Whose};

/// How long the start of a job waits for another count to end.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it looks whether that has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Counts what a job would do that is started now; refused while another count is under way.
pub(super) async fn count(state: &ApiState, member: &Member, work: &Work) -> Result<JobCount, ApiError> {
    let _under_way = state.counting().begin(vec![(member.whose(), 1)]).map_err(|_| {
        let detail = "what another job would do is being counted; try again when that is done";
        ApiError::new(Code::TooManyAtOnce, detail)
    })?;
    Ok(state.engine().count_job(member.environment_id, member.tenant.as_ref(), work).await?)
}

/// What there is to look at for a job that is to be started; none where that is too much to count, or others count: a start fails for
/// no count.
pub(super) async fn total(state: &ApiState, member: &Member, work: &Work) -> Result<Option<u64>, ApiError> {
    let Some(_under_way) = turn(state.counting(), member.whose()).await else { return Ok(None) };
    match state.engine().count_job(member.environment_id, member.tenant.as_ref(), work).await {
        Ok(count) => Ok(count.is_complete.then_some(count.deliveries + count.skipped)),
        Err(StoreError::Overloaded) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A turn to count, waited for briefly.
async fn turn(counting: &Arc<Quota<Whose>>, whose: Whose) -> Option<UnderWay<Whose>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match counting.begin(vec![(whose.clone(), 1)]) {
            Ok(under_way) => return Some(under_way),
            Err(_) if Instant::now() >= deadline => return None,
            Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use postrider_core::{EnvironmentId, Timestamp};
    use postrider_testkit::SeededEntropy;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_start_waits_for_another_count_briefly_and_goes_on_without() {
        let whose: Whose = (EnvironmentId::new(Timestamp::from_micros(0), &SeededEntropy::new(1)), None);
        let counting = Quota::new();
        let other = turn(&counting, whose.clone()).await.expect("nobody counts");
        let began = Instant::now();
        assert!(turn(&counting, whose.clone()).await.is_none());
        assert!((PATIENCE..PATIENCE * 2).contains(&began.elapsed()));
        let ends = async {
            tokio::time::sleep(PATIENCE / 2).await;
            drop(other);
        };
        let (own, ()) = tokio::join!(turn(&counting, whose), ends);
        assert!(own.is_some(), "it ended in time");
    }
}
