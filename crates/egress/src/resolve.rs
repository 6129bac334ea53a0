//! From a host name to all of its addresses.
//!
//! Owns the seam ([`Resolve`]) and the resolver that asks the system's name servers. Does not judge addresses: the connector
//! checks every answer, each time, whether it came from a cache or not.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use postrider_core::limits;

/// What a lookup comes to.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, ResolveError>> + Send + 'a>>;

/// Whether name servers answer.
pub type Telling<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// Looks names up.
pub trait Resolve: Send + Sync + 'static {
    /// All addresses of `host`, of both families, in order of preference. Never an empty list.
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a>;

    /// After the look-up of `host` has failed: whether the name servers answer now when they are asked for another name, as far as one
    /// can tell. Then the trouble is that name's own.
    fn answers_for_others<'a>(&'a self, _host: &'a str) -> Telling<'a> {
        Box::pin(std::future::ready(false))
    }
}

/// Why a name has no addresses for us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The name servers say that there is no such name, or that it has no address.
    #[error("the name {host} does not exist or has no address")]
    NotFound {
        /// The name.
        host: String,
    },
    /// The name servers did not say.
    #[error("the name {host} could not be looked up: {reason}")]
    Failed {
        /// The name.
        host: String,
        /// What happened.
        reason: String,
    },
}

/// The resolver of the system's configuration: `/etc/hosts`, then the name servers of `/etc/resolv.conf`.
///
/// Names are taken as absolute. A search list is a convenience for people on this machine; a tenant's `intranet` must not become
/// `intranet.corp.example`.
pub(crate) struct SystemResolver {
    hosts: Hosts,
    dns: TokioResolver,
    /// The same without a memory.
    asking: TokioResolver,
    /// The last two names that were found: what to ask for when another one fails.
    found: Mutex<[Option<Name>; 2]>,
}

impl SystemResolver {
    pub(crate) fn new() -> Result<Self, NetError> {
        let (config, options) = match hickory_resolver::system_conf::read_system_conf() {
            Ok(read) => read,
            Err(error) => {
                // The C library does the same where there is no configuration.
                tracing::warn!(%error, "no name server is configured; asking the one on this machine");
                let local = NameServerConfig::udp_and_tcp(IpAddr::from([127, 0, 0, 1]));
                (ResolverConfig::from_parts(None, Vec::new(), vec![local]), ResolverOpts::default())
            }
        };
        Self::with(&config, options, Hosts::from_system().unwrap_or_default())
    }

    fn with(config: &ResolverConfig, mut options: ResolverOpts, hosts: Hosts) -> Result<Self, NetError> {
        options.use_hosts_file = ResolveHosts::Never;
        options.cache_size = limits::DNS_CACHE_ENTRIES;
        options.positive_max_ttl = Some(limits::DNS_CACHED);
        options.negative_max_ttl = Some(limits::DNS_ABSENCE_CACHED);
        // Two rounds fit within the default deadline of an attempt and leave most of it to the endpoint.
        options.timeout = Duration::from_secs(2);
        options.attempts = 2;
        options.max_active_requests = limits::IN_FLIGHT;
        let build = |options: ResolverOpts| {
            let mut builder = TokioResolver::builder_with_config(config.clone(), TokioRuntimeProvider::default());
            *builder.options_mut() = options;
            builder.build()
        };
        let mut forgetful = options.clone();
        forgetful.cache_size = 0;
        Ok(Self { hosts, dns: build(options)?, asking: build(forgetful)?, found: Mutex::default() })
    }

    fn note_found(&self, name: Name) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found[0].as_ref() != Some(&name) {
            found[1] = found[0].replace(name);
        }
    }

    /// A name that was found and is not that one.
    fn other_than(&self, name: &Name) -> Option<Name> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.iter().flatten().find(|other| *other != name).cloned()
    }

    fn in_hosts_file(&self, name: &Name) -> Vec<IpAddr> {
        [RecordType::AAAA, RecordType::A]
            .into_iter()
            .filter_map(|kind| self.hosts.lookup_static_host(&Query::query(name.clone(), kind)))
            .flat_map(|lookup| addresses_in(&lookup).collect::<Vec<_>>())
            .collect()
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            let not_found = || ResolveError::NotFound { host: host.to_owned() };
            // A name that DNS cannot express does not exist.
            let mut name = Name::from_ascii(host).map_err(|_| not_found())?;
            name.set_fqdn(true);
            let mut found = self.in_hosts_file(&name);
            if !found.is_empty() {
                return Ok(found);
            }
            // Both families, always: the guard is to see every address that the name can lead to.
            let (v6, v4) = tokio::join!(
                self.dns.lookup(name.clone(), RecordType::AAAA),
                self.dns.lookup(name.clone(), RecordType::A)
            );
            let mut failed = None;
            for answer in [v6, v4] {
                match answer {
                    Ok(lookup) => found.extend(addresses_in(&lookup)),
                    Err(error) if says_no_such_name(&error) => {}
                    Err(error) => failed = Some(error),
                }
            }
            match failed {
                _ if !found.is_empty() => {
                    self.note_found(name);
                    Ok(found)
                }
                // The other family's silence says nothing about this one: the name may well have an address.
                Some(error) => Err(ResolveError::Failed { host: host.to_owned(), reason: error.to_string() }),
                None => Err(not_found()),
            }
        })
    }

    fn answers_for_others<'a>(&'a self, host: &'a str) -> Telling<'a> {
        Box::pin(async move {
            let Ok(mut name) = Name::from_ascii(host) else { return false };
            name.set_fqdn(true);
            let Some(other) = self.other_than(&name) else { return false };
            match self.asking.lookup(other, RecordType::A).await {
                Ok(_) => true,
                Err(error) => says_no_such_name(&error),
            }
        })
    }
}

