//! Connections that wait for their next request.
//!
//! Owns which connection may serve whom: the key holds everything that must not be mixed. The proxy is not part of it because an
//! [`crate::Egress`] has one pool and one proxy. Opens no connection.
//!
//! Invariants: no more idle connections than [`limits::IDLE_CONNECTIONS`], no more shared ones than [`limits::SHARED_CONNECTIONS`], or
//! fewer of both where fewer files can be open; per key no more than [`limits::IDLE_CONNECTIONS_PER_KEY`] and
//! [`limits::SHARED_CONNECTIONS_PER_KEY`]; the one used last is used next, so that a burst's surplus grows old and goes;
//! locks are held for a look-up and never across an await.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use aws_lc_rs::digest;
use hashbrown::HashTable;
use postrider_core::{EnvironmentId, limits};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::exchange::{Http1, Http2, Seat};
use crate::tls::ClientIdentity;

/// Few enough to walk through, enough that threads seldom meet.
const SHARDS: usize = 16;

/// Whose connections these are. Requests of one scope never travel on a connection of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PoolScope(u128);

impl PoolScope {
    /// The scope of that number; for scopes that are neither an environment's nor a tenant's.
    pub const fn new(number: u128) -> Self {
        Self(number)
    }

    /// The scope of a tenant, or of the environment itself: a hash, so that no name of a tenant can be chosen to meet another's.
    pub fn of(environment: EnvironmentId, tenant: Option<&str>) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(environment.as_bytes());
        // A tenant with an empty name is not the environment.
        if let Some(tenant) = tenant {
            context.update(&[1]);
            context.update(tenant.as_bytes());
        }
        let mut half = [0; 16];
        half.copy_from_slice(&context.finish().as_ref()[..16]);
        Self(u128::from_be_bytes(half))
    }

    /// The scope of those who show that certificate besides.
    pub(crate) fn showing(self, identity: &ClientIdentity) -> Self {
        Self(self.0 ^ identity.fingerprint())
    }
}

/// What a connection is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key<'a> {
    pub(crate) scope: PoolScope,
    pub(crate) tls: bool,
    /// As in the URL: normalised, addresses in brackets.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
}

/// A connection from the pool.
pub(crate) enum Reused {
    Http1(Box<Http1>),
    Http2(Seat),
}

/// The pool.
pub(crate) struct Pool {
    shards: [Mutex<HashTable<Slot>>; SHARDS],
    hasher: RandomState,
    idle: AtomicUsize,
    most_idle: usize,
    /// HTTP/2 connections that are kept, and how many that may be.
    shared: Arc<AtomicUsize>,
    most_shared: usize,
    sweeping: AtomicBool,
    tasks: TaskTracker,
    stop: CancellationToken,
}

struct Slot {
    hash: u64,
    scope: PoolScope,
    tls: bool,
    host: Box<str>,
    port: u16,
    /// Oldest first.
    idle: VecDeque<Idle>,
    shared: Vec<Shared>,
}

struct Idle {
    connection: Box<Http1>,
    since: Instant,
}

struct Shared {
    connection: Arc<Http2>,
    used: Instant,
    _counted: Counted,
}

