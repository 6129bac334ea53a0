//! What follows from commits: the webhooks' tallies, the statistics, the indexes that are written behind and thinned, and the notes of
//! what requests were made from.
//!
//! All of it is derived from what commands write. Where one of these parts cannot be written for a reason of its own, be it a row that
//! nobody can read or a damaged page, it is set aside until the next start and everything else goes on. Two parts are tried again row by
//! row even then, as nothing makes up for a row that was left: what is deleted from the indexes, and what requests are made from.

/// A part of what follows from commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Following {
    Tallies,
    Statistics,
    /// The note that statistics lack something.
    Gaps,
    Indexes,
    Segments,
    /// What goes out of segments with each expired event, where others in them are kept longer.
    Thinning,
    /// What requests of webhooks were made from.
    Settings,
}

impl Following {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tallies => "the tallies of webhooks",
            Self::Statistics => "the statistics",
            Self::Gaps => "the note of what the statistics lack",
            Self::Indexes => "the indexes by webhook",
            Self::Segments => "the index by tenant and event type",
            Self::Thinning => "the index by tenant and event type without what has expired",
            Self::Settings => "what requests of webhooks are made from",
        }
    }

    /// What comes of it that it is set aside.
    pub(super) fn consequence(self) -> &'static str {
        match self {
            Self::Tallies => {
                "they stand still until the next start, and lack what happens until then. Nothing else is concerned: events are \
                 accepted and delivered"
            }
            Self::Statistics => {
                "nothing is counted until the next start, and the statistics say so. Nothing else is concerned: events are accepted \
                 and delivered"
            }
            Self::Gaps => {
                "the statistics lack what happens until the next start, and do not say so. Nothing else is concerned: events are \
                 accepted and delivered"
            }
            Self::Indexes | Self::Segments => {
                "lists are complete but slow until the next start, which brings it up to date. Nothing else is concerned: events are \
                 accepted and delivered"
            }
            Self::Thinning => {
                "until the next start it keeps the ids of events that expire, and webhooks keep what their requests were made from, for \
                 as long as the oldest events of all. Nothing else is concerned: events expire"
            }
            Self::Settings => {
                "the log does not tell it where it could not be noted, and webhooks that are deleted stay in the database where it \
                 cannot be deleted. Nothing else is concerned: webhooks are made and changed, and events expire"
            }
        }
    }
}

/// The parts that are set aside.
#[derive(Debug, Default)]
pub(super) struct Aside(Vec<Following>);

impl Aside {
    pub(super) fn has(&self, part: Following) -> bool {
        self.0.contains(&part)
    }

    /// Sets a part aside; false where it is already.
    pub(super) fn put(&mut self, part: Following) -> bool {
        let is_new = !self.has(part);
        if is_new {
            self.0.push(part);
        }
        is_new
    }
}