fn addresses_in(lookup: &Lookup) -> impl Iterator<Item = IpAddr> {
    lookup.answers().iter().filter_map(|record| record.data.ip_addr())
}

/// Whether an authority said so: NXDOMAIN, or no record of the type. A server's failure also has "no records", but another code.
fn says_no_such_name(error: &NetError) -> bool {
    matches!(
        error,
        NetError::Dns(DnsError::NoRecordsFound(none))
            if matches!(none.response_code, ResponseCode::NXDomain | ResponseCode::NoError)
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use hickory_resolver::config::ConnectionConfig;
    use hickory_resolver::proto::op::Message;
    use hickory_resolver::proto::rr::{RData, Record};
    use tokio::net::UdpSocket;

    use super::*;

    /// A name server whose answers are a function of name and type.
    async fn name_server(asked: Arc<AtomicUsize>) -> ResolverConfig {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut connection = ConnectionConfig::udp();
        connection.port = socket.local_addr().unwrap().port();
        let mut server = NameServerConfig::udp([127, 0, 0, 1].into());
        server.connections = vec![connection];
        tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                asked.fetch_add(1, Ordering::SeqCst);
                let answer = answer(&Message::from_vec(&buffer[..length]).unwrap());
                socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
            }
        });
        ResolverConfig::from_parts(None, vec![Name::from_ascii("search.test.").unwrap()], vec![server])
    }

    fn answer(query: &Message) -> Message {
        let question = query.queries[0].clone();
        let mut answer = Message::response(query.id, query.op_code);
        answer.add_query(question.clone());
        let name = question.name().to_ascii().to_lowercase();
        let ip = match (name.as_str(), question.query_type()) {
            ("both.test." | "v4.test.", RecordType::A) => Some("192.0.2.1"),
            ("half-broken.test." | "intranet.search.test.", RecordType::A) => Some("192.0.2.2"),
            ("both.test.", RecordType::AAAA) => Some("2001:db8::1"),
            ("broken.test.", RecordType::A) | ("half-broken.test.", RecordType::AAAA) => {
                answer.metadata.response_code = ResponseCode::ServFail;
                None
            }
            ("refused.test.", _) => {
                answer.metadata.response_code = ResponseCode::Refused;
                None
            }
            ("nobody.test." | "intranet.", _) => {
                answer.metadata.response_code = ResponseCode::NXDomain;
                None
            }
            _ => None,
        };
        if let Some(ip) = ip {
            answer.add_answer(Record::from_rdata(
                question.name().clone(),
                60,
                RData::from(ip.parse::<IpAddr>().unwrap()),
            ));
        }
        answer
    }

    #[tokio::test]
    async fn what_name_servers_say_is_told_apart_from_their_failures() {
        let asked = Arc::new(AtomicUsize::new(0));
        let mut hosts = Hosts::default();
        hosts.read_hosts_conf(&b"192.0.2.9 listed.test\n"[..]).unwrap();
        let resolver = SystemResolver::with(&name_server(asked.clone()).await, ResolverOpts::default(), hosts).unwrap();
        let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();

        assert_eq!(resolver.resolve("listed.test").await, Ok(addresses(&["192.0.2.9"])));
        assert_eq!(asked.load(Ordering::SeqCst), 0, "the hosts file comes first");
        for (host, expected) in [
            ("both.test", vec!["2001:db8::1", "192.0.2.1"]),
            ("both.test.", vec!["2001:db8::1", "192.0.2.1"]),
            ("v4.test", vec!["192.0.2.1"]),
            ("half-broken.test", vec!["192.0.2.2"]),
        ] {
            assert_eq!(resolver.resolve(host).await, Ok(addresses(&expected)), "{host}");
        }
        for host in ["nobody.test", "empty.test", "intranet", "not..a.name"] {
            assert_eq!(resolver.resolve(host).await, Err(ResolveError::NotFound { host: host.to_owned() }));
        }
        for host in ["broken.test", "refused.test"] {
            let failed = resolver.resolve(host).await;
            assert!(matches!(failed, Err(ResolveError::Failed { .. })), "{host}: {failed:?}");
        }

        let before = asked.load(Ordering::SeqCst);
        resolver.resolve("both.test").await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), before, "answers are remembered as long as they allow");
        assert!(resolver.answers_for_others("broken.test").await);
        assert_eq!(asked.load(Ordering::SeqCst), before + 1, "but not to tell whether name servers answer");
    }

    #[tokio::test]
    async fn whether_name_servers_answer_is_asked_by_another_name_that_was_found() {
        let asked = Arc::new(AtomicUsize::new(0));
        let config = name_server(asked.clone()).await;
        let resolver = SystemResolver::with(&config, ResolverOpts::default(), Hosts::default()).unwrap();
        assert!(!resolver.answers_for_others("broken.test").await, "nothing is known");
        resolver.resolve("v4.test").await.unwrap();
        assert!(!resolver.answers_for_others("v4.test").await, "the name itself says nothing");
        assert!(resolver.answers_for_others("broken.test").await);
        resolver.resolve("both.test").await.unwrap();
        assert!(resolver.answers_for_others("both.test").await);
    }

    #[test]
    fn the_systems_configuration_is_usable_outside_of_a_runtime() {
        assert!(SystemResolver::new().is_ok());
    }
}
