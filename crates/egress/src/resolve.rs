//! From a host name to all of its addresses.
//!
//! Owns the seam ([`Resolve`]) and the resolver that asks the system's name servers. Does not judge addresses: the connector
//! checks every answer, each time, whether it came from a cache or not.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use hickory_resolver::config::{LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use postrider_core::limits;

/// What a lookup comes to.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, ResolveError>> + Send + 'a>>;

/// Looks names up.
pub trait Resolve: Send + Sync + 'static {
    /// All addresses of `host`, of both families, in order of preference. Never an empty list.
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a>;
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
}

impl SystemResolver {
    pub(crate) fn new() -> Result<Self, NetError> {
        let provider = TokioRuntimeProvider::default();
        let (config, mut options) = match hickory_resolver::system_conf::read_system_conf() {
            Ok(read) => read,
            Err(error) => {
                // The C library does the same where there is no configuration.
                tracing::warn!(%error, "no name server is configured; asking the one on this machine");
                let local = NameServerConfig::udp_and_tcp(IpAddr::from([127, 0, 0, 1]));
                (ResolverConfig::from_parts(None, Vec::new(), vec![local]), ResolverOpts::default())
            }
        };
        options.ip_strategy = LookupIpStrategy::Ipv6AndIpv4;
        options.use_hosts_file = ResolveHosts::Never;
        options.cache_size = limits::DNS_CACHE_ENTRIES;
        options.positive_max_ttl = Some(limits::DNS_CACHED);
        options.negative_max_ttl = Some(limits::DNS_ABSENCE_CACHED);
        // Two rounds fit within the default deadline of an attempt and leave most of it to the endpoint.
        options.timeout = Duration::from_secs(2);
        options.attempts = 2;
        options.max_active_requests = limits::IN_FLIGHT;
        let mut builder = TokioResolver::builder_with_config(config, provider);
        *builder.options_mut() = options;
        Ok(Self { hosts: Hosts::from_system().unwrap_or_default(), dns: builder.build()? })
    }

    fn in_hosts_file(&self, name: &Name) -> Vec<IpAddr> {
        [RecordType::AAAA, RecordType::A]
            .into_iter()
            .filter_map(|kind| self.hosts.lookup_static_host(&Query::query(name.clone(), kind)))
            .flat_map(|lookup| lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect::<Vec<_>>())
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
            let listed = self.in_hosts_file(&name);
            if !listed.is_empty() {
                return Ok(listed);
            }
            match self.dns.lookup_ip(name).await {
                Ok(found) => {
                    let addresses: Vec<IpAddr> = found.iter().collect();
                    if addresses.is_empty() { Err(not_found()) } else { Ok(addresses) }
                }
                Err(error) if says_no_such_name(&error) => Err(not_found()),
                Err(error) => Err(ResolveError::Failed { host: host.to_owned(), reason: error.to_string() }),
            }
        })
    }
}

/// Whether an authority said so: NXDOMAIN, or no record of the type. A server's failure also has "no records", but another code.
fn says_no_such_name(error: &NetError) -> bool {
    use hickory_resolver::net::DnsError;
    use hickory_resolver::proto::op::ResponseCode;
    matches!(
        error,
        NetError::Dns(DnsError::NoRecordsFound(none))
            if matches!(none.response_code, ResponseCode::NXDomain | ResponseCode::NoError)
    )
}
