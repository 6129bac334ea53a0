//! Changes of event types and their categories.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use postrider_core::catalogue;
use postrider_core::event::EventKey;
use postrider_core::event_type::{Audience, Category, EventType, FormerSchema, SchemaMode};
use postrider_core::limits::{EVENT_TYPES_PER_ENVIRONMENT, FORMER_SCHEMAS};
use postrider_core::source::Source;
use postrider_core::{CategoryId, EnvironmentId, EventTypeId};
use rusqlite::{OptionalExtension as _, params};
use uuid::Uuid;

use super::Sqlite;
use super::rows::{time, unreadable};
use super::tx::{Failure, Tx};
use crate::directory::DirectoryChange;
use crate::{
    CategoryRef, ChangeEventTypes, DeleteCategory, EventTypeChange, EventTypePatch, NewEventType, PutCategory,
    PutEventType, StoreError,
};

pub(super) const INSERT_CATEGORY: &str =
    "INSERT INTO categories (id, environment, name, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)";
pub(super) const RENAME_CATEGORY: &str = "UPDATE categories SET name = ?2, updated_at = ?3 WHERE id = ?1";
pub(super) const DELETE_CATEGORY: &str = "DELETE FROM categories WHERE id = ?1";
pub(super) const CATEGORY_BY_NAME: &str = "SELECT id FROM categories WHERE environment = ?1 AND name = ?2";
pub(super) const IN_CATEGORY: &str = "SELECT EXISTS (SELECT 1 FROM event_types WHERE category = ?1)";
pub(super) const INSERT_EVENT_TYPE: &str = "INSERT INTO event_types (id, environment, event_key, category, \
     display_name, description, schema, schema_version, schema_mode, sample, audience, deprecated_at, replaced_by, \
     created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14)";
pub(super) const UPDATE_EVENT_TYPE: &str = "UPDATE event_types SET category = ?2, display_name = ?3, \
     description = ?4, schema = ?5, schema_version = ?6, schema_mode = ?7, sample = ?8, audience = ?9, \
     deprecated_at = ?10, replaced_by = ?11, updated_at = ?12 WHERE id = ?1";
pub(super) const KEEP_SCHEMA: &str =
    "INSERT INTO former_schemas (event_type, version, schema, replaced_at) VALUES (?1, ?2, ?3, ?4)";
pub(super) const DROP_SCHEMAS: &str = "DELETE FROM former_schemas WHERE event_type = ?1 AND version <= ?2";
pub(super) const DELETE_SCHEMAS: &str = "DELETE FROM former_schemas WHERE event_type = ?1";
pub(super) const FORMER_SCHEMAS_OF: &str =
    "SELECT version, schema, replaced_at FROM former_schemas WHERE event_type = ?1 ORDER BY version DESC";
pub(super) const DELETE_EVENT_TYPE: &str = "DELETE FROM event_types WHERE id = ?1";
pub(super) const HIDE_KEY: &str =
    "INSERT INTO hidden_keys (environment, event_key) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
pub(super) const SHOW_KEY: &str = "DELETE FROM hidden_keys WHERE environment = ?1 AND event_key = ?2";

impl Sqlite {
    pub(crate) async fn create_category(
        &self,
        environment: EnvironmentId,
        name: String,
    ) -> Result<PutCategory, StoreError> {
        self.change(move |tx| {
            let Some(key) = tx.directory.environment_key(environment) else {
                return Ok(PutCategory::NoSuchEnvironment);
            };
            if category_of_name(tx, key, &name)?.is_some() {
                return Ok(PutCategory::NameTaken);
            }
            Ok(PutCategory::Put(insert_category(tx, key, environment, &name)?))
        })
        .await
    }

    pub(crate) async fn rename_category(
        &self,
        environment: EnvironmentId,
        id: CategoryId,
        name: String,
    ) -> Result<PutCategory, StoreError> {
        self.change(move |tx| {
            let Some(key) = tx.directory.environment_key(environment) else {
                return Ok(PutCategory::NoSuchEnvironment);
            };
            let Some(old) = tx.directory.category(environment, id) else { return Ok(PutCategory::NotFound) };
            if category_of_name(tx, key, &name)?.is_some_and(|other| other != id) {
                return Ok(PutCategory::NameTaken);
            }
            tx.prepare(RENAME_CATEGORY)?.execute((id.as_bytes(), &name, tx.now.as_micros()))?;
            let category = Arc::new(Category { name: name.clone(), updated_at: tx.now, ..Category::clone(&old) });
            tx.changes.push(DirectoryChange::PutCategory(Arc::clone(&category)));
            Ok(PutCategory::Put(category))
        })
        .await
    }

