use crate::support::{Reply, Server, event_of};
use postrider_core::retry::RetryPolicy;
use postrider_core::webhook::Scope;
use postrider_engine::EngineOptions;
use std::time::{Duration, Instant};

fn threads() -> Vec<(String, f64)> {
    let mut v = std::collections::BTreeMap::<String, f64>::new();
    for t in std::fs::read_dir("/proc/self/task").unwrap() {
        let s = std::fs::read_to_string(t.unwrap().path().join("stat")).unwrap_or_default();
        let Some(close) = s.rfind(')') else { continue };
        let name = s[s.find('(').unwrap() + 1..close].to_owned();
        let f: Vec<&str> = s[close + 2..].split(' ').collect();
        let ticks: f64 = f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap();
        *v.entry(name).or_default() += ticks / 100.0;
    }
    v.into_iter().collect()
}

#[test]
fn perf() {
    let server = Server::start(1, EngineOptions::default());
    let fan: usize = std::env::var("FAN").ok().and_then(|v| v.parse().ok()).unwrap_or(1);
    for i in 0..fan {
        server.create_signed_webhook(&format!("w{i}"), Scope::Environment, RetryPolicy::Standard, Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLRmp"));
    }
    server.receivers.all(Reply::Status(200));
    let before = threads();
    let t = Instant::now();
    let n = 100_000 / fan;
    let engine = server.engine().clone();
    let env = server.environment();
    server.wait(async move {
        let mut set = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let engine = engine.clone();
            set.spawn(async move {
                for _ in 0..n / 64 {
                    engine.accept(env, vec![event_of(Some("t"), 600)], None).await.unwrap();
                }
            });
        }
        set.join_all().await;
    });
    let accepted = t.elapsed();
    server.until("all", || server.receivers.count() >= n / 64 * 64 * fan);
    let total = t.elapsed();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async { tokio::time::sleep(Duration::from_millis(300)).await });
    let deliveries = (n / 64 * 64 * fan) as f64;
    println!("accepted in {accepted:?}, delivered in {total:?}: {:.0}/s", deliveries / total.as_secs_f64());
    for (name, cpu) in threads() {
        let b = before.iter().find(|(n, _)| *n == name).map_or(0.0, |x| x.1);
        println!("{name}: {:.1} us/delivery", (cpu - b) / deliveries * 1e6);
    }
}
