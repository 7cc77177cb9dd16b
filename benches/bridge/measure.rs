//! The three situations that are measured: at rest, one job at a time, and many at once.

use std::time::{Duration, Instant};

use descript_notify::clock::Clock;
use jiff::SignedDuration;

use crate::board::{Board, Shown};
use crate::figures::{Burst, Latency, Rest, Sample};
use crate::limit::posts_per_second;
use crate::service::{BINARY, Home, Service};
use crate::sink::Sink;

/// Jobs known in every situation but the paced one.
const KNOWN: usize = 3_000;

/// For the slowest machine; what takes longer is a hang.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// From this poll on the window is as short as it gets: two complete walks set the watermark.
pub const STEADY: usize = 3;

/// At rest: 6 days of ended jobs and a running one, polled each second. Then starts and stops
/// on the store that this leaves.
pub async fn rest(length: Duration, starts: usize) -> Rest {
    let jobs: Vec<_> = (0..KNOWN)
        .map(|number| match i64::try_from(number).expect("small") {
            0 => (SignedDuration::from_secs(1), Shown::Running),
            number => (SignedDuration::from_mins(20 + 3 * number), Shown::Succeeded),
        })
        .collect();
    let sink = Sink::start().await;
    let board = Board::start(Clock::System.now(), &jobs).await;
    let home = Home::new(&board, &sink, Duration::from_secs(1));
    let (mut start_ms, mut stop_ms) = (Sample::default(), Sample::default());

    let mut service = Service::start(&home);
    start_ms.take_ms(service.polled(&board, 1).await - service.spawned_at);
    service.polled(&board, STEADY).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    board.forget();
    let cpu_before = service.cpu();
    tokio::time::sleep(length).await;
    let (asked, cpu) = (board.asked(), service.cpu() - cpu_before);
    let polls = asked.polls.len();
    let memory = service.memory();
    let mut restarted = memory;
    stop_ms.take_ms(service.stop().await);

    for _ in 1..starts {
        board.forget();
        let mut service = Service::start(&home);
        start_ms.take_ms(service.polled(&board, 1).await - service.spawned_at);
        service.polled(&board, 2).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        restarted = service.memory();
        stop_ms.take_ms(service.stop().await);
    }
    Rest {
        known_jobs: KNOWN,
        memory,
        restarted,
        polls,
        requests: asked.requests,
        cpu_ms: cpu.as_secs_f64() * 1e3 / polls as f64,
        start_ms,
        stop_ms,
        binary_bytes: std::fs::metadata(BINARY).expect("the binary").len(),
    }
}

/// One job at a time ends, at any moment between two polls.
pub async fn latency(interval: Duration, messages: usize) -> Latency {
    let age = |number: usize| SignedDuration::from_secs(number.try_into().expect("small"));
    let jobs: Vec<_> = (1..=messages).map(|number| (age(number), Shown::Running)).collect();
    let sink = Sink::start().await;
    let board = Board::start(Clock::System.now(), &jobs).await;
    let home = Home::new(&board, &sink, interval);
    let mut service = Service::start(&home);
    service.polled(&board, STEADY + 1).await;
    let mut latency = Latency { interval_ms: interval.as_secs_f64() * 1e3, ..Latency::default() };
    for number in 0..messages {
        tokio::time::sleep(interval.mul_f64(fastrand::f64())).await;
        sink.forget();
        board.forget();
        let ended_at = Instant::now();
        board.finish([number]);
        let arrived_at = sink.wait_for(1, PATIENCE).await[0].at;
        latency.whole.take_ms(arrived_at - ended_at);
        latency.own.take_ms(arrived_at - board.asked().polls[0]);
    }
    latency.memory = Some(service.memory());
    service.stop().await;
    latency
}

/// Many jobs end at once; then the plain loop with one of the messages. Adds to `burst`.
pub async fn burst(burst: &mut Burst, messages: usize, posts: usize) {
    let age = |number: usize| SignedDuration::from_millis(number.try_into().expect("small"));
    let jobs: Vec<_> = (1..=KNOWN.max(messages))
        .map(|number| {
            (age(number), if number <= messages { Shown::Running } else { Shown::Succeeded })
        })
        .collect();
    let sink = Sink::start().await;
    let board = Board::start(Clock::System.now(), &jobs).await;
    let home = Home::new(&board, &sink, Duration::from_secs(1));
    let mut service = Service::start(&home);
    service.polled(&board, STEADY + 1).await;
    // Not in the middle of a walk.
    tokio::time::sleep(Duration::from_millis(700)).await;
    board.forget();
    let cpu_before = service.cpu();
    board.finish(0..messages);
    let came = sink.wait_for(messages, PATIENCE).await;
    let cpu = service.cpu() - cpu_before;
    burst.memory = Some(service.memory());
    let (first, last) = (came[0].at, came[messages - 1].at);
    service.stop().await;
    sink.forget();
    let limit = posts_per_second(&sink.url, came[0].body.clone(), posts).await;

    let rate = |from: Instant| messages as f64 / (last - from).as_secs_f64();
    let (whole, sending) = (rate(board.asked().polls[0]), rate(first));
    burst.messages = messages;
    burst.whole.take(whole);
    burst.sending.take(sending);
    burst.limit.take(limit);
    burst.ratio.take(whole / limit);
    burst.sending_ratio.take(sending / limit);
    burst.cpu_s.take(cpu.as_secs_f64() * 1e3 / messages as f64);
}
