//! What matching a pattern costs: how many of its places a matcher can be in at once.

use regex_syntax::hir::{Hir, HirKind};

/// How many places of a pattern a matcher can be in at once, at most: each is a character that may come next.
pub(crate) fn places(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(_) => 4,
        HirKind::Repetition(repetition) => {
            let times = u64::from(repetition.max.unwrap_or(repetition.min).max(1));
            places(&repetition.sub).saturating_mul(times)
        }
        HirKind::Capture(capture) => places(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().map(places).fold(0, u64::saturating_add),
    }
}

/// The same of a pattern's text, which another dialect may have; about as many where it has.
pub(crate) fn places_of(pattern: &str) -> u64 {
    regex_syntax::parse(pattern).map_or(pattern.len() as u64 * 4, |hir| places(&hir)).max(1)
}
