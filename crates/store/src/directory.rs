//! The directory: environments, credentials, webhooks, event types and sessions in memory, so that the hot path reads no table.
//!
//! Owns lookups and matching. Does not own the truth, which is the database: the directory is filled from it on opening, and the
//! writer, alone, applies each change after its commit and before the caller is answered.
//!
//! Invariant: what it holds is what a directory freshly filled from the database would hold.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use postrider_core::delivery::DiscardReason;
use postrider_core::environment::{Credential, Environment, OperatorToken, TrustedIssuer};
use postrider_core::event::{EventKey, TenantId};
use postrider_core::event_type::{Audience, Category, EventType};
use postrider_core::matching::{Catalogue, MatchIndex, SubscriptionError};
use postrider_core::portal::PortalSession;
use postrider_core::retention::Retention;
use postrider_core::session::{ConsoleSession, SignIn};
use postrider_core::webhook::{Scope, Webhook};
use postrider_core::{
    CategoryId, ConsoleSessionId, CredentialId, DeliveryId, EnvironmentId, EventTypeId, PortalSessionId, Timestamp,
    WebhookId,
};

/// What the database says of environments, credentials, webhooks and event types, in memory.
#[derive(Debug)]
pub struct Directory {
    state: RwLock<State>,
    token_key: [u8; 32],
}

#[derive(Debug, Default)]
struct State {
    environments: BTreeMap<EnvironmentId, EnvironmentEntry>,
    webhooks: HashMap<WebhookId, WebhookEntry>,
    credentials: HashMap<CredentialId, Arc<Credential>>,
    operator_tokens: HashMap<[u8; 32], Arc<OperatorToken>>,
    /// By issuer and audience.
    issuers: HashMap<(String, String), (EnvironmentId, Arc<TrustedIssuer>)>,
    console_sessions: HashMap<ConsoleSessionId, Arc<ConsoleSession>>,
    portal_sessions: HashMap<PortalSessionId, Arc<PortalSession>>,
}

#[derive(Debug)]
struct EnvironmentEntry {
    key: i64,
    environment: Arc<Environment>,
    index: MatchIndex,
    categories: BTreeMap<CategoryId, Arc<Category>>,
    event_types: BTreeMap<EventTypeId, Arc<EventType>>,
    /// Keys of event types that were for the vendor alone when they were deleted.
    hidden: HashSet<EventKey>,
    /// Those whose schema events are held against.
    checking: HashMap<EventKey, Arc<EventType>>,
    /// By tenant, and how many there are in all.
    portal_sessions: HashMap<TenantId, BTreeSet<PortalSessionId>>,
    portal_session_count: usize,
}

#[derive(Debug)]
struct WebhookEntry {
    key: i64,
    webhook: Arc<Webhook>,
    /// Runs ahead of `webhook.invocations`, which is brought up only when somebody asks to see it.
    invocations: AtomicU64,
    sweep: Option<Sweep>,
}

/// Deliveries of a webhook up to this one are on their way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sweep {
    pub up_to: DeliveryId,
    pub reason: DiscardReason,
}

/// A webhook as the writer sees it.
#[derive(Debug, Clone)]
pub(crate) struct KnownWebhook {
    pub key: i64,
    pub webhook: Arc<Webhook>,
    pub sweep: Option<Sweep>,
}

/// What a commit changes.
#[derive(Debug)]
pub(crate) enum DirectoryChange {
    PutEnvironment {
        key: i64,
        environment: Arc<Environment>,
    },
    PutCredential(Arc<Credential>),
    PutOperatorToken(Arc<OperatorToken>),
    PutCategory(Arc<Category>),
    DeleteCategory(EnvironmentId, CategoryId),
    PutEventType(Arc<EventType>),
    /// Hides its key from tenants where it was for the vendor alone.
    DeleteEventType(EnvironmentId, EventTypeId),
    HideKey(EnvironmentId, EventKey),
    PutWebhook {
        key: i64,
        webhook: Arc<Webhook>,
    },
    DeleteWebhook(WebhookId),
    SetSweep(WebhookId, Option<Sweep>),
    AddInvocations(WebhookId, u64),
    PutConsoleSession(Arc<ConsoleSession>),
    DeleteConsoleSession(ConsoleSessionId),
    PutPortalSession(Arc<PortalSession>),
    DeletePortalSession(PortalSessionId),
}

