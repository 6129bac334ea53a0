//! Forms that several calls of the native API share: moments, pages, members that tell `null` from absence.

use std::fmt;
use std::marker::PhantomData;

use postrider_core::Timestamp;
use postrider_core::limits::{PAGE_ROWS, PAGE_ROWS_MOST, SEARCH_TEXT_CHARS_LEAST, SEARCH_TEXT_CHARS_MOST};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::error::{ApiError, Code};

/// Digits of an id that is searched for by its beginning: fewer would be of years.
const ID_DIGITS_LEAST: usize = 4;

/// A moment on the wire: RFC 3339.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Time(pub(crate) Timestamp);

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

/// Reads an end of a range as [`Timestamp::parse_bound`] does. Of a member that may be left out.
pub(crate) fn bound<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let bound = text.map(|text| Timestamp::parse_bound(&text)).transpose();
    bound.map(|at| at.map(Time)).map_err(serde::de::Error::custom)
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("A moment, RFC 3339."))
            .examples(["2026-01-31T12:00:00.000Z"])
            .into()
    }
}

impl ToSchema for Time {}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page<T> {
    /// The rows. A page can be short, or empty, and still have a next one.
    pub(crate) items: Vec<T>,
    /// What `cursor` of the next page is; `null`: this is the last.
    pub(crate) next_cursor: Option<String>,
}

/// A page of a list that is searched.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SearchPage<T> {
    /// The rows. A page can be short, or empty, and still have a next one: a search looks at so much at once.
    pub(crate) items: Vec<T>,
    /// What `cursor` of the next page is; `null`: this is the last.
    pub(crate) next_cursor: Option<String>,
    /// The moment down to which the list has been searched so far; `null`: to its end.
    pub(crate) searched_until: Option<Time>,
}

/// The ids that begin with a text of hexadecimal digits: the first and the last that can. A whole id is the only one.
pub(crate) fn ids(text: Option<&str>) -> Result<Option<(Uuid, Uuid)>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| (ID_DIGITS_LEAST..=32).contains(&digits.len()));
    // A sign is no digit, though numbers can be read with one.
    let number = number.filter(|_| digits.chars().all(|c| c.is_ascii_hexdigit())).ok_or_else(|| {
        let detail = format!("is an id, or its first digits, {ID_DIGITS_LEAST} at least");
        ApiError::at(Code::InvalidParameter, "id", detail)
    })?;
    let missing = 4 * (32 - u32::try_from(digits.len()).expect("at most 32"));
    let (first, rest) = match missing {
        0 => (number, 0),
        missing => (number << missing, u128::MAX >> (128 - missing)),
    };
    Ok(Some((Uuid::from_u128(first), Uuid::from_u128(first | rest))))
}

/// A text to search for.
pub(crate) fn text(text: Option<String>) -> Result<Option<String>, ApiError> {
    let lengths = SEARCH_TEXT_CHARS_LEAST..=SEARCH_TEXT_CHARS_MOST;
    match text {
        Some(text) if !lengths.contains(&text.chars().count()) => {
            let detail = format!("has {SEARCH_TEXT_CHARS_LEAST} to {SEARCH_TEXT_CHARS_MOST} characters");
            Err(ApiError::at(Code::InvalidParameter, "text", detail))
        }
        text => Ok(text),
    }
}

/// The rows that a page has: as many as asked for, within the limits.
pub(crate) fn page_rows(limit: Option<usize>) -> Result<usize, ApiError> {
    match limit {
        None => Ok(PAGE_ROWS),
        Some(limit) if (1..=PAGE_ROWS_MOST).contains(&limit) => Ok(limit),
        Some(_) => Err(ApiError::at(Code::InvalidParameter, "limit", format!("is 1 to {PAGE_ROWS_MOST}"))),
    }
}

/// The place that a cursor names.
pub(crate) fn cursor<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>, ApiError> {
    text.map(|text| {
        text.parse().map_err(|_| {
            ApiError::at(
                Code::InvalidParameter,
                "cursor",
                "is not the `nextCursor` of a page; leave it out for the first",
            )
        })
    })
    .transpose()
}

/// An id in a query.
pub(crate) fn id<T: std::str::FromStr>(name: &str, text: Option<&str>) -> Result<Option<T>, ApiError>
where
    T::Err: std::fmt::Display,
{
    text.map(|text| text.parse().map_err(|error| ApiError::at(Code::InvalidParameter, name, format!("is {error}"))))
        .transpose()
}

/// A member of a request that tells `null` from absence. Used with `#[serde(default)]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Given<T> {
    /// The request does not have the member.
    #[default]
    Absent,
    /// It is `null`.
    Null,
    /// It has a value.
    Value(T),
}

impl<T> Given<T> {
    /// The value, where there is one.
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::Absent | Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }

    /// Whether the member is absent.
    pub(crate) const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

impl<T: Serialize> Serialize for Given<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent | Self::Null => serializer.serialize_none(),
            Self::Value(value) => value.serialize(serializer),
        }
    }
}

/// Reads a member of a change, where it is there. `null` is refused: taken for absence, it would seem to clear the member and would
/// not. Used with `#[serde(default)]`; members that can be cleared are [`Given`].
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The same for an object, which is never read from an array.
pub(crate) fn present_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Object::deserialize(deserializer).map(|Object(value)| Some(value))
}

/// Reads an object that can be cleared.
pub(crate) fn given_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Given<T>, D::Error> {
    Ok(object(deserializer)?.map_or(Given::Null, Given::Value))
}

/// Reads an object or `null`. A derived form would also be read from an array of its members' values.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|Object(value)| value))
}

/// What is read from an object alone, as it goes by: so the place of what is wrong in it is known.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}
