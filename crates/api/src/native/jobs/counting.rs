//! Counting what a job would do: dear, so that one count is under way at a time for a vendor, and for each tenant.

use postrider_core::job::Work;
use postrider_engine::JobCount;

use crate::auth::caller::Member;
use crate::error::{ApiError, Code};
use crate::state::ApiState;

/// Counts what a job would do that is started now.
pub(super) async fn count(state: &ApiState, member: &Member, work: &Work) -> Result<JobCount, ApiError> {
    let whose = (member.environment_id, member.tenant.clone());
    let _under_way = state.counting().begin(vec![(whose, 1)]).map_err(|_| {
        let detail = "what another job would do is being counted; try again when that is done";
        ApiError::new(Code::TooManyAtOnce, detail)
    })?;
    Ok(state.engine().count_job(member.environment_id, work).await?)
}