    pub(crate) async fn delete_category(
        &self,
        environment: EnvironmentId,
        id: CategoryId,
    ) -> Result<DeleteCategory, StoreError> {
        self.change(move |tx| {
            let Some(old) = tx.directory.category(environment, id) else { return Ok(DeleteCategory::NotFound) };
            if tx.prepare(IN_CATEGORY)?.query_row([id.as_bytes()], |row| row.get(0))? {
                return Ok(DeleteCategory::NotEmpty);
            }
            tx.prepare(DELETE_CATEGORY)?.execute([id.as_bytes()])?;
            tx.changes.push(DirectoryChange::DeleteCategory(environment, id));
            Ok(DeleteCategory::Deleted(old))
        })
        .await
    }

    pub(crate) async fn create_event_type(&self, new: NewEventType) -> Result<PutEventType, StoreError> {
        self.change(move |tx| create(tx, &new)).await
    }

    pub(crate) async fn update_event_type(
        &self,
        environment: EnvironmentId,
        id: EventTypeId,
        patch: EventTypePatch,
    ) -> Result<PutEventType, StoreError> {
        self.change(move |tx| update(tx, environment, id, &patch)).await
    }

    pub(crate) async fn delete_event_type(
        &self,
        environment: EnvironmentId,
        id: EventTypeId,
    ) -> Result<Option<Arc<EventType>>, StoreError> {
        self.change(move |tx| {
            let Some(old) = tx.directory.event_type(environment, id) else { return Ok(None) };
            if old.audience == Audience::Vendor {
                let key = tx.environment_key(environment)?;
                tx.prepare(HIDE_KEY)?.execute((key, old.key.as_str()))?;
            }
            tx.prepare(DELETE_SCHEMAS)?.execute([id.as_bytes()])?;
            tx.prepare(DELETE_EVENT_TYPE)?.execute([id.as_bytes()])?;
            tx.changes.push(DirectoryChange::DeleteEventType(environment, id));
            Ok(Some(old))
        })
        .await
    }

    pub(crate) async fn change_event_types(
        &self,
        environment: EnvironmentId,
        changes: Vec<EventTypeChange>,
    ) -> Result<ChangeEventTypes, StoreError> {
        self.change(move |tx| change(tx, environment, &changes)).await
    }

    pub(crate) async fn former_schemas(
        &self,
        environment: EnvironmentId,
        id: EventTypeId,
    ) -> Result<Vec<FormerSchema>, StoreError> {
        if self.directory.event_type(environment, id).is_none() {
            return Ok(Vec::new());
        }
        self.api
            .read(move |connection| {
                let mut statement = connection.prepare_cached(FORMER_SCHEMAS_OF)?;
                let schemas = statement.query_map([id.as_bytes()], |row| {
                    let replaced_at = time(row, "replaced_at")?;
                    Ok(FormerSchema { version: row.get("version")?, schema: row.get("schema")?, replaced_at })
                })?;
                schemas.collect()
            })
            .await
    }
}

/// Copies the built-in event types and their categories into a new environment.
pub(super) fn insert_builtin(tx: &mut Tx<'_, '_>, key: i64, environment: EnvironmentId) -> Result<(), Failure> {
    let mut categories = HashMap::new();
    for name in catalogue::categories() {
        categories.insert(name, insert_category(tx, key, environment, name)?.id);
    }
    for builtin in catalogue::builtin() {
        let category_id = *categories.get(builtin.category).ok_or_else(|| unreadable("category"))?;
        let event_type = EventType {
            id: EventTypeId::new(tx.now, tx.entropy),
            environment_id: environment,
            key: EventKey::parse(builtin.key).map_err(|_| unreadable("event_key"))?,
            category_id,
            display_name: builtin.display_name.to_owned(),
            description: builtin.description.to_owned(),
            schema: Some(Source::new(builtin.schema.as_str())),
            schema_version: 1,
            schema_mode: SchemaMode::Off,
            sample: Some(builtin.sample.clone()),
            audience: Audience::Everybody,
            deprecation: None,
            created_at: tx.now,
            updated_at: tx.now,
        };
        insert(tx, key, event_type)?;
    }
    Ok(())
}

fn category_of_name(tx: &Tx<'_, '_>, environment: i64, name: &str) -> Result<Option<CategoryId>, Failure> {
    let id: Option<[u8; 16]> =
        tx.prepare(CATEGORY_BY_NAME)?.query_row((environment, name), |row| row.get(0)).optional()?;
    Ok(id.map(|id| CategoryId::from_uuid(Uuid::from_bytes(id))))
}

