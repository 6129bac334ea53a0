//! Which webhooks an event reaches.
//!
//! Owns the meaning of subscriptions and an index that answers without a scan over webhooks that cannot match. The index holds one
//! environment; the store keeps it current on every change.
//!
//! A subscription is one of: an exact key; a glob that ends in `.*` or is `*`; `"<Category name>.*"`; the id of an event type or of a
//! category. A glob that is also a category's name with `.*` means both.
//!
//! Invariant: no webhook of a tenant is reached by an event whose event type is for the vendor alone, whatever it subscribes to. The key of
//! such a type stays hidden when the type is deleted, until there is another of that key.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::event::{EventKey, NameError, TenantId};
use crate::event_type::{Audience, Category, EventType};
use crate::id::{CategoryId, EventTypeId, WebhookId};
use crate::webhook::{Scope, Webhook};

/// Why a subscription is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionError {
    /// It can be no event key.
    #[error("`{0}` {1}")]
    Name(String, NameError),
    /// An asterisk elsewhere than at the end.
    #[error("`{0}`: `*` stands alone or at the end after a dot, as in frontegg.user.*")]
    Glob(String),
    /// An id that names neither an event type nor a category.
    #[error("`{0}` is no event key, and no event type or category of this environment has that id")]
    UnknownId(String),
    /// A tenant's webhook, and an event type that is for the vendor alone.
    #[error("`{0}` is not open to tenants, so no webhook of a tenant can subscribe to it")]
    NotForTenants(String),
}

/// What a subscription means in an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    /// These keys.
    Keys(Vec<EventKey>),
    /// Every key that begins so, and these.
    Prefix(String, Vec<EventKey>),
}

/// An environment's event types by what subscriptions call them.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    keys_by_event_type: HashMap<EventTypeId, EventKey>,
    keys_by_category: HashMap<CategoryId, Vec<EventKey>>,
    category_by_name: HashMap<String, CategoryId>,
    /// Those of event types for the vendor alone, and of such that were deleted.
    hidden: HashSet<EventKey>,
}

impl Catalogue {
    /// The catalogue of these categories and event types.
    pub fn new<'a>(
        categories: impl IntoIterator<Item = &'a Category>,
        event_types: impl IntoIterator<Item = &'a EventType>,
    ) -> Self {
        let mut catalogue = Self::default();
        for category in categories {
            catalogue.category_by_name.insert(category.name.clone(), category.id);
            catalogue.keys_by_category.entry(category.id).or_default();
        }
        for event_type in event_types {
            catalogue.keys_by_event_type.insert(event_type.id, event_type.key.clone());
            if event_type.audience == Audience::Vendor {
                catalogue.hidden.insert(event_type.key.clone());
            }
            catalogue.keys_by_category.entry(event_type.category_id).or_default().push(event_type.key.clone());
        }
        catalogue
    }

    /// The same catalogue, in which these keys, too, are for the vendor alone.
    #[must_use]
    pub fn hiding<'a>(mut self, keys: impl IntoIterator<Item = &'a EventKey>) -> Self {
        self.hidden.extend(keys.into_iter().cloned());
        self
    }

    /// Whether tenants may know of events of that key.
    pub fn is_for_tenants(&self, key: &EventKey) -> bool {
        !self.hidden.contains(key)
    }

    /// Whether a webhook of that scope may subscribe to this.
    pub fn check(&self, subscription: &str, scope: &Scope) -> Result<(), SubscriptionError> {
        let key = EventKey::parse(subscription).map_err(|e| SubscriptionError::Name(subscription.to_owned(), e))?;
        let glob = key.as_str().strip_suffix('*');
        if glob.unwrap_or(key.as_str()).contains('*') || glob.is_some_and(|p| !p.is_empty() && !p.ends_with('.')) {
            return Err(SubscriptionError::Glob(subscription.to_owned()));
        }
        let is_hidden = |key: &EventKey| scope.tenant().is_some() && self.hidden.contains(key);
        if is_hidden(&key) {
            return Err(SubscriptionError::NotForTenants(subscription.to_owned()));
        }
        if let Ok(id) = subscription.parse::<EventTypeId>() {
            let category = CategoryId::from_uuid(id.as_uuid());
            let event_type = self.keys_by_event_type.get(&id).filter(|key| !is_hidden(key));
            if event_type.is_none() && !self.keys_by_category.contains_key(&category) {
                return Err(SubscriptionError::UnknownId(subscription.to_owned()));
            }
        }
        Ok(())
    }

    fn meaning(&self, subscription: &str) -> Meaning {
        if let Ok(id) = subscription.parse::<EventTypeId>() {
            let keys = match self.keys_by_event_type.get(&id) {
                Some(key) => vec![key.clone()],
                // An event type or category that was deleted since matches nothing.
                None => self.keys_by_category.get(&CategoryId::from_uuid(id.as_uuid())).cloned().unwrap_or_default(),
            };
            return Meaning::Keys(keys);
        }
        let Some(prefix) = subscription.strip_suffix('*') else {
            return Meaning::Keys(EventKey::parse(subscription).into_iter().collect());
        };
        let category = prefix.strip_suffix('.').and_then(|name| self.category_by_name.get(name));
        let keys = category.and_then(|id| self.keys_by_category.get(id)).cloned().unwrap_or_default();
        Meaning::Prefix(prefix.to_owned(), keys)
    }
}

