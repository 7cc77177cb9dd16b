//! What a message that gathers events would tell of: for looking at it without sending it.

use super::rows::{event_columns, event_of};
use super::sql::query;
use super::{Store, StoreError};
use crate::model::{DeliveryId, Event, Hold};

/// The events of a gathering.
#[derive(Debug, Clone, PartialEq)]
pub struct Gathered {
    /// The newest, oldest first; one that cannot be read is left out.
    pub events: Vec<Event>,
    /// How many there are.
    pub count: u64,
    /// What they have waited for together.
    pub held: Option<Hold>,
}

const GATHERED: &str = concat!(
    "SELECT (SELECT count(*) FROM group_member c WHERE c.group_id = g.id) AS members,
         g.hold AS gathered_by, ",
    event_columns!(),
    " FROM delivery d JOIN message_group g ON g.id = d.about
     JOIN group_member m ON m.group_id = g.id JOIN event e ON e.id = m.event_id
     WHERE d.id = $1 ORDER BY m.position DESC LIMIT $2"
);

impl Store {
    /// The events that a gathering tells of, at most so many; none where the delivery is about
    /// one event alone.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn gathered(&self, id: &DeliveryId, most: u32) -> Result<Gathered, StoreError> {
        let rows = query(GATHERED).bind(id.as_str()).bind(most).fetch_all(&self.readers).await?;
        let (count, held) = match rows.first() {
            Some(row) => (
                row.try_get::<i64>("members")?.unsigned_abs(),
                row.try_get::<Option<&str>>("gathered_by")?.and_then(Hold::parse),
            ),
            None => (0, None),
        };
        Ok(Gathered { events: rows.iter().rev().flat_map(event_of).collect(), count, held })
    }
}