fn insert_category(
    tx: &mut Tx<'_, '_>,
    key: i64,
    environment_id: EnvironmentId,
    name: &str,
) -> Result<Arc<Category>, Failure> {
    let id = CategoryId::new(tx.now, tx.entropy);
    let category =
        Arc::new(Category { id, environment_id, name: name.to_owned(), created_at: tx.now, updated_at: tx.now });
    tx.prepare(INSERT_CATEGORY)?.execute((id.as_bytes(), key, name, tx.now.as_micros()))?;
    tx.changes.push(DirectoryChange::PutCategory(Arc::clone(&category)));
    Ok(category)
}

/// The category that is meant, made where a new name is; none where an id names nothing.
fn category_of(
    tx: &mut Tx<'_, '_>,
    key: i64,
    environment: EnvironmentId,
    category: &CategoryRef,
) -> Result<Option<CategoryId>, Failure> {
    match category {
        CategoryRef::Id(id) => Ok(tx.directory.category(environment, *id).map(|c| c.id)),
        CategoryRef::Name(name) => match category_of_name(tx, key, name)? {
            Some(id) => Ok(Some(id)),
            None => Ok(Some(insert_category(tx, key, environment, name)?.id)),
        },
    }
}

/// Makes all changes, or none where one cannot be made.
fn change(
    tx: &mut Tx<'_, '_>,
    environment: EnvironmentId,
    changes: &[EventTypeChange],
) -> Result<ChangeEventTypes, Failure> {
    let there = tx.directory.event_types(environment);
    let mut keys: HashSet<&EventKey> = there.iter().map(|event_type| &event_type.key).collect();
    let mut category_ids = Vec::new();
    // What could stop the changes is looked for before the first of them is written.
    for change in changes {
        let category = match change {
            EventTypeChange::Create(new) if !keys.insert(&new.key) => return Ok(ChangeEventTypes::Overtaken),
            EventTypeChange::Update(id, _) if !there.iter().any(|event_type| event_type.id == *id) => {
                return Ok(ChangeEventTypes::Overtaken);
            }
            EventTypeChange::Create(new) => Some(&new.category),
            EventTypeChange::Update(_, patch) => patch.category.as_ref(),
        };
        if let Some(CategoryRef::Id(id)) = category {
            category_ids.push(*id);
        }
    }
    let hidden = tx.directory.hidden_keys(environment);
    if keys.iter().copied().chain(&hidden).collect::<HashSet<_>>().len() > EVENT_TYPES_PER_ENVIRONMENT {
        return Ok(ChangeEventTypes::LimitReached);
    }
    if category_ids.iter().any(|id| tx.directory.category(environment, *id).is_none()) {
        return Ok(ChangeEventTypes::Overtaken);
    }
    let Some(key) = tx.directory.environment_key(environment) else { return Ok(ChangeEventTypes::Overtaken) };
    for change in changes {
        let outcome = match change {
            EventTypeChange::Create(new) => PutEventType::Put(create_in(tx, key, new)?),
            EventTypeChange::Update(id, patch) => update(tx, environment, *id, patch)?,
        };
        if !matches!(outcome, PutEventType::Put(_)) {
            return Err(unreadable("event_types").into());
        }
    }
    Ok(ChangeEventTypes::Changed)
}

fn create(tx: &mut Tx<'_, '_>, new: &NewEventType) -> Result<PutEventType, Failure> {
    let environment = new.environment_id;
    let Some(key) = tx.directory.environment_key(environment) else { return Ok(PutEventType::NoSuchEnvironment) };
    let there = tx.directory.event_types(environment);
    if there.iter().any(|t| t.key == new.key) {
        return Ok(PutEventType::KeyTaken);
    }
    // A key that a deleted type left hidden takes a place, until a type takes it over.
    let mut hidden = tx.directory.hidden_keys(environment);
    hidden.remove(&new.key);
    if there.len() + hidden.len() >= EVENT_TYPES_PER_ENVIRONMENT {
        return Ok(PutEventType::LimitReached);
    }
    if let CategoryRef::Id(id) = new.category
        && tx.directory.category(environment, id).is_none()
    {
        return Ok(PutEventType::NoSuchCategory);
    }
    Ok(PutEventType::Put(create_in(tx, key, new)?))
}

