//! What is wrong with templates before there is an event.

use std::sync::Arc;

use super::{CompiledAccess, CompiledShape, RenderError, RenderedPart};

impl CompiledShape {
    /// Why no event's payload can be rendered; none: some may.
    pub(crate) fn wrong(&self) -> Option<RenderError> {
        let error = self.payload.as_ref()?.as_ref().err()?.clone();
        Some(RenderError { part: RenderedPart::Payload, error })
    }
}

impl CompiledAccess {
    /// Why the headers of no event can be rendered; none: some may.
    pub(crate) fn wrong(&self) -> Option<RenderError> {
        self.headers.iter().find_map(|header| {
            let error = header.value.as_ref().err()?.clone();
            Some(RenderError { part: RenderedPart::Header(Arc::clone(&header.label)), error })
        })
    }
}
