//! The end of a dispatch: what is in flight lands, and everything is written down.

use std::time::Duration;

use jiff::Timestamp;

use super::Dispatch;
use crate::store::StoreError;
use crate::telemetry;

/// To write down the last answers at the end, however long the rest took.
const LAST_WORD: Duration = Duration::from_secs(2);

impl Dispatch {
    /// Lets what is in flight end; each attempt has its time-out.
    pub(super) async fn land_all(&mut self) {
        while let Some(landed) = self.flights.join_next().await {
            self.land(landed);
        }
    }

    /// Lets what is in flight end within `grace`, and writes down what became of it. What has
    /// not ended by then is owed again, marked. Returns whether all of it was settled.
    pub(super) async fn finish(&mut self, grace: Duration) -> bool {
        let begun = tokio::time::Instant::now();
        self.unsettle();
        self.let_go();
        while let Ok(Some(landed)) =
            tokio::time::timeout_at(begun + grace, self.flights.join_next()).await
        {
            self.land(landed);
        }
        self.flights.abort_all();
        let now = self.parts.clock.now();
        let clean = self.in_flight.is_empty();
        let unsettled = std::mem::take(&mut self.in_flight);
        let why = "the program stopped before the answer came";
        let unsettled = unsettled.into_iter().map(|flying| flying.unsettled(now, why.into()));
        self.landed.extend(unsettled);
        if self.landed.is_empty() && self.change.is_none() && !self.doubts_claims {
            return clean;
        }
        let until = (begun + grace).max(tokio::time::Instant::now() + LAST_WORD);
        let mut problem = "it took too long".to_owned();
        loop {
            match tokio::time::timeout_at(until, self.write_last(now)).await {
                Ok(Ok(())) => return clean,
                Ok(Err(failed)) => problem = failed.of(self.parts.store.path()).to_string(),
                Err(_) => break,
            }
            tokio::time::sleep(LAST_WORD / 8).await;
        }
        telemetry::store_trouble("stopping", &problem, Duration::ZERO);
        false
    }

    async fn write_last(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.unsettle();
        self.take_back().await?;
        let news = self.news(now).await?;
        self.turn(news, None, now).await.map(|_| ())
    }
}
