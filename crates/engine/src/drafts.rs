//! Settings that are not saved yet, compiled as they would be for a delivery.
//!
//! Owns on which thread that is done: where the templates of a call are long, one by one or together, not on one that others wait for.

use std::sync::Arc;

use postrider_core::limits::TEMPLATE_BYTES_COMPILED_AT_ONCE;

use crate::compiled::{CompiledAccess, CompiledShape};
use crate::dispatch::Core;
use crate::shaping::{Draft, PreviewError, Unmade, ours};

/// Bytes of templates that a call may still compile on a thread that others wait for.
#[derive(Debug)]
pub(crate) struct AtOnce(usize);

impl Default for AtOnce {
    fn default() -> Self {
        Self(TEMPLATE_BYTES_COMPILED_AT_ONCE)
    }
}

impl AtOnce {
    /// Takes so many of them; none where there are not as many left.
    fn take(&mut self, bytes: usize) -> bool {
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

/// A draft that can be rendered.
pub(crate) struct CompiledDraft {
    pub(crate) shape: Arc<CompiledShape>,
    /// None: it shows nothing.
    pub(crate) access: Option<Arc<CompiledAccess>>,
}

impl Draft {
    /// Bytes of its templates.
    fn template_bytes(&self) -> usize {
        let payload = self.shape.payload.as_ref().map_or(0, |payload| payload.template.len());
        payload + self.access.headers.iter().map(|header| header.value.expose().len()).sum::<usize>()
    }

    fn compiled(&self) -> CompiledDraft {
        let shape = Arc::new(CompiledShape::new(&self.shape));
        let access = (!self.access.is_empty()).then(|| Arc::new(CompiledAccess::new(Arc::clone(&self.access), None)));
        CompiledDraft { shape, access }
    }
}

impl Core {
    /// Compiles what a draft says. `at_once` is what the call may still do of that here, over all drafts that it compiles.
    pub(crate) async fn compile(&self, draft: &Draft, at_once: &mut AtOnce) -> Result<CompiledDraft, Unmade> {
        if at_once.take(draft.template_bytes()) {
            return Ok(draft.compiled());
        }
        let draft = draft.clone();
        self.apart(move || draft.compiled()).await
    }

    /// Does work on a thread of its own, of which there are few.
    pub(crate) async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unmade> {
        let place =
            Arc::clone(&self.apart).acquire_owned().await.map_err(|_| ours("the server is stopping".to_owned()))?;
        let work = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        work.await.map_err(|error| ours(format!("what was done apart ended without a result: {error}")))
    }

    /// Whether a draft's templates can be rendered for any event, as far as can be told without one.
    pub(crate) async fn check(&self, draft: &Draft) -> Result<(), PreviewError> {
        let CompiledDraft { shape, access } = self.compile(draft, &mut AtOnce::default()).await?;
        match shape.wrong().or_else(|| access.and_then(|access| access.wrong())) {
            Some(error) => Err(PreviewError::Unrenderable(error)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_call_compiles_at_once_stays_within_the_limit_over_all_drafts() {
        let mut at_once = AtOnce::default();
        let half = TEMPLATE_BYTES_COMPILED_AT_ONCE / 2;
        let taken = [half, half + 1, half - 1, 2, 1, 0, 1].map(|bytes| at_once.take(bytes));
        assert_eq!(taken, [true, false, true, false, true, true, false]);
        assert!(!AtOnce::default().take(TEMPLATE_BYTES_COMPILED_AT_ONCE + 1));
    }
}
