//! Lists that are searched: events and deliveries, page by page.

use http::Method;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use crate::client::Client;
use crate::failure::Failure;
use crate::output::{FAINT, Form, line, note, styled, table};

/// Rows of a page at most.
const PAGE_ROWS: usize = 250;

/// What is searched for, and how it is shown.
pub(super) struct Search<'a, const N: usize> {
    /// The list.
    pub(super) path: &'a str,
    /// What a row has to be like, by the parameters of the list.
    pub(super) parameters: Vec<(&'static str, String)>,
    /// Rows that are shown at most.
    pub(super) most: usize,
    /// The columns for people.
    pub(super) heading: [&'static str; N],
    /// What stands in them.
    pub(super) cells: fn(&Value) -> [String; N],
}

impl<const N: usize> Search<'_, N> {
    /// Prints what is found, however many pages the search takes: a table for people when all of it is there, for programs a line for
    /// each row as soon as it is found.
    pub(super) async fn print(self, client: &Client, form: Form) -> Result<(), Failure> {
        let mut rows = Vec::new();
        let mut left = self.most;
        let mut cursor: Option<String> = None;
        while left > 0 {
            let page = client.call(Method::GET, &self.page(left, cursor.as_deref()), None).await?;
            for row in page["items"].as_array().into_iter().flatten().take(left) {
                left -= 1;
                match form {
                    Form::Text => rows.push((self.cells)(row)),
                    Form::Json => form.print(row, String::new)?,
                }
            }
            cursor = page["nextCursor"].as_str().map(ToOwned::to_owned);
            match page["searchedUntil"].as_str() {
                Some(until) if left > 0 && form == Form::Text => {
                    note(styled(FAINT, format_args!("searched down to {until}")));
                }
                _ => {}
            }
            if cursor.is_none() {
                break;
            }
        }
        if form == Form::Text {
            line(table(self.heading, &rows))?;
        }
        Ok(())
    }

    fn page(&self, left: usize, cursor: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(&self.parameters).append_pair("limit", &left.min(PAGE_ROWS).to_string());
        if let Some(cursor) = cursor {
            query.append_pair("cursor", cursor);
        }
        format!("{}?{}", self.path, query.finish())
    }
}