impl Directory {
    pub(crate) fn new(token_key: [u8; 32]) -> Self {
        Self { state: RwLock::default(), token_key }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // A panic while writing cannot leave a half-applied map behind that is worse than none: each change is one insertion.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every environment, oldest first.
    pub fn environments(&self) -> Vec<Arc<Environment>> {
        let mut all: Vec<_> = self.read().environments.values().map(|e| e.environment.clone()).collect();
        all.sort_by_key(|e| (e.created_at, e.id));
        all
    }

    /// The environment of that id.
    pub fn environment(&self, id: EnvironmentId) -> Option<Arc<Environment>> {
        self.read().environments.get(&id).map(|e| e.environment.clone())
    }

    /// The credential of that id, also where it is revoked.
    pub fn credential(&self, id: CredentialId) -> Option<Arc<Credential>> {
        self.read().credentials.get(&id).cloned()
    }

    /// The credentials of an environment, oldest first, revoked ones included.
    pub fn credentials(&self, environment: EnvironmentId) -> Vec<Arc<Credential>> {
        let state = self.read();
        let mut all: Vec<_> = state.credentials.values().filter(|c| c.environment_id == environment).cloned().collect();
        all.sort_by_key(|c| c.id);
        all
    }

    /// The webhook of that id, as last changed. For the hot path: its `invocations` may be behind.
    pub fn webhook(&self, id: WebhookId) -> Option<Arc<Webhook>> {
        self.read().webhooks.get(&id).map(|w| w.webhook.clone())
    }

    /// The webhook of that id in exactly that scope, with its invocations so far.
    pub fn webhook_in(&self, environment: EnvironmentId, scope: &Scope, id: WebhookId) -> Option<Arc<Webhook>> {
        let state = self.read();
        let entry = state.webhooks.get(&id)?;
        (entry.webhook.environment_id == environment && entry.webhook.scope == *scope).then(|| entry.current())
    }

    /// The webhooks of that scope, or of all, oldest first, with their invocations so far.
    pub fn webhooks(&self, environment: EnvironmentId, scope: Option<&Scope>) -> Vec<Arc<Webhook>> {
        let state = self.read();
        let Some(entry) = state.environments.get(&environment) else { return Vec::new() };
        let wanted = entry.index.webhooks().filter(|w| scope.is_none_or(|s| w.scope == *s));
        let mut all: Vec<_> = wanted.filter_map(|w| state.webhooks.get(&w.id)).map(WebhookEntry::current).collect();
        all.sort_unstable_by_key(|w| w.id);
        all
    }

    /// The webhooks that an event reaches, disabled ones included, each once, ordered by id. Their `invocations` may be behind.
    pub fn matches(&self, environment: EnvironmentId, key: &EventKey, tenant: Option<&TenantId>) -> Vec<Arc<Webhook>> {
        self.read().environments.get(&environment).map(|e| e.index.matches(key, tenant)).unwrap_or_default()
    }

    /// The event types of an environment, by key.
    pub fn event_types(&self, environment: EnvironmentId) -> Vec<Arc<EventType>> {
        let state = self.read();
        let Some(entry) = state.environments.get(&environment) else { return Vec::new() };
        let mut all: Vec<_> = entry.event_types.values().cloned().collect();
        all.sort_by(|a, b| a.key.cmp(&b.key));
        all
    }

    /// The categories of an environment, by name.
    pub fn categories(&self, environment: EnvironmentId) -> Vec<Arc<Category>> {
        let state = self.read();
        let Some(entry) = state.environments.get(&environment) else { return Vec::new() };
        let mut all: Vec<_> = entry.categories.values().cloned().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The event type of that key, where events are held against its schema. For the hot path.
    pub fn checking_event_type(&self, environment: EnvironmentId, key: &EventKey) -> Option<Arc<EventType>> {
        self.read().environments.get(&environment)?.checking.get(key).cloned()
    }

    /// Whether a webhook of that environment and scope may subscribe to this. An environment that does not exist has no event types.
    pub fn check_subscription(
        &self,
        environment: EnvironmentId,
        scope: &Scope,
        subscription: &str,
    ) -> Result<(), SubscriptionError> {
        match self.read().environments.get(&environment) {
            Some(entry) => entry.index.catalogue().check(subscription, scope),
            None => Catalogue::default().check(subscription, scope),
        }
    }

    /// Whether tenants may know of events of that key: their event type is not for the vendor alone, and was not when it was deleted.
    pub fn is_for_tenants(&self, environment: EnvironmentId, key: &EventKey) -> bool {
        self.read().environments.get(&environment).is_none_or(|e| e.index.catalogue().is_for_tenants(key))
    }

    /// Whose tenants' users are meant by a token's issuer and audience.
    pub fn trusted_issuer(&self, issuer: &str, audience: &str) -> Option<(EnvironmentId, Arc<TrustedIssuer>)> {
        self.read().issuers.get(&(issuer.to_owned(), audience.to_owned())).cloned()
    }

    /// The operator's token of that hash, unless it is revoked.
    pub fn operator_token(&self, hash: &[u8; 32]) -> Option<Arc<OperatorToken>> {
        self.read().operator_tokens.get(hash).filter(|t| t.revoked_at.is_none()).cloned()
    }

    /// Every operator's token, oldest first, revoked ones included.
    pub fn operator_tokens(&self) -> Vec<Arc<OperatorToken>> {
        let mut all: Vec<_> = self.read().operator_tokens.values().cloned().collect();
        all.sort_by_key(|t| t.id);
        all
    }

    /// The console's session of that id, also where it has ended.
    pub fn console_session(&self, id: ConsoleSessionId) -> Option<Arc<ConsoleSession>> {
        self.read().console_sessions.get(&id).cloned()
    }

    /// What of a console's session still counts: sign-ins whose time is not over and whose credential was not revoked.
    pub fn live_sign_ins(&self, session: &ConsoleSession, now: Timestamp) -> Vec<SignIn> {
        let state = self.read();
        session.sign_ins.iter().filter(|sign_in| state.is_live(sign_in, now)).copied().collect()
    }

    /// The portal session, or link, of that id, also where it has ended.
    pub fn portal_session(&self, id: PortalSessionId) -> Option<Arc<PortalSession>> {
        self.read().portal_sessions.get(&id).cloned()
    }

    /// The portal session, or link, of that id, unless its time is over or its credential was revoked.
    pub fn live_portal_session(&self, id: PortalSessionId, now: Timestamp) -> Option<Arc<PortalSession>> {
        let state = self.read();
        state.portal_sessions.get(&id).filter(|session| !state.has_ended(session, now)).cloned()
    }

    /// The portal sessions and links of an environment, or of one of its tenants, oldest first, ended ones included.
    pub fn portal_sessions(&self, environment: EnvironmentId, tenant: Option<&TenantId>) -> Vec<Arc<PortalSession>> {
        let state = self.read();
        let Some(entry) = state.environments.get(&environment) else { return Vec::new() };
        let ids: Vec<_> = match tenant {
            Some(tenant) => entry.portal_sessions.get(tenant).into_iter().flatten().collect(),
            None => entry.portal_sessions.values().flatten().collect(),
        };
        let mut all: Vec<_> = ids.into_iter().filter_map(|id| state.portal_sessions.get(id)).cloned().collect();
        all.sort_unstable_by_key(|session| session.id);
        all
    }

    /// How many portal sessions and links that have not ended each credential of an environment has made: they end with it.
    pub fn portals_of_credentials(&self, environment: EnvironmentId, now: Timestamp) -> HashMap<CredentialId, usize> {
        let state = self.read();
        let Some(entry) = state.environments.get(&environment) else { return HashMap::new() };
        let sessions = entry.portal_sessions.values().flatten().filter_map(|id| state.portal_sessions.get(id));
        let live = sessions.filter(|session| !state.has_ended(session, now));
        let mut counts = HashMap::new();
        for id in live.filter_map(|session| session.credential_id) {
            *counts.entry(id).or_default() += 1;
        }
        counts
    }

    /// What vendors' tokens are signed with: made at the first start, the same ever after.
    pub fn token_key(&self) -> [u8; 32] {
        self.token_key
    }

    pub(crate) fn environment_key(&self, id: EnvironmentId) -> Option<i64> {
        self.read().environments.get(&id).map(|e| e.key)
    }

    /// How long each environment keeps its events, where it says so itself, with its number in the database: in the order of these.
    pub(crate) fn retentions(&self) -> Vec<(i64, EnvironmentId, Option<Retention>)> {
        let state = self.read();
        let environments = state.environments.values();
        let mut all: Vec<_> = environments.map(|e| (e.key, e.environment.id, e.environment.retention)).collect();
        all.sort_unstable_by_key(|(key, ..)| *key);
        all
    }

    pub(crate) fn known_webhook(&self, id: WebhookId) -> Option<KnownWebhook> {
        self.read().webhooks.get(&id).map(|w| KnownWebhook { key: w.key, webhook: w.webhook.clone(), sweep: w.sweep })
    }

    /// The webhook of that id with its invocations so far, as a change of it starts from.
    pub(crate) fn current_webhook(&self, id: WebhookId) -> Option<(i64, Arc<Webhook>)> {
        self.read().webhooks.get(&id).map(|w| (w.key, w.current()))
    }

    /// Webhooks with a secret or key that signs no longer, at most so many, with their numbers in the database.
    pub(crate) fn with_ended_overlaps(&self, now: Timestamp, most: usize) -> Vec<(i64, Arc<Webhook>)> {
        let state = self.read();
        let ended = state.webhooks.values().filter(|entry| entry.webhook.signing.has_ended(now));
        ended.take(most).map(|entry| (entry.key, entry.current())).collect()
    }

    pub(crate) fn webhook_count(&self, environment: EnvironmentId) -> usize {
        self.read().environments.get(&environment).map_or(0, |e| e.index.webhooks().count())
    }

    /// How many webhooks of exactly that scope there are.
    pub(crate) fn webhook_count_of(&self, environment: EnvironmentId, scope: &Scope) -> usize {
        self.read().environments.get(&environment).map_or(0, |e| e.index.webhooks_of(scope))
    }

    /// The console's sessions that a credential signed in to, oldest first.
    pub(crate) fn console_sessions_of(&self, credential: CredentialId) -> Vec<ConsoleSessionId> {
        let state = self.read();
        let is_of = |session: &&Arc<ConsoleSession>| session.sign_ins.iter().any(|s| s.credential_id == credential);
        let mut all: Vec<_> = state.console_sessions.values().filter(is_of).map(|session| session.id).collect();
        all.sort_unstable();
        all
    }

    /// How many portal sessions and links there are of an environment, and of one of its tenants.
    pub(crate) fn portal_session_counts(&self, environment: EnvironmentId, tenant: &TenantId) -> (usize, usize) {
        let state = self.read();
        let Some(entry) = state.environments.get(&environment) else { return (0, 0) };
        (entry.portal_session_count, entry.portal_sessions.get(tenant).map_or(0, BTreeSet::len))
    }

    /// The oldest portal session or link of a tenant.
    pub(crate) fn oldest_portal_session(
        &self,
        environment: EnvironmentId,
        tenant: &TenantId,
    ) -> Option<PortalSessionId> {
        self.read().environments.get(&environment)?.portal_sessions.get(tenant)?.first().copied()
    }

    /// Sessions that have ended by now, some of them where they are many.
    pub(crate) fn ended_sessions(&self, now: Timestamp, most: usize) -> (Vec<ConsoleSessionId>, Vec<PortalSessionId>) {
        let state = self.read();
        let console = state.console_sessions.values();
        let console = console.filter(|s| now >= s.until() || !s.sign_ins.iter().any(|s| state.is_live(s, now)));
        let console: Vec<_> = console.map(|session| session.id).take(most).collect();
        let portal = state.portal_sessions.values().filter(|session| state.has_ended(session, now));
        let portal = portal.map(|session| session.id).take(most.saturating_sub(console.len())).collect();
        (console, portal)
    }

    /// Keys that are hidden because of event types that were deleted.
    pub(crate) fn hidden_keys(&self, environment: EnvironmentId) -> HashSet<EventKey> {
        self.read().environments.get(&environment).map(|e| e.hidden.clone()).unwrap_or_default()
    }

    pub(crate) fn category(&self, environment: EnvironmentId, id: CategoryId) -> Option<Arc<Category>> {
        self.read().environments.get(&environment)?.categories.get(&id).cloned()
    }

    pub(crate) fn event_type(&self, environment: EnvironmentId, id: EventTypeId) -> Option<Arc<EventType>> {
        self.read().environments.get(&environment)?.event_types.get(&id).cloned()
    }

    /// Applies what was committed, in order, at once for all readers.
    pub(crate) fn apply(&self, changes: Vec<DirectoryChange>) {
        // Counting needs no exclusive access, and is all that most commits change.
        if changes.iter().all(|c| matches!(c, DirectoryChange::AddInvocations(..))) {
            let state = self.read();
            for change in changes {
                if let DirectoryChange::AddInvocations(id, more) = change {
                    state.add_invocations(id, more);
                }
            }
            return;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let mut catalogues = Vec::new();
        for change in changes {
            state.apply(change, &mut catalogues);
        }
        catalogues.sort_unstable();
        catalogues.dedup();
        for environment in catalogues {
            if let Some(entry) = state.environments.get_mut(&environment) {
                let categories = entry.categories.values().map(|c| &**c);
                let catalogue = Catalogue::new(categories, entry.event_types.values().map(|t| &**t));
                entry.index.set_catalogue(catalogue.hiding(&entry.hidden));
                let checking = entry.event_types.values().filter(|t| t.checks_events());
                entry.checking = checking.map(|t| (t.key.clone(), t.clone())).collect();
            }
        }
    }
}

impl WebhookEntry {
    fn current(&self) -> Arc<Webhook> {
        let invocations = self.invocations.load(Ordering::Relaxed);
        if self.webhook.invocations == invocations {
            return self.webhook.clone();
        }
        Arc::new(Webhook { invocations, ..Webhook::clone(&self.webhook) })
    }
}

impl State {
    fn is_live(&self, sign_in: &SignIn, now: Timestamp) -> bool {
        now < sign_in.until() && self.is_usable(sign_in.credential_id)
    }

    fn has_ended(&self, session: &PortalSession, now: Timestamp) -> bool {
        now >= session.until() || session.credential_id.is_some_and(|id| !self.is_usable(id))
    }

    fn is_usable(&self, id: CredentialId) -> bool {
        self.credentials.get(&id).is_some_and(|credential| credential.revoked_at.is_none())
    }

    fn add_invocations(&self, id: WebhookId, more: u64) {
        if let Some(entry) = self.webhooks.get(&id) {
            entry.invocations.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// `catalogues` collects the environments whose subscriptions are to be understood anew.
    fn apply(&mut self, change: DirectoryChange, catalogues: &mut Vec<EnvironmentId>) {
        match change {
            DirectoryChange::PutEnvironment { key, environment } => self.put_environment(key, environment),
            DirectoryChange::PutCredential(credential) => {
                self.credentials.insert(credential.id, credential);
            }
            DirectoryChange::PutOperatorToken(token) => {
                self.operator_tokens.insert(token.hash, token);
            }
            DirectoryChange::PutCategory(category) => {
                if let Some(entry) = self.environments.get_mut(&category.environment_id) {
                    catalogues.push(category.environment_id);
                    entry.categories.insert(category.id, category);
                }
            }
            DirectoryChange::DeleteCategory(environment, id) => {
                if let Some(entry) = self.environments.get_mut(&environment) {
                    catalogues.push(environment);
                    entry.categories.remove(&id);
                }
            }
            DirectoryChange::PutEventType(event_type) => {
                if let Some(entry) = self.environments.get_mut(&event_type.environment_id) {
                    catalogues.push(event_type.environment_id);
                    entry.hidden.remove(&event_type.key);
                    entry.event_types.insert(event_type.id, event_type);
                }
            }
            DirectoryChange::DeleteEventType(environment, id) => {
                if let Some(entry) = self.environments.get_mut(&environment) {
                    catalogues.push(environment);
                    if let Some(old) = entry.event_types.remove(&id)
                        && old.audience == Audience::Vendor
                    {
                        entry.hidden.insert(old.key.clone());
                    }
                }
            }
            DirectoryChange::HideKey(environment, key) => {
                if let Some(entry) = self.environments.get_mut(&environment) {
                    catalogues.push(environment);
                    entry.hidden.insert(key);
                }
            }
            DirectoryChange::PutWebhook { key, webhook } => self.put_webhook(key, webhook),
            DirectoryChange::DeleteWebhook(id) => {
                if let Some(old) = self.webhooks.remove(&id)
                    && let Some(entry) = self.environments.get_mut(&old.webhook.environment_id)
                {
                    entry.index.remove(id);
                }
            }
            DirectoryChange::SetSweep(id, sweep) => {
                if let Some(entry) = self.webhooks.get_mut(&id) {
                    entry.sweep = sweep;
                }
            }
            DirectoryChange::AddInvocations(id, more) => self.add_invocations(id, more),
            DirectoryChange::PutConsoleSession(session) => {
                self.console_sessions.insert(session.id, session);
            }
            DirectoryChange::DeleteConsoleSession(id) => {
                self.console_sessions.remove(&id);
            }
            DirectoryChange::PutPortalSession(session) => self.put_portal_session(session),
            DirectoryChange::DeletePortalSession(id) => self.delete_portal_session(id),
        }
    }

    fn put_portal_session(&mut self, session: Arc<PortalSession>) {
        if let Some(entry) = self.environments.get_mut(&session.environment_id)
            && entry.portal_sessions.entry(session.tenant_id.clone()).or_default().insert(session.id)
        {
            entry.portal_session_count += 1;
        }
        self.portal_sessions.insert(session.id, session);
    }

    fn delete_portal_session(&mut self, id: PortalSessionId) {
        let Some(old) = self.portal_sessions.remove(&id) else { return };
        let Some(entry) = self.environments.get_mut(&old.environment_id) else { return };
        if let Some(of_tenant) = entry.portal_sessions.get_mut(&old.tenant_id)
            && of_tenant.remove(&id)
        {
            entry.portal_session_count -= 1;
            if of_tenant.is_empty() {
                entry.portal_sessions.remove(&old.tenant_id);
            }
        }
    }

    fn put_environment(&mut self, key: i64, environment: Arc<Environment>) {
        let id = environment.id;
        self.issuers.retain(|_, (owner, _)| *owner != id);
        if let Some(issuer) = &environment.trusted_issuer {
            let name = (issuer.issuer.clone(), issuer.audience.clone());
            self.issuers.insert(name, (id, Arc::new(issuer.clone())));
        }
        if let Some(entry) = self.environments.get_mut(&id) {
            entry.environment = environment;
            return;
        }
        let entry = EnvironmentEntry {
            key,
            environment,
            index: MatchIndex::default(),
            categories: BTreeMap::new(),
            event_types: BTreeMap::new(),
            hidden: HashSet::new(),
            checking: HashMap::new(),
            portal_sessions: HashMap::new(),
            portal_session_count: 0,
        };
        self.environments.insert(id, entry);
    }

    fn put_webhook(&mut self, key: i64, webhook: Arc<Webhook>) {
        if let Some(entry) = self.environments.get_mut(&webhook.environment_id) {
            entry.index.put(webhook.clone());
        }
        if let Some(entry) = self.webhooks.get_mut(&webhook.id) {
            entry.webhook = webhook;
            return;
        }
        let invocations = AtomicU64::new(webhook.invocations);
        let id = webhook.id;
        self.webhooks.insert(id, WebhookEntry { key, webhook, invocations, sweep: None });
    }
}