/// Makes an event type of which everything is known to be right.
fn create_in(tx: &mut Tx<'_, '_>, key: i64, new: &NewEventType) -> Result<Arc<EventType>, Failure> {
    let environment = new.environment_id;
    let category_id =
        category_of(tx, key, environment, &new.category)?.ok_or_else(|| unreadable("event_types.category"))?;
    let event_type = EventType {
        id: EventTypeId::new(tx.now, tx.entropy),
        environment_id: environment,
        key: new.key.clone(),
        category_id,
        display_name: new.display_name.clone(),
        description: new.description.clone(),
        schema: new.schema.clone(),
        schema_version: u32::from(new.schema.is_some()),
        schema_mode: new.schema_mode,
        sample: new.sample.clone(),
        audience: new.audience,
        deprecation: new.deprecation.clone(),
        created_at: tx.now,
        updated_at: tx.now,
    };
    insert(tx, key, event_type)
}

fn insert(tx: &mut Tx<'_, '_>, key: i64, event_type: EventType) -> Result<Arc<EventType>, Failure> {
    tx.prepare(SHOW_KEY)?.execute((key, event_type.key.as_str()))?;
    let (deprecated_at, replaced_by) = deprecation(&event_type);
    tx.prepare(INSERT_EVENT_TYPE)?.execute(params![
        event_type.id.as_bytes(),
        key,
        event_type.key.as_str(),
        event_type.category_id.as_bytes(),
        event_type.display_name,
        event_type.description,
        event_type.schema.as_ref().map(Source::as_str),
        event_type.schema_version,
        event_type.schema_mode.name(),
        event_type.sample,
        event_type.audience.name(),
        deprecated_at,
        replaced_by,
        event_type.created_at.as_micros(),
    ])?;
    let event_type = Arc::new(event_type);
    tx.changes.push(DirectoryChange::PutEventType(Arc::clone(&event_type)));
    Ok(event_type)
}

fn deprecation(event_type: &EventType) -> (Option<i64>, Option<&str>) {
    let deprecation = event_type.deprecation.as_ref();
    let replaced_by = deprecation.and_then(|deprecation| deprecation.replaced_by.as_ref());
    (deprecation.map(|deprecation| deprecation.at.as_micros()), replaced_by.map(EventKey::as_str))
}

fn update(
    tx: &mut Tx<'_, '_>,
    environment: EnvironmentId,
    id: EventTypeId,
    patch: &EventTypePatch,
) -> Result<PutEventType, Failure> {
    let Some(key) = tx.directory.environment_key(environment) else { return Ok(PutEventType::NoSuchEnvironment) };
    let Some(old) = tx.directory.event_type(environment, id) else { return Ok(PutEventType::NotFound) };
    let mut new = EventType::clone(&old);
    if let Some(category) = &patch.category {
        let Some(category) = category_of(tx, key, environment, category)? else {
            return Ok(PutEventType::NoSuchCategory);
        };
        new.category_id = category;
    }
    if let Some(name) = &patch.display_name {
        new.display_name.clone_from(name);
    }
    if let Some(description) = &patch.description {
        new.description.clone_from(description);
    }
    if let Some(schema) = patch.schema.as_ref().filter(|schema| **schema != old.schema) {
        new.schema.clone_from(schema);
        new.schema_version += 1;
        if let Some(former) = &old.schema {
            keep_schema(tx, id, old.schema_version, former)?;
        }
    }
    if let Some(mode) = patch.schema_mode {
        new.schema_mode = mode;
    }
    if let Some(sample) = &patch.sample {
        new.sample.clone_from(sample);
    }
    if let Some(audience) = patch.audience {
        new.audience = audience;
    }
    if let Some(deprecation) = &patch.deprecation {
        new.deprecation.clone_from(deprecation);
    }
    new.updated_at = tx.now;
    let (deprecated_at, replaced_by) = deprecation(&new);
    tx.prepare(UPDATE_EVENT_TYPE)?.execute(params![
        id.as_bytes(),
        new.category_id.as_bytes(),
        new.display_name,
        new.description,
        new.schema.as_ref().map(Source::as_str),
        new.schema_version,
        new.schema_mode.name(),
        new.sample,
        new.audience.name(),
        deprecated_at,
        replaced_by,
        new.updated_at.as_micros(),
    ])?;
    let new = Arc::new(new);
    tx.changes.push(DirectoryChange::PutEventType(Arc::clone(&new)));
    Ok(PutEventType::Put(new))
}

/// Keeps a schema that another takes the place of, and as many before it as are kept.
fn keep_schema(tx: &Tx<'_, '_>, id: EventTypeId, version: u32, schema: &Source) -> Result<(), Failure> {
    tx.prepare(KEEP_SCHEMA)?.execute((id.as_bytes(), version, schema.as_str(), tx.now.as_micros()))?;
    let kept = u32::try_from(FORMER_SCHEMAS).expect("few are kept");
    tx.prepare(DROP_SCHEMAS)?.execute((id.as_bytes(), version.saturating_sub(kept)))?;
    Ok(())
}