/// The webhooks of one environment, by scope and by what they subscribe to.
#[derive(Debug, Default)]
pub struct MatchIndex {
    catalogue: Catalogue,
    webhooks: HashMap<WebhookId, Arc<Webhook>>,
    scopes: HashMap<Scope, ScopeIndex>,
}

#[derive(Debug, Default)]
struct ScopeIndex {
    webhooks: usize,
    exact: HashMap<EventKey, Vec<WebhookId>>,
    prefixes: Vec<(String, WebhookId)>,
}

impl MatchIndex {
    /// An index of no webhooks yet.
    pub fn new(catalogue: Catalogue) -> Self {
        Self { catalogue, ..Self::default() }
    }

    /// The catalogue by which subscriptions are understood.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Replaces the catalogue; every subscription is understood anew.
    pub fn set_catalogue(&mut self, catalogue: Catalogue) {
        self.catalogue = catalogue;
        self.scopes.clear();
        for webhook in self.webhooks.values() {
            self.scopes.entry(webhook.scope.clone()).or_default().add(&self.catalogue, webhook);
        }
    }

    /// Adds a webhook or replaces it by its new state.
    pub fn put(&mut self, webhook: Arc<Webhook>) {
        let old = self.webhooks.get(&webhook.id).cloned();
        if old.as_ref().is_none_or(|old| old.event_keys != webhook.event_keys || old.scope != webhook.scope) {
            if let Some(old) = old {
                self.forget(&old);
            }
            self.scopes.entry(webhook.scope.clone()).or_default().add(&self.catalogue, &webhook);
        }
        self.webhooks.insert(webhook.id, webhook);
    }

    /// Removes a webhook.
    pub fn remove(&mut self, id: WebhookId) {
        if let Some(old) = self.webhooks.remove(&id) {
            self.forget(&old);
        }
    }

    /// The webhook of that id.
    pub fn webhook(&self, id: WebhookId) -> Option<&Arc<Webhook>> {
        self.webhooks.get(&id)
    }

    /// How many webhooks of exactly that scope there are.
    pub fn webhooks_of(&self, scope: &Scope) -> usize {
        self.scopes.get(scope).map_or(0, |scope| scope.webhooks)
    }

    /// Every webhook, in no order.
    pub fn webhooks(&self) -> impl Iterator<Item = &Arc<Webhook>> {
        self.webhooks.values()
    }

    /// The webhooks that an event of that key and tenant reaches, disabled ones included, each once, ordered by id.
    pub fn matches(&self, key: &EventKey, tenant: Option<&TenantId>) -> Vec<Arc<Webhook>> {
        let mut ids = Vec::new();
        if let Some(scope) = self.scopes.get(&Scope::Environment) {
            scope.collect(key, &mut ids);
        }
        if let Some(scope) = tenant.and_then(|t| self.scopes.get(&Scope::Tenant(t.clone())))
            && !self.catalogue.hidden.contains(key)
        {
            scope.collect(key, &mut ids);
        }
        ids.sort_unstable();
        ids.dedup();
        ids.iter().filter_map(|id| self.webhooks.get(id).cloned()).collect()
    }

    fn forget(&mut self, webhook: &Webhook) {
        if let Some(scope) = self.scopes.get_mut(&webhook.scope) {
            scope.forget(&self.catalogue, webhook);
            if scope.webhooks == 0 {
                self.scopes.remove(&webhook.scope);
            }
        }
    }
}

impl ScopeIndex {
    fn add(&mut self, catalogue: &Catalogue, webhook: &Webhook) {
        self.webhooks += 1;
        for subscription in &webhook.event_keys {
            let keys = match catalogue.meaning(subscription) {
                Meaning::Keys(keys) => keys,
                Meaning::Prefix(prefix, keys) => {
                    self.prefixes.push((prefix, webhook.id));
                    keys
                }
            };
            for key in keys {
                self.exact.entry(key).or_default().push(webhook.id);
            }
        }
    }

    /// Takes back what `add` did under the same catalogue.
    fn forget(&mut self, catalogue: &Catalogue, webhook: &Webhook) {
        self.webhooks -= 1;
        for subscription in &webhook.event_keys {
            let (Meaning::Keys(keys) | Meaning::Prefix(_, keys)) = catalogue.meaning(subscription);
            for key in keys {
                if let Some(ids) = self.exact.get_mut(&key) {
                    ids.retain(|id| *id != webhook.id);
                    if ids.is_empty() {
                        self.exact.remove(&key);
                    }
                }
            }
        }
        self.prefixes.retain(|(_, id)| *id != webhook.id);
    }

    fn collect(&self, key: &EventKey, ids: &mut Vec<WebhookId>) {
        if let Some(exact) = self.exact.get(key) {
            ids.extend_from_slice(exact);
        }
        ids.extend(self.prefixes.iter().filter(|(p, _)| key.as_str().starts_with(p.as_str())).map(|(_, id)| *id));
    }
}

#[cfg(test)]
mod tests;
