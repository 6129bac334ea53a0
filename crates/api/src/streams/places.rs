//! The places that streams take: so many for each person, tenant, environment, and in all.
//!
//! Tenants' users and vendors are counted apart, so that the one cannot keep the other out.

use std::sync::Arc;

use postrider_core::EnvironmentId;
use postrider_core::event::TenantId;
use postrider_core::limits::{
    STREAMS_OF_TENANTS, STREAMS_OF_VENDOR, STREAMS_PER_CREDENTIAL, STREAMS_PER_SESSION, STREAMS_PER_TENANT,
};

use super::standing::Opener;
use crate::error::{ApiError, Code};
use crate::quota::{Quota, UnderWay};

/// Of how many the streams are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Share {
    Vendors,
    Tenants,
    VendorOf(EnvironmentId),
    TenantsOf(EnvironmentId),
    Tenant(EnvironmentId, TenantId),
    One(Opener),
}

/// Who has streams open, and how many.
#[derive(Debug)]
pub(crate) struct Places {
    /// In all.
    most: usize,
    taken: Arc<Quota<Share>>,
}

/// A place that is taken until it is dropped.
pub(super) type Place = UnderWay<Share>;

impl Places {
    /// So many in all: three quarters of them for tenants' users, the rest for vendors.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, taken: Quota::new() }
    }

    /// Takes a place, where each of its shares has one left.
    pub(super) fn take(&self, opener: Opener) -> Result<Place, ApiError> {
        self.taken.begin(self.shares(opener)).map_err(|(share, most)| refused(&share, most))
    }

    /// What a stream is counted with, the narrowest first, each with its limit.
    fn shares(&self, opener: Opener) -> Vec<(Share, usize)> {
        let for_vendors = (self.most / 4).max(1);
        let of_tenant = |environment: EnvironmentId, tenant: &TenantId| {
            vec![
                (Share::Tenant(environment, tenant.clone()), STREAMS_PER_TENANT),
                (Share::TenantsOf(environment), STREAMS_OF_TENANTS),
                (Share::Tenants, self.most.saturating_sub(for_vendors)),
            ]
        };
        let of_vendor = |environment: EnvironmentId| {
            vec![(Share::VendorOf(environment), STREAMS_OF_VENDOR), (Share::Vendors, for_vendors)]
        };
        let (own, mut shares) = match &opener {
            Opener::Credential(environment, _) => (STREAMS_PER_CREDENTIAL, of_vendor(*environment)),
            Opener::Console(environment, _) => (STREAMS_PER_SESSION, of_vendor(*environment)),
            // Whoever can open the socket can stop the server, too.
            Opener::Operator => return vec![(Share::Vendors, for_vendors)],
            // A token that names no user can be anybody's of the tenant.
            Opener::User(environment, tenant, None) => return of_tenant(*environment, tenant),
            Opener::Portal(environment, tenant, _) | Opener::User(environment, tenant, Some(_)) => {
                (STREAMS_PER_SESSION, of_tenant(*environment, tenant))
            }
        };
        shares.insert(0, (Share::One(opener), own));
        shares
    }
}

fn refused(share: &Share, most: usize) -> ApiError {
    let whose = match share {
        Share::Vendors | Share::Tenants => {
            return ApiError::new(Code::Overloaded, "this server has as many streams open as it can; try again later");
        }
        Share::VendorOf(_) => "the environment's vendor",
        Share::TenantsOf(_) => "the environment's tenants",
        Share::Tenant(..) => "the tenant",
        Share::One(Opener::Credential(..)) => "the credential",
        Share::One(Opener::User(..)) => "the user",
        Share::One(_) => "the session",
    };
    let detail = format!("{whose} can have {most} streams open at a time; close one, or try again later");
    ApiError::new(Code::TooManyAtOnce, detail)
}

#[cfg(test)]
mod tests {
    use postrider_core::event::UserId;
    use postrider_core::{CredentialId, Timestamp};
    use postrider_testkit::SeededEntropy;

    use super::*;

    fn take(places: &Places, opener: &Opener, count: usize) -> Vec<Place> {
        (0..count).map(|_| places.take(opener.clone()).expect("a place")).collect()
    }

    #[test]
    fn no_person_tenant_or_environment_keeps_others_out() {
        let (now, entropy) = (Timestamp::from_micros(1_700_000_000_000_000), SeededEntropy::new(5));
        let (one, two) = (EnvironmentId::new(now, &entropy), EnvironmentId::new(now, &entropy));
        let tenant = |id: &str| TenantId::parse(id).expect("a tenant");
        let user = |environment, of: &str, id: &str| {
            Opener::User(environment, tenant(of), Some(UserId::parse(id).expect("a user")))
        };
        let code = |places: &Places, opener: Opener| places.take(opener).expect_err("no place").code();
        let places = Places::new(1_000);
        let mut open = take(&places, &user(one, "t", "u0"), STREAMS_PER_SESSION);
        assert_eq!(code(&places, user(one, "t", "u0")), Code::TooManyAtOnce);
        for id in ["u1", "u2", "u3"] {
            open.extend(take(&places, &user(one, "t", id), STREAMS_PER_SESSION));
        }
        assert_eq!(code(&places, user(one, "t", "u4")), Code::TooManyAtOnce, "a tenant's users together");
        assert_eq!(code(&places, Opener::User(one, tenant("t"), None)), Code::TooManyAtOnce);
        for number in 1..STREAMS_OF_TENANTS / STREAMS_PER_TENANT {
            let anybody = Opener::User(one, tenant(&format!("t{number}")), None);
            open.extend(take(&places, &anybody, STREAMS_PER_TENANT));
        }
        assert_eq!(code(&places, user(one, "other", "u")), Code::TooManyAtOnce, "an environment's tenants together");
        let credential = Opener::Credential(one, CredentialId::new(now, &entropy));
        open.extend(take(&places, &credential, STREAMS_PER_CREDENTIAL));
        assert_eq!(code(&places, credential), Code::TooManyAtOnce);
        for number in 0..100 {
            let anybody = Opener::User(two, tenant(&format!("t{number}")), None);
            open.extend((0..3).map_while(|_| places.take(anybody.clone()).ok()));
        }
        assert_eq!(code(&places, user(two, "other", "u")), Code::Overloaded, "all tenants together");
        open.extend(take(&places, &Opener::Operator, 10));
        drop(open);
        assert!(places.taken.is_unused());
    }
}