/// Counts for as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    /// A pool whose upkeep is tracked by `tasks` and ends with `stop`. `most`: the connections of each kind.
    pub(crate) fn new(most: Option<usize>, tasks: TaskTracker, stop: CancellationToken) -> Self {
        let most = most.unwrap_or(usize::MAX).max(1);
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            idle: AtomicUsize::new(0),
            most_idle: most.min(limits::IDLE_CONNECTIONS),
            shared: Arc::default(),
            most_shared: most.min(limits::SHARED_CONNECTIONS),
            sweeping: AtomicBool::new(false),
            tasks,
            stop,
        }
    }

    /// HTTP/1 connections that wait.
    pub(crate) fn idle(&self) -> usize {
        self.idle.load(Ordering::Relaxed)
    }

    /// A connection that is good for `key` and alive as far as is known; one of HTTP/1 was idle for less than `most`. Shared ones are taken
    /// however long they were unused: of HTTP/2 a receiver says which requests it did not look at before it closed.
    pub(crate) fn take(&self, key: &Key<'_>, most: Duration) -> Option<Reused> {
        let hash = self.hasher.hash_one(key);
        loop {
            let mut idle = {
                let mut shard = self.shard(hash);
                let slot = shard.find_mut(hash, |slot| slot.is_for(key))?;
                if let Some(seat) = slot.seat() {
                    return Some(Reused::Http2(seat));
                }
                let idle = slot.idle.pop_back()?;
                self.idle.fetch_sub(1, Ordering::Relaxed);
                idle
            };
            let waited = idle.since.elapsed();
            if waited >= most {
                // All others waited longer. Of these only this one is closed: what is opened in its place comes back instead of it.
                return None;
            }
            if waited < idle.connection.kept_for && idle.connection.is_alive() {
                return Some(Reused::Http1(idle.connection));
            }
        }
    }

    /// Takes a connection in that has nothing to do.
    pub(crate) fn put(self: &Arc<Self>, key: &Key<'_>, connection: Box<Http1>) {
        let hash = self.hasher.hash_one(key);
        if self.idle.load(Ordering::Relaxed) >= self.most_idle {
            self.close_an_old_one(hash);
        }
        // What is closed for it is dropped after the lock.
        let _surplus = {
            let mut shard = self.shard(hash);
            if self.stop.is_cancelled() {
                return;
            }
            let slot = slot_for(&mut shard, hash, key);
            // One host leaves a quarter of all places to others.
            let most = limits::IDLE_CONNECTIONS_PER_KEY.min((self.most_idle / 4 * 3).max(1));
            let surplus = if slot.idle.len() >= most { slot.idle.pop_front() } else { None };
            slot.idle.push_back(Idle { connection, since: Instant::now() });
            if surplus.is_none() {
                self.idle.fetch_add(1, Ordering::Relaxed);
            }
            surplus
        };
        self.keep_swept();
    }

    /// Closes the connection that has waited longest in a key's shard, or else in the next one where any waits.
    fn close_an_old_one(&self, hash: u64) {
        let first = shard_of(hash);
        for shard in self.shards[first..].iter().chain(&self.shards[..first]) {
            let closed = remove_oldest(&mut lock(shard));
            if closed.is_some() {
                self.idle.fetch_sub(1, Ordering::Relaxed);
                return;
            }
        }
    }

    /// Makes a connection available to all with this key, and takes the first seat. Where another one has room already, that one is
    /// used and the new one closed: many requests at once opened it at the same time. Where too many are in use, it serves this one
    /// request.
    pub(crate) fn share(self: &Arc<Self>, key: &Key<'_>, connection: &Arc<Http2>) -> Option<Seat> {
        let hash = self.hasher.hash_one(key);
        self.make_room_for_shared();
        let seat = {
            let mut shard = self.shard(hash);
            if self.stop.is_cancelled() {
                return connection.seat();
            }
            let slot = slot_for(&mut shard, hash, key);
            match slot.seat() {
                Some(seat) => return Some(seat),
                None if slot.shared.len() < limits::SHARED_CONNECTIONS_PER_KEY => {
                    if let Some(counted) = self.count_shared() {
                        let (connection, used) = (connection.clone(), Instant::now());
                        slot.shared.push(Shared { connection, used, _counted: counted });
                    }
                }
                None => {}
            }
            connection.seat()
        };
        self.keep_swept();
        seat
    }

    /// A place among the shared connections, if there is one.
    fn count_shared(&self) -> Option<Counted> {
        let more = |count| (count < self.most_shared).then_some(count + 1);
        self.shared.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Counted(self.shared.clone()))
    }

    /// Closes a shared connection that nobody uses, where there are as many as there may be.
    fn make_room_for_shared(&self) {
        if self.shared.load(Ordering::Relaxed) < self.most_shared {
            return;
        }
        for shard in &self.shards {
            let closed = lock(shard).iter_mut().find_map(|slot| {
                let unused = slot.shared.iter().position(|shared| shared.connection.is_idle())?;
                Some(slot.shared.swap_remove(unused))
            });
            if closed.is_some() {
                return;
            }
        }
    }

    /// Closes everything that waits. Nothing comes in any more once the pool's `stop` was given.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            let slots = mem::take(&mut *lock(shard));
            let idle: usize = slots.iter().map(|slot| slot.idle.len()).sum();
            self.idle.fetch_sub(idle, Ordering::Relaxed);
        }
    }

    /// Closes what has waited too long or was closed by the other side. Tells whether anything is left.
    fn sweep(&self) -> bool {
        let mut left = false;
        for shard in &self.shards {
            let mut gone = Vec::new();
            let mut over = Vec::new();
            let mut slots = lock(shard);
            slots.retain(|slot| {
                for _ in 0..slot.idle.len() {
                    let Some(mut idle) = slot.idle.pop_front() else { break };
                    let is_over = idle.since.elapsed() >= idle.connection.kept_for || !idle.connection.is_alive();
                    if is_over { gone.push(idle) } else { slot.idle.push_back(idle) }
                }
                over.extend(slot.shared.extract_if(.., |shared| {
                    let stale = shared.connection.is_idle() && shared.used.elapsed() >= limits::CONNECTION_IDLE;
                    stale || shared.connection.is_over()
                }));
                !slot.is_empty()
            });
            self.idle.fetch_sub(gone.len(), Ordering::Relaxed);
            left |= !slots.is_empty();
        }
        left
    }

    /// Sees to it that a sweeper runs while there is something to sweep.
    fn keep_swept(self: &Arc<Self>) {
        if self.sweeping.load(Ordering::Acquire) || self.sweeping.swap(true, Ordering::AcqRel) {
            return;
        }
        self.tasks.spawn(sweep_until_empty(Arc::downgrade(self), self.stop.clone()));
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, HashTable<Slot>> {
        lock(&self.shards[shard_of(hash)])
    }
}

