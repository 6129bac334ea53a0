//! Settings that are not saved yet, compiled as they would be for a delivery.
//!
//! Owns on which thread that is done: where the templates are long, not on one that others wait for.

use std::sync::Arc;

use postrider_core::limits::TEMPLATE_BYTES_COMPILED_AT_ONCE;

use crate::compiled::{CompiledAccess, CompiledShape};
use crate::dispatch::Core;
use crate::shaping::{Draft, PreviewError, Unmade, ours};

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
    /// Compiles what a draft says.
    pub(crate) async fn compile(&self, draft: &Draft) -> Result<CompiledDraft, Unmade> {
        if draft.template_bytes() <= TEMPLATE_BYTES_COMPILED_AT_ONCE {
            return Ok(draft.compiled());
        }
        let place =
            Arc::clone(&self.apart).acquire_owned().await.map_err(|_| ours("the server is stopping".to_owned()))?;
        let draft = draft.clone();
        let work = tokio::task::spawn_blocking(move || {
            let compiled = draft.compiled();
            drop(place);
            compiled
        });
        work.await.map_err(|error| ours(format!("compiling ended without a result: {error}")))
    }

    /// Whether a draft's templates can be rendered for any event, as far as can be told without one.
    pub(crate) async fn check(&self, draft: &Draft) -> Result<(), PreviewError> {
        let CompiledDraft { shape, access } = self.compile(draft).await?;
        match shape.wrong().or_else(|| access.and_then(|access| access.wrong())) {
            Some(error) => Err(PreviewError::Unrenderable(error)),
            None => Ok(()),
        }
    }
}
