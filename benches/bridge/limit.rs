//! The plain limit: the same body to the same sink, over 8 kept connections, and nothing else.

use std::time::Instant;

use axum::body::Bytes;
use tokio::task::JoinSet;

const CONNECTIONS: usize = 8;

/// Sent first, so that the connections stand.
const WARM_UP: usize = 50;

/// POSTs `count` times and returns how many went through a second.
pub async fn posts_per_second(url: &str, body: Bytes, count: usize) -> f64 {
    descript_notify::deliver::http::install_crypto();
    let client = reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(CONNECTIONS)
        .build()
        .expect("a client");
    round(&client, url, &body, WARM_UP).await;
    let each = count / CONNECTIONS;
    let begun = Instant::now();
    round(&client, url, &body, each).await;
    (each * CONNECTIONS) as f64 / begun.elapsed().as_secs_f64()
}

async fn round(client: &reqwest::Client, url: &str, body: &Bytes, each: usize) {
    let mut loops = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (client, url, body) = (client.clone(), url.to_owned(), body.clone());
        loops.spawn(async move {
            for _ in 0..each {
                let request = client.post(&url).header("content-type", "application/json");
                let answer = request.body(body.clone()).send().await.expect("an answer");
                assert!(answer.status().is_success());
                answer.bytes().await.expect("its body");
            }
        });
    }
    while let Some(ended) = loops.join_next().await {
        ended.expect("no panic");
    }
}
