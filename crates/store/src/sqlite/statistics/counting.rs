//! Counts in memory, by what they concern.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use postrider_core::WebhookId;
use postrider_core::event::{EventKey, TenantId};
use postrider_core::statistics::{Counts, Dimension, put_number, take_number};
use uuid::Uuid;

/// What was counted for each combination of environment, webhook, tenant and event type.
#[derive(Debug, Default)]
pub(in crate::sqlite) struct Counting {
    entries: Vec<Entry>,
    /// Places among the entries, by hash. Of two with the same hash the second stands under the next number.
    places: HashMap<u64, usize>,
}

/// What was counted for one combination.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) environment: i64,
    /// None: what concerns the event and none of its deliveries.
    webhook: Option<WebhookId>,
    tenant: Option<TenantId>,
    event_key: EventKey,
    pub(super) counts: Counts,
}

impl Entry {
    pub(super) fn webhook(&self) -> Option<WebhookId> {
        self.webhook
    }

    /// The subjects whose counts these are a part of.
    pub(super) fn subjects(&self) -> impl Iterator<Item = (Dimension, &[u8])> {
        let webhook = self.webhook.as_ref().map(|id| (Dimension::Webhook, &id.as_bytes()[..]));
        let tenant = self.tenant.as_ref().map(|id| (Dimension::Tenant, id.as_str().as_bytes()));
        let event_type = (Dimension::EventType, self.event_key.as_str().as_bytes());
        [(Dimension::Environment, &[][..]), event_type].into_iter().chain(webhook).chain(tenant)
    }
}

impl Counting {
    pub(in crate::sqlite) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The counts of a combination, to add to.
    pub(in crate::sqlite) fn of(
        &mut self,
        environment: i64,
        webhook: Option<WebhookId>,
        tenant: Option<&TenantId>,
        event_key: &EventKey,
    ) -> &mut Counts {
        let mut hasher = DefaultHasher::new();
        (environment, webhook, tenant.map(TenantId::as_str), event_key.as_str()).hash(&mut hasher);
        let mut hash = hasher.finish();
        let place = loop {
            let Some(&place) = self.places.get(&hash) else {
                let (tenant, event_key) = (tenant.cloned(), event_key.clone());
                self.places.insert(hash, self.entries.len());
                self.entries.push(Entry { environment, webhook, tenant, event_key, counts: Counts::default() });
                break self.entries.len() - 1;
            };
            let entry = &self.entries[place];
            if (entry.environment, entry.webhook, entry.tenant.as_ref()) == (environment, webhook, tenant)
                && entry.event_key == *event_key
            {
                break place;
            }
            hash = hash.wrapping_add(1);
        };
        &mut self.entries[place].counts
    }

    /// Adds what was counted elsewhere.
    pub(super) fn take_in(&mut self, other: Self) {
        for Entry { environment, webhook, tenant, event_key, counts } in other.entries {
            self.of(environment, webhook, tenant.as_ref(), &event_key).add(&counts);
        }
    }

    /// The form in which it lies in the journal.
    pub(super) fn encoded(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len() * 96);
        for entry in &self.entries {
            put_number(&mut bytes, entry.environment.cast_unsigned());
            put_text(&mut bytes, entry.webhook.as_ref().map_or(&[], |id| &id.as_bytes()[..]));
            put_text(&mut bytes, entry.tenant.as_ref().map_or(&[], |id| id.as_str().as_bytes()));
            put_text(&mut bytes, entry.event_key.as_str().as_bytes());
            entry.counts.encode(&mut bytes);
        }
        bytes
    }

    pub(super) fn decoded(mut bytes: &[u8]) -> Option<Self> {
        let mut counting = Self::default();
        while !bytes.is_empty() {
            let environment = take_number(&mut bytes)?.cast_signed();
            // None of them is ever empty.
            let webhook = match take_text(&mut bytes)? {
                [] => None,
                id => Some(WebhookId::from_uuid(Uuid::from_slice(id).ok()?)),
            };
            let tenant = match take_text(&mut bytes)? {
                [] => None,
                text => Some(TenantId::parse(std::str::from_utf8(text).ok()?).ok()?),
            };
            let event_key = EventKey::parse(std::str::from_utf8(take_text(&mut bytes)?).ok()?).ok()?;
            let counts = Counts::decode(&mut bytes)?;
            counting.of(environment, webhook, tenant.as_ref(), &event_key).add(&counts);
        }
        Some(counting)
    }
}

/// Its length, and the text.
fn put_text(bytes: &mut Vec<u8>, text: &[u8]) {
    put_number(bytes, text.len() as u64);
    bytes.extend_from_slice(text);
}

fn take_text<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = take_number(bytes)?;
    let (text, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(text)
}
