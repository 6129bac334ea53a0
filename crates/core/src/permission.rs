//! What a caller may do with webhooks and events.
//!
//! Owns the permissions' names, as identity providers put them into the tokens of a tenant's users, and what a wildcard covers.
//! Does not own which call needs which permission: that is said where the call is served.

use crate::attempt::names;

/// One thing that a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See webhooks, without their secrets.
    ReadWebhooks,
    /// See deliveries and attempts.
    ReadWebhookLogs,
    /// Make and change webhooks, see their secrets, send tests, resend.
    WriteWebhook,
    /// Delete webhooks.
    DeleteWebhook,
    /// See event types.
    ReadEvents,
    /// See categories of event types.
    ReadEventCategories,
    /// Report events.
    WriteTriggerEvent,
}

names!(Permission {
    ReadWebhooks => "fe.connectivity.read.webhooks",
    ReadWebhookLogs => "fe.connectivity.read.webhookLogs",
    WriteWebhook => "fe.connectivity.write.webhook",
    DeleteWebhook => "fe.connectivity.delete.webhook",
    ReadEvents => "fe.connectivity.read.events",
    ReadEventCategories => "fe.connectivity.read.eventCategories",
    WriteTriggerEvent => "fe.connectivity.write.triggerEvent",
});

/// The permissions of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PermissionSet(u8);

impl PermissionSet {
    /// Everything: what a vendor's token may do.
    pub fn all() -> Self {
        Permission::ALL.iter().fold(Self::default(), |set, permission| set.with(*permission))
    }

    /// Everything that has to do with managing webhooks. Reporting events is not part of it: whoever may do that speaks in the
    /// product's name, to the environment's own webhooks too.
    pub fn management() -> Self {
        Self::all().without(Permission::WriteTriggerEvent)
    }

    /// What the names of a token allow. A name whose last part is `*` stands for all names that begin like it (`fe.*`,
    /// `fe.connectivity.read.*`, `*`). Names of other products, which the same token may hold, allow nothing here.
    pub fn from_names<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        names.into_iter().fold(Self::default(), |set, name| {
            let covered = Permission::ALL.iter().filter(|permission| covers(name.as_ref(), permission.name()));
            covered.fold(set, |set, permission| set.with(*permission))
        })
    }

    /// Whether it allows nothing.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The permissions, wildcards resolved.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.allows(*permission))
    }

    /// Whether the caller may do it.
    pub const fn allows(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }

    /// The set with this as well.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Self {
        Self(self.0 | bit(permission))
    }

    /// What is in either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The set but for this.
    #[must_use]
    pub const fn without(self, permission: Permission) -> Self {
        Self(self.0 & !bit(permission))
    }
}

const fn bit(permission: Permission) -> u8 {
    1 << permission as u8
}

fn covers(granted: &str, name: &str) -> bool {
    match granted.strip_suffix('*') {
        // Only whole parts: `fe.connectivity.read.web*` is no wildcard.
        Some(start) => (start.is_empty() || start.ends_with('.')) && name.starts_with(start),
        None => granted == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_wildcards_allow_what_they_cover_and_nothing_else() {
        use Permission::{DeleteWebhook, ReadEventCategories, ReadEvents, ReadWebhookLogs, ReadWebhooks};
        let reads = vec![ReadWebhooks, ReadWebhookLogs, ReadEvents, ReadEventCategories];
        for (names, allowed) in [
            (vec![], vec![]),
            (vec!["fe.connectivity.read.webhooks"], vec![ReadWebhooks]),
            (vec!["fe.connectivity.read.*"], reads.clone()),
            (vec!["fe.connectivity.delete.*", "fe.connectivity.read.*"], [reads, vec![DeleteWebhook]].concat()),
            (vec!["fe.connectivity.*"], Permission::ALL.to_vec()),
            (vec!["fe.*"], Permission::ALL.to_vec()),
            (vec!["*"], Permission::ALL.to_vec()),
            (
                vec!["", ".*", "fe.secure.*", "fe.connectivity.read.web*", "fe.*.webhooks", "fe.connectivity", "FE.*"],
                vec![],
            ),
        ] {
            let set = PermissionSet::from_names(&names);
            for permission in Permission::ALL {
                assert_eq!(set.allows(*permission), allowed.contains(permission), "{names:?} {}", permission.name());
            }
        }
        assert_eq!(PermissionSet::all(), PermissionSet::from_names(["*"]));
        let management = PermissionSet::management();
        assert!(!management.allows(Permission::WriteTriggerEvent));
        assert_eq!(management.with(Permission::WriteTriggerEvent), PermissionSet::all());
    }
}