fn shard_of(hash: u64) -> usize {
    // The table uses the low and the highest bits; these are neither.
    usize::try_from((hash >> 48) & 0xff).unwrap_or(0) % SHARDS
}

async fn sweep_until_empty(pool: Weak<Pool>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(limits::CONNECTION_IDLE / 6) => {}
        }
        let Some(pool) = pool.upgrade() else { return };
        if !pool.sweep() {
            pool.sweeping.store(false, Ordering::Release);
            // Something may have come in between; then whoever is first goes on sweeping.
            if !pool.sweep() || pool.sweeping.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }
}

/// A connection's state has no invariant that a panic elsewhere could have broken half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn slot_for<'t>(shard: &'t mut HashTable<Slot>, hash: u64, key: &Key<'_>) -> &'t mut Slot {
    shard
        .entry(hash, |slot| slot.is_for(key), |slot| slot.hash)
        .or_insert_with(|| Slot {
            hash,
            scope: key.scope,
            tls: key.tls,
            host: key.host.into(),
            port: key.port,
            idle: VecDeque::new(),
            shared: Vec::new(),
        })
        .into_mut()
}

/// Removes the connection of a shard that has waited longest, and its slot if nothing else is in it.
fn remove_oldest(shard: &mut HashTable<Slot>) -> Option<Idle> {
    let oldest = shard.iter().filter(|slot| !slot.idle.is_empty()).min_by_key(|slot| slot.idle[0].since)?;
    let hash = oldest.hash;
    let mut slot = shard.find_entry(hash, |slot| slot.hash == hash && !slot.idle.is_empty()).ok()?;
    let removed = slot.get_mut().idle.pop_front();
    if slot.get().is_empty() {
        slot.remove();
    }
    removed
}

impl Slot {
    fn is_for(&self, key: &Key<'_>) -> bool {
        self.scope == key.scope && self.port == key.port && self.tls == key.tls && *self.host == *key.host
    }

    fn is_empty(&self) -> bool {
        self.idle.is_empty() && self.shared.is_empty()
    }

    fn seat(&mut self) -> Option<Seat> {
        self.shared.retain(|shared| !shared.connection.is_over());
        self.shared.iter_mut().find_map(|shared| {
            let seat = shared.connection.seat()?;
            shared.used = Instant::now();
            Some(seat)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use http::HeaderValue;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::exchange::{About, Spawner, http2_over};
    use crate::wire::Stream;

    #[tokio::test]
    async fn shared_connections_are_bounded_and_make_room_for_who_needs_one() {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let pool = Arc::new(Pool { most_shared: 2, ..Pool::new(None, tasks.clone(), stop.clone()) });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let to = listener.local_addr().unwrap();
        let share = async |port: u16| {
            let stream = Stream::Tcp(TcpStream::connect(to).await.unwrap());
            let host = HeaderValue::from_static("example.com");
            let about = About { host, address: IpAddr::V4(Ipv4Addr::LOCALHOST), opened: Instant::now() };
            let executor = Spawner { tasks: tasks.clone(), stop: stop.child_token() };
            let guard = executor.stop.clone().drop_guard();
            let connection = http2_over(stream, about, executor, guard).await.unwrap();
            let key = Key { scope: PoolScope::new(1), tls: true, host: "example.com", port };
            pool.share(&key, &connection).expect("it serves its own request in any case")
        };
        let is_kept = |port| {
            let key = Key { scope: PoolScope::new(1), tls: true, host: "example.com", port };
            pool.take(&key, limits::CONNECTION_IDLE).is_some()
        };
        let kept = || pool.shared.load(Ordering::Relaxed);
        let first = share(1).await;
        drop(share(2).await);
        let third = share(3).await;
        assert_eq!((is_kept(1), is_kept(2), is_kept(3), kept()), (true, false, true, 2), "the unused one goes");
        drop(share(4).await);
        assert_eq!((is_kept(1), is_kept(3), is_kept(4), kept()), (true, true, false, 2), "what is in use stays");
        drop((first, third));
        pool.clear();
        assert_eq!(kept(), 0);
    }

    #[test]
    fn scopes_of_tenants_differ_from_each_other_and_from_their_environments() {
        let environment =
            |last: &str| format!("018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8{last}").parse::<EnvironmentId>().unwrap();
        let scopes = [
            PoolScope::of(environment("1"), None),
            PoolScope::of(environment("1"), Some("")),
            PoolScope::of(environment("1"), Some("a")),
            PoolScope::of(environment("2"), Some("a")),
        ];
        for (index, scope) in scopes.iter().enumerate() {
            assert_eq!(scopes.iter().filter(|other| *other == scope).count(), 1, "{index}");
        }
        assert_eq!(PoolScope::of(environment("1"), Some("a")), scopes[2]);
    }
}
